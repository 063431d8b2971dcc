"""Each class constraint is satisfied exactly where its definition says, and refuses wrong thresholds."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.privacy_models.class_constraints import (
    ClassConstraint,
    ClassCounts,
    classes_satisfying_all,
    minimum_class_size,
)
from cohort.sdc.privacy_models.dominance import SchoolDominance
from cohort.sdc.privacy_models.k_anonymity import KAnonymity, KWithoutLargestSchool
from cohort.sdc.privacy_models.school_diversity import SchoolDiversity
from cohort.sdc.privacy_models.thresholds import parse_share

#                 class      p   q   r   s   t
CLASSES = ClassCounts(
    pupils=np.array([10, 9, 10, 11, 0]), schools=np.array([5, 9, 4, 6, 0]), largest_school=np.array([5, 1, 4, 6, 0])
)


@pytest.mark.parametrize(
    ("constraint", "satisfying"),
    [
        (KAnonymity(10), "prs"),
        (SchoolDiversity(5), "pqs"),
        (SchoolDominance("1/2"), "pqr"),
        (KWithoutLargestSchool(6), "qr"),
        (KWithoutLargestSchool(5), "pqrs"),
    ],
    ids=str,
)
def test_a_constraint_is_satisfied_where_its_definition_says(constraint: ClassConstraint, satisfying: str) -> None:
    satisfied = classes_satisfying_all([constraint], CLASSES)

    assert "".join(name for name, flag in zip("pqrst", satisfied, strict=True) if flag) == satisfying


def test_a_class_must_satisfy_all_constraints() -> None:
    rules: list[ClassConstraint] = [KAnonymity(10), SchoolDiversity(5), SchoolDominance(0.5), KWithoutLargestSchool(5)]

    assert classes_satisfying_all(rules, CLASSES).tolist() == [True, False, False, False, False]
    assert minimum_class_size(rules) == 10


def test_a_class_without_pupils_satisfies_nothing() -> None:
    assert classes_satisfying_all([], CLASSES).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("limit", [0.1, "0.1", "1/10", Fraction(1, 10)])
def test_a_share_is_compared_exactly_as_it_is_written(limit: float | str | Fraction) -> None:
    counts = ClassCounts(np.array([30, 29]), np.array([9, 9]), np.array([3, 3]))

    assert SchoolDominance(limit).satisfied_by(counts).tolist() == [True, False]
    assert SchoolDominance(limit) == SchoolDominance("1/10")


def test_a_share_is_compared_exactly_for_millions_of_pupils() -> None:
    pupils = np.array([2_999_999, 3_000_000])

    counts = ClassCounts(pupils, np.array([9, 9]), np.array([1_000_000, 1_000_000]))

    assert SchoolDominance("1/3").satisfied_by(counts).tolist() == [False, True]
    assert SchoolDominance("0.333333").satisfied_by(counts).tolist() == [False, False]


def test_which_constraints_need_schools_and_which_are_monotonic() -> None:
    rules: list[ClassConstraint] = [
        KAnonymity(10),
        SchoolDiversity(5),
        SchoolDominance("1/2"),
        KWithoutLargestSchool(5),
    ]

    assert [rule.needs_schools for rule in rules] == [False, True, True, True]
    assert [rule.is_monotonic for rule in rules] == [True, True, False, True]
    harmless: list[ClassConstraint] = [SchoolDiversity(1), SchoolDominance(1), KWithoutLargestSchool(0)]
    assert not any(rule.needs_schools for rule in harmless)


def test_the_minimum_class_size_is_the_largest_of_all_constraints() -> None:
    assert [
        rule.minimum_class_size
        for rule in (KAnonymity(10), SchoolDiversity(5), SchoolDominance("1/2"), KWithoutLargestSchool(6))
    ] == [10, 5, 1, 6]
    assert minimum_class_size([SchoolDiversity(5), KWithoutLargestSchool(6)]) == 6
    assert minimum_class_size([]) == 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: KAnonymity(0),
        lambda: KAnonymity(True),
        lambda: SchoolDiversity(0),
        lambda: SchoolDiversity(2.5),  # type: ignore[arg-type]
        lambda: KWithoutLargestSchool(-1),
        lambda: SchoolDominance(0),
        lambda: SchoolDominance("1.1"),
        lambda: SchoolDominance("half"),
        lambda: SchoolDominance("1/0"),
        lambda: SchoolDominance(float("nan")),
        lambda: SchoolDominance(1 / 3),
    ],
)
def test_refuses_wrong_thresholds(build: Callable[[], ClassConstraint]) -> None:
    with pytest.raises(ConfigurationRefused, match="Expected a"):
        build()


def test_the_refusal_of_a_share_names_it() -> None:
    with pytest.raises(ConfigurationRefused, match=r"a suppression limit between 0 and 1.*found 12"):
        parse_share(12, "suppression limit")
