"""A second opinion on small problems of cell suppression: one programme with a flow per claim, and an audit by GLPK.

The compact formulation (Fischetti and Salazar-González 2001, model with attacker variables) needs a copy of all cells
for every protected cell, sense and attacker; it is solved by HiGHS as it stands. GLPK shares no code with HiGHS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import highspy
import numpy as np
import scipy.sparse as sp
import swiglpk as glpk

from cohort.cell_suppression import SuppressionProblem

LARGE = 1e30
Numbers = np.ndarray


@dataclass(frozen=True, eq=False)
class Claim:
    """A cell that must move so far in one sense within the bounds of one attacker."""

    cell: int
    sense: int
    need: float
    below: Numbers
    above: Numbers


def list_claims(problem: SuppressionProblem) -> Iterator[Claim]:
    """List what every attacker must not learn: the outsider first, then each school and board."""
    needs = problem.outsider_needs
    for cell in problem.protected.tolist():
        for sense, need in ((1, needs.above[cell]), (-1, needs.below[cell])):
            if need > 0:
                yield Claim(cell, sense, float(need), problem.room_below, problem.room_above)
    attackers = problem.attackers
    for attacker in range(0 if attackers is None else attackers.number):
        own, alone = attackers.knowledge(attacker)
        cells = problem.protected
        below, above = attackers.needs(cells, np.full(len(cells), attacker), problem.value[cells], own[cells])
        room_below = np.where(alone, 0.0, np.maximum(problem.room_below - own, 0.0))
        room_above = np.where(alone, 0.0, problem.room_above)
        for place, cell in enumerate(cells.tolist()):
            for sense, need in ((1, above[place]), (-1, below[place])):
                if need > 0:
                    yield Claim(cell, sense, float(need), room_below, room_above)


def find_compact_cost(problem: SuppressionProblem) -> float | None:
    """Find the cost of the cheapest safe pattern; None where there is none."""
    claims, cells = list(list_claims(problem)), problem.cells
    solver, model = highspy.Highs(), highspy.HighsLp()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 0.0)
    blocks, low, high = [], [], []
    relations, one = problem.relations, sp.identity(cells)
    for number, claim in enumerate(claims):
        for own, of_pattern in ((relations, None), (one, -sp.diags(claim.above)), (one, sp.diags(claim.below))):
            empty = sp.csr_matrix((own.shape[0], cells))
            first = empty if of_pattern is None else of_pattern
            blocks.append(sp.hstack([first, *(own if place == number else empty for place in range(len(claims)))]))
        low += [np.zeros(relations.shape[0]), np.full(cells, -LARGE), np.zeros(cells)]
        high += [np.zeros(relations.shape[0]), np.zeros(cells), np.full(cells, LARGE)]
    matrix = sp.vstack(blocks).tocsc()
    flows = len(claims) * cells
    lower = np.concatenate([problem.must_hide.astype(float), np.full(flows, -LARGE)])
    upper = np.concatenate([(~problem.must_print).astype(float), np.full(flows, LARGE)])
    for number, claim in enumerate(claims):
        place = cells + number * cells + claim.cell
        if claim.sense > 0:
            lower[place] = claim.need
        else:
            upper[place] = -claim.need
    model.num_col_, model.num_row_ = cells + flows, matrix.shape[0]
    model.col_cost_ = np.concatenate([problem.cost, np.zeros(flows)])
    model.col_lower_, model.col_upper_ = lower, upper
    model.row_lower_, model.row_upper_ = np.concatenate(low), np.concatenate(high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    kinds = [highspy.HighsVarType.kInteger] * cells + [highspy.HighsVarType.kContinuous] * flows
    model.integrality_ = kinds
    solver.passModel(model)
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(str(solver.getModelStatus()))
    pattern = np.round(np.array(solver.getSolution().col_value)[:cells])
    return float(problem.cost @ pattern)


def is_safe_by_glpk(problem: SuppressionProblem, hidden: Numbers) -> bool:
    """Whether no attacker comes nearer to a protected cell than allowed, by GLPK."""
    parts = hidden.astype(float)
    return all(
        _reach(problem.relations, -claim.below * parts, claim.above * parts, claim) >= claim.need - 1e-5
        for claim in list_claims(problem)
    )


def _reach(relations: sp.csr_matrix, low: Numbers, high: Numbers, claim: Claim) -> float:
    glpk.glp_term_out(glpk.GLP_OFF)
    programme, matrix = glpk.glp_create_prob(), relations.tocoo()
    glpk.glp_set_obj_dir(programme, glpk.GLP_MAX)
    glpk.glp_add_rows(programme, matrix.shape[0])
    glpk.glp_add_cols(programme, matrix.shape[1])
    for row in range(matrix.shape[0]):
        glpk.glp_set_row_bnds(programme, row + 1, glpk.GLP_FX, 0.0, 0.0)
    for cell in range(matrix.shape[1]):
        kind = glpk.GLP_FX if high[cell] - low[cell] < 1e-12 else glpk.GLP_DB
        glpk.glp_set_col_bnds(programme, cell + 1, kind, float(low[cell]), float(high[cell]))
    glpk.glp_set_obj_coef(programme, claim.cell + 1, float(claim.sense))
    size = len(matrix.data)
    rows, columns, values = glpk.intArray(size + 1), glpk.intArray(size + 1), glpk.doubleArray(size + 1)
    for place, (row, cell, value) in enumerate(zip(matrix.row, matrix.col, matrix.data, strict=True), start=1):
        rows[place], columns[place], values[place] = int(row) + 1, int(cell) + 1, float(value)
    glpk.glp_load_matrix(programme, size, rows, columns, values)
    options = glpk.glp_smcp()
    glpk.glp_init_smcp(options)
    options.msg_lev = glpk.GLP_MSG_OFF
    glpk.glp_simplex(programme, options)
    if glpk.glp_get_status(programme) != glpk.GLP_OPT:
        raise RuntimeError("GLPK found no optimum")
    reached = float(glpk.glp_get_obj_val(programme))
    glpk.glp_delete_prob(programme)
    return reached
