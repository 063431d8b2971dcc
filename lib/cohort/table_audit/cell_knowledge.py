"""What an audit knows of all cells of all editions together: their parts, their true counts, what is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cohort.table_audit.attacker_knowledge import PartColumns
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.audit_subject import AuditEdition
from cohort.table_audit.cell_meanings import Meaning, MeaningSpace
from cohort.table_audit.consistency_check import is_clipped
from cohort.table_audit.figure_check import CLIPPED
from cohort.table_audit.school_counts import PartSpace, SchoolCounts
from cohort.table_audit.shown_figures import ShownFigure

Array = np.ndarray
Bounds = dict[Meaning, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class CellCounts:
    """What some cells count.

    Args:
        pupils: pupils per cell.
        schools: pupils per cell and school.
        boards: pupils per cell and board.
    """

    pupils: Array
    schools: sp.csr_matrix
    boards: sp.csr_matrix


@dataclass(frozen=True, eq=False)
class AuditKnowledge:
    """All cells of all editions that count the same rows.

    Args:
        editions: the editions, the one to be published first.
        space: their variables.
        figures: their figures, without those of editions with noise.
        counts: the counts of all editions.
        columns: the parts of the largest combinations of variables.
    """

    editions: Sequence[AuditEdition]
    space: MeaningSpace
    figures: Sequence[ShownFigure]
    counts: SchoolCounts
    columns: PartColumns

    @property
    def parts(self) -> PartSpace:
        """The parts of all cells."""
        return self.counts.parts

    def method(self, figure: ShownFigure) -> str:
        """The method of the edition of a figure."""
        return self.editions[figure.edition].document.method

    def shown(self, edition: int | None = None) -> list[Meaning]:
        """Every cell that a figure shows as a count: bases and numerators."""
        found: dict[Meaning, None] = {}
        for figure in self.figures:
            if edition is None or figure.edition == edition:
                found.setdefault(figure.base)
                if figure.numerator is not None:
                    found.setdefault(figure.numerator)
        return list(found)

    def unshown(self, shown: Iterable[Meaning]) -> list[Meaning]:
        """The parts of shown cells that no table shows, and that none of the shown cells is."""
        known = set(shown)
        found: dict[Meaning, None] = {}
        for divided in {self.space.divided(meaning) for meaning in known}:
            for part in range(self.parts.size(divided)):
                meaning = self.parts.meaning_of_part(divided, part)
                if meaning not in known:
                    found.setdefault(meaning)
        return list(found)

    def count(self, meanings: Sequence[Meaning]) -> CellCounts:
        """Count cells, of every pupil in the first edition that has its detail."""
        pupils = np.zeros(len(meanings))
        schools = sp.lil_matrix((len(meanings), len(self.counts.schools)))
        boards = sp.lil_matrix((len(meanings), len(self.counts.boards)))
        places: dict[frozenset[int], list[int]] = {}
        for place, meaning in enumerate(meanings):
            places.setdefault(self.space.divided(meaning), []).append(place)
        rows: list[int] = []
        school_parts, board_parts = [], []
        for divided, own in places.items():
            counts = self.counts.combined(divided)
            membership = self.parts.membership(divided, [meanings[place] for place in own])
            pupils[own] = membership @ counts.pupils
            rows.extend(own)
            school_parts.append(membership @ counts.schools)
            board_parts.append(membership @ counts.boards)
        if not rows:
            return CellCounts(pupils, schools.tocsr(), boards.tocsr())
        order = np.argsort(rows)
        return CellCounts(
            pupils, sp.vstack(school_parts).tocsr()[order].tocsr(), sp.vstack(board_parts).tocsr()[order].tocsr()
        )

    def find_contradictions(self) -> list[tuple[str, AuditCase]]:
        """Find shown cells whose count by the edition that published them is not the sum of their parts by another."""
        cells = self.shown()
        parts = self.of_parts().pupils
        return [
            ("TABLE_SOURCE", AuditCase(self.space.describe(cell)))
            for cell, pupils in zip(cells, self.count(cells).pupils.tolist(), strict=True)
            if any(parts[self.columns.columns(cell, holder)].sum() != pupils for holder in self.columns.holders(cell))
        ]

    def of_parts(self) -> CellCounts:
        """The counts of all parts, in the order of `columns`."""
        counts = [self.counts.combined(divided) for divided in self.columns.largest]
        return CellCounts(
            np.concatenate([own.pupils for own in counts]),
            sp.vstack([own.schools for own in counts]).tocsr(),
            sp.vstack([own.boards for own in counts]).tocsr(),
        )

    def sums_of_parts(self, column: str) -> Array:
        """A sum of scores of all parts, in the order of `columns`."""
        counts = [self.counts.combined(divided) for divided in self.columns.largest]
        return np.concatenate([own.sums.get(column, np.zeros(len(own.pupils))) for own in counts])

    def printed_counts(self) -> Bounds:
        """How far an attacker thinks each printed count can be from the truth: 0 where it is printed exactly.

        Every figure tells the number of its pupils, and a share that of its numerator: at least whether it is under 5
        or above 95 per cent of them.
        """
        bounds: Bounds = {}
        for figure in self.figures:
            if figure.value is None or self.method(figure) != "suppress":
                continue
            bounds[figure.base] = (0.0, 0.0)
            if figure.numerator is None:
                continue
            if not is_clipped(figure):
                bounds[figure.numerator] = (0.0, 0.0)
            elif figure.numerator not in bounds:
                bounds[figure.numerator] = self._clip(figure)
        return bounds

    def _clip(self, figure: ShownFigure) -> tuple[float, float]:
        assert figure.numerator is not None
        base, numerator = self.count([figure.base, figure.numerator]).pupils
        low, high = CLIPPED[(figure.value or "").replace(" ", "").rstrip("%")]
        return min(low * base / 100 - numerator, 0.0), max(high * base / 100 - numerator, 0.0)
