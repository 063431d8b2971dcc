"""Columns of declared lists as values: the name of a column and the parser of its cells.

In: the text of one cell, without blanks and invisible characters around it. Out: its value, or `InvalidCell`.
The modules of the lists (objections, consents, instructions, number changes) put these columns together in a
`ListDefinition`. A parser never guesses: text that can mean two things is invalid.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Generic, NamedTuple, TypeVar

from cohort.foundation import BRIN_PATTERN, normalise_pgn

CORRECT_THE_LIST = "Correct the list, or ask its keeper for a new one"
_DATE = re.compile(
    r"'?(?:([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})|([0-9]{1,2})-([0-9]{1,2})-([0-9]{4}))"
    r"(?:[ T]00?:00(?::00(?:\.0{1,6})?)?)?"
)
_AMBIGUOUS_DATES = {
    "slashes or dots, by which day and month could be confused": re.compile(r"[0-9]+[/.][0-9]+[/.][0-9]+.*"),
    "a year of two digits": re.compile(r"[0-9]{1,2}-[0-9]{1,2}-[0-9]{1,2}(?: .*)?"),
    "the number of a day": re.compile(r"[0-9]{5}(?:[.,][0-9]*)?"),
    "a moment of the day": re.compile(r"[0-9-]{8,10}[ T].*"),
}
_SCHOOL_AND_SITE = re.compile(rf"'?({BRIN_PATTERN.pattern})([0-9]{{2}})?")

T = TypeVar("T")


class InvalidCell(ValueError):
    """A cell, or a line, that a list does not accept.

    Args:
        what: what was expected.
        example: an example of it.
        found: what was found, never the text of the cell.
        do: what the keeper of the list is to do.
    """

    def __init__(self, what: str, example: str, found: str, do: str = CORRECT_THE_LIST) -> None:
        super().__init__(what)
        self.what, self.example, self.found, self.do = what, example, found, do


class SchoolAndSite(NamedTuple):
    """A BRIN, and the two digits of a site where they follow it (`99ZZ01`), else an empty text."""

    brin: str
    site: str


@dataclass(frozen=True)
class ListColumn(Generic[T]):
    """One column: its name in the header, and the function that parses a cell or raises `InvalidCell`."""

    name: str
    parse: Callable[[str], T]

    def limited_to(self, allowed: Collection[T], what: str, example: str, found: str) -> ListColumn[T]:
        """The same column, which accepts only certain values."""

        def parse_allowed(cell: str) -> T:
            value = self.parse(cell)
            if value not in allowed:
                raise InvalidCell(what, example, found)
            return value

        return replace(self, parse=parse_allowed)


def text_column(name: str) -> ListColumn[str]:
    """A column of any text, which may be empty."""
    return ListColumn(name, str)


def required_text_column(name: str, what: str, example: str) -> ListColumn[str]:
    """A column of any text but an empty one."""

    def parse_text(cell: str) -> str:
        if not cell:
            raise InvalidCell(what, example, f"nothing in {name}")
        return cell

    return ListColumn(name, parse_text)


def date_column(name: str) -> ListColumn[dt.date | None]:
    """A column of dates that may be empty."""

    def parse_date(cell: str) -> dt.date | None:
        date = parse_cell_date(cell)
        if cell and date is None:
            raise InvalidCell(f"a date in {name}", "2025-01-31 or 31-1-2025", explain_invalid_date(cell))
        return date

    return ListColumn(name, parse_date)


def required_date_column(name: str, what: str, example: str, found: str = "nothing") -> ListColumn[dt.date]:
    """A column of dates that must not be empty; `what`, `example` and `found` describe an empty cell."""
    optional = date_column(name)

    def parse_date(cell: str) -> dt.date:
        date = optional.parse(cell)
        if date is None:
            raise InvalidCell(what, example, found)
        return date

    return ListColumn(name, parse_date)


def pupil_number_column(name: str) -> ListColumn[str]:
    """A column of pupil numbers, parsed to their normal form."""

    def parse_number(cell: str) -> str:
        number = normalise_pgn(cell)
        if number is None:
            raise InvalidCell("a pupil number that passes its proof", "a BSN of nine digits", f"another {name}")
        return number

    return ListColumn(name, parse_number)


def unproven_number_column(name: str) -> ListColumn[str | None]:
    """A column of pupil numbers in which an invalid number is parsed to None and is not a problem by itself."""
    return ListColumn(name, normalise_pgn)


def parse_cell_date(cell: str) -> dt.date | None:
    """The date in a cell: `2026-09-01`, or as spreadsheets write it, `1-9-2026` or `2026-09-01 00:00`.

    Returns:
        The date; None for any other text. With slashes, or a year of two digits, day and month could be
        confused: such a text is no date.
    """
    match = _DATE.fullmatch(cell)
    if not match:
        return None
    year, month, day = match.group(1, 2, 3) if match[1] else match.group(6, 5, 4)
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None


def explain_invalid_date(cell: str) -> str:
    """What a cell has in place of a date, in words that do not repeat it."""
    return next((words for words, form in _AMBIGUOUS_DATES.items() if form.fullmatch(cell)), "something else")


def parse_cell_school(cell: str) -> SchoolAndSite | None:
    """The BRIN in a cell, with the site behind it if there is one; None for any other text."""
    match = _SCHOOL_AND_SITE.fullmatch(cell)
    return SchoolAndSite(match[1], match[2] or "") if match else None
