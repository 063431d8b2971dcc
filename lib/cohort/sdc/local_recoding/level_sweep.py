"""Local recoding with few columns: a sweep over all level vectors, cheap groups first.

In rungs of rising ceilings every level vector is tried on the pupils that have no class yet, and every group
large enough that costs no more than the ceiling is a candidate. Of these the cheapest become classes, as long
as they meet all constraints. All members of a group cost the same, and a group that failed under an earlier
ceiling has only lost members since; so a rung looks only at what costs more than the ceiling before it, and
the rungs together take groups in the exact order of their cost.

The vectors are walked as a tree, column by column. A unit whose loss in the columns so far exceeds the
ceiling, or that shares its values in those columns with too few pupils, is left out of the whole branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from cohort.sdc.local_recoding.candidate_classes import CandidateClasses
from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, Costs, LocalSearchSpace
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import CodeMask, Coding
from cohort.sdc.model.equivalence_classes import hash_codes, mask_codes

LevelVectors = npt.NDArray[np.int8]
"""Level vectors, `[vector, column]`."""

_SLACK = 1e-6
"""Sums of rounded losses."""
_MOST_MEMBERSHIPS = 1 << 23
"""Candidates are chosen among before there are more memberships than these."""
_MANY = 4
"""Groups of this many times k pupils on average are not worth counting; hash buckets hold a part as many."""


COST_CEILINGS = (0.0, *np.geomspace(0.002, 1.0, 16).tolist())
"""From nothing lost to everything lost, each ceiling a like factor above the one before."""


def enumerate_level_vectors(space: LocalSearchSpace) -> LevelVectors:
    """Every level vector, without levels at which nothing differs from the level below."""
    steps = [_distinct_levels(space, column) for column in range(space.columns)]
    grids = np.meshgrid(*(np.array(step, dtype=np.int8) for step in steps), indexing="ij")
    return np.stack([grid.reshape(-1) for grid in grids], axis=1)


def count_level_vectors(space: LocalSearchSpace) -> int:
    """How many `all_vectors` would give."""
    return int(np.prod([float(len(_distinct_levels(space, column))) for column in range(space.columns)]))


def _distinct_levels(space: LocalSearchSpace, column: int) -> list[int]:
    present = np.flatnonzero(np.bincount(space.leaves[column]))
    levels, before = [], -1
    for level in range(space.low[column], space.high[column] + 1):
        groups = len(np.unique(space.coding.hierarchies[column].groups(level)[present]))
        if groups != before:
            levels.append(level)
        before = groups
    return levels


def sweep_level_vectors(
    space: LocalSearchSpace, assigned: ClassAssignment, vectors: LevelVectors, ceilings: Sequence[float] = COST_CEILINGS
) -> None:
    """Gives classes to units that have none, at the price of at most the last ceiling per pupil.

    Takes: the space; who has a class already, which is added to; the level vectors to try; the ceilings, of
    which a finer row costs time and a coarser one memory, but hardly changes the outcome.
    """
    # Columns of many leaves first: they tell most apart, and so shorten the branches below.
    order = sorted(range(space.columns), key=lambda c: (-len(space.coding.hierarchies[c].leaves), c))
    vectors = vectors[np.lexsort([vectors[:, column] for column in reversed(order)])]
    floor = -1.0
    for ceiling in ceilings:
        top = ceiling + _SLACK
        rest = np.flatnonzero(assigned.class_of == UNASSIGNED)
        if len(rest) == 0 or int(space.histogram.counts[rest].sum()) < space.k:
            return
        _CeilingPass(space, rest, floor, top, assigned, order, vectors).walk()
        floor = top


class _CeilingPass:
    """One ceiling, on the units that were left when it began."""

    def __init__(
        self,
        space: LocalSearchSpace,
        rest: IntArray,
        floor: float,
        top: float,
        assigned: ClassAssignment,
        order: list[int],
        vectors: LevelVectors,
    ) -> None:
        self.space, self.rest, self.floor, self.top, self.assigned = space, rest, floor, top, assigned
        self.order, self.vectors = order, vectors
        self.codes = space.histogram.codes[:, rest]
        self.leaves = space.leaves[:, rest]
        self.counts = space.histogram.counts[rest].astype(np.float64)
        self.unequal = bool((self.counts != 1).any())
        self.candidates = CandidateClasses(space, rest)
        self.chosen = 0
        self.most = [0.0] * (space.columns + 1)
        for depth in reversed(range(space.columns)):
            column = order[depth]
            self.most[depth] = self.most[depth + 1] + float(space.costs[column][space.high[column]].max())

    def walk(self) -> None:
        everybody = np.arange(len(self.rest))
        nothing = np.zeros(len(self.rest), dtype=np.float32)
        self._branch(0, everybody, nothing, (0,) * self.space.coding.words, 1, (0, len(self.vectors)))
        self.candidates.choose(self.assigned)

    def _branch(
        self, depth: int, units: IntArray, cost: Costs, mask: CodeMask, groups: int, part: tuple[int, int]
    ) -> None:
        """Tries every level of the next column on the units that a branch still holds."""
        column, last = self.order[depth], depth + 1 == self.space.columns
        hierarchy, seen = self.space.coding.hierarchies[column], self.chosen
        for level, below in self._levels(column, part):
            if self.chosen != seen:
                still = self.candidates.free[units]
                units, cost, seen = units[still], cost[still], self.chosen
            chosen, paid = self._affordable(units, cost, column, level, depth)
            kept = _extend_mask(self.space.coding, mask, column, level)
            shown = groups * (int(hierarchy.groups(level).max()) + 1)
            if len(chosen) and (last or shown * self.space.k * _MANY > len(chosen)):
                keys = mask_codes(self.codes[:, chosen], kept)
                crowded = self._crowded(chosen, keys)
                if crowded is not None:
                    chosen, paid, keys = chosen[crowded], paid[crowded], keys[crowded]
            if not len(chosen):
                continue
            if last:
                self.candidates.add(chosen, keys, paid)
                if self.candidates.memberships > _MOST_MEMBERSHIPS:
                    self.candidates.choose(self.assigned)
                    self.chosen += 1
            else:
                self._branch(depth + 1, chosen, paid, kept, shown, below)

    def _levels(self, column: int, part: tuple[int, int]) -> Iterator[tuple[int, tuple[int, int]]]:
        """The levels of a column among a part of the vectors, each with the part that has it."""
        first, last = part
        levels = self.vectors[first:last, column]
        begins = np.flatnonzero(np.diff(levels, prepend=np.int8(-1)))
        for at, to in zip(begins.tolist(), [*begins[1:].tolist(), last - first], strict=True):
            level = int(levels[at])
            if float(self.space.costs[column][level].min()) <= self.top:
                yield level, (first + at, first + to)

    def _affordable(self, units: IntArray, cost: Costs, column: int, level: int, depth: int) -> tuple[IntArray, Costs]:
        """The units whose loss may still end between the floor and the ceiling."""
        least = self.floor - self.most[depth + 1]
        table = self.space.costs[column][level]
        if table.any():
            cost = cost + table[self.leaves[column, units]]
            keep = cost <= self.top
        elif least < 0:
            return units, cost
        else:
            keep = np.ones(len(units), dtype=np.bool_)
        if least >= 0:
            keep &= cost > least
        kept = np.flatnonzero(keep)
        return units[kept], cost[kept]

    def _crowded(self, units: IntArray, keys: IntArray) -> IntArray | None:
        """Where those in hash buckets of enough pupils are (a bucket holds whole groups); none: all are."""
        k = self.space.k
        bits = max(8, (_MANY * len(units) // k).bit_length())
        bucket = hash_codes(keys, bits)
        weights = self.counts[units] if self.unequal else None
        enough = np.bincount(bucket, weights, minlength=1 << bits) >= k
        kept = np.flatnonzero(enough[bucket])
        return None if len(kept) == len(units) else kept


def _extend_mask(coding: Coding, mask: CodeMask, column: int, level: int) -> CodeMask:
    """A mask that keeps the bits of one more column at a level."""
    word = coding.word_of[column]
    bits = coding.hierarchies[column].mask(level) << coding.shifts[column]
    return (*mask[:word], mask[word] + bits, *mask[word + 1 :])
