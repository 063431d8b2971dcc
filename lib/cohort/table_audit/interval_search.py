"""The search for protected cells that some attacker computes too nearly.

A table that fits, made for one cell and one attacker, is tried for all: made smaller in proportion it still fits, and
so it serves every attacker whose own pupils it leaves where they are. A programme is solved only for a cell, a
direction and an attacker that no table serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

from cohort.table_audit.attacker_intervals import TOLERANCE, IntervalProgrammes
from cohort.table_audit.protection_rules import CellNeeds, find_largest

Array = np.ndarray
OUTSIDER = -1
TABLES_TRIED = 12


@dataclass(frozen=True, eq=False)
class InformedAttackers:
    """Schools, then boards of several schools, who know their own pupils.

    Args:
        own: pupils per part and attacker.
        fixed: 1 per part and attacker that knows it exactly: its own alone, or empty in a cell that is its own alone.
        in_cell: pupils per protected cell and attacker.
        guarded: the protected cells that a rule on counts hides; others are protected from outsiders alone.
        group_of_first: of every protected cell the school of most pupils, as itself and as part of its board.
        first: the pupils of that school.
        second: those of the largest other school, and of the largest school of another board.
        schools: how many of the attackers are schools.
        share: p as a share.
    """

    own: sp.csr_matrix
    fixed: sp.csr_matrix
    in_cell: sp.csr_matrix
    guarded: Array
    group_of_first: tuple[Array, Array]
    first: Array
    second: tuple[Array, Array]
    schools: int
    share: float

    def needs(self, cell: int, attackers: Array, pupils: float) -> tuple[Array, Array]:
        """How far the interval of a cell must reach below and above against each attacker.

        p % of the largest school that is not the attacker's, at least 1; nothing where no others have pupils.
        """
        is_school = attackers < self.schools
        row = slice(self.in_cell.indptr[cell], self.in_cell.indptr[cell + 1])
        found = dict(zip(self.in_cell.indices[row].tolist(), self.in_cell.data[row].tolist(), strict=True))
        own = np.array([found.get(who, 0.0) for who in attackers.tolist()])
        school_group, board_group = self.group_of_first
        largest = np.where(is_school, school_group[cell] == attackers, board_group[cell] == attackers)
        other = np.where(is_school, self.second[0][cell], self.second[1][cell])
        above = np.maximum(np.ceil(self.share * np.where(largest, other, self.first[cell]) - 1e-9), 1.0)
        above = np.where((pupils <= own) | ~self.guarded[cell], 0.0, above)
        return np.minimum(above, pupils - own), above


@dataclass(frozen=True)
class Narrow:
    """A protected cell whose interval does not reach far enough.

    Args:
        cell: the place of the cell among those protected.
        attacker: the place of the attacker, or OUTSIDER.
        low: how far its interval reaches below its count.
        high: how far above.
    """

    cell: int
    attacker: int
    low: float
    high: float


@dataclass(eq=False)
class IntervalSearch:
    """The search for one kind of value: counts, or the sums of a score.

    Args:
        programmes: the programmes.
        cells: the parts of every protected cell.
        needs: how far the interval of each must reach against an outsider.
        truth: the value of every part.
        pupils: the value of every protected cell.
        attackers: who else attacks; None for outsiders alone.
    """

    programmes: IntervalProgrammes
    cells: list[Array]
    needs: CellNeeds
    truth: Array
    pupils: Array
    attackers: InformedAttackers | None = None
    _tables: list[tuple[Array, Array, Array]] = field(default_factory=list)

    def __post_init__(self) -> None:
        starts = np.concatenate([[0], np.cumsum([len(cell) for cell in self.cells])])
        columns = np.concatenate(self.cells) if self.cells else np.zeros(0, dtype=np.int64)
        shape = (len(self.cells), len(self.truth))
        self._members = sp.csr_matrix((np.ones(len(columns)), columns, starts), shape=shape)
        self._low, self._high = np.zeros(len(self.cells)), np.zeros(len(self.cells))
        self._scales: dict[int, tuple[Array, Array]] = {}

    def find_narrow(self) -> list[Narrow]:
        """Find every protected cell that somebody computes too nearly."""
        narrow = self._find_narrow_outside()
        if self.attackers is not None:
            known = {one.cell for one in narrow}
            narrow.extend(self._find_narrow_informed(self.attackers, known))
        return narrow

    def _find_narrow_outside(self) -> list[Narrow]:
        for cell in range(len(self.cells)):
            for sense, need in ((1, self.needs.above[cell]), (-1, self.needs.below[cell])):
                reach = self._high[cell] if sense > 0 else -self._low[cell]
                if reach < need - TOLERANCE:
                    self._keep(self.programmes.push(self.cells[cell], sense))
        short = (self._high < self.needs.above - TOLERANCE) | (-self._low < self.needs.below - TOLERANCE)
        return [
            Narrow(cell, OUTSIDER, float(self._low[cell]), float(self._high[cell]))
            for cell in np.flatnonzero(short).tolist()
        ]

    def _keep(self, difference: Array) -> None:
        moved = np.flatnonzero(np.abs(difference) > 1e-9)
        reach = self._members @ difference
        np.minimum(self._low, reach, out=self._low)
        np.maximum(self._high, reach, out=self._high)
        self._tables.append((moved, difference[moved], reach))

    def _find_narrow_informed(self, attackers: InformedAttackers, skipped: set[int]) -> Iterator[Narrow]:
        for cell in range(len(self.cells)):
            if cell in skipped:
                continue
            told: set[int] = set()
            for sense in (1, -1):
                for attacker, need in self._find_unserved(cell, sense, attackers):
                    low, high = self._bounds(attacker, attackers)
                    difference = self.programmes.push(self.cells[cell], sense, low, high)
                    reach = float(difference[self.cells[cell]].sum()) * sense
                    self._keep(difference)
                    if reach < need - TOLERANCE and attacker not in told:
                        told.add(attacker)
                        other = self.programmes.push(self.cells[cell], -sense, low, high)[self.cells[cell]].sum()
                        interval = sorted((sense * reach, float(other)))
                        yield Narrow(cell, attacker, interval[0], interval[1])

    def _find_unserved(self, cell: int, sense: int, attackers: InformedAttackers) -> list[tuple[int, float]]:
        """Find the attackers for whom no table moves a cell far enough, with how far it must be moved.

        Attackers who know nothing of the parts that a table moves see what an outsider sees.
        """
        need = (self.needs.above if sense > 0 else self.needs.below)[cell] - TOLERANCE
        fitting = [n for n, table in enumerate(self._tables) if sense * table[2][cell] >= need and len(table[0])]
        fitting.sort(key=lambda n: len(self._tables[n][0]))
        unserved: dict[int, float] | None = None
        for number in [*fitting[:TABLES_TRIED], *fitting[TABLES_TRIED:][-TABLES_TRIED:]]:
            who, scale = self._scale(number, attackers)
            below, above = attackers.needs(cell, who, float(self.pupils[cell]))
            wanted = above if sense > 0 else below
            reach = sense * self._tables[number][2][cell]
            short = (wanted > 0) & (scale * reach < wanted - TOLERANCE)
            own = dict(zip(who[short].tolist(), wanted[short].tolist(), strict=True))
            unserved = own if unserved is None else {one: want for one, want in unserved.items() if one in own}
            if not unserved:
                return []
        return sorted((unserved or {}).items())

    def _scale(self, number: int, attackers: InformedAttackers) -> tuple[Array, Array]:
        """Find who has pupils in the parts that a table moves, and how much of it fits what each of them knows."""
        if number not in self._scales:
            moved, difference, _ = self._tables[number]
            own = attackers.own[moved].tocoo()
            falls = difference[own.row] < 0
            room = np.maximum(self.truth[moved][own.row] - own.data, 0.0)
            scale = np.where(falls, np.minimum(room / np.maximum(np.abs(difference[own.row]), 1e-12), 1.0), 1.0)
            fixed = attackers.fixed[moved].tocoo()
            who, inverse = np.unique(np.concatenate([own.col, fixed.col]), return_inverse=True)
            least = np.ones(len(who))
            np.minimum.at(least, inverse, np.concatenate([scale, np.zeros(len(fixed.col))]))
            self._scales[number] = (who, least)
        return self._scales[number]

    def _bounds(self, attacker: int, attackers: InformedAttackers) -> tuple[Array, Array]:
        own = attackers.own[:, [attacker]].toarray().ravel()
        fixed = attackers.fixed[:, [attacker]].toarray().ravel() > 0
        low = np.where(fixed, 0.0, np.minimum(self.programmes.low + own, 0.0))
        return low, np.where(fixed, 0.0, self.programmes.high)


def find_attackers(
    own: tuple[sp.csr_matrix, sp.csr_matrix],
    in_cell: tuple[sp.csr_matrix, sp.csr_matrix],
    board_of_school: Array,
    alone_cells: list[tuple[Array, Array]],
    guarded: Array,
    share: float,
) -> InformedAttackers:
    """Make the schools and the boards of several schools into attackers.

    Args:
        own: pupils per part and school, and per part and board.
        in_cell: the same per protected cell.
        board_of_school: the place of the board of every school.
        alone_cells: of every hidden cell with one contributor alone: its parts, and the attackers' places.
        guarded: the protected cells that a rule on counts hides.
        share: p as a share.
    """
    schools, boards = in_cell[0].shape[1], in_cell[1].shape[1]
    several = np.flatnonzero(np.bincount(board_of_school, minlength=boards) > 1)
    place = np.full(boards, -1)
    place[several] = schools + np.arange(len(several))
    pupils = sp.hstack([own[0], own[1][:, several]]).tocsr()
    rows, columns = [], []
    for parts, who in alone_cells:
        attackers = [one if one < schools else int(place[one - schools]) for one in who.tolist()]
        for one in attackers:
            if one >= 0:
                rows.append(parts)
                columns.append(np.full(len(parts), one))
    row = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    column = np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64)
    fixed = sp.coo_matrix((np.ones(len(row)), (row, column)), shape=pupils.shape).tocsr()
    by_school = find_largest(in_cell[0], np.arange(schools))
    by_board = find_largest(in_cell[0], np.where(place >= 0, place, -2)[board_of_school])
    return InformedAttackers(
        own=pupils,
        fixed=fixed,
        in_cell=sp.hstack([in_cell[0], in_cell[1][:, several]]).tocsr(),
        guarded=guarded,
        group_of_first=(by_school.group, by_board.group),
        first=by_school.first,
        second=(by_school.second, by_board.second),
        schools=schools,
        share=share,
    )
