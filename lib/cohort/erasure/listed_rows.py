"""Results of pupils on some list, found once and cheaply, for everything that an erasure asks of them.

In: the current results and the objections of today. Out: a small frame of who on any list has results, at which school,
in which domain and in which data files. Limits, receipts, counts and the erasure itself read it, and of the results
nothing but the files that it names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import RESULTS_SCHEMA, make_local_frame
from cohort.delta import read_parquet_files, scan_column
from cohort.erasure.excluded_pupils import listed_numbers
from cohort.legal_basis import SCOPE_DOMAIN, SCOPE_EVERYTHING, Objections, PupilNumbers, make_number_frame
from cohort.results import list_result_files
from cohort.storage import StoragePath, StorageZones, store_of

FILE, ROWS = "_file", "_rows"
"""Columns of grouped rows: the address of its data file as Spark writes it, and how many rows are like it."""
GROUPED_ROWS_SCHEMA = f"pgn string, brin string, domein string, {FILE} string, {ROWS} bigint"


@dataclass(frozen=True)
class ListedRows:
    """Who on any list has results.

    Args:
        rows: `pgn`, `brin`, `domein`, `_file` and `_rows`, each combination once.
        fewest_pupils: how many pupils there are at least in the results.
    """

    rows: DataFrame
    fewest_pupils: int


@contextmanager
def find_listed_rows(
    spark: SparkSession, zones: StorageZones, batches: Iterable[int], objections: Objections
) -> Iterator[ListedRows]:
    """A context with the rows of results under a number on any list; the driver has the lists anyway.

    Args:
        spark: the session.
        zones: the zones of the storage root.
        batches: the batches that count.
        objections: the objections of today.
    """
    numbers = numbers_to_look_for(objections)
    files = list_result_files(zones, batches) if numbers else []
    scanned = scan_column(spark, files, "pgn", numbers)
    rows = group_rows(spark, zones, scanned.files, make_number_frame(spark, numbers)).persist()
    try:
        yield ListedRows(rows, scanned.fewest_values)
    finally:
        rows.unpersist()


def group_rows(
    spark: SparkSession, zones: StorageZones, files: Collection[StoragePath], numbers: DataFrame | None = None
) -> DataFrame:
    """Group rows of data files of results: `pgn`, `brin`, `domein`, `_file` and `_rows`, each combination once.

    Args:
        spark: the session.
        zones: the zones of the storage root.
        files: the data files.
        numbers: the numbers (`pgn`) whose rows are meant; None for all.
    """
    if not files:
        return make_local_frame(spark, GROUPED_ROWS_SCHEMA, [])
    stored = read_parquet_files(spark, zones.results, RESULTS_SCHEMA, files)
    rows = stored.select("pgn", "brin", "domein", F.col("_metadata.file_path").alias(FILE))
    if numbers is not None:
        rows = rows.join(F.broadcast(numbers), "pgn", "left_semi")
    return rows.groupBy("pgn", "brin", "domein", FILE).agg(F.count(F.lit(1)).alias(ROWS))


def numbers_to_look_for(objections: Objections) -> PupilNumbers:
    """The numbers whose results an erasure must know of, under every number of a pupil.

    These are pupils with an objection in force to everything or to a domain, pupils with one to a project of whom no
    results were seen yet, and pupils on opt-in lists. Results of the second kind stay, so they are looked for once.
    """
    changes, registry = objections.number_changes, objections.registry.values()
    seen = {changes.newest(pgn) for one in registry for (pgn, _), entry in one.entries.items() if entry.matched}
    in_force = (line for one in objections.lists if one.blocks for line in one.objections if line.in_force(one.read_on))
    by_project = (numbers for scope, numbers in objections.barred_numbers.items() if not _erases_rows(scope))
    opted_in = (numbers for one in objections.opt_in_lists for numbers in one.numbers_by_scope.values())
    return listed_numbers(objections).union(
        changes.linked_numbers(frozenset(line.pgn for line in in_force if _erases_rows(line.scope))),
        (number for numbers in by_project for number in numbers if changes.newest(number) not in seen),
        *opted_in,
    )


def _erases_rows(scope: str) -> bool:
    """Whether an objection of this scope removes rows: one to a project does not."""
    return scope == SCOPE_EVERYTHING or scope.startswith(SCOPE_DOMAIN)


def count_rows_and_files(zones: StorageZones, grouped: DataFrame) -> tuple[int, frozenset[StoragePath]]:
    """Count the rows of `group_rows`, and list their data files: an action."""
    counts = grouped.groupBy(FILE).agg(F.sum(ROWS).alias(ROWS)).collect()
    path_of_url = store_of(zones.results).path_of_url
    return sum(line[ROWS] for line in counts), frozenset(path_of_url(line[FILE]) for line in counts)
