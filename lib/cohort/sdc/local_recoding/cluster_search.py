"""Local recoding with many columns: rounds of clustering that keep the cheapest clusters and dissolve the rest.

In each round the units without a class are put into fresh random blocks of near units, the cheapest clusters of each
block are formed, the better part of them becomes classes and the others are dissolved: their units meet other partners
in the next round. The last round is one block, and keeps every cluster. `local_search` calls it where the lattice has
too many nodes for a sweep.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from cohort.sdc.local_recoding.cluster_formation import (
    FormedClusters,
    form_clusters,
    partition_into_near_blocks,
    rank_by_expected_cost,
)
from cohort.sdc.local_recoding.merge_cost import MergeCosts
from cohort.sdc.local_recoding.school_quotas import smallest_cluster_size
from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, LocalSearchSpace
from cohort.sdc.model import IntArray
from cohort.sdc.privacy_models import classes_satisfying_constraints

_MANY_UNITS = 100_000
"""Above this many units the rounds use smaller blocks and keep a larger part of the clusters."""
_BLOCK_SIZE, _BLOCK_SIZE_OF_MANY = 8_000, 2_500
_KEPT_SHARE, _KEPT_SHARE_OF_MANY = 0.15, 0.4
_FORMED_SHARE = 0.25
"""The share of a block's possible clusters that a round forms."""


def search_clusters(
    space: LocalSearchSpace,
    costs: MergeCosts,
    assignment: ClassAssignment,
    rng: np.random.Generator,
    block_size: int | None = None,
) -> None:
    """Give classes to units that have none, as long as there are enough units for one.

    Args:
        space: the search space.
        costs: its merge costs.
        assignment: the classes so far; new ones are added.
        rng: the source of chance.
        block_size: units in a block; by the number of units where it is None.
    """
    k = smallest_cluster_size(space)
    units = assignment.unassigned
    if len(units) < k:
        return
    many = len(units) > _MANY_UNITS
    block_size = block_size or (_BLOCK_SIZE_OF_MANY if many else _BLOCK_SIZE)
    kept_share = _KEPT_SHARE_OF_MANY if many else _KEPT_SHARE
    rank = np.zeros(space.histogram.units, dtype=np.int64)
    rank[units] = rank_by_expected_cost(costs, units, k, rng)
    while len(units) >= k:
        last = len(units) <= block_size
        blocks = _order_by_rank(partition_into_near_blocks(costs, units, block_size, rng), rank)
        number = ceil(blocks.shape[1] / k * (1 if last else _FORMED_SHARE))
        formed = form_clusters(space, costs, blocks, number, k)
        kept = _cheapest_valid_clusters(space, formed, 1.0 if last else kept_share)
        assignment.add_classes(formed.members[kept].reshape(-1), np.repeat(np.arange(len(kept)), k))
        units = units[assignment.class_of[units] == UNASSIGNED]
        if last or not len(kept):
            return


def _cheapest_valid_clusters(space: LocalSearchSpace, formed: FormedClusters, share: float) -> IntArray:
    """The cheapest share of the clusters that satisfy every constraint; at least one if there is any."""
    count, k = formed.members.shape
    valid = np.ones(count, dtype=np.bool_)
    if space.has_school_constraints and count:
        histogram = space.histogram.subset(formed.members.reshape(-1))
        valid = classes_satisfying_constraints(histogram, np.repeat(np.arange(count), k), count, space.constraints)
    clusters = np.flatnonzero(valid)
    order = clusters[np.lexsort((formed.members[clusters, 0], formed.cost[clusters]))]
    return order[: ceil(len(order) * share)]


def _order_by_rank(blocks: IntArray, rank: IntArray) -> IntArray:
    """Every block in the order of its units' ranks, empty slots last."""
    key = np.where(blocks >= 0, rank[blocks], np.iinfo(np.int64).max)
    return np.take_along_axis(blocks, np.argsort(key, axis=1, kind="stable"), axis=1)
