"""Rows of a Delta table deleted or updated in place.

Rows are selected by a MERGE with a frame of keys: a DELETE or UPDATE would write the keys, which identify pupils, into
the log. Only `update_rows`, whose condition holds no value of a person, uses an UPDATE.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F


def delete_matching_rows(
    spark: SparkSession, path: Path, keys: DataFrame, on: str, condition: Column | None = None
) -> None:
    """Delete every row whose key is in a frame of keys.

    Args:
        spark: the session.
        path: the folder of the table.
        keys: the keys; where a condition is given, each key once.
        on: the column of the key, in the table and in `keys`.
        condition: a further condition on the row (`t.`) and its key (`s.`).
    """
    same_key = F.col(f"t.{on}") == F.col(f"s.{on}")
    source = keys.select(F.col(on)).distinct() if condition is None else keys
    matching = same_key if condition is None else same_key & condition
    _open_table(spark, path).merge(source.alias("s"), matching).whenMatchedDelete().execute()


def delete_equal_rows(spark: SparkSession, path: Path, rows: DataFrame) -> None:
    """Delete every row that equals one of `rows` in all of its columns; null equals null."""
    equal = reduce(and_, (F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}")) for name in rows.columns))
    _open_table(spark, path).merge(rows.distinct().alias("s"), equal).whenMatchedDelete().execute()


def clear_columns(
    spark: SparkSession, path: Path, keys: DataFrame, on: Sequence[str], only: str, columns: Sequence[str]
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
    same_key = reduce(and_, (F.col(f"t.{name}") == F.col(f"s.{name}") for name in on))
    merge = _open_table(spark, path).merge(keys.select(*on).distinct().alias("s"), same_key)
    merge.whenMatchedUpdate(condition=f"t.{only}", set=dict.fromkeys(columns, "null")).execute()


def renumber_pupils(spark: SparkSession, path: Path, changes: DataFrame, columns: dict[str, str]) -> None:
    """Give the rows of pupils another number.

    Args:
        spark: the session.
        path: the folder of the table.
        changes: the old number in `_old`, and other columns.
        columns: the columns of the table to set, each with the column of `changes` that has its value.
    """
    merge = _open_table(spark, path).merge(changes.alias("s"), F.col("t.pgn") == F.col("s._old"))
    merge.whenMatchedUpdate(set={name: F.col(f"s.{source}") for name, source in columns.items()}).execute()


def update_rows(spark: SparkSession, path: Path, condition: str, columns: dict[str, str]) -> None:
    """Set columns in every row that satisfies a condition, by an UPDATE.

    Args:
        spark: the session.
        path: the folder of the table.
        condition: SQL that stands in the log afterwards, so it must hold no value of a person; a list of codes is one
            that may stand there.
        columns: the columns to set, each with SQL for its value.
    """
    DeltaTable.forPath(spark, str(path)).update(condition, {name: F.expr(sql) for name, sql in columns.items()})


def _open_table(spark: SparkSession, path: Path) -> DeltaTable:
    """Open a table for a MERGE, with `t` as the name of its rows."""
    return DeltaTable.forPath(spark, str(path)).alias("t")
