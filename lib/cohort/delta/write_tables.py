"""Writing Delta tables: tables made, appended to and replaced, each in one commit with a note.

Every table has its properties (`table_properties`) from its first commit on. No column metadata and no column
statistics reach a data file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence

import deltalake
import pyarrow as pa
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort.data_states import make_local_frame
from cohort.delta.read_tables import open_delta_table, read_commits, read_table, table_exists
from cohort.delta.table_properties import TableRetention, make_table_properties
from cohort.storage import StoragePath, store_of

KEEP_LOG = deltalake.PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Makes deltalake do nothing after a commit. By default it removes old commits at every hundredth version."""
NO_FOOTER_STATISTICS = deltalake.WriterProperties(
    default_column_properties=deltalake.ColumnProperties(statistics_enabled="NONE")
)
"""Keeps values out of the footers of files, as `parquet.column.statistics.enabled` does for files that Spark writes."""
FENCE_PROPERTY = "cohort.fence"
"""The property of a table that changes when a lock is taken over."""
CHECKPOINT_INTERVAL = 10
"""Versions between two checkpoints of a table that deltalake writes."""


def create_table(
    spark: SparkSession,
    path: StoragePath,
    schema: StructType,
    retention: TableRetention,
    partitioned_by: Sequence[str] = (),
) -> None:
    """Make an empty table unless it exists.

    Args:
        spark: the session.
        path: the folder of the table.
        schema: its columns.
        retention: its retention.
        partitioned_by: columns that ingestion makes or checks itself (`batch`, `schooljaar`), never one of a person
            or school: their values stand in the log and in the names of folders.
    """
    if table_exists(path):
        return
    writer = make_local_frame(spark, schema, []).write.format("delta").options(**make_table_properties(retention))
    (writer.partitionBy(*partitioned_by) if partitioned_by else writer).save(str(path))


def write_new_table(frame: DataFrame, path: StoragePath, note: str, retention: TableRetention) -> None:
    """Write a table that does not exist yet, with the order and the files of the frame."""
    store_of(path).require_lock_held()
    writer = (
        drop_column_metadata(frame)
        .write.format("delta")
        .mode("errorifexists")
        .options(**make_table_properties(retention))
    )
    writer.option("userMetadata", note).save(str(path))


def append_rows(frame: DataFrame, path: StoragePath, note: str) -> None:
    """Append the rows of a frame to a table."""
    store_of(path).require_lock_held()
    drop_column_metadata(frame).write.format("delta").mode("append").option("userMetadata", note).save(str(path))


def append_local_rows(rows: pa.Table, path: StoragePath, note: str) -> None:
    """Append a few rows of the driver with deltalake, without Spark, which would plan a job and a snapshot.

    A table that is appended to with this function is written by no other. Its log keeps every commit; a checkpoint
    that cannot be written is left to the next call. Columns that the table lacks, because an earlier version of the
    platform made it, are added.
    """
    store_of(path).require_lock_held()
    table = open_delta_table(path)
    columns = {field.name for field in table.schema().fields}
    deltalake.write_deltalake(
        table,
        rows,
        mode="append",
        writer_properties=NO_FOOTER_STATISTICS,
        schema_mode=None if columns.issuperset(rows.column_names) else "merge",
        commit_properties=deltalake.CommitProperties(custom_metadata={"userMetadata": note}),
        post_commithook_properties=KEEP_LOG,
    )
    checkpoint_when_due(table)


def write_local_table(
    rows: pa.Table, path: StoragePath, own_properties: Mapping[str, str], note: str, retention: TableRetention
) -> None:
    """Write a table that does not exist yet from rows of the driver, in their order, without Spark.

    The first commit has the properties, the second the rows.

    Args:
        rows: the rows.
        path: the folder of the table.
        own_properties: properties of this table beside those of every table.
        note: the note of the commit.
        retention: the retention of the table.
    """
    store_of(path).require_lock_held()
    commit = deltalake.CommitProperties(custom_metadata={"userMetadata": note})
    table = deltalake.DeltaTable.create(
        str(path),
        deltalake.Schema.from_arrow(rows.schema),
        mode="error",
        configuration={**make_table_properties(retention), **own_properties},
        storage_options=store_of(path).table_options(),
        commit_properties=commit,
        raise_if_key_not_exists=False,
    )
    deltalake.write_deltalake(
        table,
        rows,
        mode="append",
        writer_properties=NO_FOOTER_STATISTICS,
        commit_properties=commit,
        post_commithook_properties=KEEP_LOG,
    )


def make_add_action(path: StoragePath, file: StoragePath, partition: Mapping[str, str], rows: int) -> AddAction:
    """Make what a commit says of a new data file.

    Args:
        path: the folder of the table.
        file: the file, where it lies below that folder.
        partition: the values of its partition by column.
        rows: its rows.
    """
    status = file.stat()
    return AddAction(
        path=str(file.relative_to(path)),
        size=status.st_size,
        partition_values=dict(partition),
        modification_time=int(status.st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": rows}),
    )


def fence_table(path: StoragePath, note: str) -> None:
    """Make every commit fail that somebody began before: a property of the table changes, which no commit may overlook.

    Args:
        path: the folder of the table.
        note: the new value of the property, and the note of the commit.
    """
    if table_exists(path):
        open_delta_table(path).alter.set_table_properties(
            {FENCE_PROPERTY: note},
            raise_if_not_exists=False,
            commit_properties=deltalake.CommitProperties(custom_metadata={"userMetadata": note}),
            post_commithook_properties=KEEP_LOG,
        )


def commit_data_files(
    path: StoragePath, table: deltalake.DeltaTable, actions: list[AddAction | RemoveAction], note: str
) -> None:
    """Commit data files that were added to the folder of a table, and others that go, in one commit.

    Args:
        path: the folder of the table.
        table: the table as it was opened; another commit since then that is in the way is an error.
        actions: what is added and removed.
        note: the note of the commit.
    """
    store_of(path).require_lock_held()
    table.create_write_transaction(
        actions,
        mode="append",
        schema=table.schema(),
        partition_by=table.metadata().partition_columns,
        commit_properties=deltalake.CommitProperties(custom_metadata={"userMetadata": note}),
        post_commithook_properties=KEEP_LOG,
    )
    checkpoint_when_due(open_delta_table(path))  # `table` is still the version before the commit


def checkpoint_when_due(table: deltalake.DeltaTable) -> None:
    """Write a checkpoint at every tenth version that deltalake commits; one that fails is left to the next."""
    with contextlib.suppress(DeltaError, OSError):  # the commit is done, and the log is complete without a checkpoint
        if table.version() % CHECKPOINT_INTERVAL == 0:
            table.create_checkpoint()


def replace_batch(frame: DataFrame, path: StoragePath, batch: int) -> None:
    """Write one batch of ingestion; rows that a killed run left of this batch are replaced in the same commit."""
    store_of(path).require_lock_held()
    (
        drop_column_metadata(frame)
        .write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", f"batch = {int(batch)}")
        .option("userMetadata", f"batch {int(batch)}")
        .save(str(path))
    )


def partition_table_anew(spark: SparkSession, path: StoragePath, partitioned_by: Sequence[str]) -> None:
    """Partition a table by other columns, in one commit that keeps every row and every property."""
    store_of(path).require_lock_held()
    rows = drop_column_metadata(read_table(spark, path))
    writer = rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    writer.partitionBy(*partitioned_by).option("userMetadata", "partitioned anew").save(str(path))


def replace_table(
    frame: DataFrame, path: StoragePath, own_properties: dict[str, str], note: str, retention: TableRetention
) -> int:
    """Make a frame the only content of a table, and set its properties, in one commit.

    Args:
        frame: the rows, in the order and the files that the table shall have.
        path: the folder of the table, which need not exist.
        own_properties: properties of this table beside those of every table.
        note: the note of the commit.
        retention: the retention of the table.

    Returns:
        The version committed.
    """
    store_of(path).require_lock_held()
    writer = drop_column_metadata(frame).writeTo(f"delta.`{path}`").using("delta").option("userMetadata", note)
    for name, value in {**make_table_properties(retention), **own_properties}.items():
        writer = writer.tableProperty(name, value)
    writer.createOrReplace()
    return read_commits(path)[0].version


def drop_column_metadata(frame: DataFrame) -> DataFrame:
    """Remove the metadata of columns from a frame: Spark would write it into the footer of every file."""
    fields = frame.schema.fields
    if not any(field.metadata for field in fields):
        return frame
    return frame.select(*(F.col(f"`{f.name}`").alias(f.name, metadata={}) for f in fields))
