"""Changes of pupil numbers: which numbers are one pupil's, and which of them is the newest.

A number changes when an onderwijsnummer gives way to a BSN, or when one was wrong. The lists are declared
one by one (`nummerwijzigingen/<list>.toml`) and read strictly; all of them together are one mapping, whatever
their order. A change counts from the moment it is known, also for what was delivered before its date.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cohort import config
from cohort.config import Declaration
from cohort.errors import DeliveriesRefused, expected
from cohort.identifiers import normal_text

COLUMNS = ("oud_pgn", "nieuw_pgn", "vanaf")
ZONE = "nummerwijzigingen"


class Listed(Declaration):
    """What is declared of one list."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.csv$")]
    date: dt.date
    source: str


@dataclass(frozen=True, repr=False)
class Change:
    """One line of a list: an old number, the new one, the day it came, and where it says so."""

    old: str
    new: str
    since: dt.date
    where: str


@dataclass(frozen=True)
class ChangeList:
    """What is to be told of one list: counts, never numbers."""

    name: str
    declared: Listed
    sha256: str
    rows: int

    def facts(self) -> dict[str, object]:
        return {
            "list": self.name, "source": self.declared.source, "date": str(self.declared.date),
            "sha256": self.sha256, "rows": self.rows,
        }  # fmt: skip


@dataclass(frozen=True)
class Changes:
    """All lists together."""

    lists: tuple[ChangeList, ...] = ()
    newest_of: dict[str, str] = field(default_factory=dict, repr=False)
    """Every number that was replaced, with the newest of its pupil."""

    def newest(self, pgn: str) -> str:
        """The newest number of the pupil who has or had this one (in normal form)."""
        return self.newest_of.get(pgn, pgn)

    def all_of(self, numbers: frozenset[str]) -> frozenset[str]:
        """The numbers, and every other number that their pupils have or had."""
        if not self.newest_of:
            return numbers
        pupils = {self.newest(number) for number in numbers}
        return numbers | pupils | {old for old, new in self.newest_of.items() if new in pupils}

    def digest(self) -> str:
        """One hash over all lists: another one means that a list changed."""
        return hashlib.sha256("".join(sorted(x.name + x.sha256 for x in self.lists)).encode()).hexdigest()

    def facts(self) -> list[dict[str, object]]:
        return [x.facts() for x in self.lists]


def load(folder: Path, today: dt.date) -> Changes:
    """Read every declared list.

    Takes: the zone of the lists (none there: no changes), the day it is.
    Gives: the newest number of every number that was replaced. Of two new numbers for one old number the
    later counts.
    Refuses: a list missing, undeclared, dated ahead or unreadable, a number that does not pass its proof,
    two new numbers for one old number on one day, numbers that change in a circle: all problems at once
    (exit code 11).
    """
    problems: list[str] = []
    lists, changes, named = list[ChangeList](), list[Change](), set[str]()
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for declaration in (file for file in files if file.suffix == ".toml"):
        where = f"{ZONE}/{declaration.name}"
        try:
            declared = config.read(declaration, Listed, where=where, refusal=DeliveriesRefused)
        except DeliveriesRefused as refused:
            problems.extend(refused.problems)
            named.add(f"{declaration.stem}.csv")
            continue
        named.add(declared.file)
        if declared.date > today:
            problems.append(_wrong("a list dated today or before", str(today), "a later date", where))
        read = _read(declaration.stem, folder / declared.file, declared, problems)
        if read:
            lists.append(read[0])
            changes.extend(read[1])
    for file in files:
        if file.suffix != ".toml" and file.name not in named:
            found = "a file that none declares"
            problems.append(
                _wrong("only declared lists", "a .toml beside every .csv", found, f"{ZONE}/{file.name}")
            )
    mapping = resolve(changes, problems)
    if problems:
        raise DeliveriesRefused(*problems)
    return Changes(tuple(lists), mapping)


def resolve(changes: list[Change], problems: list[str]) -> dict[str, str]:
    """Follow every change to its end, in whatever order the changes come.

    Takes: the changes; a list that receives what is wrong with them.
    Gives: replaced number → newest number, for those that do not change in a circle.
    """
    last: dict[str, Change] = {}
    for change in sorted(changes, key=lambda c: (c.since, c.where)):
        before = last.get(change.old)
        if before and before.since == change.since and before.new != change.new:
            found = f"two on one day (the other one in {before.where})"
            problems.append(
                _wrong("one new number for an old one", "one line per change", found, change.where)
            )
        last[change.old] = change
    newest: dict[str, str] = {}
    in_circle: set[str] = set()
    for start in sorted(last):
        way: dict[str, Change] = {}
        number = start
        while number in last and number not in way and number not in newest:
            way[number] = last[number]
            number = last[number].new
        if number in way:
            circle = list(_from(way, number))
            in_circle.update(change.old for change in circle)
            found = f"a circle of {len(circle)}"
            where = ", ".join(sorted(change.where for change in circle))
            problems.append(
                _wrong("changes that end at a number", "an old number with one new one", found, where)
            )
        newest.update(dict.fromkeys(way, newest.get(number, number)))
    return {old: new for old, new in newest.items() if old not in in_circle and new not in in_circle}


def _from(way: dict[str, Change], number: str) -> Iterator[Change]:
    """The changes of a way from a number on."""
    begun = False
    for old, change in way.items():
        begun = begun or old == number
        if begun:
            yield change


def _read(
    name: str, path: Path, declared: Listed, problems: list[str]
) -> tuple[ChangeList, list[Change]] | None:
    where = f"{ZONE}/{declared.file}"
    try:
        content = path.read_bytes()
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines(), delimiter=";", strict=True))
    except FileNotFoundError:
        problems.append(_wrong("the list that is declared", declared.file, "no such file", where))
        return None
    except (OSError, UnicodeDecodeError, csv.Error):
        problems.append(_wrong("a readable UTF-8 list", ";".join(COLUMNS), "one that cannot be read", where))
        return None
    header = [cell.strip() for cell in rows[0]] if rows else []
    if sorted(header) != sorted(COLUMNS) or any(row and len(row) != len(header) for row in rows):
        what = f"the columns {';'.join(COLUMNS)} in every line"
        problems.append(_wrong(what, ";".join(COLUMNS), "others", where))
        return None
    changes = []
    lines = [(number, row) for number, row in enumerate(rows[1:], 2) if row]
    for number, row in lines:
        line = dict(zip(header, (cell.strip() for cell in row), strict=True))
        change = _change(line, f"{where} line {number}", problems)
        changes.extend([change] if change else [])
    return ChangeList(name, declared, hashlib.sha256(content).hexdigest(), len(lines)), changes


def _change(line: dict[str, str], where: str, problems: list[str]) -> Change | None:
    old, new = normal_text(line["oud_pgn"]), normal_text(line["nieuw_pgn"])
    if old is None or new is None:
        which = [name for name, number in (("oud_pgn", old), ("nieuw_pgn", new)) if number is None]
        found = f"another {' and '.join(which)}"
        problems.append(_wrong("pupil numbers that pass their proof", "a BSN of nine digits", found, where))
    try:
        since = dt.datetime.strptime(line["vanaf"], "%Y-%m-%d").date()
    except ValueError:
        problems.append(_wrong("a date in vanaf", "2025-01-31", "something else", where))
        return None
    return Change(old, new, since, where) if old and new else None


def _wrong(what: str, example: str, found: str, where: str) -> str:
    return expected(
        what,
        example=example,
        found=found,
        where=where,
        do="Correct the list, or ask its keeper for a new one",
    )
