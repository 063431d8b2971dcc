"""Delivered → Accepted + Quarantined: every rule in one pass, each a column that is null or a reason code.

A rule never corrects a value; the one mending there is (a pupil number that lost its leading zero, proved
by its check digits) is counted. Codes, never values, go into what others read.

What several rules need stands in a select of its own, below them: Spark evaluates it once per row. No
function takes a lambda (`array_compact`, `transform`): its arguments would be interpreted, not compiled.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from functools import reduce
from operator import and_, or_

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import frames, identifiers
from cohort.catalogue import Catalogue
from cohort.schema import (
    ACCEPTED,
    CANONICAL,
    CORRUPT,
    GIVEN,
    NUMBER,
    SCORE,
    SCORES,
    Accepted,
    Delivered,
    Quarantined,
)

CODES, RAW, MENDED, ROW = "_codes", "_raw", "_mended", "_row"
SAME_RESULT, SAME_ROW = "_same_result", "_same_row"
_CELLS = "_cells"

GEWICHT = ("000", "025", "030", "040", "070", "090", "120")
CODE_LISTS = {
    "gewicht": ("?", "0", "0,3", "1,2", *(f"{n[0]}{p}{n[1:]}" for n in GEWICHT for p in ",.")),
    "thuistaal": ("nl", "fy", "dialect", "overig"),
    "opleiding_ouders": ("laag", "midden", "hoog"),
    "ses": (*(f"{n}" for n in range(100)), *(f"{n:02d}" for n in range(10))),
    "combinatiegroep": ("0", "1", "ja", "nee"),
    "schooltype": ("bo", "sbo", "so", "vso", "vo"),
    "geslacht": ("0", "1", "2", "9"),
    "jaargroep": ("B", "D", *map(str, range(9)), *map(str, range(11, 17)), "S", "V", "C", "N", "H"),
    "niveau_AE": ("A", "B", "C", "D", "E"),
    "niveau_IV": ("I+", "I", "II", "III", "IV", "V"),
}
DATES = ("afnamedatum", "geboortedatum")
OF_THE_PUPIL = ("gewicht", "thuistaal", "opleiding_ouders", "ses", "combinatiegroep", "schooltype")
POSTCODE4 = r"^[1-9][0-9]{3}\z"
SENTINELS = r"^(9{4,}([.,]0+)?|-+|0000+|n\.?v\.?t\.?|onbekend)\z"
"""What administrations write where they have no score: read as empty."""
NUMBER_FORM = r"^(?!9{4,}(,0+)?\z|0000+\z)[0-9]{1,5}(,[0-9]{1,2})?\z"
WHOLE_FORM = r"^(?!9{4,}\z|0000+\z)[0-9]{1,5}\z"
BRIN_FORM = f"^{identifiers.BRIN.pattern}\\z"
MOMENTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
"""A moment begins in the first or second calendar year of the school year, on the first of a month."""
OUTSIDE = "DATE_OUTSIDE_YEAR"
BROKEN = "ROW_BROKEN"
"""The one code of a line that is no row: its values stand nobody knows where."""
JOINED = ("PUPIL_NOT_IN_ROSTER", "PUPIL_AMBIGUOUS")
"""Codes of a reader that says itself why a row has no pupil number."""
YEARS = range(2000, 2100)


def judge(
    spark: SparkSession, delivered: Delivered | DataFrame, catalogue: Catalogue, today: dt.date,
    newest: Mapping[str, str], told: Collection[str] = (),
) -> DataFrame:  # fmt: skip
    """Type every row and hold it against every rule.

    Takes: delivered rows, the catalogue, the day of intake, the newest number of every replaced one,
    the codes of rules that are told and not refused (of `OUTSIDE` only).
    Gives: the columns of `ACCEPTED` but `batch` (meaningful where `_codes` is empty), `_codes` (one text,
    a blank between two), `_mended`, `_raw` (the row as sent but for blanks around its values, null where
    accepted), `_row` (a number that grows within a file), `_same_result` (null where nobody can say whose
    result it is) and `_same_row` (hashes within a file), and whatever else came along (`line`).
    """
    extra = [name for name in delivered.columns if name not in (*CANONICAL, CORRUPT, GIVEN, NUMBER)]
    cells = F.array(*(F.nullif(F.trim(name), F.lit("")) for name in CANONICAL)).alias(_CELLS)
    rows = delivered.select(cells, CORRUPT, GIVEN, NUMBER, *extra, F.monotonically_increasing_id().alias(ROW))
    version = F.coalesce(_cell("toetsversie"), F.lit(""))
    test = (F.col("toetscode") == _cell("toetscode")) & (F.col("_version") == version)
    known = (
        rows.join(_tests(spark, catalogue), test, "left")
        .join(_schools(spark, catalogue), F.col("_listed") == _cell("brin"), "left")
        .join(_years(spark), F.col("_written") == _cell("schooljaar"), "left")
    )
    found = _renumbered(known.select("*", *_parsed()), newest).select("*", *_derived())
    broken = F.col(CORRUPT).isNotNull() | F.col(GIVEN).eqNullSafe(BROKEN)
    codes = F.when(broken, F.lit(BROKEN)).otherwise(F.concat_ws(" ", *_rules(today, told)))
    judged = found.select("*", codes.alias(CODES))
    result = ("pgn", "toetscode", "toetsversie", "afnamedatum", "afnameperiode", _cell("bron_result_key"))
    owned = F.col("pgn_soort").isNotNull() & (F.col(CODES) != BROKEN)
    typed = [
        _cell(name).alias(name) if name in CANONICAL and name not in judged.columns else F.col(name)
        for name in ACCEPTED.names
        if name not in ("batch", NUMBER)
    ]
    return judged.select(
        *typed, NUMBER, *extra, CODES, ROW, (F.length(identifiers.bare(_cell("pgn"))) == 8).alias(MENDED),
        F.when(F.col(CODES) != "", F.struct(*(_cell(n).alias(n) for n in CANONICAL))).alias(RAW),
        F.when(owned, F.xxhash64(*result)).alias(SAME_RESULT),
        F.xxhash64(*(F.coalesce(_cell(name), F.lit("")) for name in CANONICAL)).alias(SAME_ROW),
    )  # fmt: skip


def outside(judged: DataFrame) -> DataFrame:
    """Per delivery the accepted rows dated outside their school year: `levering_nr`, `n`."""
    first = F.make_date(F.substring("schooljaar", 1, 4).cast("int"), F.lit(8), F.lit(1))
    days = F.datediff("afnamedatum", first)
    dated = judged.where(
        (F.col(CODES) == "") & ((days < 0) | (days > F.datediff(F.add_months(first, 12), first) - 1))
    )
    return dated.groupBy(NUMBER).agg(F.count(F.lit(1)).alias("n"))


def repeated(judged: DataFrame, order: str = ROW) -> DataFrame:
    """The results that more than one line of a file has.

    Takes: judged rows; the column whose least value stays.
    Gives: `levering_nr`, `_same_result`, the least `order` of its lines, and whether they are all equal.
    """
    return (
        judged.where(F.col(SAME_RESULT).isNotNull())
        .groupBy(NUMBER, SAME_RESULT)
        .agg(
            F.count(F.lit(1)).alias("_n"),
            (F.min(SAME_ROW) == F.max(SAME_ROW)).alias("_equal"),
            F.min(order).alias("_kept"),
        )
        .where("_n > 1")
        .select(NUMBER, SAME_RESULT, "_equal", "_kept")
    )


def refuse_repeated(judged: DataFrame, repeated: DataFrame, order: str = ROW) -> DataFrame:
    """Add the codes of lines that repeat or contradict another line of their file.

    Takes: judged rows, and what `repeated` found in them by the same order.
    Gives: the same rows; of equal lines all but one are `DUPLICATE`, of different lines for one result
    all are `CONFLICT`.
    """
    code = F.when(~F.col("_equal"), "CONFLICT").when(F.col(order) != F.col("_kept"), "DUPLICATE")
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


def _cell(name: str) -> Column:
    """A value as delivered. All of a row's stand in one array, because a row is copied from step to step."""
    return F.get(_CELLS, F.lit(CANONICAL.index(name)))


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


def _years(spark: SparkSession) -> DataFrame:
    """School years as written, with their first calendar year, their days, and where moments begin."""
    rows = [
        (f"{y}-{y + 1}", y, dt.date(y, 8, 1), dt.date(y + 1, 7, 31),
         *(dt.date(y + later, month, 1) for later, month in MOMENTS.values()))
        for y in YEARS
    ]  # fmt: skip
    days = ", ".join(f"{name} date" for name in ("_starts", "_ends", *(f"_{m}" for m in MOMENTS)))
    return F.broadcast(frames.local(spark, f"_written string, _year int, {days}", rows))


def _renumbered(rows: DataFrame, newest: Mapping[str, str]) -> DataFrame:
    """One pupil, one number: the newest."""
    if not newest:
        return rows
    pairs = frames.local(rows.sparkSession, "pgn string not null, _newest string", sorted(newest.items()))
    joined = rows.join(F.broadcast(pairs), "pgn", "left")
    return joined.withColumn("pgn", F.coalesce("_newest", "pgn")).drop("_newest")


def _parsed() -> list[Column]:
    score, raw = _cell("vaardigheidsscore"), _cell("ruwe_score")
    decimal = F.replace(score, F.lit(","), F.lit(".")).try_cast(SCORE)
    level = {name: _cell(name).isin(*CODE_LISTS[name]) for name in ("niveau_AE", "niveau_IV")}
    one_fifth = F.when(_cell("niveau_IV") == "I+", "I").when(level["niveau_IV"], _cell("niveau_IV"))
    return [
        identifiers.normal(_cell("pgn")).alias("pgn"),
        _cell("afnamedatum").try_cast("date").alias("afnamedatum"),
        _cell("geboortedatum").try_cast("date").alias("geboortedatum"),
        F.when(score.rlike(NUMBER_FORM), decimal).alias("vaardigheidsscore"),
        F.when(raw.rlike(WHOLE_FORM), raw.try_cast("int")).alias("ruwe_score"),
        F.when(level["niveau_AE"], _cell("niveau_AE")).alias("niveau_AE"),
        one_fifth.alias("niveau_IV"),
    ]


def _derived() -> list[Column]:
    month = F.month("afnamedatum")
    by_date = F.when(month >= 8, "B").when(month <= 3, "M").when(month.isNotNull(), "E")
    given = F.when(_cell("afnameperiode").isin(*MOMENTS), _cell("afnameperiode"))
    moment = F.coalesce("_test_moment", given, by_date)
    within = F.col("afnamedatum").between(F.col("_starts"), F.col("_ends"))
    first = F.coalesce(*(F.when(moment == name, F.col(f"_{name}")) for name in MOMENTS))
    return [
        identifiers.kind(F.col("pgn")).alias("pgn_soort"),
        F.coalesce(_cell("vestiging"), F.lit("00")).alias("vestiging"),
        moment.alias("afnameperiode"),
        F.coalesce(F.when(within, F.col("afnamedatum")), first).alias("peildag"),
    ]


def _rules(today: dt.date, told: Collection[str]) -> list[Column]:
    """A rule is null or its code; a condition on what is not there is null, and so no finding."""
    c, sent = F.col, _cell
    filler = F.lpad(identifiers.bare(sent("pgn")), 9, "0").isin(*identifiers.FILLERS)
    age = c("_year") - F.year("geboortedatum")
    listed = {name: ~sent(name).isin(*codes) for name, codes in CODE_LISTS.items()}
    attribute = reduce(or_, (listed[name] for name in OF_THE_PUPIL))
    day = {n: sent(n).isNotNull() & ~sent(n).eqNullSafe(c(n).cast("string")) for n in DATES}
    wrong = {n: c(n).isNull() & ~sent(n).rlike(SENTINELS) for n in SCORES}
    any_wrong = reduce(or_, (F.coalesce(w, F.lit(False)) for w in wrong.values()))
    moment = sent("afnameperiode")
    rules = [
        ("BRIN_INVALID", c("_listed").isNull() & ~F.coalesce(sent("brin").rlike(BRIN_FORM), F.lit(False))),
        ("BRIN_UNKNOWN", c("_listed").isNull() & sent("brin").rlike(BRIN_FORM)),
        ("VESTIGING_INVALID", ~sent("vestiging").rlike(r"^[0-9]{2}\z")),
        ("YEAR_INVALID", c("_year").isNull()),
        ("PGN_MISSING", sent("pgn").isNull() & ~F.coalesce(c(GIVEN).isin(*JOINED), F.lit(False))),
        ("PGN_FILLER", c("pgn_soort").isNull() & filler),
        ("PGN_INVALID", c("pgn_soort").isNull() & ~filler),
        ("TEST_UNKNOWN", c("domein").isNull()),
        ("DATE_INVALID", reduce(or_, day.values())),
        (OUTSIDE, ~c("afnamedatum").between(c("_starts"), c("_ends"))),
        ("DATE_IN_FUTURE", (c("afnamedatum") > F.lit(today)) | (c("_starts") > F.lit(today))),
        ("BIRTH_DATE_IMPLAUSIBLE", ~age.between(3, 21)),
        ("MOMENT_MISSING", sent("afnamedatum").isNull() & moment.isNull()),
        ("MOMENT_INVALID", moment.isNotNull() & ~moment.eqNullSafe(c("afnameperiode"))),
        ("YEAR_GROUP_INVALID", listed["jaargroep"]),
        ("SEX_INVALID", listed["geslacht"]),
        ("ATTRIBUTE_INVALID", attribute | ~sent("postcode4").rlike(POSTCODE4)),
        ("SCORE_MISSING", reduce(and_, (c(n).isNull() for n in SCORES)) & ~any_wrong),
        ("SCORE_NOT_A_NUMBER", wrong["vaardigheidsscore"] | wrong["ruwe_score"]),
        ("SCORE_OUT_OF_RANGE", ~c("vaardigheidsscore").between(c("_lowest"), c("_highest"))),
        ("LEVEL_INVALID", wrong["niveau_AE"] | wrong["niveau_IV"]),
    ]
    refusing = [(code, broken & ~c(GIVEN).eqNullSafe(code)) for code, broken in rules if code not in told]
    return [c(GIVEN), *(F.when(broken, F.lit(code)) for code, broken in refusing)]
