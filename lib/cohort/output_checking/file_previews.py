"""What a reviewer sees of a file without opening it: cells and lines as text, a picture drawn anew.

Nothing of a file is passed on as it is: text is escaped by the page, signs that cannot be seen are replaced, a PNG is
decoded and encoded again, and an SVG or PDF is not shown.
"""

from __future__ import annotations

import base64
import csv
import io
import itertools
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import openpyxl
from PIL import Image

from cohort.output_checking.checks.file_contents import ending_of
from cohort.output_checking.request_declaration import DeclaredFile

ROWS = 200
"""So many rows or lines are shown, and every further row with a finding up to as many again."""
COLUMNS = 40
LONGEST_CELL = 200
LONGEST_LINE = 1000
SHEETS = 5
LARGEST_UNPACKED_BYTES = 64 << 20
LARGEST_PICTURE_PIXELS = 25_000_000
WIDEST_PICTURE = 1400
UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Categories of signs that a reader does not see, or that change the order of what he sees."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class SheetPreview:
    """The rows of a table that are shown.

    Args:
        title: of the sheet of a workbook; empty for other files.
        hidden: whether a workbook hides the sheet.
        rows: the number of each row in the file and its cells.
        more_rows: whether the file has rows that are not shown.
        more_columns: whether it has columns that are not shown.
    """

    title: str
    hidden: bool
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    more_rows: bool
    more_columns: bool


@dataclass(frozen=True)
class FilePreview:
    """What is shown of a file; nothing of one that cannot be shown safely.

    Args:
        sheets: its tables.
        lines: its lines, of a text.
        more_lines: whether it has lines that are not shown.
        picture: a PNG as the address of its data.
        width: of the picture, in pixels.
        height: of the picture.
    """

    sheets: tuple[SheetPreview, ...] = ()
    lines: tuple[str, ...] = ()
    more_lines: bool = False
    picture: str = ""
    width: int = 0
    height: int = 0


def preview_file(name: str, declared: DeclaredFile | None, content: bytes, found_rows: frozenset[int]) -> FilePreview:
    """Make the preview of a file.

    Args:
        name: its name.
        declared: what the researcher declares of it; None where it is not declared.
        content: its bytes.
        found_rows: rows with a finding, which are shown wherever they stand.
    """
    ending = ending_of(name)
    if ending == "png":
        return _preview_picture(content)
    if ending == "xlsx":
        return FilePreview(sheets=_preview_workbook(content, found_rows))
    if ending in ("svg", "pdf"):
        return FilePreview()
    text = content.decode("utf-8-sig", errors="replace")
    if ending == "csv" and declared is not None and declared.kind in ("table", "regression"):
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=declared.delimiter))
            return FilePreview(sheets=(_show_rows("", hidden=False, rows=rows, found_rows=found_rows),))
        except csv.Error:
            pass
    if "\x00" in text or text.count(REPLACEMENT) > len(text) // 20:
        return FilePreview()
    lines = text.splitlines()
    return FilePreview(
        lines=tuple(show_text(line, LONGEST_LINE) for line in lines[:ROWS]), more_lines=len(lines) > ROWS
    )


def show_text(text: str, longest: int) -> str:
    """A text of a file as it is shown: every sign that cannot be seen as a replacement, cut when it is long."""
    shown = "".join(
        REPLACEMENT if sign != "\t" and unicodedata.category(sign) in UNSEEN else sign for sign in text[:longest]
    )
    return shown + ("…" if len(text) > longest else "")


def _show_rows(title: str, *, hidden: bool, rows: Iterable[Iterable[Any]], found_rows: frozenset[int]) -> SheetPreview:
    shown: list[tuple[int, tuple[str, ...]]] = []
    more_rows = more_columns = False
    for number, row in enumerate(rows, 1):
        if number > ROWS and (number not in found_rows or len(shown) >= 2 * ROWS):
            more_rows = True
            continue
        texts = ["" if value is None else str(value) for value in row]
        more_columns = more_columns or len(texts) > COLUMNS
        shown.append((number, tuple(show_text(text, LONGEST_CELL) for text in texts[:COLUMNS])))
    while shown and not any(shown[-1][1]):
        shown.pop()
    return SheetPreview(show_text(title, LONGEST_CELL), hidden, tuple(shown), more_rows, more_columns)


def _preview_workbook(content: bytes, found_rows: frozenset[int]) -> tuple[SheetPreview, ...]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED_BYTES:
                return ()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False)
            sheets: list[Any] = book.worksheets[:SHEETS]
            rows_with_findings = found_rows if len(book.sheetnames) == 1 else frozenset[int]()
            return tuple(_preview_sheet(sheet, rows_with_findings) for sheet in sheets)
    except Exception:  # openpyxl raises errors of many kinds for a damaged workbook
        return ()


def _preview_sheet(sheet: Any, found_rows: frozenset[int]) -> SheetPreview:
    """Read no further than the last row that is shown: a sheet can name a last row that is far below its cells."""
    sheet.reset_dimensions()
    last = max([ROWS, *found_rows]) + 1
    rows = itertools.islice(sheet.iter_rows(values_only=True), last)
    return _show_rows(sheet.title, hidden=sheet.sheet_state != "visible", rows=rows, found_rows=found_rows)


def _preview_picture(content: bytes) -> FilePreview:
    """Decode a PNG and encode its pixels anew, on white, without anything that stands beside them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
                if opened.width * opened.height > LARGEST_PICTURE_PIXELS:
                    return FilePreview()
                pixels = opened.convert("RGBA")
    except Exception:  # Pillow raises errors of many kinds for a damaged picture
        return FilePreview()
    drawn = Image.new("RGB", pixels.size, "white")
    drawn.paste(pixels, mask=pixels.getchannel("A"))
    drawn.thumbnail((WIDEST_PICTURE, WIDEST_PICTURE))
    encoded = io.BytesIO()
    drawn.save(encoded, "PNG")
    address = "data:image/png;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
    return FilePreview(picture=address, width=drawn.width, height=drawn.height)
