"""Changes of pupil numbers: which numbers are one pupil's, and which of them is the newest.

A number changes when an onderwijsnummer gives way to a BSN, or when one was wrong. The lists are declared
one by one (`nummerwijzigingen/<list>.toml`) and read strictly; all of them together are one mapping, whatever
their order. A change counts from the moment it is known, also for what was delivered before its date. A
change back on a later day undoes the earlier one; an exchange of two pupils' numbers is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cohort.foundation import json_documents
from cohort.foundation.errors import DeliveriesRefused, StateRefused, describe_problem
from cohort.foundation.identifiers import normalise_pgn
from cohort.legal_basis import declared_lists
from cohort.legal_basis.declared_lists import DeclaredList, ListDeclaration, ListDefinition, ListLine

NUMBER_CHANGE_COLUMNS = ("oud_pgn", "nieuw_pgn", "vanaf")
NUMBER_CHANGE_FOLDER = "nummerwijzigingen"
LINKED_NUMBERS_FILE = Path("restricted") / "nummerwijzigingen.json"
"""Every pair of numbers that a change ever named, under the storage root."""
MOST_REMARKS = 20
"""Lines without effect that a run names; it counts all of them."""
NUMBER_CHANGE_LISTS = ListDefinition(NUMBER_CHANGE_FOLDER, NUMBER_CHANGE_COLUMNS, ListDeclaration, DeliveriesRefused)


@dataclass(frozen=True, repr=False)
class NumberChange:
    """One line of a list: an old number, the new one, the day it came, and where it says so."""

    old: str
    new: str
    since: dt.date
    where: str


LinkedNumbers = frozenset[tuple[str, str]]
"""Numbers that a change named together, each pair in alphabetical order."""


@dataclass(frozen=True)
class NumberChanges:
    """All lists together."""

    lists: tuple[DeclaredList[ListDeclaration], ...] = field(default=(), repr=False)
    newest_numbers: dict[str, str] = field(default_factory=dict, repr=False)
    """Every number that was replaced, with the newest of its pupil."""
    pairs: LinkedNumbers = field(default=frozenset(), repr=False)
    """Every two numbers that a line of today or of an earlier list names together."""
    without_effect: tuple[str, ...] = ()
    """Lines whose old and new number are one, by their places."""

    def newest(self, pgn: str) -> str:
        """The newest number of the pupil who has or had this one (in normal form)."""
        return self.newest_numbers.get(pgn, pgn)

    def certain_numbers(self, numbers: frozenset[str]) -> frozenset[str]:
        """The numbers, and every other one that their pupils certainly have or had: for what is allowed."""
        if not self.newest_numbers:
            return numbers
        pupils = {self.newest(number) for number in numbers}
        return numbers | pupils | {old for old, new in self.newest_numbers.items() if new in pupils}

    def linked_numbers(self, numbers: frozenset[str]) -> frozenset[str]:
        """The numbers, and every number that a change ever led to or from: for what is barred.

        A change that was replaced or taken out of its list may have moved results already, so whoever objects
        under one of the numbers is barred under all of them.
        """
        linked, ahead = set(numbers), [*numbers]
        while ahead:
            fresh = self._beside.get(ahead.pop(), set()) - linked
            linked |= fresh
            ahead.extend(fresh)
        return frozenset(linked)

    @cached_property
    def _beside(self) -> Mapping[str, set[str]]:
        """Every number that a change ever named, with the numbers named together with it."""
        beside: dict[str, set[str]] = {}
        for one, other in (*self.pairs, *self.newest_numbers.items()):
            beside.setdefault(one, set()).add(other)
            beside.setdefault(other, set()).add(one)
        return beside

    def remarks(self) -> list[str]:
        """What a run tells of the lists besides: nothing that it refuses."""
        return [
            f"numbers: the old and the new number are the same, so nothing changes by {where}"
            for where in self.without_effect[:MOST_REMARKS]
        ]

    def digest(self) -> str:
        """One hash over all lists: another one means that a list changed."""
        return declared_lists.digest_declared_lists(self.lists)


def load_number_changes(folder: Path, today: dt.date) -> NumberChanges:
    """Read every declared list, and which numbers earlier lists named together.

    Takes: the zone of the lists (none there: no changes), the day it is.
    Gives: the newest number of every number that was replaced. Of two new numbers for one old number the
    later counts, of a change and a change back on another day too; a line whose two numbers are one counts
    for nothing.
    Refuses: a list missing, undeclared, dated ahead or unreadable, a number that does not pass its proof,
    two new numbers for one old number on one day, numbers that pupils exchange: all problems at once
    (exit code 11); what earlier lists named, if that cannot be read (exit code 15).
    """
    problems: list[str] = []
    found = declared_lists.read_declared_lists(NUMBER_CHANGE_LISTS, folder, today, problems)
    every = [_change(line, problems) for one in found for line in one.lines]
    changes = [change for change in every if change is not None]
    mapping = resolve_newest_numbers(changes, problems)
    if problems:
        raise DeliveriesRefused(*problems)
    pairs = {_pair(change) for change in changes if change.old != change.new}
    without_effect = tuple(change.where for change in changes if change.old == change.new)
    return NumberChanges(found, mapping, frozenset(pairs) | _ever(folder.parent / LINKED_NUMBERS_FILE), without_effect)


def record_linked_numbers(root: Path, changes: NumberChanges) -> None:
    """Write down which numbers are linked, before the first row of theirs moves."""
    if changes.pairs != _ever(root / LINKED_NUMBERS_FILE):
        json_documents.write_json_document(root / LINKED_NUMBERS_FILE, {"pairs": sorted(changes.pairs)})


def resolve_newest_numbers(changes: Iterable[NumberChange], problems: list[str]) -> dict[str, str]:
    """Follow every change to its end, in whatever order the changes come.

    Takes: the changes; a list that receives what is wrong with them.
    Gives: replaced number → newest number, but for pupils who exchange numbers.

    | changes, by day | newest numbers |
    |---|---|
    | A → B, later B → A | A of both: the change was undone |
    | A → B, later B → C, later C → A | A of all three |
    | A → B and B → A on one day | none, a problem: an exchange |
    | A → C, later C → B, and B → A between them | none, a problem: an exchange in three steps |
    """
    last = _last(changes, problems)
    exchanged: set[str] = set()
    for circle in _circles(last):
        if back := _change_back(circle):
            del last[back.new]
        else:
            exchanged.update(change.old for change in circle)
            problems.append(_exchange(circle))
    newest: dict[str, str] = {}
    for start in last:
        way, number = list[str](), start
        while number in last and number not in newest and number not in exchanged:
            way.append(number)
            number = last[number].new
        newest.update(dict.fromkeys(way, newest.get(number, number)))
    return {old: new for old, new in newest.items() if new not in exchanged}


def _last(changes: Iterable[NumberChange], problems: list[str]) -> dict[str, NumberChange]:
    """The last change of every number that changes."""
    last: dict[str, NumberChange] = {}
    for change in sorted(changes, key=lambda c: (c.since, c.where)):
        before = last.get(change.old)
        if change.old == change.new:
            continue
        if before and before.since == change.since and before.new != change.new:
            found = f"two on one day (the other one in {before.where})"
            problems.append(
                NUMBER_CHANGE_LISTS.wrong("one new number for an old one", "one line per change", found, change.where)
            )
        last[change.old] = change
    return last


def _circles(last: Mapping[str, NumberChange]) -> list[list[NumberChange]]:
    """The changes that lead back to where they began, each circle once and in its own order."""
    circles, seen = list[list[NumberChange]](), set[str]()
    for start in sorted(last):
        way, number = dict[str, int](), start
        while number in last and number not in seen:
            way[number] = len(way)
            seen.add(number)
            number = last[number].new
        if number in way:
            circles.append([last[one] for one in list(way)[way[number] :]])
    return circles


def _change_back(circle: list[NumberChange]) -> NumberChange | None:
    """The change by which one pupil came back to an earlier number, the last of the circle.

    Of one pupil every change but that one is followed by a later one of the number that it gave. Any other
    circle gives a number to one pupil that another has or had that day.
    """
    following = [*circle[1:], circle[0]]
    ends = [one for one, then in zip(circle, following, strict=True) if one.since >= then.since]
    return ends[0] if len(ends) == 1 else None


def _exchange(circle: list[NumberChange]) -> str:
    return describe_problem(
        "changes that lead to one number of one pupil",
        example="a change, or a change back on a later day",
        found=f"an exchange of {len(circle)} numbers between pupils",
        where=", ".join(sorted(change.where for change in circle)),
        do="Take these lines out of the list and ask the schools to deliver these pupils' results again "
        "under their right numbers; file an objection of one of them under each of the numbers",
    )


def _pair(change: NumberChange) -> tuple[str, str]:
    return min(change.old, change.new), max(change.old, change.new)


def _ever(file: Path) -> LinkedNumbers:
    """What earlier lists named together."""
    try:
        told = json_documents.read_json_document(file)["pairs"] if file.exists() else []
        return frozenset((str(one), str(other)) for one, other in told)
    except (OSError, ValueError, KeyError, TypeError):
        raise StateRefused(
            describe_problem(
                "the numbers that earlier lists of changes named",
                example="the file as it was written",
                found="one that cannot be read",
                where=str(LINKED_NUMBERS_FILE),
                do="Restore it from a backup: objections under earlier numbers are followed by it",
            )
        ) from None


def _change(line: ListLine, problems: list[str]) -> NumberChange | None:
    old, new = normalise_pgn(line["oud_pgn"]), normalise_pgn(line["nieuw_pgn"])
    if old is None or new is None:
        which = [name for name, number in (("oud_pgn", old), ("nieuw_pgn", new)) if number is None]
        what, found = "pupil numbers that pass their proof", f"another {' and '.join(which)}"
        problems.append(NUMBER_CHANGE_LISTS.wrong(what, "a BSN of nine digits", found, line.where))
    since = declared_lists.parse_date_cell(NUMBER_CHANGE_LISTS, line, "vanaf", problems)
    if since is None and not line["vanaf"]:
        problems.append(NUMBER_CHANGE_LISTS.wrong("a date in vanaf", "2025-01-31", "nothing", line.where))
    return NumberChange(old, new, since, line.where) if old and new and since else None
