"""The newest number of every pupil whose number changed, whatever the order of the changes.

In: the changes of all lists. Out: replaced number → newest number, and a problem for every exchange of numbers
between pupils. Called by `number_changes`; no number may be in a problem.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cohort.foundation import describe_problem
from cohort.legal_basis.list_columns import CORRECT_THE_LIST


@dataclass(frozen=True, repr=False)
class NumberChange:
    """One line of a list: an old number, the new one, the day of the change, and the place of the line."""

    old: str
    new: str
    since: dt.date
    where: str


def resolve_newest_numbers(changes: Iterable[NumberChange], problems: list[str]) -> dict[str, str]:
    """Follow every change to its end.

    Of two changes of one number the later counts. Changes in a cycle are one pupil's if one of them leads back to
    an earlier number on a later day than the others; else they are an exchange between pupils.

    | changes, by day | newest numbers |
    |---|---|
    | A → B, later B → A | A of both: the change was undone |
    | A → B, later B → C, later C → A | A of all three |
    | A → B and B → A on one day | none, a problem: an exchange |
    | A → C, later C → B, and B → A between them | none, a problem: an exchange in three steps |

    Args:
        changes: the changes, in any order.
        problems: receives two new numbers for one old number on one day, and every exchange.

    Returns:
        Every replaced number with the newest one, without those of pupils who exchange numbers.
    """
    last_changes = _last_changes(changes, problems)
    exchanged: set[str] = set()
    for cycle in _find_cycles(last_changes):
        if change_back := _find_change_back(cycle):
            del last_changes[change_back.new]
        else:
            exchanged.update(change.old for change in cycle)
            problems.append(_describe_exchange(cycle))
    newest: dict[str, str] = {}
    for start in last_changes:
        path, number = list[str](), start
        while number in last_changes and number not in newest and number not in exchanged:
            path.append(number)
            number = last_changes[number].new
        newest.update(dict.fromkeys(path, newest.get(number, number)))
    return {old: new for old, new in newest.items() if new not in exchanged}


def _last_changes(changes: Iterable[NumberChange], problems: list[str]) -> dict[str, NumberChange]:
    """The last change of every number that changes."""
    last: dict[str, NumberChange] = {}
    for change in sorted(changes, key=lambda c: (c.since, c.where)):
        if change.old == change.new:
            continue
        earlier = last.get(change.old)
        if earlier and earlier.since == change.since and earlier.new != change.new:
            problems.append(_describe_ambiguity(earlier, change))
        last[change.old] = change
    return last


def _find_cycles(last_changes: Mapping[str, NumberChange]) -> list[list[NumberChange]]:
    """The changes that lead back to where they began, each cycle once and in its own order."""
    cycles, visited = list[list[NumberChange]](), set[str]()
    for start in sorted(last_changes):
        positions, number = dict[str, int](), start
        while number in last_changes and number not in visited:
            positions[number] = len(positions)
            visited.add(number)
            number = last_changes[number].new
        if number in positions:
            cycles.append([last_changes[one] for one in list(positions)[positions[number] :]])
    return cycles


def _find_change_back(cycle: list[NumberChange]) -> NumberChange | None:
    """The change by which one pupil returned to an earlier number: the last of the cycle in time.

    In a cycle of one pupil every other change is followed by a later one of the number that it gave. Any other
    cycle gives a number to one pupil that another pupil has or had that day.
    """
    following = [*cycle[1:], cycle[0]]
    ends = [one for one, then in zip(cycle, following, strict=True) if one.since >= then.since]
    return ends[0] if len(ends) == 1 else None


def _describe_ambiguity(earlier: NumberChange, change: NumberChange) -> str:
    return describe_problem(
        "one new number for an old one",
        example="one line per change",
        found=f"two on one day (the other one in {earlier.where})",
        where=change.where,
        do=CORRECT_THE_LIST,
    )


def _describe_exchange(cycle: list[NumberChange]) -> str:
    return describe_problem(
        "changes that lead to one number of one pupil",
        example="a change, or a change back on a later day",
        found=f"an exchange of {len(cycle)} numbers between pupils",
        where=", ".join(sorted(change.where for change in cycle)),
        do="Take these lines out of the list and ask the schools to deliver these pupils' results again "
        "under their right numbers; file an objection of one of them under each of the numbers",
    )
