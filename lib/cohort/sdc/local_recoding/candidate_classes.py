"""Groups that could become classes, and the choice among them: cheapest first."""

from __future__ import annotations

import numpy as np

from cohort.sdc.local_recoding.search_space import ClassAssignment, Costs, LocalSearchSpace
from cohort.sdc.local_recoding.share_trimming import trim_dominant_schools
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_all, count_classes

_AT_ONCE = 1 << 18
"""So many memberships are weighed against each other at once; dearer groups wait for their turn."""


class CandidateClasses:
    """Groups of units, gathered vector by vector; a unit is in many of them.

    Takes: the space, and the units (by place) that the groups are of.
    """

    def __init__(self, space: LocalSearchSpace, rest: IntArray) -> None:
        self._space, self._rest = space, rest
        self._counts = space.histogram.counts[rest].astype(np.float64)
        self.free = np.ones(len(rest), dtype=np.bool_)
        """Which of the units no group has taken."""
        self._units: list[IntArray] = []
        self._sizes: list[IntArray] = []
        self._costs: list[Costs] = []
        self.memberships = 0

    def add(self, units: IntArray, keys: IntArray, paid: Costs) -> None:
        """Adds the groups of equal keys that have enough pupils; all members of a group pay the same."""
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
        self._costs.append(paid[order[begins[large]]])
        self.memberships += len(chosen)

    def choose(self, assigned: ClassAssignment) -> None:
        """Makes classes of the groups, each cheaper one before a dearer one, of the units still free.

        A group keeps the members that no cheaper one took, as long as it meets every rule. Of equal costs the
        larger group goes first, then the one added first. Afterwards there are no candidates any more.
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
            last = max(first + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
            part = order[first:last]
            number = np.repeat(np.arange(len(part)), sizes[part])
            within = np.arange(len(number)) - np.repeat(np.cumsum(sizes[part]) - sizes[part], sizes[part])
            self._settle(units[np.repeat(begins[part], sizes[part]) + within], number, assigned)
            first = last
        self._units, self._sizes, self._costs, self.memberships = [], [], [], 0

    def _settle(self, units: IntArray, group: IntArray, assigned: ClassAssignment) -> None:
        """Takes, again and again, the groups that share no unit with a cheaper one."""
        claim = np.empty(len(self._rest), dtype=np.int64)
        while len(units):
            there = self.free[units]
            enough = np.bincount(group[there], self._counts[units[there]], minlength=int(group[-1]) + 1)
            there &= (enough >= self._space.k)[group]
            units, group = units[there], group[there]
            if not len(units):
                return
            claim[units[::-1]] = group[::-1]  # the last one written is the cheapest
            shared = np.bincount(group, claim[units] != group, minlength=int(group[-1]) + 1) > 0
            alone = ~shared[group]
            self._take(units[alone], group[alone], assigned)
            units, group = units[~alone], group[~alone]

    def _take(self, units: IntArray, group: IntArray, assigned: ClassAssignment) -> None:
        """Makes classes of the groups that meet every rule, if need be without some of too large a school."""
        number = np.unique(group, return_inverse=True)[1]
        space = self._space
        if space.looks_further:
            part = space.histogram.part(self._rest[units])
            groups = int(number[-1]) + 1
            fine = classes_satisfying_all(space.rules, count_classes(part, number, groups, space.rules))
            keep = fine[number]
            if not fine.all():
                keep |= trim_dominant_schools(part, number, groups, space.rules, ~fine)
            units = units[keep]
            number = (np.cumsum(np.bincount(number[keep], minlength=groups) > 0) - 1)[number[keep]]
        if len(units):
            self.free[units] = False
            assigned.take(self._rest[units], number)
