"""Classes made better: a few near ones are pooled, their pupils clustered again, and the better kept.

A round touches every class of moderate size once, in pools that chance draws among near classes, so that
rounds meet other neighbours. Rounds are counted, never timed: the same cohort gives the same classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cohort.sdc.local_recoding.blocks import partition_into_near_blocks
from cohort.sdc.local_recoding.clusters import FormedClusters, form_clusters, smallest_cluster_size
from cohort.sdc.local_recoding.merge_cost import MAX_MERGE_COST, MergeCosts
from cohort.sdc.local_recoding.search_space import ClassAssignment, LocalSearchSpace
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints

_POOL = 4
"""Classes in a pool."""
_LARGEST = 3
"""Classes of more than this many times k pupils are left alone: they hide nobody dearly."""
_LEAST_GAIN = 1e-5


def recluster_classes(
    space: LocalSearchSpace, near: MergeCosts, assigned: ClassAssignment, chance: np.random.Generator, rounds: int
) -> None:
    """Lowers the total loss; never raises it, never breaks a rule.

    Takes: classes that meet every rule, which are changed; how many rounds.
    """
    k = smallest_cluster_size(space)
    for _ in range(rounds):
        pools = _draw_pools(space, near, assigned, chance, k)
        if pools is None:
            return
        before = _class_losses(space, assigned.class_of, assigned.classes)
        _recluster_pools(space, near, assigned, pools, before, k)


@dataclass(frozen=True, eq=False)
class _Pools:
    """Units `[pool, place]` (−1 for none), and the classes that each pool was made of."""

    units: IntArray
    classes: IntArray


def _draw_pools(
    space: LocalSearchSpace, near: MergeCosts, assigned: ClassAssignment, chance: np.random.Generator, k: int
) -> _Pools | None:
    kept = np.flatnonzero(assigned.class_of >= 0)
    of = assigned.class_of[kept]
    sizes = np.bincount(of, minlength=assigned.classes)
    fit = (sizes > 0) & (sizes <= _LARGEST * k)
    if np.count_nonzero(fit) < 2:
        return None
    kept, of = kept[fit[of]], of[fit[of]]
    shuffled = chance.permutation(len(kept))
    order = shuffled[np.argsort(of[shuffled], kind="stable")]
    kept, of = kept[order], of[order]
    first = np.flatnonzero(np.diff(of, prepend=-1))
    class_at = np.full(space.histogram.units, -1, dtype=np.int64)
    class_at[kept[first]] = of[first]
    blocks = partition_into_near_blocks(near, kept[first], _POOL, chance)
    classes = np.where(blocks >= 0, class_at[blocks], -1)
    begins = np.zeros(assigned.classes, dtype=np.int64)
    begins[of[first]] = first
    lengths = np.where(classes >= 0, sizes[classes], 0)
    width = int(lengths.sum(axis=1).max())
    units = np.full((len(classes), width), -1, dtype=np.int64)
    place = np.cumsum(lengths, axis=1) - lengths
    pool, slot = np.nonzero(classes >= 0)
    number = lengths[pool, slot]
    within = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    units[np.repeat(pool, number), np.repeat(place[pool, slot], number) + within] = kept[
        np.repeat(begins[classes[pool, slot]], number) + within
    ]
    mixed = np.where(units >= 0, chance.random(units.shape), 2.0).argsort(axis=1)
    return _Pools(np.take_along_axis(units, mixed, axis=1), classes)


def _recluster_pools(
    space: LocalSearchSpace, near: MergeCosts, assigned: ClassAssignment, pools: _Pools, before: IntArray, k: int
) -> None:
    formed = form_clusters(space, near, pools.units, pools.units.shape[1] // k, k)
    if not len(formed.cost):
        return
    count = len(formed.cost)
    new = np.full(space.histogram.units, -1, dtype=np.int64)
    new[formed.members.reshape(-1)] = np.repeat(np.arange(count), k)
    _join_remaining_units(near, formed, pools.units, new)
    whole = (new[pools.units] >= 0) | (pools.units < 0)
    paid = np.bincount(formed.block, _class_losses(space, new, count), minlength=len(pools.units))
    was = np.where(pools.classes >= 0, before[pools.classes], 0.0).sum(axis=1)
    better = whole.all(axis=1) & (paid < was - _LEAST_GAIN)
    if space.looks_further:
        there = np.flatnonzero(new >= 0)
        fine = classes_satisfying_constraints(space.histogram.part(there), new[there], count, space.rules)
        better &= np.bincount(formed.block, ~fine, minlength=len(better)) == 0
    units = pools.units[better]
    units = units[units >= 0]
    number = np.unique(new[units], return_inverse=True)[1]
    assigned.take(units, number)
    assigned.renumber()


def _join_remaining_units(near: MergeCosts, formed: FormedClusters, pools: IntArray, new: IntArray) -> None:
    """Lets each unit of a pool that is left over join the cluster whose total loss rises least."""
    seed = formed.members[:, 0]
    now = np.stack([pair[v[seed], v[seed]] for pair, v in zip(near.pairs, near.values, strict=True)], axis=1)
    for member in formed.members[:, 1:].T:
        now = np.maximum(now, _pairwise_costs(near, seed, member))
    size = np.full(len(seed), formed.members.shape[1], dtype=np.float64)
    number = np.bincount(formed.block, minlength=len(pools))
    slots = np.full((len(pools), int(number.max())), -1, dtype=np.int64)
    order = np.argsort(formed.block, kind="stable")
    slots[formed.block[order], np.arange(len(order)) - np.repeat(np.cumsum(number) - number, number)] = order
    left = (pools >= 0) & (new[pools] < 0) & (number > 0)[:, None]
    while left.any():
        rows = np.flatnonzero(left.any(axis=1))
        place = left[rows].argmax(axis=1)
        left[rows, place] = False
        unit, at = pools[rows, place], slots[rows]
        there = at >= 0
        cluster = np.where(there, at, 0)
        paid = np.maximum(now[cluster], _pairwise_costs(near, seed[cluster], unit[:, None]))
        rise = (size[cluster] + 1) * paid.sum(axis=2) - size[cluster] * now[cluster].sum(axis=2)
        rise[~there] = np.inf
        best = rise.argmin(axis=1)
        able = np.flatnonzero(rise[np.arange(len(rows)), best] < MAX_MERGE_COST)
        chosen = cluster[able, best[able]]
        now[chosen] = paid[able, best[able]]
        size[chosen] += 1
        new[unit[able]] = chosen


def _pairwise_costs(near: MergeCosts, a: IntArray, b: IntArray) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """What two units cost together, per column in the last axis."""
    return np.stack([pair[v[a], v[b]] for pair, v in zip(near.pairs, near.values, strict=True)], axis=-1)


def _class_losses(space: LocalSearchSpace, class_of: IntArray, classes: int) -> IntArray:
    """The loss of each class, all its pupils together."""
    kept = np.flatnonzero(class_of >= 0)
    seed = np.zeros(classes, dtype=np.int64)
    seed[class_of[kept]] = kept
    pupils = np.bincount(class_of[kept], minlength=classes)
    levels = space.common_levels(class_of, classes)
    return np.where(pupils > 0, space.class_costs(levels, seed), 0.0) * pupils
