"""The sweep: cheap groups leave first; every class meets the rules; a school that is too large gives way."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from tests.unit.drawn_cohort import chain, random_cohort, space_of

from cohort.sdc.local_recoding.level_sweep import CEILINGS, all_vectors, count_vectors, sweep
from cohort.sdc.local_recoding.search_space import NOBODY, Assigned, Space
from cohort.sdc.local_recoding.share_trimming import trimmed
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_counts import satisfied, tally
from cohort.sdc.privacy_models.constraints import Constraint, LargestShare, Others, Pupils, Schools


def swept(space: Space, ceilings: tuple[float, ...] = CEILINGS) -> Assigned:
    assigned = Assigned.nobody(space.histogram.units)
    sweep(space, assigned, all_vectors(space), ceilings)
    return assigned


def test_cheap_groups_leave_early_and_dear_ones_late() -> None:
    #   leaf     0  1  2  3      two of each would do for 0; 1, 2 and 3 need company
    #   pupils   2  1  1  2
    coding = Coding((chain("kolom", 4),))
    histogram = Histogram.of_pupils(coding.codes([np.array([0, 0, 1, 2, 3, 3])]), single=True)
    space = space_of(coding, histogram, Pupils(2))

    assigned = swept(space)

    classes = [sorted(np.flatnonzero(assigned.class_of == n).tolist()) for n in range(assigned.classes)]
    assert sorted(classes) == [[0, 1], [2, 3], [4, 5]]
    levels = space.common_levels(assigned.class_of, assigned.classes)
    assert sorted(levels[:, 0].tolist()) == [0, 0, 2]


def test_no_class_costs_more_than_the_ceiling() -> None:
    coding, histogram = random_cohort(400, (8, 5, 3))
    space = space_of(coding, histogram, Pupils(5))

    assigned = swept(space, (0.0, 0.05, 0.1))

    kept = np.flatnonzero(assigned.class_of != NOBODY)
    seed = np.zeros(assigned.classes, dtype=np.int64)
    seed[assigned.class_of[kept]] = kept
    levels = space.common_levels(assigned.class_of, assigned.classes)
    assert 0 < len(kept) < histogram.units
    assert space.class_costs(levels, seed).max() <= 0.1 + 1e-5


def test_the_number_of_ceilings_changes_the_work_and_not_the_outcome() -> None:
    coding, histogram = random_cohort(700, (8, 5, 3), schools=20)
    space = space_of(coding, histogram, Pupils(5), Schools(2))

    many, few = swept(space), swept(space, (0.0, 0.3, 1.0))

    assert many.classes == few.classes
    pairs = {*zip(many.class_of.tolist(), few.class_of.tolist(), strict=True)}
    assert len(pairs) == many.classes + (many.class_of == NOBODY).any()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "rules",
    [
        (Pupils(4),),
        (Pupils(4), Schools(3)),
        (Pupils(4), LargestShare("1/2")),
        (Pupils(4), Schools(2), LargestShare("2/3"), Others(3)),
    ],
    ids=lambda rules: " · ".join(map(str, rules)),
)
def test_every_class_meets_every_rule_and_few_are_left(rules: tuple[Constraint, ...], seed: int) -> None:
    coding, histogram = random_cohort(600, (6, 4, 3), schools=12, seed=seed, movers=20)
    space = space_of(coding, histogram, *rules)

    assigned = swept(space)

    assert satisfied(histogram, assigned.class_of, assigned.classes, rules).all()
    assert np.count_nonzero(assigned.class_of == NOBODY) < 10
    assert (space.common_levels(assigned.class_of, assigned.classes) < np.array(coding.heights)).all()


def test_only_levels_that_tell_apart_are_tried() -> None:
    coding = Coding((chain("kolom", 8), chain("ander", 2)))
    leaves = [np.array([0, 0, 7, 7]), np.array([1, 1, 1, 1])]
    space = space_of(coding, Histogram.of_pupils(coding.codes(leaves), single=True), Pupils(2))

    tried = {tuple(v) for v in all_vectors(space).tolist()}
    assert tried == set(product((0, 3), (0,)))
    assert count_vectors(space) == len(tried)


class TestTrimmed:
    #          A  A  A  A  A  B  B  C      group 0: A has 5 of 8, may keep 3 beside B and C
    #  group   0  0  0  0  0  0  0  0
    CODES = np.zeros((1, 8), dtype=np.int64)
    SCHOOLS = np.array([1, 1, 1, 1, 1, 2, 2, 3], dtype=np.int32)
    GROUPS = np.zeros(8, dtype=np.int64)

    def histogram(self) -> Histogram:
        return Histogram.of_pupils(self.CODES, self.SCHOOLS, single=True)

    def kept(self, *rules: Constraint) -> dict[int, int]:
        histogram = self.histogram()
        failing = ~satisfied(histogram, self.GROUPS, 1, rules)
        keep = trimmed(histogram, self.GROUPS, 1, rules, failing)
        return dict(zip(*np.unique(histogram.schools[keep], return_counts=True), strict=True))

    def test_the_largest_school_gives_as_many_as_its_share_demands(self) -> None:
        assert self.kept(Pupils(4), LargestShare("1/2")) == {1: 3, 2: 2, 3: 1}

    def test_a_class_that_would_be_too_small_is_left_alone(self) -> None:
        assert self.kept(Pupils(7), LargestShare("1/2")) == {}

    def test_what_giving_away_does_not_mend_is_left_alone(self) -> None:
        assert self.kept(Pupils(4), Schools(4), LargestShare("1/2")) == {}
        assert self.kept(Pupils(4), Others(4)) == {}

    def test_what_is_kept_meets_the_rules(self) -> None:
        chance = np.random.default_rng(5)
        home = np.where(chance.random(400) < 0.6, 0, chance.integers(1, 9, 400)).astype(np.int32)
        moved = np.arange(0, 400, 20)
        further = np.full(20, 9, dtype=np.int32)
        codes = chance.integers(0, 7, 400)
        histogram = Histogram.of_pupils(codes, home, others=(moved, further), single=True)
        groups, rules = histogram.codes[0], (Pupils(5), LargestShare("2/5"))
        failing = ~satisfied(histogram, groups, 7, rules)
        keep = trimmed(histogram, groups, 7, rules, failing)
        counts = tally(histogram, np.where(keep, groups, -1), 7, rules)
        there = counts.pupils > 0
        assert there.any()
        assert not (there & ~failing).any()
        assert (counts.largest * 5 <= counts.pupils * 2)[there].all()
