"""All tables of an edition as one workbook (XLSX): a sheet of notes, then a sheet per table.

Numbers are numbers, signs are text. There is no formula, hidden sheet, link, picture or name of an author, and the
same edition gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Sequence

import openpyxl
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from cohort.pages import PageLanguage
from cohort.publication_documents import PublicationDocument
from cohort.table_files.figure_grid import FigureGrid
from cohort.table_files.figure_texts import HIDDEN_SIGN, count_decimals, list_notes, list_signs, read_number

FIXED_MOMENT = (1980, 1, 1, 0, 0, 0)
CORE_PART = "docProps/core.xml"
CORE_PROPERTIES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties '
    'xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
BOLD, TITLE = Font(bold=True), Font(bold=True, size=14)
WRAPPED = Alignment(wrap_text=True, vertical="top")
HIDDEN_FILL = PatternFill("solid", fgColor="E3E7EC")
LONGEST_SHEET_NAME, WIDEST = 31, 44
NOT_IN_CELL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
NOTES_WIDTH = 100


def write_workbook(document: PublicationDocument, grids: Sequence[FigureGrid], language: PageLanguage) -> bytes:
    """Write the tables of an edition as the bytes of a workbook.

    Args:
        document: the edition.
        grids: its tables in the language.
        language: the language of titles and notes.
    """
    book = openpyxl.Workbook()
    notes = book.worksheets[0]
    notes.title = language.gettext("Notes")
    _fill_notes(notes, document, grids, language)
    for name, grid in zip(_name_sheets(notes.title, grids), grids, strict=True):
        _fill_table(book.create_sheet(name), grid)
    written = io.BytesIO()
    book.save(written)
    return _fix_archive(written.getvalue())


def _name_sheets(taken_by_notes: str, grids: Sequence[FigureGrid]) -> list[str]:
    """Names of sheets as spreadsheets allow them: at most 31 signs, all different."""
    taken, names = {taken_by_notes.casefold()}, []
    for number, grid in enumerate(grids, start=1):
        name = re.sub(r"[\[\]:*?/\\']", "_", grid.table.name)[:LONGEST_SHEET_NAME]
        if name.casefold() in taken:
            name = f"{name[: LONGEST_SHEET_NAME - 5]}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _fill_notes(
    sheet: Worksheet, document: PublicationDocument, grids: Sequence[FigureGrid], language: PageLanguage
) -> None:
    _ = language.gettext
    made = language.format_day(dt.date.fromisoformat(document.made_on))
    lines: list[tuple[str, str]] = [
        (_("Publication"), f"{document.publication}, {_('edition %(number)s', number=document.edition)}"),
        (_("Purpose"), document.purpose),
        (_("Requested by"), document.requested_by),
        (_("School years"), ", ".join(document.school_years)),
        (_("Made on"), made),
        *((_("Table"), f"{grid.table.name}: {getattr(grid.table.title, language.code)}") for grid in grids),
        *((_("Sign"), f"{sign}  {meaning}") for sign, meaning in list_signs(language)),
        *((_("Note"), note) for note in list_notes(document, language)),
    ]
    _put(sheet, 1, 1, getattr(document.title, language.code)).font = TITLE
    for row, (name, text) in enumerate(lines, start=3):
        _put(sheet, row, 1, name).font = BOLD
        _put(sheet, row, 2, text).alignment = WRAPPED
    sheet.column_dimensions["A"].width = 18
    sheet.column_dimensions["B"].width = NOTES_WIDTH


def _fill_table(sheet: Worksheet, grid: FigureGrid) -> None:
    _put(sheet, 1, 1, getattr(grid.table.title, grid.language)).font = TITLE
    heads = [*(axis.name for axis in grid.row_axes), *map(grid.name_column, grid.columns)]
    for column, head in enumerate(heads, start=1):
        cell = _put(sheet, 3, column, head)
        cell.font = BOLD
        cell.alignment = Alignment(
            wrap_text=True, vertical="bottom", horizontal="right" if _is_figure(grid, column) else None
        )
    for number, row in enumerate(grid.rows, start=4):
        for column, node in enumerate(row.nodes, start=1):
            _put(sheet, number, column, node.name).alignment = Alignment(indent=node.depth)
        for column, figure in enumerate(row.figures, start=len(row.nodes) + 1):
            _put_figure(sheet, number, column, figure)
    for column, head in enumerate(heads, start=1):
        sheet.column_dimensions[get_column_letter(column)].width = _find_width(grid, column, head)
    sheet.freeze_panes = f"{get_column_letter(len(grid.row_axes) + 1)}4"


def _is_figure(grid: FigureGrid, column: int) -> bool:
    return column > len(grid.row_axes)


def _find_width(grid: FigureGrid, column: int, head: str) -> float:
    if _is_figure(grid, column):
        return min(max(len(head) / 2, 11), 20)
    return min(
        max(len(head), *(len(node.name) + 2 * node.depth for node in grid.row_axes[column - 1].nodes)) + 3, WIDEST
    )


def _put(sheet: Worksheet, row: int, column: int, text: str) -> Cell:
    """Put a text into a cell, always as text: one that begins with an equals sign is no formula."""
    cell = sheet.cell(row, column)
    assert isinstance(cell, Cell)
    cell.value = NOT_IN_CELL.sub("", text)
    cell.data_type = "s"
    return cell


def _put_figure(sheet: Worksheet, row: int, column: int, figure: str | None) -> None:
    number = read_number(figure)
    if number is None:
        cell = _put(sheet, row, column, HIDDEN_SIGN if figure is None else figure)
        cell.alignment = Alignment(horizontal="right")
        if figure is None:
            cell.fill = HIDDEN_FILL
        return
    decimals = count_decimals(number)
    shown = sheet.cell(row, column)
    shown.value = float(number) if decimals else int(number)
    shown.number_format = "#,##0" + ("." + "0" * decimals if decimals else "")


def _fix_archive(written: bytes) -> bytes:
    """Write the archive again with fixed moments, and without properties that say when or by whom it was made."""
    fixed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(written)) as source,
        zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target,
    ):
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, FIXED_MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            target.writestr(entry, CORE_PROPERTIES if name == CORE_PART else source.read(name))
    return fixed.getvalue()
