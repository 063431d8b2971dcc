"""Clusters of k pupils of least merge cost, formed greedily in many blocks of near units at once.

As in microaggregation, a cluster begins with a seed, and the pupil that raises its cost least joins it until it has k.
It is released at the lowest common ancestors of its members, so a poor cluster costs more but never discloses more.
Blocks keep the work linear: units far apart are never compared. `cluster_search` and `reclustering` call this module.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.merge_cost import MAX_MERGE_COST, UNMERGEABLE_COST, MergeCosts
from cohort.sdc.local_recoding.school_quotas import ClusterSchools, SchoolQuota
from cohort.sdc.local_recoding.search_space import CostArray, LocalSearchSpace
from cohort.sdc.model import BoolArray, IntArray

EMPTY_SLOT = -1
"""A slot of a block that no unit has."""
_INFINITE = np.float32(np.inf)
_CANDIDATES = 48
"""This many of the units nearest to a seed are considered for its cluster (more where quotas of schools apply)."""
_CELLS_AT_ONCE = 1 << 21
"""Cells of a cost matrix in memory at once."""


@dataclass(frozen=True)
class FormedClusters:
    """Clusters as they were formed.

    Args:
        cost: the cost of a member of each cluster.
        members: the units `[cluster, k]`, the seed first.
        block: the block of each cluster.
    """

    cost: CostArray
    members: IntArray
    block: IntArray


def partition_into_near_blocks(costs: MergeCosts, units: IntArray, size: int, rng: np.random.Generator) -> IntArray:
    """Partition units into blocks of near ones by a random balanced tree.

    Each node of the tree takes two random pivots and splits its units at the median of the difference of their costs.

    Args:
        costs: the merge costs.
        units: the units; their order plays no part.
        size: the largest size of a block.
        rng: the source of chance.

    Returns:
        `[block, slot]`, every unit once, the other slots EMPTY_SLOT.
    """
    blocks = rng.permutation(units)[None, :]
    while blocks.shape[1] > size:
        if blocks.shape[1] % 2:
            blocks = np.pad(blocks, ((0, 0), (0, 1)), constant_values=EMPTY_SLOT)
        count, width = blocks.shape
        every = np.arange(count)
        filled = np.maximum((blocks >= 0).sum(axis=1), 1)
        order = np.argsort(blocks < 0, axis=1, kind="stable")
        blocks = np.take_along_axis(blocks, order, axis=1)
        pivots = [blocks[every, (rng.random(count) * filled).astype(np.int64)] for _ in range(2)]
        side = costs.seed_costs(pivots[0], blocks) - costs.seed_costs(pivots[1], blocks)
        side[blocks < 0] = np.inf
        halves = np.argpartition(side, width // 2 - 1, axis=1)
        blocks = np.take_along_axis(blocks, halves, axis=1).reshape(count * 2, width // 2)
    return blocks[(blocks >= 0).any(axis=1)]


def rank_by_expected_cost(costs: MergeCosts, units: IntArray, k: int, rng: np.random.Generator) -> IntArray:
    """Rank units by the expected cost of a cluster around each.

    The expected cost is the sum of the costs with the k − 1 nearest units of a small block.

    Returns:
        Per unit of `units` its rank, 0 for the cheapest; ties in the order of the units' numbers.
    """
    blocks = partition_into_near_blocks(costs, units, max(128, 4 * k), rng)
    expected = np.full(int(units.max()) + 1, np.inf, dtype=np.float64)
    for slot in range(blocks.shape[1]):
        seeds = blocks[:, slot]
        distances = costs.seed_costs(seeds, blocks)
        distances[blocks < 0] = UNMERGEABLE_COST
        reach = min(k - 1, blocks.shape[1] - 1)
        nearest = np.partition(distances, reach, axis=1)[:, : reach + 1].sum(axis=1) if reach else distances.min(axis=1)
        filled = seeds >= 0
        expected[seeds[filled]] = nearest[filled]
    rank = np.empty(len(units), dtype=np.int64)
    rank[np.lexsort((units, expected[units]))] = np.arange(len(units))
    return rank


def form_clusters(space: LocalSearchSpace, costs: MergeCosts, blocks: IntArray, number: int, k: int) -> FormedClusters:
    """Form up to `number` clusters of k in every block.

    Args:
        space: the search space.
        costs: its merge costs.
        blocks: `[block, slot]`, units in the order in which they are to be seeds, EMPTY_SLOT for an empty slot.
        number: how many clusters a block may have.
        k: the size of a cluster.

    Returns:
        The clusters of all blocks; a seed that finds no partners forms none.
    """
    step = max(1, _CELLS_AT_ONCE // max(blocks.shape[1], 1))
    parts = []
    for first in range(0, len(blocks), step):
        part = _form_in_blocks(space, costs, blocks[first : first + step], number, k)
        parts.append(FormedClusters(part.cost, part.members, part.block + first))
    return _concatenate(parts)


def _concatenate(parts: list[FormedClusters]) -> FormedClusters:
    return FormedClusters(
        np.concatenate([part.cost for part in parts]),
        np.concatenate([part.members for part in parts]),
        np.concatenate([part.block for part in parts]),
    )


def _form_in_blocks(
    space: LocalSearchSpace, costs: MergeCosts, blocks: IntArray, number: int, k: int
) -> FormedClusters:
    """Form one cluster after another, in all blocks at once, each around the first free unit of its block."""
    count, width = blocks.shape
    every = np.arange(count)
    free = blocks >= 0
    units = np.where(free, blocks, 0)
    quota = SchoolQuota.for_size(space, k)
    reach = min(width, max(_CANDIDATES, 3 * k) * (3 if quota else 1))
    combinations = [costs.combination_of_unit[group][units] for group in range(len(costs.column_groups))]
    parts = [FormedClusters(np.empty(0, np.float32), np.empty((0, k), np.int64), np.empty(0, np.int64))]
    for _ in range(number):
        able = free.sum(axis=1) >= k
        if not able.any():
            break
        first = free.argmax(axis=1)
        seeds = units[every, first]
        free[every, first] = False
        distances = _distances_of_free_units(costs, seeds, combinations, free)
        nearest = (
            np.argpartition(distances, reach - 1, axis=1)[:, :reach]
            if reach < width
            else np.tile(np.arange(width), (count, 1))
        )
        unmergeable = np.take_along_axis(distances, nearest, axis=1) >= MAX_MERGE_COST
        candidates = units[every[:, None], nearest]
        schools = ClusterSchools(space, seeds, candidates, quota, k) if quota else None
        growth = _grow_clusters(costs, seeds, candidates, unmergeable, schools, k)
        joined = np.take_along_axis(nearest, growth.picked, axis=1)
        rows = np.flatnonzero(growth.complete & able)
        free[rows[:, None], joined[rows]] = False
        members = np.concatenate((seeds[rows, None], units[rows[:, None], joined[rows]]), axis=1)
        parts.append(FormedClusters(growth.cost[rows], members, rows))
    return _concatenate(parts)


def _distances_of_free_units(
    costs: MergeCosts, seeds: IntArray, combinations: list[IntArray], free: BoolArray
) -> CostArray:
    """The cost of each seed with the free units of its block; infinite for all others."""
    distances = np.where(free, np.float32(0), _INFINITE)
    every = np.arange(len(seeds))
    for group, combination in enumerate(combinations):
        rows = costs.seed_rows(seeds, group)
        distances += rows.reshape(-1).take(combination + (every * rows.shape[1])[:, None])
    return distances


@dataclass(frozen=True)
class _Growth:
    """The cost of each cluster, the candidates that joined it `[cluster, k − 1]`, and whether it is complete."""

    cost: CostArray
    picked: IntArray
    complete: BoolArray


def _grow_clusters(
    costs: MergeCosts,
    seeds: IntArray,
    candidates: IntArray,
    excluded: BoolArray,
    schools: ClusterSchools | None,
    k: int,
) -> _Growth:
    """Let the k − 1 candidates that raise the cost least join each seed, one after the other.

    Args:
        costs: the merge costs.
        seeds: the seed of each cluster.
        candidates: the units that may join it, `[cluster, candidate]`.
        excluded: candidates that may not join; those who have joined are entered.
        schools: the schools of the clusters, where constraints ask for them.
        k: the size of a cluster.
    """
    count = len(seeds)
    every = np.arange(count)
    with_seed = costs.column_costs(seeds[:, None], candidates)
    current = costs.column_costs(seeds, seeds)
    picked = np.zeros((count, k - 1), dtype=np.int64)
    complete = np.ones(count, dtype=np.bool_)
    for joined in range(k - 1):
        cost_if_joined = np.maximum(with_seed, current[:, None, :]).sum(axis=2)
        cost_if_joined[excluded if schools is None else excluded | schools.excluded(joined)] = _INFINITE
        best = cost_if_joined.argmin(axis=1)
        complete &= cost_if_joined[every, best] < MAX_MERGE_COST
        picked[:, joined] = best
        current = np.maximum(current, with_seed[every, best])
        excluded[every, best] = True
        if schools is not None:
            schools.join(best)
    return _Growth(current.sum(axis=1), picked, complete)
