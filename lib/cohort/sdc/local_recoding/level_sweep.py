"""Local recoding with few columns: a sweep over all nodes of the lattice, cheap classes first.

Ceilings of the cost per pupil rise in steps. Under each ceiling every level vector is tried on the units that have no
class yet; every group of equal generalised values that is large enough and costs no more than the ceiling is a
candidate, and the cheapest candidates that satisfy all constraints become classes. All members of a group cost the
same, and a group that failed under an earlier ceiling has only lost members since; so a pass considers only groups
above the ceiling before it, and all passes together take groups in the exact order of their cost.

The level vectors are walked as a tree, column by column. A unit whose cost in the columns so far exceeds the ceiling,
or that shares its values in those columns with too few pupils, is left out of the whole branch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.candidate_classes import CandidateClasses
from cohort.sdc.local_recoding.search_space import ClassAssignment, CostArray, LocalSearchSpace
from cohort.sdc.model import CodeMask, IntArray, hash_codes, mask_codes

COST_CEILINGS = (0.0, *np.geomspace(0.002, 1.0, 16).tolist())
"""Ceilings of the cost per pupil, from nothing lost to everything lost, each a constant factor above the one before."""

_COST_SLACK = 1e-6
"""Costs are sums of rounded losses."""
_MAX_MEMBERSHIPS = 1 << 23
"""Candidates are chosen among before there are more memberships than these."""
_CROWDED = 4
"""Counting groups to drop small ones pays where they have fewer than this many times k pupils on average. There are as
many times more hash buckets as groups of k would fill."""


def distinct_levels(space: LocalSearchSpace) -> list[list[int]]:
    """Per column the levels to try: the allowed ones at which it has fewer values than at the level below."""
    return [_distinct_levels_of(space, column) for column in range(space.columns)]


def count_level_vectors(space: LocalSearchSpace) -> int:
    """How many level vectors a sweep tries: every combination of the columns' distinct levels."""
    return int(np.prod([float(len(levels)) for levels in distinct_levels(space)]))


def sweep_level_vectors(
    space: LocalSearchSpace, assignment: ClassAssignment, ceilings: Sequence[float] = COST_CEILINGS
) -> None:
    """Give classes to units that have none, at a cost of at most the last ceiling per pupil.

    Args:
        space: the search space.
        assignment: the classes so far; new ones are added.
        ceilings: the ceilings, rising. More of them cost time and fewer cost memory; the outcome hardly changes.
    """
    tree = _lay_out_levels(space)
    floor = -1.0
    for ceiling in ceilings:
        units = assignment.unassigned
        if len(units) == 0 or int(space.histogram.counts[units].sum()) < space.k:
            return
        costs = _CostRange(floor, ceiling + _COST_SLACK)
        _CeilingPass(space, tree, units, costs).run(assignment)
        floor = costs.ceiling


def _distinct_levels_of(space: LocalSearchSpace, column: int) -> list[int]:
    present = np.flatnonzero(np.bincount(space.leaves[column]))
    levels, before = [], -1
    for level in range(space.low[column], space.high[column] + 1):
        groups = len(np.unique(space.coding.hierarchies[column].groups(level)[present]))
        if groups != before:
            levels.append(level)
        before = groups
    return levels


@dataclass(frozen=True, eq=False)
class _TreeLevel:
    """One level of one column, with what every branch asks of it.

    Args:
        cost_of_leaf: the cost of one pupil at this level, by leaf.
        lowest_cost: the least of those costs.
        is_free: whether they are all nothing.
        groups: how many values the column has at this level.
        bits: the bits of a code word that the level keeps.
    """

    cost_of_leaf: CostArray
    lowest_cost: float
    is_free: bool
    groups: int
    bits: int


@dataclass(frozen=True, eq=False)
class _TreeColumn:
    """One column of the tree of level vectors.

    Args:
        column: its number in the search space.
        word: the code word that its bits are in.
        levels: its distinct levels, ascending.
        highest_cost_below: the most that one pupil can cost in the columns below this one.
    """

    column: int
    word: int
    levels: tuple[_TreeLevel, ...]
    highest_cost_below: float


def _lay_out_levels(space: LocalSearchSpace) -> list[_TreeColumn]:
    """The tree of level vectors from the top: columns of many leaves first.

    They separate most units, and so shorten the branches below.
    """
    order = sorted(range(space.columns), key=lambda c: (-len(space.coding.hierarchies[c].leaves), c))
    tree, below = [], 0.0
    for column in reversed(order):
        levels = tuple(_lay_out_level(space, column, level) for level in _distinct_levels_of(space, column))
        tree.append(_TreeColumn(column, space.coding.column_words[column], levels, below))
        below += float(space.costs[column][space.high[column]].max())
    return tree[::-1]


def _lay_out_level(space: LocalSearchSpace, column: int, level: int) -> _TreeLevel:
    costs, hierarchy = space.costs[column][level], space.coding.hierarchies[column]
    bits = hierarchy.mask(level) << space.coding.shifts[column]
    groups = int(hierarchy.groups(level).max()) + 1
    return _TreeLevel(costs, float(costs.min()), not costs.any(), groups, bits)


@dataclass(frozen=True)
class _CostRange:
    """Groups are candidates whose cost lies above the floor and not above the ceiling."""

    floor: float
    ceiling: float


@dataclass(frozen=True, eq=False)
class _Branch:
    """A branch of the tree of level vectors: the columns before `depth` have their levels.

    Args:
        depth: how many columns have their level.
        units: the units still in the branch.
        costs: their cost in those columns.
        mask: the bits of a code that those levels keep.
        max_groups: how many groups of equal values there can be in those columns.
    """

    depth: int
    units: IntArray
    costs: CostArray
    mask: CodeMask
    max_groups: int


class _CeilingPass:
    """One pass over the tree of level vectors under one ceiling, on the units without a class when it began."""

    def __init__(self, space: LocalSearchSpace, tree: list[_TreeColumn], units: IntArray, costs: _CostRange) -> None:
        self._space, self._tree, self._costs = space, tree, costs
        self._words = [word[units] for word in space.histogram.codes]
        self._leaves = [leaves[units] for leaves in space.leaves]
        self._counts = space.histogram.counts[units].astype(np.float64)
        self._most_pupils = float(self._counts.max(initial=1))
        self._counts_differ = bool((self._counts != 1).any())
        self._candidates = CandidateClasses(space, units)
        self._times_chosen = 0

    def run(self, assignment: ClassAssignment) -> None:
        """Gather the candidates of all level vectors and make classes of the cheapest."""
        units = np.arange(len(self._counts))
        no_cost = np.zeros(len(units), dtype=np.float32)
        self._walk(_Branch(0, units, no_cost, (0,) * len(self._words), 1), assignment)
        self._candidates.choose(assignment)

    def _walk(self, branch: _Branch, assignment: ClassAssignment) -> None:
        """Try every level of the next column on the units of a branch."""
        column = self._tree[branch.depth]
        is_leaf = branch.depth + 1 == len(self._tree)
        units, costs, times_chosen = branch.units, branch.costs, self._times_chosen
        for level in column.levels:
            if level.lowest_cost > self._costs.ceiling:
                continue
            if self._times_chosen != times_chosen:
                free = self._candidates.free[units]
                units, costs, times_chosen = units[free], costs[free], self._times_chosen
            level_units, level_costs = self._affordable(units, costs, column, level)
            if len(level_units) * self._most_pupils < self._space.k:
                continue
            mask, word = branch.mask, column.word
            mask = (*mask[:word], mask[word] + level.bits, *mask[word + 1 :])
            max_groups = branch.max_groups * level.groups
            if is_leaf or max_groups * self._space.k * _CROWDED > len(level_units):
                keys = mask_codes([codes[level_units] for codes in self._words], mask)
                crowded = self._crowded(level_units, keys)
                if crowded is not None:
                    level_units, level_costs, keys = level_units[crowded], level_costs[crowded], keys[crowded]
            if not len(level_units):
                continue
            if is_leaf:
                self._add_candidates(level_units, keys, level_costs, assignment)
            else:
                self._walk(_Branch(branch.depth + 1, level_units, level_costs, mask, max_groups), assignment)

    def _add_candidates(self, units: IntArray, keys: IntArray, costs: CostArray, assignment: ClassAssignment) -> None:
        """Add the groups of a level vector; choose among the candidates so far where there are too many."""
        self._candidates.add(units, keys, costs)
        if self._candidates.memberships > _MAX_MEMBERSHIPS:
            self._candidates.choose(assignment)
            self._times_chosen += 1

    def _affordable(
        self, units: IntArray, costs: CostArray, column: _TreeColumn, level: _TreeLevel
    ) -> tuple[IntArray, CostArray]:
        """The units whose cost may still end between the floor and the ceiling, with their cost so far."""
        min_cost = self._costs.floor - column.highest_cost_below
        if level.is_free:
            if min_cost < 0:
                return units, costs
            kept = (costs > min_cost).nonzero()[0]
        else:
            costs = costs + level.cost_of_leaf[self._leaves[column.column][units]]
            keep = costs <= self._costs.ceiling
            if min_cost >= 0:
                keep &= costs > min_cost
            kept = keep.nonzero()[0]
        return units[kept], costs[kept]

    def _crowded(self, units: IntArray, keys: IntArray) -> IntArray | None:
        """The positions of units in hash buckets of at least k pupils; None where that is all of them.

        A bucket holds whole groups, so no group of k pupils is lost.
        """
        k = self._space.k
        bits = max(8, (_CROWDED * len(units) // k).bit_length())
        bucket = hash_codes(keys, bits)
        weights = self._counts[units] if self._counts_differ else None
        enough = np.bincount(bucket, weights, minlength=1 << bits) >= k
        kept: IntArray = enough[bucket].nonzero()[0]
        return None if len(kept) == len(units) else kept
