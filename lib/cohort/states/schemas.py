"""The states of the data, as types and as schemas.

Each stage takes one state and gives the next; mypy refuses a pipeline that forgets one. At run time a
stage begins with `require` and, after the numbers are gone, with `forbid`.
"""

from __future__ import annotations

from typing import NewType

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    IntegerType,
    StringType,
    StructField,
    StructType,
)

DeliveredRows = NewType("DeliveredRows", DataFrame)
"""Schools' rows as sent: strings by canonical name, with the number of the delivery they came in."""
AcceptedResults = NewType("AcceptedResults", DataFrame)
"""Typed results that met every rule, identified."""
QuarantinedRows = NewType("QuarantinedRows", DataFrame)
"""Refused rows as sent, with the codes of the rules they broke."""
InstructedResults = NewType("InstructedResults", DataFrame)
"""Accepted results of the selection, of schools with an instruction in force."""
AdmittedResults = NewType("AdmittedResults", DataFrame)
"""The same, of pupils without an objection in force."""
ConsentedResults = NewType("ConsentedResults", DataFrame)
"""The same, without the special-category values of pupils who have not consented."""
PupilRecords = NewType("PupilRecords", DataFrame)
"""One row per pupil: number, school, further schools, one leaf number per column of the project."""
PseudonymisedRecords = NewType("PseudonymisedRecords", DataFrame)
"""The same with keyed pseudonyms in place of the numbers."""
GeneralisedRecords = NewType("GeneralisedRecords", DataFrame)
"""Released values and the control columns that only the verifier reads."""

PUPIL_CONTROL = "_pupil"
SCHOOL_CONTROL = "_school"
OTHER_SCHOOLS_CONTROL = "_others"
CONTROL_COLUMNS = (PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL)

PSEUDONYM_COLUMNS = ("pupil", "school")
"""Released beside the columns of a pseudonymous project: `_pupil` and `_school` in lower-case hexadecimal."""

DELIVERY_NUMBER = "levering_nr"
"""The number of the delivery that a row came in; deliveries count in the order of intake."""
CORRUPT_LINE = "_corrupt"
"""A line as sent that could not be read as a row, else null."""
READER_REASON = "_given"
"""A reason code that the reader of a file gave a row, else null."""

PGN, HOME_SCHOOL, OTHER_SCHOOLS, ROW_COUNT, SHOWN_ROW_COUNT = "pgn", "school", "_elsewhere", "_rows", "_used"
"""Of a pupil record: number, school of the latest row, further schools, how many rows, how many shown."""
UNLISTED_LEAF = -1
"""The leaf number of a value that the hierarchy does not have."""

CANONICAL_COLUMNS = (
    "brin",
    "vestiging",
    "schooljaar",
    "pgn",
    "geboortedatum",
    "geslacht",
    "jaargroep",
    "groep_key",
    "leerkracht_key",
    "gewicht",
    "postcode4",
    "thuistaal",
    "opleiding_ouders",
    "ses",
    "combinatiegroep",
    "schooltype",
    "toetscode",
    "toetsversie",
    "afnamedatum",
    "afnameperiode",
    "ruwe_score",
    "vaardigheidsscore",
    "niveau_AE",
    "niveau_IV",
    "bron_result_key",
)
"""Columns of the canonical dialect, found by name in any order; others are never read on."""

SCORE_COLUMNS = ("ruwe_score", "vaardigheidsscore", "niveau_AE", "niveau_IV")
REQUIRED_COLUMNS = ("brin", "schooljaar", "pgn", "toetscode")

PUPIL_ATTRIBUTES = (
    "geslacht",
    "jaargroep",
    "gewicht",
    "thuistaal",
    "opleiding_ouders",
    "ses",
    "combinatiegroep",
    "schooltype",
    "postcode4",
    "geboortedatum",
)
"""What of a pupil itself a project may ask for."""

IDENTIFYING_COLUMNS = frozenset(
    {
        "pgn",
        "pgn_raw",
        "pgn_soort",
        "bsn",
        "onderwijsnummer",
        "sofinummer",
        "rijksregisternummer",
        "eckid",
        "leerlingid",
        "brin",
        "vestiging",
        "dependancecode",
        "schoolkey",
        "oin",
        "school",
        "groep_key",
        "groep",
        "leerkracht_key",
        "bron_result_key",
        "levering_id",
        "levering_nr",
        "achternaam",
        "voornamen",
        "roepnaam",
        "voorletters",
        "email",
        "gebruikersnaam",
        "groepsgrootte",
        "schoolgrootte",
        "afnamedatum",
        "ontvangen_op",
        "auteur",
        "pupil",
    }
)
"""Names of columns that never leave the restricted zone; but for `PSEUDONYMS` of a pseudonymous release,
which no project can give to a column of its own.
"""

SCORE_TYPE = DecimalType(7, 2)

RESULTS_SCHEMA = StructType(
    [
        StructField("pgn", StringType(), False),
        StructField("pgn_soort", StringType(), False),
        StructField("brin", StringType(), False),
        StructField("vestiging", StringType(), False),
        StructField("schooljaar", StringType(), False),
        StructField("jaargroep", StringType()),
        StructField("geboortedatum", DateType()),
        StructField("geslacht", StringType()),
        StructField("groep_key", StringType()),
        StructField("leerkracht_key", StringType()),
        StructField("gewicht", StringType()),
        StructField("postcode4", StringType()),
        StructField("thuistaal", StringType()),
        StructField("opleiding_ouders", StringType()),
        StructField("ses", StringType()),
        StructField("combinatiegroep", StringType()),
        StructField("schooltype", StringType()),
        StructField("toetscode", StringType(), False),
        StructField("toetsversie", StringType(), False),
        StructField("domein", StringType(), False),
        StructField("schaal", StringType(), False),
        StructField("bijzonder", BooleanType(), False),
        StructField("afnamedatum", DateType()),
        StructField("afnameperiode", StringType(), False),
        StructField("peildag", DateType(), False),
        StructField("ruwe_score", IntegerType()),
        StructField("vaardigheidsscore", SCORE_TYPE),
        StructField("niveau_AE", StringType()),
        StructField("niveau_IV", StringType()),
        StructField("bron_result_key", StringType()),
        StructField("levering_nr", IntegerType(), False),
        StructField("batch", IntegerType(), False),
    ]
)
"""`restricted/results`. `peildag` is the day of the test, or the first day of its moment when only that
is known; `levering_nr` counts deliveries in the order of intake; `batch` counts runs of intake."""


def make_stage_schema(columns: list[str], pseudonyms: tuple[str, ...] = ()) -> StructType:
    """The stage of a release: its columns and its pseudonyms, if any, as text, then the control columns."""
    return StructType(
        [
            *(StructField(name, StringType(), False) for name in (*columns, *pseudonyms)),
            StructField(PUPIL_CONTROL, BinaryType(), False),
            StructField(SCHOOL_CONTROL, BinaryType(), False),
            StructField(OTHER_SCHOOLS_CONTROL, ArrayType(BinaryType())),
        ]
    )


def require_columns(frame: DataFrame, state: StructType) -> None:
    """Hold a stage to the state it takes: a missing column or another type is a defect."""
    found = {field.name: field.dataType for field in frame.schema.fields}
    wrong = [f.name for f in state.fields if found.get(f.name) != f.dataType]
    if wrong:
        raise TypeError(f"a stage was given a frame without, or with another type of: {wrong}")


def forbid_columns(frame: DataFrame, names: frozenset[str] = IDENTIFYING_COLUMNS) -> None:
    """Hold a stage to what it may no longer carry."""
    carried = sorted(names.intersection(frame.columns))
    if carried:
        raise TypeError(f"a stage behind pseudonymise was given identifying columns: {carried}")
