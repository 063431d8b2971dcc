"""`.xlsx` as a table of text: one sheet with content, its first row with content the header.

A spreadsheet is a zip of XML. Before the library sees it, every part is unpacked under the limits of a
container and looked at by the safe parser (`sheetparts`): no DTD, no row or cell out of its order, no sheet
wider or longer than a delivery is. The library then reads a zip made anew of those parts, so that nothing
unseen reaches it.
"""

from __future__ import annotations

import datetime as dt
import io
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import containers, file_types, xlsx_parts
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.xlsx_parts import SPREADSHEET_BROKEN, SheetLayout

SPREADSHEET_SHEETS, SPREADSHEET_ENCRYPTED, HIDDEN_CELLS = "SPREADSHEET_SHEETS", "SPREADSHEET_ENCRYPTED", "HIDDEN_CELLS"
WORKBOOK_EMPTY = "EMPTY"
NEEDED_PART_PATTERN = re.compile(
    r"(?!(?:docProps|customXml|xl/(?:drawings|charts|media|embeddings|externalLinks|comments))/).*\.(?:xml|rels)"
)
"""Parts that the library may need to read cells: no drawings, macros, links or properties."""
SHOWN_DIGITS = 15
"""Excel shows no more of a number: what is stored as 64.39999999999999 was entered, or reckoned, as 64.4."""
STRICT_NAMESPACE_PATTERN = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(spreadsheetml/main|officeDocument/relationships)"
)
"""Namespaces of "Strict Open XML", another way in which Excel saves the same workbook."""
TRANSITIONAL_NAMESPACES = {
    b"spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"officeDocument/relationships": b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
ESCAPED_UNDERSCORE = b"_x005F_"
"""An underscore that begins no escape; the library drops it from shared texts, unless in small letters."""
LITERAL_FORMAT_PATTERN = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
"""What stands for itself in the form of a number, and its colours and conditions."""
EMPTY_FORMAT_PATTERN = re.compile(r'\s*(?:"")?\s*;\s*(?:"")?\s*;\s*(?:"")?\s*(?:;\s*(?:""|@)?\s*)?')
"""The form of a number that shows none."""
CONTROLS_AS_BLANKS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " ")
"""What nobody can see, but for line ends and tabs: a blank."""
_CODES = {containers.CONTAINER_BROKEN: SPREADSHEET_BROKEN, containers.CONTAINER_ENCRYPTED: SPREADSHEET_ENCRYPTED}
_ONE_AT_A_TIME = threading.Lock()
"""The library warns with values of cells; warnings are silenced for a process, so by one reader at a time."""


@dataclass(frozen=True, repr=False)
class PercentageCell:
    """A number that its cell shows with a percent sign: 0.85 as `85%`, and 85 as `85%` where that is how."""

    value: float
    hundredfold: bool


@dataclass(frozen=True, repr=False)
class UnshownCell:
    """A value that its cell does not show."""

    value: Any


@dataclass(frozen=True, repr=False)
class WorkbookTable:
    """The one sheet with content. Without a repr: no message may hold its cells.

    `hides` says that something with content is hidden in the workbook, `hidden_rows` which rows are.
    """

    header: tuple[str, ...]
    header_row: int
    numbered_rows: tuple[tuple[int, tuple[Any, ...]], ...]
    has_hidden_content: bool = False
    hidden_rows: tuple[int, ...] = ()

    def text_rows(self, decimal: str = ".", date: str = "%Y-%m-%d") -> Iterator[tuple[int, tuple[str, ...]]]:
        """The rows below the header as text.

        Takes: the decimal mark and the form of a date that the reader of the text expects.
        Gives: (number of the row in the sheet, its cells); rows without content are left out. A row is as
        wide as the header, or wider where it has content beyond it.
        """
        for number, values in self.numbered_rows:
            texts = _bare(tuple(format_cell(value, decimal, date) for value in values))
            yield number, texts + ("",) * (len(self.header) - len(texts))


def read_workbook(content: bytes, limits: ContainerLimits) -> WorkbookTable:
    """The table in a spreadsheet.

    Takes: the bytes of an `.xlsx`, the limits for what is packed in it. Formulas count as the value that was
    stored with them.
    Refuses: with a reason code, a damaged or encrypted workbook, one over the limits, one with an unsafe
    part, one without a sheet with content or with several, one with very many columns, one without a
    row below its header.
    """
    grids = [grid for grid in _grids(content, limits) if grid.rows]
    shown = [grid for grid in grids if grid.shown]
    if len(shown) != 1:
        raise DeliveryRejected(HIDDEN_CELLS if len(shown) < len(grids) and len(shown) < 2 else SPREADSHEET_SHEETS)
    (grid,) = shown
    hidden = grid.hidden_rows()
    hides = len(grids) > 1 or bool(hidden) or grid.hides_columns()
    (number, first), *rest = grid.rows
    if not rest:
        raise DeliveryRejected(HIDDEN_CELLS if hides else WORKBOOK_EMPTY)
    if _size(grid.rows) > limits.total_bytes:
        raise DeliveryRejected(containers.CONTAINER_BOMB)
    return WorkbookTable(_bare(tuple(map(format_cell, first))), number, tuple(rest), hides, hidden)


def iterate_workbook_texts(content: bytes, limits: ContainerLimits) -> Iterator[str]:
    """Every cell with content of every sheet, hidden or not, as `read` reads it.

    Refuses: what `read` refuses, but for what it makes of the sheets.
    """
    for grid in _grids(content, limits):
        yield from (format_cell(value) for _, row in grid.rows for value in row if has_content(value))


def format_cell(value: object, decimal: str = ".", date: str = "%Y-%m-%d") -> str:
    """A cell as a school sees it: whole numbers without a fraction, others in the digits that Excel has."""
    if value is None:
        return ""
    if isinstance(value, UnshownCell):
        return format_cell(value.value, decimal, date)
    if isinstance(value, PercentageCell):
        return format_cell(value.value * (100.0 if value.hundredfold else 1), decimal) + "%"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        return format(Decimal(f"{value + 0.0:.{SHOWN_DIGITS}g}"), "f").replace(".", decimal)
    if isinstance(value, dt.date):  # of a moment its day
        return value.strftime(date)
    return value.isoformat() if isinstance(value, dt.time) else str(value)


@dataclass(frozen=True, repr=False)
class _Grid:
    """A sheet: whether it is shown, what is hidden of it, its rows with content, each with its number."""

    shown: bool
    layout: SheetLayout
    rows: list[tuple[int, tuple[Any, ...]]]

    def hidden_rows(self) -> tuple[int, ...]:
        """The rows with content that are hidden, or have a value that is not shown."""
        return tuple(
            number
            for number, row in self.rows
            if number in self.layout.hidden_rows or any(isinstance(value, UnshownCell) for value in row)
        )

    def hides_columns(self) -> bool:
        hidden = sorted(self.layout.hidden_columns)
        return any(has_content(row[column - 1]) for _, row in self.rows for column in hidden if column <= len(row))


def _grids(content: bytes, limits: ContainerLimits) -> list[_Grid]:
    """Every sheet of a workbook."""
    if file_types.detect_file_type(content) == file_types.OLE_FILE:
        raise DeliveryRejected(SPREADSHEET_ENCRYPTED)
    workbook, layouts = _rebuilt(content, limits)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(workbook, read_only=True, data_only=True, keep_links=False)
            found = [_grid(sheet, layouts) for sheet in book.worksheets]
            book.close()
            return found
        except MemoryError:
            raise
        except Exception:  # the library's own message could hold the value of a cell
            raise DeliveryRejected(SPREADSHEET_BROKEN) from None


def _rebuilt(content: bytes, limits: ContainerLimits) -> tuple[io.BytesIO, dict[str, SheetLayout]]:
    """A zip with only the parts needed, each of them looked at; how each part lays out its cells."""
    made, layouts = io.BytesIO(), dict[str, SheetLayout]()
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            for name, body in containers.unpack_zip_entries(content, limits):
                if NEEDED_PART_PATTERN.fullmatch(name):
                    if name in layouts:
                        raise DeliveryRejected(SPREADSHEET_BROKEN)
                    layouts[name] = xlsx_parts.inspect_workbook_part(body, limits)
                    plain = STRICT_NAMESPACE_PATTERN.sub(lambda found: TRANSITIONAL_NAMESPACES[found[1]], body)
                    plain = plain.replace(ESCAPED_UNDERSCORE, ESCAPED_UNDERSCORE.lower())
                    archive.writestr(zipfile.ZipInfo(name), plain)
    except DeliveryRejected as rejected:
        raise DeliveryRejected(_CODES.get(rejected.code, rejected.code)) from None
    made.seek(0)
    return made, layouts


def _grid(sheet: Any, layouts: dict[str, SheetLayout]) -> _Grid:
    sheet.reset_dimensions()
    rows = ((n, tuple(map(_value, cells))) for n, cells in enumerate(sheet.iter_rows(), 1))
    filled = [(n, row) for n, row in rows if any(map(has_content, row))]
    return _Grid(sheet.sheet_state == "visible", layouts[sheet._worksheet_path], filled)


def _value(cell: Any) -> Any:
    """What a cell holds: text without the escapes of its XML, a number as far as its form tells of it."""
    value = cell.value
    if isinstance(value, str):
        return _unescaped(value) if "_x" in value else value
    if isinstance(value, int | float) and not isinstance(value, bool) and cell.has_style:
        form = cell.number_format
        if "%" in form:
            return PercentageCell(value, "%" in LITERAL_FORMAT_PATTERN.sub("", form))
        if EMPTY_FORMAT_PATTERN.fullmatch(form):
            return UnshownCell(value)
    return value


def _unescaped(text: str) -> str:
    """A text with the characters that `_x000D_` stands for; of those that nobody can see, a blank."""
    pairs = str(unescape(text)).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return pairs.translate(CONTROLS_AS_BLANKS)


def has_content(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _bare(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Cells without the empty ones at the end."""
    width = max((place for place, text in enumerate(texts, 1) if text.strip()), default=0)
    return texts[:width]


def _size(rows: list[tuple[int, tuple[Any, ...]]]) -> int:
    """Characters in the cells of a sheet: one shared text may stand in very many."""
    return sum(len(value) for _, row in rows for value in row if isinstance(value, str))
