"""Random small tables: the search finds what the compact formulation finds, and GLPK finds every pattern safe.

`COHORT_TEST_TABLES=600` draws more of them than CI does.
"""

from __future__ import annotations

import itertools
import os

import numpy as np
import pyarrow as pa
import pytest

from cohort.cell_suppression import (
    CannotProtect,
    CellVariable,
    Contributions,
    FewPupils,
    PatternSearch,
    SearchBudget,
    SuppressionProblem,
    TableShape,
    VariableTree,
    count_cells,
    link_tables,
    make_attackers,
    protect_cells,
)

from .compact_suppression import find_compact_cost, is_safe_by_glpk

TABLES = int(os.environ.get("COHORT_TEST_TABLES", "120"))
MOST_PROTECTED = {False: 8, True: 4}
"""The compact formulation has a copy of all cells for each protected cell, twice and for every attacker."""


def make_variables(kind: int) -> tuple[list[CellVariable], list[TableShape]]:
    """Make one table; one with a tree; two linked ones with two trees; two whose trees do not nest."""
    if kind == 0:
        return (
            [CellVariable("a", tuple("1234")), CellVariable("b", tuple("123"))],
            [TableShape("t", {"a": "", "b": ""})],
        )
    if kind == 1:
        above = {"x": "*", "y": "*", "x1": "x", "x2": "x", "y1": "y", "y2": "y", "y3": "y"}
        leaves = ("x1", "x2", "y1", "y2", "y3")
        return (
            [CellVariable("a", leaves, (VariableTree("tree", above),)), CellVariable("b", tuple("123"))],
            [TableShape("t", {"a": "tree", "b": ""})],
        )
    if kind == 2:
        flat, grouped = dict.fromkeys("123", "*"), {"q": "*", "3": "*", "1": "q", "2": "q"}
        trees = (VariableTree("flat", flat), VariableTree("grouped", grouped))
        return (
            [CellVariable("a", tuple("123"), trees), CellVariable("b", tuple("12")), CellVariable("c", tuple("12"))],
            [TableShape("t", {"a": "flat", "b": "", "c": ""}), TableShape("u", {"a": "grouped", "b": ""})],
        )
    first = VariableTree("first", {"p": "*", "r": "*"}, {"p": ("1", "2"), "r": ("3", "4")})
    second = VariableTree("second", {"u": "*", "w": "*"}, {"u": ("1", "2", "3"), "w": ("4",)})
    return (
        [CellVariable("a", tuple("1234"), (first, second)), CellVariable("b", tuple("123"))],
        [TableShape("t", {"a": "first", "b": ""}), TableShape("u", {"a": "second", "b": ""})],
    )


def draw_problem(seed: int, *, informed: bool) -> SuppressionProblem | None:
    """Draw a problem; None where it has no protected cell, or more than the compact formulation can do."""
    random = np.random.default_rng(seed)
    variables, tables = make_variables(seed % 4)
    rows = [
        (*leaves, f"s{school}", f"b{school % 2}", int(random.integers(1, 12)))
        for leaves in itertools.product(*(variable.leaves for variable in variables))
        for school in range(random.integers(0, 4))
    ]
    names = [*(variable.name for variable in variables), "school", "board", "pupils"]
    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
    cells = link_tables(variables, tables)
    counts = count_cells(cells, [Contributions(table)])
    protection = protect_cells(counts, [FewPupils(6)])
    if not 0 < protection.primary.sum() <= MOST_PROTECTED[informed]:
        return None
    cost = np.where(cells.shown, 1.0 if seed % 8 < 4 else np.log2(counts.pupils + 2), 0.0)
    return SuppressionProblem(
        cells.relations,
        counts.pupils,
        cost,
        protection,
        protection.primary | ~cells.shown,
        np.zeros(len(cost), dtype=bool),
        make_attackers(counts, 0.1) if informed else None,
    )


@pytest.mark.parametrize("informed", [False, True], ids=["outsider", "schools and boards"])
def test_the_search_agrees_with_the_compact_formulation_and_glpk(informed: bool) -> None:
    compared = 0
    for seed in range(TABLES // (4 if informed else 1)):
        problem = draw_problem(seed, informed=informed)
        if problem is None:
            continue
        compact = find_compact_cost(problem)
        try:
            found = PatternSearch([problem], SearchBudget(60, 60), lambda _: None).run()
        except CannotProtect:
            assert compact is None, f"table {seed}: no pattern, where one costs {compact}"
            continue
        assert found.proven, f"table {seed}: not proven"
        assert compact == pytest.approx(found.cost, abs=1e-5), f"table {seed}"
        assert is_safe_by_glpk(problem, found.hidden), f"table {seed}: not safe"
        compared += 1
    assert compared > TABLES // (8 if informed else 2)
