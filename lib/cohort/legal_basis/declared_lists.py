"""A list that somebody keeps for us: a CSV that a TOML beside it declares, read strictly or not at all.

Spellings that mean the same are read alike: with or without a header, `;`, `,`, a tab or `|`, any line ends,
delimiters at the end of the lines, byte order marks, empty lines, Excel's `sep=;`, UTF-8, windows-1252 or
UTF-16 with its mark, columns in any order under a header. Whatever else differs is a problem; all of a zone
are told at once, by file and line, never by what stands there.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from cohort.foundation import declarations
from cohort.foundation.declarations import Declaration
from cohort.foundation.delimited_text import UnreadableText
from cohort.foundation.errors import Refusal, describe_problem
from cohort.legal_basis import list_text

CORRECT_THE_LIST = "Correct the list, or ask its keeper for a new one"
GIVE_EVERY_COLUMN = "Give every line all the columns, the empty ones too: nobody guesses what a number alone means"


class ListDeclaration(Declaration):
    """What is declared of every list."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.csv$")]
    date: dt.date
    source: Annotated[str, Field(min_length=1)]


class DatedListDeclaration(ListDeclaration):
    """A list that gets stale, and that says whether it is meant to be empty."""

    max_age_days: Annotated[int, Field(ge=1)]
    declared_empty: bool


D = TypeVar("D", bound=ListDeclaration)


@dataclass(frozen=True)
class ListDefinition(Generic[D]):
    """One zone of lists: its folder's name, the columns of its lists in the order of a list without a header,
    how a list is declared, and the refusal that its problems make.
    """

    folder: str
    columns: tuple[str, ...]
    declaration: type[D]
    refusal: type[Refusal]

    def wrong(self, what: str, example: str, found: str, where: str, do: str = CORRECT_THE_LIST) -> str:
        """One problem in the house form; `where` is a line's own, or `zone.place` of a file."""
        return describe_problem(what, example=example, found=found, where=where, do=do)

    def place(self, file: str) -> str:
        """What a file of the zone goes by in messages."""
        return f"{self.folder}/{file}"


@dataclass(frozen=True, repr=False)
class ListLine:
    """One line as written, blanks around its cells gone; `where` names it in a problem and in its repr."""

    number: int
    cells: dict[str, str]
    where: str

    def __repr__(self) -> str:
        return f"Line({self.where})"

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


@dataclass(frozen=True)
class DeclaredList(Generic[D]):
    """One list as read: its name (the declaration's), what is declared, the file's SHA-256, its lines."""

    name: str
    declaration: D
    sha256: str
    lines: tuple[ListLine, ...]

    def facts(self) -> dict[str, object]:
        """What may be told of a list anywhere: no line of it."""
        return {
            "list": self.name,
            "source": self.declaration.source,
            "date": str(self.declaration.date),
            "sha256": self.sha256,
            "rows": len(self.lines),
        }


def read_declared_lists(
    zone: ListDefinition[D], folder: Path, today: dt.date, problems: list[str], *, most_days: int | None = None
) -> tuple[DeclaredList[D], ...]:
    """Read every list of a zone.

    Takes: the zone, its folder (none there: no lists), the day it is, a list that receives every problem, and
    the greatest age that the platform allows a `Dated` list. The caller adds the problems that it finds in
    the lines, and raises `zone.refusal(*problems)` when there are any: a zone with a problem is not used.
    Gives: the lists that could be read, in order of name.
    Refuses (as problems): a declaration that `config.read` refuses, two for one file, a list dated ahead,
    older than it or the platform allows, missing, unreadable, with other columns, empty without
    `declared_empty`; a file that none declares.
    """
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found, named = list[DeclaredList[D]](), Counter[str]()
    for file in (file for file in files if file.suffix == ".toml"):
        where = zone.place(file.name)
        try:
            declared = declarations.read_declaration(file, zone.declaration, where=where, refusal=zone.refusal)
        except Refusal as refused:
            problems.extend(refused.problems)
            named[f"{file.stem}.csv"] += 0
            continue
        named[declared.file] += 1
        problems.extend(_age(zone, where, declared, today, most_days))
        full = isinstance(declared, DatedListDeclaration) and not declared.declared_empty
        lines = _lines(zone, folder / declared.file, full, problems)
        if lines is not None:
            found.append(DeclaredList(file.stem, declared, *lines))
    for name in (name for name, times in named.items() if times > 1):
        what = "one declaration of a list"
        problems.append(zone.wrong(what, "one .toml beside its .csv", "two that name it", zone.place(name)))
    for file in (file for file in files if file.suffix != ".toml" and file.name not in named):
        what, example = "only declared lists", "a .toml beside every .csv"
        problems.append(zone.wrong(what, example, "a file that none declares", zone.place(file.name)))
    return tuple(found)


def digest_declared_lists(lists: tuple[DeclaredList[D], ...]) -> str:
    """One hash over lists and what they declare, but for dates: a list renewed as it was is the same one."""
    told = {x.name: x.declaration.model_dump_json(exclude={"date", "max_age_days"}) for x in lists}
    every = sorted(f"{x.name} {x.sha256} {told[x.name]}\n" for x in lists)
    return hashlib.sha256("".join(every).encode()).hexdigest()


def parse_date_cell(zone: ListDefinition[D], line: ListLine, column: str, problems: list[str]) -> dt.date | None:
    """A date of a line, or None for an empty cell; another text is a problem."""
    found = list_text.parse_list_date(line[column])
    if line[column] and found is None:
        what, example = f"a date in {column}", "2025-01-31 or 31-1-2025"
        problems.append(zone.wrong(what, example, list_text.describe_non_date(line[column]), line.where))
    return found


def _age(zone: ListDefinition[D], where: str, declared: D, today: dt.date, most_days: int | None) -> Iterator[str]:
    if declared.date > today:
        yield zone.wrong("a list dated today or before", str(today), "a later date", where)
    if isinstance(declared, DatedListDeclaration):
        days = min(declared.max_age_days, declared.max_age_days if most_days is None else most_days)
        if (today - declared.date).days > days:
            what, found = f"a list of at most {days} days old", f"one of {declared.date}"
            yield zone.wrong(what, f"one of {today}", found, where)


def _lines(
    zone: ListDefinition[D], path: Path, full: bool, problems: list[str]
) -> tuple[str, tuple[ListLine, ...]] | None:
    """The SHA-256 and the lines of a file, some at least if it is `full`; or None and a problem."""
    columns, place, width = ";".join(zone.columns), zone.place(path.name), len(zone.columns)
    try:
        content = path.read_bytes()
        rows = list_text.read_list_records(content, width)
    except FileNotFoundError:
        what = "the list that is declared"
        problems.append(zone.wrong(what, path.name, "no such file", place))
        return None
    except OSError:
        problems.append(zone.wrong("a readable UTF-8 list", columns, "one that cannot be read", place))
        return None
    except UnreadableText as refused:
        do = "Save it as CSV UTF-8 with these columns, or ask its keeper for a new one"
        problems.append(zone.wrong("a readable UTF-8 list", columns, refused.description, place, do))
        return None
    header = list_text.match_header(zone.columns, rows[0].fields) if rows else None
    if rows and not header and list_text.has_no_digits(rows[0].fields):
        missing = list_text.missing_columns(zone.columns, rows[0].fields)
        found = f"a header without {', '.join(missing)}" if missing else "a column twice, or more columns"
        problems.append(zone.wrong(f"the columns {columns}", columns, found, f"{place} line {rows[0].first_line}"))
        return None
    if not rows or (not header and list_text.has_one_column(rows)):
        found, do = ("one column, without a header", GIVE_EVERY_COLUMN) if rows else ("nothing", CORRECT_THE_LIST)
        problems.append(zone.wrong(f"the columns {columns}", columns, found, place, do))
        return None
    lines, rows = [], rows[header is not None :]
    if full and not rows:
        what = "a line, or declared_empty = true"
        problems.append(zone.wrong(what, "one line", "an empty list", place))
    for row in rows:
        where = f"{place} line {row.first_line}"
        if len(row.fields) != width or row.last_line > row.first_line:
            found = f"{len(row.fields)} cells" if row.last_line == row.first_line else "a cell over several lines"
            problems.append(zone.wrong(f"the columns {columns} in every line", columns, found, where))
        else:
            lines.append(ListLine(row.first_line, dict(zip(header or zone.columns, row.fields, strict=True)), where))
    return hashlib.sha256(content).hexdigest(), tuple(lines)
