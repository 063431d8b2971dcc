"""The cohort as a local search sees it: what each unit costs at each level of each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, minimum_class_size
from cohort.sdc.utility.loss import WeightedLoss, record_losses

Costs = npt.NDArray[np.float32]

UNASSIGNED = -1
"""The class of a unit that has none yet."""


@dataclass
class ClassAssignment:
    """Who has a class so far: per unit its class, or −1; how many classes there are."""

    class_of: IntArray
    classes: int = 0

    @classmethod
    def nobody(cls, units: int) -> ClassAssignment:
        return cls(np.full(units, UNASSIGNED, dtype=np.int64))

    def take(self, units: IntArray, groups: IntArray) -> None:
        """Makes classes of groups of units, numbered from 0."""
        self.class_of[units] = groups + self.classes
        self.classes += int(groups.max()) + 1 if len(groups) else 0

    def renumber(self) -> None:
        """Numbers the classes anew, without those that nobody is in any more."""
        kept = self.class_of >= 0
        used, number = np.unique(self.class_of[kept], return_inverse=True)
        self.class_of[kept] = number
        self.classes = len(used)


@dataclass(frozen=True, eq=False)
class LocalSearchSpace:
    """Units, their leaves, and the loss of one pupil at every level.

    Takes: the histogram; its coding; the constraints; per column the loss `[level, leaf]` as its part of the
    weighted mean; the leaf of each unit, `[column, unit]`; the lowest and highest level of each column.
    """

    histogram: Histogram
    coding: Coding
    rules: tuple[ClassConstraint, ...]
    costs: tuple[Costs, ...]
    leaves: npt.NDArray[np.int32]
    low: LevelVector
    high: LevelVector

    @classmethod
    def of(
        cls,
        histogram: Histogram,
        coding: Coding,
        rules: Sequence[ClassConstraint],
        goal: WeightedLoss,
        low: LevelVector,
        high: LevelVector,
    ) -> LocalSearchSpace:
        total = sum(goal.weights)
        costs = tuple(
            (record_losses(hierarchy) * (weight / total)).astype(np.float32)
            for hierarchy, weight in zip(coding.hierarchies, goal.weights, strict=True)
        )
        return cls(histogram, coding, tuple(rules), costs, histogram.leaves(coding), low, high)

    @cached_property
    def k(self) -> int:
        return minimum_class_size(self.rules)

    @cached_property
    def looks_further(self) -> bool:
        """Whether a class needs more than enough pupils."""
        return any(rule.needs_schools for rule in self.rules)

    @property
    def columns(self) -> int:
        return self.coding.columns

    @cached_property
    def delivering(self) -> npt.NDArray[np.int32]:
        """Per unit the schools that delivered for it, home first, filled up with −1."""
        histogram = self.histogram
        number = np.bincount(histogram.other_units, minlength=histogram.units)
        table = np.full((histogram.units, 1 + int(number.max(initial=0))), -1, dtype=np.int32)
        table[:, 0] = histogram.schools
        begins = np.cumsum(number) - number
        place = np.arange(len(histogram.other_units)) - begins[histogram.other_units]
        table[histogram.other_units, 1 + place] = histogram.other_schools
        return table

    def common_levels(self, class_of: IntArray, classes: int) -> npt.NDArray[np.int8]:
        """For each class the lowest level of each column at which all its units are equal.

        Takes: per unit a class from 0, or −1.
        Gives: `[class, column]`; the height of the hierarchy where they differ at every allowed level.
        """
        kept = np.flatnonzero(class_of >= 0)
        of = class_of[kept]
        order = np.argsort(of, kind="stable")
        of, kept = of[order], kept[order]
        first = np.flatnonzero(np.diff(of, prepend=-1))
        levels = np.empty((classes, self.columns), dtype=np.int8)
        for column, hierarchy in enumerate(self.coding.hierarchies):
            leaf = self.leaves[column, kept]
            level = np.full(len(first), self.low[column], dtype=np.int8)
            for at in range(self.low[column], self.high[column] + 1):
                group = hierarchy.groups(at)[leaf]
                differs = np.minimum.reduceat(group, first) != np.maximum.reduceat(group, first)
                if not differs.any():
                    break
                level[differs] = at + 1 if at < self.high[column] else hierarchy.height
            levels[of[first], column] = level
        return levels

    def class_costs(self, levels: npt.NDArray[np.int8], seed: IntArray) -> npt.NDArray[np.float64]:
        """The loss of one pupil of each class.

        Takes: `[class, column]` and a unit of each class.
        """
        total = np.zeros(len(levels), dtype=np.float64)
        for column, cost in enumerate(self.costs):
            total += cost[levels[:, column], self.leaves[column, seed]]
        return total
