"""The XML parts of an `.xlsx`, inspected before the library reads them: safe, in order, within bounds.

Also finds what only the parts show of a sheet: which of its rows and columns are hidden. Called by `xlsx`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cohort.agreements import ContainerLimits
from cohort.delivery_formats import containers, xml_stream
from cohort.delivery_formats.file_reason_codes import DeliveryRejected

SPREADSHEET_BROKEN, TOO_WIDE = "SPREADSHEET_BROKEN", "TOO_WIDE"
MAX_COLUMNS = 500
MAX_ROWS = 1_048_576
"""The rows that a sheet of Excel can have."""
CELL_SLOT_BYTES = 8
"""Bytes that a position in a row takes at least, filled or not: a cell far to the right makes its row wide."""
CELL_REFERENCE_PATTERN = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
MIN_VISIBLE_HEIGHT, MIN_VISIBLE_WIDTH = 1.0, 0.3
"""In points and in characters: a row or column of less is invisible."""


@dataclass
class SheetLayout:
    """The numbers of the hidden rows of a sheet, and of its hidden columns up to the most there may be."""

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)


def inspect_workbook_part(body: bytes, limits: ContainerLimits) -> SheetLayout:
    """Inspect a part of a workbook.

    Returns:
        What is hidden in it; nothing for a part that is not a sheet.

    Raises:
        DeliveryRejected: the part is unsafe or damaged, or is a sheet whose cells are out of order or out of bounds,
            which the library would not read cell for cell.
    """
    inspector = _PartInspector(limits)
    try:
        for _ in xml_stream.feed_xml(body, limits.bytes_per_member, inspector):
            pass
    except DeliveryRejected as rejected:
        workbook_reasons = {
            xml_stream.XML_BROKEN: SPREADSHEET_BROKEN,
            xml_stream.XML_TOO_LARGE: containers.CONTAINER_BOMB,
        }
        raise DeliveryRejected(workbook_reasons.get(rejected.code, rejected.code)) from None
    return inspector.layout


class _PartInspector(xml_stream.XmlTarget):
    """Checks that the rows and cells of a sheet come in order and within bounds, and collects what is hidden."""

    def __init__(self, limits: ContainerLimits) -> None:
        self.layout = SheetLayout()
        self._limits = limits
        self._row = self._column = self._slots = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if name == "row":
            self._start_row(attributes)
        elif name == "c" and self._row:
            self._start_cell(attributes.get("r"))
        elif name == "col" and not self._row:
            self._read_columns(attributes)
        elif name == "sheetFormatPr" and _read_number(attributes.get("defaultColWidth"), 8) < MIN_VISIBLE_WIDTH:
            self.layout.hidden_columns.update(range(1, MAX_COLUMNS + 1))

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", str(self._row + 1))
        if not re.fullmatch("[0-9]{1,7}", number) or not self._row < int(number) <= MAX_ROWS:
            raise DeliveryRejected(SPREADSHEET_BROKEN)
        self._row, self._column = int(number), 0
        if _is_true(attributes.get("hidden")) or _read_number(attributes.get("ht"), 15) < MIN_VISIBLE_HEIGHT:
            self.layout.hidden_rows.add(self._row)

    def _start_cell(self, reference: str | None) -> None:
        match = CELL_REFERENCE_PATTERN.fullmatch(reference) if reference else None
        if reference and not match:
            raise DeliveryRejected(SPREADSHEET_BROKEN)
        column, row = (_column_number(match[1]), int(match[2])) if match else (self._column + 1, self._row)
        if row != self._row or column <= self._column:
            raise DeliveryRejected(SPREADSHEET_BROKEN)
        if column > MAX_COLUMNS:
            raise DeliveryRejected(TOO_WIDE)
        self._slots += column - self._column
        self._column = column
        if self._slots * CELL_SLOT_BYTES > self._limits.total_bytes:
            raise DeliveryRejected(containers.CONTAINER_BOMB)

    def _read_columns(self, attributes: dict[str, str]) -> None:
        first, last = (int(_read_number(attributes.get(name), 0)) for name in ("min", "max"))
        columns = range(max(first, 1), min(last, MAX_COLUMNS) + 1)
        if _is_true(attributes.get("hidden")) or _read_number(attributes.get("width"), 8) < MIN_VISIBLE_WIDTH:
            self.layout.hidden_columns.update(columns)
        else:
            self.layout.hidden_columns.difference_update(columns)


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def _is_true(text: str | None) -> bool:
    return text is not None and text.strip().lower() in ("1", "true", "on")


def _read_number(text: str | None, default: float) -> float:
    if text is None:
        return default
    if not re.fullmatch(r"\s*[0-9]{1,9}(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?\s*", text):
        raise DeliveryRejected(SPREADSHEET_BROKEN)
    return float(text)
