"""A search for hidden cells goes on from what an interrupted one of the same problem left, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.drawn_suppression import draw_table, make_problem

from cohort.cell_suppression import (
    Cut,
    FoundPattern,
    PatternSearch,
    SearchBudget,
    SearchState,
    SuppressionProblem,
    pattern_search,
    read_search_state,
)


def search(
    problem: SuppressionProblem, before: SearchState | None = None, keep: Callable[[SearchState], None] = lambda _: None
) -> FoundPattern:
    return PatternSearch([problem], SearchBudget(60, 60), lambda _: None, before, keep).run()


def test_a_search_goes_on_from_what_an_interrupted_one_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_search, "SECONDS_BETWEEN_STATES", -1)
    problem = make_problem(draw_table(1, "two variables"), informed=True, unit_cost=False)
    kept: list[bytes] = []
    whole = search(problem, keep=lambda state: kept.append(state.to_bytes()))
    first, last = read_search_state(kept[0]), read_search_state(kept[-1])
    assert first is not None
    assert last is not None
    assert first.hidden is None
    assert last.hidden is not None
    assert len(last.cuts) > len(first.cuts)
    for before in (first, last):
        again = search(problem, before)
        assert (again.cost, again.proven) == (whole.cost, True)
        assert {cut.cells.tobytes() for cut in before.cuts} <= {cut.cells.tobytes() for cut in again.cuts}


def test_what_a_search_of_another_problem_left_is_left_alone() -> None:
    problem = make_problem(draw_table(1, "two variables"), informed=False, unit_cost=True)
    impossible = Cut(np.array([0]), np.array([1.0]), 5.0)
    other = SearchState("another", (impossible,), np.ones(problem.cells, dtype=bool))
    found = search(problem, other)
    assert (found.cost, found.proven) == (search(problem).cost, True)
    own = PatternSearch([problem], SearchBudget(60, 60), lambda _: None).state
    informed = make_problem(draw_table(1, "two variables"), informed=True, unit_cost=True)
    assert own.problem != PatternSearch([informed], SearchBudget(60, 60), lambda _: None).state.problem


def test_a_kept_pattern_that_is_not_safe_is_not_taken() -> None:
    problem = make_problem(draw_table(2, "two variables"), informed=False, unit_cost=True)
    unsafe = PatternSearch([problem], SearchBudget(60, 60), lambda _: None).state
    found = search(problem, SearchState(unsafe.problem, (), problem.must_hide))
    assert found.cost == search(problem).cost
    assert found.hidden.sum() > problem.must_hide.sum()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x93NUMPY"], ids=["nothing", "cut off", "other"])
def test_bytes_that_are_no_state_are_none(content: bytes) -> None:
    assert read_search_state(content) is None
