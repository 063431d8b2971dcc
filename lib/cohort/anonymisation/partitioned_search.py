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

from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import GeneralisedClasses, Recoding
from cohort.sdc.partitioned import partitions
from cohort.sdc.partitioned.partitions import CLASS_COLUMN, KEY_COLUMN, CohortSplit, search_partition, word_columns
from cohort.sdc.privacy_models.feasibility import no_recoding_refusal
from cohort.sdc.privacy_models.thresholds import parse_share
from cohort.states import local_frames

PART_COLUMN, PUPILS_COLUMN = "part", "pupils"


@dataclass(frozen=True, eq=False)
class PartitionedSearchResult:
    """The outcome: the recoding, and each released pupil's class as a frame of KEY, words and CLASS.

    `kept` is the frame of the parts' answers, to be released (`unpersist`) when the rows are written.
    """

    recoding: Recoding
    classes: DataFrame
    cached_answers: DataFrame


def search_in_parts(handed: DataFrame, pupils: int, budget: int, asked: RecodingRequest) -> PartitionedSearchResult:
    """Search the parts of a cohort, then those they leave over: a few actions.

    Takes: a frame of KEY, words, SCHOOL and OTHERS; how many rows it has; how many of them one search may
    have. Leftovers past the budget are suppressed.
    Gives: a recoding in which every class meets every constraint.
    """
    spark, coding = handed.sparkSession, asked.coding
    goal = WeightedLoss.for_columns("mean", coding.columns, asked.weights)
    split = CohortSplit.coarsest(coding, pupils, budget)
    masks = split.mask(coding) if split is not None else (0,) * coding.words
    bits = [F.col(word).bitwiseAND(F.lit(mask)) for word, mask in zip(word_columns(asked.coding), masks, strict=True)]
    part = reduce(lambda one, other: one + other, bits).alias(PART_COLUMN)
    found = handed.select("*", part).groupBy(PART_COLUMN).applyInArrow(_searcher(asked), _answer(asked)).persist()
    of_parts = _classes(found, asked)
    left = (
        found.where(F.col(CLASS_COLUMN) < 0)
        .select(KEY_COLUMN, *word_columns(asked.coding))
        .join(handed, [KEY_COLUMN, *word_columns(asked.coding)], "inner")
    )
    last_rows: Any = left.limit(budget).toArrow()
    last = search_partition(last_rows, asked) if last_rows.num_rows else None
    of_last = _classes_of_table(last) if last is not None else of_parts.slice(0, 0)
    every = pa.concat_tables([of_parts, of_last.select(of_parts.column_names).cast(of_parts.schema)])
    recoding, number = _recoding(every, pupils, asked, goal, split)
    first = pa.array(number[: of_parts.num_rows])
    places = of_parts.select([PART_COLUMN, CLASS_COLUMN]).append_column("class_nr", first)
    classes = found.join(
        F.broadcast(local_frames.make_frame_from_arrow(spark, places)), [PART_COLUMN, CLASS_COLUMN], "inner"
    ).select(KEY_COLUMN, *word_columns(asked.coding), F.col("class_nr").alias(CLASS_COLUMN))
    if last is not None:
        class_of = last[CLASS_COLUMN].to_numpy()
        rows = last.filter(pa.array(class_of >= 0)).select([KEY_COLUMN, *word_columns(asked.coding)])
        of_rows = pa.array(number[of_parts.num_rows + class_of[class_of >= 0]])
        rows = rows.append_column(CLASS_COLUMN, of_rows)
        classes = classes.unionByName(local_frames.make_frame_from_arrow(spark, rows))
    return PartitionedSearchResult(recoding, classes, found)


def check_suppression_limit(recoding: Recoding, pupils: int, limit: object, asked: RecodingRequest) -> None:
    """Hold the outcome to the part of the pupils that may be suppressed (exit code 14)."""
    part = parse_share(str(limit), "part of the pupils that may be suppressed")
    if recoding.suppressed > floor(part * pupils) or not recoding.classes:
        raise no_recoding_refusal(pupils, asked.constraints, part)


def _searcher(asked: RecodingRequest) -> Any:
    """What runs in the executors, once per part."""

    def search_part(part: pa.Table) -> pa.Table:
        found = search_partition(part, asked)
        return found.append_column(PART_COLUMN, part[PART_COLUMN])

    return search_part


def _answer(asked: RecodingRequest) -> StructType:
    names = [KEY_COLUMN, *word_columns(asked.coding)]
    levels = [partitions.level_column(column) for column in range(asked.coding.columns)]
    return StructType(
        [
            *(StructField(name, LongType()) for name in names),
            StructField(CLASS_COLUMN, IntegerType()),
            *(StructField(name, ByteType()) for name in levels),
            StructField(PART_COLUMN, LongType()),
        ]
    )


def _classes(found: DataFrame, asked: RecodingRequest) -> pa.Table:
    """One line per class of the parts: its levels, how many pupils, and the code of one of them."""
    levels = [partitions.level_column(column) for column in range(asked.coding.columns)]
    member = F.min(F.struct(*word_columns(asked.coding))).alias("member")
    counted = (
        found.where(F.col(CLASS_COLUMN) >= 0)
        .groupBy(PART_COLUMN, CLASS_COLUMN, *levels)
        .agg(F.count(F.lit(1)).alias(PUPILS_COLUMN), member)
        .select(PART_COLUMN, CLASS_COLUMN, *levels, PUPILS_COLUMN, "member.*")
    )
    made: Any = counted.toArrow()
    ordered: pa.Table = made.sort_by([(PART_COLUMN, "ascending"), (CLASS_COLUMN, "ascending")])
    return ordered


def _classes_of_table(last: pa.Table) -> pa.Table:
    """The same of the last search, in the order of its classes."""
    class_of = last[CLASS_COLUMN].to_numpy()
    there = np.flatnonzero(class_of >= 0)
    _, first, pupils = np.unique(class_of[there], return_index=True, return_counts=True)
    member = np.zeros(len(class_of), dtype=np.bool_)
    member[there[first]] = True
    chosen = last.filter(pa.array(member)).sort_by(CLASS_COLUMN)
    chosen = chosen.append_column(PART_COLUMN, pa.array(np.zeros(len(first), np.int64)))
    return chosen.append_column(PUPILS_COLUMN, pa.array(pupils.astype(np.int64)))


def _recoding(
    every: pa.Table, pupils: int, asked: RecodingRequest, goal: WeightedLoss, split: CohortSplit | None
) -> tuple[Recoding, Any]:
    coding = asked.coding
    levels = [every[partitions.level_column(column)].to_numpy() for column in range(coding.columns)]
    codes = np.stack([every[word].to_numpy() for word in word_columns(asked.coding)])
    counts = every[PUPILS_COLUMN].to_numpy().astype(np.int64)
    facts = {"kind": "local", "proven": False, "way": "parts", "parts": split.parts if split else 1}
    leaves = coding.decode(codes).T if every.num_rows else np.empty((0, coding.columns), np.int32)
    return Recoding.from_classes(
        GeneralisedClasses(coding, np.stack(levels, axis=1), leaves, counts), pupils - int(counts.sum()), goal, facts
    )
