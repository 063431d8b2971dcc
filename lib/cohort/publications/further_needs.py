"""What measures, sensitive variables and anonymous releases ask of cells beyond the rules on counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from cohort.agreements import Publication
from cohort.cell_suppression import CellKey, CellVariable, TableShape, count_cells, link_tables, list_table_cells
from cohort.publications.edition_rows import EditionRows
from cohort.publications.release_beside import ReleasedPupils
from cohort.publications.table_shapes import list_measure_cells, make_cell_key


def list_further_needs(
    publication: Publication, rows: EditionRows, variables: Sequence[CellVariable], released: Sequence[ReleasedPupils]
) -> dict[CellKey, tuple[float, float]]:
    """List what measures, sensitive variables and releases ask for beyond the rules on counts."""
    own_cells = list(list_measure_cells(rows.document))
    cells = link_tables(variables, [own.base for own in own_cells])
    counts = count_cells(cells, [rows.contributions])
    pupils = {key: float(counts.pupils[place]) for key, place in cells.index.items()}
    needs: dict[CellKey, tuple[float, float]] = {}

    def ask(key: CellKey, above: float) -> None:
        above = max(above, needs.get(key, (0.0, 0.0))[1])
        needs[key] = (min(pupils[key], above), above)

    for own in own_cells:
        least = _least_pupils(publication, own.measure.kind, own.measure.quantile)
        for key in list_table_cells(variables, own.base):
            if 0 < pupils[key] < least:
                ask(key, least - pupils[key])
        for variable in rows.document.variables:
            if variable.sensitive and variable.name in own.base.axes:
                limit = float(publication.limits.largest_value_share)
                _ask_of_rows(own.base, variable.name, variables, pupils, limit, ask)
    for one in released:
        key = make_cell_key(rows.document, variables, one.nodes)
        left_out = pupils.get(key, 0.0) - one.least
        if 0 < left_out < publication.limits.pupils and pupils[key] - one.most > 0:
            ask(key, publication.limits.pupils - left_out)
    return needs


def _ask_of_rows(
    table: TableShape,
    sensitive: str,
    variables: Sequence[CellVariable],
    pupils: Mapping[CellKey, float],
    limit: float,
    ask: Callable[[CellKey, float], None],
) -> None:
    """Hide how the pupils of a row divide over a sensitive variable where nearly all of them have one value.

    The interval of every value of the row must reach as far as the largest one is above its limit; a value that nobody
    has is hidden as well.
    """
    place = [variable.name for variable in variables].index(sensitive)
    whole = max(variables[place].tree_nodes(table.axes[sensitive]).values(), key=int.bit_count)
    by_row: dict[CellKey, list[CellKey]] = {}
    for key in list_table_cells(variables, table):
        by_row.setdefault((*key[:place], *key[place + 1 :]), []).append(key)
    for keys in by_row.values():
        total = next(pupils[key] for key in keys if key[place] == whole)
        parts = [key for key in keys if key[place] != whole]
        largest = max((pupils[key] for key in parts), default=0.0)
        if total > 0 and largest > limit * total:
            for key in parts:
                ask(key, float(np.ceil(max(largest - limit * total, 1.0))))


def _least_pupils(publication: Publication, kind: str, quantile: float | None) -> float:
    """The least number of pupils of a figure: of a quantile q, the limit on pupils over the smaller of q and 1 − q."""
    if kind in ("mean", "standard_deviation", "growth"):
        return publication.limits.degrees_of_freedom + 1
    if kind == "percentile" and quantile is not None:
        return float(np.ceil(publication.limits.pupils / min(quantile, 1 - quantile) - 1e-9))
    return 0
