"""The auditor's intervals beside those of another code for linear programmes, on tables drawn at random.

The other formulation has a variable per cell instead of per part, all relations between cells, and is solved by GLPK.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
import swiglpk as glpk  # type: ignore[import-untyped]
from tests.unit.drawn_publication import LIMITS, DrawnPublication, DrawnTable, DrawnVariable, flat

from cohort.table_audit import AuditEdition, AuditInput, audit_tables

Cell = tuple[str, str]
TREES: list[Mapping[str, Sequence[str]]] = [
    flat("a", "b", "c"),
    {"*": ("p", "c"), "p": ("a", "b")},
    {"*": ("p", "q"), "p": ("a", "b"), "q": ("c", "d")},
]


def draw_publication(random: Random) -> DrawnPublication:
    region = DrawnVariable("regio", {"boom": random.choice(TREES)})
    group = DrawnVariable("groep", {"plat": flat(*"xyz"[: random.choice((2, 3))])})
    pupils: list[dict[str, Any]] = []
    for leaf, value in itertools.product(region.leaves, group.leaves):
        size = random.choice((1, 1, 2, 3, 5))
        for school in random.sample(range(8), random.choice((0, 1, 2, 4, 6, 8))):
            number = random.randint(1, 3 * size)
            pupils.append(
                {"regio": leaf, "groep": value, "school": f"s{school}", "board": f"b{school // 2}", "pupils": number}
            )
    pupils = pupils or [{"regio": "a", "groep": "x", "school": "s0", "board": "b0", "pupils": 1}]
    return DrawnPublication([region, group], [DrawnTable("a", {"regio": "boom", "groep": "plat"})], pupils)


def list_relations(publication: DrawnPublication) -> tuple[list[Cell], list[tuple[Cell, list[Cell]]]]:
    trees = [dict(variable.trees[next(iter(variable.trees))]) for variable in publication.variables]
    nodes: list[list[str]] = [["*", *(child for children in tree.values() for child in children)] for tree in trees]
    cells: list[Cell] = [(region, group) for region in nodes[0] for group in nodes[1]]
    relations = [((p, other), [(c, other) for c in children]) for p, children in trees[0].items() for other in nodes[1]]
    relations += [
        ((other, p), [(other, c) for c in children]) for p, children in trees[1].items() for other in nodes[0]
    ]
    return cells, relations


def solve_interval(
    publication: DrawnPublication, hidden: set[Cell], own: Mapping[Cell, int], alone: set[Cell], cell: Cell
) -> tuple[float, float]:
    """The interval of a cell for somebody who has `own` pupils in the cells and knows those in `alone`."""
    cells, relations = list_relations(publication)
    counts = {one: publication.count({"regio": one[0], "groep": one[1]}) for one in cells}
    ceiling = 10.0 * max(counts.values()) + 1000
    programme = glpk.glp_create_prob()
    glpk.glp_add_cols(programme, len(cells))
    for place, one in enumerate(cells, start=1):
        if one in hidden and one not in alone:
            glpk.glp_set_col_bnds(programme, place, glpk.GLP_DB, float(own.get(one, 0)), ceiling)
        else:
            glpk.glp_set_col_bnds(programme, place, glpk.GLP_FX, float(counts[one]), float(counts[one]))
    glpk.glp_add_rows(programme, len(relations))
    for row, (parent, children) in enumerate(relations, start=1):
        glpk.glp_set_row_bnds(programme, row, glpk.GLP_FX, 0.0, 0.0)
        columns, values = glpk.intArray(len(children) + 2), glpk.doubleArray(len(children) + 2)
        for at, (one, sign) in enumerate([(parent, -1.0), *((child, 1.0) for child in children)], start=1):
            columns[at], values[at] = cells.index(one) + 1, sign
        glpk.glp_set_mat_row(programme, row, len(children) + 1, columns, values)
    settings = glpk.glp_smcp()
    glpk.glp_init_smcp(settings)
    settings.msg_lev = glpk.GLP_MSG_OFF
    glpk.glp_set_obj_coef(programme, cells.index(cell) + 1, 1.0)
    ends = []
    for sense in (glpk.GLP_MIN, glpk.GLP_MAX):
        glpk.glp_set_obj_dir(programme, sense)
        assert glpk.glp_simplex(programme, settings) == 0
        assert glpk.glp_get_status(programme) == glpk.GLP_OPT
        ends.append(glpk.glp_get_obj_val(programme))
    glpk.glp_delete_prob(programme)
    return ends[0], ends[1]


def count_by(publication: DrawnPublication, cells: Sequence[Cell], column: str) -> dict[Cell, dict[str, int]]:
    found: dict[Cell, dict[str, int]] = {}
    for cell in cells:
        own = found.setdefault(cell, {})
        for row in publication.select({"regio": cell[0], "groep": cell[1]}):
            own[row[column]] = own.get(row[column], 0) + row["pupils"]
    return found


def need(largest: float) -> float:
    return max(float(-(-largest // 10)), 1.0)


def find_rule_needs(schools: Mapping[str, int], boards: Mapping[str, int]) -> float:
    """How far the interval must reach above by the rules, 0 of a cell that none hides."""
    pupils = sum(schools.values())
    if pupils == 0:
        return 0.0
    needs = [10.0 - pupils]
    for own in (schools, boards):
        first, second = [*sorted(own.values(), reverse=True), 0][:2]
        rest = pupils - first - second
        if 10 * rest < first:
            needs.append(max(-(-first // 10) - rest, 1.0))
        if len(own) < 5 or first > pupils / 2:
            needs.append(1.0)
    return max(0.0, *needs)


def find_expected(publication: DrawnPublication, hidden: set[Cell]) -> set[tuple[str, Cell]]:
    """What the auditor must find, by trying every cell and every attacker."""
    cells, _ = list_relations(publication)
    schools, boards = count_by(publication, cells, "school"), count_by(publication, cells, "board")
    board_of = {row["school"]: row["board"] for row in publication.pupils}
    several = {b for b in board_of.values() if list(board_of.values()).count(b) > 1}
    found: set[tuple[str, Cell]] = set()
    for cell in cells:
        above = find_rule_needs(schools[cell], boards[cell])
        if above <= 0:
            continue
        pupils = sum(schools[cell].values())
        if cell not in hidden:
            found.add(("TABLE_RULE", cell))
            continue
        above = max(above, need(max(schools[cell].values())))
        low, high = solve_interval(publication, hidden, {}, set(), cell)
        if high < pupils + above - 1e-6 or low > pupils - min(pupils, above) + 1e-6:
            found.add(("TABLE_OUTSIDER", cell))
            continue
        attackers = [("TABLE_SCHOOL", schools, {s}, s) for s in board_of]
        attackers += [("TABLE_BOARD", boards, {s for s in board_of if board_of[s] == b}, b) for b in several]
        for code, kind, members, name in attackers:
            own = {one: kind[one].get(name, 0) for one in cells}
            others = [number for school, number in schools[cell].items() if school not in members]
            if not others:
                continue
            alone = {one for one in cells if one in hidden and own[one] and own[one] == sum(schools[one].values())}
            reach = need(max(others))
            if cell in alone:
                continue
            low, high = solve_interval(publication, hidden, own, alone, cell)
            if high < pupils + reach - 1e-6 or low > pupils - min(pupils - own[cell], reach) + 1e-6:
                found.add((code, cell))
    return found


@pytest.mark.parametrize("start", range(0, 240, 20))
def test_findings_are_those_of_another_code_for_linear_programmes(start: int) -> None:
    refused = 0
    for seed in range(start, start + 20):
        random = Random(seed)
        publication = draw_publication(random)
        cells, _ = list_relations(publication)
        by_school = count_by(publication, cells, "school")
        by_board = count_by(publication, cells, "board")
        hidden = {cell for cell in cells if find_rule_needs(by_school[cell], by_board[cell]) > 0}
        others = sorted(set(cells) - hidden)
        hidden |= set(random.sample(others, random.randint(0, len(others))))
        if random.random() < 0.2:
            hidden.discard(random.choice(cells))
        found = audit(publication, hidden)
        assert found == find_expected(publication, hidden), f"seed {seed}"
        refused += bool(found)
    assert refused


def audit(publication: DrawnPublication, hidden: set[Cell]) -> set[tuple[str, Cell]]:
    edition: AuditEdition = publication.edition_with(lambda nodes: (nodes["regio"], nodes["groep"]) in hidden)
    result = audit_tables(AuditInput(edition, (), LIMITS))
    assert set(result.figures.findings) <= {"TABLE_RULE", "TABLE_OUTSIDER", "TABLE_SCHOOL", "TABLE_BOARD"}
    return {(finding.code, read_cell(case.cell)) for finding in result.findings for case in finding.cases}


def read_cell(name: str) -> Cell:
    """The nodes of a cell from the text of a case."""
    if ": a: " in name:
        region, group = name.split(": ")[2].split(" × ")
        return region, group
    nodes = dict(part.split("=") for part in name.split(", ")) if name != "*" else {}
    return nodes.get("regio", "*"), nodes.get("groep", "*")
