"""Local recoding of a cohort that is too large for one search: its partitions are searched in the Spark executors.

In: a frame with a key, the code and the schools of each pupil. Out: one recoding, and the class of each released pupil.
Python runs once per partition, never per row. To the driver come one row per class, and the pupils without a class in
their partition, which are searched once more together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import floor
from operator import add
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ByteType, IntegerType, LongType, StructField, StructType

from cohort.data_states import make_frame_from_arrow
from cohort.sdc import (
    CLASS_COLUMN,
    KEY_COLUMN,
    CohortSplit,
    GeneralisedClasses,
    Recoding,
    RecodingRequest,
    level_column,
    no_recoding_refusal,
    search_partition,
    word_columns,
)

PART_COLUMN, PUPILS_COLUMN = "part", "pupils"
"""The partition of a pupil or class, as the bits of its code that make it; the number of pupils of a class."""


@dataclass(frozen=True, eq=False)
class PartitionedSearchResult:
    """The outcome of a search in parts.

    Args:
        recoding: the recoding of the whole cohort.
        classes: the class of each released pupil: KEY_COLUMN, the words of its code, CLASS_COLUMN.
        cached_answers: the frame of the partitions' answers, to unpersist once the rows are written.
    """

    recoding: Recoding
    classes: DataFrame
    cached_answers: DataFrame


def search_in_parts(
    search_rows: DataFrame, pupils: int, budget: int, request: RecodingRequest
) -> PartitionedSearchResult:
    """Search the partitions of a cohort, then the pupils without a class; runs a few Spark actions.

    Args:
        search_rows: a row per pupil with KEY_COLUMN, the words of its code, its school and further schools.
        pupils: the number of rows.
        budget: the most pupils that one search may have; pupils without a class beyond it are suppressed.
        request: what every class must satisfy; its suppression limit is not checked here.

    Returns:
        A recoding in which every class satisfies every constraint.
    """
    # 1. Search each partition in an executor.
    split = CohortSplit.coarsest(request.coding, pupils, budget)
    answers = _search_partitions(search_rows, split, request).persist()
    partition_classes = _collect_classes(answers, request)

    # 2. Search the pupils without a class once more, together on the driver.
    last_answer = _search_unassigned(answers, search_rows, budget, request)
    last_classes = _summarise_classes(last_answer) if last_answer is not None else partition_classes.slice(0, 0)

    # 3. One recoding of all classes, which numbers them anew.
    columns = partition_classes.column_names
    all_classes = pa.concat_tables([partition_classes, last_classes.select(columns).cast(partition_classes.schema)])
    recoding, numbers = _make_recoding(all_classes, pupils, request, split)

    # 4. The class of each pupil under its new number.
    searched = partition_classes.num_rows
    classes = _number_partition_classes(answers, partition_classes, numbers[:searched], request)
    if last_answer is not None:
        classes = classes.unionByName(_number_last_classes(answers, last_answer, numbers[searched:], request))
    return PartitionedSearchResult(recoding, classes, answers)


def check_suppression_limit(recoding: Recoding, pupils: int, request: RecodingRequest) -> None:
    """Check that a recoding suppresses no more pupils than the request allows.

    Raises:
        NotAnonymous: more suppressed pupils, or no class at all (exit code 14).
    """
    if recoding.suppressed > floor(request.max_suppressed_share * pupils) or not recoding.classes:
        raise no_recoding_refusal(pupils, request.constraints, request.max_suppressed_share)


def _search_partitions(search_rows: DataFrame, split: CohortSplit | None, request: RecodingRequest) -> DataFrame:
    """Search every partition in the executors; a pupil without a class has class -1."""
    masks = split.mask(request.coding) if split is not None else (0,) * request.coding.words
    masked = [F.col(w).bitwiseAND(F.lit(mask)) for w, mask in zip(word_columns(request.coding), masks, strict=True)]
    parts = search_rows.select("*", reduce(add, masked).alias(PART_COLUMN)).groupBy(PART_COLUMN)
    return parts.applyInArrow(_make_partition_function(request), _answer_schema(request))


def _make_partition_function(request: RecodingRequest) -> Callable[[pa.Table], pa.Table]:
    """Make the function that runs in an executor, once per partition."""

    def search_one_partition(partition: pa.Table) -> pa.Table:
        answer = search_partition(partition, request)
        return answer.append_column(PART_COLUMN, partition[PART_COLUMN])

    return search_one_partition


def _answer_schema(request: RecodingRequest) -> StructType:
    return StructType(
        [
            *(StructField(name, LongType()) for name in (KEY_COLUMN, *word_columns(request.coding))),
            StructField(CLASS_COLUMN, IntegerType()),
            *(StructField(name, ByteType()) for name in _level_columns(request)),
            StructField(PART_COLUMN, LongType()),
        ]
    )


def _level_columns(request: RecodingRequest) -> list[str]:
    return [level_column(column) for column in range(request.coding.columns)]


def _collect_classes(answers: DataFrame, request: RecodingRequest) -> pa.Table:
    """Collect one row per class of the partitions: its levels, its number of pupils, the code of one of them."""
    levels = _level_columns(request)
    member = F.min(F.struct(*word_columns(request.coding))).alias("member")
    classes: Any = (
        answers.where(F.col(CLASS_COLUMN) >= 0)
        .groupBy(PART_COLUMN, CLASS_COLUMN, *levels)
        .agg(F.count(F.lit(1)).alias(PUPILS_COLUMN), member)
        .select(PART_COLUMN, CLASS_COLUMN, *levels, PUPILS_COLUMN, "member.*")
        .toArrow()
    )
    ordered: pa.Table = classes.sort_by([(PART_COLUMN, "ascending"), (CLASS_COLUMN, "ascending")])
    return ordered


def _search_unassigned(
    answers: DataFrame, search_rows: DataFrame, budget: int, request: RecodingRequest
) -> pa.Table | None:
    """Search the pupils without a class in their partition, up to the budget; None where there are none."""
    key = [KEY_COLUMN, *word_columns(request.coding)]
    unassigned = answers.where(F.col(CLASS_COLUMN) < 0).select(*key).join(search_rows, key, "inner")
    rows: Any = unassigned.limit(budget).toArrow()
    return search_partition(rows, request) if rows.num_rows else None


def _summarise_classes(answer: pa.Table) -> pa.Table:
    """Make the rows of `_collect_classes` from the answer of one search, in the order of its classes."""
    class_of_pupil = answer[CLASS_COLUMN].to_numpy()
    assigned = np.flatnonzero(class_of_pupil >= 0)
    _, first, pupils = np.unique(class_of_pupil[assigned], return_index=True, return_counts=True)
    is_member = np.zeros(len(class_of_pupil), dtype=np.bool_)
    is_member[assigned[first]] = True
    members = answer.filter(pa.array(is_member)).sort_by(CLASS_COLUMN)
    members = members.append_column(PART_COLUMN, pa.array(np.zeros(len(first), np.int64)))
    return members.append_column(PUPILS_COLUMN, pa.array(pupils.astype(np.int64)))


def _make_recoding(
    classes: pa.Table, pupils: int, request: RecodingRequest, split: CohortSplit | None
) -> tuple[Recoding, Any]:
    """Make the recoding of these classes; also return the number of each of them in it."""
    coding = request.coding
    levels = np.stack([classes[name].to_numpy() for name in _level_columns(request)], axis=1)
    codes = np.stack([classes[word].to_numpy() for word in word_columns(coding)])
    leaves = coding.decode(codes).T if classes.num_rows else np.empty((0, coding.columns), np.int32)
    counts = classes[PUPILS_COLUMN].to_numpy().astype(np.int64)
    facts = {"kind": "local", "proven": False, "way": "parts", "parts": split.parts if split else 1}
    generalised = GeneralisedClasses(coding, levels, leaves, counts)
    return Recoding.from_classes(generalised, pupils - int(counts.sum()), request.weighted_loss("mean"), facts)


def _number_partition_classes(
    answers: DataFrame, partition_classes: pa.Table, numbers: Any, request: RecodingRequest
) -> DataFrame:
    """The pupils with a class in their partition, under the number of that class in the recoding."""
    key = [PART_COLUMN, CLASS_COLUMN]
    numbered = partition_classes.select(key).append_column("class_nr", pa.array(numbers))
    by_class = F.broadcast(make_frame_from_arrow(answers.sparkSession, numbered))
    return answers.join(by_class, key, "inner").select(
        KEY_COLUMN, *word_columns(request.coding), F.col("class_nr").alias(CLASS_COLUMN)
    )


def _number_last_classes(
    answers: DataFrame, last_answer: pa.Table, numbers: Any, request: RecodingRequest
) -> DataFrame:
    """The pupils with a class in the last search, under the number of that class in the recoding."""
    class_of_pupil = last_answer[CLASS_COLUMN].to_numpy()
    assigned = class_of_pupil >= 0
    rows = last_answer.filter(pa.array(assigned)).select([KEY_COLUMN, *word_columns(request.coding)])
    rows = rows.append_column(CLASS_COLUMN, pa.array(numbers[class_of_pupil[assigned]]))
    return make_frame_from_arrow(answers.sparkSession, rows)
