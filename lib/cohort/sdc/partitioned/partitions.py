"""Cohorts past one driver: parts searched apart, and a last search among what they leave over.

A cohort is split by the values of one column at a level as coarse as will do. Every part is searched under
all constraints; whom it finds no class for, all parts hand on to one last search. Each class lies in one
search, so each meets every constraint; classes of two searches that show the same values meet them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.local_recoding import local_search
from cohort.sdc.model.coding import CodeMask, Coding, LevelVector
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import SUPPRESSED_CLASS
from cohort.sdc.privacy_models.class_constraints import ClassConstraint

KEY_COLUMN, SCHOOL_COLUMN, OTHER_SCHOOLS_COLUMN, CLASS_COLUMN = "key", "school", "others", "class"
"""Columns of a part: who, the home school (in a release its board), further ones; and the class found."""


def word_column(number: int | str) -> str:
    """The name of a word of the code."""
    return f"word{number}"


def level_column(column: int) -> str:
    """The name of a column's level."""
    return f"level{column}"


@dataclass(frozen=True)
class CohortSplit:
    """A column and a level: pupils with equal values there are one part."""

    column: int
    level: int
    parts: int

    @classmethod
    def of(cls, coding: Coding, pupils: int, budget: int) -> CohortSplit | None:
        """The coarsest split with at least so many parts as the cohort has budgets.

        Gives: the split with the fewest parts that are enough, else that with the most; of several the first
        column. Nothing where no column has two values.
        """
        needed = max(2, -(-pupils // budget))
        found = [
            cls(column, at, int(tree.groups(at).max()) + 1)
            for column, tree in enumerate(coding.hierarchies)
            for at in range(tree.height)
        ]
        enough = [split for split in found if split.parts >= needed]
        if enough:
            return min(enough, key=lambda split: (split.parts, split.column, split.level))
        most = max(found, key=lambda split: (split.parts, -split.column, split.level))
        return most if most.parts > 1 else None

    def mask(self, coding: Coding) -> CodeMask:
        """The bits of a code that say which part it is in."""
        masks = [0] * coding.words
        bits = coding.hierarchies[self.column].mask(self.level)
        masks[coding.word_of[self.column]] = bits << coding.shifts[self.column]
        return tuple(masks)


@dataclass(frozen=True)
class PartitionSearch:
    """What a search is asked, in a form that travels to where the parts are.

    Takes: as `local.search`.
    """

    coding: Coding
    constraints: tuple[ClassConstraint, ...]
    objective: str
    weights: tuple[float, ...]
    low: LevelVector
    high: LevelVector

    def of(self, part: pa.Table) -> pa.Table:
        """Search one part for a local recoding.

        Takes: a table with KEY, the words of the code, SCHOOL (a whole number) and OTHERS (a list of them, or
        null).
        Gives: KEY, the words, CLASS (from 0, −1 for who is left over) and the level of each column.
        """
        histogram = self.histogram(part, single=True)
        try:
            found = local_search.search_local_recoding(
                histogram,
                self.coding,
                self.constraints,
                objective=self.objective,
                suppression_limit=Fraction(1),
                weights=self.weights,
                minimum=self.low,
                maximum=self.high,
            )
        except NotAnonymous:
            class_of = np.full(part.num_rows, SUPPRESSED_CLASS, dtype=np.int32)
            levels = np.zeros((1, self.coding.columns), dtype=np.int8)
        else:
            class_of, levels = found.class_of[histogram.unit_of], found.levels
        shown = levels[np.maximum(class_of, 0)]
        columns: dict[str, Any] = {name: part[name] for name in (KEY_COLUMN, *self.words)}
        columns[CLASS_COLUMN] = pa.array(class_of, pa.int32())
        columns |= {level_column(c): pa.array(shown[:, c], pa.int8()) for c in range(self.coding.columns)}
        return pa.table(columns)

    @property
    def words(self) -> list[str]:
        return [word_column(number) for number in range(self.coding.words)]

    def histogram(self, part: pa.Table, *, single: bool) -> Histogram:
        """The histogram of a part, or of a whole cohort; schools are numbered within it."""
        lists: Any = part[OTHER_SCHOOLS_COLUMN].combine_chunks()
        lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
        others = pc.list_flatten(lists).to_numpy(zero_copy_only=False)
        homes = part[SCHOOL_COLUMN].to_numpy()
        numbers = np.unique(np.concatenate([homes, others]))
        return Histogram.of_pupils(
            np.stack([part[name].to_numpy() for name in self.words]),
            np.searchsorted(numbers, homes).astype(np.int32),
            others=(np.repeat(np.arange(len(lengths)), lengths), np.searchsorted(numbers, others).astype(np.int32)),
            single=single,
        )
