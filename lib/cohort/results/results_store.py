"""The restricted tables of results and of refused rows: made, written by batch, counted."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from cohort import delta
from cohort.delta import TableRetention
from cohort.foundation.errors import Refusal
from cohort.results import erasure_journal
from cohort.results.ledger import Ledger
from cohort.states import local_frames
from cohort.states.schemas import CANONICAL_COLUMNS, DELIVERY_NUMBER, RESULTS_SCHEMA
from cohort.storage.zone_paths import StorageZones

ROWS_PER_FILE = 250_000
QUARANTINE_SCHEMA = StructType(
    [
        StructField("pgn", StringType()),
        StructField(DELIVERY_NUMBER, IntegerType(), False),
        StructField("batch", IntegerType(), False),
        StructField("codes", ArrayType(StringType(), False), False),
        StructField("row", StructType([StructField(name, StringType()) for name in CANONICAL_COLUMNS])),
    ]
)


def create_results_tables(spark: SparkSession, zones: StorageZones, retention: TableRetention) -> None:
    """Make both tables, empty, unless they are there."""
    delta.create_table(spark, zones.results, RESULTS_SCHEMA, retention, partitioned_by="batch")
    delta.create_table(spark, zones.quarantine, QUARANTINE_SCHEMA, retention, partitioned_by="batch")


def data_file_count(spark: SparkSession, rows: int) -> int:
    """Into how many files a batch of so many rows is written: never fewer than there are cores."""
    return max(spark.sparkContext.defaultParallelism, -(-rows // ROWS_PER_FILE))


def read_current_results(spark: SparkSession, zones: StorageZones, batches: Iterable[int]) -> DataFrame:
    """The results that count: the rows of batches that have entries in the ledger."""
    return delta.read_batches(spark, zones.results, RESULTS_SCHEMA, batches)


def read_batch(spark: SparkSession, zones: StorageZones, batch: int) -> DataFrame:
    """What stands in the results of a batch."""
    return read_current_results(spark, zones, (batch,))


def rows_of_deliveries(rows: DataFrame, numbers: Collection[int]) -> DataFrame:
    """The rows of some deliveries."""
    return rows.join(_listed(rows, numbers), DELIVERY_NUMBER, "left_semi")


def rows_of_other_deliveries(rows: DataFrame, numbers: Collection[int]) -> DataFrame:
    """The rows of all other deliveries."""
    return rows.join(_listed(rows, numbers), DELIVERY_NUMBER, "left_anti") if numbers else rows


def _listed(rows: DataFrame, numbers: Collection[int]) -> DataFrame:
    state = f"{DELIVERY_NUMBER} int not null"
    return F.broadcast(local_frames.make_local_frame(rows.sparkSession, state, [(n,) for n in sorted(numbers)]))


def vacuum_restricted_table(table: Path, what: str) -> None:
    """Remove the files that the table no longer needs.

    Takes: what those files held, for the refusal.
    Refuses: a file that stays (exit code 16).
    """
    delta.vacuum_table_or_refuse(
        table,
        f"no file with {what}",
        found="files left behind",
        where=f"restricted/{table.name}",
        do="Look at its permissions, then run ingest again",
    )


def remove_batches(spark: SparkSession, table: Path, batches: Iterable[int], what: str) -> int:
    """Remove some batches of a table, rows and the files that held them; how many of them there were.

    Takes: what the files held, for the refusal. Killed half-way, it is simply done again.
    Refuses: a file that stays (exit code 16).
    """
    folders = {batch: table / f"batch={batch}" for batch in sorted(batches)}
    there = {batch: folder for batch, folder in folders.items() if folder.exists()}
    for batch in there:
        delta.replace_batch(delta.read_table(spark, table).where("false"), table, batch)
    if there:
        vacuum_restricted_table(table, what)
    for folder in there.values():
        shutil.rmtree(folder, ignore_errors=True)
    return len(there)


def discard_batch(spark: SparkSession, zones: StorageZones, batch: int) -> None:
    """Remove what stands of a batch that never counted."""
    for table in (zones.results, zones.quarantine):
        remove_batches(spark, table, [batch], "rows that do not count")


@contextmanager
def discard_batch_on_refusal(spark: SparkSession, zones: StorageZones, batch: int) -> Iterator[None]:
    """What is done with a batch inside: of one that is refused nothing stays."""
    try:
        yield
    except Refusal:
        discard_batch(spark, zones, batch)
        raise


def require_closed_accounts(zones: StorageZones, after: Ledger) -> None:
    """accepted = current + replaced + withdrawn + erased, over all runs."""
    there = delta.count_batch_rows(zones.results, after.batches)
    if there + erasure_journal.count_erased_rows(zones) != after.current_row_count():
        raise AssertionError("the results are not what the ledger says was accepted and not taken away")
