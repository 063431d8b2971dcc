"""Local recoding with many columns: clusters by the loss itself, kept rung by rung.

In each rung the units without a class are put into fresh random blocks of near ones, the blocks' cheapest
clusters are formed, the better part of them is kept and the others are dissolved: they meet other partners in
the next rung. The last rung is one block, and keeps everything.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from cohort.sdc.local_recoding.blocks import partition_into_near_blocks, rank_by_expected_cost
from cohort.sdc.local_recoding.clusters import FormedClusters, form_clusters, smallest_cluster_size
from cohort.sdc.local_recoding.merge_cost import MergeCosts
from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, LocalSearchSpace
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints

MANY_UNITS = 100_000
"""Above so many units the ladder is climbed in smaller blocks and larger steps."""
_FORMED = 0.25
"""The part of a block's clusters that a rung forms."""


def search_clusters(
    space: LocalSearchSpace,
    near: MergeCosts,
    assigned: ClassAssignment,
    chance: np.random.Generator,
    block: int | None = None,
) -> None:
    """Gives classes to units that have none, as long as there are enough for one.

    Takes: the space and its nearness; who has a class already, which is added to; where chance comes from;
    the size of a block (by the number of units where none is given).
    """
    k = smallest_cluster_size(space)
    rest = np.flatnonzero(assigned.class_of == UNASSIGNED)
    if len(rest) < k:
        return
    many = len(rest) > MANY_UNITS
    block = block or (2_500 if many else 8_000)
    part = 0.4 if many else 0.15
    rank = np.zeros(space.histogram.units, dtype=np.int64)
    rank[rest] = rank_by_expected_cost(near, rest, k, chance)
    while len(rest) >= k:
        last = len(rest) <= block
        blocks = _order_by_rank(partition_into_near_blocks(near, rest, block, chance), rank)
        number = ceil(blocks.shape[1] / k * (1 if last else _FORMED))
        formed = form_clusters(space, near, blocks, number, k)
        kept = _cheapest_valid_clusters(space, formed, 1.0 if last else part)
        assigned.take(formed.members[kept].reshape(-1), np.repeat(np.arange(len(kept)), k))
        rest = rest[assigned.class_of[rest] == UNASSIGNED]
        if last or not len(kept):
            return


def _cheapest_valid_clusters(space: LocalSearchSpace, formed: FormedClusters, part: float) -> IntArray:
    """The cheapest part of the clusters, of those that meet every rule; at least one if any does."""
    count, k = formed.members.shape
    fine = np.ones(count, dtype=np.bool_)
    if space.looks_further and count:
        histogram = space.histogram.part(formed.members.reshape(-1))
        fine = classes_satisfying_constraints(histogram, np.repeat(np.arange(count), k), count, space.rules)
    able = np.flatnonzero(fine)
    order = able[np.lexsort((formed.members[able, 0], formed.cost[able]))]
    return order[: ceil(len(order) * part)]


def _order_by_rank(blocks: IntArray, rank: IntArray) -> IntArray:
    """Every block in the order of its units' ranks, empty places last."""
    key = np.where(blocks >= 0, rank[blocks], np.iinfo(np.int64).max)
    return np.take_along_axis(blocks, np.argsort(key, axis=1, kind="stable"), axis=1)
