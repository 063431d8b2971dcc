"""The project's own attack on published tables: what it computes when the protection is left out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc
from tests.unit.drawn_publication import DrawnPublication, DrawnTable, DrawnVariable, Tree, flat
from tests.unit.made_cohort import REGIONS, SCHOOLS, make_cohort

from cohort.publication_documents import TidyCell
from cohort.table_audit import AuditEdition, PublishedFiles, compute_hidden_cells

Nodes = tuple[str, ...]
WEIGHTS, GROUPS = ("0", "0.3", "1.2"), tuple(f"g{group}" for group in range(3, 9))


def count_nodes(pupils: pd.DataFrame, leaf_nodes: Mapping[str, Mapping[str, list[str]]]) -> dict[Nodes, int]:
    """Count the pupils of every combination of nodes, from the nodes above each leaf."""
    base = pupils.groupby(list(leaf_nodes), observed=True).size().reset_index(name="pupils")
    for name, above in leaf_nodes.items():
        base[name] = base[name].map(lambda leaf, above=above: above[leaf])
        base = base.explode(name)
    counted = base.groupby(list(leaf_nodes), observed=True)["pupils"].sum()
    return {tuple(map(str, nodes)): int(number) for nodes, number in counted.items()}  # type: ignore[call-overload]


def list_above(tree: Tree) -> dict[str, list[str]]:
    parent = {child: node for node, children in tree.items() for child in children}
    above: dict[str, list[str]] = {}
    for leaf in parent:
        if leaf not in tree:
            above[leaf], node = [leaf], leaf
            while node != "*":
                node = parent[node]
                above[leaf].append(node)
    return above


def make_cuts() -> tuple[pd.DataFrame, dict[str, Tree]]:
    """Pupils of 1,600 schools by municipality; regions, and areas of which every second has one municipality less."""
    random = np.random.default_rng(3)
    pupils = make_cohort()
    pupils = pupils[pupils["school"].isin(random.choice(SCHOOLS, 1600, replace=False))]
    municipality = random.integers(0, 4, SCHOOLS)[pupils["school"]]
    pupils = pupils.assign(gemeente=pupils["regio"] + "." + municipality.astype(str))
    own = {region: sorted(set(pupils["gemeente"][pupils["regio"] == region])) for region in REGIONS}
    regions = sorted(REGIONS)
    moved = {own[r][0]: regions[(i + 1) % len(regions)] for i, r in enumerate(regions) if i % 2 == 0}
    areas = {f"L{region}": [m for r in regions for m in own[r] if moved.get(m, r) == region] for region in regions}
    return pupils, {"regios": {"*": regions, **own}, "gebieden": {"*": list(areas), **areas}}


def is_municipality(cell: str) -> bool:
    """Whether a cell is of a municipality, such as `gemeente=DR1.0, groep=g3`."""
    return any(part.startswith("gemeente=") and "." in part for part in cell.split(", "))


def test_two_cuts_that_differ_by_one_municipality_give_small_municipalities_away() -> None:
    pupils, trees = make_cuts()
    axes = {"gewicht": flat(*WEIGHTS), "groep": flat(*GROUPS)}
    variables = [
        DrawnVariable("gemeente", trees),
        *(DrawnVariable(name, {"plat": tree}) for name, tree in axes.items()),
    ]
    tables = [DrawnTable(cut, {"gemeente": cut, "gewicht": "plat", "groep": "plat"}) for cut in trees]
    document = DrawnPublication(variables, tables, []).document()
    cells = {}
    counts: dict[Nodes, int] = {}
    for cut, tree in trees.items():
        counts.update(
            count_nodes(pupils, {"gemeente": list_above(tree), **{n: list_above(t) for n, t in axes.items()}})
        )
        nodes = itertools.product(
            dict.fromkeys(["*", *tree, *(leaf for own in tree.values() for leaf in own)]),
            ["*", *WEIGHTS],
            ["*", *GROUPS],
        )
        cells[cut] = tuple(
            TidyCell(own, "leerlingen", None if "." in own[0] or 0 < number < 10 else str(number))
            for own in nodes
            for number in [counts.get(own, 0)]
        )
    small = sum(0 < number < 10 for nodes, number in counts.items() if "." in nodes[0])
    found = compute_hidden_cells([PublishedFiles(document, cells)])
    few = [cell for cell in found if cell.pupils < 10 and is_municipality(cell.cell)]
    assert small > 112
    assert len(few) == 112


def test_a_school_computes_what_an_outsider_does_not() -> None:
    region = DrawnVariable("regio", {"plat": flat("n", "z", "w")})
    group = DrawnVariable("groep", {"plat": flat("7", "8")})
    rows = [
        {"regio": place, "groep": value, "school": school, "board": school, "pupils": number}
        for place, value, school, number in [
            ("n", "7", "a", 6),
            ("n", "8", "b", 5),
            ("n", "8", "c", 4),
            ("z", "7", "d", 8),
            ("z", "8", "e", 7),
            ("w", "7", "f", 30),
            ("w", "8", "g", 30),
        ]
    ]
    publication = DrawnPublication([region, group], [DrawnTable("a", {"regio": "plat", "groep": "plat"})], rows)
    edition: AuditEdition = publication.edition_with(lambda nodes: nodes["regio"] in "nz" and nodes["groep"] != "*")
    files = PublishedFiles(edition.document, {name: own or () for name, own in edition.cells.items()})
    assert compute_hidden_cells([files]) == []
    own = edition.contributors.filter(pc.field("school") == "b")
    assert compute_hidden_cells([files], own) == []
    alone = edition.contributors.filter(pc.field("school") == "a")
    found = compute_hidden_cells([files], alone, [{"regio": "n", "groep": "7"}])
    assert {(cell.cell, cell.pupils) for cell in found} == {
        ("groep=8, regio=n", 9),
        ("groep=7, regio=z", 8),
        ("groep=8, regio=z", 7),
    }
