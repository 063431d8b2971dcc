"""A class mean is exact, rounded in whole numbers, and released only where no school can derive values from it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.numeric.microaggregation import ClassMeans, Microaggregation, round_mean_to_step


@dataclass(frozen=True)
class Pupil:
    class_nr: int
    home: int
    value: int | None
    further: frozenset[int] = frozenset()


def pupil(class_name: str, schools: str, value: int | None) -> Pupil:
    """One row of a drawn table: class p, q, …; the home school and then the further ones."""
    home, *further = (ord(school) - ord("A") for school in schools)
    return Pupil(ord(class_name) - ord("p"), home, value, frozenset(further))


def means_of(rule: Microaggregation, pupils: list[Pupil], classes: int) -> ClassMeans:
    pairs = [(place, school) for place, row in enumerate(pupils) for school in sorted(row.further)]
    return rule.compute_means(
        np.array([-77 if row.value is None else row.value for row in pupils], dtype=np.int64),
        np.array([row.class_nr for row in pupils], dtype=np.int64),
        classes,
        np.array([row.home for row in pupils], dtype=np.int32),
        has_value=np.array([row.value is not None for row in pupils], dtype=np.bool_),
        others=(
            np.array([place for place, _ in pairs], dtype=np.int64),
            np.array([school for _, school in pairs], dtype=np.int32),
        ),
    )


def shown(means: ClassMeans) -> list[int | None]:
    return [int(mean) if given else None for mean, given in zip(means.means, means.has_mean, strict=True)]


def costs(means: ClassMeans) -> tuple[float, ...]:
    """Everything that is told beside the means."""
    without = means.classes_without, means.pupils_without
    return *without, means.sum_before, means.sum_after, means.variance_lost


RULE = Microaggregation(step=10, k_others=3, m=3)


def test_a_class_has_a_mean_where_enough_pupils_remain_without_any_school() -> None:
    table = [
        pupil("p", "A", 40),
        pupil("p", "A", 50),
        pupil("p", "B", 30),
        pupil("p", "B", 60),
        pupil("p", "C", 37),
        pupil("q", "A", 40),
        pupil("q", "A", 50),  # without A there are 2 pupils
        pupil("q", "B", 30),
        pupil("q", "C", 60),
        pupil("r", "A", 40),
        pupil("r", "A", 50),
        pupil("r", "A", 50),  # without A there is 1 school
        pupil("r", "B", 30),
        pupil("r", "B", 60),
        pupil("r", "B", 60),
    ]

    means = means_of(RULE, table, 4)  # nobody is in s

    assert shown(means) == [40, None, None, None]
    assert (means.classes_without, means.pupils_without) == (3, 10)
    assert (means.sum_before, means.sum_after) == (217, 200)


def test_only_pupils_with_a_value_count() -> None:
    table = [pupil("p", school, 30) for school in "ABC"]

    assert shown(means_of(Microaggregation(10, 2, 3), [*table, pupil("p", "D", None)], 1)) == [30]
    assert shown(means_of(Microaggregation(10, 3, 3), [*table, pupil("p", "D", None)], 1)) == [None]
    assert shown(means_of(Microaggregation(10, 3, 3), [*table, pupil("p", "D", 30)], 1)) == [30]


def test_a_suppressed_pupil_does_not_count() -> None:
    table = [pupil("p", school, 30) for school in "ABCD"]

    means = means_of(RULE, [*table, Pupil(-1, 7, 9_000)], 1)

    assert shown(means) == [30]
    assert (means.pupils_without, means.sum_before) == (0, 120)


def test_a_school_excludes_pupils_of_other_schools_it_delivered_for() -> None:
    at_home = [pupil("p", schools, 30) for schools in ("A", "A", "B", "B", "C", "D")]
    moved = [pupil("p", schools, 30) for schools in ("A", "A", "BA", "BA", "C", "D")]

    assert shown(means_of(Microaggregation(10, 4, 2), at_home, 1)) == [30]
    assert shown(means_of(Microaggregation(10, 4, 2), moved, 1)) == [None]  # without A there are 2 pupils
    assert shown(means_of(Microaggregation(10, 2, 4), at_home, 1)) == [30]
    assert shown(means_of(Microaggregation(10, 2, 4), moved, 1)) == [None]  # and no pupil of B


def test_every_school_is_excluded_in_turn_and_not_only_the_largest() -> None:
    #  A is the largest with 4 and leaves B, C, D; C delivered for 3, and leaves A and D
    table = [pupil("p", schools, 30) for schools in ("A", "A", "A", "A", "BC", "C", "C", "D", "D")]

    assert shown(means_of(Microaggregation(10, 2, 3), table, 1)) == [30]
    assert shown(means_of(Microaggregation(10, 2, 4), table, 1)) == [None]


def test_a_school_with_one_remaining_pupil_still_counts() -> None:
    table = [pupil("p", schools, 30) for schools in ("A", "BA", "B", "C", "D")]

    assert shown(means_of(Microaggregation(10, 2, 4), table, 1)) == [30]
    assert shown(means_of(Microaggregation(10, 2, 5), table, 1)) == [None]


def test_with_a_single_school_no_class_has_a_mean() -> None:
    nowhere = np.full(100, -1, np.int32)

    means = Microaggregation(10, 2, 2).compute_means(np.full(100, 30), np.zeros(100, np.int64), 1, nowhere)

    assert shown(means) == [None]


@pytest.mark.parametrize(
    ("total", "mean"),
    [
        (14, 0),
        (15, 0),
        (16, 10),
        (30, 10),
        (45, 20),
        (46, 20),
        (74, 20),
        (75, 20),
        (76, 30),
        (-14, 0),
        (-15, 0),
        (-16, -10),
        (-45, -20),
        (-75, -20),
        (-76, -30),
    ],
)
def test_a_tie_is_rounded_to_the_even_step(total: int, mean: int) -> None:
    assert round_mean_to_step(np.array([total]), np.array([3]), 10).tolist() == [mean]


def test_the_variance_lost_is_the_variance_within_classes() -> None:
    rule, schools = Microaggregation(1, 2, 3), "ABC"
    by_school = list(zip(schools, (-30, 0, 30), strict=True))
    inside = [pupil(c, s, 30 + spread) for c in "pq" for s, spread in by_school]
    between = [pupil(c, s, value) for c, value in (("p", 0), ("q", 60)) for s in schools]
    # 2 · (30² + 0 + 30²) inside, 6 · 30² between
    both = [pupil(c, s, mean + spread) for c, mean in (("p", 0), ("q", 60)) for s, spread in by_school]
    same = [pupil("p", s, 7) for s in schools]

    lost = [means_of(rule, table, 2).variance_lost for table in (inside, between, both, same)]

    assert lost == [1, 0, round(3_600 / (3_600 + 5_400), 3), 0]


def test_a_cohort_without_pupils() -> None:
    means = means_of(RULE, [], 2)

    assert shown(means) == [None, None]
    assert (means.classes_without, means.pupils_without, means.sum_before, means.variance_lost) == (2, 0, 0, 0)


def test_a_sum_that_overflows_int64_is_a_defect_and_never_a_wrong_mean() -> None:
    table = [pupil("p", school, 2**61) for school in "ABCD"]

    with pytest.raises(ValueError, match="too large to be summed"):
        means_of(RULE, table, 1)


@pytest.mark.parametrize("numbers", [(0, 5, 5), (2.5, 5, 5), (10, 1, 5), (10, 5, 1), (10, 5, True)])
def test_refuses_wrong_parameters(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigurationRefused, match="in the microaggregation"):
        Microaggregation(*numbers)


def test_refuses_all_wrong_parameters_at_once() -> None:
    with pytest.raises(ConfigurationRefused, match=r"\(k_others\)[^\n]*\n[^\n]*\(m\)"):
        Microaggregation(10, 0, 0)


SUMS = st.integers(-10_000_000, 10_000_000)


@given(st.lists(st.tuples(SUMS, st.integers(1, 300)), min_size=1), st.integers(1, 500))
def test_rounding_equals_rounding_of_exact_fractions(cases: list[tuple[int, int]], step: int) -> None:
    sums, pupils = (np.array(column, dtype=np.int64) for column in zip(*cases, strict=True))

    # `round` takes the middle between two to the even one.
    exact = [round(Fraction(total, number * step)) * step for total, number in cases]
    assert round_mean_to_step(sums, pupils, step).tolist() == exact


@given(st.lists(SUMS, min_size=1), st.sampled_from([1, 2, 4, 5, 8, 10, 20, 25, 50]), st.integers(0, 2))
def test_rounding_equals_that_of_decimal_where_it_is_exact(sums: list[int], pupils: int, digits: int) -> None:
    means = round_mean_to_step(np.array(sums), np.full(len(sums), pupils), 10**digits)

    step = Decimal(1).scaleb(digits)
    assert means.tolist() == [(Decimal(n) / pupils).quantize(step, ROUND_HALF_EVEN) for n in sums]


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[Microaggregation, list[Pupil]]:
    rule = Microaggregation(draw(st.integers(1, 20)), draw(st.integers(2, 4)), draw(st.integers(2, 4)))
    some = st.builds(
        lambda class_nr, home, value, further: Pupil(class_nr, home, value, further - {home}),
        st.sampled_from([0, 0, 1, 1, 2, -1]),
        st.integers(0, 4),
        st.none() | st.integers(-100, 100),
        st.frozensets(st.integers(0, 4), max_size=2),
    )
    return rule, draw(st.lists(some, max_size=40))


def may_be_shown(rule: Microaggregation, members: list[Pupil]) -> bool:
    """Whichever school takes away everybody it delivered for, enough are left of enough schools."""
    left = [[row for row in members if school not in {row.home, *row.further}] for school in range(5)]
    return bool(members) and all(
        len(rows) >= rule.k_others and len({row.home for row in rows}) >= rule.m - 1 for rows in left
    )


@given(cohorts())
def test_a_class_has_a_mean_exactly_where_it_may_be_released(cohort: tuple[Microaggregation, list[Pupil]]) -> None:
    rule, pupils = cohort
    members = [[row for row in pupils if row.class_nr == c and row.value is not None] for c in range(3)]

    means = means_of(rule, pupils, 3)

    assert means.has_mean.tolist() == [may_be_shown(rule, rows) for rows in members]
    assert means.means[~means.has_mean].tolist() == [0] * means.classes_without
    released = [rows for rows, given in zip(members, means.has_mean, strict=True) if given]
    values = [row.value or 0 for rows in released for row in rows]
    assert means.sum_before == sum(values)
    assert abs(means.sum_after - means.sum_before) <= len(values) * rule.step / 2
    assert len(values) + means.pupils_without == sum(map(len, members))
    assert 0 <= means.variance_lost <= 1


@given(cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_the_pupils_plays_no_part(
    cohort: tuple[Microaggregation, list[Pupil]], chance: random.Random
) -> None:
    rule, pupils = cohort
    shuffled = chance.sample(pupils, len(pupils))

    first, second = means_of(rule, pupils, 3), means_of(rule, shuffled, 3)

    assert shown(first) == shown(second)
    assert costs(first) == costs(second)
