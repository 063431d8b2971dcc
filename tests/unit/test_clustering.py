"""Merge costs, blocks, clusters and reclustering: every unit once, every constraint satisfied, no loss raised."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from tests.unit.drawn_cohort import random_cohort, space_of

from cohort.sdc.local_recoding.cluster_formation import form_clusters, partition_into_near_blocks, rank_by_expected_cost
from cohort.sdc.local_recoding.cluster_search import search_clusters
from cohort.sdc.local_recoding.merge_cost import MergeCosts
from cohort.sdc.local_recoding.reclustering import recluster_classes
from cohort.sdc.local_recoding.school_quotas import SchoolQuota, smallest_cluster_size
from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, LocalSearchSpace
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, classes_satisfying_constraints
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity

SIZES = (8, 5, 4, 3, 2, 2, 6)
MIXED = (KAnonymity(6), SchoolDiversity(3), SchoolDominance("1/2"), KWithoutLargestSchool(3))


def total_loss(space: LocalSearchSpace, assignment: ClassAssignment) -> float:
    """The loss of every unit, counted one by one; 1 for a unit without a class."""
    levels = space.common_levels(assignment.class_of, assignment.classes)
    lost = float((assignment.class_of == UNASSIGNED).sum())
    for unit in np.flatnonzero(assignment.class_of != UNASSIGNED).tolist():
        at = levels[assignment.class_of[unit]]
        lost += sum(float(cost[at[column], space.leaves[column, unit]]) for column, cost in enumerate(space.costs))
    return lost


def pair_loss(space: LocalSearchSpace, a: int, b: int) -> float:
    """The loss of two units as one class, computed from the labels of the hierarchies."""
    lost = 0.0
    for column, tree in enumerate(space.coding.hierarchies):
        left, right = space.leaves[column, a], space.leaves[column, b]
        level = next(i for i, row in enumerate(tree.labels) if row[left] == row[right])
        size = tree.labels[level].count(tree.labels[level][left])
        lost += (size - 1) / (len(tree.leaves) - 1) / space.columns
    return lost


def test_merge_cost_is_the_loss_at_the_lowest_common_ancestor() -> None:
    space = space_of(*random_cohort(30, SIZES), KAnonymity(2))
    costs = MergeCosts.from_space(space)

    distances = costs.seed_costs(np.arange(30), np.tile(np.arange(30), (30, 1)))

    assert len(costs.column_groups) < len(SIZES)
    for a, b in combinations(range(30), 2):
        assert distances[a, b] == pytest.approx(pair_loss(space, a, b), abs=1e-6)


@pytest.mark.parametrize(("units", "size"), [(1, 4), (7, 4), (100, 16), (1000, 37)])
def test_blocks_have_every_unit_once(units: int, size: int) -> None:
    space = space_of(*random_cohort(units, SIZES), KAnonymity(2))
    chosen = np.arange(0, units, 1)

    blocks = partition_into_near_blocks(MergeCosts.from_space(space), chosen, size, np.random.default_rng(3))

    assert blocks.shape[1] <= size
    assert sorted(blocks[blocks >= 0].tolist()) == chosen.tolist()


def test_units_of_a_block_are_near_each_other() -> None:
    space = space_of(*random_cohort(2000, SIZES), KAnonymity(2))
    costs = MergeCosts.from_space(space)
    rng = np.random.default_rng(3)
    blocks = partition_into_near_blocks(costs, np.arange(2000), 50, rng)

    within = costs.seed_costs(blocks[:, 0], blocks)[blocks >= 0].mean()
    anywhere = costs.seed_costs(np.arange(2000), rng.permutation(2000)[:, None]).mean()
    assert within < 0.8 * anywhere


def test_units_of_low_expected_cost_have_near_neighbours() -> None:
    space = space_of(*random_cohort(300, SIZES), KAnonymity(5))
    rank = rank_by_expected_cost(MergeCosts.from_space(space), np.arange(300), 5, np.random.default_rng(1))

    assert sorted(rank.tolist()) == list(range(300))
    alike = [len({tuple(space.leaves[:, u]) for u in np.flatnonzero(part)}) for part in (rank < 100, rank >= 200)]
    assert alike[0] < alike[1]


@pytest.mark.parametrize("rules", [(KAnonymity(6),), MIXED], ids=["pupils", "schools too"])
def test_clusters_have_k_different_units_and_the_reported_cost(rules: tuple[ClassConstraint, ...]) -> None:
    space = space_of(*random_cohort(300, SIZES, schools=9, movers=30), *rules)
    blocks = np.arange(300).reshape(3, 100)

    formed = form_clusters(space, MergeCosts.from_space(space), blocks, 10, 6)

    assert formed.members.shape == (30, 6)
    assert len(set(formed.members.reshape(-1).tolist())) == 180
    assert (formed.members // 100 == formed.block[:, None]).all()
    assignment = ClassAssignment.start(300)
    assignment.add_classes(formed.members.reshape(-1), np.repeat(np.arange(30), 6))
    assert classes_satisfying_constraints(space.histogram, assignment.class_of, 30, rules).all()
    assert 6 * formed.cost.sum() == pytest.approx(total_loss(space, assignment) - 120, rel=1e-4)


def test_the_nearest_candidate_joins_first() -> None:
    space = space_of(*random_cohort(60, SIZES), KAnonymity(2))
    formed = form_clusters(space, MergeCosts.from_space(space), np.arange(60)[None, :], 1, 2)

    seed, partner = formed.members[0].tolist()
    assert seed == 0
    assert pair_loss(space, 0, partner) == pytest.approx(min(pair_loss(space, 0, u) for u in range(1, 60)))


@pytest.mark.parametrize(
    ("rules", "k", "quota"),
    [
        ((KAnonymity(10),), 10, None),
        ((KAnonymity(10), SchoolDiversity(5), SchoolDominance("1/2"), KWithoutLargestSchool(5)), 10, SchoolQuota(5, 5)),
        ((KAnonymity(5), KWithoutLargestSchool(5)), 6, SchoolQuota(1, 1)),
        ((KAnonymity(2), SchoolDominance("1/3")), 3, SchoolQuota(1, 1)),
    ],
)
def test_cluster_size_and_school_quota_follow_from_the_constraints(
    rules: tuple[ClassConstraint, ...], k: int, quota: SchoolQuota | None
) -> None:
    space = space_of(*random_cohort(50, SIZES, schools=9), *rules)

    assert smallest_cluster_size(space) == k
    assert SchoolQuota.for_size(space, k) == quota


@pytest.mark.parametrize("rules", [(KAnonymity(6),), MIXED], ids=["pupils", "schools too"])
def test_cluster_search_gives_nearly_all_units_a_valid_class(rules: tuple[ClassConstraint, ...]) -> None:
    space = space_of(*random_cohort(1500, SIZES, schools=40, movers=50), *rules)
    assignment = ClassAssignment.start(1500)

    search_clusters(space, MergeCosts.from_space(space), assignment, np.random.default_rng(1), block_size=200)

    assert np.count_nonzero(assignment.class_of == UNASSIGNED) < 30
    assert classes_satisfying_constraints(space.histogram, assignment.class_of, assignment.classes, rules).all()


@pytest.mark.parametrize("rules", [(KAnonymity(6),), MIXED], ids=["pupils", "schools too"])
def test_reclustering_lowers_the_loss_and_breaks_no_constraint(rules: tuple[ClassConstraint, ...]) -> None:
    space = space_of(*random_cohort(800, SIZES, schools=30, movers=40), *rules)
    costs, rng = MergeCosts.from_space(space), np.random.default_rng(1)
    assignment = ClassAssignment.start(800)
    search_clusters(space, costs, assignment, rng, block_size=100)
    before, had_class = total_loss(space, assignment), assignment.class_of != UNASSIGNED

    losses = [before]
    for _ in range(3):
        recluster_classes(space, costs, assignment, rng, 2)
        losses.append(total_loss(space, assignment))

    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < before
    assert ((assignment.class_of != UNASSIGNED) == had_class).all()
    assert classes_satisfying_constraints(space.histogram, assignment.class_of, assignment.classes, rules).all()
    assert set(assignment.class_of[had_class].tolist()) == set(range(assignment.classes))
