"""How far a cell can be from its count in a table that fits what an attacker knows: linear programmes by HiGHS.

One programme per group of parts that a printed figure joins; its solution is a table that fits, and serves every cell
of the group. Attackers differ only in the least value of every part: 0 for an outsider, the own pupils of a school.
No part is above `CEILING` times the largest cell and 100 more: attackers are taken to know no other upper bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import highspy
import numpy as np
import scipy.sparse as sp

from cohort.foundation import new_solver
from cohort.table_audit.attacker_knowledge import KnownRow, share_a_row

Array = np.ndarray
CEILING = 2.0
TOLERANCE = 1e-6


class IntervalProgrammes:
    """The programmes of all attackers on the same printed figures.

    Args:
        rows: what is printed, as differences from the truth.
        low: how far every part can be below the truth for an outsider, at most 0.
        high: how far it can be above it.
    """

    def __init__(self, rows: Sequence[KnownRow], low: Array, high: Array) -> None:
        self.low, self.high = low, high
        self._rows = rows
        self._group = share_a_row(rows, len(low))
        order = np.argsort(self._group, kind="stable")
        cuts = np.searchsorted(self._group[order], np.arange(self._group.max(initial=-1) + 2))
        self._members = [order[start:end] for start, end in itertools.pairwise(cuts)]
        self._rows_of: dict[int, list[KnownRow]] = {}
        for row in rows:
            self._rows_of.setdefault(int(self._group[row.columns[0]]), []).append(row)
        self._models: dict[int, _GroupModel] = {}
        self.solved = 0

    def push(self, columns: Array, sense: int, low: Array | None = None, high: Array | None = None) -> Array:
        """Move the sum of some parts as far from the truth as fits.

        Args:
            columns: the parts.
            sense: 1 for above the truth, −1 for below.
            low: how far below the truth each part can be for this attacker; an outsider's when left out.
            high: how far above.

        Returns:
            The difference of every part.
        """
        low = self.low if low is None else low
        high = self.high if high is None else high
        difference = np.zeros(len(self.low))
        moving = columns[(low[columns] < 0) | (high[columns] > 0)]
        for group in np.unique(self._group[moving]).tolist():
            members = self._members[group]
            own = moving[self._group[moving] == group]
            if group not in self._rows_of:
                difference[own] = high[own] if sense > 0 else low[own]
                continue
            if group not in self._models:
                self._models[group] = _GroupModel(members, self._rows_of[group])
            difference[members] = self._models[group].push(own, sense, low[members], high[members])
            self.solved += 1
        return difference


class _GroupModel:
    """The programme of one group of parts."""

    def __init__(self, members: Array, rows: Sequence[KnownRow]) -> None:
        self._place = {int(column): place for place, column in enumerate(members)}
        self._size = len(members)
        self._solver = new_solver()
        self._solver.setOptionValue("presolve", "off")
        entries = [np.array([self._place[int(column)] for column in row.columns]) for row in rows]
        starts = np.concatenate([[0], np.cumsum([len(entry) for entry in entries])])
        matrix = sp.csr_matrix(
            (np.concatenate([row.signs for row in rows]), np.concatenate(entries), starts),
            shape=(len(rows), self._size),
        ).tocsc()
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = self._size, len(rows)
        model.col_cost_ = np.zeros(self._size)
        model.col_lower_, model.col_upper_ = np.zeros(self._size), np.zeros(self._size)
        model.row_lower_ = np.array([row.low for row in rows])
        model.row_upper_ = np.array([row.high for row in rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        self._solver.passModel(model)
        self._every = np.arange(self._size, dtype=np.int32)

    def push(self, columns: Array, sense: int, low: Array, high: Array) -> Array:
        solver = self._solver
        cost = np.zeros(self._size)
        cost[[self._place[int(column)] for column in columns]] = -float(sense)
        solver.changeColsCost(self._size, self._every, cost)
        solver.changeColsBounds(self._size, self._every, low, high)
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            solver.clearSolver()
            solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"no optimal solution: {solver.getModelStatus()}")
        return np.array(solver.getSolution().col_value)
