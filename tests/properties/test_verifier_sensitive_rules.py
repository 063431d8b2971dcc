"""The verifier's rules on sensitive values against their definitions in fractions and against the engine."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.drawn_value_counts import draw_value_counts_by_school

from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts, classes_satisfying_value_constraints
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness
from cohort.verification import sensitive_attribute_check
from cohort.verification.entropy_comparison import entropy_reaches_limit
from cohort.verification.record_runs import RecordRuns
from cohort.verification.sensitive_attribute_check import (
    EffectiveSensitiveLimits,
    SensitiveAttribute,
    check_sensitive_attribute,
)

Row = list[int]

NO_GROUPS = np.zeros((3, 0), dtype=np.int64)
"""No school is known."""
PARTS = st.fractions(0, 1, max_denominator=12)
LIMITS = st.builds(
    EffectiveSensitiveLimits,
    largest_value=PARTS.filter(bool),
    distinct_values=st.integers(1, 5),
    entropy=st.fractions(1, 5, max_denominator=4),
    equal_closeness=st.none() | PARTS,
    ordered_closeness=st.none() | PARTS,
)


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[list[Row], Row]:
    """Classes with pupils, and the cohort's pupils per value: theirs and those of classes left out."""
    values = draw(st.integers(1, 5))
    row = st.lists(st.integers(0, 12), min_size=values, max_size=values).filter(any)
    rows, rest = draw(st.lists(row, min_size=1, max_size=6)), draw(row)
    return rows, [sum(column) for column in zip(*rows, rest, strict=True)]


def drawn(rows: list[Row]) -> RecordRuns:
    """A table of a class per row, whose pupils have the sensitive values `0`, `1`, … in those numbers."""
    cells = [(place, value, n) for place, row in enumerate(rows) for value, n in enumerate(row) if n]
    of_class, value, pupils = np.array(cells, dtype=np.int64).T
    labels = tuple(str(place) for place in range(len(rows))), tuple(str(v) for v in range(len(rows[0])))
    none = np.zeros((3, 0), dtype=np.int64)
    codes = np.stack([of_class, value])
    return RecordRuns(("klas", "waarde"), labels, codes, np.zeros_like(pupils), pupils, none, none, (), sensitive=1)


def attribute(limits: EffectiveSensitiveLimits, values: int, cohort: Row | None) -> SensitiveAttribute:
    """The column whose values are `0`, `1`, …; of the cohort nobody has another value."""
    counts = None if cohort is None else np.array([*cohort, 0], dtype=np.int64)
    return SensitiveAttribute("waarde", tuple(map(str, range(values))), limits, counts)


def count_broken(rows: list[Row], limits: EffectiveSensitiveLimits, cohort: Row | None) -> int:
    """How many classes the verifier finds."""
    findings, _ = check_sensitive_attribute(drawn(rows), attribute(limits, len(rows[0]), cohort), NO_GROUPS)
    return sum(finding.count for finding in findings)


def breaks(row: Row, limits: EffectiveSensitiveLimits, cohort: Row) -> bool:
    """The definition of every rule."""
    n, total = sum(row), sum(cohort)
    apart = [Fraction(a, n) - Fraction(b, total) for a, b in zip(row, cohort, strict=True)]
    steps = max(len(row) - 1, 1)
    return (
        Fraction(max(row), n) > limits.largest_value
        or sum(count > 0 for count in row) < limits.distinct_values
        # exp(n · entropy) = Π (n / n_i)^n_i
        or prod(Fraction(n, count) ** count for count in row if count) < limits.entropy**n
        or (limits.equal_closeness is not None and sum(map(abs, apart)) / 2 > limits.equal_closeness)
        or (
            limits.ordered_closeness is not None and sum(map(abs, accumulate(apart))) / steps > limits.ordered_closeness
        )
    )


@given(drawn=cohorts(), limits=LIMITS)
def test_exactly_the_classes_that_break_a_definition_are_found(
    drawn: tuple[list[Row], Row], limits: EffectiveSensitiveLimits
) -> None:
    rows, cohort = drawn
    assert count_broken(rows, limits, cohort) == sum(breaks(row, limits, cohort) for row in rows)


@given(drawn=cohorts(), limits=LIMITS)
def test_only_the_shares_matter_and_not_the_number_of_pupils(
    drawn: tuple[list[Row], Row], limits: EffectiveSensitiveLimits
) -> None:
    rows, cohort = drawn
    crowds = [[n * 10**9 for n in row] for row in rows]
    assert count_broken(crowds, limits, [n * 10**9 for n in cohort]) == count_broken(rows, limits, cohort)


@given(drawn=cohorts(), limits=LIMITS)
def test_the_verifier_accepts_exactly_the_classes_that_the_engine_releases(
    drawn: tuple[list[Row], Row], limits: EffectiveSensitiveLimits
) -> None:
    rows, cohort = drawn
    rules = [
        ValueDominance(limits.largest_value),
        DistinctLDiversity(limits.distinct_values),
        EntropyLDiversity(limits.entropy),
    ]
    rules += [] if limits.equal_closeness is None else [EqualDistanceTCloseness(limits.equal_closeness)]
    rules += [] if limits.ordered_closeness is None else [OrderedDistanceTCloseness(limits.ordered_closeness)]
    counts = SensitiveValueCounts(np.array(rows, dtype=np.int64), np.array(cohort, dtype=np.int64))
    held = classes_satisfying_value_constraints(rules, counts)
    released = [row for row, holds in zip(rows, held.tolist(), strict=True) if holds]
    assert not released or count_broken(released, limits, cohort) == 0
    assert count_broken(rows, limits, cohort) == len(rows) - len(released)


@pytest.mark.parametrize(
    ("members", "limit", "holds"),
    [
        ((7, 7, 7), Fraction(3), True),
        ((7, 7, 7), Fraction(3_000_001, 1_000_000), False),
        ((1, 1, 1, 1, 4), Fraction(4), True),  # five values, as varied as four equally frequent ones
        ((1, 1, 1, 1, 5), Fraction(4), False),
        ((1_000_000, 1_000_000), Fraction(2), True),
        ((1_000_000, 1_000_001), Fraction(2), False),
        ((10**12 + 1, 10**12), Fraction(2), False),
        ((10**12 + 1, 10**12), Fraction(1_999_999, 1_000_000), True),
        ((9,), Fraction(1), True),
        ((9,), Fraction(1_000_001, 1_000_000), False),
    ],
)
def test_an_entropy_at_its_limit_is_compared_without_rounding(
    members: tuple[int, ...], limit: Fraction, holds: bool
) -> None:
    assert entropy_reaches_limit(members, limit) is holds
    rows = [list(members)]
    assert count_broken(rows, EffectiveSensitiveLimits(Fraction(1), entropy=limit), rows[0]) == int(not holds)


def test_without_the_cohort_no_distance_is_checked() -> None:
    far = EffectiveSensitiveLimits(Fraction(1), equal_closeness=Fraction(0), ordered_closeness=Fraction(0))
    rows = [[9, 1], [1, 9]]
    assert count_broken(rows, far, None) == 0
    assert count_broken(rows, far, [10, 10]) == 2
    assert count_broken(rows, replace(far, distinct_values=3), None) == 2


def test_many_classes_are_tabulated_in_several_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[n % 7, 1 + n % 5] for n in range(50)]
    limits, cohort = (
        EffectiveSensitiveLimits(Fraction(7, 10), distinct_values=2),
        [sum(column) for column in zip(*rows, strict=True)],
    )
    whole = count_broken(rows, limits, cohort)
    assert 0 < whole < 50
    monkeypatch.setattr(sensitive_attribute_check, "CELLS_PER_TABLE", 10)
    assert count_broken(rows, limits, cohort) == whole


SCHOOLS = st.lists(
    st.dictionaries(
        st.sampled_from("ABC"), st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any), min_size=1
    ),
    min_size=1,
    max_size=5,
)


@given(drawn_schools=SCHOOLS, values=st.integers(1, 3), pupils=st.integers(0, 6))
def test_diversity_without_a_school_agrees_with_the_engine(
    drawn_schools: list[dict[str, Row]], values: int, pupils: int
) -> None:
    rows = [[sum(column) for column in zip(*schools.values(), strict=True)] for schools in drawn_schools]
    runs = drawn(rows)
    run_of = {(int(c), int(v)): run for run, (c, v) in enumerate(runs.codes.T)}
    pairs = [
        (run_of[place, value], ord(school), number)
        for place, schools in enumerate(drawn_schools)
        for school, row in schools.items()
        for value, number in enumerate(row)
        if number
    ]
    limits = EffectiveSensitiveLimits(Fraction(1), values_without_group=values, pupils_without_group=pupils)
    findings, _ = check_sensitive_attribute(runs, attribute(limits, 3, None), np.array(pairs, dtype=np.int64).T)
    held = LDiversityWithoutAnySchool(values, pupils).satisfied_by(draw_value_counts_by_school(*drawn_schools))
    assert sum(finding.count for finding in findings) == int((~held).sum())
