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

from cohort.delivery_formats.transcripts import lasting_result_key_sql
from cohort.results.ledger import LedgerEntry
from cohort.states import local_frames
from cohort.states.schemas import DELIVERY_NUMBER

REPLACED, WITHDRAWN = "replaced", "withdrawn"
REMOVAL_KIND, REMOVED_BY, OTHER_PUPIL = "_how", "_by", "_other"
SLICE_KEY = ("brin", "schooljaar", "afnameperiode")
TEST_KEY = ("pgn", "toetscode", "toetsversie")
RESULT_KEY = (*SLICE_KEY, *TEST_KEY, "_day")
ROW_IDENTITY = (DELIVERY_NUMBER, *TEST_KEY, "schooljaar", "afnameperiode", "afnamedatum", "bron_result_key")
"""What tells one row of a delivery from its others: equal ones are refused as DUPLICATE."""
_SUPPLIER, _KEY, _KEYED, _NEW = "_supplier", "_key", "_keyed", "_new"
_AGAIN, _LATER = "_again", "_later"
_NONE = "cast(array() as array<int>)"

SupplierSlice = tuple[str, str, str, str]
"""School, supplier, school year, moment."""
ReplacedDelivery = tuple[int, int | None]
"""A delivery that has a result, and the delivery that replaced it there, None if none did."""


@dataclass(frozen=True)
class SharedResults:
    """How many results of a slice the same deliveries have."""

    slice: SupplierSlice
    given: frozenset[ReplacedDelivery]
    results: int


def schools_with_earlier_deliveries(earlier: Iterable[LedgerEntry], entries: Iterable[LedgerEntry]) -> frozenset[str]:
    """Schools of which a delivery of this run has an earlier one beside it."""
    before = {e.brin for e in earlier if e.is_taken and e.accepted}
    seen: set[str | None] = set()
    found: set[str] = set()
    for entry in entries:
        if entry.is_taken and entry.accepted and entry.brin:
            if entry.brin in before or entry.brin in seen:
                found.add(entry.brin)
            seen.add(entry.brin)
    return frozenset(found)


def identify_rows(results: DataFrame, schools: frozenset[str], entries: Iterable[LedgerEntry], batch: int) -> DataFrame:
    """The identities of the rows of some schools, each with its supplier, and whether it is of this run.

    Takes: results, this run's among them; the ledger's lines, this run's among them.
    """
    spark = results.sparkSession
    listed = local_frames.make_local_frame(spark, "brin string not null", [(school,) for school in sorted(schools)])
    known = [(e.levering_nr, e.supplier) for e in entries if e.is_taken and e.brin in schools]
    suppliers = local_frames.make_local_frame(spark, f"{DELIVERY_NUMBER} int not null, {_SUPPLIER} string", known)
    key = F.expr(lasting_result_key_sql("bron_result_key"))
    return (
        results.join(F.broadcast(listed), "brin", "left_semi")
        .join(F.broadcast(suppliers), DELIVERY_NUMBER)
        .select(
            *ROW_IDENTITY,
            "brin",
            _SUPPLIER,
            key.alias(_KEY),
            (F.col("batch") == batch).alias(_NEW),
            F.when(key.isNotNull(), F.col(_SUPPLIER)).alias(_KEYED),
        )
    )


def find_later_deliveries(rows: DataFrame) -> DataFrame:
    """The rows with what later deliveries of this run have of their results.

    Takes: `rows_of`'s rows.
    Gives: `_again`, the first delivery that replaces the row as a single result, null if none does;
    `_later`, every one that has its result; `_other`, whether `_again` has only its key, with another
    pupil: a corrected pupil number, or a key that was used again; nobody can tell which.
    """
    dated = _dated(rows)
    new = dated.where(_NEW)
    keyed = (_SUPPLIER, _KEY, *SLICE_KEY, "toetscode")
    by_key = new.where(F.col(_KEY).isNotNull()).groupBy(*keyed)
    found = dated.join(by_key.agg(F.collect_set(DELIVERY_NUMBER).alias("_keys")), list(keyed), "left").join(
        _given(new), list(RESULT_KEY), "left"
    )
    keys = F.filter("_keys", lambda key: key > F.col(DELIVERY_NUMBER))
    given = _numbers(unless_keyed=False)
    again = F.least(F.array_min(keys), F.array_min(_numbers(unless_keyed=True)))
    later = F.concat(*(F.coalesce(one, F.expr(_NONE)) for one in (keys, given)))
    other = again.isNotNull() & ~F.coalesce(F.array_contains(given, again), F.lit(False))
    return found.select(*rows.columns, again.alias(_AGAIN), later.alias(_LATER), other.alias(OTHER_PUPIL))


def count_shared_results(held: DataFrame) -> list[SharedResults]:
    """Of every slice how many results the same deliveries have: an action, a line per set of deliveries."""
    by = (_SUPPLIER, *SLICE_KEY)
    given = F.array_sort(F.collect_set(F.struct(DELIVERY_NUMBER, _AGAIN))).alias("given")
    results = held.groupBy(*by, "pgn", "toetscode").agg(given)
    found = results.groupBy(*by, "given").agg(F.count(F.lit(1)).alias("n")).toArrow().to_pylist()
    return [
        SharedResults(_slice(line), frozenset((one[DELIVERY_NUMBER], one[_AGAIN]) for one in line["given"]), line["n"])
        for line in found
    ]


def find_replaced_slices(
    found: Iterable[SharedResults], share: Decimal, new: frozenset[int]
) -> dict[tuple[SupplierSlice, int], int]:
    """Slices of deliveries that a whole later file replaces, each with the number of that file.

    A delivery is held against what stood there when it came, so that nothing depends on how runs of intake
    cut the deliveries.

    Takes: what `shared` found; the share above which a file is whole; the deliveries of this run.
    """
    slices: dict[SupplierSlice, list[SharedResults]] = defaultdict(list)
    for one in found:
        slices[one.slice].append(one)
    gone: dict[tuple[SupplierSlice, int], int] = {}
    for name, parts in slices.items():
        live: list[int] = []
        for number in sorted({number for part in parts for number, _ in part.given}):
            if number in new and live:
                there = [part for part in parts if _stands(part.given, live, number)]
                again = (p.results for p in there if any(has == number for has, _ in p.given))
                if sum(again) > share * sum(part.results for part in there):
                    gone.update({(name, earlier): number for earlier in live})
                    live = []
            live.append(number)
    return gone


def _stands(given: frozenset[ReplacedDelivery], live: list[int], number: int) -> bool:
    """Whether a result still stood in one of the deliveries when another one came."""
    return any(has in live and (again is None or again >= number) for has, again in given)


def find_superseded_rows(
    spark: SparkSession, held: DataFrame, gone: Mapping[tuple[SupplierSlice, int], int]
) -> DataFrame:
    """The rows that go, with how (`replaced`, `withdrawn`) and the first delivery that takes them away.

    Takes: `held`'s rows, and the dead slices.
    Gives: with each row also whether it goes only because the delivery has its key, with another pupil.
    """
    lines = [(one[0], one[2], one[3], number, by) for (one, number), by in gone.items()]
    state = f"brin string, schooljaar string, afnameperiode string, {DELIVERY_NUMBER} int, _whole int"
    whole = F.broadcast(local_frames.make_local_frame(spark, state, lines))
    found = held.join(whole, [*SLICE_KEY, DELIVERY_NUMBER], "left").withColumn(REMOVED_BY, F.least(_AGAIN, "_whole"))
    how = F.when(F.array_contains(_LATER, F.col(REMOVED_BY)), REPLACED).otherwise(WITHDRAWN).alias(REMOVAL_KIND)
    other = F.col(OTHER_PUPIL) & ~F.col(REMOVED_BY).eqNullSafe(F.col("_whole"))
    return found.where(F.col(REMOVED_BY).isNotNull()).select(*ROW_IDENTITY, how, REMOVED_BY, other.alias(OTHER_PUPIL))


def _numbers(*, unless_keyed: bool) -> Column:
    """The later ones of the given deliveries that have the row's result.

    One supplier's two keys are two results (a retake of the same day), unless the file is known to be whole.
    """

    def counts(new: Column) -> Column:
        after = new[DELIVERY_NUMBER] > F.col(DELIVERY_NUMBER)
        retake = F.coalesce(new[_KEYED] == F.col(_KEYED), F.lit(False))
        return after & ~retake if unless_keyed else after

    return F.transform(F.filter("_news", counts), lambda new: new[DELIVERY_NUMBER])


def find_rows_given_again(rows: DataFrame) -> DataFrame:
    """The identities of the rows whose result a later delivery gives again, by the same rule as `superseded`.

    Takes: `rows_of`'s rows.
    """
    dated = _dated(rows)
    found = dated.join(_given(dated), list(RESULT_KEY))
    return found.where(F.size(_numbers(unless_keyed=True)) > 0).select(*ROW_IDENTITY)


def _dated(rows: DataFrame) -> DataFrame:
    return rows.withColumn("_day", F.coalesce(F.col("afnamedatum").cast("string"), F.lit("")))


def _given(dated: DataFrame) -> DataFrame:
    """By result (`SAME`), which deliveries give it: `_news`."""
    return dated.groupBy(*RESULT_KEY).agg(F.collect_set(F.struct(DELIVERY_NUMBER, _KEYED)).alias("_news"))


def count_superseded_rows(gone: DataFrame) -> dict[tuple[int, str], dict[int, int]]:
    """By the delivery that takes away, and how: how many rows of which delivery. An action.

    Rows that are replaced under the key of another pupil count as `replaced`, and once more as `OTHER`.
    """
    told: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    sums = F.count(F.lit(1)).alias("n"), F.count_if(OTHER_PUPIL).alias(OTHER_PUPIL)
    for line in gone.groupBy(REMOVED_BY, REMOVAL_KIND, DELIVERY_NUMBER).agg(*sums).toArrow().to_pylist():
        told[line[REMOVED_BY], line[REMOVAL_KIND]][line[DELIVERY_NUMBER]] = line["n"]
        if line[OTHER_PUPIL]:
            told[line[REMOVED_BY], OTHER_PUPIL][line[DELIVERY_NUMBER]] = line[OTHER_PUPIL]
    return told


def _slice(line: dict[str, Any]) -> SupplierSlice:
    return line["brin"], line[_SUPPLIER], line["schooljaar"], line["afnameperiode"]
