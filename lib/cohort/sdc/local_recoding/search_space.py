"""The cohort as a local search sees it: the cost of each unit at each level of each column, and its class so far.

In goes a histogram and a request; out come tables that the level sweep, the clusters and the reclustering share.
Costs are shares of the mean information loss: a unit of which every column is at the top of its hierarchy costs 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.sdc.global_recoding import RecodingRequest
from cohort.sdc.model import Coding, Histogram, Int32Array, IntArray, LevelVector, record_losses
from cohort.sdc.privacy_models import ClassConstraint, minimum_class_size

CostArray = npt.NDArray[np.float32]
LevelArray = npt.NDArray[np.int8]
"""Levels, `[class, column]` or `[vector, column]`."""

UNASSIGNED = -1
"""The class of a unit that has none yet."""


@dataclass
class ClassAssignment:
    """The class of each unit so far; it changes as a search goes on.

    Args:
        class_of: per unit its class, or UNASSIGNED.
        classes: how many classes there are.
    """

    class_of: IntArray
    classes: int = 0

    @classmethod
    def start(cls, units: int) -> ClassAssignment:
        """An assignment in which no unit has a class."""
        return cls(np.full(units, UNASSIGNED, dtype=np.int64))

    @property
    def unassigned(self) -> IntArray:
        """The units without a class."""
        return np.flatnonzero(self.class_of == UNASSIGNED)

    def add_classes(self, units: IntArray, groups: IntArray) -> None:
        """Make each group of units a new class; groups are numbered from 0."""
        self.class_of[units] = groups + self.classes
        self.classes += int(groups.max()) + 1 if len(groups) else 0

    def drop_empty_classes(self) -> None:
        """Number the classes from 0 without gaps, leaving out classes that no unit is in any more."""
        assigned = self.class_of >= 0
        used, number = np.unique(self.class_of[assigned], return_inverse=True)
        self.class_of[assigned] = number
        self.classes = len(used)

    def members(self) -> IntArray:
        """One unit of each class; 0 for an empty class."""
        return member_of_each_class(self.class_of, self.classes)


@dataclass(frozen=True, eq=False)
class LocalSearchSpace:
    """Units, their leaves, and the cost of one pupil at every level.

    Args:
        histogram: the cohort.
        coding: the coding of its quasi-identifiers.
        constraints: what every class must satisfy.
        costs: per column the cost `[level, leaf]`, as its part of the weighted mean loss.
        leaves: the leaf of each unit, `[column, unit]`.
        low: the lowest level of each column.
        high: the highest level of each column.
    """

    histogram: Histogram
    coding: Coding
    constraints: tuple[ClassConstraint, ...]
    costs: tuple[CostArray, ...]
    leaves: Int32Array
    low: LevelVector
    high: LevelVector

    @classmethod
    def from_request(cls, histogram: Histogram, request: RecodingRequest) -> LocalSearchSpace:
        """Lay out a cohort for the constraints, weights and level bounds of a request."""
        coding, weights = request.coding, request.weighted_loss("mean").weights
        total = sum(weights)
        costs = tuple(
            (record_losses(hierarchy) * (weight / total)).astype(np.float32)
            for hierarchy, weight in zip(coding.hierarchies, weights, strict=True)
        )
        low, high = request.level_bounds
        return cls(histogram, coding, tuple(request.constraints), costs, histogram.leaves(coding), low, high)

    @cached_property
    def k(self) -> int:
        """The fewest pupils a class may have under the constraints."""
        return minimum_class_size(self.constraints)

    @cached_property
    def has_school_constraints(self) -> bool:
        """Whether a class needs more than enough pupils."""
        return any(rule.needs_schools for rule in self.constraints)

    @property
    def columns(self) -> int:
        return self.coding.columns

    @cached_property
    def schools_of_unit(self) -> Int32Array:
        """Per unit the schools that delivered values for it, home school first, filled up with −1."""
        histogram = self.histogram
        number = np.bincount(histogram.other_units, minlength=histogram.units)
        table = np.full((histogram.units, 1 + int(number.max(initial=0))), -1, dtype=np.int32)
        table[:, 0] = histogram.schools
        first_pair = np.cumsum(number) - number
        rank = np.arange(len(histogram.other_units)) - first_pair[histogram.other_units]
        table[histogram.other_units, 1 + rank] = histogram.other_schools
        return table

    def common_levels(self, class_of: IntArray, classes: int) -> LevelArray:
        """For each class the lowest level of each column at which all its units have the same value.

        Args:
            class_of: per unit a class from 0, or UNASSIGNED.
            classes: how many classes there are.

        Returns:
            `[class, column]`; the height of the hierarchy where the units differ at every allowed level.
        """
        units = np.flatnonzero(class_of >= 0)
        units = units[np.argsort(class_of[units], kind="stable")]
        sorted_classes = class_of[units]
        first = np.flatnonzero(np.diff(sorted_classes, prepend=-1))
        levels = np.empty((classes, self.columns), dtype=np.int8)
        for column, hierarchy in enumerate(self.coding.hierarchies):
            leaf = self.leaves[column, units]
            common = np.full(len(first), self.low[column], dtype=np.int8)
            for level in range(self.low[column], self.high[column] + 1):
                group = hierarchy.groups(level)[leaf]
                differs = np.minimum.reduceat(group, first) != np.maximum.reduceat(group, first)
                if not differs.any():
                    break
                common[differs] = level + 1 if level < self.high[column] else hierarchy.height
            levels[sorted_classes[first], column] = common
        return levels

    def class_costs(self, levels: LevelArray, members: IntArray) -> npt.NDArray[np.float64]:
        """The cost of one pupil of each class.

        Args:
            levels: `[class, column]`.
            members: a unit of each class.
        """
        total = np.zeros(len(levels), dtype=np.float64)
        for column, cost in enumerate(self.costs):
            total += cost[levels[:, column], self.leaves[column, members]]
        return total


def member_of_each_class(class_of: IntArray, classes: int) -> IntArray:
    """One unit of each class; 0 for an empty class."""
    members = np.zeros(classes, dtype=np.int64)
    units = np.flatnonzero(class_of >= 0)
    members[class_of[units]] = units
    return members
