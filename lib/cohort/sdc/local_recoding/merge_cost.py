"""What two values of a column cost when released as one: the loss at their lowest common ancestor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.sdc.local_recoding.search_space import Costs, LocalSearchSpace
from cohort.sdc.model.arrays import IntArray

UNMERGEABLE_COST = np.float32(1e6)
"""What values cost together that no allowed level brings together."""
MAX_MERGE_COST = np.float32(1e5)
"""More than any record can lose: whatever costs so much is not allowed."""
_JOINT = 512
"""Neighbouring columns with at most so many combinations of values are looked up together."""


@dataclass(frozen=True, eq=False)
class MergeCosts:
    """Tables of the loss per pupil of two values together, for each column; columns of few values joined.

    Gives: `pairs[column][value, value]`, where values count only those that occur; `values[column]` of each
    unit; `joined`, lists of neighbouring columns; `places[joined]`, the combination of values of each unit.
    """

    pairs: tuple[Costs, ...]
    values: npt.NDArray[np.int64]
    joined: tuple[tuple[int, ...], ...]
    places: npt.NDArray[np.int64]

    @classmethod
    def of(cls, space: LocalSearchSpace) -> MergeCosts:
        pairs, values = [], np.empty((space.columns, space.histogram.units), dtype=np.int64)
        for column, hierarchy in enumerate(space.coding.hierarchies):
            present = np.flatnonzero(np.bincount(space.leaves[column], minlength=len(hierarchy.leaves)))
            place = np.zeros(len(hierarchy.leaves), dtype=np.int64)
            place[present] = np.arange(len(present))
            values[column] = place[space.leaves[column]]
            pairs.append(_pairs(space, column, present))
        joined = _joined([len(pair) for pair in pairs])
        places = np.empty((len(joined), space.histogram.units), dtype=np.int64)
        for number, together in enumerate(joined):
            place = values[together[0]]
            for column in together[1:]:
                place = place * len(pairs[column]) + values[column]
            places[number] = place
        return cls(tuple(pairs), values, joined, places)

    def rows(self, seeds: IntArray, number: int) -> Costs:
        """What each seed costs together with each combination of values of some joined columns."""
        together = self.joined[number]
        total: Costs = self.pairs[together[0]][self.values[together[0], seeds]]
        for column in together[1:]:
            row = self.pairs[column][self.values[column, seeds]]
            total = (total[:, :, None] + row[:, None, :]).reshape(len(seeds), -1)
        return total


def _pairs(space: LocalSearchSpace, column: int, present: IntArray) -> Costs:
    hierarchy, cost = space.coding.hierarchies[column], space.costs[column]
    low, high = space.low[column], space.high[column]
    table = np.full((len(present), len(present)), UNMERGEABLE_COST, dtype=np.float32)
    for level in range(high, low - 1, -1):
        group = hierarchy.groups(level)[present]
        paid = np.broadcast_to(cost[level][present][:, None], table.shape)
        np.copyto(table, paid, where=group[:, None] == group[None, :])
    return table


def _joined(sizes: list[int]) -> tuple[tuple[int, ...], ...]:
    groups: list[tuple[int, ...]] = []
    product = _JOINT + 1
    for column, size in enumerate(sizes):
        if product * size <= _JOINT:
            groups[-1], product = (*groups[-1], column), product * size
        else:
            groups.append((column,))
            product = size
    return tuple(groups)
