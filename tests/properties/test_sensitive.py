"""Rules on sensitive values against their definitions in exact fractions, and what joining classes does."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import accumulate
from math import prod

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cohort.recoding.closeness import EqualCloseness, OrderedCloseness
from cohort.recoding.constraints import ClassCounts, Constraint
from cohort.recoding.histogram import Histogram
from cohort.recoding.sensitive import DistinctValues, EntropyDiversity, LargestValueShare
from cohort.recoding.tally import satisfied

Row = list[int]

PARTS = st.fractions(0, 1, max_denominator=12)
RULES = st.one_of(
    st.builds(DistinctValues, st.integers(1, 5)),
    st.builds(EntropyDiversity, st.fractions(1, 5, max_denominator=4)),
    st.builds(LargestValueShare, PARTS.filter(bool)),
    st.builds(EqualCloseness, PARTS),
    st.builds(OrderedCloseness, PARTS),
)


def truth(rule: Constraint, row: Row, overall: Row) -> bool:
    """The definition of a rule, for a class with pupils."""
    n, total = sum(row), sum(overall)
    if isinstance(rule, DistinctValues):
        return sum(count > 0 for count in row) >= rule.diversity
    if isinstance(rule, EntropyDiversity):
        # exp(n · entropy) = Π (n / n_i)^n_i ≥ l^n
        return prod(Fraction(n, count) ** count for count in row if count) >= rule.diversity**n
    if isinstance(rule, LargestValueShare):
        return Fraction(max(row), n) <= rule.limit
    apart = [Fraction(a, n) - Fraction(b, total) for a, b in zip(row, overall, strict=True)]
    if isinstance(rule, EqualCloseness):
        return sum(map(abs, apart)) / 2 <= rule.t
    assert isinstance(rule, OrderedCloseness)
    return sum(map(abs, accumulate(apart))) <= rule.t * (len(row) - 1)


def holds(rule: Constraint, rows: list[Row], overall: Row) -> list[bool]:
    values = np.array(rows, dtype=np.int64)
    pupils = values.sum(axis=1)
    counts = ClassCounts(pupils, np.zeros_like(pupils), pupils, values, np.array(overall, dtype=np.int64))
    return [bool(held) for held in rule.holds(counts)]


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
def test_a_rule_holds_where_its_definition_does(rule: Constraint, cohort: tuple[list[Row], Row]) -> None:
    rows, overall = cohort

    assert holds(rule, rows, overall) == [truth(rule, row, overall) for row in rows]


@given(RULES, cohorts(), st.integers(2, 100_000))
def test_only_proportions_count_but_for_the_number_of_values(
    rule: Constraint, cohort: tuple[list[Row], Row], times: int
) -> None:
    rows, overall = cohort
    larger = [[count * times for count in row] for row in rows]

    assert holds(rule, larger, [count * times for count in overall]) == holds(rule, rows, overall)


@given(RULES, cohorts(classes=2), st.integers(1, 3))
def test_two_classes_that_satisfy_a_rule_satisfy_it_together(
    rule: Constraint, cohort: tuple[list[Row], Row], times: int
) -> None:
    (first, second), overall = cohort
    second = [count * times for count in second]
    joined = [a + b for a, b in zip(first, second, strict=True)]
    overall = [a + b * times for a, b in zip(overall, second, strict=True)]

    if all(holds(rule, [first, second], overall)):
        assert holds(rule, [joined], overall) == [True]


@given(RULES, cohorts(classes=2))
def test_a_rule_that_survives_merging_survives_any_class(
    rule: Constraint, cohort: tuple[list[Row], Row]
) -> None:
    (first, other), overall = cohort
    joined = [a + b for a, b in zip(first, other, strict=True)]

    if rule.survives_merging and holds(rule, [first], overall)[0]:
        assert holds(rule, [joined], overall) == [True]


@given(RULES, cohorts())
def test_a_class_of_fewer_pupils_than_the_fewest_fails(
    rule: Constraint, cohort: tuple[list[Row], Row]
) -> None:
    rows, overall = cohort

    for row, held in zip(rows, holds(rule, rows, overall), strict=True):
        assert not held or sum(row) >= rule.fewest


@given(RULES, cohorts(most=3), st.randoms(use_true_random=False))
def test_pupils_counted_by_class_say_the_same_in_any_order(
    rule: Constraint, cohort: tuple[list[Row], Row], chance: random.Random
) -> None:
    rows, overall = cohort
    outside = [n - sum(row[value] for row in rows) for value, n in enumerate(overall)]
    pupils = [
        (number, value)
        for number, row in enumerate([*rows, outside])
        for value, count in enumerate(row)
        for _ in range(count)
    ]
    chance.shuffle(pupils)
    code, value = (np.array(column, dtype=np.int64) for column in zip(*pupils, strict=True))
    histogram = Histogram.of_pupils(code, values=value.astype(np.int32), values_known=len(overall))
    class_of = np.where(histogram.codes[0] < len(rows), histogram.codes[0], -1)

    found = satisfied(histogram, class_of, len(rows), [rule])

    assert found.tolist() == [truth(rule, row, overall) for row in rows]
