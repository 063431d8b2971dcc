"""Changes of pupil numbers: which numbers belong to one pupil, and which of them is the newest.

In: the lists of the folder `nummerwijzigingen`, and the links that earlier lists named. Out: `NumberChanges`. Read by
ingestion (rows get the newest number), objections (an objection bars every number of its pupil) and releases.

A number changes when an onderwijsnummer gives way to a BSN, or when one was wrong. A change counts from the moment
it is known, also for what was delivered before its date. A change back on a later day undoes the earlier one; an
exchange of two pupils' numbers is refused.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath

from pydantic import ConfigDict

from cohort.foundation import DeliveriesRefused, StateRefused, describe_problem
from cohort.legal_basis.declared_lists import (
    DeclaredList,
    ListDeclaration,
    ListDefinition,
    digest_declared_lists,
    read_declared_lists,
)
from cohort.legal_basis.list_columns import pupil_number_column, required_date_column
from cohort.legal_basis.number_change_resolution import NumberChange, resolve_newest_numbers
from cohort.storage import DocumentPart, StoragePath, read_model_document, write_json_document

NUMBER_CHANGE_FOLDER = "nummerwijzigingen"
LINKED_NUMBERS_FILE = PurePath("restricted") / "nummerwijzigingen.json"
"""The document of all linked numbers, under the storage root."""
MOST_REMARKS = 20
"""Lines without effect that a run names; it counts all of them."""

_OLD_NUMBER, _NEW_NUMBER = pupil_number_column("oud_pgn"), pupil_number_column("nieuw_pgn")
_SINCE = required_date_column("vanaf", "a date in vanaf", "2025-01-31")
NUMBER_CHANGE_LISTS = ListDefinition(
    NUMBER_CHANGE_FOLDER, (_OLD_NUMBER, _NEW_NUMBER, _SINCE), ListDeclaration, DeliveriesRefused
)

LinkedNumbers = frozenset[tuple[str, str]]
"""Numbers that a change named together, each pair in alphabetical order."""


class LinkedNumbersDocument(DocumentPart):
    """Every two numbers that a list of changes ever named together."""

    model_config = ConfigDict(json_schema_extra={"$id": "linked-numbers-1"})

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class NumberChanges:
    """All lists of changes together, and the links of earlier lists."""

    lists: tuple[DeclaredList[ListDeclaration], ...] = field(default=(), repr=False)
    newest_numbers: dict[str, str] = field(default_factory=dict, repr=False)
    """Every number that was replaced, with the newest of its pupil."""
    pairs: LinkedNumbers = field(default=frozenset(), repr=False)
    """Every two numbers that a line of today or of an earlier list names together."""
    without_effect: tuple[str, ...] = ()
    """The places of lines whose old and new number are the same."""

    def newest(self, pgn: str) -> str:
        """The newest number of the pupil who has or had this one (in normal form)."""
        return self.newest_numbers.get(pgn, pgn)

    def certain_numbers(self, numbers: frozenset[str]) -> frozenset[str]:
        """The numbers, and every other one that their pupils certainly have or had. For what is permitted."""
        if not self.newest_numbers:
            return numbers
        pupils = {self.newest(number) for number in numbers}
        return numbers | pupils | {old for old, new in self.newest_numbers.items() if new in pupils}

    def linked_numbers(self, numbers: frozenset[str]) -> frozenset[str]:
        """The numbers, and every number that a change ever led to or from. For what is barred.

        A change that was replaced or taken out of its list may have moved results already, so who objects under
        one of the numbers is barred under all of them.
        """
        linked, pending = set(numbers), [*numbers]
        while pending:
            unvisited = self._neighbours.get(pending.pop(), set()) - linked
            linked |= unvisited
            pending.extend(unvisited)
        return frozenset(linked)

    @cached_property
    def _neighbours(self) -> Mapping[str, set[str]]:
        """Every number that a change ever named, with the numbers named together with it."""
        neighbours = defaultdict[str, set[str]](set)
        for one, other in (*self.pairs, *self.newest_numbers.items()):
            neighbours[one].add(other)
            neighbours[other].add(one)
        return neighbours

    def remarks(self) -> list[str]:
        """Sentences about lines without effect, for the report of a run."""
        return [
            f"numbers: the old and the new number are the same, so nothing changes by {where}"
            for where in self.without_effect[:MOST_REMARKS]
        ]

    def digest(self) -> str:
        """One digest over all lists; it changes when a list does."""
        return digest_declared_lists(self.lists)


def load_number_changes(folder: StoragePath, today: dt.date) -> NumberChanges:
    """Read every list of changes, and the numbers that earlier lists linked.

    Args:
        folder: the folder of the lists; none there means that there are no changes.
        today: the present day.

    Raises:
        DeliveriesRefused: every problem of `read_declared_lists`, an invalid number, and the problems of
            `resolve_newest_numbers` (exit code 11).
        StateRefused: the document of linked numbers cannot be read (exit code 15).
    """
    problems: list[str] = []
    lists = read_declared_lists(NUMBER_CHANGE_LISTS, folder, today, problems)
    changes = [
        NumberChange(line[_OLD_NUMBER], line[_NEW_NUMBER], line[_SINCE], line.where)
        for one in lists
        for line in one.lines
    ]
    newest_numbers = resolve_newest_numbers(changes, problems)
    if problems:
        raise DeliveriesRefused(*problems)
    pairs = frozenset(
        (min(change.old, change.new), max(change.old, change.new)) for change in changes if change.old != change.new
    )
    without_effect = tuple(change.where for change in changes if change.old == change.new)
    earlier_pairs = _read_linked_numbers(folder.parent / str(LINKED_NUMBERS_FILE))
    return NumberChanges(lists, newest_numbers, pairs | earlier_pairs, without_effect)


def record_linked_numbers(root: StoragePath, changes: NumberChanges) -> None:
    """Write the document of linked numbers; to be done before the first row gets another number.

    Args:
        root: the storage root.
        changes: the changes of today.
    """
    if changes.pairs != _read_linked_numbers(root / str(LINKED_NUMBERS_FILE)):
        document = LinkedNumbersDocument(pairs=tuple(sorted(changes.pairs)))
        write_json_document(root / str(LINKED_NUMBERS_FILE), document.model_dump(mode="json"))


def _read_linked_numbers(file: StoragePath) -> LinkedNumbers:
    """The numbers that earlier lists named together."""
    try:
        if not file.exists():
            return frozenset()
        return frozenset(read_model_document(file, LinkedNumbersDocument).pairs)
    except (OSError, ValueError):
        raise StateRefused(
            describe_problem(
                "the numbers that earlier lists of changes named",
                example="the file as it was written",
                found="one that cannot be read",
                where=str(LINKED_NUMBERS_FILE),
                do="Restore it from a backup: objections under earlier numbers are followed by it",
            )
        ) from None
