"""A list that somebody keeps for us: a CSV that a TOML beside it declares, read strictly or not at all.

Spellings that mean the same are read alike (with or without a header, `;` or `,`, LF or CRLF, a separator
at the end of the lines, a byte order mark, empty lines, columns in any order under a header). Whatever else
differs is a problem; all of a zone are told at once, by file and line, never by what stands there.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from cohort import config
from cohort.config import Declaration
from cohort.errors import Refusal, expected


class Declared(Declaration):
    """What is declared of every list."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.csv$")]
    date: dt.date
    source: Annotated[str, Field(min_length=1)]


class Dated(Declared):
    """A list that gets stale, and that says whether it is meant to be empty."""

    max_age_days: Annotated[int, Field(ge=1)]
    declared_empty: bool


D = TypeVar("D", bound=Declared)


@dataclass(frozen=True)
class Zone(Generic[D]):
    """One zone of lists: its folder's name, the columns of its lists in the order of a list without a header,
    how a list is declared, and the refusal that its problems make.
    """

    name: str
    columns: tuple[str, ...]
    declared: type[D]
    refusal: type[Refusal]

    def wrong(self, what: str, example: str, found: str, where: str) -> str:
        """One problem in the house form; `where` is a line's own, or `zone.place` of a file."""
        return expected(
            what, example=example, found=found, where=where,
            do="Correct the list, or ask its keeper for a new one",
        )  # fmt: skip

    def place(self, file: str) -> str:
        """What a file of the zone goes by in messages."""
        return f"{self.name}/{file}"


@dataclass(frozen=True, repr=False)
class Line:
    """One line as written, blanks around its cells gone; `where` names it in a problem and in its repr."""

    number: int
    cells: dict[str, str]
    where: str

    def __repr__(self) -> str:
        return f"Line({self.where})"

    def __getitem__(self, column: str) -> str:
        return self.cells[column]


@dataclass(frozen=True)
class Read(Generic[D]):
    """One list as read: its name (the declaration's), what is declared, the file's SHA-256, its lines."""

    name: str
    declared: D
    sha256: str
    lines: tuple[Line, ...]

    def facts(self) -> dict[str, object]:
        """What may be told of a list anywhere: no line of it."""
        return {
            "list": self.name, "source": self.declared.source, "date": str(self.declared.date),
            "sha256": self.sha256, "rows": len(self.lines),
        }  # fmt: skip


def read(
    zone: Zone[D], folder: Path, today: dt.date, problems: list[str], *, most_days: int | None = None
) -> tuple[Read[D], ...]:
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
    found, named = list[Read[D]](), Counter[str]()
    for file in (file for file in files if file.suffix == ".toml"):
        where = zone.place(file.name)
        try:
            declared = config.read(file, zone.declared, where=where, refusal=zone.refusal)
        except Refusal as refused:
            problems.extend(refused.problems)
            named[f"{file.stem}.csv"] += 0
            continue
        named[declared.file] += 1
        problems.extend(_age(zone, where, declared, today, most_days))
        full = isinstance(declared, Dated) and not declared.declared_empty
        lines = _lines(zone, folder / declared.file, full, problems)
        if lines is not None:
            found.append(Read(file.stem, declared, *lines))
    for name in (name for name, times in named.items() if times > 1):
        what = "one declaration of a list"
        problems.append(zone.wrong(what, "one .toml beside its .csv", "two that name it", zone.place(name)))
    for file in (file for file in files if file.suffix != ".toml" and file.name not in named):
        what, example = "only declared lists", "a .toml beside every .csv"
        problems.append(zone.wrong(what, example, "a file that none declares", zone.place(file.name)))
    return tuple(found)


def digest(lists: tuple[Read[D], ...]) -> str:
    """One hash over lists and what they declare, but for dates: a list renewed as it was is the same one."""
    told = {x.name: x.declared.model_dump_json(exclude={"date", "max_age_days"}) for x in lists}
    every = sorted(f"{x.name} {x.sha256} {told[x.name]}\n" for x in lists)
    return hashlib.sha256("".join(every).encode()).hexdigest()


def day(zone: Zone[D], line: Line, column: str, problems: list[str]) -> dt.date | None:
    """A date of a line, or None for an empty cell; another text is a problem."""
    text = line[column]
    try:
        return dt.datetime.strptime(text, "%Y-%m-%d").date() if text else None
    except ValueError:
        what = f"a date in {column}"
        problems.append(zone.wrong(what, "2025-01-31", "something else", line.where))
        return None


def _age(zone: Zone[D], where: str, declared: D, today: dt.date, most_days: int | None) -> Iterator[str]:
    if declared.date > today:
        yield zone.wrong("a list dated today or before", str(today), "a later date", where)
    if isinstance(declared, Dated):
        days = min(declared.max_age_days, declared.max_age_days if most_days is None else most_days)
        if (today - declared.date).days > days:
            what, found = f"a list of at most {days} days old", f"one of {declared.date}"
            yield zone.wrong(what, f"one of {today}", found, where)


def _lines(zone: Zone[D], path: Path, full: bool, problems: list[str]) -> tuple[str, tuple[Line, ...]] | None:
    """The SHA-256 and the lines of a file, some at least if it is `full`; or None and a problem."""
    columns, place = ";".join(zone.columns), zone.place(path.name)
    try:
        content = path.read_bytes()
        rows = list(_rows(content.decode("utf-8-sig"), len(zone.columns)))
    except FileNotFoundError:
        what = "the list that is declared"
        problems.append(zone.wrong(what, path.name, "no such file", place))
        return None
    except (OSError, UnicodeDecodeError, csv.Error):
        what, found = "a readable UTF-8 list", "one that cannot be read"
        problems.append(zone.wrong(what, columns, found, place))
        return None
    header = [cell.casefold() for cell in rows[0][1]] if rows and _is_header(rows[0][1]) else None
    if header is not None and sorted(header) != sorted(zone.columns):
        problems.append(zone.wrong(f"the columns {columns}", columns, "others", f"{place} line {rows[0][0]}"))
        return None
    if header is None and not content.strip(b"\xef\xbb\xbf \t\r\n"):
        problems.append(zone.wrong(f"the columns {columns}", columns, "nothing", place))
        return None
    lines, rows = [], rows[header is not None :]
    if full and not rows:
        what = "a line, or declared_empty = true"
        problems.append(zone.wrong(what, "one line", "an empty list", place))
    for number, cells in rows:
        where = f"{place} line {number}"
        if len(cells) != len(zone.columns):
            found = f"{len(cells)} cells"
            problems.append(zone.wrong(f"the columns {columns} in every line", columns, found, where))
        else:
            lines.append(Line(number, dict(zip(header or zone.columns, cells, strict=True)), where))
    return hashlib.sha256(content).hexdigest(), tuple(lines)


def _is_header(cells: list[str]) -> bool:
    """A line that says something has a digit in it: a number, a school, a date."""
    return not any(character.isdigit() for cell in cells for character in cell)


def _rows(text: str, width: int) -> Iterator[tuple[int, list[str]]]:
    """Every line that says something, with its place in the file, without empty cells past the last column.

    The separator is the one that makes the columns of the first of them: `;`, or `,`.
    """
    if "\0" in text:
        raise csv.Error
    separator = ";" if _columns(text, ";", width) == width or _columns(text, ",", width) != width else ","
    yield from _split(text, separator, width)


def _columns(text: str, separator: str, width: int) -> int:
    """How many cells the first line has under a separator; 0 where it cannot be read with it."""
    try:
        return len(next(_split(text, separator, width), (0, []))[1])
    except csv.Error:
        return 0


def _split(text: str, separator: str, width: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        while len(cells) > width and not cells[-1]:
            cells.pop()
        if any(cells):
            yield number, cells
