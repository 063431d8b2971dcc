"""A declared table, read from CSV or XLSX into rows with their places."""

from __future__ import annotations

import csv
import io
import re
import warnings
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import openpyxl

from cohort.output_checking.checks.file_contents import decode_strictly, ending_of
from cohort.output_checking.checks.part_finding import PartFinding, found
from cohort.output_checking.request_declaration import DeclaredFile

MOST_CELLS = 2_000_000
MOST_ROWS_OF_A_SHEET = 1_048_576
_MOST_DIGITS = 30


@dataclass(frozen=True)
class ReadTable:
    """The cells of a table as text.

    Args:
        headings: of its columns.
        rows: per row the text of each column.
        first_row: the number of the first row in the file.
        sheet: where it stands in a workbook.
    """

    headings: list[str]
    rows: list[list[str]]
    first_row: int = 2
    sheet: str = ""

    def place(self, row: int, column: str = "") -> str:
        """Name a row, and a column by its number, without a value."""
        where = f"row {self.first_row + row}"
        return f"{where}, column {self.headings.index(column) + 1}" if column in self.headings else where


def read_table(file: DeclaredFile, content: bytes) -> tuple[ReadTable | None, list[PartFinding]]:
    """Read a table as its declaration says.

    Returns:
        The table, or None where it cannot be read, and what was found about its form.
    """
    if ending_of(file.name) == "xlsx":
        return _read_workbook(file, content)
    text = decode_strictly(content)
    if text is None:
        return None, [found("UNREADABLE")]
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=file.delimiter, strict=True))
    except csv.Error:
        return None, [found("UNREADABLE")]
    return _check_form(file, rows)


def _read_workbook(file: DeclaredFile, content: bytes) -> tuple[ReadTable | None, list[PartFinding]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(content), data_only=False)
    except Exception:
        return None, [found("UNREADABLE")]
    if len(book.worksheets) != 1 or (file.sheet is not None and book.sheetnames != [file.sheet]):
        return None, [found("WORKBOOK_SHEETS", sheets=len(book.sheetnames))]
    sheet = book.worksheets[0]
    if sheet.max_row * sheet.max_column > MOST_CELLS:
        return None, [found("BESIDE_THE_TABLE", "last cell")]
    are_percentages = [column.role == "share" and column.percent for column in file.columns]
    rows = [
        [
            _text_of_cell(cell, file.decimal_mark, place < len(are_percentages) and are_percentages[place])
            for place, cell in enumerate(row)
        ]
        for row in sheet.iter_rows(max_row=min(sheet.max_row, MOST_ROWS_OF_A_SHEET))
    ]
    return _check_form(file, rows)


def _text_of_cell(cell: Any, decimal_mark: str, is_percentage: bool) -> str:
    """A cell as a CSV file would have it; a fraction that is shown as a percentage is one."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = Decimal(str(value))
        if is_percentage and "%" in str(cell.number_format):
            number *= 100
        return f"{number:f}".replace(".", decimal_mark)
    return str(value)


def _check_form(file: DeclaredFile, rows: list[list[str]]) -> tuple[ReadTable | None, list[PartFinding]]:
    while rows and not any(text.strip() for text in rows[-1]):
        rows.pop()
    declared = [column.name for column in file.columns]
    if not rows or rows[0] != declared:
        extra = len(set(rows[0]) - set(declared)) if rows else 0
        return None, [found("COLUMNS", "row 1", columns=len(declared), extra=extra)]
    odd = [number for number, row in enumerate(rows[1:], start=2) if len(row) != len(declared)]
    if odd:
        return None, [found("BESIDE_THE_TABLE", f"row {odd[0]}")]
    return ReadTable(declared, rows[1:]), []


def read_number(text: str, decimal_mark: str) -> Decimal | None:
    """Read a figure, with or without marks between its thousands; None where the text is not one."""
    plain = _plain_figure(text, decimal_mark)
    try:
        number = Decimal(plain)
    except InvalidOperation:
        return None
    is_plain = number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS
    return number if is_plain or number == 0 else None


def _plain_figure(text: str, decimal_mark: str) -> str:
    """A figure with a point as its decimal mark and nothing between its thousands; empty where it is not one."""
    plain = text.strip().removesuffix("%").strip().replace("\u2212", "-")
    thousands = "." if decimal_mark == "," else ","
    if re.fullmatch(
        rf"-?[0-9]{{1,3}}(?:[{thousands} \u00a0\u202f][0-9]{{3}})+(?:{re.escape(decimal_mark)}[0-9]+)?", plain
    ):
        plain = re.sub(rf"[{thousands} \u00a0\u202f]", "", plain)
    if thousands in plain or "_" in plain:
        return ""
    return plain.replace(decimal_mark, ".")


def decimals_of(text: str, decimal_mark: str) -> int:
    """How many decimals a figure is written with."""
    number = read_number(text, decimal_mark)
    exponent = 0 if number is None else number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
