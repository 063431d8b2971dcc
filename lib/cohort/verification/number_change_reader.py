"""Changes of pupil numbers as the verifier reads them: newest numbers, and numbers that belong together."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from cohort.verification import list_file_reader
from cohort.verification.list_file_reader import NUMBER_CHANGE_COLUMNS, ReportProblem
from cohort.verification.pupil_number_reader import parse_pupil_number

LatestChanges = Mapping[str, tuple[dt.date, str]]
"""For a number the day of its last change, and the number that it gave."""


@dataclass(frozen=True)
class PupilNumberLinks:
    """Each replaced number with the newest of its pupil; each number of any change with all linked to it."""

    newest: Mapping[str, str] = field(default_factory=dict, repr=False)
    linked: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def of(self, number: str) -> str:
        """The newest number of the pupil who has or had this one."""
        return self.newest.get(number, number)

    def certainly(self, pupils: Collection[str]) -> frozenset[str]:
        """Every number that leads to one of these newest numbers: a permission counts under no other."""
        return frozenset({*pupils} | {old for old, new in self.newest.items() if new in pupils})

    def possibly(self, pupils: Collection[str]) -> frozenset[str]:
        """Every number that any change ever tied to these, in however many steps: all of them are barred."""
        return self.certainly(pupils).union(*(self.linked.get(number, ()) for number in pupils))


def read_pupil_number_links(root: Path, complain: ReportProblem) -> PupilNumberLinks:
    """The lists under a storage root, and what earlier lists named; of two changes the later one counts.

    Takes: the root; who is told what intake would refuse in them.
    """
    edges, on_a_day = _earlier(root, complain), dict[tuple[str, dt.date], str]()
    for old, day, new in _lines(root / "nummerwijzigingen", complain):
        edges.append((old, new))
        if on_a_day.setdefault((old, day), new) != new:
            complain("one new number a day", "one line", "two", "nummerwijzigingen")
    last = {old: (day, new) for (old, day), new in sorted(on_a_day.items())}
    newest = {old: number for old in last if (number := _end(last, old, complain)) != old}
    return PupilNumberLinks(newest, _linked(edges))


def _lines(folder: Path, complain: ReportProblem) -> Iterator[tuple[str, dt.date, str]]:
    """Old number, day and new number of each line that changes anything."""
    for name, rows in list_file_reader.read_number_change_lists(folder, complain):
        for row in rows:
            old, new, day = parse_pupil_number(row["oud_pgn"]), parse_pupil_number(row["nieuw_pgn"]), None
            with suppress(ValueError):
                day = list_file_reader.parse_list_date(row["vanaf"])
            if old is None or new is None or day is None:
                complain("two pupil numbers and a date", ";".join(NUMBER_CHANGE_COLUMNS), "something else", name)
            elif old != new:
                yield old, day, new


def _end(last: LatestChanges, number: str, complain: ReportProblem) -> str:
    """Where the changes of a number lead: to one that has none, or back to the one that came again last."""
    way = [number]
    seen = {number}
    while way[-1] in last:
        then = last[way[-1]][1]
        if then in seen:
            return _returned(last, way[way.index(then) :], complain)
        way.append(then)
        seen.add(then)
    return way[-1]


def _returned(last: LatestChanges, circle: list[str], complain: ReportProblem) -> str:
    """The number to which one pupil came back by the latest change of a circle, by a later change each time.

    Any other circle is an exchange between pupils.
    """
    at = max(range(len(circle)), key=lambda place: last[circle[place]][0]) + 1
    days = [last[number][0] for number in (*circle[at:], *circle[:at])]
    if any(day >= later for day, later in pairwise(days)):
        complain("numbers that no pupils exchange", "a change back on a later day", "an exchange", "")
    return circle[at % len(circle)]


def _earlier(root: Path, complain: ReportProblem) -> list[tuple[str, str]]:
    file = root / "restricted" / "nummerwijzigingen.json"
    try:
        told = json.loads(file.read_text(encoding="utf-8"))["pairs"] if file.exists() else []
        return [(str(one), str(other)) for one, other in told]
    except (OSError, ValueError, KeyError, TypeError):
        complain("what earlier lists of changes named", "the file as it was written", "another", file.name)
        return []


def _linked(edges: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """For every number the whole group that edges tie together, by merging the smaller into the larger."""
    group: dict[str, set[str]] = {}
    for one, other in edges:
        small, large = sorted((group.get(one, {one}), group.get(other, {other})), key=len)
        large |= small
        group.update(dict.fromkeys(small, large))
        group.setdefault(one, large)
        group.setdefault(other, large)
    frozen = {id(members): frozenset(members) for members in group.values()}
    return {number: frozen[id(members)] for number, members in group.items()}
