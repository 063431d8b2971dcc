"""Intervals of rates and of their differences, against the worked examples of their sources."""

from __future__ import annotations

import pytest

from cohort.sdc.risk.rate_comparison import Rate, RateComparison, pool_comparisons

#    successes  attempts  interval, as Newcombe (1998), Statistics in Medicine 17, 857-872, table I, gives it
WILSON_EXAMPLES = [
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]

#    inside     outside   difference and interval (method 10), as Newcombe (1998), 17, 873-890, table II, gives them
NEWCOMBE_EXAMPLES = [
    ((56, 70), (48, 80), 0.2000, 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.6000, 0.1705, 0.8090),
    ((10, 10), (0, 10), 1.0000, 0.6075, 1.0000),
]


@pytest.mark.parametrize(("successes", "attempts", "low", "high"), WILSON_EXAMPLES)
def test_interval_of_a_rate_is_the_published_one(successes: int, attempts: int, low: float, high: float) -> None:
    assert Rate(successes, attempts).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("inside", "outside", "difference", "low", "high"), NEWCOMBE_EXAMPLES)
def test_interval_of_a_difference_is_the_published_one(
    inside: tuple[int, int], outside: tuple[int, int], difference: float, low: float, high: float
) -> None:
    comparison = RateComparison(Rate(*inside), Rate(*outside))
    assert comparison.difference == pytest.approx(difference)
    assert comparison.interval == pytest.approx((low, high), abs=5e-5)


def test_pooling_adds_attempts_of_both_folds() -> None:
    pooled = pool_comparisons(RateComparison(Rate(3, 10), Rate(1, 8)), RateComparison(Rate(0.5, 2), Rate(2, 4)))
    assert pooled == RateComparison(Rate(3.5, 12), Rate(3, 12))
    assert pooled.as_dict()["attempts"] == [12, 12]


@pytest.mark.parametrize(("successes", "attempts"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_rates_are_defects(successes: int, attempts: int) -> None:
    with pytest.raises(ValueError, match="a rate needs"):
        Rate(successes, attempts)
