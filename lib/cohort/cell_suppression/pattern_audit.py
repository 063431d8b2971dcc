"""The exact audit of a pattern: whether every protected cell is safe from every attacker.

A witness is a table that fits everything printed, as its difference from the true one. A cell is safe from an attacker
when there are witnesses that move it far enough up and down and that fit what this attacker knows. One witness serves
many cells; made smaller in proportion it still fits the relations, so most witnesses against an outsider also serve
against the schools and boards, whose cells they leave where those attackers can see. Programmes of linear optimisation
are solved only for what no witness covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from cohort.cell_suppression.attacker_programme import HIDDEN_AT_ALL, AttackerProgramme
from cohort.cell_suppression.cell_contributors import Numbers
from cohort.cell_suppression.suppression_problem import SuppressionProblem

OUTSIDER = -1
"""The attacker who knows nothing but what is printed."""
TOLERANCE = 1e-6
MOST_WITNESSES = 24
"""So many witnesses are tried for one cell and sense; a programme is solved for what they do not cover."""


@dataclass(frozen=True)
class Breach:
    """A cell that an attacker can compute more nearly than allowed.

    Args:
        cell: the cell.
        sense: 1 where its interval does not reach far enough above its count, −1 below.
        attacker: who: OUTSIDER, or the place of a school or board.
        need: how far it must reach.
        reach: how far it reaches.
        multipliers: of the relations, with which the attacker computes it.
        problem: whose values are computed: the counts, or the sums of a score.
    """

    cell: int
    sense: int
    attacker: int
    need: float
    reach: float
    multipliers: Numbers = field(repr=False, compare=False)
    problem: SuppressionProblem = field(repr=False, compare=False)


@dataclass(eq=False)
class Witness:
    """A table that fits: the cells whose count it changes, and by how much.

    Args:
        cells: the cells.
        differences: from their counts.
        scales: the attackers who do not believe it as it is, and the part of it that each does; made when first needed.
    """

    cells: Numbers
    differences: Numbers
    scales: tuple[Numbers, Numbers] | None = None


def group_hidden_cells(problem: SuppressionProblem, parts: Numbers) -> tuple[Numbers, Numbers]:
    """Divide hidden cells into groups that no relation joins.

    Returns:
        The hidden cells, and the group of each.
    """
    hidden = np.flatnonzero(parts > HIDDEN_AT_ALL)
    incidence = problem.columns[:, hidden].tocoo()
    rows, cells = incidence.shape
    joins = (incidence.row, rows + incidence.col)
    graph = sp.csr_matrix((np.ones(len(incidence.row)), joins), shape=(rows + cells, rows + cells))
    _, labels = connected_components(graph, directed=False)
    return hidden, labels[rows:]


class PatternAudit:
    """The audit of one pattern, whole or relaxed.

    Args:
        problem: the problem.
        parts: which part of each cell is hidden, 0 or 1 of a whole pattern.
        witnesses: tables that fitted a pattern before; those that fit this one are used again.
    """

    def __init__(self, problem: SuppressionProblem, parts: Numbers, witnesses: Iterable[Witness] = ()) -> None:
        self.problem, self.parts = problem, parts
        hidden, labels = group_hidden_cells(problem, parts)
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        self.groups: list[Numbers] = [np.sort(group) for group in np.split(hidden[order], cuts) if len(group)]
        self._group_of = np.full(problem.cells, -1)
        for number, group in enumerate(self.groups):
            self._group_of[group] = number
        self.witnesses = [witness for witness in witnesses if self._fits(witness)]
        self.programmes = 0

    def find_breaches(self, tolerance: float = TOLERANCE, *, informed: bool = True) -> list[Breach]:
        """Find every cell that is not safe.

        Args:
            tolerance: by how much a reach may fall short.
            informed: whether schools and boards are attackers as well; of a relaxed solution they are not.
        """
        return list(self._iterate_breaches(tolerance, informed))

    def is_safe(self) -> bool:
        """Whether there is no breach; the first one ends the audit."""
        return next(self._iterate_breaches(TOLERANCE, informed=True), None) is None

    def _iterate_breaches(self, tolerance: float, informed: bool) -> Iterator[Breach]:
        yield from self._audit_outsider(tolerance)
        if informed and self.problem.attackers is not None:
            yield from self._audit_informed(tolerance)

    def _fits(self, witness: Witness) -> bool:
        parts, problem = self.parts[witness.cells], self.problem
        low, high = -problem.room_below[witness.cells] * parts, problem.room_above[witness.cells] * parts
        return bool(np.all(witness.differences >= low - 1e-9) and np.all(witness.differences <= high + 1e-9))

    def _keep(self, cells: Numbers, differences: Numbers) -> Witness:
        moved = np.abs(differences) > 1e-9
        witness = Witness(cells[moved], differences[moved])
        self.witnesses.append(witness)
        return witness

    def _audit_outsider(self, tolerance: float) -> Iterator[Breach]:
        problem, needs = self.problem, self.problem.outsider_needs
        low, high = np.zeros(problem.cells), np.zeros(problem.cells)
        for witness in self.witnesses:
            np.minimum.at(low, witness.cells, witness.differences)
            np.maximum.at(high, witness.cells, witness.differences)
        programmes: dict[int, AttackerProgramme] = {}
        for cell in problem.protected.tolist():
            for sense, need in ((1, needs.above[cell]), (-1, needs.below[cell])):
                if need <= 0 or (high[cell] if sense > 0 else -low[cell]) >= need - tolerance:
                    continue
                group = int(self._group_of[cell])
                if group < 0:
                    yield Breach(cell, sense, OUTSIDER, need, 0.0, np.zeros(problem.relations.shape[0]), problem)
                    continue
                if group not in programmes:
                    programmes[group] = AttackerProgramme(problem, self.groups[group], self.parts)
                programme = programmes[group]
                differences, multipliers = programme.push(cell, sense)
                self.programmes += 1
                witness = self._keep(programme.cells, differences)
                np.minimum.at(low, witness.cells, witness.differences)
                np.maximum.at(high, witness.cells, witness.differences)
                reach = float(high[cell] if sense > 0 else -low[cell])
                if reach < need - tolerance:
                    yield Breach(cell, sense, OUTSIDER, need, reach, multipliers, problem)

    def _audit_informed(self, tolerance: float) -> Iterator[Breach]:
        open_claims = self._find_open_claims(tolerance)
        programmes: dict[tuple[int, int], AttackerProgramme] = {}
        for cell, sense, attacker, need in open_claims:
            if self._is_covered(cell, sense, attacker, need, tolerance):
                continue
            group = int(self._group_of[cell])
            if (attacker, group) not in programmes:
                if len(programmes) > 200:
                    programmes.clear()
                own, alone = self.problem.attackers.knowledge(attacker)  # type: ignore[union-attr]
                programmes[attacker, group] = AttackerProgramme(
                    self.problem, self.groups[group], self.parts, own, alone
                )
            programme = programmes[attacker, group]
            if not programme.holds(cell):
                yield Breach(cell, sense, attacker, need, 0.0, np.zeros(self.problem.relations.shape[0]), self.problem)
                continue
            differences, multipliers = programme.push(cell, sense)
            self.programmes += 1
            self._keep(programme.cells, differences)
            reach = float(sense * differences[programme.cells.tolist().index(cell)])
            if reach < need - tolerance:
                yield Breach(cell, sense, attacker, need, reach, multipliers, self.problem)

    def _find_open_claims(self, tolerance: float) -> Iterator[tuple[int, int, int, float]]:
        """Find the cells, senses and attackers that no witness covers, in the order of the cells."""
        moving: dict[tuple[int, int], list[tuple[float, Witness]]] = {}
        is_protected = self.problem.protection.primary
        for witness in self.witnesses:
            for at in np.flatnonzero(is_protected[witness.cells]).tolist():
                difference = float(witness.differences[at])
                sense = 1 if difference > 0 else -1
                moving.setdefault((int(witness.cells[at]), sense), []).append((abs(difference), witness))
        for cell in self.problem.protected.tolist():
            for sense in (1, -1):
                for attacker, need in self._find_uncovered(cell, sense, moving.get((cell, sense), []), tolerance):
                    yield cell, sense, attacker, need

    def _find_uncovered(
        self, cell: int, sense: int, moving: list[tuple[float, Witness]], tolerance: float
    ) -> list[tuple[int, float]]:
        """Find the attackers against whom no witness moves a cell far enough, with what is needed.

        No attacker needs more than an outsider, so one who believes a witness as it is is covered. A cell that no
        witness moves far enough for an outsider is a breach already.
        """
        needs = self.problem.outsider_needs
        wanted = (needs.above if sense > 0 else needs.below)[cell] - tolerance
        moving = sorted((one for one in moving if one[0] >= wanted), key=lambda one: len(one[1].cells))
        uncovered: dict[int, float] | None = None
        for reach, witness in moving[:MOST_WITNESSES]:
            short = self._find_undeceived(cell, sense, reach, witness, tolerance)
            uncovered = short if uncovered is None else {who: uncovered[who] for who in uncovered if who in short}
            if not uncovered:
                return []
        return sorted((uncovered or {}).items())

    def _find_undeceived(
        self, cell: int, sense: int, reach: float, witness: Witness, tolerance: float
    ) -> dict[int, float]:
        """Find the attackers whom a witness does not deceive far enough about a cell, with what is needed."""
        attackers, matrix, problem = self.problem.attackers, self._own_rows, self.problem
        assert attackers is not None
        if witness.scales is None:
            witness.scales = self._scale_witness(witness)
        who, scales = witness.scales
        wanted = (problem.outsider_needs.above if sense > 0 else problem.outsider_needs.below)[cell]
        maybe = scales * reach < wanted - tolerance
        if not maybe.any():
            return {}
        who, scales = who[maybe], scales[maybe]
        own_here = np.zeros(len(who))
        row = slice(matrix.indptr[cell], matrix.indptr[cell + 1])
        _, at, at_row = np.intersect1d(who, matrix.indices[row], assume_unique=True, return_indices=True)
        own_here[at] = matrix.data[row][at_row]
        below, above = attackers.needs(np.full(len(who), cell), who, np.full(len(who), problem.value[cell]), own_here)
        need = above if sense > 0 else below
        short = (need > 0) & (scales * reach < need - tolerance)
        return dict(zip(who[short].tolist(), need[short].tolist(), strict=True))

    def _scale_witness(self, witness: Witness) -> tuple[Numbers, Numbers]:
        """Find the attackers who know too much of the cells that a witness moves, and the part that still fits."""
        matrix = self._own_rows
        starts, ends = matrix.indptr[witness.cells], matrix.indptr[witness.cells + 1]
        counts = ends - starts
        entries = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        difference = np.repeat(witness.differences, counts)
        room = np.repeat(self.problem.value[witness.cells], counts) - matrix.data[entries]
        with np.errstate(divide="ignore"):
            scale = np.where(difference < 0, room / np.abs(difference), np.where(room < 0.5, 0.0, 1.0))
        smallest = np.ones(matrix.shape[1])
        np.minimum.at(smallest, matrix.indices[entries], scale)
        who = np.flatnonzero(smallest < 1.0)
        return who, smallest[who]

    @cached_property
    def _own_rows(self) -> sp.csr_matrix:
        """Pupils per cell and attacker, by cell."""
        assert self.problem.attackers is not None
        matrix = self.problem.attackers.own.tocsr()
        matrix.sort_indices()
        return matrix

    def _is_covered(self, cell: int, sense: int, attacker: int, need: float, tolerance: float) -> bool:
        """Whether a witness made for an earlier claim covers this one."""
        attackers = self.problem.attackers
        assert attackers is not None
        for witness in self.witnesses[-12:]:
            at = int(np.searchsorted(witness.cells, cell))
            if at == len(witness.cells) or witness.cells[at] != cell:
                continue
            if sense * witness.differences[at] < need - tolerance:
                continue
            own, alone = attackers.knowledge(attacker)
            room = self.problem.value[witness.cells] - own[witness.cells]
            if np.all(witness.differences >= -room - 1e-9) and not np.any(alone[witness.cells]):
                return True
        return False


class JointAudit:
    """The audit of one pattern under several problems: the counts, and the sums of scores of the same cells.

    Args:
        problems: the problems; the cost is that of the first.
        parts: which part of each cell is hidden.
        before: an audit of another pattern of the same problems, whose witnesses are used again.
    """

    def __init__(
        self, problems: Sequence[SuppressionProblem], parts: Numbers, before: JointAudit | None = None
    ) -> None:
        self.parts = parts
        witnesses: list[list[Witness]] = [[] for _ in problems]
        if before is not None:
            witnesses = [audit.witnesses for audit in before.audits]
        self.audits: list[PatternAudit] = [
            PatternAudit(problem, parts, own) for problem, own in zip(problems, witnesses, strict=True)
        ]

    def find_breaches(self, tolerance: float = TOLERANCE, *, informed: bool = True) -> list[Breach]:
        """Find every cell that is not safe under any of the problems; see `PatternAudit.find_breaches`."""
        return [breach for audit in self.audits for breach in audit.find_breaches(tolerance, informed=informed)]

    def is_safe(self) -> bool:
        """Whether no problem has a breach; the first one ends the audit."""
        return all(audit.is_safe() for audit in self.audits)
