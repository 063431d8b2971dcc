"""`.xlsx` as a table of text: one sheet with content, its first row with content the header.

A spreadsheet is a zip of XML. Before the library sees it, every part is unpacked under the limits of a
container and looked at by the safe parser: no DTD, no row or cell out of its order, no sheet wider or longer
than a delivery is. The library then reads a zip made anew of those parts, so that nothing unseen reaches it.
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

from cohort.intake import containers, markup
from cohort.intake.containers import Limits
from cohort.intake.rejection import Rejected

BROKEN, SHEETS, ENCRYPTED = "SPREADSHEET_BROKEN", "SPREADSHEET_SHEETS", "SPREADSHEET_ENCRYPTED"
TOO_WIDE, EMPTY = "TOO_WIDE", "EMPTY"
MOST_COLUMNS = 500
MOST_ROWS = 1_048_576
"""What Excel itself can hold."""
NEEDED = re.compile(
    r"(?!(?:docProps|customXml|xl/(?:drawings|charts|media|embeddings|externalLinks|comments))/).*\.(?:xml|rels)"
)
"""Parts that the library may need to read cells: no drawings, macros, links or properties."""
DIGITS = 15
"""Excel shows no more of a number: what is stored as 64.39999999999999 was entered, or reckoned, as 64.4."""
SLOT = 8
"""Bytes that a place in a row takes at least, filled or not: a cell far to the right makes its row wide."""
CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_CODES = {containers.BROKEN: BROKEN, containers.ENCRYPTED: ENCRYPTED}
_ONE_AT_A_TIME = threading.Lock()
"""The library warns with values of cells; warnings are silenced for a process, so by one reader at a time."""


@dataclass(frozen=True, repr=False)
class Sheet:
    """The one sheet with content. Without a repr: no message may hold its cells."""

    header: tuple[str, ...]
    header_row: int
    cells: tuple[tuple[int, tuple[Any, ...]], ...]

    def rows(self, decimal: str = ".", date: str = "%Y-%m-%d") -> Iterator[tuple[int, tuple[str, ...]]]:
        """The rows below the header as text.

        Takes: the decimal mark and the form of a date that the reader of the text expects.
        Gives: (number of the row in the sheet, its cells); rows without content are left out. A row is as
        wide as the header, or wider where it has content beyond it.
        """
        for number, values in self.cells:
            texts = _bare(tuple(as_text(value, decimal, date) for value in values))
            yield number, texts + ("",) * (len(self.header) - len(texts))


def read(content: bytes, limits: Limits) -> Sheet:
    """The table in a spreadsheet.

    Takes: the bytes of an `.xlsx`, the limits for what is packed in it. Formulas count as the value that was
    stored with them.
    Refuses: with a reason code, a damaged or encrypted workbook, one over the limits, one with an unsafe
    part, one without a sheet with content or with several, one with very many columns, one without a
    row below its header.
    """
    if containers.kind(content) == containers.OLE:
        raise Rejected(ENCRYPTED)
    filled = [rows for rows in _sheets(_rebuilt(content, limits)) if rows]
    if len(filled) != 1:
        raise Rejected(SHEETS)
    (number, first), *rest = filled[0]
    if not rest:
        raise Rejected(EMPTY)
    header = _bare(tuple(as_text(value) for value in first))
    if _size(filled[0]) > limits.total_bytes:
        raise Rejected(containers.BOMB)
    return Sheet(header, number, tuple(rest))


def as_text(value: object, decimal: str = ".", date: str = "%Y-%m-%d") -> str:
    """A cell as a school sees it: whole numbers without a fraction, others in the digits that Excel has."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        return format(Decimal(f"{value + 0.0:.{DIGITS}g}"), "f").replace(".", decimal)
    if isinstance(value, dt.date):  # of a moment its day
        return value.strftime(date)
    return value.isoformat() if isinstance(value, dt.time) else str(value)


def _rebuilt(content: bytes, limits: Limits) -> io.BytesIO:
    """A zip with only the parts needed, each of them looked at."""
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
            names = set()
            for name, body in containers.parts(content, limits):
                if NEEDED.fullmatch(name):
                    if name in names:
                        raise Rejected(BROKEN)
                    names.add(name)
                    _look(body, limits)
                    archive.writestr(zipfile.ZipInfo(name), body)
    except Rejected as rejected:
        raise Rejected(_CODES.get(rejected.code, rejected.code)) from None
    made.seek(0)
    return made


def _look(body: bytes, limits: Limits) -> None:
    """Refuse a part that is unsafe, damaged, or a sheet that would not be read cell for cell."""
    try:
        for _ in markup.fed(body, limits.bytes_per_member, _Part(limits)):
            pass
    except Rejected as rejected:
        known = {markup.BROKEN: BROKEN, markup.TOO_LARGE: containers.BOMB}
        raise Rejected(known.get(rejected.code, rejected.code)) from None


class _Part(markup.Target):
    """Hears a part; of a sheet, whether rows and cells come in their order and within bounds."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.row = self.column = self.slots = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "row":
            given = attributes.get("r", str(self.row + 1))
            if not re.fullmatch("[0-9]{1,7}", given) or not self.row < int(given) <= MOST_ROWS:
                raise Rejected(BROKEN)
            self.row, self.column = int(given), 0
        elif name == "c" and self.row:
            self._cell(attributes.get("r"))

    def _cell(self, place: str | None) -> None:
        found = CELL.fullmatch(place) if place else None
        if place and not found:
            raise Rejected(BROKEN)
        column, row = (_column(found[1]), int(found[2])) if found else (self.column + 1, self.row)
        if row != self.row or column <= self.column:
            raise Rejected(BROKEN)
        if column > MOST_COLUMNS:
            raise Rejected(TOO_WIDE)
        self.slots += column - self.column
        self.column = column
        if self.slots * SLOT > self.limits.total_bytes:
            raise Rejected(containers.BOMB)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _sheets(workbook: io.BytesIO) -> list[list[tuple[int, tuple[Any, ...]]]]:
    """Of every sheet its rows with content, each with its number."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            book = openpyxl.load_workbook(workbook, read_only=True, data_only=True, keep_links=False)
            found = []
            for sheet in book.worksheets:
                sheet.reset_dimensions()
                rows = enumerate(sheet.iter_rows(values_only=True), 1)
                found.append([(n, row) for n, row in rows if any(_is_filled(value) for value in row)])
            book.close()
            return found
        except MemoryError:
            raise
        except Exception:  # the library's own message could hold the value of a cell
            raise Rejected(BROKEN) from None


def _is_filled(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _bare(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Cells without the empty ones at the end."""
    width = max((place for place, text in enumerate(texts, 1) if text.strip()), default=0)
    return texts[:width]


def _size(rows: list[tuple[int, tuple[Any, ...]]]) -> int:
    """Characters in the cells of a sheet: one shared text may stand in very many."""
    return sum(len(value) for _, row in rows for value in row if isinstance(value, str))
