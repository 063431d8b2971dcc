"""What a later delivery takes away of earlier ones: results it gives again, and results it no longer has.

Deliveries count in the order in which they were received. A file that repeats more than `whole_share` of what
a school's supplier had delivered of a school year and moment is all there is of them: what it does not have
is withdrawn. Any other file replaces only the results that it gives again: the same result key of the same
supplier, or else the same test of the same pupil at the same school on the same day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import frames
from cohort.intake.ledger import Entry
from cohort.intake.transcripts import own_key
from cohort.schema import NUMBER

REPLACED, WITHDRAWN = "replaced", "withdrawn"
HOW, BY, OTHER = "_how", "_by", "_other"
SLICE = ("brin", "schooljaar", "afnameperiode")
RESULT = ("pgn", "toetscode", "toetsversie")
SAME = (*SLICE, *RESULT, "_day")
IDENTITY = (NUMBER, *RESULT, "schooljaar", "afnameperiode", "afnamedatum", "bron_result_key")
"""What tells one row of a delivery from its others: equal ones are refused as DUPLICATE."""
_SUPPLIER, _KEY, _KEYED, _NEW = "_supplier", "_key", "_keyed", "_new"

Slice = tuple[str, str, str, str]
"""School, supplier, school year, moment."""


@dataclass(frozen=True)
class Overlap:
    """How many results of an earlier delivery's slice a later one gives again."""

    slice: Slice
    later: int
    earlier: int
    results: int


def concerned(earlier: Iterable[Entry], entries: Iterable[Entry]) -> frozenset[str]:
    """Schools of which a delivery of this run has an earlier one beside it."""
    before = {e.brin for e in earlier if e.taken and e.accepted}
    seen: set[str | None] = set()
    found: set[str] = set()
    for entry in entries:
        if entry.taken and entry.accepted and entry.brin:
            if entry.brin in before or entry.brin in seen:
                found.add(entry.brin)
            seen.add(entry.brin)
    return frozenset(found)


def rows_of(results: DataFrame, schools: frozenset[str], entries: Iterable[Entry], batch: int) -> DataFrame:
    """The identities of the rows of some schools, each with its supplier, and whether it is of this run.

    Takes: results, this run's among them; the ledger's lines, this run's among them.
    """
    spark = results.sparkSession
    listed = frames.local(spark, "brin string not null", [(school,) for school in sorted(schools)])
    known = [(e.levering_nr, e.supplier) for e in entries if e.taken and e.brin in schools]
    suppliers = frames.local(spark, f"{NUMBER} int not null, {_SUPPLIER} string", known)
    key = F.expr(own_key("bron_result_key"))
    return (
        results.join(F.broadcast(listed), "brin", "left_semi")
        .join(F.broadcast(suppliers), NUMBER)
        .select(
            *IDENTITY,
            "brin",
            _SUPPLIER,
            key.alias(_KEY),
            (F.col("batch") == batch).alias(_NEW),
            F.when(key.isNotNull(), F.col(_SUPPLIER)).alias(_KEYED),
        )
    )


def overlaps(rows: DataFrame) -> tuple[dict[tuple[Slice, int], int], list[Overlap]]:
    """Per slice and delivery its distinct results; per pair of deliveries those that both have: an action."""
    by = (_SUPPLIER, *SLICE)
    results = rows.select(*by, NUMBER, _NEW, "pgn", "toetscode").distinct()
    sizes = results.groupBy(*by, NUMBER).agg(F.count(F.lit(1)).alias("n")).toArrow().to_pylist()
    later = results.where(_NEW).withColumnRenamed(NUMBER, "_later").drop(_NEW)
    both = results.join(later, [*by, "pgn", "toetscode"]).where(F.col("_later") > F.col(NUMBER))
    pairs = both.groupBy(*by, NUMBER, "_later").agg(F.count(F.lit(1)).alias("n")).toArrow().to_pylist()
    return (
        {(_slice(line), line[NUMBER]): line["n"] for line in sizes},
        [Overlap(_slice(line), line["_later"], line[NUMBER], line["n"]) for line in pairs],
    )


def dead(
    sizes: Mapping[tuple[Slice, int], int], pairs: Iterable[Overlap], share: Decimal, new: frozenset[int]
) -> dict[tuple[Slice, int], int]:
    """Slices of deliveries that a whole later file replaces, each with the number of that file.

    Takes: what `overlaps` found; the share above which a file is whole; the deliveries of this run.
    """
    found: dict[tuple[Slice, int], int] = {}
    repeated = {(o.slice, o.later, o.earlier): o.results for o in pairs}
    live: dict[Slice, list[int]] = defaultdict(list)
    for one, number in sorted(sizes, key=lambda key: key[1]):
        if number in new and live[one]:
            there = sum(sizes[one, earlier] for earlier in live[one])
            again = sum(repeated.get((one, number, earlier), 0) for earlier in live[one])
            if again > share * there:
                found.update({(one, earlier): number for earlier in live[one]})
                live[one] = []
        live[one].append(number)
    return found


def superseded(spark: SparkSession, rows: DataFrame, gone: Mapping[tuple[Slice, int], int]) -> DataFrame:
    """The rows that go, with how (`replaced`, `withdrawn`) and the delivery that takes them away.

    Takes: `rows_of`'s rows, and the dead slices.
    Gives: with each row also whether it goes because the delivery has its key with another pupil
    (`_other`): a corrected pupil number, or a key that was used again; nobody can tell which.
    """
    lines = [(one[0], one[2], one[3], number, by) for (one, number), by in gone.items()]
    state = f"brin string, schooljaar string, afnameperiode string, {NUMBER} int, _whole int"
    whole = F.broadcast(frames.local(spark, state, lines))
    keyed = (_SUPPLIER, _KEY, *SLICE, "toetscode")
    dated = _dated(rows)
    new = dated.where(_NEW)
    by_key = (
        new.where(F.col(_KEY).isNotNull())
        .groupBy(*keyed)
        .agg(F.max(NUMBER).alias("_by_key"), F.max_by("pgn", NUMBER).alias("_pupil"))
    )
    found = (
        dated.join(whole, [*SLICE, NUMBER], "left")
        .join(by_key, list(keyed), "left")
        .join(_given(new), list(SAME), "left")
    )
    own_key = F.when(F.col("_by_key") > F.col(NUMBER), F.col("_by_key"))
    again = F.coalesce(own_key, _later(unless_keyed=True))
    in_whole, there = F.col("_whole").isNotNull(), _later(unless_keyed=False).isNotNull()
    other = own_key.isNotNull() & (F.col("_pupil") != F.col("pgn")) & ~in_whole & ~there
    how = F.when(again.isNotNull() | (in_whole & there), REPLACED).when(in_whole, WITHDRAWN).alias(HOW)
    told = found.select(*IDENTITY, how, F.coalesce(F.col("_whole"), again).alias(BY), other.alias(OTHER))
    return told.where(F.col(HOW).isNotNull())


def _later(*, unless_keyed: bool) -> Column:
    """The last of the new deliveries that has the row's result.

    One supplier's two keys are two results (a retake of the same day), unless the file is known to be whole.
    """

    def counts(new: Column) -> Column:
        after = new[NUMBER] > F.col(NUMBER)
        retake = F.coalesce(new[_KEYED] == F.col(_KEYED), F.lit(False))
        return after & ~retake if unless_keyed else after

    return F.array_max(F.transform(F.filter("_news", counts), lambda new: new[NUMBER]))


def given_again(rows: DataFrame) -> DataFrame:
    """The identities of the rows whose result a later delivery gives again, by the same rule as `superseded`.

    Takes: `rows_of`'s rows.
    """
    dated = _dated(rows)
    found = dated.join(_given(dated), list(SAME))
    return found.where(_later(unless_keyed=True).isNotNull()).select(*IDENTITY)


def _dated(rows: DataFrame) -> DataFrame:
    return rows.withColumn("_day", F.coalesce(F.col("afnamedatum").cast("string"), F.lit("")))


def _given(dated: DataFrame) -> DataFrame:
    """By result (`SAME`), which deliveries give it: `_news`."""
    return dated.groupBy(*SAME).agg(F.collect_set(F.struct(NUMBER, _KEYED)).alias("_news"))


def counted(gone: DataFrame) -> dict[tuple[int, str], dict[int, int]]:
    """By the delivery that takes away, and how: how many rows of which delivery. An action.

    Rows that are replaced under the key of another pupil count as `replaced`, and once more as `OTHER`.
    """
    told: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    sums = F.count(F.lit(1)).alias("n"), F.count_if(OTHER).alias(OTHER)
    for line in gone.groupBy(BY, HOW, NUMBER).agg(*sums).toArrow().to_pylist():
        told[line[BY], line[HOW]][line[NUMBER]] = line["n"]
        if line[OTHER]:
            told[line[BY], OTHER][line[NUMBER]] = line[OTHER]
    return told


def _slice(line: dict[str, Any]) -> Slice:
    return line["brin"], line[_SUPPLIER], line["schooljaar"], line["afnameperiode"]
