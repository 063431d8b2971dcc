"""The pupils of the published release, matched with the pupils of today, and counted per class.

`nested_release` calls it. A class is counted as two units: its pupils with a sensitive value and its pupils without
(only the latter where no column is sensitive). Frames in, frames and counts out; each count is one Spark action.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.anonymisation import (
    BOARD,
    BOARDS,
    CLASS_NUMBER,
    HAS_VALUE,
    SENSITIVE_LEAF,
    SensitiveColumn,
    hmac_sha256,
    select_eligible_pupils,
)
from cohort.data_states import PUPIL_CONTROL, SCHOOL_CONTROL, make_frame_from_arrow
from cohort.keys import ProjectKey
from cohort.sdc import ClassCounts

WITHDRAWAL_LABEL = "teruggetrokken|"
"""Prefix of the text that is hashed to choose which pupils are withdrawn."""

COUNT_UNIT = "_unit"
"""The unit in which a pupil is counted: twice the class, plus one for pupils with a sensitive value."""
VALUE_BEFORE, VALUE_NOW = "_value_then", "_value_now"

UnitCounts = npt.NDArray[np.int64]
"""A number of pupils per unit, two units per class."""


def match_previous_pupils(
    encoded: DataFrame, project: Project, previous_pupils: DataFrame, sensitive: SensitiveColumn | None
) -> DataFrame:
    """Match every pupil of the published release with the pupil's record of today.

    A sensitive value may be gone since (a consent ended), and a new value is not shown; another value makes another
    record.

    Args:
        encoded: the pupils encoded today, with their boards.
        project: the project's declaration.
        previous_pupils: the pupils of the published release, as its snapshot has them.
        sensitive: the sensitive column, if there is one.
    Returns:
        Every pupil of the published release with `COUNT_UNIT`; with today's school and boards only where the pupil is
        still admitted with the very same values, else null.
    """
    today = select_eligible_pupils(encoded, project)
    if sensitive is None:
        equal = previous_pupils.drop(CLASS_NUMBER).columns
        joined = previous_pupils.join(today.select(*equal, SCHOOL_CONTROL, BOARD, BOARDS), equal, "left")
        return joined.withColumn(COUNT_UNIT, (F.col(CLASS_NUMBER) * 2).cast("int"))
    equal = previous_pupils.drop(CLASS_NUMBER, SENSITIVE_LEAF, HAS_VALUE).columns
    now = today.select(*equal, F.col(SENSITIVE_LEAF).alias(VALUE_NOW), SCHOOL_CONTROL, BOARD, BOARDS)
    joined = previous_pupils.withColumnRenamed(SENSITIVE_LEAF, VALUE_BEFORE).join(now, equal, "left")
    other_value = (
        F.col(HAS_VALUE) & (F.col(VALUE_NOW) != F.col(VALUE_BEFORE)) & (F.col(VALUE_NOW) != sensitive.unknown_leaf)
    )
    changed = F.coalesce(other_value, F.lit(False))
    return joined.withColumns(
        {
            SCHOOL_CONTROL: F.when(~changed, F.col(SCHOOL_CONTROL)),
            COUNT_UNIT: (F.col(CLASS_NUMBER) * 2 + F.col(HAS_VALUE).cast("int")).cast("int"),
        }
    )


def count_previous_and_staying(matched: DataFrame, classes: int) -> tuple[UnitCounts, UnitCounts]:
    """Count, per unit, the pupils of the published release and those of them who can stay: an action.

    Args:
        matched: what `match_previous_pupils` gave.
        classes: the number of classes of the published release.
    """
    by_unit = matched.groupBy(COUNT_UNIT).agg(
        F.count(F.lit(1)).alias("previous"), F.count(SCHOOL_CONTROL).alias("staying")
    )
    rows: Any = by_unit.toArrow()
    return _spread_over_units(rows, "previous", classes), _spread_over_units(rows, "staying", classes)


def remove_withdrawn_pupils(matched: DataFrame, withdrawals: UnitCounts, key: ProjectKey) -> DataFrame:
    """Return the pupils who can stay, without those to be withdrawn: per unit those with the lowest keyed hashes.

    Args:
        matched: what `match_previous_pupils` gave.
        withdrawals: how many pupils to withdraw from each unit.
        key: the project's key, so that nobody else can tell who is chosen.
    """
    spark, staying = matched.sparkSession, matched.where(F.col(SCHOOL_CONTROL).isNotNull())
    units = np.flatnonzero(withdrawals)
    if not len(units):
        return staying
    numbers = pa.table({COUNT_UNIT: pa.array(units.astype(np.int32)), "_withdraw": pa.array(withdrawals[units])})
    by_unit = F.broadcast(make_frame_from_arrow(spark, numbers))
    untouched = staying.join(by_unit, COUNT_UNIT, "left_anti")
    keyed_hash = hmac_sha256(F.concat(F.lit(WITHDRAWAL_LABEL), F.lower(F.hex(PUPIL_CONTROL))))
    rank = F.row_number().over(Window.partitionBy(COUNT_UNIT).orderBy("_hash"))
    ranked = (
        staying.join(by_unit, COUNT_UNIT, "inner")
        .join(F.broadcast(key.key_frame(spark)))
        .select(*staying.columns, "_withdraw", keyed_hash.alias("_hash"))
        .select(*staying.columns, "_withdraw", rank.alias("_rank"))
    )
    remaining = ranked.where(F.col("_rank") > F.col("_withdraw"))
    return untouched.select(*staying.columns).unionByName(remaining.select(*staying.columns))


def count_unit_pupils_and_boards(pupils: DataFrame, classes: int) -> ClassCounts:
    """Count what the privacy models look at, per unit: an action.

    Args:
        pupils: pupils with their unit, the board of today (counted for m) and all their boards (for the shares).
        classes: the number of classes of the published release.
    """
    home = (F.col("board") == F.col(BOARD)).cast("int").alias("home")
    pupil_boards = pupils.select(COUNT_UNIT, BOARD, F.explode(BOARDS).alias("board"))
    at = pupil_boards.select(COUNT_UNIT, "board", home)
    by_board = at.groupBy(COUNT_UNIT, "board").agg(F.count(F.lit(1)).alias("all"), F.sum("home").alias("home"))
    by_unit = by_board.groupBy(COUNT_UNIT).agg(
        F.sum("home").alias("pupils"), F.count_if(F.col("home") > 0).alias("schools"), F.max("all").alias("largest")
    )
    rows: Any = by_unit.toArrow()
    return ClassCounts(*(_spread_over_units(rows, name, classes) for name in ("pupils", "schools", "largest")))


def sum_units_by_class(by_unit: UnitCounts) -> UnitCounts:
    """Return counts per class, from counts per unit."""
    summed: UnitCounts = by_unit.reshape(-1, 2).sum(axis=1)
    return summed


def _spread_over_units(rows: Any, name: str, classes: int) -> UnitCounts:
    """Return one count per unit, 0 where a unit has no row."""
    counts = np.zeros(2 * classes, dtype=np.int64)
    counts[rows[COUNT_UNIT].to_numpy()] = rows[name].to_numpy()
    return counts
