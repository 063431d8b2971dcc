"""Attacks on any release, against their definitions on released labels; intervals of any rates."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.properties.test_risk_and_utility import cases
from tests.unit.drawn_recoding import DrawnRecoding
from tests.unit.test_downcoding_attack import check_counts
from tests.unit.test_release_density import check_guesses

from cohort.sdc.risk.rate_comparison import Rate, RateComparison

RATES = st.integers(1, 5_000).flatmap(lambda attempts: st.builds(Rate, st.integers(0, attempts), st.just(attempts)))


@settings(deadline=None)
@given(cases())
def test_downcoding_counts_are_those_of_the_released_labels(case: DrawnRecoding) -> None:
    check_counts(case)


@settings(deadline=None)
@given(cases())
def test_guesses_are_the_most_likely_values(case: DrawnRecoding) -> None:
    assume(case.recoding.classes)
    check_guesses(case)


@given(RATES, RATES)
def test_an_interval_holds_its_figure_and_the_exchange_of_rates_mirrors_it(inside: Rate, outside: Rate) -> None:
    comparison, exchanged = RateComparison(inside, outside), RateComparison(outside, inside)
    low, high = comparison.interval
    assert 0 <= inside.interval[0] <= inside.share + 1e-12
    assert inside.share - 1e-12 <= inside.interval[1] <= 1
    assert -1 - 1e-12 <= low <= comparison.difference <= high <= 1 + 1e-12
    assert exchanged.interval == pytest.approx((-high, -low))


@given(RATES, st.integers(2, 50))
def test_more_attempts_narrow_the_interval(rate: Rate, times: int) -> None:
    wider, narrower = rate.interval, Rate(rate.successes * times, rate.attempts * times).interval
    assert narrower[1] - narrower[0] < wider[1] - wider[0]
