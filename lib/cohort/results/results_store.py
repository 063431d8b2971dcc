"""The restricted tables of results and of refused rows (the quarantine): created, read, removed by batch.

Both are partitioned by batch, one per run of intake, and the results within a batch by school year: a project on one
school year pays for no other. Called by `ingestion`, `erasure` and `release`; only rows of batches that have entries
in the ledger count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, IntegerType, StringType, StructField, StructType

from cohort.data_states import CANONICAL_COLUMNS, DELIVERY_NUMBER, RESULTS_PARTITION, RESULTS_SCHEMA, make_local_frame
from cohort.delta import (
    PartitionFile,
    TableRetention,
    append_copied_columns,
    count_batch_rows,
    create_table,
    fence_table,
    list_partition_files,
    read_partitions,
    read_table,
    replace_batch,
    vacuum_table_or_refuse,
)
from cohort.foundation import Refusal
from cohort.results import erasure_journal, results_layout
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage import StoragePath, StorageZones, remove_tree

ROWS_PER_FILE = 250_000
"""About how many rows of results go into one data file."""
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
    """Create both tables, empty, unless they exist; results of an earlier version are laid out anew, once."""
    results_layout.lay_out_results(spark, zones)
    create_table(spark, zones.results, RESULTS_SCHEMA, retention, partitioned_by=RESULTS_PARTITION)
    create_table(spark, zones.quarantine, QUARANTINE_SCHEMA, retention, partitioned_by=("batch",))


def data_file_count(spark: SparkSession, rows: int) -> int:
    """How many data files a batch of so many rows is written to: never fewer than there are cores."""
    return max(spark.sparkContext.defaultParallelism, -(-rows // ROWS_PER_FILE))


def read_current_results(
    spark: SparkSession, zones: StorageZones, batches: Iterable[int], school_years: Collection[str] | None = None
) -> DataFrame:
    """Read the current rows of some batches of results: of all that count, or of a new one.

    Of a frame that is filtered by `schooljaar` Spark reads only the files of those school years; it still looks for
    every file on disk, so a caller who knows the school years names them.

    Args:
        batches: batch numbers; those that count are in `Ledger.batches`.
        school_years: the school years to read; None for all of them.

    Raises:
        StateRefused: a table as an earlier version of the platform laid it out (exit code 15).
    """
    results_layout.require_current_layout(zones)
    partitions: dict[str, Collection[int] | Collection[str]] = {"batch": [*batches]}
    if school_years is not None:
        partitions["schooljaar"] = school_years
    return read_partitions(spark, zones.results, RESULTS_SCHEMA, partitions)


def list_result_files(
    zones: StorageZones, batches: Iterable[int], school_years: Collection[str] | None = None
) -> list[StoragePath]:
    """List the data files that `read_current_results` would read.

    Raises:
        StateRefused: a table as an earlier version of the platform laid it out (exit code 15).
    """
    results_layout.require_current_layout(zones)
    years = {} if school_years is None else {"schooljaar": school_years}
    return list_partition_files(zones.results, {"batch": [*batches], **years})


def count_current_rows(zones: StorageZones, batches: Iterable[int]) -> int:
    """Count the rows of some batches of results by the log of the table."""
    return count_batch_rows(zones.results, batches)


def append_copied_rows(spark: SparkSession, zones: StorageZones, files: Iterable[StoragePath], batch: int) -> None:
    """Append rows to a batch of results without decoding them.

    Args:
        files: Parquet files with the columns of results, each in a folder `<column>=<school year>`.
    """
    columns = StructType([field for field in RESULTS_SCHEMA if field.name not in RESULTS_PARTITION])
    placed = [
        PartitionFile(file, {"batch": f"{batch}", "schooljaar": file.parent.name.rpartition("=")[2]}) for file in files
    ]
    append_copied_columns(spark, placed, zones.results, columns, f"batch {batch}")


def append_copied_refusals(spark: SparkSession, zones: StorageZones, files: Iterable[StoragePath], batch: int) -> None:
    """Append rows to a batch of the quarantine without decoding them.

    Args:
        files: Parquet files with the columns of the quarantine but `batch`.
    """
    columns = StructType([field for field in QUARANTINE_SCHEMA if field.name != "batch"])
    placed = [PartitionFile(file, {"batch": f"{batch}"}) for file in files]
    append_copied_columns(spark, placed, zones.quarantine, columns, f"batch {batch}")


def rows_of_deliveries(rows: DataFrame, numbers: Collection[int]) -> DataFrame:
    """The rows of some deliveries, by their numbers."""
    listed = [(number,) for number in sorted(numbers)]
    deliveries = make_local_frame(rows.sparkSession, f"{DELIVERY_NUMBER} int not null", listed)
    return rows.join(F.broadcast(deliveries), DELIVERY_NUMBER, "left_semi")


def add_batches(rows: DataFrame, entries: Iterable[LedgerEntry]) -> DataFrame:
    """Add to rows of deliveries the batch of each, by which their partitions are found."""
    listed = [(entry.levering_nr, entry.batch) for entry in entries if entry.is_taken]
    batches = make_local_frame(rows.sparkSession, f"{DELIVERY_NUMBER} int not null, batch int not null", listed)
    return rows.join(F.broadcast(batches), DELIVERY_NUMBER)


def vacuum_restricted_table(table: StoragePath, what: str) -> None:
    """Remove the files that the current version of the table does not need.

    Args:
        what: what those files held, for the message of the refusal.

    Raises:
        DestructionIncomplete: a file stays (exit code 16).
    """
    vacuum_table_or_refuse(
        table,
        f"no file with {what}",
        found="files left behind",
        where=f"restricted/{table.name}",
        do="Look at its permissions, then run ingest again",
    )


def remove_batches(spark: SparkSession, table: StoragePath, batches: Iterable[int], what: str) -> int:
    """Remove some batches of a table: their rows, and the files that held them.

    A run that is killed half-way does the same again.

    Args:
        what: what the files held, for the message of the refusal.

    Returns:
        How many of the batches had a folder.

    Raises:
        DestructionIncomplete: a file stays (exit code 16).
    """
    folders = {batch: table / f"batch={batch}" for batch in sorted(batches)}
    existing = {batch: folder for batch, folder in folders.items() if folder.exists()}
    for batch in existing:
        replace_batch(read_table(spark, table).where("false"), table, batch)
    if existing:
        vacuum_restricted_table(table, what)
    for folder in existing.values():
        remove_tree(folder)
    return len(existing)


def fence_results(zones: StorageZones, note: str) -> None:
    """Make every commit to the tables of ingestion fail that a run began that lost its lock."""
    for table in (zones.results, zones.quarantine, zones.ledger, zones.opt_in_exclusions):
        fence_table(table, note)


def discard_batch(spark: SparkSession, zones: StorageZones, batch: int) -> None:
    """Remove the rows of a batch that never counted from results and quarantine."""
    for table in (zones.results, zones.quarantine):
        remove_batches(spark, table, [batch], "rows that do not count")


@contextmanager
def discard_batch_on_refusal(spark: SparkSession, zones: StorageZones, batch: int) -> Iterator[None]:
    """A context that removes the rows of the batch when what happens inside is refused."""
    try:
        yield
    except Refusal:
        discard_batch(spark, zones, batch)
        raise


def require_closed_accounts(zones: StorageZones, ledger: Ledger) -> None:
    """Check that accepted = current + replaced + withdrawn + erased rows, over all runs.

    Raises:
        AssertionError: the sums do not close, which is a defect.
    """
    current = count_batch_rows(zones.results, ledger.batches)
    if current + erasure_journal.count_erased_rows(zones) != ledger.current_row_count():
        raise AssertionError("the results are not what the ledger says was accepted and not taken away")
