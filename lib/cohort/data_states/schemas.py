"""The states of the data as types, their Spark schemas, and the names of columns.

Each stage takes a frame in one state and returns the next, so mypy refuses a pipeline that leaves out a stage. At run
time a stage checks its input with `require_columns` and, after pseudonymisation, with `forbid_columns`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NewType

from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    IntegerType,
    StringType,
    StructField,
    StructType,
)

DeliveredRows = NewType("DeliveredRows", DataFrame)
"""Rows as schools sent them: text by canonical column, with the number of their delivery."""
AcceptedResults = NewType("AcceptedResults", DataFrame)
"""Typed results that satisfy every validation rule; pupils are identified."""
QuarantinedRows = NewType("QuarantinedRows", DataFrame)
"""Refused rows as sent, with the codes of the rules that they break."""
InstructedResults = NewType("InstructedResults", DataFrame)
"""Accepted results that a project selects, each marked with whether its school gave an instruction."""
ConsentedResults = NewType("ConsentedResults", DataFrame)
"""Instructed results, without the special-category values of pupils who have not consented."""
PupilRecords = NewType("PupilRecords", DataFrame)
"""One row per pupil, from instructed rows: number, school, other schools, and one leaf number per column."""
AdmittedRecords = NewType("AdmittedRecords", DataFrame)
"""Pupil records, each marked with whether the pupil has an objection in force."""
PseudonymisedRecords = NewType("PseudonymisedRecords", DataFrame)
"""Pupil records with keyed pseudonyms in place of pupil numbers and school codes; of pupils who may not be used, counts
and nothing else.
"""
GeneralisedRecords = NewType("GeneralisedRecords", DataFrame)
"""Released values, with the control columns that only the verifier reads."""

PUPIL_CONTROL = "_pupil"
SCHOOL_CONTROL = "_school"
OTHER_SCHOOLS_CONTROL = "_others"
CONTROL_COLUMNS = (PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL)
"""Pseudonyms of the pupil, its school and its other schools; they stand in a staged release only."""

PSEUDONYM_COLUMNS = ("pupil", "school")
"""Released by a pseudonymous project beside its columns: `_pupil` and `_school` in lower-case hexadecimal."""

FILE_LINE = "line"
"""Column of a delivered row: its line number in the file, where the reader knows it."""
FILE_PIECE = "_piece"
"""Column of a delivered row: where the part of the file begins that it was read with."""
DELIVERY_NUMBER = "levering_nr"
"""The number of the delivery of a row; deliveries are numbered in the order of ingestion."""
CORRUPT_LINE = "_corrupt"
"""A line as sent that could not be read as a row; otherwise null."""
READER_REASON = "_given"
"""The reason code with which the reader of a file refused a row; otherwise null."""

INSTRUCTED_SCHOOL = "_instructed_school"
"""Column of a selected result: the number of its school, where the school, or its site, gave an instruction."""
PGN, HOME_SCHOOL, OTHER_SCHOOLS = "pgn", "school", "_elsewhere"
"""Columns of a pupil record: number, school of the latest row, other schools."""
SELECTED_ROW_COUNT, ROW_COUNT, SHOWN_ROW_COUNT = "_selected", "_rows", "_used"
"""Columns of a pupil record: numbers of selected rows, of those with an instruction, and of those that are shown."""
OBJECTED = "_objected"
"""Column of a pupil record: whether the pupil may not be used because of an objection."""
EXACT_SCORES = "_exact"
"""Column of a pupil record: the exact scores behind the columns of scores, in the order of `Project.score_columns`.

They are whole numbers in the unit of the column (`DeclaredColumn.score_unit`), null where the pupil has no score. They
stand in restricted frames alone; what is released of them is a function of whole classes.
"""
UNLISTED_LEAF = -1
"""The leaf number of a value that is not in the hierarchy."""

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
"""Columns that are read from a delivery, found by name in any order; other columns are never read."""

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
"""Columns that describe the pupil, which a project may select."""

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
"""Names of columns that never leave the restricted zone, except `PSEUDONYM_COLUMNS` in a pseudonymous release. No
project can give one of these names to a column of its own.
"""

SCORE_TYPE = DecimalType(7, 2)
MEAN_TYPE = DecimalType(9, 2)
"""The type of a released class mean, which is as exact as a score."""

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
"""Schema of `restricted/results`. `peildag` is the day of the test, or the first day of its period where only that is
known; `levering_nr` numbers deliveries in the order of ingestion; `batch` numbers runs of ingestion.
"""
RESULTS_PARTITION = ("batch", "schooljaar")
"""By which the data files of results are laid out: a project reads only the files of its school years."""


def make_stage_schema(
    columns: Sequence[str], pseudonyms: tuple[str, ...] = (), bounds: Collection[str] = (), means: Collection[str] = ()
) -> StructType:
    """Make the schema of a staged release: its columns and pseudonyms, then the control columns.

    Args:
        columns: the released columns in their order, bounds and class means included.
        pseudonyms: the pseudonym columns.
        bounds: which columns are bounds of a band: whole numbers, or null.
        means: which columns are class means: decimal numbers, or null. Every other column is text.
    """
    types: dict[str, DataType] = {**dict.fromkeys(bounds, IntegerType()), **dict.fromkeys(means, MEAN_TYPE)}
    return StructType(
        [
            *(StructField(name, types.get(name, StringType()), name in types) for name in (*columns, *pseudonyms)),
            StructField(PUPIL_CONTROL, BinaryType(), False),
            StructField(SCHOOL_CONTROL, BinaryType(), False),
            StructField(OTHER_SCHOOLS_CONTROL, ArrayType(BinaryType())),
        ]
    )


def require_columns(frame: DataFrame, schema: StructType) -> None:
    """Check that a frame has every column of a schema, with its type; further columns are allowed.

    Raises:
        TypeError: a column is missing or has another type, which is a defect of the pipeline.
    """
    types = {field.name: field.dataType for field in frame.schema.fields}
    lacking = [field.name for field in schema.fields if types.get(field.name) != field.dataType]
    if lacking:
        raise TypeError(f"a stage got a frame without these columns, or with another type of them: {lacking}")


def forbid_columns(frame: DataFrame, names: frozenset[str] = IDENTIFYING_COLUMNS) -> None:
    """Check that a frame has none of the named columns.

    Raises:
        TypeError: it has one, which is a defect of the pipeline.
    """
    forbidden = sorted(names.intersection(frame.columns))
    if forbidden:
        raise TypeError(f"a stage after pseudonymisation got identifying columns: {forbidden}")
