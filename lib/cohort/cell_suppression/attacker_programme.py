"""The linear programme of one attacker on one group of hidden cells: how far a cell can be from its count.

A variable is the difference between a count that fits everything the attacker knows and the true count, so that all
relations are equal to 0. Cells that are hidden in part, as in a relaxed solution, have that part of their room.
"""

from __future__ import annotations

import highspy
import numpy as np
import scipy.sparse as sp

from cohort.cell_suppression.cell_contributors import Numbers
from cohort.cell_suppression.suppression_problem import SuppressionProblem
from cohort.foundation import new_solver

HIDDEN_AT_ALL = 1e-6
"""A cell with a smaller hidden part counts as printed."""


class SolverFailed(RuntimeError):
    """The solver did not solve a programme that has a solution, which is a defect."""


class AttackerProgramme:
    """What one attacker can compute about the cells of one group.

    Args:
        problem: the problem.
        cells: the hidden cells of the group.
        parts: which part of each cell of the problem is hidden.
        own: the attacker's own pupils in every cell of the problem; None of an outsider.
        alone: the cells that the attacker knows exactly.
    """

    def __init__(
        self,
        problem: SuppressionProblem,
        cells: Numbers,
        parts: Numbers,
        own: Numbers | None = None,
        alone: Numbers | None = None,
    ) -> None:
        self.cells = cells if alone is None else cells[~alone[cells]]
        self._problem = problem
        self._place = {int(cell): place for place, cell in enumerate(self.cells)}
        part = problem.columns[:, self.cells].tocsr()
        self._rows = np.flatnonzero(np.diff(part.indptr))
        self._solver = new_solver()
        below = problem.room_below[self.cells] - (0.0 if own is None else own[self.cells])
        self._load(part[self._rows].tocsc(), np.maximum(below, 0.0) * parts[self.cells], parts)
        self._asked: int | None = None

    def _load(self, matrix: sp.csc_matrix, below: Numbers, parts: Numbers) -> None:
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
        model.col_cost_ = np.zeros(matrix.shape[1])
        model.col_lower_ = -below
        model.col_upper_ = self._problem.room_above[self.cells] * parts[self.cells]
        model.row_lower_ = model.row_upper_ = np.zeros(matrix.shape[0])
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._solver.passModel(model)

    def holds(self, cell: int) -> bool:
        """Whether the cell is hidden from this attacker at all."""
        return cell in self._place

    def push(self, cell: int, sense: int) -> tuple[Numbers, Numbers]:
        """Move one cell as far from its count as fits.

        Args:
            cell: the cell.
            sense: 1 for above its count, −1 for below.

        Returns:
            The differences of the cells of the group, in their order, and the multiplier of every relation.

        Raises:
            SolverFailed: the solver failed.
        """
        solver, place = self._solver, self._place[cell]
        if self._asked is not None and self._asked != place:
            solver.changeColCost(self._asked, 0.0)
        solver.changeColCost(place, -float(sense))
        self._asked = place
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            solver.clearSolver()
            solver.run()
            if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                raise SolverFailed(str(solver.getModelStatus()))
        solution = solver.getSolution()
        multipliers = np.zeros(self._problem.relations.shape[0])
        multipliers[self._rows] = -np.array(solution.row_dual)
        return np.array(solution.col_value), multipliers
