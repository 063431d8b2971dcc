"""Lists of objections and opt-in lists as they were filed, line by line.

In: the lists of the folder `objections`. Out: an `ObjectionList` each. Called by `objections`, which combines them
with the registry of earlier objections.

A list blocks (who is on it objects) or allows (an opt-in list: of the schools it covers, only who is on it may be
used). A line is of one pupil and one scope: `alles`, `domein:<domain>` or `project:<project>`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohort.foundation import BRIN_PATTERN, ObjectionsRefused
from cohort.legal_basis.declared_lists import (
    DatedListDeclaration,
    DeclaredList,
    ListDefinition,
    ListLine,
    digest_declared_lists,
    read_declared_lists,
)
from cohort.legal_basis.list_columns import (
    InvalidCell,
    ListColumn,
    date_column,
    parse_cell_school,
    required_date_column,
    unproven_number_column,
)
from cohort.storage import StoragePath

SCOPE_EVERYTHING, SCOPE_DOMAIN, SCOPE_PROJECT = "alles", "domein:", "project:"
POLARITY_BLOCK, POLARITY_ALLOW = "block", "allow"
ASK_FOR_NUMBERS_AS_TEXT = (
    "Ask its keeper for the list with the numbers as text: no other list tells which digits are gone"
)
_SCOPE_PATTERN = re.compile(r"alles|domein:\S.*|project:[a-z][a-z0-9_]{1,39}")
_SPREADSHEET_EXPONENT = re.compile(r"[0-9][.,]?[eE][+-]?[0-9]")
"""A number as a spreadsheet shortens it; where it is not read as a number, some of its digits are gone."""
SchoolCode = Annotated[str, Field(pattern=rf"^{BRIN_PATTERN.pattern}$")]


class ObjectionListDeclaration(DatedListDeclaration):
    """What is declared of one list; nothing has a default, and only a list that allows covers schools."""

    polarity: Literal["block", "allow"]
    schools: Annotated[list[SchoolCode], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_schools(self) -> Self:
        if (self.polarity == POLARITY_ALLOW) != (self.schools is not None):
            found = "none" if self.schools is None else "a list that blocks everywhere, and names schools"
            raise ValueError(
                "Expected schools = [...] in a list that allows and in no other, for example "
                f"schools = ['99ZZ']; found {found} in <where>. Name the schools that it covers, or correct "
                "the polarity."
            )
        return self


def _parse_school(cell: str) -> str:
    school = parse_cell_school(cell)
    if cell and school is None:
        raise InvalidCell("a BRIN or nothing", "99ZZ", "something else")
    return school.brin if school else ""


def _parse_scope(cell: str) -> str:
    if not _SCOPE_PATTERN.fullmatch(cell):
        raise InvalidCell("bereik alles, domein:… or project:…", "domein:rekenen", "another scope")
    return cell


_PGN = unproven_number_column("pgn")
_SCHOOL = ListColumn("brin", _parse_school)
_SINCE = required_date_column("vanaf", "a date in vanaf", "2025-01-31")
_WITHDRAWN_ON = date_column("ingetrokken_op")
_SCOPE = ListColumn("bereik", _parse_scope)

OBJECTION_LISTS = ListDefinition(
    "objections", (_PGN, _SCHOOL, _SINCE, _WITHDRAWN_ON, _SCOPE), ObjectionListDeclaration, ObjectionsRefused
)


@dataclass(frozen=True, repr=False)
class ObjectionLine:
    """One line with a valid number: of a pupil, filed by a school or by nobody known, until it was withdrawn.

    On an opt-in list the line permits, from its first day; on any other it objects, from when it is known.
    """

    pgn: str
    school: str
    scope: str
    since: dt.date
    until: dt.date | None
    line: int

    def in_force(self, today: dt.date) -> bool:
        return self.until is None or today < self.until


@dataclass(frozen=True)
class ObjectionList:
    """One list as read. `invalid_lines` has, by school and scope, the lines whose number is invalid."""

    name: str
    declaration: ObjectionListDeclaration
    sha256: str
    line_count: int
    objections: tuple[ObjectionLine, ...] = field(default=(), repr=False)
    invalid_lines: dict[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    withdrawn_count: int = 0
    read_on: dt.date = dt.date.min

    @property
    def numbers_in_force(self) -> frozenset[str]:
        """The numbers of the lines in force on the day it was read."""
        return frozenset(line.pgn for line in self.objections if line.in_force(self.read_on))

    @property
    def blocks(self) -> bool:
        return self.declaration.polarity == POLARITY_BLOCK


def read_objection_lists(
    folder: StoragePath,
    max_age_days: int,
    today: dt.date,
    domains: Collection[str],
    problems: list[str],
    projects: Collection[str] | None = None,
) -> tuple[tuple[ObjectionList, ...], str]:
    """Read every list of the folder.

    Args:
        folder: the folder of the lists.
        max_age_days: the greatest age of a list that the platform allows.
        today: the present day.
        domains: the domains of the test catalogue.
        problems: receives every problem: no list at all, those of `read_declared_lists`, an invalid date or
            scope (a domain that no test measures, an unknown project), an invalid BRIN, an invalid number that no
            school filed, one source with two polarities.
        projects: the projects that there are or were; None accepts any name, where another job reports it.

    Returns:
        The lists, and one digest over all of them.
    """
    definition = replace(
        OBJECTION_LISTS,
        columns=(_PGN, _SCHOOL, _SINCE, _WITHDRAWN_ON, _limit_scope(domains, projects)),
        check_line=lambda line: _check_number(line, today),
    )
    lists = read_declared_lists(definition, folder, today, problems, max_age_days=max_age_days)
    if not problems and not lists:
        what, example = "at least one declared list", "landelijk.toml beside landelijk.csv"
        problems.append(OBJECTION_LISTS.problem(what, example, "none", OBJECTION_LISTS.place("")))
    problems.extend(_check_polarities(lists))
    return tuple(_to_objection_list(one, today) for one in lists), digest_declared_lists(lists)


def _limit_scope(domains: Collection[str], projects: Collection[str] | None) -> ListColumn[str]:
    def parse_known_scope(cell: str) -> str:
        scope = _parse_scope(cell)
        if scope.startswith(SCOPE_DOMAIN) and scope.removeprefix(SCOPE_DOMAIN) not in domains:
            example = f"domein:{min(domains, default='rekenen')}"
            raise InvalidCell("a domain of the test catalogue", example, "one that no test measures")
        if (
            scope.startswith(SCOPE_PROJECT)
            and projects is not None
            and scope.removeprefix(SCOPE_PROJECT) not in projects
        ):
            raise InvalidCell("a project that there is or was", "project:leergroei", "one that nobody declared")
        return scope

    return ListColumn(_SCOPE.name, parse_known_scope)


def _check_number(line: ListLine, today: dt.date) -> Iterator[InvalidCell]:
    """An invalid number is a problem unless its line was withdrawn or names the school that filed it."""
    if line[_PGN] is not None or _is_withdrawn(line, today):
        return
    if _SPREADSHEET_EXPONENT.search(line.cells[_PGN.name]):
        what, found = "a pupil number with all its digits", "one that a spreadsheet rounded"
        yield InvalidCell(what, "a BSN", found, ASK_FOR_NUMBERS_AS_TEXT)
    elif not line[_SCHOOL]:
        yield InvalidCell("a valid pupil number or the school that filed it", "a BSN", "neither")


def _check_polarities(lists: Iterable[DeclaredList[ObjectionListDeclaration]]) -> Iterator[str]:
    lists = tuple(lists)
    polarities = defaultdict[str, Counter[str]](Counter)
    for one in lists:
        polarities[one.declaration.source][one.declaration.polarity] += 1
    what, example = "one polarity per source", "a source of its own for the list that allows"
    for one in lists:
        if len(polarities[one.declaration.source]) > 1:
            place = OBJECTION_LISTS.place(f"{one.name}.toml")
            yield OBJECTION_LISTS.problem(what, example, "both of one source", place)


def _to_objection_list(one: DeclaredList[ObjectionListDeclaration], today: dt.date) -> ObjectionList:
    lines = list[ObjectionLine]()
    invalid = defaultdict[tuple[str, str], list[int]](list)
    for line in one.lines:
        pgn = line[_PGN]
        if pgn is not None:
            lines.append(
                ObjectionLine(pgn, line[_SCHOOL], line[_SCOPE], line[_SINCE], line[_WITHDRAWN_ON], line.number)
            )
        elif not _is_withdrawn(line, today):
            invalid[line[_SCHOOL], line[_SCOPE]].append(line.number)
    return ObjectionList(
        one.name,
        one.declaration,
        one.sha256,
        len(one.lines),
        tuple(lines),
        {place: tuple(numbers) for place, numbers in invalid.items()},
        sum(_is_withdrawn(line, today) for line in one.lines),
        today,
    )


def _is_withdrawn(line: ListLine, today: dt.date) -> bool:
    withdrawn_on = line[_WITHDRAWN_ON]
    return withdrawn_on is not None and withdrawn_on <= today
