"""Clusters of k pupils by the loss itself, formed greedily in many blocks at once.

A cluster begins with a seed; the pupil that raises the loss least joins it, until it has k. It is released at
the lowest common ancestors of its members, so a clumsy cluster costs more but never shows too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from cohort.sdc.local_recoding.merge_cost import MAX_MERGE_COST, MergeCosts
from cohort.sdc.local_recoding.search_space import Costs, LocalSearchSpace
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

INFINITE_COST = np.float32(np.inf)
_NEAR = 48
"""Only so many of the units nearest to a seed are looked at for its cluster (more where schools bar some)."""
_AT_ONCE = 1 << 21
"""Cells of a distance matrix that are held at once."""


@dataclass(frozen=True)
class FormedClusters:
    """Clusters that were formed: the loss of a member; the members `[cluster, k]`, seed first; the block."""

    cost: Costs
    members: IntArray
    block: IntArray


@dataclass(frozen=True)
class SchoolQuota:
    """How many pupils of one school a cluster of k may hold, and how many home schools it must."""

    most_of_one: int
    schools: int

    @classmethod
    def of(cls, space: LocalSearchSpace, k: int) -> SchoolQuota | None:
        """What the rules on schools come to for a cluster of exactly k; nothing where there are none."""
        if not any(rule.needs_schools for rule in space.rules):
            return None
        most, schools = k, 1
        for rule in space.rules:
            if isinstance(rule, SchoolDominance):
                most = min(most, int(Fraction(k) * rule.limit))
            elif isinstance(rule, KWithoutLargestSchool):
                most = min(most, k - rule.k_others)
            elif isinstance(rule, SchoolDiversity):
                schools = max(schools, rule.m)
        return cls(max(most, 0), schools)


def smallest_cluster_size(space: LocalSearchSpace) -> int:
    """The fewest pupils with which a cluster can meet the rules on size and schools."""
    k = space.k
    while (mix := SchoolQuota.of(space, k)) is not None and mix.most_of_one < 1:
        k += 1
    return k


def form_clusters(space: LocalSearchSpace, near: MergeCosts, blocks: IntArray, number: int, k: int) -> FormedClusters:
    """Forms up to `number` clusters of k in every block.

    Takes: `blocks[block, place]`, units in the order in which they are to be seeds (−1 for an empty place).
    Gives: the clusters of all blocks; a seed that finds no partners forms none.
    """
    step = max(1, _AT_ONCE // max(blocks.shape[1], 1))
    parts = [
        _form_in_blocks(space, near, blocks[first : first + step], number, k, first)
        for first in range(0, len(blocks), step)
    ]
    return FormedClusters(
        np.concatenate([part.cost for part in parts]),
        np.concatenate([part.members for part in parts]),
        np.concatenate([part.block for part in parts]),
    )


def _form_in_blocks(
    space: LocalSearchSpace, near: MergeCosts, blocks: IntArray, number: int, k: int, first_block: int
) -> FormedClusters:
    count, width = blocks.shape
    every = np.arange(count)
    free = blocks >= 0
    unit = np.where(free, blocks, 0)
    mix = SchoolQuota.of(space, k)
    reach = min(width, max(_NEAR, 3 * k) * (3 if mix else 1))
    places = [near.places[joined][unit] for joined in range(len(near.joined))]
    costs, members, block = [np.empty(0, np.float32)], [np.empty((0, k), np.int64)], [np.empty(0, np.int64)]
    for _ in range(number):
        able = free.sum(axis=1) >= k
        if not able.any():
            break
        first = free.argmax(axis=1)
        seed = unit[every, first]
        free[every, first] = False
        far = np.where(free, np.float32(0), INFINITE_COST)
        for joined, place in enumerate(places):
            row = near.rows(seed, joined)
            flat = place + (every * row.shape[1])[:, None]
            far += row.reshape(-1).take(flat)
        nearest = (
            np.argpartition(far, reach - 1, axis=1)[:, :reach]
            if reach < width
            else np.tile(np.arange(width), (count, 1))
        )
        barred = np.take_along_axis(far, nearest, axis=1) >= MAX_MERGE_COST
        cost, chosen, fine = _gather_members(space, near, seed, unit[every[:, None], nearest], barred, k, mix)
        fine &= able
        picked = np.take_along_axis(nearest, chosen, axis=1)
        rows = np.flatnonzero(fine)
        free[rows[:, None], picked[rows]] = False
        costs.append(cost[rows])
        members.append(np.concatenate((seed[rows, None], unit[rows[:, None], picked[rows]]), axis=1))
        block.append(rows + first_block)
    return FormedClusters(np.concatenate(costs), np.concatenate(members), np.concatenate(block))


def _gather_members(
    space: LocalSearchSpace,
    near: MergeCosts,
    seed: IntArray,
    candidates: IntArray,
    barred: BoolArray,
    k: int,
    mix: SchoolQuota | None,
) -> tuple[Costs, IntArray, BoolArray]:
    """Lets the best k − 1 candidates join each seed, one after the other.

    Gives: the cost of each cluster, the places of those who joined, and which clusters are complete.
    """
    count = len(seed)
    every = np.arange(count)
    paid = np.stack(
        [near.pairs[c][near.values[c, seed][:, None], near.values[c][candidates]] for c in range(space.columns)], axis=2
    )
    now = np.stack([np.diag(near.pairs[c])[near.values[c, seed]] for c in range(space.columns)], axis=1)
    schools = _SchoolCounts(space, seed, candidates, mix, k) if mix else None
    chosen = np.zeros((count, k - 1), dtype=np.int64)
    fine = np.ones(count, dtype=np.bool_)
    for joined in range(k - 1):
        rise = np.maximum(paid, now[:, None, :]).sum(axis=2)
        closed = barred if schools is None else barred | schools.barred(joined)
        rise[closed] = INFINITE_COST
        pick = rise.argmin(axis=1)
        fine &= rise[every, pick] < MAX_MERGE_COST
        chosen[:, joined] = pick
        now = np.maximum(now, paid[every, pick])
        barred[every, pick] = True
        if schools is not None:
            schools.join(pick)
    return now.sum(axis=1), chosen, fine


class _SchoolCounts:
    """Which candidates a cluster's schools bar."""

    def __init__(self, space: LocalSearchSpace, seed: IntArray, candidates: IntArray, mix: SchoolQuota, k: int) -> None:
        self._mix, self._k = mix, k
        table = space.delivering
        self._of = table[candidates]  # [block, candidate, school]
        mine = table[seed]
        self._members = self._same(mine).astype(np.int16)
        self._home = (self._of[:, :, 0] == mine[:, None, 0]).astype(np.int16)
        self._distinct = np.ones(len(seed), dtype=np.int64)

    def _same(self, schools: npt.NDArray[np.int32]) -> BoolArray:
        same: BoolArray = self._of == schools[:, None, 0:1]
        for other in range(1, schools.shape[1]):
            same |= (self._of == schools[:, None, other : other + 1]) & (self._of >= 0)
        return same

    def barred(self, joined: int) -> BoolArray:
        """Candidates of a school that has its share, or of one that is there when all must be new."""
        full: BoolArray = np.any(self._members >= self._mix.most_of_one, axis=2)
        open_places = self._k - 1 - joined
        must_be_new = self._mix.schools - self._distinct >= open_places
        full |= must_be_new[:, None] & (self._home > 0) & (self._mix.schools > self._distinct)[:, None]
        return full

    def join(self, pick: IntArray) -> None:
        every = np.arange(len(pick))
        schools = self._of[every, pick]
        self._distinct += self._home[every, pick] == 0
        self._members += self._same(schools)
        self._home += self._of[:, :, 0] == schools[:, None, 0]
