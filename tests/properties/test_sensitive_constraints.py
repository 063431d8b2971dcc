"""Constraints on sensitive values against their definitions in exact fractions, also for merged classes."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import accumulate
from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.drawn_value_counts import draw_value_counts_by_school

from cohort.foundation.errors import NotAnonymous
from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint, SensitiveValueCounts
from cohort.sdc.privacy_models.sensitive_suppression import decide_sensitive_suppression
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness

Row = list[int]

PARTS = st.fractions(0, 1, max_denominator=12)
RULES = st.one_of(
    st.builds(DistinctLDiversity, st.integers(1, 5)),
    st.builds(EntropyLDiversity, st.fractions(1, 5, max_denominator=4)),
    st.builds(ValueDominance, PARTS.filter(bool)),
    st.builds(EqualDistanceTCloseness, PARTS),
    st.builds(OrderedDistanceTCloseness, PARTS),
)


def satisfies_definition(rule: SensitiveValueConstraint, row: Row, overall: Row) -> bool:
    """The definition of a rule, for a class with pupils."""
    n, total = sum(row), sum(overall)
    if isinstance(rule, DistinctLDiversity):
        return sum(count > 0 for count in row) >= rule.diversity
    if isinstance(rule, EntropyLDiversity):
        # exp(n · entropy) = Π (n / n_i)^n_i ≥ l^n
        return prod(Fraction(n, count) ** count for count in row if count) >= rule.diversity**n
    if isinstance(rule, ValueDominance):
        return Fraction(max(row), n) <= rule.limit
    apart = [Fraction(a, n) - Fraction(b, total) for a, b in zip(row, overall, strict=True)]
    if isinstance(rule, EqualDistanceTCloseness):
        return sum(map(abs, apart)) / 2 <= rule.t
    assert isinstance(rule, OrderedDistanceTCloseness)
    return sum(map(abs, accumulate(apart))) <= rule.t * (len(row) - 1)


def satisfied_classes(rule: SensitiveValueConstraint, rows: list[Row], overall: Row) -> list[bool]:
    counts = SensitiveValueCounts(np.array(rows, dtype=np.int64), np.array(overall, dtype=np.int64))
    return [bool(flag) for flag in rule.satisfied_by(counts)]


@st.composite
def cohorts(draw: st.DrawFn, *, classes: int = 0, most: int = 12) -> tuple[list[Row], Row]:
    """Classes with pupils, and the cohort's pupils per value: theirs and those of classes not drawn."""
    values = draw(st.integers(1, 5))
    row = st.lists(st.integers(0, most), min_size=values, max_size=values)
    number = {"min_size": classes or 1, "max_size": classes or 8}
    rows = draw(st.lists(row.filter(any), **number))
    elsewhere = draw(row)
    return rows, [sum(column) for column in zip(*rows, elsewhere, strict=True)]


@given(RULES, cohorts())
def test_a_constraint_is_satisfied_where_its_definition_is(
    rule: SensitiveValueConstraint, cohort: tuple[list[Row], Row]
) -> None:
    rows, overall = cohort

    assert satisfied_classes(rule, rows, overall) == [satisfies_definition(rule, row, overall) for row in rows]


@given(RULES, cohorts(), st.integers(2, 100_000))
def test_only_the_proportions_of_values_matter(
    rule: SensitiveValueConstraint, cohort: tuple[list[Row], Row], times: int
) -> None:
    rows, overall = cohort
    larger = [[count * times for count in row] for row in rows]

    assert satisfied_classes(rule, larger, [count * times for count in overall]) == satisfied_classes(
        rule, rows, overall
    )


@given(RULES, cohorts(classes=2), st.integers(1, 3))
def test_two_classes_that_satisfy_a_constraint_satisfy_it_when_merged(
    rule: SensitiveValueConstraint, cohort: tuple[list[Row], Row], times: int
) -> None:
    (first, second), overall = cohort
    second = [count * times for count in second]
    joined = [a + b for a, b in zip(first, second, strict=True)]
    overall = [a + b * times for a, b in zip(overall, second, strict=True)]

    if all(satisfied_classes(rule, [first, second], overall)):
        assert satisfied_classes(rule, [joined], overall) == [True]


SCHOOLS = st.lists(
    st.dictionaries(
        st.sampled_from("ABC"), st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any), min_size=1
    ),
    min_size=1,
    max_size=5,
)


@given(SCHOOLS, st.integers(1, 3), st.integers(0, 6))
def test_values_without_any_one_school_by_definition(drawn: list[dict[str, Row]], values: int, pupils: int) -> None:
    def remaining(schools: dict[str, Row], without: str) -> Row:
        others = [row for school, row in schools.items() if school != without]
        return [sum(column) for column in zip([0, 0, 0], *others, strict=True)]

    truth = [
        all(
            sum(map(bool, remaining(schools, one))) >= values and sum(remaining(schools, one)) >= pupils
            for one in schools
        )
        for schools in drawn
    ]
    assert (
        LDiversityWithoutAnySchool(values, pupils).satisfied_by(draw_value_counts_by_school(*drawn)).tolist() == truth
    )


@given(cohorts(classes=6), PARTS.filter(bool), st.integers(1, 4), st.permutations(range(6)))
def test_failing_classes_are_suppressed_with_covers_in_the_given_order(
    cohort: tuple[list[Row], Row], limit: Fraction, distinct: int, order: list[int]
) -> None:
    rows, overall = cohort
    rules = [ValueDominance(limit), DistinctLDiversity(distinct)]
    fails = [not all(satisfies_definition(rule, row, overall) for rule in rules) for row in rows]
    counts = SensitiveValueCounts(np.array(rows, dtype=np.int64), np.array(overall, dtype=np.int64))
    try:
        suppression = decide_sensitive_suppression(counts, rules, limit, np.array(order))
    except NotAnonymous:
        # Nothing could be shown: everybody fails, or all who pass were needed as covers.
        suppression = None
    if suppression is not None:
        assert suppression.failed.tolist() == fails
        covers, shown = suppression.covers, ~suppression.classes
        assert bool(covers.any()) == any(fails)
        assert not (covers & suppression.failed).any()
        assert max(np.array(order)[covers], default=-1) < min(np.array(order)[shown], default=6)
        blanked = [row for row, flag in zip(rows, suppression.classes, strict=True) if flag]
        assert sum(map(max, blanked)) <= limit * sum(map(sum, blanked))
    else:
        assert any(fails)


@given(cohorts(classes=6), st.permutations(range(6)), st.randoms(use_true_random=False))
def test_covers_do_not_depend_on_which_value_is_which(
    cohort: tuple[list[Row], Row], order: list[int], chance: random.Random
) -> None:
    """Values that are exchanged for one another leave the same classes shown."""
    rows, overall = cohort
    places = list(range(len(overall)))
    chance.shuffle(places)
    renamed = [[row[place] for place in places] for row in rows]

    def shown(drawn: list[Row], everybody: Row) -> list[bool] | None:
        counts = SensitiveValueCounts(np.array(drawn, dtype=np.int64), np.array(everybody, dtype=np.int64))
        try:
            suppression = decide_sensitive_suppression(counts, [DistinctLDiversity(2)], Fraction(4, 5), np.array(order))
            return [bool(flag) for flag in suppression.classes]
        except NotAnonymous:
            return None

    assert shown(renamed, [overall[place] for place in places]) == shown(rows, overall)
