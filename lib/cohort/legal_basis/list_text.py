"""The text of a declared list: its records and its header, whichever way a spreadsheet program saved them.

In: the bytes of a CSV file and the names of its columns. Out: records of cells, without blanks, invisible
characters and surplus delimiters. Called by `declared_lists` only, which says what is wrong with a list.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from cohort.foundation import (
    INVISIBLE_MARKS,
    KNOWN_DELIMITERS,
    UTF8,
    UTF16,
    WINDOWS_1252,
    DelimitedRecord,
    UnreadableText,
    open_delimited_text,
)

LIST_ENCODINGS = (UTF8, UTF16, WINDOWS_1252)
_WITHOUT_INVISIBLE_MARKS = dict.fromkeys(map(ord, INVISIBLE_MARKS))


def read_list_records(content: bytes, width: int) -> list[DelimitedRecord]:
    """The records of a list that have text in some cell.

    The delimiter is the one that gives the first record `width` cells.

    Args:
        content: the bytes of the file.
        width: the number of columns of the list.

    Returns:
        Records whose cells have no blanks or invisible characters around them, and no empty cells after the
        last column.

    Raises:
        UnreadableText: bytes in none of the encodings of lists, or quotes that are not closed.
    """
    fitting = (sign for sign in KNOWN_DELIMITERS if _first_width(content, sign, width) == width)
    return list(_records_with_text(content, next(fitting, KNOWN_DELIMITERS[0]), width))


def match_header(columns: Sequence[str], cells: Sequence[str]) -> list[str] | None:
    """The columns in the order of a header; None for a line that is not the header.

    Capitals, blanks, hyphens and underscores in the names do not matter.
    """
    names = {_normalise_name(name): name for name in columns}
    normalised = [_normalise_name(cell) for cell in cells]
    return [names[name] for name in normalised] if sorted(normalised) == sorted(names) else None


def columns_missing_from_header(columns: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The columns that a header does not name."""
    present = {_normalise_name(cell) for cell in cells}
    return [name for name in columns if _normalise_name(name) not in present]


def looks_like_header(cells: Sequence[str]) -> bool:
    """Whether no cell has a digit: a line of a list always has a number, a school or a date."""
    return not any(character.isdigit() for cell in cells for character in cell)


def has_single_column(records: Sequence[DelimitedRecord]) -> bool:
    """Whether no line has text in more than one cell, as in a list of numbers only."""
    return all(len([cell for cell in record.fields if cell.strip(KNOWN_DELIMITERS)]) == 1 for record in records)


def _first_width(content: bytes, delimiter: str, width: int) -> int:
    """The number of cells of the first record under a delimiter; 0 where it cannot be read with it."""
    try:
        first = next(_records_with_text(content, delimiter, width), None)
    except UnreadableText:
        return 0
    return len(first.fields) if first else 0


def _records_with_text(content: bytes, delimiter: str, width: int) -> Iterator[DelimitedRecord]:
    text = open_delimited_text(io.BytesIO(content), encodings=LIST_ENCODINGS, delimiters=delimiter, header=False)
    for record in text.records:
        cells = [cell.translate(_WITHOUT_INVISIBLE_MARKS).strip() for cell in record.fields]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if any(cells):
            yield record._replace(fields=cells)


def _normalise_name(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.casefold())
