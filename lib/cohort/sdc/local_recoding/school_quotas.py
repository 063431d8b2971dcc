"""Constraints on schools as quotas of a cluster of fixed size, and the units that a growing cluster may not take.

In go the constraints of a search space; out come the size of clusters, how many pupils of one school a cluster may
have, and how many home schools it must have. `cluster_formation` asks for them while a cluster grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cohort.sdc.local_recoding.search_space import LocalSearchSpace
from cohort.sdc.model import BoolArray, Int32Array, IntArray
from cohort.sdc.privacy_models import KWithoutLargestSchool, SchoolDiversity, SchoolDominance


@dataclass(frozen=True)
class SchoolQuota:
    """How many pupils of one school a cluster of k may have, and how many home schools it must have."""

    max_of_one_school: int
    min_schools: int

    @classmethod
    def for_size(cls, space: LocalSearchSpace, k: int) -> SchoolQuota | None:
        """The quota that the constraints on schools imply for a cluster of exactly k; None where there are none."""
        if not space.has_school_constraints:
            return None
        max_of_one, min_schools = k, 1
        for rule in space.constraints:
            if isinstance(rule, SchoolDominance):
                max_of_one = min(max_of_one, int(Fraction(k) * rule.limit))
            elif isinstance(rule, KWithoutLargestSchool):
                max_of_one = min(max_of_one, k - rule.k_others)
            elif isinstance(rule, SchoolDiversity):
                min_schools = max(min_schools, rule.m)
        return cls(max(max_of_one, 0), min_schools)


def smallest_cluster_size(space: LocalSearchSpace) -> int:
    """The fewest pupils with which a cluster can satisfy the constraints on size and on schools."""
    k = space.k
    while (quota := SchoolQuota.for_size(space, k)) is not None and quota.max_of_one_school < 1:
        k += 1
    return k


class ClusterSchools:
    """The schools of growing clusters, one cluster per block, and the candidates that their quota excludes.

    Args:
        space: the search space.
        seeds: the first member of each cluster.
        candidates: the units that may join each cluster, `[cluster, candidate]`.
        quota: the quota of every cluster.
        k: the size of every cluster.
    """

    def __init__(
        self, space: LocalSearchSpace, seeds: IntArray, candidates: IntArray, quota: SchoolQuota, k: int
    ) -> None:
        self._quota, self._k = quota, k
        schools_of_unit = space.schools_of_unit
        self._candidate_schools = schools_of_unit[candidates]  # [cluster, candidate, school]
        seed_schools = schools_of_unit[seeds]
        self._members = self._same_school(seed_schools).astype(np.int16)
        """Per candidate and school of it, how many members of the cluster have that school."""
        self._home_members = (self._candidate_schools[:, :, 0] == seed_schools[:, None, 0]).astype(np.int16)
        self._home_schools = np.ones(len(seeds), dtype=np.int64)

    def excluded(self, joined: int) -> BoolArray:
        """Candidates of a school that has reached its quota, or of a school already present when all must be new.

        Args:
            joined: how many candidates have joined each cluster so far.
        """
        excluded: BoolArray = np.any(self._members >= self._quota.max_of_one_school, axis=2)
        open_slots = self._k - 1 - joined
        lacking = self._quota.min_schools - self._home_schools
        must_be_new = (lacking >= open_slots) & (lacking > 0)
        excluded |= must_be_new[:, None] & (self._home_members > 0)
        return excluded

    def join(self, picked: IntArray) -> None:
        """Count the schools of the candidate that joins each cluster, named by its index."""
        every = np.arange(len(picked))
        schools = self._candidate_schools[every, picked]
        self._home_schools += self._home_members[every, picked] == 0
        self._members += self._same_school(schools)
        self._home_members += self._candidate_schools[:, :, 0] == schools[:, None, 0]

    def _same_school(self, schools: Int32Array) -> BoolArray:
        """Whether each school of each candidate is among the schools of one unit per cluster."""
        same: BoolArray = self._candidate_schools == schools[:, None, 0:1]
        for other in range(1, schools.shape[1]):
            same |= (self._candidate_schools == schools[:, None, other : other + 1]) & (self._candidate_schools >= 0)
        return same
