"""Which pupils may not be in a release, from the objection lists and the objection registry.

The verifier's own reading of both, for the finding OBJECTOR: `control_column_check` counts these pupils in a
stage, `verify_rights` in a published table. Shares no code with `legal_basis`.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.delta import read_table, table_exists
from cohort.foundation import ObjectionsRefused, describe_problem
from cohort.storage import StoragePath
from cohort.verification import list_file_reader, number_change_reader
from cohort.verification.list_file_reader import ListLines, ReportProblem
from cohort.verification.number_change_reader import PupilNumberLinks
from cohort.verification.pupil_number_reader import parse_pupil_number
from cohort.verification.result_selection import driver_frame

OBJECTION_SCOPE = re.compile(r"alles|domein:[^\s].*|project:[a-z0-9_]+")
ROUNDED_NUMBER = re.compile(r"\d[.,]?e[-+]?\d", re.IGNORECASE | re.ASCII)
PupilNumberSet = frozenset[str]
ScopedNumber = tuple[str, str]
"""The newest number of a pupil, and a scope."""


class OptInRequirement(NamedTuple):
    """A list that permits: at the schools it covers, no other numbers may be in the release."""

    schools: frozenset[str]
    permitted: PupilNumberSet


@dataclass(frozen=True)
class ExcludedPupils:
    """Who may not be in a release of one project.

    Args:
        numbers: numbers of pupils who object.
        held_back_schools: schools with an objection under an invalid number; none of their pupils may be in it.
        opt_in_lists: the lists that permit.
        known_elsewhere: table of further pupils of schools on opt-in lists, whose results are not kept.
    """

    numbers: PupilNumberSet = field(repr=False)
    held_back_schools: frozenset[str] = frozenset()
    opt_in_lists: tuple[OptInRequirement, ...] = field(default=(), repr=False)
    known_elsewhere: StoragePath | None = None


@dataclass(frozen=True, repr=False)
class _ObjectionLine:
    pupil: str
    scope: str
    since: dt.date
    until: dt.date | None


@dataclass(frozen=True, repr=False)
class _RegisteredSource:
    """What the registry holds of one source of lists."""

    polarity: str
    schools: frozenset[str]
    objections: tuple[_ObjectionLine, ...]


@dataclass(repr=False)
class _CurrentLists:
    """What the lists of today say, by source where it matters."""

    polarities: dict[str, set[str]] = field(default_factory=dict)
    blocking_lines: dict[str, list[_ObjectionLine]] = field(default_factory=lambda: defaultdict(list))
    held_back_schools: set[str] = field(default_factory=set)
    opt_in_lists: list[OptInRequirement] = field(default_factory=list)


@dataclass(frozen=True)
class _ListRequest:
    """For whom and when the lists are read."""

    folder: StoragePath
    max_age_days: int
    today: dt.date
    project: str
    domains: Collection[str]

    @property
    def scopes(self) -> set[str]:
        return {"alles", f"project:{self.project}", *(f"domein:{domain}" for domain in self.domains)}


def read_excluded_pupils(
    folder: StoragePath, max_age_days: int, today: dt.date, project: str, domains: Collection[str]
) -> ExcludedPupils:
    """Read all objection lists and the registry as one answer for one project.

    Args:
        folder: the objections zone; number changes and the restricted zone are its siblings.
        max_age_days: the platform's greatest age of a list.
        today: the day of the verification.
        project: the project's name.
        domains: the domains whose results it uses.

    Raises:
        ObjectionsRefused: no list, or a list that is missing, undeclared, declared twice, stale, dated in the
            future, unreadable, unexpectedly empty, with an unknown scope, with an invalid number and no school,
            or with another polarity or fewer schools than its source had: all problems at once (exit code 12).
    """
    request = _ListRequest(folder, max_age_days, today, project, domains)
    problems: list[str] = []

    def report(what: str, example: str, actual: str, where: str) -> None:
        place = f"objections/{where}"
        problems.append(
            describe_problem(what, example=example, found=actual, where=place, do="Restore or renew the list")
        )

    numbers = number_change_reader.read_pupil_number_links(folder.parent, report)
    registry = _read_registry(folder.parent / "restricted" / "objections", report)
    current = _read_current_lists(request, numbers, report)
    if not current.polarities and not problems:
        report("a declared list", "landelijk.toml", "none", "")
    _check_continuity(registry, current, report)
    if problems:
        raise ObjectionsRefused(*problems)
    objecting = {
        number
        for source in {*registry, *current.blocking_lines}
        for number, scope in _objections_in_force(
            registry.get(source), current.blocking_lines.get(source, []), numbers, today
        )
        if scope in request.scopes
    }
    return ExcludedPupils(
        numbers.numbers_tied_to(objecting),
        frozenset(current.held_back_schools),
        tuple(OptInRequirement(one.schools, numbers.numbers_leading_to(one.permitted)) for one in current.opt_in_lists),
        folder.parent / "restricted" / "unlisted",
    )


def excluded_pupils_frame(spark: SparkSession, excluded: ExcludedPupils, results: DataFrame) -> DataFrame:
    """Return everybody who may not be in the release, as `pgn`, each once.

    Of a school that is held back: everybody. Of a school on an opt-in list: everybody with results there, or
    known there without kept results, whom the list does not permit.
    """
    frame = driver_frame(spark, {"pgn": pa.array(sorted(excluded.numbers), pa.string())})
    if excluded.held_back_schools:
        held_back = driver_frame(spark, {"brin": pa.array(sorted(excluded.held_back_schools), pa.string())})
        frame = frame.union(results.join(F.broadcast(held_back), "brin", "left_semi").select("pgn"))
    pupils = results.select("pgn", "brin")
    elsewhere = excluded.known_elsewhere
    if excluded.opt_in_lists and elsewhere is not None and table_exists(elsewhere):
        pupils = pupils.unionByName(read_table(spark, elsewhere))
    for schools, permitted in excluded.opt_in_lists:
        covered = driver_frame(spark, {"brin": pa.array(sorted(schools), pa.string())})
        listed = driver_frame(spark, {"pgn": pa.array(sorted(permitted), pa.string())})
        pupils_there = pupils.join(F.broadcast(covered), "brin", "left_semi").select("pgn")
        frame = frame.union(pupils_there.join(listed, "pgn", "left_anti"))
    return frame.distinct()


def _read_registry(folder: StoragePath, report: ReportProblem) -> dict[str, _RegisteredSource]:
    """Read what each source had filed before, by the source's name."""
    registry = {}
    for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            objections = tuple(
                _ObjectionLine(
                    number, scope, dt.date.fromisoformat(since), dt.date.fromisoformat(until) if until else None
                )
                for number, scope, since, until, *_ in document["entries"]
            )
            source = _RegisteredSource(document["polarity"], frozenset(document["schools"]), objections)
            registry[str(document["source"])] = source
        except (OSError, ValueError, KeyError, TypeError):
            report("what a source filed before", "the file as it was written", "another", "")
    return registry


def _read_current_lists(request: _ListRequest, numbers: PupilNumberLinks, report: ReportProblem) -> _CurrentLists:
    current = _CurrentLists()
    for name, declaration in list_file_reader.read_objection_declarations(request.folder, report):
        age = (request.today - declaration["date"]).days
        if not 0 <= age <= min(declaration["max_age_days"], request.max_age_days):
            expectation, actual = "a list of today or a few days before", f"one of {declaration['date']}"
            report(expectation, str(request.today), actual, name)
        file, source, polarity = declaration["file"], declaration["source"], declaration["polarity"]
        cells = list_file_reader.read_list_lines(request.folder / file, list_file_reader.OBJECTION_COLUMNS, report)
        if cells == [] and not declaration["declared_empty"]:
            report("a line, or declared_empty = true", "one objection", "an empty list", file)
        lines, invalid_at = _parse_lines(cells or [], numbers, request.today, file, report)
        current.polarities.setdefault(source, set()).add(polarity)
        if polarity == "block":
            current.blocking_lines[source] += lines
            current.held_back_schools |= {school for school, scope in invalid_at if scope in request.scopes}
        else:
            current.opt_in_lists.append(OptInRequirement(frozenset(declaration["schools"]), _permitted(lines, request)))
    return current


def _check_continuity(registry: Mapping[str, _RegisteredSource], current: _CurrentLists, report: ReportProblem) -> None:
    """Report sources whose lists changed polarity, or cover fewer schools than before."""
    covered = frozenset(school for one in current.opt_in_lists for school in one.schools)
    for source, registered in registry.items():
        polarities = current.polarities.get(source, {registered.polarity})
        if polarities != {registered.polarity} or not covered >= registered.schools:
            report("lists that count as their sources' did", "a list renewed", "a turned or smaller one", "")


def _parse_lines(
    lines: ListLines, numbers: PupilNumberLinks, today: dt.date, file: str, report: ReportProblem
) -> tuple[list[_ObjectionLine], set[tuple[str, str]]]:
    """Return the lines of pupils; and the schools, with the scope, of invalid numbers that are not withdrawn."""
    parsed, invalid_at = list[_ObjectionLine](), set[tuple[str, str]]()
    for entry, line in enumerate(lines, start=1):
        where = f"{file} entry {entry}"
        try:
            since = list_file_reader.parse_list_date(line["vanaf"])
            until = list_file_reader.parse_list_date(line["ingetrokken_op"])
        except ValueError:
            report("a date or nothing", "2025-01-31", "something else", where)
            continue
        if not OBJECTION_SCOPE.fullmatch(line["bereik"]):
            report("the scope alles, domein:… or project:…", "alles", "another", where)
        number, school = parse_pupil_number(line["pgn"]), list_file_reader.parse_school_and_site(line["brin"])
        if number is not None:
            newest = numbers.newest_number(number)
            parsed.append(_ObjectionLine(newest, line["bereik"], since or dt.date.min, until))
        elif until is not None and until <= today:
            continue
        elif ROUNDED_NUMBER.search(line["pgn"]):
            report("a number with all its digits", "a BSN as text", "a rounded one", where)
        elif school is not None:
            invalid_at.add((school[0], line["bereik"]))
        else:
            report("a valid number or the school that filed it", "99ZZ", "neither", where)
    return parsed, invalid_at


def _objections_in_force(
    registered: _RegisteredSource | None, lines: list[_ObjectionLine], numbers: PupilNumberLinks, today: dt.date
) -> set[ScopedNumber]:
    """Return who objects by one source: on its lists without an end, or registered and never withdrawn."""
    lines_of = defaultdict[ScopedNumber, list[_ObjectionLine]](list)
    for line in lines:
        lines_of[line.pupil, line.scope].append(line)
    in_force = set[ScopedNumber]()
    for pupil, own_lines in lines_of.items():
        ends = [line.until for line in own_lines if line.until is not None]
        if len(ends) < len(own_lines) or max(ends) > today:
            in_force.add(pupil)
    for objection in registered.objections if registered else ():
        pupil = numbers.newest_number(objection.pupil), objection.scope
        ends = [line.until for line in lines_of.get(pupil, ()) if line.until is not None]
        is_withdrawn = bool(ends) and objection.since <= max(ends) <= today
        if not is_withdrawn and (objection.until is None or today < objection.until):
            in_force.add(pupil)
    return in_force


def _permitted(lines: list[_ObjectionLine], request: _ListRequest) -> PupilNumberSet:
    """Return who permits the project today: for everything, for it, or for every domain that it uses."""
    scopes = defaultdict[str, set[str]](set)
    for line in lines:
        if line.since <= request.today and (line.until is None or request.today < line.until):
            scopes[line.pupil].add(line.scope)
    domain_scopes = {f"domein:{domain}" for domain in request.domains}
    whole_scopes = {"alles", f"project:{request.project}"}
    return frozenset(
        pupil for pupil, own in scopes.items() if own & whole_scopes or (domain_scopes and domain_scopes <= own)
    )
