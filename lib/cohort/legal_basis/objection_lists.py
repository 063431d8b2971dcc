"""What is filed in the lists of objections: every line judged, none of it weighed yet.

A list blocks (who is on it objects) or allows (who is on it may be used, of the schools it covers). A line
is of one pupil and one scope: `alles`, `domein:<domain>` or `project:<project>`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohort.foundation.errors import ObjectionsRefused
from cohort.foundation.identifiers import BRIN_PATTERN, normalise_pgn
from cohort.legal_basis import declared_lists, list_text
from cohort.legal_basis.declared_lists import DeclaredList, ListDefinition, ListLine

SCOPE_EVERYTHING, SCOPE_DOMAIN, SCOPE_PROJECT = "alles", "domein:", "project:"
SCOPE_PATTERN = re.compile(r"alles|domein:\S.*|project:[a-z][a-z0-9_]{1,39}")
POLARITY_BLOCK, POLARITY_ALLOW = "block", "allow"
SPREADSHEET_EXPONENT = re.compile(r"[0-9][.,]?[eE][+-]?[0-9]")
"""A number as a spreadsheet shortens it; where it is read as none, some of its digits are gone."""
ASK_FOR_NUMBERS_AS_TEXT = (
    "Ask its keeper for the list with the numbers as text: no other list tells which digits are gone"
)
Known = tuple[Collection[str], Collection[str] | None]
"""What a scope may name: domains, and projects."""
SchoolCode = Annotated[str, Field(pattern=rf"^{BRIN_PATTERN.pattern}$")]


class ObjectionListDeclaration(declared_lists.DatedListDeclaration):
    """What is declared of one list; nothing has a default, and only a list that allows covers schools."""

    polarity: Literal["block", "allow"]
    schools: Annotated[list[SchoolCode], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _covers(self) -> Self:
        if (self.polarity == POLARITY_ALLOW) != (self.schools is not None):
            found = "none" if self.schools is None else "a list that blocks everywhere, and names schools"
            raise ValueError(
                "Expected schools = [...] in a list that allows and in no other, for example "
                f"schools = ['99ZZ']; found {found} in <where>. Name the schools that it covers, or correct "
                "the polarity."
            )
        return self


OBJECTION_LISTS = ListDefinition(
    "objections", ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik"), ObjectionListDeclaration, ObjectionsRefused
)


@dataclass(frozen=True, repr=False)
class ObjectionLine:
    """One line with a valid number: it holds from when it is known, and until it was withdrawn."""

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
    """One list as read. `invalid` has, by school and scope, the lines whose number proves to be none."""

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
        """The numbers of the lines that hold on the day it was read."""
        return frozenset(filing.pgn for filing in self.objections if filing.in_force(self.read_on))

    @property
    def blocks(self) -> bool:
        return self.declaration.polarity == POLARITY_BLOCK


def read_objection_lists(
    folder: Path,
    most_days: int,
    today: dt.date,
    domains: Collection[str],
    problems: list[str],
    projects: Collection[str] | None = None,
) -> tuple[tuple[ObjectionList, ...], str]:
    """Every list of the zone, and one hash over all of them.

    Takes: the zone's folder, the platform's greatest age of a list, the day it is, the domains of the test
    catalogue, a list that receives every problem, the projects that there are or were (None: whoever keeps
    a line of an unknown project hears it from another job).
    Refuses (as problems): no list at all, what `lists.read` refuses, a date or a scope that is none (a domain
    nobody tests, a project of no such name), a BRIN that is none, an invalid number that no school filed, one
    source with two polarities.
    """
    found = declared_lists.read_declared_lists(OBJECTION_LISTS, folder, today, problems, most_days=most_days)
    if not problems and not found:
        what, example = "at least one declared list", "landelijk.toml beside landelijk.csv"
        problems.append(OBJECTION_LISTS.wrong(what, example, "none", OBJECTION_LISTS.place("")))
    told = {one.declaration.source: Counter[str]() for one in found}
    for one in found:
        told[one.declaration.source][one.declaration.polarity] += 1
    for one in found:
        if len(told[one.declaration.source]) > 1:
            what, example = "one polarity per source", "a source of its own for the list that allows"
            problems.append(
                OBJECTION_LISTS.wrong(what, example, "both of one source", OBJECTION_LISTS.place(f"{one.name}.toml"))
            )
    return tuple(
        _filed(one, today, (domains, projects), problems) for one in found
    ), declared_lists.digest_declared_lists(found)


def _filed(
    one: DeclaredList[ObjectionListDeclaration], today: dt.date, known: Known, problems: list[str]
) -> ObjectionList:
    filings, invalid, withdrawn = list[ObjectionLine](), dict[tuple[str, str], tuple[int, ...]](), 0
    for line in one.lines:
        wrong = list(_wrong(line, *known))
        since = declared_lists.parse_date_cell(OBJECTION_LISTS, line, "vanaf", wrong)
        until = declared_lists.parse_date_cell(OBJECTION_LISTS, line, "ingetrokken_op", wrong)
        if since is None and not line["vanaf"]:
            wrong.append(OBJECTION_LISTS.wrong("a date in vanaf", "2025-01-31", "nothing", line.where))
        problems.extend(wrong)
        if wrong or since is None:
            continue
        gone = until is not None and until <= today
        withdrawn += gone
        (school, _), scope = list_text.parse_school_and_site(line["brin"]) or ("", ""), line["bereik"]
        pgn = normalise_pgn(line["pgn"])
        if pgn is not None:
            filings.append(ObjectionLine(pgn, school, scope, since, until, line.number))
        elif gone:
            continue
        elif SPREADSHEET_EXPONENT.search(line["pgn"]):
            what, found = "a pupil number with all its digits", "one that a spreadsheet rounded"
            problems.append(OBJECTION_LISTS.wrong(what, "a BSN", found, line.where, ASK_FOR_NUMBERS_AS_TEXT))
        elif school:
            invalid[school, scope] = (*invalid.get((school, scope), ()), line.number)
        else:
            what = "a valid pupil number or the school that filed it"
            problems.append(OBJECTION_LISTS.wrong(what, "a BSN", "neither", line.where))
    return ObjectionList(
        one.name, one.declaration, one.sha256, len(one.lines), tuple(filings), invalid, withdrawn, today
    )


def _wrong(line: ListLine, domains: Collection[str], projects: Collection[str] | None) -> Iterator[str]:
    scope = line["bereik"]
    if not SCOPE_PATTERN.fullmatch(scope):
        what = "bereik alles, domein:… or project:…"
        yield OBJECTION_LISTS.wrong(what, "domein:rekenen", "another scope", line.where)
    elif scope.startswith(SCOPE_DOMAIN) and scope.removeprefix(SCOPE_DOMAIN) not in domains:
        what, example = "a domain of the test catalogue", f"domein:{min(domains, default='rekenen')}"
        yield OBJECTION_LISTS.wrong(what, example, "one that no test measures", line.where)
    elif scope.startswith(SCOPE_PROJECT) and projects is not None and scope.removeprefix(SCOPE_PROJECT) not in projects:
        what = "a project that there is or was"
        yield OBJECTION_LISTS.wrong(what, "project:leergroei", "one that nobody declared", line.where)
    if line["brin"] and list_text.parse_school_and_site(line["brin"]) is None:
        yield OBJECTION_LISTS.wrong("a BRIN or nothing", "99ZZ", "something else", line.where)
