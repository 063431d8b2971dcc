"""t-closeness is satisfied exactly where the distance to the cohort is at most t."""

import pytest
from tests.unit.drawn_value_counts import draw_value_counts, names_of_satisfying

from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueConstraint
from cohort.sdc.privacy_models.t_closeness import EqualDistanceTCloseness, OrderedDistanceTCloseness

# Nine incomes, 3 to 11 thousand, once each: the example of Li, Li and Venkatasubramanian (2007).
INCOMES = draw_value_counts(
    [1, 1, 1, 0, 0, 0, 0, 0, 0],  # p  3, 4, 5
    [0, 0, 0, 1, 0, 1, 0, 0, 1],  # q  6, 8, 11
    [1, 1, 1, 1, 1, 1, 1, 1, 1],  # r  all
    overall=[1, 1, 1, 1, 1, 1, 1, 1, 1],
)


@pytest.mark.parametrize(
    ("rule", "satisfying"),
    [
        #  published ordered distances: p 0.375, q 0.167 (1/6)
        (OrderedDistanceTCloseness("0.374999"), "qr"),
        (OrderedDistanceTCloseness(0.375), "pqr"),
        (OrderedDistanceTCloseness("1/6"), "qr"),
        (OrderedDistanceTCloseness("0.166666"), "r"),
        (OrderedDistanceTCloseness(0), "r"),
        #  equal distances: p 2/3, q 2/3
        (EqualDistanceTCloseness("2/3"), "pqr"),
        (EqualDistanceTCloseness("0.666666"), "r"),
        (EqualDistanceTCloseness(0), "r"),
        (EqualDistanceTCloseness(1), "pqr"),
    ],
    ids=str,
)
def test_t_closeness_measures_the_distance_to_the_cohort(rule: SensitiveValueConstraint, satisfying: str) -> None:
    assert names_of_satisfying(rule, INCOMES) == satisfying


def test_ordered_distance_distinguishes_near_from_far_values() -> None:
    near, far = [5, 5, 0, 0, 10], [5, 0, 0, 5, 10]
    counts = draw_value_counts(near, far, overall=[10, 0, 0, 0, 10])

    assert names_of_satisfying(EqualDistanceTCloseness("1/4"), counts) == "pq"
    assert names_of_satisfying(EqualDistanceTCloseness("0.249999"), counts) == ""
    assert names_of_satisfying(OrderedDistanceTCloseness("1/16"), counts) == "p"
    assert names_of_satisfying(OrderedDistanceTCloseness("3/16"), counts) == "pq"


def test_a_cohort_that_overflows_int64_is_a_defect_and_never_a_wrong_answer() -> None:
    counts = draw_value_counts([2_000_000_000, 2_000_000_000])

    for rule in (EqualDistanceTCloseness("0.1"), OrderedDistanceTCloseness("0.1")):
        with pytest.raises(ValueError, match="too large"):
            rule.satisfied_by(counts)
