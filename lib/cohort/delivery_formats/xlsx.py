"""Workbooks (`.xlsx`) as tables of text: the one sheet with content, its first row with content the header.

A workbook is a zip of XML. Before the library (openpyxl) sees it, every part is unpacked under the limits of containers
and inspected by the safe parser (`xlsx_parts`). The library then reads a new zip of those parts, so that nothing
uninspected reaches it.
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

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import containers, file_types, xlsx_parts
from cohort.delivery_formats.file_reason_codes import DeliveryRejected
from cohort.delivery_formats.xlsx_parts import SPREADSHEET_BROKEN, SheetLayout

SPREADSHEET_SHEETS, SPREADSHEET_ENCRYPTED, HIDDEN_CELLS = "SPREADSHEET_SHEETS", "SPREADSHEET_ENCRYPTED", "HIDDEN_CELLS"
WORKBOOK_EMPTY = "EMPTY"
NEEDED_PART_PATTERN = re.compile(
    r"(?!(?:docProps|customXml|xl/(?:drawings|charts|media|embeddings|externalLinks|comments))/).*\.(?:xml|rels)"
)
"""Parts that the library may need to read cells; not drawings, macros, links or properties."""
SHOWN_DIGITS = 15
"""The digits that Excel shows of a number: what is stored as 64.39999999999999 was entered or computed as 64.4."""
STRICT_NAMESPACE_PATTERN = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(spreadsheetml/main|officeDocument/relationships)"
)
"""Namespaces of "Strict Open XML", another form in which Excel saves a workbook."""
TRANSITIONAL_NAMESPACES = {
    b"spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"officeDocument/relationships": b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
ESCAPED_UNDERSCORE = b"_x005F_"
"""An escaped underscore; the library drops it from shared texts unless it is in lower case."""
LITERAL_FORMAT_PATTERN = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
"""Literal characters in a number format, and its colours and conditions."""
EMPTY_FORMAT_PATTERN = re.compile(r'\s*(?:"")?\s*;\s*(?:"")?\s*;\s*(?:"")?\s*(?:;\s*(?:""|@)?\s*)?')
"""A number format that shows no number."""
CONTROLS_AS_BLANKS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " ")
"""Replaces control characters by blanks, except line ends and tabs."""
_WORKBOOK_REASONS = {
    containers.CONTAINER_BROKEN: SPREADSHEET_BROKEN,
    containers.CONTAINER_ENCRYPTED: SPREADSHEET_ENCRYPTED,
}
_WARNINGS_LOCK = threading.Lock()
"""The library warns with values of cells. Warnings are silenced for the whole process, so by one reader at a time."""


@dataclass(frozen=True, repr=False)
class PercentageCell:
    """A number that its cell shows with a percent sign: 0.85 as `85%`; without `hundredfold`, 85 as `85%`."""

    value: float
    hundredfold: bool


@dataclass(frozen=True, repr=False)
class UnshownCell:
    """A value that its cell does not show."""

    value: Any


@dataclass(frozen=True, repr=False)
class WorkbookTable:
    """The one sheet with content. Without a repr: no message may hold its cells.

    Attributes:
        header: the texts of the first row with content.
        header_row: the number of that row.
        numbered_rows: the rows below it with content, each with its number.
        has_hidden_content: whether something with content is hidden in the workbook.
        hidden_rows: the numbers of rows with content that are hidden.
    """

    header: tuple[str, ...]
    header_row: int
    numbered_rows: tuple[tuple[int, tuple[Any, ...]], ...]
    has_hidden_content: bool = False
    hidden_rows: tuple[int, ...] = ()

    def text_rows(self, decimal: str = ".", date: str = "%Y-%m-%d") -> Iterator[tuple[int, tuple[str, ...]]]:
        """Give the rows below the header as text.

        Args:
            decimal: the decimal mark that the reader of the text expects.
            date: the format of dates that it expects.

        Returns:
            The number of each row with its texts: as many as the header has, or more where the row has content beyond.
        """
        for number, values in self.numbered_rows:
            texts = _without_empty_end(tuple(format_cell(value, decimal, date) for value in values))
            yield number, texts + ("",) * (len(self.header) - len(texts))


def read_workbook(content: bytes, limits: ContainerLimits) -> WorkbookTable:
    """Read the table in a workbook; a formula counts as the value that was stored with it.

    Args:
        content: the bytes of an `.xlsx`.
        limits: the limits of containers.

    Raises:
        DeliveryRejected: the workbook is damaged, encrypted, unsafe, over the limits or too wide, has no sheet with
            content or several, or no row below the header.
    """
    sheets = [sheet for sheet in _read_sheets(content, limits) if sheet.rows]
    visible = [sheet for sheet in sheets if sheet.is_visible]
    if len(visible) != 1:
        is_hidden = len(visible) < len(sheets) and len(visible) < 2
        raise DeliveryRejected(HIDDEN_CELLS if is_hidden else SPREADSHEET_SHEETS)
    (sheet,) = visible
    hidden_rows = sheet.find_hidden_rows()
    has_hidden_content = len(sheets) > 1 or bool(hidden_rows) or sheet.has_hidden_columns()
    (number, first), *rest = sheet.rows
    if not rest:
        raise DeliveryRejected(HIDDEN_CELLS if has_hidden_content else WORKBOOK_EMPTY)
    if _count_characters(sheet.rows) > limits.total_bytes:
        raise DeliveryRejected(containers.CONTAINER_BOMB)
    header = _without_empty_end(tuple(map(format_cell, first)))
    return WorkbookTable(header, number, tuple(rest), has_hidden_content, hidden_rows)


def iterate_workbook_texts(content: bytes, limits: ContainerLimits) -> Iterator[str]:
    """Give every cell with content of every sheet, hidden or not, as `read_workbook` reads it.

    Raises:
        DeliveryRejected: the workbook is damaged, encrypted, unsafe, over the limits or too wide.
    """
    for sheet in _read_sheets(content, limits):
        yield from (format_cell(value) for _, row in sheet.rows for value in row if has_content(value))


def format_cell(value: object, decimal: str = ".", date: str = "%Y-%m-%d") -> str:
    """Write a value as a school sees it: whole numbers without a fraction, others with the digits that Excel shows."""
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
    if isinstance(value, dt.date):  # also a date with a time, of which the day counts
        return value.strftime(date)
    return value.isoformat() if isinstance(value, dt.time) else str(value)


@dataclass(frozen=True, repr=False)
class _SheetContent:
    """A sheet of a workbook: whether it is visible, what is hidden in it, and its rows with content by number."""

    is_visible: bool
    layout: SheetLayout
    rows: list[tuple[int, tuple[Any, ...]]]

    def find_hidden_rows(self) -> tuple[int, ...]:
        """Find the rows with content that are hidden, or have a value that is not shown."""
        return tuple(
            number
            for number, row in self.rows
            if number in self.layout.hidden_rows or any(isinstance(value, UnshownCell) for value in row)
        )

    def has_hidden_columns(self) -> bool:
        """Tell whether a column with content is hidden."""
        hidden = sorted(self.layout.hidden_columns)
        return any(has_content(row[column - 1]) for _, row in self.rows for column in hidden if column <= len(row))


def _read_sheets(content: bytes, limits: ContainerLimits) -> list[_SheetContent]:
    """Read every sheet of a workbook."""
    if file_types.detect_file_type(content) == file_types.OLE_FILE:
        raise DeliveryRejected(SPREADSHEET_ENCRYPTED)
    inspected, layouts = _inspected_copy(content, limits)
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            workbook = openpyxl.load_workbook(inspected, read_only=True, data_only=True, keep_links=False)
            sheets = [_read_sheet(sheet, layouts) for sheet in workbook.worksheets]
            workbook.close()
            return sheets
        except MemoryError:
            raise
        except Exception:  # the message of the library could hold the value of a cell
            raise DeliveryRejected(SPREADSHEET_BROKEN) from None


def _inspected_copy(content: bytes, limits: ContainerLimits) -> tuple[io.BytesIO, dict[str, SheetLayout]]:
    """Make a zip of the needed parts, each of them inspected.

    Returns:
        The zip, and the layout of each part by its name.
    """
    copy, layouts = io.BytesIO(), dict[str, SheetLayout]()
    try:
        with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as archive:
            for name, body in containers.unpack_zip_entries(content, limits):
                if NEEDED_PART_PATTERN.fullmatch(name):
                    if name in layouts:
                        raise DeliveryRejected(SPREADSHEET_BROKEN)
                    layouts[name] = xlsx_parts.inspect_workbook_part(body, limits)
                    body = STRICT_NAMESPACE_PATTERN.sub(lambda match: TRANSITIONAL_NAMESPACES[match[1]], body)
                    body = body.replace(ESCAPED_UNDERSCORE, ESCAPED_UNDERSCORE.lower())
                    archive.writestr(zipfile.ZipInfo(name), body)
    except DeliveryRejected as rejected:
        raise DeliveryRejected(_WORKBOOK_REASONS.get(rejected.code, rejected.code)) from None
    copy.seek(0)
    return copy, layouts


def _read_sheet(sheet: Any, layouts: dict[str, SheetLayout]) -> _SheetContent:
    sheet.reset_dimensions()
    rows = ((number, tuple(map(_read_cell, cells))) for number, cells in enumerate(sheet.iter_rows(), 1))
    filled = [(number, row) for number, row in rows if any(map(has_content, row))]
    return _SheetContent(sheet.sheet_state == "visible", layouts[sheet._worksheet_path], filled)


def _read_cell(cell: Any) -> Any:
    """Read the value of a cell: text without escapes, a number with what its format says of how it is shown."""
    value = cell.value
    if isinstance(value, str):
        return _unescape(value) if "_x" in value else value
    if isinstance(value, int | float) and not isinstance(value, bool) and cell.has_style:
        number_format = cell.number_format
        if "%" in number_format:
            return PercentageCell(value, "%" in LITERAL_FORMAT_PATTERN.sub("", number_format))
        if EMPTY_FORMAT_PATTERN.fullmatch(number_format):
            return UnshownCell(value)
    return value


def _unescape(text: str) -> str:
    """Replace escapes such as `_x000D_` by their characters; control characters become blanks."""
    joined_surrogates = str(unescape(text)).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined_surrogates.translate(CONTROLS_AS_BLANKS)


def has_content(value: object) -> bool:
    """Tell whether a cell has a value other than blanks."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def _without_empty_end(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Remove the empty cells at the end of a row."""
    width = max((position for position, text in enumerate(texts, 1) if text.strip()), default=0)
    return texts[:width]


def _count_characters(rows: list[tuple[int, tuple[Any, ...]]]) -> int:
    """Count the characters in the cells of a sheet: one shared text may stand in very many cells."""
    return sum(len(value) for _, row in rows for value in row if isinstance(value, str))
