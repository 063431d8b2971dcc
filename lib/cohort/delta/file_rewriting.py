"""Data files of a table replaced by new ones with other rows, in one commit that names no row.

Which files are replaced is for the caller to know; nothing else of the table is read or written. New files are written
beside the table and moved into it, then committed: a run that is killed before the commit leaves files that the
current version does not need, which the next vacuum removes.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort.delta.read_tables import open_delta_table, read_parquet_files, table_exists
from cohort.delta.write_tables import commit_data_files, drop_column_metadata, make_add_action
from cohort.storage import StoragePath, move_file, parquet_source, remove_tree, store_of

WORK_FOLDER = "work"
"""Where new files are written: the scratch zone beside the restricted tables, which every run empties first."""
_PARTITION_PREFIX = "partition."


@dataclass(frozen=True)
class DataFile:
    """A data file of the current version of a table.

    Args:
        place: where it is.
        logged_path: its path as the log has it, below the table's folder.
        partition: the values of its partition by column, in the order of the table.
        rows: its rows as the log says; None where the log does not.
        size: its bytes.
    """

    place: StoragePath
    logged_path: str
    partition: Mapping[str, str]
    rows: int | None
    size: int


def list_data_files(path: StoragePath) -> list[DataFile]:
    """List the data files of the current version, from the log alone; there are none where there is no table."""
    if not table_exists(path):
        return []
    table = open_delta_table(path)
    columns = table.metadata().partition_columns
    return [
        DataFile(
            path.resolve() / unquote(line["path"]),
            line["path"],
            {name: str(line[_PARTITION_PREFIX + name]) for name in columns},
            line["num_records"],
            line["size_bytes"],
        )
        for line in pa.table(table.get_add_actions(flatten=True)).to_pylist()
    ]


def read_data_files(spark: SparkSession, path: StoragePath, files: Sequence[DataFile]) -> DataFrame:
    """Read the rows of some data files with the schema of the table; Spark adds `_metadata`."""
    return read_parquet_files(spark, path, _read_schema(path), [file.place for file in files])


def find_files_of_rows(rows: DataFrame, files: Sequence[DataFile]) -> list[DataFile]:
    """Find which of the files have the rows of a frame that was read with `read_data_files`: an action."""
    if not files:
        return []
    urls = rows.select(F.col("_metadata.file_path").alias("url")).distinct().collect()
    return select_data_files(files, (store_of(files[0].place).path_of_url(line.url) for line in urls))


def select_data_files(files: Sequence[DataFile], places: Iterable[StoragePath]) -> list[DataFile]:
    """Select the data files at some places.

    Raises:
        AssertionError: one of them is not among the files, which is a defect: rows would stay that have to go.
    """
    wanted = set(places)
    selected = [file for file in files if file.place in wanted]
    if len(selected) != len(wanted):
        raise AssertionError("rows were found in a data file that the table does not have")
    return selected


def replace_data_files(path: StoragePath, files: Sequence[DataFile], rows: DataFrame, note: str) -> None:
    """Replace data files by the rows of a frame, in one commit.

    Args:
        path: the folder of the table.
        files: the data files that go.
        rows: the rows that stay of them.
        note: the note of the commit.
    """
    table = open_delta_table(path)
    columns = table.metadata().partition_columns
    schema = _read_schema(path)
    written = path.parent / WORK_FOLDER / f"{path.name}-rewritten"
    remove_tree(written)
    most_rows = max(file.rows or 0 for file in files)
    writer = drop_column_metadata(rows.select(*schema.names)).write.option("maxRecordsPerFile", most_rows)
    (writer.partitionBy(*columns) if columns else writer).parquet(str(written))
    now = int(time.time() * 1000)
    removed = [RemoveAction(file.logged_path, True, now, file.size, dict(file.partition)) for file in files]
    commit_data_files(path, table, [*_move_into_table(path, written, columns), *removed], note)
    remove_tree(written)
    with contextlib.suppress(OSError):  # others may use the zone
        written.parent.rmdir()


def _move_into_table(path: StoragePath, written: StoragePath, columns: Sequence[str]) -> list[AddAction]:
    """Move new Parquet files into the folder of a table, under names that no other file of it has."""
    actions = []
    for place, file in enumerate(sorted(written.rglob("*.parquet"))):
        folder = file.parent.relative_to(written)
        rows = pq.read_metadata(parquet_source(file)).num_rows
        target = path / folder.as_posix() / file.name.replace("part-", f"part-{place:05d}-", 1)
        target.parent.mkdir(parents=True, exist_ok=True)
        move_file(file, target)
        partition = dict(part.split("=", 1) for part in folder.parts) if columns else {}
        actions.append(make_add_action(path, target, partition, rows))
    return actions


def _read_schema(path: StoragePath) -> StructType:
    return StructType.fromJson(json.loads(open_delta_table(path).schema().to_json()))
