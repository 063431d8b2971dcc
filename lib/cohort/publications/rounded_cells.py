"""Rounded counts: small ones hidden, the others rounded, and totals added up from what was rounded."""

from __future__ import annotations

import numpy as np

from cohort.agreements import Platform
from cohort.cell_suppression import CellKey, LinkedCells, count_cells, link_tables
from cohort.publications.cell_figures import CountedEdition, list_printed_cells
from cohort.publications.edition_rows import Cells, EditionRows, list_tables
from cohort.publications.table_shapes import make_cell_variables


def round_cells(rows: EditionRows, platform: Platform) -> Cells:
    """Round the counts of the finest cells, and add totals up from what was rounded.

    Counts up to the limit are hidden, and count as none in a total; so a total gives nothing away that its parts do
    not. A table shows counts and shares of them alone.
    """
    document = rows.document
    variables = make_cell_variables([document])
    cells = link_tables(variables, list(list_tables(document)))
    counts = count_cells(cells, [rows.contributions])
    floors = platform.publications
    rounded = _RoundedCells(cells, counts.pupils, floors.hide_up_to, floors.round_to)
    return list_printed_cells(CountedEdition(document, cells, counts), rounded.is_hidden, rounded.count)


class _RoundedCells:
    """Counts whose totals are sums of rounded parts."""

    def __init__(self, cells: LinkedCells, pupils: np.ndarray, hide_up_to: int, round_to: int) -> None:
        self._cells, self._pupils = cells, pupils
        self._hide, self._base = hide_up_to, round_to
        self._parts: dict[CellKey, tuple[CellKey, ...]] = {}
        relations = cells.relations
        for row in range(relations.shape[0]):
            own = slice(relations.indptr[row], relations.indptr[row + 1])
            places, signs = relations.indices[own], relations.data[own]
            whole = cells.keys[int(places[signs < 0][0])]
            self._parts.setdefault(whole, tuple(cells.keys[place] for place in places[signs > 0]))
        self._rounded: dict[CellKey, float] = {}

    def is_hidden(self, key: CellKey) -> bool:
        """Whether a cell without parts has a small count."""
        return key not in self._parts and 0 < self._pupils[self._cells.index[key]] <= self._hide

    def count(self, key: CellKey) -> float:
        """The count that is printed."""
        if key not in self._rounded:
            parts = self._parts.get(key)
            own = float(self._pupils[self._cells.index[key]])
            if parts is not None:
                self._rounded[key] = sum(self.count(part) for part in parts)
            else:
                self._rounded[key] = 0.0 if own <= self._hide else self._base * round(own / self._base)
        return self._rounded[key]
