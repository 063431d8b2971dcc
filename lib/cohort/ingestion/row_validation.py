"""Delivered → Accepted + Quarantined: every rule in one pass, each a column that is null or a reason code.

A rule never corrects a value; the one mending there is (a pupil number that lost leading zeros or has marks
in it, proved by its check digits) is counted. Codes, never values, go into what others read.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements.catalogue import Catalogue
from cohort.delivery_formats import transcripts
from cohort.delivery_formats.row_reason_codes import ROW_BROKEN
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
from cohort.states import local_frames, materialised_frames
from cohort.states.schemas import (
    CANONICAL_COLUMNS,
    CORRUPT_LINE,
    DELIVERY_NUMBER,
    READER_REASON,
    RESULTS_SCHEMA,
    AcceptedResults,
    DeliveredRows,
    QuarantinedRows,
)

CODES, RAW, ROW = "_codes", "_raw", "_row"
RESULT_HASH, ROW_HASH = "_same_result", "_same_row"
PARSED_COLUMNS = ("pgn", "vestiging", "geboortedatum", "afnamedatum", "ruwe_score", "vaardigheidsscore")
"""Columns of which another way of writing one value (a lost zero, `7,5` and `7,50`) makes no other line; nor
does another spelling of a code.
"""


def validate_rows(
    spark: SparkSession,
    delivered: DeliveredRows | DataFrame,
    catalogue: Catalogue,
    today: dt.date,
    newest: Mapping[str, str],
    told: Collection[str] = (),
    typed: Callable[[DataFrame], DataFrame] = materialised_frames.break_codegen,
) -> DataFrame:
    """Type every row and hold it against every rule.

    Takes: delivered rows, the catalogue, the day of intake, the newest number of every replaced one, the
    codes of rules that are told and not refused (of `OUTSIDE` only); what is to be done with the rows when
    they are typed (`_mended` and `_partial` among them) and not yet held against rules: what follows is
    compiled apart.
    Gives: the columns of `ACCEPTED` but `batch` (meaningful where `_codes` is empty), `_codes` (one text,
    a blank between two), `_mended`, `_partial` (a date of birth known in part), `_raw` (the row as sent but
    for blanks around its values, null where accepted), `_row` (a number that grows within a file),
    `_same_result` (null where nobody can say whose result it is) and `_same_row` (hashes within a file), and
    whatever else came along (`line`).
    """
    extra = [
        name
        for name in delivered.columns
        if name not in (*CANONICAL_COLUMNS, CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER)
    ]
    cells, place = (
        f"array({', '.join(CANONICAL_COLUMNS)}) as {DELIVERED_VALUES}",
        f"monotonically_increasing_id() as {ROW}",
    )
    rows = materialised_frames.break_codegen(
        delivered.selectExpr(cells, CORRUPT_LINE, READER_REASON, DELIVERY_NUMBER, *extra, place)
    )
    version = f"_version = coalesce({DELIVERED_VALUE['toetsversie']}, '')"
    test = F.expr(f"toetscode = {DELIVERED_VALUE['toetscode']} and {version}")
    known = rows.join(_tests(spark, catalogue), test, "left").join(
        _schools(spark, catalogue), F.expr(f"_listed = {DELIVERED_VALUE['brin']}"), "left"
    )
    parsed = _renumbered(known.selectExpr("*", *validation_rules.parsed_columns()), newest).selectExpr(
        "*", *validation_rules.derived_columns()
    )
    found = typed(parsed)
    broken = f"{CORRUPT_LINE} is not null or {READER_REASON} <=> '{ROW_BROKEN}'"
    met = f"concat_ws(' ', {', '.join(validation_rules.rule_columns(today, told))})"
    result = result_hash(DELIVERED_VALUE["bron_result_key"], DELIVERED_VALUE["schooljaar"])
    unread = f"when {READER_REASON} <=> '{HEADER_REPEATED}' then '{HEADER_REPEATED}' when {broken} then '{ROW_BROKEN}'"
    nothing = f"when {validation_rules.is_no_result()} then '{NO_RESULT}'"
    whole = materialised_frames.break_codegen(
        found.selectExpr("*", *validation_rules.concluding_columns(), *validation_rules.code_columns())
    )
    judged = whole.selectExpr("*", f"case {unread} {nothing} else {met} end as {CODES}")
    owned = f"pgn_soort is not null and {CODES} not in ({UNREADABLE_LINE_CODES})"
    as_sent = ", ".join(f"{DELIVERED_VALUE[name]} as {name}" for name in CANONICAL_COLUMNS)
    sent = [f"coalesce({_one_spelling(name)}{DELIVERED_VALUE[name]}, '')" for name in CANONICAL_COLUMNS]
    as_it_counts = {**DELIVERED_VALUE, **CANONICAL_CODE, **{name: name for name in judged.columns}}
    columns = [
        f"{as_it_counts[name]} as {name}" for name in RESULTS_SCHEMA.names if name not in ("batch", DELIVERY_NUMBER)
    ]
    return judged.selectExpr(
        *columns,
        DELIVERY_NUMBER,
        *extra,
        CODES,
        ROW,
        MENDED,
        PARTIAL,
        f"case when {CODES} != '' then struct({as_sent}) end as {RAW}",
        f"case when {owned} then {result} end as {RESULT_HASH}",
        f"xxhash64({', '.join(sent)}) as {ROW_HASH}",
    )


def _one_spelling(name: str) -> str:
    """The beginning of a list: a value as it was read, where it was, whatever its spelling."""
    if name in validation_rules.CODE_OR_NOTHING:
        return f"{validation_rules.CODE_OR_NOTHING[name]}, "
    return f"concat('=', {name}), " if name in PARSED_COLUMNS else ""


def is_outside_school_year() -> str:
    """As SQL, whether an accepted row is dated outside its school year."""
    first = "make_date(int(substring(schooljaar, 1, 4)), 8, 1)"
    return f"(afnamedatum < {first} or afnamedatum >= add_months({first}, 12))"


def result_hash(key: str, year: str, *more: str) -> str:
    """As SQL, a hash of what tells one result from another.

    A supplier's own key does so in the test, school year and moment, whichever pupil it is given with: a
    later delivery replaces by it. Without one, or with a key that is only of its message, the pupil does.
    """
    by_key = ("toetscode", "afnameperiode", year, key)
    of_pupil = ("pgn", "toetscode", "toetsversie", "afnamedatum", "afnameperiode", key)
    own = f"{transcripts.lasting_result_key_sql(key)} is not null"
    return f"if({own}, xxhash64({', '.join((*more, *by_key))}), xxhash64({', '.join((*more, *of_pupil))}))"


def find_repeated_results(judged: DataFrame) -> DataFrame:
    """The results that more than one line of a file has.

    Takes: judged rows.
    Gives: `levering_nr`, `_same_result`, the least `_row` of its lines, and whether they are all equal.
    """
    return (
        judged.where(F.col(RESULT_HASH).isNotNull())
        .groupBy(DELIVERY_NUMBER, RESULT_HASH)
        .agg(
            F.count(F.lit(1)).alias("_n"),
            (F.min(ROW_HASH) == F.max(ROW_HASH)).alias("_equal"),
            F.min(ROW).alias("_kept"),
        )
        .where("_n > 1")
        .select(DELIVERY_NUMBER, RESULT_HASH, "_equal", "_kept")
    )


def refuse_repeated_results(judged: DataFrame, repeated: DataFrame) -> DataFrame:
    """Add the codes of lines that repeat or contradict another line of their file.

    Takes: judged rows, and what `repeated` found in them.
    Gives: the same rows; of equal lines all but one are `DUPLICATE`, of different lines for one result
    all are `CONFLICT`.
    """
    code = F.when(~F.col("_equal"), "CONFLICT").when(F.col(ROW) != F.col("_kept"), "DUPLICATE")
    codes = F.concat_ws(" ", F.nullif(F.col(CODES), F.lit("")), code)
    return (
        judged.join(F.broadcast(repeated), [DELIVERY_NUMBER, RESULT_HASH], "left")
        .withColumn(CODES, codes)
        .select(*judged.columns)
    )


def select_accepted(judged: DataFrame, batch: int) -> AcceptedResults:
    """The rows that met every rule, as `restricted/results` holds them."""
    columns = (f"{batch} as batch" if name == "batch" else name for name in RESULTS_SCHEMA.names)
    return AcceptedResults(judged.where(f"{CODES} = ''").selectExpr(*columns))


def select_quarantined(judged: DataFrame, batch: int) -> QuarantinedRows:
    """The rows that broke a rule: as sent, with their codes and their number in normal form."""
    as_judged = F.struct(*(F.col(name).cast("string").alias(name) for name in CANONICAL_COLUMNS))
    codes = F.split(CODES, " ").alias("codes")
    row = F.coalesce(RAW, as_judged).alias("row")
    refused = judged.where(F.col(CODES) != "")
    return QuarantinedRows(refused.select("pgn", DELIVERY_NUMBER, F.lit(batch).alias("batch"), codes, row))


def _tests(spark: SparkSession, catalogue: Catalogue) -> DataFrame:
    """Every edition of a test, and for a test with one edition also the row without a version."""
    editions = Counter(test.toetscode for test in catalogue.tests)
    rows = [
        (t.toetscode, asked, t.versie, t.domein, t.moment, t.schaal, t.lowest, t.highest, t.bijzonder)
        for t in catalogue.tests
        for asked in ((t.versie, "") if editions[t.toetscode] == 1 else (t.versie,))
    ]
    state = (
        "toetscode string, _version string, toetsversie string, domein string, _test_moment string, "
        "schaal string, _lowest decimal(7,2), _highest decimal(7,2), bijzonder boolean"
    )
    return F.broadcast(local_frames.make_local_frame(spark, state, rows))


def _schools(spark: SparkSession, catalogue: Catalogue) -> DataFrame:
    return F.broadcast(
        local_frames.make_local_frame(spark, "_listed string", [(s,) for s in sorted(catalogue.schools)])
    )


def _renumbered(rows: DataFrame, newest: Mapping[str, str]) -> DataFrame:
    """One pupil, one number: the newest."""
    if not newest:
        return rows
    pairs = local_frames.make_local_frame(
        rows.sparkSession, "pgn string not null, _newest string", sorted(newest.items())
    )
    joined = rows.join(F.broadcast(pairs), "pgn", "left")
    return joined.withColumn("pgn", F.coalesce("_newest", "pgn")).drop("_newest")
