"""Each constraint on sensitive values is satisfied exactly where its definition says, and refuses wrong limits."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from tests.unit.drawn_value_counts import draw_value_counts, draw_value_counts_by_school, names_of_satisfying

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness

# The value I, II, III, IV, V of four years ago, per class; nobody is in u.
LEVELS = draw_value_counts(
    [2, 2, 2, 2, 2],  # p
    [5, 5, 0, 0, 0],  # q
    [9, 1, 0, 0, 0],  # r
    [10, 0, 0, 0, 0],  # s
    [8, 1, 1, 0, 0],  # t
    [0, 0, 0, 0, 0],  # u
)


@pytest.mark.parametrize(
    ("rule", "satisfying"),
    [
        (DistinctLDiversity(1), "pqrst"),
        (DistinctLDiversity(2), "pqrt"),
        (DistinctLDiversity(3), "pt"),
        (DistinctLDiversity(5), "p"),
        (DistinctLDiversity(6), ""),
    ],
    ids=str,
)
def test_distinct_l_diversity_counts_the_values_that_occur(rule: SensitiveValueConstraint, satisfying: str) -> None:
    assert names_of_satisfying(rule, LEVELS) == satisfying


@pytest.mark.parametrize(
    ("rule", "satisfying"),
    [
        #  exp(entropy):  p 5, q 2, r 1.3842, s 1, t 1.8946
        (EntropyLDiversity(1), "pqrst"),
        (EntropyLDiversity(1.384), "pqrt"),
        (EntropyLDiversity("1.385"), "pqt"),
        (EntropyLDiversity("1.8945"), "pqt"),
        (EntropyLDiversity("1.895"), "pq"),
        (EntropyLDiversity(2), "pq"),
        (EntropyLDiversity("2.000001"), "p"),
        (EntropyLDiversity(5), "p"),
        (EntropyLDiversity("5.000001"), ""),
    ],
    ids=str,
)
def test_entropy_l_diversity_counts_values_as_if_equally_frequent(
    rule: SensitiveValueConstraint, satisfying: str
) -> None:
    assert names_of_satisfying(rule, LEVELS) == satisfying


@pytest.mark.parametrize(
    ("rule", "satisfying"),
    [
        (ValueDominance("1/5"), "p"),
        (ValueDominance(0.5), "pq"),
        (ValueDominance("0.8"), "pqt"),
        (ValueDominance("0.9"), "pqrt"),
        (ValueDominance("0.899999"), "pqt"),
        (ValueDominance(1), "pqrst"),
    ],
    ids=str,
)
def test_value_dominance_limits_the_share_of_the_most_frequent_value(
    rule: SensitiveValueConstraint, satisfying: str
) -> None:
    assert names_of_satisfying(rule, LEVELS) == satisfying


def test_with_a_single_value_every_class_is_close_and_none_is_diverse() -> None:
    counts = draw_value_counts([4], [7])

    assert (
        names_of_satisfying(EqualDistanceTCloseness(0), counts)
        == names_of_satisfying(OrderedDistanceTCloseness(0), counts)
        == "pq"
    )
    assert (
        names_of_satisfying(DistinctLDiversity(2), counts) == names_of_satisfying(EntropyLDiversity(1.5), counts) == ""
    )


class TestMillionsOfPupils:
    """Nothing depends on rounding, also where a whole country is in one class."""

    @pytest.mark.parametrize("pupils", [2_000_000, 100_000_000])
    def test_shares_and_distances_are_exact(self, pupils: int) -> None:
        half = pupils // 2
        counts = draw_value_counts([half, half], [half + 1, half - 1], overall=[half, half])

        assert names_of_satisfying(ValueDominance(0.5), counts) == "p"
        assert (
            names_of_satisfying(EqualDistanceTCloseness(0), counts)
            == names_of_satisfying(OrderedDistanceTCloseness(0), counts)
            == "p"
        )
        assert names_of_satisfying(EqualDistanceTCloseness("0.999999"), counts) == "pq"
        assert names_of_satisfying(OrderedDistanceTCloseness("0.999999"), counts) == "pq"

    def test_entropy_is_exact_where_floats_are_not(self) -> None:
        even = [400_000] * 5
        counts = draw_value_counts(even, [400_001, 399_999, 400_000, 400_000, 400_000], [4, 1, 1, 1, 1], [1_000] * 5)

        # p and s hold 5 exactly, q lies 2.5e-12 under it; r holds 4 exactly, though not evenly.
        assert names_of_satisfying(EntropyLDiversity(5), counts) == "ps"
        assert names_of_satisfying(EntropyLDiversity(4), counts) == "pqrs"

    @pytest.mark.parametrize("odd", [4_095, 1_000_001])
    def test_entropy_is_compared_at_any_size(self, odd: int) -> None:
        most = draw_value_counts([odd, odd + 1], [odd, odd])

        assert names_of_satisfying(EntropyLDiversity(2), most) == "q"


@pytest.mark.parametrize(
    ("schools", "values", "pupils", "holds"),
    [
        ({"A": [3, 0], "B": [3, 2], "C": [0, 3]}, 2, 5, True),
        ({"A": [5, 0], "B": [0, 5]}, 2, 5, False),  # who knows A's pupils knows that all others have II
        ({"A": [5, 1], "B": [1, 4]}, 2, 5, True),
        ({"A": [5, 1], "B": [2, 2]}, 2, 5, False),  # four are left without A
        ({"A": [5, 1], "B": [2, 2]}, 2, 4, True),
        ({"A": [9, 1]}, 1, 1, False),
        ({"A": [5, 0], "B": [0, 5]}, 1, 5, True),
    ],
)
def test_without_any_one_school_enough_values_of_enough_pupils_remain(
    schools: dict[str, list[int]], values: int, pupils: int, holds: bool
) -> None:
    fine = {"A": [3, 3], "B": [3, 3], "C": [3, 3]}
    assert names_of_satisfying(
        LDiversityWithoutAnySchool(values, pupils), draw_value_counts_by_school(fine, schools)
    ) == ("pq" if holds else "p")


def test_data_without_schools_satisfies_the_constraint_on_schools() -> None:
    assert names_of_satisfying(LDiversityWithoutAnySchool(2, 5), draw_value_counts([9, 1], [0, 0])) == "p"


@pytest.mark.parametrize("written", [0.1, "0.1", "1/10", Fraction(1, 10)])
def test_a_limit_counts_exactly_as_it_is_written(written: float | str | Fraction) -> None:
    assert EqualDistanceTCloseness(written) == EqualDistanceTCloseness("1/10")
    assert ValueDominance(written) == ValueDominance("1/10")
    assert EntropyLDiversity(Fraction(written) * 15 if isinstance(written, Fraction) else 1.5) == (
        EntropyLDiversity("3/2")
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: DistinctLDiversity(0),
        lambda: DistinctLDiversity(True),
        lambda: DistinctLDiversity(2.5),
        lambda: EntropyLDiversity(0.9),
        lambda: EntropyLDiversity("three"),
        lambda: EntropyLDiversity("2.0000001"),
        lambda: EntropyLDiversity(float("inf")),
        lambda: EntropyLDiversity(1_000_001),
        lambda: ValueDominance(0),
        lambda: ValueDominance("1.1"),
        lambda: ValueDominance("most"),
        lambda: EqualDistanceTCloseness(-0.1),
        lambda: EqualDistanceTCloseness("1.1"),
        lambda: EqualDistanceTCloseness(float("nan")),
        lambda: OrderedDistanceTCloseness("near"),
        lambda: OrderedDistanceTCloseness(1 / 3),
        lambda: LDiversityWithoutAnySchool(0, 5),
        lambda: LDiversityWithoutAnySchool(2, -1),
    ],
)
def test_refuses_wrong_limits(build: Callable[[], SensitiveValueConstraint]) -> None:
    with pytest.raises(ConfigurationRefused, match=r"Expected .*in the constraints"):
        build()


def test_every_constraint_describes_itself() -> None:
    rules = [DistinctLDiversity(3), EntropyLDiversity("2.5"), ValueDominance(0.9), EqualDistanceTCloseness(0.2)]

    assert [str(rule) for rule in [*rules, OrderedDistanceTCloseness(0.2)]] == [
        "at least 3 different sensitive values",
        "sensitive values as varied as 2.5 equally frequent ones",
        "at most 9/10 of the pupils with one sensitive value",
        "sensitive values at most 1/5 (equal distance) from the cohort's",
        "sensitive values at most 1/5 (ordered distance) from the cohort's",
    ]
    assert str(LDiversityWithoutAnySchool(2, 5)) == "2 values of 5 pupils left without any one school or board"
