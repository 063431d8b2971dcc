"""Validation of single rows: typed values and the reason codes of every rule that a row breaks, in one pass.

In go delivered rows as text, out come accepted and refused rows together; called by `validated_rows`. A rule never
corrects a value. The one mending there is, of a pupil number that lost leading zeros or has other marks in it, is
proved by the elfproef and counted. Only codes, never values, leave the restricted zone.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Catalogue
from cohort.data_states import (
    CANONICAL_COLUMNS,
    CORRUPT_LINE,
    DELIVERY_NUMBER,
    FILE_LINE,
    FILE_PIECE,
    MAX_PARTITIONS,
    READER_REASON,
    RESULTS_SCHEMA,
    AcceptedResults,
    DeliveredRows,
    QuarantinedRows,
    break_codegen,
    make_local_frame,
)
from cohort.delivery_formats import ROW_BROKEN, lasting_result_key_sql
from cohort.ingestion import validation_rules
from cohort.ingestion.validation_rules import (
    CANONICAL_CODE,
    DELIVERED_VALUE,
    DELIVERED_VALUES,
    HEADER_REPEATED,
    MENDED,
    NO_RESULT,
    PARTIAL,
    UNREADABLE_LINE_CODES,
)

CODES, RAW, ROW = "_codes", "_raw", "_row"
"""Columns of a validated row: its reason codes, its values as sent, its order within a part of a file."""
RESULT_HASH, ROW_HASH = "_same_result", "_same_row"
"""Columns of a validated row: hashes of what tells its result, and its line, from others of the file."""
PARSED_COLUMNS = ("pgn", "vestiging", "geboortedatum", "afnamedatum", "ruwe_score", "vaardigheidsscore")
"""Columns that are compared by value: `7,5` and `7,50`, or a lost zero, make no other line; nor does another spelling
of a code."""


def validate_rows(
    delivered: DeliveredRows | DataFrame,
    catalogue: Catalogue,
    today: dt.date,
    newest_numbers: Mapping[str, str],
    warned_codes: Collection[str] = (),
    partitions: int = MAX_PARTITIONS,
) -> DataFrame:
    """Type every delivered row and hold it against every rule of a single row.

    Args:
        delivered: rows as `text_scan.scan_text_files` reads them.
        catalogue: the known tests and schools.
        today: the day of intake; a result after it is refused.
        newest_numbers: the newest number of every replaced pupil number.
        warned_codes: codes of rules that warn and do not refuse (only `DATE_OUTSIDE_YEAR` can be one).
        partitions: into how many partitions the rows go, at most.

    Returns:
        The columns of `RESULTS_SCHEMA` but `batch`, meaningful where `_codes` is empty; `_codes`, the reason codes
        of the row in one text with a blank between two; `_mended`, whether the pupil number was mended;
        `_partial`, whether only a part of the date of birth is known; `_raw`, the values as sent in the order of
        `CANONICAL_COLUMNS`, null where no rule is broken; `_row`, a number that grows within a part of a file;
        `_same_result` (null where nobody can say whose result it is) and `_same_row`, hashes to compare rows of
        one file by; and `line` and `_piece` where `delivered` has them.
    """
    typed = type_rows(delivered, catalogue, newest_numbers).coalesce(partitions)
    return judge_typed_rows(typed, today, warned_codes)


def type_rows(
    delivered: DeliveredRows | DataFrame, catalogue: Catalogue, newest_numbers: Mapping[str, str]
) -> DataFrame:
    """Parse the values of every row and join its test and its school; the first of two stages of generated code.

    Returns:
        The delivered values in one array, the parsed and derived columns of `validation_rules`, `_row`.
    """
    spark = delivered.sparkSession
    places = [name for name in (FILE_LINE, FILE_PIECE) if name in delivered.columns]
    values = f"array({', '.join(CANONICAL_COLUMNS)}) as {DELIVERED_VALUES}"
    order = f"monotonically_increasing_id() as {ROW}"
    rows = break_codegen(delivered.selectExpr(values, CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, *places, order))
    version = f"_version = coalesce({DELIVERED_VALUE['toetsversie']}, '')"
    same_test = F.expr(f"toetscode = {DELIVERED_VALUE['toetscode']} and {version}")
    same_school = F.expr(f"_listed = {DELIVERED_VALUE['brin']}")
    joined = rows.join(_tests(spark, catalogue), same_test, "left")
    joined = joined.join(_schools(spark, catalogue), same_school, "left")
    parsed = joined.selectExpr("*", *validation_rules.parsed_columns())
    return _renumbered(parsed, newest_numbers).selectExpr("*", *validation_rules.derived_columns())


def judge_typed_rows(typed: DataFrame, today: dt.date, warned_codes: Collection[str] = ()) -> DataFrame:
    """Hold typed rows against every rule of a single row; arguments and result as of `validate_rows`."""
    concluded = break_codegen(
        typed.selectExpr("*", *validation_rules.concluding_columns(), *validation_rules.code_columns())
    )
    judged = break_codegen(concluded.selectExpr("*", f"{_codes_of_row(today, warned_codes)} as {CODES}"))
    has_owner = f"pgn_soort is not null and {CODES} not in ({UNREADABLE_LINE_CODES})"
    result = result_hash(DELIVERED_VALUE["bron_result_key"], DELIVERED_VALUE["schooljaar"])
    compared = [value for name in CANONICAL_COLUMNS for value in _values_to_compare(name)]
    as_it_counts = {**DELIVERED_VALUE, **CANONICAL_CODE, **{name: name for name in judged.columns}}
    result_columns = [name for name in RESULTS_SCHEMA.names if name not in ("batch", DELIVERY_NUMBER)]
    places = [name for name in (FILE_LINE, FILE_PIECE) if name in typed.columns]
    return judged.selectExpr(
        *(f"{as_it_counts[name]} as {name}" for name in result_columns),
        DELIVERY_NUMBER,
        *places,
        CODES,
        ROW,
        MENDED,
        PARTIAL,
        f"case when {CODES} != '' then {DELIVERED_VALUES} end as {RAW}",
        f"case when {has_owner} then {result} end as {RESULT_HASH}",
        f"xxhash64({', '.join(compared)}) as {ROW_HASH}",
    )


def _codes_of_row(today: dt.date, warned_codes: Collection[str]) -> str:
    """SQL: the reason codes of a row; a line that is no row has a single one."""
    is_broken = f"{CORRUPT_LINE} is not null or {READER_REASON} <=> '{ROW_BROKEN}'"
    rules = ", ".join(validation_rules.rule_columns(today, warned_codes))
    return f"""
        case when {READER_REASON} <=> '{HEADER_REPEATED}' then '{HEADER_REPEATED}'
             when {is_broken} then '{ROW_BROKEN}'
             when {validation_rules.is_no_result()} then '{NO_RESULT}'
             else concat_ws(' ', {rules}) end"""


def _values_to_compare(name: str) -> tuple[str, ...]:
    """SQL: the values of a cell by which lines are compared, of which one is not null.

    A hash leaves out what is null. A date or a number is hashed as it is: to write each as text would take longer than
    all other hashes together.
    """
    sent = f"coalesce({DELIVERED_VALUE[name]}, '')"
    if name in PARSED_COLUMNS:
        return name, f"case when {name} is null then {sent} end"
    code = validation_rules.CODE_OR_NOTHING.get(name)
    return (f"coalesce({code}, {sent})" if code else sent,)


def is_outside_school_year() -> str:
    """SQL: whether an accepted row is dated outside its school year."""
    first = "make_date(int(substring(schooljaar, 1, 4)), 8, 1)"
    return f"(afnamedatum < {first} or afnamedatum >= add_months({first}, 12))"


def result_hash(key: str, year: str) -> str:
    """SQL: a hash of what tells one result from another.

    That is the supplier's lasting result key within the test, school year and moment, whichever pupil it comes with: a
    later delivery replaces by it. Without such a key it is pupil, test and day.
    """
    by_key = ("toetscode", "afnameperiode", year, key)
    of_pupil = ("pgn", "toetscode", "toetsversie", "afnamedatum", "afnameperiode", key)
    own = f"{lasting_result_key_sql(key)} is not null"
    return f"if({own}, xxhash64({', '.join(by_key)}), xxhash64({', '.join(of_pupil)}))"


def select_accepted(judged: DataFrame, batch: int) -> AcceptedResults:
    """The rows that broke no rule, with the columns of `restricted/results`."""
    columns = (f"{batch} as batch" if name == "batch" else name for name in RESULTS_SCHEMA.names)
    return AcceptedResults(judged.where(f"{CODES} = ''").selectExpr(*columns))


def select_quarantined(judged: DataFrame, batch: int) -> QuarantinedRows:
    """The rows that broke a rule: as sent (struct `_raw`), with their codes and their number in normal form.

    A row that was refused because of other rows has no `_raw`: its values as they were judged stand in its place.
    """
    as_judged = F.struct(*(F.col(name).cast("string").alias(name) for name in CANONICAL_COLUMNS))
    codes = F.split(CODES, " ").alias("codes")
    row = F.coalesce(RAW, as_judged).alias("row")
    refused = judged.where(F.col(CODES) != "")
    return QuarantinedRows(refused.select("pgn", DELIVERY_NUMBER, F.lit(batch).alias("batch"), codes, row))


def name_sent_values(judged: DataFrame) -> DataFrame:
    """The rows with `_raw` as a struct by column name instead of an array; null stays null.

    An array is one column of a file, a struct would be twenty-five, and nearly every row has none.
    """
    named = ", ".join(f"{RAW}[{place}] as {name}" for place, name in enumerate(CANONICAL_COLUMNS))
    return judged.withColumn(RAW, F.expr(f"case when {RAW} is not null then struct({named}) end"))


def _tests(spark: SparkSession, catalogue: Catalogue) -> DataFrame:
    """Every edition of every test; a test with one edition also without its version."""
    editions = Counter(test.toetscode for test in catalogue.tests)
    rows = [
        (t.toetscode, version, t.versie, t.domein, t.moment, t.schaal, t.lowest, t.highest, t.bijzonder)
        for t in catalogue.tests
        for version in ((t.versie, "") if editions[t.toetscode] == 1 else (t.versie,))
    ]
    state = (
        "toetscode string, _version string, toetsversie string, domein string, _test_moment string, "
        "schaal string, _lowest decimal(7,2), _highest decimal(7,2), bijzonder boolean"
    )
    return F.broadcast(make_local_frame(spark, state, rows))


def _schools(spark: SparkSession, catalogue: Catalogue) -> DataFrame:
    return F.broadcast(make_local_frame(spark, "_listed string", [(s,) for s in sorted(catalogue.schools)]))


def _renumbered(rows: DataFrame, newest: Mapping[str, str]) -> DataFrame:
    """Replace each pupil number by the newest one of its pupil."""
    if not newest:
        return rows
    pairs = make_local_frame(rows.sparkSession, "pgn string not null, _newest string", sorted(newest.items()))
    joined = rows.join(F.broadcast(pairs), "pgn", "left")
    return joined.withColumn("pgn", F.coalesce("_newest", "pgn")).drop("_newest")
