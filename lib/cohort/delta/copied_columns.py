"""Rows of Parquet files appended to a table without decoding them: their column chunks are copied as they are.

In go Parquet files that Spark wrote with more columns than the table has, out comes one commit. Intake uses it for
the rows of a batch that nothing was found wrong with: to read and encode millions of rows again would cost as much as
to write them the first time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, cast

from deltalake.transaction import AddAction, RemoveAction
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from cohort.delta.read_tables import open_delta_table
from cohort.delta.write_tables import commit_data_files, make_add_action
from cohort.storage import StoragePath

ROW_GROUP_BYTES = 128 * 1024 * 1024
"""Parquet's default; whole row groups are copied, so that it only has to be named."""
COPYING_THREADS = 4
"""Files copied at once: the JVM does the work, and Python waits for it."""
_SPARK_SCHEMA, _SPARK_VERSION = "org.apache.spark.sql.parquet.row.metadata", "org.apache.spark.version"


@dataclass(frozen=True)
class PartitionFile:
    """A Parquet file, and the partition that its rows go to: values by column, in the order of the table."""

    file: StoragePath
    partition: Mapping[str, str]

    @property
    def folder(self) -> PurePath:
        """The folder of the partition, below that of the table."""
        return PurePath(*(f"{column}={value}" for column, value in self.partition.items()))


def append_copied_columns(
    spark: SparkSession, files: Sequence[PartitionFile], path: StoragePath, columns: StructType, note: str
) -> None:
    """Append every row of some files to partitions of a table, in one commit.

    Args:
        files: Parquet files as Spark writes them, on the same storage as the table; at least one. The values of
            their partitions are of letters, digits and hyphens.
        path: the folder of the table.
        columns: the columns of the table that it is not partitioned by; the files have them with the same names and
            types.
        note: what marks the commit.
    """
    with ThreadPoolExecutor(COPYING_THREADS) as threads:
        actions: list[AddAction | RemoveAction] = list(
            threads.map(lambda file: _copy_file(spark, file, path, columns), files)
        )
    commit_data_files(path, open_delta_table(path), actions, note)


def _copy_file(spark: SparkSession, file: PartitionFile, path: StoragePath, columns: StructType) -> AddAction:
    """Copy a file into its partition; returns what the commit says of it."""
    target = path / file.folder.as_posix() / file.file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    rows = _copy_columns(spark, file.file, target, columns)
    return make_add_action(path, target, file.partition, rows)


def _copy_columns(spark: SparkSession, source: StoragePath, target: StoragePath, columns: StructType) -> int:
    """Copy the chunks of some columns into a new file, with the footer that Spark would write.

    Returns:
        How many rows the file has.
    """
    jvm, conf = cast(Any, spark)._jvm, cast(Any, spark.sparkContext)._jsc.hadoopConfiguration()
    hadoop, file_path = jvm.org.apache.parquet.hadoop, jvm.org.apache.hadoop.fs.Path
    reader = hadoop.ParquetFileReader.open(hadoop.util.HadoopInputFile.fromPath(file_path(f"{source}"), conf))
    try:
        metadata = reader.getFooter().getFileMetaData()
        kept = jvm.java.util.ArrayList()
        by_name = {field.getName(): field for field in metadata.getSchema().getFields()}
        for name in columns.names:
            kept.add(by_name[name])
        schema = jvm.org.apache.parquet.schema.MessageType(metadata.getSchema().getName(), kept)
        output = hadoop.util.HadoopOutputFile.fromPath(file_path(f"{target}"), conf)
        create = getattr(hadoop, "ParquetFileWriter$Mode").CREATE
        writer = hadoop.ParquetFileWriter(output, schema, create, ROW_GROUP_BYTES, 0)
        writer.start()
        reader.appendTo(writer)
        footer = jvm.java.util.HashMap()
        footer.put(_SPARK_SCHEMA, columns.json())
        footer.put(_SPARK_VERSION, metadata.getKeyValueMetaData().get(_SPARK_VERSION))
        writer.end(footer)
        return int(reader.getRecordCount())
    finally:
        reader.close()
