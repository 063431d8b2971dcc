"""The XML parts of an `.xlsx`, looked at before the library reads them: in order, within bounds, safe.

Also what only the parts say of a sheet: which of its rows and columns are hidden. Called by `spreadsheets`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import containers, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected

SPREADSHEET_BROKEN, TOO_WIDE = "SPREADSHEET_BROKEN", "TOO_WIDE"
MAX_COLUMNS = 500
MAX_ROWS = 1_048_576
"""What Excel itself can hold."""
CELL_SLOT_BYTES = 8
"""Bytes that a place in a row takes at least, filled or not: a cell far to the right makes its row wide."""
CELL_REFERENCE_PATTERN = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
MIN_VISIBLE_HEIGHT, MIN_VISIBLE_WIDTH = 1.0, 0.3
"""In points and in characters: a row or a column of less is one that nobody sees."""


@dataclass
class SheetLayout:
    """What is hidden of a sheet: the numbers of its rows, and of its columns up to the most there may be."""

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)


def inspect_workbook_part(body: bytes, limits: ContainerLimits) -> SheetLayout:
    """How a part lays out its cells; of a part that is no sheet nothing is hidden.

    Refuses: with a reason code, a part that is unsafe or damaged, or a sheet that would not be read cell for
    cell.
    """
    part = _Part(limits)
    try:
        for _ in xml_stream.feed_xml(body, limits.bytes_per_member, part):
            pass
    except DeliveryRejected as rejected:
        known = {xml_stream.XML_BROKEN: SPREADSHEET_BROKEN, xml_stream.XML_TOO_LARGE: containers.CONTAINER_BOMB}
        raise DeliveryRejected(known.get(rejected.code, rejected.code)) from None
    return part.layout


class _Part(xml_stream.XmlTarget):
    """Hears a part; of a sheet, whether rows and cells come in their order and within bounds."""

    def __init__(self, limits: ContainerLimits) -> None:
        self.limits = limits
        self.layout = SheetLayout()
        self.row = self.column = self.slots = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "row":
            given = attributes.get("r", str(self.row + 1))
            if not re.fullmatch("[0-9]{1,7}", given) or not self.row < int(given) <= MAX_ROWS:
                raise DeliveryRejected(SPREADSHEET_BROKEN)
            self.row, self.column = int(given), 0
            if _is_true(attributes.get("hidden")) or _number(attributes.get("ht"), 15) < MIN_VISIBLE_HEIGHT:
                self.layout.hidden_rows.add(self.row)
        elif name == "c" and self.row:
            self._cell(attributes.get("r"))
        elif name == "col" and not self.row:
            self._columns(attributes)
        elif name == "sheetFormatPr" and _number(attributes.get("defaultColWidth"), 8) < MIN_VISIBLE_WIDTH:
            self.layout.hidden_columns.update(range(1, MAX_COLUMNS + 1))

    def _columns(self, attributes: dict[str, str]) -> None:
        first, last = (int(_number(attributes.get(name), 0)) for name in ("min", "max"))
        columns = range(max(first, 1), min(last, MAX_COLUMNS) + 1)
        if _is_true(attributes.get("hidden")) or _number(attributes.get("width"), 8) < MIN_VISIBLE_WIDTH:
            self.layout.hidden_columns.update(columns)
        else:
            self.layout.hidden_columns.difference_update(columns)

    def _cell(self, place: str | None) -> None:
        found = CELL_REFERENCE_PATTERN.fullmatch(place) if place else None
        if place and not found:
            raise DeliveryRejected(SPREADSHEET_BROKEN)
        column, row = (_column(found[1]), int(found[2])) if found else (self.column + 1, self.row)
        if row != self.row or column <= self.column:
            raise DeliveryRejected(SPREADSHEET_BROKEN)
        if column > MAX_COLUMNS:
            raise DeliveryRejected(TOO_WIDE)
        self.slots += column - self.column
        self.column = column
        if self.slots * CELL_SLOT_BYTES > self.limits.total_bytes:
            raise DeliveryRejected(containers.CONTAINER_BOMB)


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _is_true(text: str | None) -> bool:
    return text is not None and text.strip().lower() in ("1", "true", "on")


def _number(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    if not re.fullmatch(r"\s*[0-9]{1,9}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?\s*", text):
        raise DeliveryRejected(SPREADSHEET_BROKEN)
    return float(text)
