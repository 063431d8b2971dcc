"""The auditor and the search agree: every pattern of the search on random linked tables passes the audit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest
from tests.unit.drawn_publication import LIMITS, DrawnPublication, DrawnTable, DrawnVariable, Tree, flat

from cohort.cell_suppression import (
    CellVariable,
    Contributions,
    SearchBudget,
    SuppressionRules,
    SuppressionTask,
    TableShape,
    VariableTree,
    find_hidden_cells,
)
from cohort.table_audit import AuditInput, audit_tables

CUTS: list[dict[str, Tree]] = [
    {"een": {"*": ("P", "Q"), "P": ("a", "b"), "Q": ("c", "d")}},
    {"een": {"*": ("P", "Q"), "P": ("a", "b"), "Q": ("c", "d")}, "twee": {"*": ("a", "B"), "B": ("b", "c", "d")}},
    {"een": {"*": ("P", "Q"), "P": ("a", "b"), "Q": ("c", "d")}, "twee": {"*": ("X", "d"), "X": ("a", "b", "c")}},
]


def draw_publication(random: Random) -> DrawnPublication:
    region, sex = DrawnVariable("regio", random.choice(CUTS)), DrawnVariable("sekse", {"plat": flat("j", "m")})
    group = DrawnVariable("groep", {"plat": flat(*"xyz"[: random.choice((2, 3))])})
    tables: list[DrawnTable] = []
    for number in range(random.choice((1, 2, 3))):
        axes = {"regio": random.choice(list(region.trees))}
        axes |= {name: "plat" for name in ("groep", "sekse") if random.random() < 0.6}
        tables.append(DrawnTable(f"t{number}", axes))
    pupils: list[dict[str, Any]] = [
        {
            "regio": r,
            "groep": g,
            "sekse": s,
            "school": f"s{n}",
            "board": f"b{n // 2}",
            "pupils": random.randint(1, size),
        }
        for r, g, s in itertools.product(region.leaves, group.leaves, sex.leaves)
        for size in [random.choice((2, 4, 12))]
        for n in random.sample(range(16), random.choice((1, 2, 4, 8, 12)))
        for own in [random.randint(1, size)]
    ]
    return DrawnPublication([region, group, sex], tables, pupils)


def search(publication: DrawnPublication) -> Callable[[Mapping[str, str]], bool]:
    """Which cells the search hides, by their nodes."""
    variables = []
    for own in publication.variables:
        trees = [
            VariableTree(name, {child: parent for parent, children in tree.items() for child in children}, {})
            for name, tree in own.trees.items()
        ]
        variables.append(CellVariable(own.name, own.leaves, tuple(trees)))
    shapes = [TableShape(table.name, dict(table.axes)) for table in publication.tables]
    rules, budget = SuppressionRules(10, 5, 0.5, 0.1), SearchBudget(20, 20, 1500)
    contributions = [Contributions(publication.contributors())]
    result = find_hidden_cells(SuppressionTask(variables, shapes, contributions, rules, budget, 1.0), lambda _: None)
    nodes = {v.name: {code: n for tree in v.all_trees for code, n in v.tree_nodes(tree).items()} for v in variables}
    return lambda cell: result.is_hidden(tuple(nodes[v.name][cell.get(v.name, "*")] for v in variables))


@pytest.mark.parametrize("seed", range(12))
def test_the_pattern_of_a_search_passes(seed: int) -> None:
    publication = draw_publication(Random(seed))
    result = audit_tables(AuditInput(publication.edition_with(search(publication)), (), LIMITS))
    assert result.findings == ()
