"""Whoever subtracts two releases class by class finds nobody gone, k pupils or more, or a whole class."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cohort.differencing import departure_rule

K = 4


@dataclass(frozen=True)
class Drawn:
    """Per class the pupils who were in it, and how many could stay."""

    then: list[int]
    stay: list[int]

    @property
    def arrays(self) -> tuple[departure_rule.ClassSizes, departure_rule.ClassSizes]:
        return np.array(self.then, dtype=np.int64), np.array(self.stay, dtype=np.int64)


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    then = draw(st.lists(st.integers(K, 4 * K), min_size=1, max_size=6))
    return Drawn(then, [n - draw(st.integers(0, n)) for n in then])


def singled_out(then: departure_rule.ClassSizes, now: departure_rule.ClassSizes, k: int) -> list[int]:
    """The attacker: every set of classes, that is every total over released columns, and what is gone there.

    Gives: the numbers under k of pupils who must be the ones that are gone.
    """
    found = []
    for chosen in product((False, True), repeat=len(then)):
        mask = np.array(chosen)
        gone = int((then - now)[mask].sum())
        if 0 < gone < k:
            found.append(gone)
    return found


def after(drawn: Drawn, k: int) -> departure_rule.ClassSizes:
    then, stay = drawn.arrays
    left = stay - departure_rule.count_withdrawals(then, stay, k)
    return np.where(left < k, 0, left)


@given(drawn())
@example(Drawn([40, 40, 40, 15], [40, 39, 28, 14]))
def test_subtraction_singles_out_nobody_and_no_pupil_is_withdrawn_needlessly(case: Drawn) -> None:
    then, stay = case.arrays
    now = after(case, K)
    assert singled_out(then, now, K) == []
    departure_rule.require_hidden_departures(then, now, K)
    assert (now <= stay).all()
    assert ((now == 0) | (now >= K)).all()
    untouched = then == stay
    assert (now[untouched] == then[untouched]).all()
    kept = (now > 0) & ~untouched
    assert (then[kept] - now[kept] == np.maximum(then[kept] - stay[kept], K)).all()
    assert departure_rule.count_withdrawals(now[now > 0], now[now > 0], K).sum() == 0  # a fixed point


@given(drawn(), drawn())
def test_a_chain_of_releases_is_as_safe_as_each_step(first: Drawn, second: Drawn) -> None:
    then, _ = first.arrays
    between = after(first, K)
    there = np.flatnonzero(between)
    share = np.resize(np.array(second.stay) / np.array(second.then), len(then))
    again = Drawn(between[there].tolist(), np.floor(between[there] * share[there]).astype(int).tolist())
    if not len(there):
        return
    last = np.zeros_like(then)
    last[there] = after(again, K)
    assert singled_out(then, last, K) == []


@pytest.mark.parametrize("late", [1, 2, 3])
def test_without_the_rule_the_late_objectors_are_singled_out(late: int) -> None:
    then = np.array([12, 12], dtype=np.int64)
    stay = then - np.array([late, 0])
    assert singled_out(then, stay, K) == [late, late]
    with pytest.raises(AssertionError, match="fewer than k"):
        departure_rule.require_hidden_departures(then, stay, K)


def test_the_table_in_the_docstring_is_true() -> None:
    then, stay = np.array([40, 40, 40, 15]), np.array([40, 39, 28, 14])
    withdraw = departure_rule.count_withdrawals(then, stay, 10)
    assert withdraw.tolist() == [0, 9, 0, 14]
    assert (stay - withdraw).tolist() == [40, 30, 28, 0]


def test_an_empty_class_stays_empty() -> None:
    """Of a class nobody of one population: there is nothing to be withdrawn."""
    assert departure_rule.count_withdrawals(np.array([0, 20]), np.array([0, 20]), 10).tolist() == [0, 0]
    departure_rule.require_hidden_departures(np.array([0, 20]), np.array([0, 0]), 10)


@pytest.mark.parametrize(("then", "stay", "k"), [([4], [5], 4), ([4], [-1], 4), ([4, 4], [4], 4), ([4], [4], 0)])
def test_impossible_counts_are_a_defect(then: list[int], stay: list[int], k: int) -> None:
    with pytest.raises(ValueError, match="no more pupils"):
        departure_rule.count_withdrawals(np.array(then), np.array(stay), k)
