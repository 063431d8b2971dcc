"""The first safe pattern: cells are hidden along the cheapest movements that protect what is not safe yet.

A movement changes counts so that every relation still holds and one cell moves as far as it must; the cells that move
are hidden. The cheapest is a linear programme in which a hidden cell moves for nothing. Afterwards cells that no attack
needs to be hidden are printed again, the dearest first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import highspy
import numpy as np
import scipy.sparse as sp

from cohort.cell_suppression.cell_contributors import Numbers
from cohort.cell_suppression.pattern_audit import OUTSIDER, Breach, JointAudit
from cohort.cell_suppression.suppression_problem import SuppressionProblem
from cohort.foundation import new_solver

MOVED = 1e-7
SHARE_PER_ROUND = 5
"""In each round one breach in so many is repaired, the largest first; the others often go with them."""


class CannotProtect(RuntimeError):
    """There is no movement that protects a cell: what must be printed gives it away."""

    def __init__(self, breach: Breach) -> None:
        super().__init__("no movement protects a cell")
        self.breach = breach


class MovementFinder:
    """The cheapest movements of one problem.

    Args:
        problem: the problem.
        cost: what hiding each cell costs here.
    """

    def __init__(self, problem: SuppressionProblem, cost: Numbers) -> None:
        self._problem, self._cost = problem, cost
        self._solver = new_solver()
        matrix = sp.hstack([problem.relations, -problem.relations]).tocsc()
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
        model.col_cost_ = np.zeros(matrix.shape[1])
        self._room = np.concatenate([problem.room_above, problem.room_below])
        model.col_lower_, model.col_upper_ = np.zeros(matrix.shape[1]), self._room
        model.row_lower_ = model.row_upper_ = np.zeros(matrix.shape[0])
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._solver.passModel(model)
        self._all = np.arange(matrix.shape[1], dtype=np.int32)

    def find(self, breach: Breach, hidden: Numbers) -> Numbers:
        """Find the cells that the cheapest movement against a breach moves.

        Raises:
            CannotProtect: there is none.
        """
        problem, cells = self._problem, self._problem.cells
        room = self._room.copy()
        if breach.attacker != OUTSIDER and problem.attackers is not None:
            own, alone = problem.attackers.knowledge(breach.attacker)
            room[cells:] = np.maximum(room[cells:] - own, 0.0)
            room[:cells][alone] = room[cells:][alone] = 0.0
        towards, back = (breach.cell, cells + breach.cell) if breach.sense > 0 else (cells + breach.cell, breach.cell)
        lower = np.zeros(2 * cells)
        lower[towards] = room[towards] = breach.need
        room[back] = 0.0
        each = np.where(hidden, 0.0, self._cost) / breach.need + 1e-7
        self._solver.changeColsCost(2 * cells, self._all, np.concatenate([each, each]))
        self._solver.changeColsBounds(2 * cells, self._all, lower, room)
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise CannotProtect(breach)
        moves = np.array(self._solver.getSolution().col_value)
        return np.flatnonzero((moves[:cells] > MOVED) | (moves[cells:] > MOVED))


def repair_pattern(
    problems: Sequence[SuppressionProblem], hidden: Numbers, cost: Numbers, until: float
) -> JointAudit | None:
    """Hide further cells until a pattern is safe.

    Args:
        problems: the problems; the first says what must be hidden and printed.
        hidden: which cells are hidden at first.
        cost: what hiding each cell costs.
        until: the time, as of `time.monotonic`, at which it gives up.

    Returns:
        The audit of the safe pattern; None when time was over.

    Raises:
        CannotProtect: what must be printed gives a cell away.
    """
    hidden = (hidden | problems[0].must_hide) & ~problems[0].must_print
    finders: dict[int, MovementFinder] = {}
    audit: JointAudit | None = None
    while True:
        audit = JointAudit(problems, hidden.astype(np.float64), audit)
        breaches = audit.find_breaches(informed=False) or audit.find_breaches()
        if not breaches:
            return audit
        breaches.sort(key=lambda breach: (-breach.need, breach.cell, breach.sense, breach.attacker))
        for breach in _choose(breaches):
            if time.monotonic() > until:
                return None
            if id(breach.problem) not in finders:
                finders[id(breach.problem)] = MovementFinder(breach.problem, cost)
            hidden[finders[id(breach.problem)].find(breach, hidden)] = True


def _choose(breaches: Sequence[Breach]) -> Sequence[Breach]:
    return breaches[: max(10, len(breaches) // SHARE_PER_ROUND)]


def print_again(problems: Sequence[SuppressionProblem], audit: JointAudit, until: float) -> JointAudit:
    """Print cells again that need not be hidden, the dearest first.

    Args:
        problems: the problems.
        audit: the audit of a safe pattern.
        until: the time, as of `time.monotonic`, at which it stops.

    Returns:
        The audit of a safe pattern that costs no more.
    """
    problem, hidden = problems[0], audit.parts > 0.5
    candidates = np.flatnonzero(hidden & ~problem.must_hide)
    for cell in candidates[np.argsort(-problem.cost[candidates], kind="stable")].tolist():
        if time.monotonic() > until:
            break
        hidden[cell] = False
        tried = JointAudit(problems, hidden.astype(np.float64), audit)
        if tried.is_safe():
            audit = tried
        else:
            hidden[cell] = True
    return audit
