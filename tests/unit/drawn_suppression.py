"""Small drawn tables for the search for hidden cells, and two second opinions on its results.

The compact formulation is one whole-number programme with a flow per claim, solved at once by HiGHS; the audit solves
every claim again with GLPK. Both are made here from the relations alone and share no code with the search.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
import pyarrow as pa
import scipy.sparse as sp
import swiglpk as glpk  # type: ignore[import-untyped]

from cohort.cell_suppression import (
    CellCounts,
    CellVariable,
    Contributions,
    FewPupils,
    LinkedCells,
    SuppressionProblem,
    TableShape,
    VariableTree,
    count_cells,
    link_tables,
    make_attackers,
    protect_cells,
)

Numbers = np.ndarray
FEW = FewPupils(9)
P = 0.1
NESTED = VariableTree("nested", {"x": "*", "y": "*", "x1": "x", "x2": "x", "y1": "y", "y2": "y", "y3": "y"})
CROSSED = VariableTree("crossed", {"p": "*", "q": "*"}, {"p": ("1", "2"), "q": ("3",)})
SHIFTED = VariableTree("shifted", {"r": "*", "s": "*"}, {"r": ("1",), "s": ("2", "3")})
"""With `crossed` it leaves the parts 1, 2 and 3, which no table shows."""


def _flat(name: str, leaves: str) -> CellVariable:
    return CellVariable(name, tuple(leaves))


KINDS: dict[str, tuple[list[CellVariable], list[TableShape]]] = {
    "two variables": ([_flat("a", "1234"), _flat("b", "123")], [TableShape("one", {"a": "", "b": ""})]),
    "a hierarchy": (
        [CellVariable("a", ("x1", "x2", "y1", "y2", "y3"), (NESTED,)), _flat("b", "123")],
        [TableShape("one", {"a": "nested", "b": ""})],
    ),
    "linked tables": (
        [_flat("a", "123"), _flat("b", "12"), _flat("c", "12")],
        [TableShape("one", {"a": "", "b": ""}), TableShape("two", {"a": "", "c": ""})],
    ),
    "cuts that do not nest": (
        [CellVariable("a", tuple("123"), (CROSSED, SHIFTED)), _flat("b", "123")],
        [TableShape("one", {"a": "crossed", "b": ""}), TableShape("two", {"a": "shifted", "b": ""})],
    ),
}


@dataclass(frozen=True, eq=False)
class DrawnTable:
    """A drawn set of tables."""

    variables: list[CellVariable]
    tables: list[TableShape]
    cells: LinkedCells
    counts: CellCounts
    rows: pa.Table


def draw_table(seed: int, kind: str, most_pupils: int = 11, schools: int = 3) -> DrawnTable:
    """Draw pupils of up to so many schools in every smallest cell, each with up to so many pupils."""
    rng = np.random.default_rng(seed)
    variables, tables = KINDS[kind]
    grid = np.indices([len(variable.leaves) for variable in variables]).reshape(len(variables), -1).T
    lines: dict[str, list[object]] = {variable.name: [] for variable in variables}
    lines |= {"school": [], "board": [], "pupils": []}
    for leaves in grid:
        for school in rng.permutation(schools + 2)[: rng.integers(0, schools + 1)]:
            for variable, leaf in zip(variables, leaves, strict=True):
                lines[variable.name].append(variable.leaves[leaf])
            lines["school"].append(f"s{school}")
            lines["board"].append(f"b{school // 2}")
            lines["pupils"].append(int(rng.integers(1, most_pupils + 1)))
    rows = pa.table(
        lines, schema=pa.schema([(name, pa.int64() if name == "pupils" else pa.string()) for name in lines])
    )
    cells = link_tables(variables, tables)
    return DrawnTable(variables, tables, cells, count_cells(cells, [Contributions(rows)]), rows)


def make_problem(table: DrawnTable, *, informed: bool, unit_cost: bool) -> SuppressionProblem:
    """The problem of cells with few pupils; empty cells may be hidden."""
    protection = protect_cells(table.counts, [FEW])
    cost = np.ones(len(table.cells.keys)) if unit_cost else np.log2(table.counts.pupils + 2)
    return SuppressionProblem(
        table.cells.relations,
        table.counts.pupils,
        np.where(table.cells.shown, cost, 0.0),
        protection,
        protection.primary | ~table.cells.shown,
        np.zeros(len(cost), dtype=bool),
        make_attackers(table.counts, P) if informed else None,
    )


@dataclass(frozen=True, eq=False)
class Claim:
    """A cell that one attacker must not place nearer than `need`, with the room that every cell has in its eyes."""

    cell: int
    sense: int
    need: float
    below: Numbers
    above: Numbers


class ContributorTable:
    """Pupils per cell and school, counted line by line, and the attackers: schools, and boards of several schools."""

    def __init__(self, table: DrawnTable) -> None:
        lines = table.rows.to_pylist()
        schools = sorted({line["school"] for line in lines})
        boards = {line["school"]: line["board"] for line in lines}
        self.by_school = np.zeros((len(table.cells.keys), len(schools)))
        for line in lines:
            leaves = [1 << variable.leaves.index(line[variable.name]) for variable in table.variables]
            for place, key in enumerate(table.cells.keys):
                if all(node & leaf for node, leaf in zip(key, leaves, strict=True)):
                    self.by_school[place, schools.index(line["school"])] += line["pupils"]
        self.attackers = [np.array([school == other for other in schools]) for school in schools]
        for board in sorted(set(boards.values())):
            members = np.array([boards[school] == board for school in schools])
            if members.sum() > 1:
                self.attackers.append(members)

    def list_claims(self, problem: SuppressionProblem) -> Iterator[Claim]:
        """List the claims of all attackers who have pupils somewhere; who is alone in a cell knows it."""
        total = self.by_school.sum(axis=1)
        for members in self.attackers:
            own = self.by_school[:, members].sum(axis=1)
            knows = (own > 0) & (own == total)
            below = np.where(knows, 0.0, total - own)
            above = np.where(knows, 0.0, _room_above(problem))
            for cell in np.flatnonzero(problem.protection.primary).tolist():
                rest = total[cell] - own[cell]
                if rest > 0:
                    need = max(np.ceil(P * self.by_school[cell, ~members].max(initial=0.0) - 1e-9), 1.0)
                    yield Claim(cell, 1, need, below, above)
                    yield Claim(cell, -1, min(need, rest), below, above)


def list_claims(problem: SuppressionProblem, contributors: ContributorTable | None = None) -> list[Claim]:
    """List the claims of an outsider, and those of schools and boards; a school without pupils there is an outsider."""
    claims = []
    for cell in np.flatnonzero(problem.protection.primary).tolist():
        least = 0.0
        if contributors is not None:
            least = max(np.ceil(P * contributors.by_school[cell].max() - 1e-9), 1.0)
        above = max(problem.protection.above[cell], least)
        below = max(problem.protection.below[cell], min(least, problem.value[cell]))
        for sense, need in ((1, above), (-1, below)):
            if need > 0:
                claims.append(Claim(cell, sense, need, problem.value, _room_above(problem)))
    if contributors is not None:
        claims.extend(contributors.list_claims(problem))
    return claims


def _room_above(problem: SuppressionProblem) -> Numbers:
    return np.asarray(problem.value.max() * 2 + 100 - problem.value)


def solve_compact(problem: SuppressionProblem, claims: Sequence[Claim]) -> float | None:
    """The cost of the cheapest pattern by the compact formulation: a flow of its own for every claim.

    Returns:
        The cost; None when no pattern is safe.
    """
    cells = problem.cells
    blocks: list[list[sp.spmatrix | None]] = []
    low, high = [], []
    zero, unit = np.zeros(problem.relations.shape[0]), sp.identity(cells)
    for number, claim in enumerate(claims):
        before: list[sp.spmatrix | None] = [None] * number
        after: list[sp.spmatrix | None] = [None] * (len(claims) - number - 1)
        blocks.append([None, *before, problem.relations, *after])
        blocks.append([sp.diags(-claim.above), *before, unit, *after])
        blocks.append([sp.diags(claim.below), *before, unit, *after])
        low += [zero, np.full(cells, -np.inf), np.zeros(cells)]
        high += [zero, np.zeros(cells), np.full(cells, np.inf)]
    matrix = sp.csc_matrix(sp.bmat(blocks))
    lower = np.concatenate([problem.must_hide.astype(float), *(-claim.below for claim in claims)])
    upper = np.concatenate([np.ones(cells), *(claim.above for claim in claims)])
    for number, claim in enumerate(claims):
        at = (number + 1) * cells + int(claim.cell)
        if claim.sense > 0:
            lower[at] = claim.need
        else:
            upper[at] = -claim.need
    if np.any(lower > upper):
        return None
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
    model.col_cost_ = np.concatenate([problem.cost, np.zeros(matrix.shape[1] - cells)])
    model.col_lower_, model.col_upper_ = lower, upper
    model.row_lower_, model.row_upper_ = np.concatenate(low), np.concatenate(high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    model.integrality_ = [whole] * cells + [real] * (matrix.shape[1] - cells)
    return _run_compact(model)


def _run_compact(model: highspy.HighsLp) -> float | None:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("mip_rel_gap", 0.0)):
        solver.setOptionValue(option, value)
    solver.setOptionValue("mip_feasibility_tolerance", 1e-9)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    assert status == highspy.HighsModelStatus.kOptimal, status
    return float(solver.getInfo().objective_function_value)


class GlpkAudit:
    """Every claim against a pattern, solved by GLPK: differences of hidden cells that fit all relations."""

    def __init__(self, problem: SuppressionProblem, hidden: Numbers) -> None:
        self._hidden = hidden
        matrix = problem.relations.tocoo()
        self._programme = glpk.glp_create_prob()
        glpk.glp_set_obj_dir(self._programme, glpk.GLP_MAX)
        glpk.glp_add_rows(self._programme, matrix.shape[0])
        glpk.glp_add_cols(self._programme, problem.cells)
        for row in range(matrix.shape[0]):
            glpk.glp_set_row_bnds(self._programme, row + 1, glpk.GLP_FX, 0.0, 0.0)
        rows, columns = glpk.intArray(matrix.nnz + 1), glpk.intArray(matrix.nnz + 1)
        values = glpk.doubleArray(matrix.nnz + 1)
        entries = zip(matrix.row.tolist(), matrix.col.tolist(), matrix.data.tolist(), strict=True)
        for place, (own_row, column, value) in enumerate(entries, start=1):
            rows[place], columns[place], values[place] = own_row + 1, column + 1, value
        glpk.glp_load_matrix(self._programme, matrix.nnz, rows, columns, values)
        self._options = glpk.glp_smcp()
        glpk.glp_init_smcp(self._options)
        self._options.msg_lev = glpk.GLP_MSG_OFF

    def reach(self, claim: Claim) -> float:
        """How far the claim's cell can be from its count in the claimed direction."""
        for cell, hidden in enumerate(self._hidden):
            below, above = (float(claim.below[cell]), float(claim.above[cell])) if hidden else (0.0, 0.0)
            kind = glpk.GLP_DB if below + above > 0 else glpk.GLP_FX
            glpk.glp_set_col_bnds(self._programme, cell + 1, kind, -below, above)
            glpk.glp_set_obj_coef(self._programme, cell + 1, float(claim.sense if cell == claim.cell else 0))
        glpk.glp_std_basis(self._programme)
        assert glpk.glp_simplex(self._programme, self._options) == 0
        assert glpk.glp_get_status(self._programme) == glpk.GLP_OPT
        return float(glpk.glp_get_obj_val(self._programme))

    def close(self) -> None:
        """Give the memory of GLPK back."""
        glpk.glp_delete_prob(self._programme)


def list_broken_claims(problem: SuppressionProblem, hidden: Numbers, claims: Sequence[Claim]) -> list[Claim]:
    """List the claims that a pattern breaks, by GLPK."""
    audit = GlpkAudit(problem, hidden)
    broken = [claim for claim in claims if audit.reach(claim) < claim.need - 1e-6]
    audit.close()
    return broken
