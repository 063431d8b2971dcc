"""Each rule on sensitive values holds exactly where its definition says, and refuses nonsense when built."""

from collections.abc import Callable
from fractions import Fraction

import pytest
from tests.unit.drawn_value_counts import by_school, classes, holding

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.l_diversity import DistinctLDiversity, EntropyLDiversity, LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness

# The value I, II, III, IV, V of four years ago, per class; nobody is in u.
LEVELS = classes(
    [2, 2, 2, 2, 2],  # p
    [5, 5, 0, 0, 0],  # q
    [9, 1, 0, 0, 0],  # r
    [10, 0, 0, 0, 0],  # s
    [8, 1, 1, 0, 0],  # t
    [0, 0, 0, 0, 0],  # u
)


@pytest.mark.parametrize(
    ("rule", "held"),
    [
        (DistinctLDiversity(1), "pqrst"),
        (DistinctLDiversity(2), "pqrt"),
        (DistinctLDiversity(3), "pt"),
        (DistinctLDiversity(5), "p"),
        (DistinctLDiversity(6), ""),
    ],
    ids=str,
)
def test_distinct_l_diversity_counts_the_values_that_occur(rule: SensitiveValueConstraint, held: str) -> None:
    assert holding(rule, LEVELS) == held


@pytest.mark.parametrize(
    ("rule", "held"),
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
def test_entropy_l_diversity_counts_values_as_if_equally_frequent(rule: SensitiveValueConstraint, held: str) -> None:
    assert holding(rule, LEVELS) == held


@pytest.mark.parametrize(
    ("rule", "held"),
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
def test_no_value_has_more_than_its_largest_share(rule: SensitiveValueConstraint, held: str) -> None:
    assert holding(rule, LEVELS) == held


def test_where_there_is_one_value_every_class_is_close_and_none_is_varied() -> None:
    counts = classes([4], [7])

    assert holding(EqualDistanceTCloseness(0), counts) == holding(OrderedDistanceTCloseness(0), counts) == "pq"
    assert holding(DistinctLDiversity(2), counts) == holding(EntropyLDiversity(1.5), counts) == ""


class TestWholeCountries:
    """Nothing depends on rounding, also where a whole country is in one class."""

    @pytest.mark.parametrize("pupils", [2_000_000, 100_000_000])
    def test_shares_and_distances_are_exact(self, pupils: int) -> None:
        half = pupils // 2
        counts = classes([half, half], [half + 1, half - 1], overall=[half, half])

        assert holding(ValueDominance(0.5), counts) == "p"
        assert holding(EqualDistanceTCloseness(0), counts) == holding(OrderedDistanceTCloseness(0), counts) == "p"
        assert holding(EqualDistanceTCloseness("0.999999"), counts) == "pq"
        assert holding(OrderedDistanceTCloseness("0.999999"), counts) == "pq"

    def test_entropy_is_exact_where_floats_are_not(self) -> None:
        even = [400_000] * 5
        counts = classes(even, [400_001, 399_999, 400_000, 400_000, 400_000], [4, 1, 1, 1, 1], [1_000] * 5)

        # p and s hold 5 exactly, q lies 2.5e-12 under it; r holds 4 exactly, though not evenly.
        assert holding(EntropyLDiversity(5), counts) == "ps"
        assert holding(EntropyLDiversity(4), counts) == "pqrs"

    @pytest.mark.parametrize("odd", [4_095, 1_000_001])
    def test_entropy_is_compared_at_any_size(self, odd: int) -> None:
        most = classes([odd, odd + 1], [odd, odd])

        assert holding(EntropyLDiversity(2), most) == "q"


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
def test_a_school_that_knows_its_own_pupils_still_faces_several_values_of_several_pupils(
    schools: dict[str, list[int]], values: int, pupils: int, holds: bool
) -> None:
    fine = {"A": [3, 3], "B": [3, 3], "C": [3, 3]}
    assert holding(LDiversityWithoutAnySchool(values, pupils), by_school(fine, schools)) == ("pq" if holds else "p")


def test_without_schools_nothing_is_asked_of_them() -> None:
    assert holding(LDiversityWithoutAnySchool(2, 5), classes([9, 1], [0, 0])) == "p"


@pytest.mark.parametrize("written", [0.1, "0.1", "1/10", Fraction(1, 10)])
def test_a_number_counts_as_it_is_written(written: float | str | Fraction) -> None:
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
def test_refuses_nonsense(build: Callable[[], SensitiveValueConstraint]) -> None:
    with pytest.raises(ConfigurationRefused, match=r"Expected .*in the constraints"):
        build()


def test_a_message_can_name_every_rule() -> None:
    rules = [DistinctLDiversity(3), EntropyLDiversity("2.5"), ValueDominance(0.9), EqualDistanceTCloseness(0.2)]

    assert [str(rule) for rule in [*rules, OrderedDistanceTCloseness(0.2)]] == [
        "at least 3 different sensitive values",
        "sensitive values as varied as 2.5 equally frequent ones",
        "at most 9/10 of the pupils with one sensitive value",
        "sensitive values at most 1/5 (equal distance) from the cohort's",
        "sensitive values at most 1/5 (ordered distance) from the cohort's",
    ]
    assert str(LDiversityWithoutAnySchool(2, 5)) == "2 values of 5 pupils left without any one school or board"
