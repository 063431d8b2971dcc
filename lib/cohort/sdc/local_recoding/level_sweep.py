"""Local recoding with few columns: a sweep over all nodes of the lattice, cheap classes first.

Ceilings of the cost per pupil rise in steps. Under each ceiling every level vector is tried on the units that have no
class yet; every group of equal generalised values that is large enough and costs no more than the ceiling is a
candidate, and the cheapest candidates that satisfy all constraints become classes. All members of a group cost the
same, and a group that failed under an earlier ceiling has only lost members since; so a pass considers only groups
above the ceiling before it, and all passes together take groups in the exact order of their cost.

The vectors are walked as a tree, column by column. A unit whose cost in the columns so far exceeds the ceiling, or that
shares its values in those columns with too few pupils, is left out of the whole branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.candidate_classes import CandidateClasses
from cohort.sdc.local_recoding.search_space import ClassAssignment, CostArray, LevelArray, LocalSearchSpace
from cohort.sdc.model import CodeMask, Coding, IntArray, hash_codes, mask_codes

COST_CEILINGS = (0.0, *np.geomspace(0.002, 1.0, 16).tolist())
"""Ceilings of the cost per pupil, from nothing lost to everything lost, each a constant factor above the one before."""

_COST_SLACK = 1e-6
"""Costs are sums of rounded losses."""
_MAX_MEMBERSHIPS = 1 << 23
"""Candidates are chosen among before there are more memberships than these."""
_CROWDED = 4
"""Counting groups to drop small ones pays where they have fewer than this many times k pupils on average. There are as
many times more hash buckets as groups of k would fill."""


def enumerate_level_vectors(space: LocalSearchSpace) -> LevelArray:
    """Every level vector `[vector, column]`, without levels at which nothing differs from the level below."""
    steps = [_distinct_levels(space, column) for column in range(space.columns)]
    grids = np.meshgrid(*(np.array(step, dtype=np.int8) for step in steps), indexing="ij")
    return np.stack([grid.reshape(-1) for grid in grids], axis=1)


def count_level_vectors(space: LocalSearchSpace) -> int:
    """How many vectors `enumerate_level_vectors` would return."""
    return int(np.prod([float(len(_distinct_levels(space, column))) for column in range(space.columns)]))


def sweep_level_vectors(
    space: LocalSearchSpace, assignment: ClassAssignment, vectors: LevelArray, ceilings: Sequence[float] = COST_CEILINGS
) -> None:
    """Give classes to units that have none, at a cost of at most the last ceiling per pupil.

    Args:
        space: the search space.
        assignment: the classes so far; new ones are added.
        vectors: the level vectors to try.
        ceilings: the ceilings, rising. More of them cost time and fewer cost memory; the outcome hardly changes.
    """
    # Columns of many leaves first: they separate most units, and so shorten the branches below.
    order = sorted(range(space.columns), key=lambda c: (-len(space.coding.hierarchies[c].leaves), c))
    tree = _VectorTree(order, vectors[np.lexsort([vectors[:, column] for column in reversed(order)])])
    floor = -1.0
    for ceiling in ceilings:
        units = assignment.unassigned
        if len(units) == 0 or int(space.histogram.counts[units].sum()) < space.k:
            return
        costs = _CostRange(floor, ceiling + _COST_SLACK)
        _CeilingPass(space, tree, units, costs).run(assignment)
        floor = costs.ceiling


def _distinct_levels(space: LocalSearchSpace, column: int) -> list[int]:
    """The allowed levels at which the column has fewer values than at the level below."""
    present = np.flatnonzero(np.bincount(space.leaves[column]))
    levels, before = [], -1
    for level in range(space.low[column], space.high[column] + 1):
        groups = len(np.unique(space.coding.hierarchies[column].groups(level)[present]))
        if groups != before:
            levels.append(level)
        before = groups
    return levels


@dataclass(frozen=True, eq=False)
class _VectorTree:
    """The level vectors as a tree: the order of its columns, and the vectors sorted in that order."""

    order: list[int]
    vectors: LevelArray

    def levels(self, column: int, part: tuple[int, int]) -> Iterator[tuple[int, tuple[int, int]]]:
        """The levels of a column in a part of the vectors, each with the part that has it."""
        first, last = part
        levels = self.vectors[first:last, column]
        begins = np.flatnonzero(np.diff(levels, prepend=np.int8(-1)))
        for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), last - first], strict=True):
            yield int(levels[begin]), (first + begin, first + end)


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
        vectors: the part of the vectors that has those levels, first and past the last.
    """

    depth: int
    units: IntArray
    costs: CostArray
    mask: CodeMask
    max_groups: int
    vectors: tuple[int, int]


class _CeilingPass:
    """One pass over the tree of level vectors under one ceiling, on the units without a class when it began."""

    def __init__(self, space: LocalSearchSpace, tree: _VectorTree, units: IntArray, costs: _CostRange) -> None:
        self._space, self._tree, self._costs = space, tree, costs
        self._codes = space.histogram.codes[:, units]
        self._leaves = space.leaves[:, units]
        self._counts = space.histogram.counts[units].astype(np.float64)
        self._counts_differ = bool((self._counts != 1).any())
        self._candidates = CandidateClasses(space, units)
        self._times_chosen = 0
        self._max_cost_from = [0.0] * (space.columns + 1)
        """The most that a unit can cost in the columns from each depth on."""
        for depth in reversed(range(space.columns)):
            column = tree.order[depth]
            most = float(space.costs[column][space.high[column]].max())
            self._max_cost_from[depth] = self._max_cost_from[depth + 1] + most

    def run(self, assignment: ClassAssignment) -> None:
        """Gather the candidates of all level vectors and make classes of the cheapest."""
        units = np.arange(self._codes.shape[1])
        no_cost = np.zeros(len(units), dtype=np.float32)
        no_bits = (0,) * self._space.coding.words
        self._walk(_Branch(0, units, no_cost, no_bits, 1, (0, len(self._tree.vectors))), assignment)
        self._candidates.choose(assignment)

    def _walk(self, branch: _Branch, assignment: ClassAssignment) -> None:
        """Try every level of the next column on the units of a branch."""
        column = self._tree.order[branch.depth]
        is_leaf = branch.depth + 1 == self._space.columns
        hierarchy = self._space.coding.hierarchies[column]
        units, costs, times_chosen = branch.units, branch.costs, self._times_chosen
        for level, vectors in self._tree.levels(column, branch.vectors):
            if float(self._space.costs[column][level].min()) > self._costs.ceiling:
                continue
            if self._times_chosen != times_chosen:
                free = self._candidates.free[units]
                units, costs, times_chosen = units[free], costs[free], self._times_chosen
            level_units, level_costs = self._affordable(units, costs, column, level, branch.depth)
            mask = _extend_mask(self._space.coding, branch.mask, column, level)
            max_groups = branch.max_groups * (int(hierarchy.groups(level).max()) + 1)
            if len(level_units) and (is_leaf or max_groups * self._space.k * _CROWDED > len(level_units)):
                keys = mask_codes(self._codes[:, level_units], mask)
                crowded = self._crowded(level_units, keys)
                if crowded is not None:
                    level_units, level_costs, keys = level_units[crowded], level_costs[crowded], keys[crowded]
            if not len(level_units):
                continue
            if is_leaf:
                self._add_candidates(level_units, keys, level_costs, assignment)
            else:
                self._walk(_Branch(branch.depth + 1, level_units, level_costs, mask, max_groups, vectors), assignment)

    def _add_candidates(self, units: IntArray, keys: IntArray, costs: CostArray, assignment: ClassAssignment) -> None:
        """Add the groups of a level vector; choose among the candidates so far where there are too many."""
        self._candidates.add(units, keys, costs)
        if self._candidates.memberships > _MAX_MEMBERSHIPS:
            self._candidates.choose(assignment)
            self._times_chosen += 1

    def _affordable(
        self, units: IntArray, costs: CostArray, column: int, level: int, depth: int
    ) -> tuple[IntArray, CostArray]:
        """The units whose cost may still end between the floor and the ceiling, with their cost so far."""
        min_cost = self._costs.floor - self._max_cost_from[depth + 1]
        table = self._space.costs[column][level]
        if table.any():
            costs = costs + table[self._leaves[column, units]]
            keep = costs <= self._costs.ceiling
        elif min_cost < 0:
            return units, costs
        else:
            keep = np.ones(len(units), dtype=np.bool_)
        if min_cost >= 0:
            keep &= costs > min_cost
        kept = np.flatnonzero(keep)
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
        kept = np.flatnonzero(enough[bucket])
        return None if len(kept) == len(units) else kept


def _extend_mask(coding: Coding, mask: CodeMask, column: int, level: int) -> CodeMask:
    """A mask that also keeps the bits of one more column at a level."""
    word = coding.column_words[column]
    bits = coding.hierarchies[column].mask(level) << coding.shifts[column]
    return (*mask[:word], mask[word] + bits, *mask[word + 1 :])
