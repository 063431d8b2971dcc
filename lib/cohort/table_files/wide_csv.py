"""A table as a file that spreadsheets open: a column per axis of the rows, then the figures.

Dutch spreadsheets read semicolons and decimal commas, English ones commas and decimal points. The file begins with a
byte order mark, by which spreadsheets know UTF-8.
"""

from __future__ import annotations

import csv
import io

from cohort.table_files.figure_grid import FigureGrid
from cohort.table_files.figure_texts import HIDDEN_SIGN, read_number

DELIMITERS = {"nl": ";", "en": ","}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BYTE_ORDER_MARK = "\ufeff"


def format_wide_csv(grid: FigureGrid) -> bytes:
    """Write a table as the bytes of a file."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=DELIMITERS[grid.language], lineterminator="\r\n")
    writer.writerow(map(_guard, [*(axis.name for axis in grid.row_axes), *map(grid.name_column, grid.columns)]))
    for row in grid.rows:
        names = [_guard(node.name) for node in row.nodes]
        writer.writerow([*names, *(_write_figure(figure, grid.language) for figure in row.figures)])
    return (BYTE_ORDER_MARK + text.getvalue()).encode("utf-8")


def _write_figure(value: str | None, language: str) -> str:
    if value is None:
        return HIDDEN_SIGN
    return value.replace(".", ",") if language == "nl" and read_number(value) is not None else value


def _guard(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f" {name}" if name.startswith(FORMULA_STARTS) else name
