"""The file of the cells of one table: one line per cell and measure, for machines and for the auditor.

    regio;jaargroep;maat;waarde;status
    West;7;leerlingen;1240;vrij
    West;*;leerlingen;;geheim

A column per axis with the code of the node, then the measure, its figure, and whether it is printed (`vrij`) or hidden
(`geheim`). Nothing says why a cell is hidden.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PRINTED, HIDDEN = "vrij", "geheim"
MEASURE_COLUMN, VALUE_COLUMN, STATUS_COLUMN = "maat", "waarde", "status"


@dataclass(frozen=True)
class TidyCell:
    """A figure of a cell: its nodes in the order of the table's axes, the measure, and its value, None where hidden."""

    nodes: tuple[str, ...]
    measure: str
    value: str | None


def format_tidy_cells(axes: tuple[str, ...], cells: Iterable[TidyCell]) -> str:
    """Write cells as the text of a file.

    Args:
        axes: the variables of the table.
        cells: its figures.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow([*axes, MEASURE_COLUMN, VALUE_COLUMN, STATUS_COLUMN])
    for cell in cells:
        writer.writerow([*cell.nodes, cell.measure, cell.value or "", HIDDEN if cell.value is None else PRINTED])
    return text.getvalue()


def parse_tidy_cells(text: str, axes: tuple[str, ...]) -> Iterator[TidyCell]:
    """Read the text of a file of cells.

    Raises:
        ValueError: another header, a line of another length, or a status that contradicts the value.
    """
    lines = csv.reader(io.StringIO(text), delimiter=";")
    if next(lines, None) != [*axes, MEASURE_COLUMN, VALUE_COLUMN, STATUS_COLUMN]:
        raise ValueError("another header")
    for line in lines:
        *nodes, measure, value, status = line
        if len(nodes) != len(axes) or (status == PRINTED) != bool(value) or status not in (PRINTED, HIDDEN):
            raise ValueError("a line that is no cell")
        yield TidyCell(tuple(nodes), measure, value or None)
