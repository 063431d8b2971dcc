"""The verifier's own reader of pupil number changes: the newest number of a pupil, and all numbers tied to it.

Input: the declared lists under `nummerwijzigingen/` and the pairs that earlier lists named. Shares no code with
`legal_basis`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from cohort.storage import StoragePath
from cohort.verification import list_file_reader
from cohort.verification.list_file_reader import NUMBER_CHANGE_COLUMNS, ReportProblem
from cohort.verification.pupil_number_reader import parse_pupil_number

LatestChanges = Mapping[str, tuple[dt.date, str]]
"""By number the day of its last change and the number that replaced it."""


@dataclass(frozen=True)
class PupilNumberLinks:
    """How pupil numbers follow from each other.

    Args:
        newest: by replaced number the newest number of its pupil.
        linked: by number of any change all numbers that changes tie to it, in any number of steps.
    """

    newest: Mapping[str, str] = field(default_factory=dict, repr=False)
    linked: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)

    def newest_number(self, number: str) -> str:
        """Return the newest number of the pupil who has or had this one."""
        return self.newest.get(number, number)

    def numbers_leading_to(self, newest_numbers: Collection[str]) -> frozenset[str]:
        """Return every number whose newest number is one of these: a permission counts for no other."""
        return frozenset({*newest_numbers} | {old for old, new in self.newest.items() if new in newest_numbers})

    def numbers_tied_to(self, newest_numbers: Collection[str]) -> frozenset[str]:
        """Return every number that any change ever tied to these: an objection counts for all of them."""
        tied = (self.linked.get(number, ()) for number in newest_numbers)
        return self.numbers_leading_to(newest_numbers).union(*tied)


def read_pupil_number_links(root: StoragePath, report: ReportProblem) -> PupilNumberLinks:
    """Read all number changes under a storage root; of two changes of a number the later one counts.

    Args:
        root: the storage root.
        report: receives every problem that ingestion would refuse too.
    """
    pairs, new_number_by_day = _read_earlier_pairs(root, report), dict[tuple[str, dt.date], str]()
    for old, day, new in _read_changes(root / "nummerwijzigingen", report):
        pairs.append((old, new))
        if new_number_by_day.setdefault((old, day), new) != new:
            report("one new number a day", "one line", "two", "nummerwijzigingen")
    latest = {old: (day, new) for (old, day), new in sorted(new_number_by_day.items())}
    newest = {old: number for old in latest if (number := _follow_changes(latest, old, report)) != old}
    return PupilNumberLinks(newest, _group_linked_numbers(pairs))


def _read_changes(folder: StoragePath, report: ReportProblem) -> Iterator[tuple[str, dt.date, str]]:
    """Yield old number, day and new number of each line that changes anything."""
    for name, lines in list_file_reader.read_number_change_lists(folder, report):
        for line in lines:
            old, new, day = parse_pupil_number(line["oud_pgn"]), parse_pupil_number(line["nieuw_pgn"]), None
            with suppress(ValueError):
                day = list_file_reader.parse_list_date(line["vanaf"])
            if old is None or new is None or day is None:
                report("two pupil numbers and a date", ";".join(NUMBER_CHANGE_COLUMNS), "something else", name)
            elif old != new:
                yield old, day, new


def _follow_changes(latest: LatestChanges, number: str, report: ReportProblem) -> str:
    """Follow a number's changes to the number that has none, or to the end of a circle of changes."""
    chain = [number]
    visited = {number}
    while chain[-1] in latest:
        replacement = latest[chain[-1]][1]
        if replacement in visited:
            return _end_of_circle(latest, chain[chain.index(replacement) :], report)
        chain.append(replacement)
        visited.add(replacement)
    return chain[-1]


def _end_of_circle(latest: LatestChanges, circle: list[str], report: ReportProblem) -> str:
    """Return the number to which a pupil came back, if each change of the circle is later than the one before.

    Any other circle would be an exchange of numbers between pupils, and is reported.
    """
    start = max(range(len(circle)), key=lambda position: latest[circle[position]][0]) + 1
    days = [latest[number][0] for number in (*circle[start:], *circle[:start])]
    if any(day >= next_day for day, next_day in pairwise(days)):
        report("numbers that no pupils exchange", "a change back on a later day", "an exchange", "")
    return circle[start % len(circle)]


def _read_earlier_pairs(root: StoragePath, report: ReportProblem) -> list[tuple[str, str]]:
    file = root / "restricted" / "nummerwijzigingen.json"
    try:
        pairs = json.loads(file.read_text(encoding="utf-8"))["pairs"] if file.exists() else []
        return [(str(one), str(other)) for one, other in pairs]
    except (OSError, ValueError, KeyError, TypeError):
        report("what earlier lists of changes named", "the file as it was written", "another", file.name)
        return []


def _group_linked_numbers(pairs: list[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Return for every number the connected group of its pairs, by merging the smaller group into the larger."""
    group: dict[str, set[str]] = {}
    for one, other in pairs:
        small, large = sorted((group.get(one, {one}), group.get(other, {other})), key=len)
        large |= small
        group.update(dict.fromkeys(small, large))
        group.setdefault(one, large)
        group.setdefault(other, large)
    frozen = {id(members): frozenset(members) for members in group.values()}
    return {number: frozen[id(members)] for number, members in group.items()}
