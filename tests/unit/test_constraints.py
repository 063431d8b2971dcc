"""Each constraint holds exactly where its definition says, and refuses nonsense when built."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.privacy_models.constraints import (
    ClassCounts,
    Constraint,
    LargestShare,
    Others,
    Pupils,
    Schools,
    all_hold,
    fewest_pupils,
    share,
)

#                 class      p   q   r   s   t
CLASSES = ClassCounts(
    pupils=np.array([10, 9, 10, 11, 0]), schools=np.array([5, 9, 4, 6, 0]), largest=np.array([5, 1, 4, 6, 0])
)


@pytest.mark.parametrize(
    ("constraint", "holding"),
    [(Pupils(10), "prs"), (Schools(5), "pqs"), (LargestShare("1/2"), "pqr"), (Others(6), "qr"), (Others(5), "pqrs")],
    ids=str,
)
def test_holds_where_its_definition_says(constraint: Constraint, holding: str) -> None:
    holds = all_hold([constraint], CLASSES)

    assert "".join(name for name, held in zip("pqrst", holds, strict=True) if held) == holding


def test_together_they_must_all_hold() -> None:
    rules: list[Constraint] = [Pupils(10), Schools(5), LargestShare(0.5), Others(5)]

    assert all_hold(rules, CLASSES).tolist() == [True, False, False, False, False]
    assert fewest_pupils(rules) == 10


def test_a_class_without_pupils_is_no_class() -> None:
    assert all_hold([], CLASSES).tolist() == [True, True, True, True, False]


@pytest.mark.parametrize("limit", [0.1, "0.1", "1/10", Fraction(1, 10)])
def test_a_share_is_compared_exactly_as_it_is_written(limit: float | str | Fraction) -> None:
    counts = ClassCounts(np.array([30, 29]), np.array([9, 9]), np.array([3, 3]))

    assert LargestShare(limit).holds(counts).tolist() == [True, False]
    assert LargestShare(limit) == LargestShare("1/10")


def test_a_share_is_exact_for_a_whole_country() -> None:
    pupils = np.array([2_999_999, 3_000_000])

    counts = ClassCounts(pupils, np.array([9, 9]), np.array([1_000_000, 1_000_000]))

    assert LargestShare("1/3").holds(counts).tolist() == [False, True]
    assert LargestShare("0.333333").holds(counts).tolist() == [False, False]


def test_which_need_schools_and_which_survive_merging() -> None:
    rules: list[Constraint] = [Pupils(10), Schools(5), LargestShare("1/2"), Others(5)]

    assert [rule.needs_schools for rule in rules] == [False, True, True, True]
    assert [rule.survives_merging for rule in rules] == [True, True, False, True]
    harmless: list[Constraint] = [Schools(1), LargestShare(1), Others(0)]
    assert not any(rule.needs_schools for rule in harmless)


def test_the_size_under_which_a_class_certainly_fails_is_the_largest_that_a_rule_names() -> None:
    assert [rule.fewest for rule in (Pupils(10), Schools(5), LargestShare("1/2"), Others(6))] == [10, 5, 1, 6]
    assert fewest_pupils([Schools(5), Others(6)]) == 6
    assert fewest_pupils([]) == 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: Pupils(0),
        lambda: Pupils(True),
        lambda: Schools(0),
        lambda: Schools(2.5),  # type: ignore[arg-type]
        lambda: Others(-1),
        lambda: LargestShare(0),
        lambda: LargestShare("1.1"),
        lambda: LargestShare("half"),
        lambda: LargestShare("1/0"),
        lambda: LargestShare(float("nan")),
        lambda: LargestShare(1 / 3),
    ],
)
def test_refuses_nonsense(build: Callable[[], Constraint]) -> None:
    with pytest.raises(ConfigurationRefused, match="Expected a"):
        build()


def test_the_refusal_of_a_share_says_what_it_is() -> None:
    with pytest.raises(ConfigurationRefused, match=r"a suppression limit between 0 and 1.*found 12"):
        share(12, "suppression limit")
