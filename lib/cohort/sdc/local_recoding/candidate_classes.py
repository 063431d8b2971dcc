"""Candidate classes of the level sweep, the greedy choice of the cheapest, and trimming of dominant schools.

In go groups of units with equal generalised values; out come classes, each of which satisfies every constraint. The
level sweep adds groups node by node and has them chosen under each ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from cohort.sdc.local_recoding.search_space import ClassAssignment, CostArray, LocalSearchSpace
from cohort.sdc.model import BoolArray, Histogram, IntArray, hash_codes
from cohort.sdc.privacy_models import (
    ClassConstraint,
    SchoolDominance,
    classes_satisfying_all,
    count_classes,
    minimum_class_size,
)

_MEMBERSHIPS_AT_ONCE = 1 << 18
"""This many memberships are compared at once; costlier groups wait for the next part."""


class CandidateClasses:
    """Groups of units that could become classes, gathered node by node; a unit is in many of them.

    Args:
        space: the search space.
        units: the units that the groups are made of. Groups name them by their index in this array.

    Attributes:
        free: which of the units no class has taken.
        memberships: how many pairs of a unit and a candidate group there are.
    """

    def __init__(self, space: LocalSearchSpace, units: IntArray) -> None:
        self._space, self._all_units = space, units
        self._counts = space.histogram.counts[units].astype(np.float64)
        self.free = np.ones(len(units), dtype=np.bool_)
        self._units: list[IntArray] = []
        self._sizes: list[IntArray] = []
        self._costs: list[CostArray] = []
        self.memberships = 0

    def add(self, units: IntArray, keys: IntArray, costs: CostArray) -> None:
        """Add the groups of equal keys that have enough pupils; all members of a group cost the same."""
        order = np.argsort(keys, kind="stable")
        keys, units = keys[order], units[order]
        begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        large = np.add.reduceat(self._counts[units], begins) >= self._space.k
        if not large.any():
            return
        lengths = np.diff(np.append(begins, len(keys)))
        chosen = units[np.repeat(large, lengths)]
        self._units.append(chosen)
        self._sizes.append(lengths[large])
        self._costs.append(costs[order[begins[large]]])
        self.memberships += len(chosen)

    def choose(self, assignment: ClassAssignment) -> None:
        """Make classes of the groups, the cheapest first, and forget all groups.

        A group keeps the members that no cheaper one took, as long as it satisfies every constraint. Of equal costs
        the larger group goes first, then the one added first.
        """
        if not self._sizes:
            return
        sizes, costs = np.concatenate(self._sizes), np.concatenate(self._costs)
        units = np.concatenate(self._units)
        begins = np.cumsum(sizes) - sizes
        order = np.lexsort((-sizes, costs))
        ends = np.cumsum(sizes[order])
        first = 0
        while first < len(order):
            before = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, before + _MEMBERSHIPS_AT_ONCE, side="right")))
            part = order[first:last]
            number = np.repeat(np.arange(len(part)), sizes[part])
            within = np.arange(len(number)) - np.repeat(np.cumsum(sizes[part]) - sizes[part], sizes[part])
            self._choose_part(units[np.repeat(begins[part], sizes[part]) + within], number, assignment)
            first = last
        self._units, self._sizes, self._costs, self.memberships = [], [], [], 0

    def _choose_part(self, units: IntArray, groups: IntArray, assignment: ClassAssignment) -> None:
        """Take, round by round, the groups that share no free unit with a cheaper one."""
        claims = np.empty(len(self._all_units), dtype=np.int64)
        while len(units):
            eligible = self.free[units]
            pupils = np.bincount(groups[eligible], self._counts[units[eligible]], minlength=int(groups[-1]) + 1)
            eligible &= (pupils >= self._space.k)[groups]
            units, groups = units[eligible], groups[eligible]
            if not len(units):
                return
            claims[units[::-1]] = groups[::-1]  # the last one written is the cheapest
            shared = np.bincount(groups, claims[units] != groups, minlength=int(groups[-1]) + 1) > 0
            unshared = ~shared[groups]
            self._take(units[unshared], groups[unshared], assignment)
            units, groups = units[~unshared], groups[~unshared]

    def _take(self, units: IntArray, groups: IntArray, assignment: ClassAssignment) -> None:
        """Make classes of the groups that satisfy every constraint, trimming dominant schools where that suffices."""
        number = np.unique(groups, return_inverse=True)[1]
        space = self._space
        if space.has_school_constraints:
            part = space.histogram.subset(self._all_units[units])
            classes = int(number[-1]) + 1
            valid = classes_satisfying_all(space.constraints, count_classes(part, number, classes, space.constraints))
            keep = valid[number]
            if not valid.all():
                keep |= trim_dominant_schools(part, number, ~valid, space.constraints)
            units = units[keep]
            number = (np.cumsum(np.bincount(number[keep], minlength=classes) > 0) - 1)[number[keep]]
        if len(units):
            self.free[units] = False
            assignment.add_classes(self._all_units[units], number)


def trim_dominant_schools(
    histogram: Histogram, class_of: IntArray, failing: BoolArray, constraints: Sequence[ClassConstraint]
) -> BoolArray:
    """Which units of failing classes satisfy every constraint together once the dominant school gives some up.

    With a dominance limit f and o pupils of other schools the largest school may keep f/(1−f) · o of its own. Which
    of its pupils stay depends on their values, never on their order.

    Args:
        histogram: the units.
        class_of: per unit its class, from 0.
        failing: which classes fail; its length is the number of classes.
        constraints: what every class must satisfy.

    Returns:
        A flag per unit; False for all units of a class that still fails.
    """
    limit = min((rule.limit for rule in constraints if isinstance(rule, SchoolDominance)), default=Fraction(1))
    kept = np.zeros(len(class_of), dtype=np.bool_)
    units = np.flatnonzero(failing[class_of])
    if limit == 1 or not len(units) or not histogram.has_schools:
        return kept
    stays = _within_dominance_limit(histogram, units, class_of[units], limit, minimum_class_size(constraints))
    chosen = units[stays]
    if len(chosen):
        counts = count_classes(histogram.subset(chosen), class_of[chosen], len(failing), constraints)
        valid = classes_satisfying_all(constraints, counts)
        kept[chosen[valid[class_of[chosen]]]] = True
    return kept


def _within_dominance_limit(
    histogram: Histogram, units: IntArray, class_of: IntArray, limit: Fraction, min_size: int
) -> BoolArray:
    """Which units stay when each dominant school keeps only as many pupils as the limit allows.

    Args:
        histogram: all units.
        units: the units of the classes to trim.
        class_of: the class of each of these units.
        limit: the largest share of one school, below 1.
        min_size: the fewest pupils a class may have.

    Returns:
        A flag per unit of `units`; False for classes that trimming would make too small or that have no school to trim.
    """
    school, count = histogram.schools[units].astype(np.int64), histogram.counts[units]
    classes = int(class_of.max()) + 1
    width = int(school.max() + 1).bit_length()
    cells, cell_of_unit = np.unique((class_of << width) | school, return_inverse=True)
    cell_pupils = np.bincount(cell_of_unit, count).astype(np.int64)
    class_of_cell = cells >> width
    largest = np.zeros(classes, np.int64)
    np.maximum.at(largest, class_of_cell, cell_pupils)
    others = np.bincount(class_of, count, minlength=classes).astype(np.int64) - largest
    may_keep = others * limit.numerator // (limit.denominator - limit.numerator)
    trimmable = (may_keep < largest) & (others + may_keep >= min_size)
    # Every school as large as the largest is trimmed; in a class with such a tie each keeps what the limit allows.
    dominant = (cell_pupils == largest[class_of_cell]) & trimmable[class_of_cell]
    gives_up = dominant[cell_of_unit]
    order = np.lexsort((units, hash_codes(histogram.codes[0, units], 32), cell_of_unit))
    running = np.cumsum(np.where(gives_up, count, 0)[order])
    before = running - np.where(gives_up, count, 0)[order]
    starts = np.flatnonzero(np.diff(cell_of_unit[order], prepend=-1))
    before_cell = np.repeat(before[starts], np.diff(np.append(starts, len(order))))
    pupils_so_far = np.empty(len(units), dtype=np.int64)
    pupils_so_far[order] = running - before_cell
    stays: BoolArray = trimmable[class_of] & (~gives_up | (pupils_so_far <= may_keep[class_of]))
    return stays
