"""One problem of cell suppression in numbers: cells, relations, what an attacker knows, and what must be protected."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from cohort.cell_suppression.cell_contributors import CellCounts, LargestContributors, Numbers
from cohort.cell_suppression.cell_rules import Protection

UNBOUNDED = 2.0
"""An attacker has no upper bound but the relations: cells may be so many times the largest cell, and 100 more."""


@dataclass(frozen=True, eq=False)
class InformedAttackers:
    """Attackers who know their own part of every cell: the schools, then the boards of several schools.

    Args:
        own: pupils per cell and attacker.
        alone: 1 per cell and attacker where the attacker is the only contributor, and so knows the cell exactly.
        p: the p of the p % rule, for what such an attacker must not learn of the largest school of the others.
        schools: how many of the attackers are schools.
        beside_school: of each cell its largest school and the largest other one, for attackers that are schools.
        beside_board: the same for boards: its largest school, and the largest of another board.
    """

    own: sp.csc_matrix
    alone: sp.csc_matrix
    p: float
    schools: int
    beside_school: LargestContributors
    beside_board: LargestContributors

    @property
    def number(self) -> int:
        """How many there are."""
        return int(self.own.shape[1])

    def knowledge(self, attacker: int) -> tuple[Numbers, Numbers]:
        """What one attacker knows: its pupils in every cell, and which cells exactly."""
        own, alone = np.zeros(self.own.shape[0]), np.zeros(self.own.shape[0], dtype=bool)
        column = slice(self.own.indptr[attacker], self.own.indptr[attacker + 1])
        own[self.own.indices[column]] = self.own.data[column]
        alone[self.alone.indices[self.alone.indptr[attacker] : self.alone.indptr[attacker + 1]]] = True
        return own, alone

    def needs(self, cells: Numbers, attackers: Numbers, total: Numbers, own: Numbers) -> tuple[Numbers, Numbers]:
        """How far the intervals of cells must reach below and above, cell by cell and attacker by attacker.

        At least p of the largest school among the others, and 1 (the p % rule against a school that knows
        its own). Nothing is asked of a cell that has the attacker's own pupils alone.

        Args:
            cells: the cells.
            attackers: an attacker for each of them.
            total: pupils of each cell.
            own: pupils of the attacker in it.
        """
        is_school = attackers < self.schools
        first = self.beside_school.first[cells]
        is_largest = np.where(
            is_school, self.beside_school.group[cells] == attackers, self.beside_board.group[cells] == attackers
        )
        second = np.where(is_school, self.beside_school.second[cells], self.beside_board.second[cells])
        above = np.maximum(np.ceil(self.p * np.where(is_largest, second, first) - 1e-9), 1.0)
        above = np.where(total <= own, 0.0, above)
        return np.minimum(above, total - own), above


@dataclass(frozen=True, eq=False)
class SuppressionProblem:
    """What is to be solved.

    Args:
        relations: a row per relation between cells.
        value: the count of every cell.
        cost: what hiding each cell costs.
        protection: how far an outsider's interval of each cell must reach.
        must_hide: cells that are hidden whatever it costs: primary ones, parts that no table shows, cells that were
            hidden before.
        must_print: cells that are printed, because they were before, or because everybody knows them.
        attackers: the schools and boards; None without attackers who know a part.
        limits: the least and the greatest value that an outsider may think each cell; None for counts, which are not
            under 0 and have no upper limit but the relations.
    """

    relations: sp.csr_matrix
    value: Numbers
    cost: Numbers
    protection: Protection
    must_hide: Numbers
    must_print: Numbers
    attackers: InformedAttackers | None = None
    limits: tuple[Numbers, Numbers] | None = None

    @property
    def cells(self) -> int:
        """The number of cells."""
        return len(self.value)

    @cached_property
    def columns(self) -> sp.csc_matrix:
        """The relations by cell."""
        return self.relations.tocsc()

    @cached_property
    def room_above(self) -> Numbers:
        """How far above its value an outsider may think each cell."""
        high = self.value.max(initial=0.0) * UNBOUNDED + 100 if self.limits is None else self.limits[1]
        return np.where(self.must_print, 0.0, high - self.value)

    @cached_property
    def room_below(self) -> Numbers:
        """How far below its value an outsider may think each cell."""
        low = 0.0 if self.limits is None else self.limits[0]
        return np.where(self.must_print, 0.0, self.value - low)

    @cached_property
    def outsider_needs(self) -> Protection:
        """How far an outsider's intervals must reach: as the rules ask, and as against a school without pupils there.

        Such a school sees what an outsider sees.
        """
        if self.attackers is None:
            return self.protection
        at = self.protected
        nobody, nothing = np.full(len(at), -1), np.zeros(len(at))
        own_below, own_above = self.attackers.needs(at, nobody, self.value[at], nothing)
        below, above = self.protection.below.copy(), self.protection.above.copy()
        below[at], above[at] = np.maximum(below[at], own_below), np.maximum(above[at], own_above)
        return Protection(below, above)

    @cached_property
    def protected(self) -> Numbers:
        """The cells with a protection."""
        return np.flatnonzero(self.protection.primary)


def make_attackers(counts: CellCounts, p: float) -> InformedAttackers:
    """Make the attackers of cells: every school, and every board of more than one school.

    Args:
        counts: the counts of the cells.
        p: the p of the p % rule, as a share.
    """
    schools = counts.schools.pupils.tocsc()
    of_board = np.bincount(counts.board_of_school, minlength=len(counts.boards.names))
    several = np.flatnonzero(of_board > 1)
    own = sp.hstack([schools, counts.boards.pupils.tocsc()[:, several]]).tocsc()
    alone = own.copy()
    alone.data = (alone.data > counts.pupils[alone.indices] - 0.5).astype(np.float64)
    alone.eliminate_zeros()
    place = np.full(len(of_board), -1)
    place[several] = schools.shape[1] + np.arange(len(several))
    return InformedAttackers(
        own=own,
        alone=alone,
        p=p,
        schools=int(schools.shape[1]),
        beside_school=counts.schools.largest(),
        beside_board=counts.schools.largest(np.where(place >= 0, place, -2)[counts.board_of_school]),
    )
