"""How a table is made, written and replaced.

Every table has its properties from its first commit, so that no log ever held what they keep out:
no file statistics, no deletion vectors, no change feed, protocol (1,2).
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import deltalake
import pyarrow as pa
from deltalake.exceptions import DeltaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort.delta.read_tables import read_commits, table_exists
from cohort.delta.table_properties import TableRetention
from cohort.foundation.errors import UsageRefused, describe_problem
from cohort.states import local_frames

KEEP_LOG = deltalake.PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""What deltalake does after a commit: nothing. By itself it removes commits at every hundredth version."""
NO_FOOTER_STATISTICS = deltalake.WriterProperties(
    default_column_properties=deltalake.ColumnProperties(statistics_enabled="NONE")
)
"""As `parquet.column.statistics.enabled` is for what Spark writes: no value stands in a footer."""
CHECKPOINT_INTERVAL = 10
"""From one checkpoint to the next, in versions, where deltalake writes a table."""


def make_table_properties(retention: TableRetention) -> dict[str, str]:
    """What every table declares in its first commit."""
    return {
        "delta.dataSkippingNumIndexedCols": "0",
        "delta.enableDeletionVectors": "false",
        "delta.columnMapping.mode": "none",
        "delta.checkpointPolicy": "classic",
        "delta.enableTypeWidening": "false",
        "delta.enableChangeDataFeed": "false",
        "delta.deletedFileRetentionDuration": f"interval {retention.deleted_files_hours} hours",
        "delta.logRetentionDuration": f"interval {retention.log_hours} hours",
    }


def create_table(
    spark: SparkSession, path: Path, state: StructType, retention: TableRetention, partitioned_by: str | None = None
) -> None:
    """Make an empty table unless it is there.

    Takes: a partition column only of intake's own making (a batch), never of a person or school.
    Refuses: a file system without hard links (exit code 2): deltalake commits by one.
    """
    if table_exists(path):
        return
    _require_links(next(folder for folder in path.parents if folder.is_dir()))
    writer = (
        local_frames.make_local_frame(spark, state, [])
        .write.format("delta")
        .options(**make_table_properties(retention))
    )
    (writer.partitionBy(partitioned_by) if partitioned_by else writer).save(str(path))


def _require_links(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as probe:
        (one := Path(probe, "one")).touch()
        try:
            Path(probe, "two").hardlink_to(one)
        except OSError:
            raise UsageRefused(
                describe_problem(
                    "a root on a file system with hard links",
                    example="ext4, xfs or NFS",
                    found="one without them",
                    where="--root",
                    do="Move the root",
                )
            ) from None


def write_new_table(frame: DataFrame, path: Path, note: str, retention: TableRetention) -> None:
    """Write a table that does not exist yet, in one commit, in the order and the files of the frame."""
    writer = (
        drop_column_metadata(frame)
        .write.format("delta")
        .mode("errorifexists")
        .options(**make_table_properties(retention))
    )
    writer.option("userMetadata", note).save(str(path))


def append_rows(frame: DataFrame, path: Path, note: str) -> None:
    drop_column_metadata(frame).write.format("delta").mode("append").option("userMetadata", note).save(str(path))


def append_local_rows(rows: pa.Table, path: Path, note: str) -> None:
    """Add a few rows that the driver has, in one commit, by deltalake: Spark would plan a job and a snapshot.

    A table that is written so is written so by all. Nothing of its log is removed; a checkpoint of it that
    cannot be written is left to the next. Columns that the table lacks are added to it: an earlier version
    made it.
    """
    table = deltalake.DeltaTable(str(path))
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
    with contextlib.suppress(DeltaError, OSError):  # the commit counts, and the log says the same without
        if table.version() % CHECKPOINT_INTERVAL == 0:
            table.create_checkpoint()


def replace_batch(frame: DataFrame, path: Path, batch: int) -> None:
    """Write one batch of intake; whatever a killed run left of that batch goes in the same commit."""
    (
        drop_column_metadata(frame)
        .write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", f"batch = {int(batch)}")
        .option("userMetadata", f"batch {int(batch)}")
        .save(str(path))
    )


def replace_table(frame: DataFrame, path: Path, own: dict[str, str], note: str, retention: TableRetention) -> int:
    """Make the frame the table's only content, properties included, in one commit.

    Takes: the frame in the order and the files it shall have; the table's own properties; the note
    that marks the commit.
    Gives: the version committed.
    """
    writer = drop_column_metadata(frame).writeTo(f"delta.`{path}`").using("delta").option("userMetadata", note)
    for name, value in {**make_table_properties(retention), **own}.items():
        writer = writer.tableProperty(name, value)
    writer.createOrReplace()
    return read_commits(path)[0].version


def drop_column_metadata(frame: DataFrame) -> DataFrame:
    """The frame without column metadata: what a column carries along lands in every footer."""
    fields = frame.schema.fields
    if not any(field.metadata for field in fields):
        return frame
    return frame.select(*(F.col(f"`{f.name}`").alias(f.name, metadata={}) for f in fields))
