"""Blocks of units that lie near each other: what is far apart need not be compared."""

from __future__ import annotations

import numpy as np

from cohort.sdc.local_recoding.merge_cost import UNMERGEABLE_COST, MergeCosts
from cohort.sdc.model.arrays import IntArray

EMPTY_SLOT = -1
"""A place that no unit has."""
_AT_ONCE = 1 << 22


def partition_into_near_blocks(near: MergeCosts, units: IntArray, size: int, chance: np.random.Generator) -> IntArray:
    """A random balanced tree: each node takes two random pivots and splits between them at the median.

    Takes: units in any order that is not random by itself; the largest size of a block.
    Gives: `[block, place]`, every unit once, the rest of the places −1.
    """
    blocks = chance.permutation(units)[None, :]
    while blocks.shape[1] > size:
        if blocks.shape[1] % 2:
            blocks = np.pad(blocks, ((0, 0), (0, 1)), constant_values=EMPTY_SLOT)
        count, width = blocks.shape
        every = np.arange(count)
        filled = np.maximum((blocks >= 0).sum(axis=1), 1)
        order = np.argsort(blocks < 0, axis=1, kind="stable")
        blocks = np.take_along_axis(blocks, order, axis=1)
        pivots = [blocks[every, (chance.random(count) * filled).astype(np.int64)] for _ in range(2)]
        side = merge_costs_with_seeds(near, pivots[0], blocks) - merge_costs_with_seeds(near, pivots[1], blocks)
        side[blocks < 0] = np.inf
        halves = np.argpartition(side, width // 2 - 1, axis=1)
        blocks = np.take_along_axis(blocks, halves, axis=1).reshape(count * 2, width // 2)
    return blocks[(blocks >= 0).any(axis=1)]


def merge_costs_with_seeds(
    near: MergeCosts, seeds: IntArray, blocks: IntArray
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The loss of one pupil of each seed with each unit of its block; empty places count as unit 0."""
    count, width = blocks.shape
    total = np.zeros((count, width), dtype=np.float32)
    step = max(1, _AT_ONCE // width)
    for first in range(0, count, step):
        part = slice(first, first + step)
        unit, seed = np.maximum(blocks[part], 0), np.maximum(seeds[part], 0)
        for joined in range(len(near.joined)):
            row = near.rows(seed, joined)
            begins = (np.arange(len(seed)) * row.shape[1])[:, None]
            total[part] += row.reshape(-1).take(near.places[joined][unit] + begins)
    return total


def rank_by_expected_cost(near: MergeCosts, units: IntArray, k: int, chance: np.random.Generator) -> IntArray:
    """How dear a cluster around each unit will be: its mean distance to the k − 1 nearest of a small block.

    Gives: per unit given a rank, 0 for the cheapest; ties by the unit's number.
    """
    blocks = partition_into_near_blocks(near, units, max(128, 4 * k), chance)
    place = np.full(int(units.max()) + 1, np.inf, dtype=np.float64)
    for column in range(blocks.shape[1]):
        seeds = blocks[:, column]
        far = merge_costs_with_seeds(near, seeds, blocks)
        far[blocks < 0] = UNMERGEABLE_COST
        reach = min(k - 1, blocks.shape[1] - 1)
        nearest = np.partition(far, reach, axis=1)[:, : reach + 1].sum(axis=1) if reach else far.min(axis=1)
        there = seeds >= 0
        place[seeds[there]] = nearest[there]
    rank = np.empty(len(units), dtype=np.int64)
    rank[np.lexsort((units, place[units]))] = np.arange(len(units))
    return rank
