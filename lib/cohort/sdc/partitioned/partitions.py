"""Partitioned local recoding, for a cohort too large for one search: partitions, and the search of one of them.

A cohort is split by the values of one column, at the coarsest level that makes partitions small enough. Each partition
is searched under all constraints, and the pupils without a class of all partitions are handed to one last search. Every
class is made by one search, so it satisfies the constraints; classes of two searches that show the same values satisfy
them together. In go Arrow tables of pupils' codes, out come Arrow tables of classes; this module runs in Spark
executors but knows no Spark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cohort.foundation import NotAnonymous
from cohort.sdc.global_recoding import RecodingRequest
from cohort.sdc.local_recoding import search_local_recoding
from cohort.sdc.model import SUPPRESSED_CLASS, CodeMask, Coding, Histogram

KEY_COLUMN, SCHOOL_COLUMN, OTHER_SCHOOLS_COLUMN, CLASS_COLUMN = "key", "school", "others", "class"
"""Columns of a partition: the pupil, its home school (in a release its board), further schools; and its class."""


def word_column(number: int | str) -> str:
    """The name of the column with a word of the code."""
    return f"word{number}"


def word_columns(coding: Coding) -> list[str]:
    """The names of the columns with the words of a code."""
    return [word_column(number) for number in range(coding.words)]


def level_column(column: int) -> str:
    """The name of the column with a quasi-identifier's level."""
    return f"level{column}"


@dataclass(frozen=True)
class CohortSplit:
    """A split of a cohort: pupils with equal values of one column at one level are one partition.

    Args:
        column: the column, by position.
        level: the level.
        parts: how many partitions there can be.
    """

    column: int
    level: int
    parts: int

    @classmethod
    def coarsest(cls, coding: Coding, pupils: int, budget: int) -> CohortSplit | None:
        """The coarsest split into partitions of at most `budget` pupils, if values were spread evenly.

        Returns:
            The split with the fewest partitions that are enough, else the one with the most; of several the first
            column. None where no column has two values.
        """
        needed = max(2, -(-pupils // budget))
        splits = [
            cls(column, level, int(hierarchy.groups(level).max()) + 1)
            for column, hierarchy in enumerate(coding.hierarchies)
            for level in range(hierarchy.height)
        ]
        enough = [split for split in splits if split.parts >= needed]
        if enough:
            return min(enough, key=lambda split: (split.parts, split.column, split.level))
        finest = max(splits, key=lambda split: (split.parts, -split.column, split.level))
        return finest if finest.parts > 1 else None

    def mask(self, coding: Coding) -> CodeMask:
        """The bits of a code that say which partition it is in."""
        masks = [0] * coding.words
        bits = coding.hierarchies[self.column].mask(self.level)
        masks[coding.column_words[self.column]] = bits << coding.shifts[self.column]
        return tuple(masks)


def search_partition(partition: pa.Table, request: RecodingRequest) -> pa.Table:
    """Search one partition for a local recoding; pupils without a class are left to the last search.

    Args:
        partition: KEY_COLUMN, the words of the code, SCHOOL_COLUMN (a whole number) and OTHER_SCHOOLS_COLUMN (a list
            of them, or null).
        request: the request for the whole cohort; its suppression limit plays no part here.

    Returns:
        KEY_COLUMN, the words, CLASS_COLUMN (from 0, −1 for a pupil without a class) and the level of each column.
    """
    coding = request.coding
    histogram = build_partition_histogram(partition, coding, single=True)
    try:
        recoding = search_local_recoding(histogram, replace(request, suppression_limit=1))
    except NotAnonymous:
        class_of = np.full(partition.num_rows, SUPPRESSED_CLASS, dtype=np.int32)
        levels = np.zeros((1, coding.columns), dtype=np.int8)
    else:
        class_of, levels = recoding.class_of[histogram.unit_of_pupil], recoding.levels
    levels_of_pupil = levels[np.maximum(class_of, 0)]
    columns: dict[str, Any] = {name: partition[name] for name in (KEY_COLUMN, *word_columns(coding))}
    columns[CLASS_COLUMN] = pa.array(class_of, pa.int32())
    columns |= {level_column(c): pa.array(levels_of_pupil[:, c], pa.int8()) for c in range(coding.columns)}
    return pa.table(columns)


def build_partition_histogram(partition: pa.Table, coding: Coding, *, single: bool) -> Histogram:
    """The histogram of a partition, or of a whole cohort; schools are numbered within it.

    Args:
        partition: a table as for `search_partition`.
        coding: the coding of its codes.
        single: whether every pupil is a unit of its own, as a local recoding needs it.
    """
    lists: Any = partition[OTHER_SCHOOLS_COLUMN].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    others = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
    homes = partition[SCHOOL_COLUMN].to_numpy()
    schools = np.unique(np.concatenate([homes, others]))
    return Histogram.from_pupils(
        np.stack([partition[name].to_numpy() for name in word_columns(coding)]),
        np.searchsorted(schools, homes).astype(np.int32),
        others=(np.repeat(np.arange(len(lengths)), lengths), np.searchsorted(schools, others).astype(np.int32)),
        single=single,
    )
