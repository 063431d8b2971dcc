"""Changes of pupil numbers: which numbers are one pupil's, and which of them is the newest.

A number changes when an onderwijsnummer gives way to a BSN, or when one was wrong. The lists are declared
one by one (`nummerwijzigingen/<list>.toml`) and read strictly; all of them together are one mapping, whatever
their order. A change counts from the moment it is known, also for what was delivered before its date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cohort.errors import DeliveriesRefused
from cohort.filed import lists
from cohort.filed.lists import Declared, Line, Read, Zone
from cohort.identifiers import normal_text

COLUMNS = ("oud_pgn", "nieuw_pgn", "vanaf")
ZONE = "nummerwijzigingen"


LISTS = Zone(ZONE, COLUMNS, Declared, DeliveriesRefused)


@dataclass(frozen=True, repr=False)
class Change:
    """One line of a list: an old number, the new one, the day it came, and where it says so."""

    old: str
    new: str
    since: dt.date
    where: str


@dataclass(frozen=True)
class Changes:
    """All lists together."""

    lists: tuple[Read[Declared], ...] = field(default=(), repr=False)
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
        return lists.digest(self.lists)

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
    found = lists.read(LISTS, folder, today, problems)
    every = [_change(line, problems) for one in found for line in one.lines]
    mapping = resolve([change for change in every if change is not None], problems)
    if problems:
        raise DeliveriesRefused(*problems)
    return Changes(found, mapping)


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
                LISTS.wrong("one new number for an old one", "one line per change", found, change.where)
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
                LISTS.wrong("changes that end at a number", "an old number with one new one", found, where)
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


def _change(line: Line, problems: list[str]) -> Change | None:
    old, new = normal_text(line["oud_pgn"]), normal_text(line["nieuw_pgn"])
    if old is None or new is None:
        which = [name for name, number in (("oud_pgn", old), ("nieuw_pgn", new)) if number is None]
        what, found = "pupil numbers that pass their proof", f"another {' and '.join(which)}"
        problems.append(LISTS.wrong(what, "a BSN of nine digits", found, line.where))
    since = lists.day(LISTS, line, "vanaf", problems)
    if since is None and not line["vanaf"]:
        problems.append(LISTS.wrong("a date in vanaf", "2025-01-31", "nothing", line.where))
    return Change(old, new, since, line.where) if old and new and since else None
