"""The search finds the optimum on small drawn tables, and every pattern it gives back is safe, by other programmes.

With HYPOTHESIS_PROFILE=many 600 tables are compared, otherwise a tenth of them.
"""

from __future__ import annotations

import os

import pytest
from tests.unit.drawn_suppression import (
    KINDS,
    Claim,
    ContributorTable,
    draw_table,
    list_broken_claims,
    list_claims,
    make_problem,
    solve_compact,
)

from cohort.cell_suppression import CannotProtect, PatternSearch, SearchBudget, SuppressionProblem

FEW = os.environ.get("HYPOTHESIS_PROFILE", "few") == "few"
BUDGET = SearchBudget(300, 300)


def discard(line: str) -> None:
    """Drop a line of progress."""


def require_optimum(problem: SuppressionProblem, claims: list[Claim]) -> None:
    """Require the cost of the compact formulation, a bound that is none too high, and a pattern safe by GLPK."""
    expected = solve_compact(problem, claims)
    if expected is None:
        with pytest.raises(CannotProtect):
            PatternSearch([problem], BUDGET, discard).run()
        return
    found = PatternSearch([problem], BUDGET, discard).run()
    assert found.proven
    assert found.cost == pytest.approx(expected, abs=1e-5)
    assert found.lower_bound <= expected + 1e-5
    assert list_broken_claims(problem, found.hidden, claims) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimum_is_that_of_the_compact_formulation(kind: str) -> None:
    compared, seed = 0, 0
    while compared < (15 if FEW else 150):
        problem = make_problem(draw_table(seed, kind), informed=False, unit_cost=seed % 2 == 0)
        seed += 1
        if 0 < problem.protection.primary.sum() <= 8:
            require_optimum(problem, list_claims(problem))
            compared += 1


@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_with_schools_and_boards_who_know_their_own_pupils(kind: str) -> None:
    compared, seed = 0, 0
    while compared < (3 if FEW else 20):
        table = draw_table(seed, kind)
        problem = make_problem(table, informed=True, unit_cost=seed % 2 == 0)
        seed += 1
        if 0 < problem.protection.primary.sum() <= 4:
            require_optimum(problem, list_claims(problem, ContributorTable(table)))
            compared += 1


def test_without_secondary_cells_the_second_opinion_finds_the_primary_cells_computable() -> None:
    problem = make_problem(draw_table(2, "two variables"), informed=False, unit_cost=True)
    claims = list_claims(problem)
    assert claims
    assert list_broken_claims(problem, problem.must_hide, claims) == claims
