"""The level sweep: cheap classes first, every constraint satisfied, dominant schools trimmed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tests.unit.drawn_cohort import chain, random_cohort, space_of

from cohort.sdc.local_recoding.candidate_classes import trim_dominant_schools
from cohort.sdc.local_recoding.level_sweep import (
    COST_CEILINGS,
    count_level_vectors,
    distinct_levels,
    sweep_level_vectors,
)
from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, LocalSearchSpace
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, classes_satisfying_constraints, count_classes
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity


def sweep(space: LocalSearchSpace, ceilings: tuple[float, ...] = COST_CEILINGS) -> ClassAssignment:
    assignment = ClassAssignment.start(space.histogram.units)
    sweep_level_vectors(space, assignment, ceilings)
    return assignment


def test_cheap_classes_are_made_before_costly_ones() -> None:
    #   leaf     0  1  2  3      two of each would do for 0; 1, 2 and 3 need company
    #   pupils   2  1  1  2
    coding = Coding((chain("kolom", 4),))
    histogram = Histogram.from_pupils(coding.encode([np.array([0, 0, 1, 2, 3, 3])]), single=True)
    space = space_of(coding, histogram, KAnonymity(2))

    assignment = sweep(space)

    classes = [sorted(np.flatnonzero(assignment.class_of == n).tolist()) for n in range(assignment.classes)]
    assert sorted(classes) == [[0, 1], [2, 3], [4, 5]]
    levels = space.common_levels(assignment.class_of, assignment.classes)
    assert sorted(levels[:, 0].tolist()) == [0, 0, 2]


def test_no_class_costs_more_than_the_last_ceiling() -> None:
    coding, histogram = random_cohort(400, (8, 5, 3))
    space = space_of(coding, histogram, KAnonymity(5))

    assignment = sweep(space, (0.0, 0.05, 0.1))

    kept = np.flatnonzero(assignment.class_of != UNASSIGNED)
    seed = np.zeros(assignment.classes, dtype=np.int64)
    seed[assignment.class_of[kept]] = kept
    levels = space.common_levels(assignment.class_of, assignment.classes)
    assert 0 < len(kept) < histogram.units
    assert space.class_costs(levels, seed).max() <= 0.1 + 1e-5


def test_the_number_of_ceilings_does_not_change_the_classes() -> None:
    coding, histogram = random_cohort(700, (8, 5, 3), schools=20)
    space = space_of(coding, histogram, KAnonymity(5), SchoolDiversity(2))

    many, few = sweep(space), sweep(space, (0.0, 0.3, 1.0))

    assert many.classes == few.classes
    pairs = {*zip(many.class_of.tolist(), few.class_of.tolist(), strict=True)}
    assert len(pairs) == many.classes + (many.class_of == UNASSIGNED).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "rules",
    [
        (KAnonymity(4),),
        (KAnonymity(4), SchoolDiversity(3)),
        (KAnonymity(4), SchoolDominance("1/2")),
        (KAnonymity(4), SchoolDiversity(2), SchoolDominance("2/3"), KWithoutLargestSchool(3)),
    ],
    ids=lambda rules: " · ".join(map(str, rules)),
)
def test_every_class_satisfies_every_constraint_and_few_units_stay_unassigned(
    rules: tuple[ClassConstraint, ...], seed: int
) -> None:
    coding, histogram = random_cohort(600, (6, 4, 3), schools=12, seed=seed, movers=20)
    space = space_of(coding, histogram, *rules)

    assignment = sweep(space)

    assert classes_satisfying_constraints(histogram, assignment.class_of, assignment.classes, rules).all()
    assert np.count_nonzero(assignment.class_of == UNASSIGNED) < 10
    assert (space.common_levels(assignment.class_of, assignment.classes) < np.array(coding.heights)).all()


def test_levels_that_merge_nothing_are_left_out() -> None:
    coding = Coding((chain("kolom", 8), chain("ander", 2)))
    leaves = [np.array([0, 0, 7, 7]), np.array([1, 1, 1, 1])]
    space = space_of(coding, Histogram.from_pupils(coding.encode(leaves), single=True), KAnonymity(2))

    tried = set(product(*distinct_levels(space)))
    assert tried == set(product((0, 3), (0,)))
    assert count_level_vectors(space) == len(tried)


class TestTrimmingOfDominantSchools:
    #          A  A  A  A  A  B  B  C      group 0: A has 5 of 8, may keep 3 beside B and C
    #  group   0  0  0  0  0  0  0  0
    CODES = np.zeros((1, 8), dtype=np.int64)
    SCHOOLS = np.array([1, 1, 1, 1, 1, 2, 2, 3], dtype=np.int32)
    GROUPS = np.zeros(8, dtype=np.int64)

    def histogram(self) -> Histogram:
        return Histogram.from_pupils(self.CODES, self.SCHOOLS, single=True)

    def kept(self, *rules: ClassConstraint) -> dict[int, int]:
        histogram = self.histogram()
        failing = ~classes_satisfying_constraints(histogram, self.GROUPS, 1, rules)
        keep = trim_dominant_schools(histogram, self.GROUPS, failing, rules)
        return dict(zip(*np.unique(histogram.schools[keep], return_counts=True), strict=True))

    def test_the_dominant_school_keeps_as_many_pupils_as_the_limit_allows(self) -> None:
        assert self.kept(KAnonymity(4), SchoolDominance("1/2")) == {1: 3, 2: 2, 3: 1}

    def test_a_class_that_would_become_too_small_is_not_trimmed(self) -> None:
        assert self.kept(KAnonymity(7), SchoolDominance("1/2")) == {}

    def test_a_class_that_fails_another_constraint_is_not_trimmed(self) -> None:
        assert self.kept(KAnonymity(4), SchoolDiversity(4), SchoolDominance("1/2")) == {}
        assert self.kept(KAnonymity(4), KWithoutLargestSchool(4)) == {}

    def test_trimmed_classes_satisfy_the_constraints(self) -> None:
        rng = np.random.default_rng(5)
        home = np.where(rng.random(400) < 0.6, 0, rng.integers(1, 9, 400)).astype(np.int32)
        moved = np.arange(0, 400, 20)
        further = np.full(20, 9, dtype=np.int32)
        codes = rng.integers(0, 7, 400)
        histogram = Histogram.from_pupils(codes, home, others=(moved, further), single=True)
        groups, rules = histogram.codes[0], (KAnonymity(5), SchoolDominance("2/5"))
        failing = ~classes_satisfying_constraints(histogram, groups, 7, rules)
        keep = trim_dominant_schools(histogram, groups, failing, rules)
        counts = count_classes(histogram, np.where(keep, groups, -1), 7, rules)
        there = counts.pupils > 0
        assert there.any()
        assert not (there & ~failing).any()
        assert (counts.largest_school * 5 <= counts.pupils * 2)[there].all()
