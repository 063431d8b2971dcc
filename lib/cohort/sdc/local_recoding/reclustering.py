"""Improvement of classes: pools of a few near classes are clustered again, and the cheaper result is kept.

A round touches every class of moderate size once, in pools drawn at random among near classes, so that later rounds
bring other neighbours together. It lowers the total loss and breaks no constraint. Rounds are counted, never timed: the
same cohort gives the same classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.cluster_formation import FormedClusters, form_clusters, partition_into_near_blocks
from cohort.sdc.local_recoding.merge_cost import MAX_MERGE_COST, MergeCosts
from cohort.sdc.local_recoding.school_quotas import smallest_cluster_size
from cohort.sdc.local_recoding.search_space import ClassAssignment, LocalSearchSpace, member_of_each_class
from cohort.sdc.model import IntArray
from cohort.sdc.privacy_models import classes_satisfying_constraints

_CLASSES_PER_POOL = 4
_MAX_CLASS_SIZE = 3
"""Classes of more than this many times k pupils are not pooled."""
_MIN_GAIN = 1e-5


def recluster_classes(
    space: LocalSearchSpace, costs: MergeCosts, assignment: ClassAssignment, rng: np.random.Generator, rounds: int
) -> None:
    """Lower the total loss of classes that satisfy every constraint; never raise it, never break a constraint.

    Args:
        space: the search space; every unit is one pupil.
        costs: its merge costs.
        assignment: the classes, which are changed.
        rng: the source of chance.
        rounds: how many rounds.
    """
    k = smallest_cluster_size(space)
    for _ in range(rounds):
        pools = _draw_pools(space, costs, assignment, rng, k)
        if pools is None:
            return
        _recluster_pools(space, costs, assignment, pools, k)


@dataclass(frozen=True, eq=False)
class _Pools:
    """Units `[pool, slot]` and classes `[pool, class]` of each pool, −1 for an empty slot."""

    units: IntArray
    classes: IntArray


def _draw_pools(
    space: LocalSearchSpace, costs: MergeCosts, assignment: ClassAssignment, rng: np.random.Generator, k: int
) -> _Pools | None:
    """Draw pools of near classes at random; None where fewer than two classes can be pooled."""
    units = np.flatnonzero(assignment.class_of >= 0)
    class_of = assignment.class_of[units]
    sizes = np.bincount(class_of, minlength=assignment.classes)
    poolable = (sizes > 0) & (sizes <= _MAX_CLASS_SIZE * k)
    if np.count_nonzero(poolable) < 2:
        return None
    units, class_of = units[poolable[class_of]], class_of[poolable[class_of]]
    shuffled = rng.permutation(len(units))
    order = shuffled[np.argsort(class_of[shuffled], kind="stable")]
    units, class_of = units[order], class_of[order]
    first = np.flatnonzero(np.diff(class_of, prepend=-1))
    class_of_first = np.full(space.histogram.units, -1, dtype=np.int64)
    class_of_first[units[first]] = class_of[first]
    blocks = partition_into_near_blocks(costs, units[first], _CLASSES_PER_POOL, rng)
    classes = np.where(blocks >= 0, class_of_first[blocks], -1)
    begins = np.zeros(assignment.classes, dtype=np.int64)
    begins[class_of[first]] = first
    pooled = _lay_out_pools(classes, sizes, begins, units)
    mixed = np.where(pooled >= 0, rng.random(pooled.shape), 2.0).argsort(axis=1)
    return _Pools(np.take_along_axis(pooled, mixed, axis=1), classes)


def _lay_out_pools(classes: IntArray, sizes: IntArray, begins: IntArray, units: IntArray) -> IntArray:
    """The units of the classes of each pool, `[pool, slot]`, −1 for an empty slot.

    Args:
        classes: the classes of each pool, −1 for none.
        sizes: the number of units of each class.
        begins: where the units of each class begin in `units`.
        units: the units, those of a class together.
    """
    lengths = np.where(classes >= 0, sizes[classes], 0)
    pooled = np.full((len(classes), int(lengths.sum(axis=1).max())), -1, dtype=np.int64)
    slot_of_class = np.cumsum(lengths, axis=1) - lengths
    pool, place = np.nonzero(classes >= 0)
    number = lengths[pool, place]
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    slot = np.repeat(slot_of_class[pool, place], number) + within
    pooled[np.repeat(pool, number), slot] = units[np.repeat(begins[classes[pool, place]], number) + within]
    return pooled


def _recluster_pools(
    space: LocalSearchSpace, costs: MergeCosts, assignment: ClassAssignment, pools: _Pools, k: int
) -> None:
    """Cluster every pool again, and replace its classes where the clusters cost less and satisfy the constraints."""
    before = _class_losses(space, assignment.class_of, assignment.classes)
    formed = form_clusters(space, costs, pools.units, pools.units.shape[1] // k, k)
    if not len(formed.cost):
        return
    clusters = len(formed.cost)
    cluster_of = np.full(space.histogram.units, -1, dtype=np.int64)
    cluster_of[formed.members.reshape(-1)] = np.repeat(np.arange(clusters), k)
    _join_remaining_units(costs, formed, pools.units, cluster_of)
    complete = (cluster_of[pools.units] >= 0) | (pools.units < 0)
    after = np.bincount(formed.block, _class_losses(space, cluster_of, clusters), minlength=len(pools.units))
    pool_before = np.where(pools.classes >= 0, before[pools.classes], 0.0).sum(axis=1)
    better = complete.all(axis=1) & (after < pool_before - _MIN_GAIN)
    if space.has_school_constraints:
        clustered = np.flatnonzero(cluster_of >= 0)
        part = space.histogram.subset(clustered)
        valid = classes_satisfying_constraints(part, cluster_of[clustered], clusters, space.constraints)
        better &= np.bincount(formed.block, ~valid, minlength=len(better)) == 0
    units = pools.units[better]
    units = units[units >= 0]
    assignment.add_classes(units, np.unique(cluster_of[units], return_inverse=True)[1])
    assignment.drop_empty_classes()


def _join_remaining_units(costs: MergeCosts, formed: FormedClusters, pools: IntArray, cluster_of: IntArray) -> None:
    """Let each unit of a pool without a cluster join the one whose total loss rises least.

    Args:
        costs: the merge costs.
        formed: the clusters of all pools.
        pools: the units of each pool, `[pool, slot]`.
        cluster_of: per unit its cluster or −1; the units that join are entered.
    """
    seeds = formed.members[:, 0]
    current = costs.column_costs(seeds, seeds)
    for member in formed.members[:, 1:].T:
        current = np.maximum(current, costs.column_costs(seeds, member))
    size = np.full(len(seeds), formed.members.shape[1], dtype=np.float64)
    clusters_of_pool = _clusters_by_pool(formed, len(pools))
    has_clusters = np.bincount(formed.block, minlength=len(pools)) > 0
    remaining = (pools >= 0) & (cluster_of[pools] < 0) & has_clusters[:, None]
    while remaining.any():
        rows = np.flatnonzero(remaining.any(axis=1))
        slot = remaining[rows].argmax(axis=1)
        remaining[rows, slot] = False
        units, clusters = pools[rows, slot], clusters_of_pool[rows]
        cluster = np.maximum(clusters, 0)
        joined = np.maximum(current[cluster], costs.column_costs(seeds[cluster], units[:, None]))
        rise = (size[cluster] + 1) * joined.sum(axis=2) - size[cluster] * current[cluster].sum(axis=2)
        rise[clusters < 0] = np.inf
        best = rise.argmin(axis=1)
        able = np.flatnonzero(rise[np.arange(len(rows)), best] < MAX_MERGE_COST)
        chosen = cluster[able, best[able]]
        current[chosen] = joined[able, best[able]]
        size[chosen] += 1
        cluster_of[units[able]] = chosen


def _clusters_by_pool(formed: FormedClusters, pools: int) -> IntArray:
    """The clusters of each pool, `[pool, cluster]`, −1 for none."""
    number = np.bincount(formed.block, minlength=pools)
    clusters = np.full((pools, int(number.max())), -1, dtype=np.int64)
    order = np.argsort(formed.block, kind="stable")
    rank = np.arange(len(order)) - np.repeat(np.cumsum(number) - number, number)
    clusters[formed.block[order], rank] = order
    return clusters


def _class_losses(space: LocalSearchSpace, class_of: IntArray, classes: int) -> IntArray:
    """The loss of each class, all its pupils together."""
    pupils = np.bincount(class_of[class_of >= 0], minlength=classes)
    levels = space.common_levels(class_of, classes)
    member = member_of_each_class(class_of, classes)
    return np.where(pupils > 0, space.class_costs(levels, member), 0.0) * pupils
