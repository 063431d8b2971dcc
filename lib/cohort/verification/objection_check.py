"""Who may not be in a release: the declared lists and what was filed before, read again and by own code."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cohort.foundation.errors import ObjectionsRefused, describe_problem
from cohort.verification import list_file_reader, number_change_reader
from cohort.verification.list_file_reader import ListLines, ReportProblem
from cohort.verification.number_change_reader import PupilNumberLinks
from cohort.verification.pupil_number_reader import parse_pupil_number

OBJECTION_SCOPE = re.compile(r"alles|domein:[^\s].*|project:[a-z0-9_]+")
ROUNDED_NUMBER = re.compile(r"\d[.,]?e[-+]?\d", re.IGNORECASE | re.ASCII)
PupilNumbers = frozenset[str]
ScopedNumber = tuple[str, str]
"""The newest number of a pupil, and a scope."""


@dataclass(frozen=True)
class ExcludedPupils:
    """Numbers that are barred from a project, schools held back, and of each list that allows: the schools
    it covers and the numbers that it permits. `unlisted`: where pupils of those schools stand besides.
    """

    blocked: PupilNumbers = field(repr=False)
    held: frozenset[str] = frozenset()
    allowed: tuple[tuple[frozenset[str], PupilNumbers], ...] = field(default=(), repr=False)
    unlisted: Path | None = None


@dataclass(frozen=True, repr=False)
class _Line:
    pupil: str
    scope: str
    since: dt.date
    until: dt.date | None


def read_excluded_pupils(
    folder: Path, longest: int, today: dt.date, project: str, domains: Collection[str]
) -> ExcludedPupils:
    """All lists of the zone, and all that their sources filed before, as one answer for a project.

    Takes: the folder, the platform's greatest age of a list in days, the day it is, the project's name and
    the domains it uses. The changes of pupil numbers and the restricted zone stand beside the folder.
    Refuses: no list, one that is missing, undeclared, declared twice, stale, dated ahead, unreadable or
    unexpectedly empty, another scope, an invalid number without a school, a list that counts otherwise than
    its source's did: all problems at once (exit code 12).
    """
    problems: list[str] = []

    def complain(what: str, example: str, found: str, where: str) -> None:
        place = f"objections/{where}"
        problems.append(
            describe_problem(what, example=example, found=found, where=place, do="Restore or renew the list")
        )

    asked = {"alles", f"project:{project}", *(f"domein:{domain}" for domain in domains)}
    numbers = number_change_reader.read_pupil_number_links(folder.parent, complain)
    before = _remembered(folder.parent / "restricted" / "objections", complain)
    lines, held, allowed, now = defaultdict[str, list[_Line]](list), set[str](), [], dict[str, set[str]]()
    for name, facts in list_file_reader.read_objection_declarations(folder, complain):
        age = (today - facts["date"]).days
        if not 0 <= age <= min(facts["max_age_days"], longest):
            what, found = "a list of today or a few days before", f"one of {facts['date']}"
            complain(what, str(today), found, name)
        rows = list_file_reader.read_list_lines(folder / facts["file"], list_file_reader.OBJECTION_COLUMNS, complain)
        if rows == [] and not facts["declared_empty"]:
            complain("a line, or declared_empty = true", "one objection", "an empty list", facts["file"])
        read, schools = _lines(rows or [], numbers, today, facts["file"], complain)
        now.setdefault(facts["source"], set()).add(facts["polarity"])
        if facts["polarity"] == "block":
            lines[facts["source"]] += read
            held |= {school for school, scope in schools if scope in asked}
        else:
            allowed.append((frozenset(facts["schools"]), _permitted(read, project, domains, today)))
    if not now and not problems:
        complain("a declared list", "landelijk.toml", "none", "")
    covered = frozenset(school for schools, _ in allowed for school in schools)
    for source, told in before.items():
        if now.get(source, {told["polarity"]}) != {told["polarity"]} or not covered >= set(told["schools"]):
            complain("lists that count as their sources' did", "a list renewed", "a turned or smaller one", "")
    if problems:
        raise ObjectionsRefused(*problems)
    pupils = {
        pupil
        for source in {*before, *lines}
        for pupil, scope in _standing(before.get(source), lines[source], numbers, today)
        if scope in asked
    }
    return ExcludedPupils(
        numbers.possibly(pupils),
        frozenset(held),
        tuple((schools, numbers.certainly(permitted)) for schools, permitted in allowed),
        folder.parent / "restricted" / "unlisted",
    )


def _remembered(folder: Path, complain: ReportProblem) -> dict[str, dict[str, Any]]:
    found = {}
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            entries = [(entry[0], entry[1], *map(_kept_day, entry[2:4])) for entry in told["entries"]]
            found[str(told["source"])] = {**told, "entries": entries, "schools": list(told["schools"])}
            _ = told["polarity"]
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            complain("what a source filed before", "the file as it was written", "another", "")
    return found


def _kept_day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _lines(
    rows: ListLines, numbers: PupilNumberLinks, today: dt.date, name: str, complain: ReportProblem
) -> tuple[list[_Line], set[tuple[str, str]]]:
    """The lines of pupils; schools, with the scope, that filed an invalid number and did not withdraw it."""
    read, schools = list[_Line](), set[tuple[str, str]]()
    for place, row in enumerate(rows, start=1):
        where = f"{name} entry {place}"
        try:
            since, until = (
                list_file_reader.parse_list_date(row["vanaf"]),
                list_file_reader.parse_list_date(row["ingetrokken_op"]),
            )
        except ValueError:
            complain("a date or nothing", "2025-01-31", "something else", where)
            continue
        if not OBJECTION_SCOPE.fullmatch(row["bereik"]):
            complain("the scope alles, domein:… or project:…", "alles", "another", where)
        number, by = parse_pupil_number(row["pgn"]), list_file_reader.parse_school_and_site(row["brin"])
        if number is not None:
            read.append(_Line(numbers.of(number), row["bereik"], since or dt.date.min, until))
        elif until is not None and until <= today:
            continue
        elif ROUNDED_NUMBER.search(row["pgn"]):
            complain("a number with all its digits", "a BSN as text", "a rounded one", where)
        elif by is not None:
            schools.add((by[0], row["bereik"]))
        else:
            complain("a valid number or the school that filed it", "99ZZ", "neither", where)
    return read, schools


def _standing(
    before: dict[str, Any] | None, lines: list[_Line], numbers: PupilNumberLinks, today: dt.date
) -> set[ScopedNumber]:
    """Who objects by one source: whom its lists have without an end, or had and nobody withdrew."""
    told = defaultdict[ScopedNumber, list[_Line]](list)
    for line in lines:
        told[line.pupil, line.scope].append(line)
    standing = set[ScopedNumber]()
    for pupil, said in told.items():
        ends = [line.until for line in said if line.until is not None]
        if len(ends) < len(said) or max(ends) > today:
            standing.add(pupil)
    for number, scope, since, until in before["entries"] if before else ():
        pupil = numbers.of(number), scope
        ends = [line.until for line in told.get(pupil, ()) if line.until is not None]
        lifted = bool(ends) and since <= max(ends) <= today
        if not lifted and (until is None or today < until):
            standing.add(pupil)
    return standing


def _permitted(lines: list[_Line], project: str, domains: Collection[str], today: dt.date) -> PupilNumbers:
    scopes = defaultdict[str, set[str]](set)
    for line in lines:
        if line.since <= today and (line.until is None or today < line.until):
            scopes[line.pupil].add(line.scope)
    every = {f"domein:{domain}" for domain in domains}
    return frozenset(
        pupil for pupil, own in scopes.items() if own & {"alles", f"project:{project}"} or (every and every <= own)
    )
