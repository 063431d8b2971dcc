"""Reading Delta tables: rows, commits, data files, properties and checksums.

What stands in a table's log is read with deltalake, in the driver: Spark would start jobs for it, which takes seconds
in a new process. Nothing here changes a table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort.data_states import make_local_frame
from cohort.storage import StoragePath, parquet_source, store_of

PartitionValues = Mapping[str, Collection[int] | Collection[str]]
"""By partition column of a table, some of its values."""
TABLE_ERRORS = (PySparkException, Py4JJavaError, DeltaError, OSError)
"""The errors of reading a table that is damaged or was removed. That the JVM was lost is not among them."""


@dataclass(frozen=True)
class TableCommit:
    """One version of a table, with the note of its writer (`userMetadata`): the id of a release or batch."""

    version: int
    note: str | None
    operation: str


def open_delta_table(path: StoragePath) -> deltalake.DeltaTable:
    """Open a table with deltalake, in the driver."""
    return deltalake.DeltaTable(str(path), storage_options=store_of(path).table_options())


def table_exists(path: StoragePath) -> bool:
    """Tell whether a folder is a Delta table: it has a log with a commit."""
    return deltalake.DeltaTable.is_deltatable(str(path), store_of(path).table_options())


def read_table(spark: SparkSession, path: StoragePath, version: int | None = None) -> DataFrame:
    """Read a table with Spark, as it is now or as it was at a version."""
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(str(path))


def read_small_table(path: StoragePath, columns: Sequence[str] | None = None) -> pa.Table | None:
    """Read a small table of the platform itself in the driver, without Spark.

    Spark needs a second to plan a scan, however small the table is.

    Args:
        path: the folder of the table.
        columns: the columns to read; None for all of them.

    Returns:
        The rows, None where there is no table.
    """
    if not table_exists(path):
        return None
    rows: pa.Table = open_delta_table(path).to_pyarrow_table(columns=None if columns is None else [*columns])
    return rows


def read_partitions(
    spark: SparkSession, path: StoragePath, schema: StructType, partitions: PartitionValues
) -> DataFrame:
    """Read the rows of some partitions as they are now, from their data files: later writes do not change the frame.

    The driver finds the files in the log. A Delta scan would start a job for that, and another for each new version.

    Args:
        spark: the session.
        path: a partitioned table.
        schema: the schema of the table.
        partitions: by partition column the values to read; a column that is not named has any value.
    """
    frame = read_parquet_files(spark, path, schema, list_partition_files(path, partitions))
    return frame if frame.columns == schema.names else frame.select(*schema.names)


def read_parquet_files(
    spark: SparkSession, path: StoragePath, schema: StructType, files: Collection[StoragePath]
) -> DataFrame:
    """Read the rows of some data files of a table, as `list_partition_files` lists them; Spark adds `_metadata`."""
    if not files:
        return make_local_frame(spark, schema, [])
    return spark.read.schema(schema).option("basePath", str(path)).parquet(*map(str, files))


def list_partition_files(path: StoragePath, partitions: PartitionValues) -> list[StoragePath]:
    """List the data files of some partitions as they are now, by the values of `read_partitions`.

    There are none where there is no table.
    """
    if not all(partitions.values()) or not table_exists(path):
        return []
    predicate: Any = [(column, "in", [*dict.fromkeys(values)]) for column, values in partitions.items()] or None
    uris = open_delta_table(path).file_uris(file_pruning_predicate=predicate)
    return [store_of(path).path_of_url(uri) for uri in uris]


def count_batch_rows(path: StoragePath, batches: Iterable[int]) -> int:
    """Count the rows of some batches, by the log; only of files of which it does not tell, by their footers."""
    table, counted = open_delta_table(path), set(batches)
    files = pa.table(table.get_add_actions(flatten=True)).select(["path", "num_records", "partition.batch"])
    rows = 0
    for file in (file for file in files.to_pylist() if file["partition.batch"] in counted):
        logged: int | None = file["num_records"]
        rows += pq.read_metadata(parquet_source(path / unquote(file["path"]))).num_rows if logged is None else logged
    return rows


def read_commits(path: StoragePath) -> list[TableCommit]:
    """Read the commits of a table, newest first."""
    history = open_delta_table(path).history()
    return [TableCommit(one["version"], one.get("userMetadata"), one.get("operation", "")) for one in history]


def read_protocol_and_properties(path: StoragePath) -> tuple[tuple[int, int], dict[str, str]]:
    """Read a table's protocol (reader version, writer version) and its properties."""
    table = open_delta_table(path)
    protocol = table.protocol()
    return (protocol.min_reader_version, protocol.min_writer_version), dict(table.metadata().configuration)


def list_current_names(path: StoragePath) -> set[str]:
    """List the names, without folders, of the data files of the current version."""
    return {file.name for file in list_current_paths(path)}


def list_current_paths(path: StoragePath) -> set[PurePath]:
    """List the data files of the current version, relative to the table's folder."""
    top = path.resolve()
    uris = open_delta_table(path).file_uris()
    return {store_of(path).path_of_url(uri).relative_to(top) for uri in uris}


def read_partition_columns(path: StoragePath) -> tuple[str, ...]:
    """Read the columns that a table is partitioned by."""
    return tuple(open_delta_table(path).metadata().partition_columns)


def read_column_names(path: StoragePath) -> tuple[str, ...]:
    """Read the names of the columns of a table, in their order."""
    return tuple(field.name for field in open_delta_table(path).schema().fields)


def read_version(path: StoragePath) -> int:
    """Read the version of a table: it changes with every commit."""
    return int(open_delta_table(path).version())


def read_table_id(path: StoragePath) -> str:
    """Read the id that Delta gave a table: it stands in its log, its checkpoints and its clones."""
    return str(open_delta_table(path).metadata().id)


def can_read_table(spark: SparkSession, path: StoragePath, version: int | None = None) -> bool:
    """Tell whether a reader gets rows, or an empty table, from a path; a Spark action."""
    try:
        read_table(spark, path, version).limit(1).count()
    except (PySparkException, Py4JError):  # a table known to the session and gone raises the second
        return False
    return True


def checksum_rows(frame: DataFrame) -> tuple[int, str]:
    """Compute a checksum over the multiset of rows, whatever their order and their files; a Spark action.

    Args:
        frame: a frame of columns of text or whole numbers.

    Returns:
        The number of rows, and two sums of 60-bit halves of the rows' hashes, as hexadecimal text.
    """
    row_hash = F.sha2(_unambiguous_text(frame), 256)
    halves = [F.conv(F.substring(row_hash, start, 15), 16, 10).cast("decimal(38,0)") for start in (1, 16)]
    sums = [F.sum(half).alias(f"h{i}") for i, half in enumerate(halves)]
    totals = frame.agg(F.count(F.lit(1)).alias("n"), *sums).first()
    if totals is None:
        raise RuntimeError("an aggregate without a row")
    return totals.n, f"{int(totals.h0 or 0):x}-{int(totals.h1 or 0):x}"


def _unambiguous_text(frame: DataFrame) -> Column:
    """Write a row as one text that is equal for two rows only if all their columns are: lengths before the values."""
    parts = [
        F.coalesce(F.concat(F.length(c).cast("string"), F.lit(":"), c), F.lit("-"))
        for c in (F.col(name).cast("string") for name in frame.columns)
    ]
    return F.concat(*parts)
