"""Merge cost of units: the loss of one pupil when two values are released at their lowest common ancestor.

In goes the search space; out come tables of pairwise costs per column, and the costs of seeds with the units of their
block. Clustering calls it; a sum over the columns is the normalised certainty penalty (NCP) of a pair.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.search_space import CostArray, LocalSearchSpace
from cohort.sdc.model import IntArray

UNMERGEABLE_COST = np.float32(1e6)
"""The cost of two values that no allowed level merges."""
MAX_MERGE_COST = np.float32(1e5)
"""More than any record can lose: whatever costs at least this cannot be merged."""
_MAX_COMBINATIONS = 512
"""Neighbouring columns with at most this many combinations of values are looked up together."""
_CELLS_AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class MergeCosts:
    """Tables of the loss per pupil of two values together, per column; columns of few values are looked up together.

    Args:
        pair_costs: per column the cost `[value, value]`, where values count only those that occur.
        value_of_unit: the value of each unit, `[column, unit]`.
        column_groups: groups of neighbouring columns that are looked up together.
        combination_of_unit: the combination of values of each unit, `[column group, unit]`.
    """

    pair_costs: tuple[CostArray, ...]
    value_of_unit: IntArray
    column_groups: tuple[tuple[int, ...], ...]
    combination_of_unit: IntArray

    @classmethod
    def from_space(cls, space: LocalSearchSpace) -> MergeCosts:
        """Compute the tables for the values that occur in a cohort."""
        pair_costs, values = [], np.empty((space.columns, space.histogram.units), dtype=np.int64)
        for column, hierarchy in enumerate(space.coding.hierarchies):
            present = np.flatnonzero(np.bincount(space.leaves[column], minlength=len(hierarchy.leaves)))
            value_of_leaf = np.zeros(len(hierarchy.leaves), dtype=np.int64)
            value_of_leaf[present] = np.arange(len(present))
            values[column] = value_of_leaf[space.leaves[column]]
            pair_costs.append(_pair_costs(space, column, present))
        groups = _group_columns([len(costs) for costs in pair_costs])
        combinations = np.empty((len(groups), space.histogram.units), dtype=np.int64)
        for group, columns in enumerate(groups):
            combination = values[columns[0]]
            for column in columns[1:]:
                combination = combination * len(pair_costs[column]) + values[column]
            combinations[group] = combination
        return cls(tuple(pair_costs), values, groups, combinations)

    def seed_rows(self, seeds: IntArray, group: int) -> CostArray:
        """The cost of each seed with each combination of values of a column group, `[seed, combination]`."""
        columns = self.column_groups[group]
        total: CostArray = self.pair_costs[columns[0]][self.value_of_unit[columns[0], seeds]]
        for column in columns[1:]:
            row = self.pair_costs[column][self.value_of_unit[column, seeds]]
            total = (total[:, :, None] + row[:, None, :]).reshape(len(seeds), -1)
        return total

    def seed_costs(self, seeds: IntArray, blocks: IntArray) -> CostArray:
        """The cost of each seed with each unit of its block, `[block, slot]`; an empty slot counts as unit 0."""
        count, width = blocks.shape
        total = np.zeros((count, width), dtype=np.float32)
        step = max(1, _CELLS_AT_ONCE // width)
        for first in range(0, count, step):
            part = slice(first, first + step)
            units, part_seeds = np.maximum(blocks[part], 0), np.maximum(seeds[part], 0)
            for group in range(len(self.column_groups)):
                rows = self.seed_rows(part_seeds, group)
                row_start = (np.arange(len(part_seeds)) * rows.shape[1])[:, None]
                total[part] += rows.reshape(-1).take(self.combination_of_unit[group][units] + row_start)
        return total

    def column_costs(self, a: IntArray, b: IntArray) -> CostArray:
        """The cost of two units together, per column in the last axis."""
        columns = zip(self.pair_costs, self.value_of_unit, strict=True)
        costs: CostArray = np.stack([pairs[values[a], values[b]] for pairs, values in columns], axis=-1)
        return costs


def _pair_costs(space: LocalSearchSpace, column: int, present: IntArray) -> CostArray:
    """The cost of each pair of present values at the lowest allowed level that merges them."""
    hierarchy, cost = space.coding.hierarchies[column], space.costs[column]
    low, high = space.low[column], space.high[column]
    table = np.full((len(present), len(present)), UNMERGEABLE_COST, dtype=np.float32)
    for level in range(high, low - 1, -1):
        group = hierarchy.groups(level)[present]
        level_cost = np.broadcast_to(cost[level][present][:, None], table.shape)
        np.copyto(table, level_cost, where=group[:, None] == group[None, :])
    return table


def _group_columns(sizes: list[int]) -> tuple[tuple[int, ...], ...]:
    """Group neighbouring columns as long as the product of their numbers of values stays small."""
    groups: list[tuple[int, ...]] = []
    combinations = _MAX_COMBINATIONS + 1
    for column, size in enumerate(sizes):
        if combinations * size <= _MAX_COMBINATIONS:
            groups[-1], combinations = (*groups[-1], column), combinations * size
        else:
            groups.append((column,))
            combinations = size
    return tuple(groups)
