"""Supersession: which rows of earlier deliveries a later delivery replaces or withdraws.

In go current results with those of this run, out come the identities of superseded rows; called by
`supersession_journal`. Deliveries count in the order in which they were received. A file that repeats more than
`whole_share` of what a school's supplier had delivered of a school year and moment is complete: what it lacks is
withdrawn. Any other file replaces only the results that it gives again: the same result key of the same supplier, or
else the same test of the same pupil at the same school on the same day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER, make_local_frame
from cohort.delivery_formats import lasting_result_key_sql
from cohort.results import LedgerEntry

REPLACED, WITHDRAWN = "replaced", "withdrawn"
"""Why a row goes: a later delivery gives its result again, or is complete and lacks it."""
REMOVAL_KIND, REMOVED_BY, OTHER_PUPIL = "_how", "_by", "_other"
"""Columns of a superseded row: why it goes, the delivery that supersedes it, whether only the result key is shared."""
SLICE_KEY = ("brin", "schooljaar", "afnameperiode")
TEST_KEY = ("pgn", "toetscode", "toetsversie")
RESULT_KEY = (*SLICE_KEY, *TEST_KEY, "_day")
"""What two rows with the same result have in common."""
ROW_IDENTITY = (DELIVERY_NUMBER, *TEST_KEY, "schooljaar", "afnameperiode", "afnamedatum", "bron_result_key")
"""What tells one row of a delivery from its others: equal ones are refused as DUPLICATE."""
_SUPPLIER, _KEY, _KEYED, _NEW = "_supplier", "_key", "_keyed", "_new"
_REPLACED_BY, _REPEATED_BY, _REPEATS = "_again", "_later", "_news"
_NO_DELIVERIES = "cast(array() as array<int>)"

SupplierSlice = tuple[str, str, str, str]
"""School, supplier, school year, moment."""
ReplacedDelivery = tuple[int, int | None]
"""A delivery that has a result, and the delivery that replaced it there, None if none did."""


@dataclass(frozen=True)
class SharedResults:
    """How many results of a slice the same deliveries have."""

    slice: SupplierSlice
    deliveries: frozenset[ReplacedDelivery]
    results: int


def schools_with_earlier_deliveries(earlier: Iterable[LedgerEntry], entries: Iterable[LedgerEntry]) -> frozenset[str]:
    """The schools of which this run has a delivery that another one came before."""
    delivered = {entry.brin for entry in earlier if entry.is_taken and entry.accepted}
    schools: set[str] = set()
    for entry in entries:
        if entry.is_taken and entry.accepted and entry.brin:
            if entry.brin in delivered:
                schools.add(entry.brin)
            delivered.add(entry.brin)
    return frozenset(schools)


def identify_rows(results: DataFrame, schools: frozenset[str], entries: Iterable[LedgerEntry], batch: int) -> DataFrame:
    """Select the identities of the rows of some schools, with what supersession compares them by.

    Args:
        results: current results, with those of this run.
        schools: the schools to select.
        entries: the ledger entries, with those of this run.
        batch: the batch of this run.

    Returns:
        `ROW_IDENTITY`, `brin`, `_supplier`, `_key` (the supplier's lasting result key, else null), `_keyed` (the
        supplier where there is a key, else null) and `_new` (whether the row is of this run).
    """
    spark = results.sparkSession
    listed = make_local_frame(spark, "brin string not null", [(school,) for school in sorted(schools)])
    pairs = [(entry.levering_nr, entry.supplier) for entry in entries if entry.is_taken and entry.brin in schools]
    suppliers = make_local_frame(spark, f"{DELIVERY_NUMBER} int not null, {_SUPPLIER} string", pairs)
    key = F.expr(lasting_result_key_sql("bron_result_key"))
    of_schools = results.join(F.broadcast(listed), "brin", "left_semi").join(F.broadcast(suppliers), DELIVERY_NUMBER)
    return of_schools.select(
        *ROW_IDENTITY,
        "brin",
        _SUPPLIER,
        key.alias(_KEY),
        (F.col("batch") == batch).alias(_NEW),
        F.when(key.isNotNull(), F.col(_SUPPLIER)).alias(_KEYED),
    )


def find_later_deliveries(rows: DataFrame) -> DataFrame:
    """Find for every row the deliveries of this run that give its result again.

    Args:
        rows: rows of `identify_rows`.

    Returns:
        The rows with `_again`, the first delivery that replaces the row as a single result, null if none does;
        `_later`, every later delivery that has its result; `_other`, whether `_again` shares only the result key
        and names another pupil: a corrected pupil number, or a key that was used again; nobody can tell which.
    """
    dated = _with_day(rows)
    new = dated.where(_NEW)
    keyed = (_SUPPLIER, _KEY, *SLICE_KEY, "toetscode")
    by_key = new.where(F.col(_KEY).isNotNull()).groupBy(*keyed).agg(F.collect_set(DELIVERY_NUMBER).alias("_keys"))
    compared = dated.join(by_key, list(keyed), "left").join(_repeats_by_result(new), list(RESULT_KEY), "left")
    with_key = F.filter("_keys", lambda delivery: delivery > F.col(DELIVERY_NUMBER))
    with_result = _later_repeats(unless_keyed=False)
    replaced_by = F.least(F.array_min(with_key), F.array_min(_later_repeats(unless_keyed=True)))
    repeated_by = F.concat(*(F.coalesce(one, F.expr(_NO_DELIVERIES)) for one in (with_key, with_result)))
    names_pupil = F.coalesce(F.array_contains(with_result, replaced_by), F.lit(False))
    return compared.select(
        *rows.columns,
        replaced_by.alias(_REPLACED_BY),
        repeated_by.alias(_REPEATED_BY),
        (replaced_by.isNotNull() & ~names_pupil).alias(OTHER_PUPIL),
    )


def count_shared_results(rows: DataFrame) -> list[SharedResults]:
    """Count, per slice, how many results the same deliveries have: an action, a line per set of deliveries.

    Args:
        rows: rows of `find_later_deliveries`.
    """
    by_slice = (_SUPPLIER, *SLICE_KEY)
    deliveries = F.array_sort(F.collect_set(F.struct(DELIVERY_NUMBER, _REPLACED_BY))).alias("deliveries")
    results = rows.groupBy(*by_slice, "pgn", "toetscode").agg(deliveries)
    counts = results.groupBy(*by_slice, "deliveries").agg(F.count(F.lit(1)).alias("n")).toArrow().to_pylist()
    return [
        SharedResults(
            _supplier_slice(line),
            frozenset((one[DELIVERY_NUMBER], one[_REPLACED_BY]) for one in line["deliveries"]),
            line["n"],
        )
        for line in counts
    ]


def find_replaced_slices(
    shared: Iterable[SharedResults], whole_share: Decimal, new: frozenset[int]
) -> dict[tuple[SupplierSlice, int], int]:
    """Find the slices of deliveries that a later, complete file replaces as a whole.

    A delivery is compared with what was current when it came, so that the result does not depend on how runs of
    ingestion group the deliveries.

    Args:
        shared: the counts of `count_shared_results`.
        whole_share: the share of a slice's results above which a file that repeats them is complete.
        new: the deliveries of this run.

    Returns:
        The number of the replacing delivery, by slice and replaced delivery.
    """
    by_slice: dict[SupplierSlice, list[SharedResults]] = defaultdict(list)
    for one in shared:
        by_slice[one.slice].append(one)
    replaced: dict[tuple[SupplierSlice, int], int] = {}
    for name, parts in by_slice.items():
        current: list[int] = []
        for number in sorted({number for part in parts for number, _ in part.deliveries}):
            if number in new and current:
                standing = [part for part in parts if _was_current(part.deliveries, current, number)]
                repeated = sum(p.results for p in standing if any(has == number for has, _ in p.deliveries))
                if repeated > whole_share * sum(part.results for part in standing):
                    replaced.update({(name, earlier): number for earlier in current})
                    current = []
            current.append(number)
    return replaced


def find_superseded_rows(
    spark: SparkSession, rows: DataFrame, replaced_slices: Mapping[tuple[SupplierSlice, int], int]
) -> DataFrame:
    """Select the rows that are superseded.

    Args:
        rows: rows of `find_later_deliveries`.
        replaced_slices: what `find_replaced_slices` found.

    Returns:
        `ROW_IDENTITY`; `_how`, `replaced` or `withdrawn`; `_by`, the first delivery that supersedes the row;
        `_other`, whether that delivery shares only the result key with it and names another pupil.
    """
    lines = [(name[0], name[2], name[3], number, by) for (name, number), by in replaced_slices.items()]
    state = f"brin string, schooljaar string, afnameperiode string, {DELIVERY_NUMBER} int, _whole int"
    whole = F.broadcast(make_local_frame(spark, state, lines))
    joined = rows.join(whole, [*SLICE_KEY, DELIVERY_NUMBER], "left")
    removed = joined.withColumn(REMOVED_BY, F.least(_REPLACED_BY, "_whole")).where(F.col(REMOVED_BY).isNotNull())
    is_repeated = F.array_contains(_REPEATED_BY, F.col(REMOVED_BY))
    kind = F.when(is_repeated, REPLACED).otherwise(WITHDRAWN).alias(REMOVAL_KIND)
    other_pupil = F.col(OTHER_PUPIL) & ~F.col(REMOVED_BY).eqNullSafe(F.col("_whole"))
    return removed.select(*ROW_IDENTITY, kind, REMOVED_BY, other_pupil.alias(OTHER_PUPIL))


def find_rows_given_again(rows: DataFrame) -> DataFrame:
    """The identities of the rows whose result a later delivery gives again, by the rule for single results.

    Args:
        rows: rows of `identify_rows`.
    """
    dated = _with_day(rows)
    compared = dated.join(_repeats_by_result(dated), list(RESULT_KEY))
    return compared.where(F.size(_later_repeats(unless_keyed=True)) > 0).select(*ROW_IDENTITY)


def count_superseded_rows(superseded: DataFrame) -> dict[tuple[int, str], dict[int, int]]:
    """Count the superseded rows per superseding delivery and kind: an action.

    Rows that are replaced under the key of another pupil count as `replaced`, and once more as `OTHER_PUPIL`.

    Returns:
        By superseding delivery and kind, the rows of each superseded delivery.
    """
    counts: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    sums = F.count(F.lit(1)).alias("n"), F.count_if(OTHER_PUPIL).alias(OTHER_PUPIL)
    groups = superseded.groupBy(REMOVED_BY, REMOVAL_KIND, DELIVERY_NUMBER).agg(*sums)
    for group in groups.toArrow().to_pylist():
        counts[group[REMOVED_BY], group[REMOVAL_KIND]][group[DELIVERY_NUMBER]] = group["n"]
        if group[OTHER_PUPIL]:
            counts[group[REMOVED_BY], OTHER_PUPIL][group[DELIVERY_NUMBER]] = group[OTHER_PUPIL]
    return counts


def _was_current(deliveries: frozenset[ReplacedDelivery], current: list[int], number: int) -> bool:
    """Whether a result was still current in one of the deliveries when delivery `number` came."""
    return any(has in current and (by is None or by >= number) for has, by in deliveries)


def _later_repeats(*, unless_keyed: bool) -> Column:
    """The later ones of the deliveries in `_news`, which have the row's result.

    One supplier's two keys are two results (a retake of the same day), unless the file is known to be complete.
    """

    def is_repeat(new: Column) -> Column:
        is_later = new[DELIVERY_NUMBER] > F.col(DELIVERY_NUMBER)
        is_retake = F.coalesce(new[_KEYED] == F.col(_KEYED), F.lit(False))
        return is_later & ~is_retake if unless_keyed else is_later

    return F.transform(F.filter(_REPEATS, is_repeat), lambda new: new[DELIVERY_NUMBER])


def _repeats_by_result(dated: DataFrame) -> DataFrame:
    """By result (`RESULT_KEY`), the deliveries that give it: `_news`."""
    return dated.groupBy(*RESULT_KEY).agg(F.collect_set(F.struct(DELIVERY_NUMBER, _KEYED)).alias(_REPEATS))


def _with_day(rows: DataFrame) -> DataFrame:
    return rows.withColumn("_day", F.coalesce(F.col("afnamedatum").cast("string"), F.lit("")))


def _supplier_slice(line: dict[str, Any]) -> SupplierSlice:
    return line["brin"], line[_SUPPLIER], line["schooljaar"], line["afnameperiode"]
