"""Delivered → Accepted + Quarantined: every rule in one pass, each a column that is null or a reason code.

A rule never corrects a value; the one mending there is (a pupil number that lost its leading zero, proved
by its check digits) is counted. Codes, never values, go into what others read.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import frames
from cohort.catalogue import Catalogue
from cohort.intake import checks
from cohort.intake.checks import BROKEN, CELL, CELLS, MENDED, cell
from cohort.schema import (
    ACCEPTED,
    CANONICAL,
    CORRUPT,
    GIVEN,
    NUMBER,
    Accepted,
    Delivered,
    Quarantined,
)

CODES, RAW, ROW = "_codes", "_raw", "_row"
SAME_RESULT, SAME_ROW = "_same_result", "_same_row"


def judge(
    spark: SparkSession, delivered: Delivered | DataFrame, catalogue: Catalogue, today: dt.date,
    newest: Mapping[str, str], told: Collection[str] = (),
    typed: Callable[[DataFrame], DataFrame] = frames.apart,
) -> DataFrame:  # fmt: skip
    """Type every row and hold it against every rule.

    Takes: delivered rows, the catalogue, the day of intake, the newest number of every replaced one, the
    codes of rules that are told and not refused (of `OUTSIDE` only); what is to be done with the rows when
    they are typed (`_mended` among them) and not yet held against rules: what follows is compiled apart.
    Gives: the columns of `ACCEPTED` but `batch` (meaningful where `_codes` is empty), `_codes` (one text,
    a blank between two), `_mended`, `_raw` (the row as sent but for blanks around its values, null where
    accepted), `_row` (a number that grows within a file), `_same_result` (null where nobody can say whose
    result it is) and `_same_row` (hashes within a file), and whatever else came along (`line`).
    """
    extra = [name for name in delivered.columns if name not in (*CANONICAL, CORRUPT, GIVEN, NUMBER)]
    cells = F.array(*CANONICAL).alias(CELLS)
    place = F.monotonically_increasing_id().alias(ROW)
    rows = frames.apart(delivered.select(cells, CORRUPT, GIVEN, NUMBER, *extra, place))
    version = F.coalesce(cell("toetsversie"), F.lit(""))
    test = (F.col("toetscode") == cell("toetscode")) & (F.col("_version") == version)
    known = rows.join(_tests(spark, catalogue), test, "left").join(
        _schools(spark, catalogue), F.col("_listed") == cell("brin"), "left"
    )
    parsed = _renumbered(known.select("*", *checks.parsed()), newest).select("*", *checks.derived())
    found = typed(parsed.select("*", *checks.concluded()))
    broken = F.col(CORRUPT).isNotNull() | F.col(GIVEN).eqNullSafe(BROKEN)
    codes = F.when(broken, F.lit(BROKEN)).otherwise(F.concat_ws(" ", *checks.rules(today, told)))
    judged = found.select("*", codes.alias(CODES))
    owned = F.col("pgn_soort").isNotNull() & (F.col(CODES) != BROKEN)
    as_sent = ", ".join(f"{CELL[name]} as {name}" for name in CANONICAL)
    sent = [f"coalesce({CELL[name]}, '')" for name in CANONICAL if name != "pgn"]
    worked_out = judged.columns
    columns = [
        cell(name).alias(name) if name in CANONICAL and name not in worked_out else F.col(name)
        for name in ACCEPTED.names
        if name not in ("batch", NUMBER)
    ]
    return judged.select(
        *columns, NUMBER, *extra, CODES, ROW, MENDED,
        F.when(F.col(CODES) != "", F.expr(f"struct({as_sent})")).alias(RAW),
        F.when(owned, same_result(cell("bron_result_key"))).alias(SAME_RESULT),
        # a lost zero makes no other line
        F.expr(f"xxhash64(coalesce(pgn, ''), {', '.join(sent)})").alias(SAME_ROW),
    )  # fmt: skip


def outside() -> Column:
    """Whether an accepted row is dated outside its school year."""
    first = F.make_date(F.substring("schooljaar", 1, 4).cast("int"), F.lit(8), F.lit(1))
    return (F.col("afnamedatum") < first) | (F.col("afnamedatum") >= F.add_months(first, 12))


def same_result(key: Column, *more: str) -> Column:
    """A hash of what tells one result from another; `key` is the supplier's own for it."""
    result = ("pgn", "toetscode", "toetsversie", "afnamedatum", "afnameperiode")
    return F.xxhash64(*more, *result, key)


def repeated(judged: DataFrame) -> DataFrame:
    """The results that more than one line of a file has.

    Takes: judged rows.
    Gives: `levering_nr`, `_same_result`, the least `_row` of its lines, and whether they are all equal.
    """
    return (
        judged.where(F.col(SAME_RESULT).isNotNull())
        .groupBy(NUMBER, SAME_RESULT)
        .agg(
            F.count(F.lit(1)).alias("_n"),
            (F.min(SAME_ROW) == F.max(SAME_ROW)).alias("_equal"),
            F.min(ROW).alias("_kept"),
        )
        .where("_n > 1")
        .select(NUMBER, SAME_RESULT, "_equal", "_kept")
    )


def refuse_repeated(judged: DataFrame, repeated: DataFrame) -> DataFrame:
    """Add the codes of lines that repeat or contradict another line of their file.

    Takes: judged rows, and what `repeated` found in them.
    Gives: the same rows; of equal lines all but one are `DUPLICATE`, of different lines for one result
    all are `CONFLICT`.
    """
    code = F.when(~F.col("_equal"), "CONFLICT").when(F.col(ROW) != F.col("_kept"), "DUPLICATE")
    codes = F.concat_ws(" ", F.nullif(F.col(CODES), F.lit("")), code)
    return (
        judged.join(F.broadcast(repeated), [NUMBER, SAME_RESULT], "left")
        .withColumn(CODES, codes)
        .select(*judged.columns)
    )


def accepted(judged: DataFrame, batch: int) -> Accepted:
    """The rows that met every rule, as `restricted/results` holds them."""
    kept = judged.where(F.col(CODES) == "").withColumn("batch", F.lit(batch))
    return Accepted(kept.select(*ACCEPTED.names))


def quarantined(judged: DataFrame, batch: int) -> Quarantined:
    """The rows that broke a rule: as sent, with their codes and their number in normal form."""
    as_judged = F.struct(*(F.col(name).cast("string").alias(name) for name in CANONICAL))
    codes = F.split(CODES, " ").alias("codes")
    row = F.coalesce(RAW, as_judged).alias("row")
    refused = judged.where(F.col(CODES) != "")
    return Quarantined(refused.select("pgn", NUMBER, F.lit(batch).alias("batch"), codes, row))


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
    return F.broadcast(frames.local(spark, state, rows))


def _schools(spark: SparkSession, catalogue: Catalogue) -> DataFrame:
    return F.broadcast(frames.local(spark, "_listed string", [(s,) for s in sorted(catalogue.schools)]))


def _renumbered(rows: DataFrame, newest: Mapping[str, str]) -> DataFrame:
    """One pupil, one number: the newest."""
    if not newest:
        return rows
    pairs = frames.local(rows.sparkSession, "pgn string not null, _newest string", sorted(newest.items()))
    joined = rows.join(F.broadcast(pairs), "pgn", "left")
    return joined.withColumn("pgn", F.coalesce("_newest", "pgn")).drop("_newest")
