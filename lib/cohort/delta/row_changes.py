"""How rows of a table change: by a MERGE, because a DELETE or an UPDATE would write their keys in the log.

Where no key of a row is asked for, by an UPDATE (`rewrite`).
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
    spark: SparkSession, path: Path, keys: DataFrame, on: str, where: Column | None = None
) -> None:
    """Delete every row whose key is in `keys`: a MERGE, because a DELETE would write the keys in the log.

    Takes: a further condition on the row (`t.`) and its key (`s.`), whose keys are then each there once.
    """
    same = F.col(f"t.{on}") == F.col(f"s.{on}")
    source = keys.select(F.col(on)).distinct() if where is None else keys
    merge = (
        DeltaTable.forPath(spark, str(path))
        .alias("t")
        .merge(source.alias("s"), same if where is None else same & where)
    )
    merge.whenMatchedDelete().execute()


def delete_equal_rows(spark: SparkSession, path: Path, rows: DataFrame) -> None:
    """Delete every row that is equal to one of `rows` in all of its columns, null to null."""
    every = [F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}")) for name in rows.columns]
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    table.merge(rows.distinct().alias("s"), reduce(and_, every)).whenMatchedDelete().execute()


def clear_columns(
    spark: SparkSession, path: Path, keys: DataFrame, on: Sequence[str], only: str, columns: Sequence[str]
) -> None:
    """Make columns null in every row whose keys are in `keys`: a MERGE, so that no key stands in the log.

    Takes: the columns that are the keys; the boolean column that a row must have besides; those to empty.
    """
    same = reduce(and_, (F.col(f"t.{name}") == F.col(f"s.{name}") for name in on))
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    merge = table.merge(keys.select(*on).distinct().alias("s"), same)
    merge.whenMatchedUpdate(condition=f"t.{only}", set=dict.fromkeys(columns, "null")).execute()


def update_rows(spark: SparkSession, path: Path, where: str, columns: dict[str, str]) -> None:
    """Write columns anew in every row that meets a condition.

    Takes: the condition, which stands in the log, so that it holds no value of a person (a list of codes
    does not); per column its new value; all SQL.
    """
    DeltaTable.forPath(spark, str(path)).update(where, {name: F.expr(value) for name, value in columns.items()})


def renumber_pupils(spark: SparkSession, path: Path, changes: DataFrame, columns: dict[str, str]) -> None:
    """Give rows another number: a MERGE, because an UPDATE would write the numbers in the log.

    Takes: changes (`_old` and other columns); the table's columns to set, each from one of theirs.
    """
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    merge = table.merge(changes.alias("s"), F.col("t.pgn") == F.col("s._old"))
    merge.whenMatchedUpdate(set={name: F.col(f"s.{of}") for name, of in columns.items()}).execute()
