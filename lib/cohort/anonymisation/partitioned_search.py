"""A cohort too large for one driver: its parts are searched in the executors, what they leave over here.

Python runs once per part there, never per row. What comes back to the driver is a line per class, and the
pupils whom no part found a class for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from math import floor
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ByteType, IntegerType, LongType, StructField, StructType

from cohort.sdc.model.recoding import Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.partitioned.partitions import CLASS, KEY, Search, Split
from cohort.sdc.privacy_models.constraints import share
from cohort.sdc.privacy_models.feasibility import none_found
from cohort.sdc.utility.loss import Objective
from cohort.states import local_frames

PART, PUPILS = "part", "pupils"


@dataclass(frozen=True, eq=False)
class Spread:
    """The outcome: the recoding, and each released pupil's class as a frame of KEY, words and CLASS.

    `kept` is the frame of the parts' answers, to be released (`unpersist`) when the rows are written.
    """

    recoding: Recoding
    classes: DataFrame
    kept: DataFrame


def search(handed: DataFrame, pupils: int, budget: int, asked: Search) -> Spread:
    """Search the parts of a cohort, then those they leave over: a few actions.

    Takes: a frame of KEY, words, SCHOOL and OTHERS; how many rows it has; how many of them one search may
    have. Leftovers past the budget are suppressed.
    Gives: a recoding in which every class meets every constraint.
    """
    spark, coding = handed.sparkSession, asked.coding
    goal = Objective.of("mean", coding.columns, asked.weights)
    split = Split.of(coding, pupils, budget)
    masks = split.mask(coding) if split is not None else (0,) * coding.words
    bits = [F.col(word).bitwiseAND(F.lit(mask)) for word, mask in zip(asked.words, masks, strict=True)]
    part = reduce(lambda one, other: one + other, bits).alias(PART)
    found = handed.select("*", part).groupBy(PART).applyInArrow(_searcher(asked), _answer(asked)).persist()
    of_parts = _classes(found, asked)
    left = found.where(F.col(CLASS) < 0).select(KEY, *asked.words).join(handed, [KEY, *asked.words], "inner")
    last_rows: Any = left.limit(budget).toArrow()
    last = asked.of(last_rows) if last_rows.num_rows else None
    of_last = _classes_of_table(last) if last is not None else of_parts.slice(0, 0)
    every = pa.concat_tables([of_parts, of_last.select(of_parts.column_names).cast(of_parts.schema)])
    recoding, number = _recoding(every, pupils, asked, goal, split)
    first = pa.array(number[: of_parts.num_rows])
    places = of_parts.select([PART, CLASS]).append_column("class_nr", first)
    classes = found.join(F.broadcast(local_frames.of_table(spark, places)), [PART, CLASS], "inner").select(
        KEY, *asked.words, F.col("class_nr").alias(CLASS)
    )
    if last is not None:
        class_of = last[CLASS].to_numpy()
        rows = last.filter(pa.array(class_of >= 0)).select([KEY, *asked.words])
        of_rows = pa.array(number[of_parts.num_rows + class_of[class_of >= 0]])
        rows = rows.append_column(CLASS, of_rows)
        classes = classes.unionByName(local_frames.of_table(spark, rows))
    return Spread(recoding, classes, found)


def refuse_too_much_suppression(recoding: Recoding, pupils: int, limit: object, asked: Search) -> None:
    """Hold the outcome to the part of the pupils that may be suppressed (exit code 14)."""
    part = share(str(limit), "part of the pupils that may be suppressed")
    if recoding.suppressed > floor(part * pupils) or not recoding.classes:
        raise none_found(pupils, asked.constraints, part)


def _searcher(asked: Search) -> Any:
    """What runs in the executors, once per part."""

    def search_part(part: pa.Table) -> pa.Table:
        found = asked.of(part)
        return found.append_column(PART, part[PART])

    return search_part


def _answer(asked: Search) -> StructType:
    names = [KEY, *asked.words]
    levels = [partitions.level(column) for column in range(asked.coding.columns)]
    return StructType(
        [
            *(StructField(name, LongType()) for name in names),
            StructField(CLASS, IntegerType()),
            *(StructField(name, ByteType()) for name in levels),
            StructField(PART, LongType()),
        ]
    )


def _classes(found: DataFrame, asked: Search) -> pa.Table:
    """One line per class of the parts: its levels, how many pupils, and the code of one of them."""
    levels = [partitions.level(column) for column in range(asked.coding.columns)]
    member = F.min(F.struct(*asked.words)).alias("member")
    counted = (
        found.where(F.col(CLASS) >= 0)
        .groupBy(PART, CLASS, *levels)
        .agg(F.count(F.lit(1)).alias(PUPILS), member)
        .select(PART, CLASS, *levels, PUPILS, "member.*")
    )
    made: Any = counted.toArrow()
    ordered: pa.Table = made.sort_by([(PART, "ascending"), (CLASS, "ascending")])
    return ordered


def _classes_of_table(last: pa.Table) -> pa.Table:
    """The same of the last search, in the order of its classes."""
    class_of = last[CLASS].to_numpy()
    there = np.flatnonzero(class_of >= 0)
    _, first, pupils = np.unique(class_of[there], return_index=True, return_counts=True)
    member = np.zeros(len(class_of), dtype=np.bool_)
    member[there[first]] = True
    chosen = last.filter(pa.array(member)).sort_by(CLASS)
    chosen = chosen.append_column(PART, pa.array(np.zeros(len(first), np.int64)))
    return chosen.append_column(PUPILS, pa.array(pupils.astype(np.int64)))


def _recoding(
    every: pa.Table, pupils: int, asked: Search, goal: Objective, split: Split | None
) -> tuple[Recoding, Any]:
    coding = asked.coding
    levels = [every[partitions.level(column)].to_numpy() for column in range(coding.columns)]
    codes = np.stack([every[word].to_numpy() for word in asked.words])
    counts = every[PUPILS].to_numpy().astype(np.int64)
    facts = {"kind": "local", "proven": False, "way": "parts", "parts": split.parts if split else 1}
    leaves = coding.leaves_of(codes).T if every.num_rows else np.empty((0, coding.columns), np.int32)
    return Recoding.of_classes(
        coding, np.stack(levels, axis=1), leaves, counts, pupils - int(counts.sum()), goal, facts
    )
