"""The text of a list: its records, header, dates and schools, however a keeper's spreadsheet wrote them.

`lists` tells what is wrong. Nothing here guesses: what could mean two things is no date and no school.
"""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Iterator, Sequence

from cohort.foundation import delimited_text
from cohort.foundation.delimited_text import (
    KNOWN_DELIMITERS,
    UTF8,
    UTF16,
    WINDOWS_1252,
    DelimitedRecord,
    UnreadableText,
)
from cohort.foundation.identifiers import BRIN_PATTERN, INVISIBLE_MARKS

LIST_ENCODINGS = (UTF8, UTF16, WINDOWS_1252)
INVISIBLE_CHARACTERS = dict.fromkeys(map(ord, INVISIBLE_MARKS))
LIST_DATE = re.compile(
    r"'?(?:([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})|([0-9]{1,2})-([0-9]{1,2})-([0-9]{4}))"
    r"(?:[ T]00?:00(?::00(?:\.0{1,6})?)?)?"
)
NON_DATES = {
    "slashes or dots, by which day and month could be confused": re.compile(r"[0-9]+[/.][0-9]+[/.][0-9]+.*"),
    "a year of two digits": re.compile(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{1,2}(?: .*)?"),
    "the number of a day": re.compile(r"[0-9]{5}(?:[.,][0-9]*)?"),
    "a moment of the day": re.compile(r"[0-9-]{8,10}[ T].*"),
}
SCHOOL_AND_SITE = re.compile(rf"'?({BRIN_PATTERN.pattern})([0-9]{{2}})?")


def read_list_records(content: bytes, width: int) -> list[DelimitedRecord]:
    """Every record that says something, its cells bare, without empty ones past the last column.

    The delimiter is the one that makes `width` columns of the first of them.
    Raises `TextRefused`: a text in no encoding of lists, or with quotes that do not close.
    """
    fitting = (sign for sign in KNOWN_DELIMITERS if _columns(content, sign, width) == width)
    return list(_filled(content, next(fitting, KNOWN_DELIMITERS[0]), width))


def match_header(columns: Sequence[str], cells: Sequence[str]) -> list[str] | None:
    """The columns in the order of a header, or None for another line.

    Capitals, blanks, dashes and low lines in the names do not matter.
    """
    named = {_bare(name): name for name in columns}
    bare = [_bare(cell) for cell in cells]
    return [named[name] for name in bare] if sorted(bare) == sorted(named) else None


def missing_columns(columns: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The columns that a header lacks."""
    there = {_bare(cell) for cell in cells}
    return [name for name in columns if _bare(name) not in there]


def has_no_digits(cells: Sequence[str]) -> bool:
    """Whether a line can be a header alone: one that says something has a number, a school or a date."""
    return not any(character.isdigit() for cell in cells for character in cell)


def has_one_column(rows: Sequence[DelimitedRecord]) -> bool:
    """Whether no line has more than one cell that says something, as in a list of numbers alone."""
    return all(len([cell for cell in row.fields if cell.strip(KNOWN_DELIMITERS)]) == 1 for row in rows)


def parse_list_date(cell: str) -> dt.date | None:
    """The date in a cell: `2026-09-01`, or as a spreadsheet writes it, `1-9-2026`, `2026-09-01 00:00`.

    With slashes, or two digits of a year, day and month could be confused: those are none.
    """
    written = LIST_DATE.fullmatch(cell)
    if not written:
        return None
    year, month, day = written.group(1, 2, 3) if written[1] else written.group(6, 5, 4)
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def describe_non_date(cell: str) -> str:
    """What stands in a cell without a date, in words that say why it is none."""
    return next((words for words, form in NON_DATES.items() if form.fullmatch(cell)), "something else")


def parse_school_and_site(cell: str) -> tuple[str, str] | None:
    """The BRIN in a cell and the site behind it (`99ZZ01`; empty if there is none), or None."""
    written = SCHOOL_AND_SITE.fullmatch(cell)
    return (written[1], written[2] or "") if written else None


def _columns(content: bytes, delimiter: str, width: int) -> int:
    """How many cells the first record has under a delimiter; 0 where it cannot be read with it."""
    try:
        first = next(_filled(content, delimiter, width), None)
    except UnreadableText:
        return 0
    return len(first.fields) if first else 0


def _filled(content: bytes, delimiter: str, width: int) -> Iterator[DelimitedRecord]:
    text = delimited_text.open_delimited_text(
        io.BytesIO(content), encodings=LIST_ENCODINGS, delimiters=delimiter, header=False
    )
    for record in text.records:
        cells = [cell.translate(INVISIBLE_CHARACTERS).strip() for cell in record.fields]
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if any(cells):
            yield record._replace(fields=cells)


def _bare(name: str) -> str:
    return re.sub(r"[\s_-]", "", name.casefold())
