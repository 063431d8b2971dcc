"""Rows of a Delta table deleted or updated in place.

Rows are selected by a join with a frame of keys: a DELETE or UPDATE would write the keys, which identify pupils, into
the log. Deleted rows are left out of new files that replace theirs (`file_rewriting`), so that nothing else of the
table is read. Only `update_rows`, whose condition holds no value of a person, uses an UPDATE.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import and_

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.delta import file_rewriting
from cohort.delta.file_rewriting import DataFile
from cohort.storage import StoragePath, store_of

DELETION = "rows deleted"
"""The note of the commit of a deletion."""


def delete_matching_rows(
    spark: SparkSession,
    path: StoragePath,
    keys: DataFrame,
    on: str,
    condition: Column | None = None,
    files: Collection[StoragePath] | None = None,
) -> None:
    """Delete every row whose key is in a frame of keys.

    Args:
        spark: the session.
        path: the folder of the table.
        keys: the keys, few enough to be broadcast.
        on: the column of the key, in the table and in `keys`.
        condition: a further condition on the row (`t.`) and its key (`s.`).
        files: the data files that have such rows, where the caller knows them.
    """
    same_key = F.col(f"t.{on}") == F.col(f"s.{on}")
    matching = same_key if condition is None else same_key & condition
    known = file_rewriting.list_data_files(path)
    rows = F.broadcast(keys)
    if files is None:
        touched = _find_touched_files(spark, path, rows, matching, known)
    else:
        touched = file_rewriting.select_data_files(known, files)
    _delete_rows(spark, path, rows, matching, touched)


def delete_equal_rows(spark: SparkSession, path: StoragePath, rows: DataFrame) -> None:
    """Delete every row that equals one of `rows` in all of its columns; null equals null.

    Of a partitioned table only those partitions are looked into that `rows` name, by whatever of the partition's
    columns they have.
    """
    equal = reduce(and_, (F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}")) for name in rows.columns))
    searched = _files_of_partitions(file_rewriting.list_data_files(path), rows)
    _delete_rows(spark, path, rows, equal, _find_touched_files(spark, path, rows, equal, searched))


def clear_columns(
    spark: SparkSession, path: StoragePath, keys: DataFrame, on: Sequence[str], only: str, columns: Sequence[str]
) -> None:
    """Make columns null in every row whose key is in a frame of keys.

    Args:
        spark: the session.
        path: the folder of the table.
        keys: the keys.
        on: the columns of the key, in the table and in `keys`.
        only: a boolean column that must be true in the row.
        columns: the columns to make null.
    """
    store_of(path).require_lock_held()
    same_key = reduce(and_, (F.col(f"t.{name}") == F.col(f"s.{name}") for name in on))
    merge = _open_table(spark, path).merge(keys.select(*on).distinct().alias("s"), same_key)
    merge.whenMatchedUpdate(condition=f"t.{only}", set=dict.fromkeys(columns, "null")).execute()


def renumber_pupils(spark: SparkSession, path: StoragePath, changes: DataFrame, columns: dict[str, str]) -> None:
    """Give the rows of pupils another number.

    Args:
        spark: the session.
        path: the folder of the table.
        changes: the old number in `_old`, and other columns.
        columns: the columns of the table to set, each with the column of `changes` that has its value.
    """
    store_of(path).require_lock_held()
    merge = _open_table(spark, path).merge(changes.alias("s"), F.col("t.pgn") == F.col("s._old"))
    merge.whenMatchedUpdate(set={name: F.col(f"s.{source}") for name, source in columns.items()}).execute()


def update_rows(spark: SparkSession, path: StoragePath, condition: str, columns: dict[str, str]) -> None:
    """Set columns in every row that satisfies a condition, by an UPDATE.

    Args:
        spark: the session.
        path: the folder of the table.
        condition: SQL that stands in the log afterwards, so it must hold no value of a person; a list of codes is one
            that may stand there.
        columns: the columns to set, each with SQL for its value.
    """
    store_of(path).require_lock_held()
    DeltaTable.forPath(spark, str(path)).update(condition, {name: F.expr(sql) for name, sql in columns.items()})


def _find_touched_files(
    spark: SparkSession, path: StoragePath, rows: DataFrame, matching: Column, searched: Sequence[DataFile]
) -> list[DataFile]:
    """Find which data files have rows (`t`) that match one of `rows` (`s`): an action that reads their keys alone."""
    stored = file_rewriting.read_data_files(spark, path, searched)
    matched = stored.alias("t").join(rows.alias("s"), matching, "left_semi")
    return file_rewriting.find_files_of_rows(matched, searched)


def _delete_rows(
    spark: SparkSession, path: StoragePath, rows: DataFrame, matching: Column, touched: Sequence[DataFile]
) -> None:
    """Replace data files by their rows (`t`) that match none of `rows` (`s`)."""
    if touched:
        stored = file_rewriting.read_data_files(spark, path, touched)
        kept = stored.alias("t").join(rows.alias("s"), matching, "left_anti")
        file_rewriting.replace_data_files(path, touched, kept, DELETION)


def _files_of_partitions(files: Sequence[DataFile], rows: DataFrame) -> list[DataFile]:
    """The data files in the partitions that `rows` name: an action where they have a column of the partition."""
    columns = [name for name in (files[0].partition if files else ()) if name in rows.columns]
    if not columns:
        return list(files)
    named = {tuple(map(str, line)) for line in rows.select(*columns).distinct().collect()}
    return [file for file in files if tuple(str(file.partition[name]) for name in columns) in named]


def _open_table(spark: SparkSession, path: StoragePath) -> DeltaTable:
    """Open a table for a MERGE, with `t` as the name of its rows."""
    return DeltaTable.forPath(spark, str(path)).alias("t")
