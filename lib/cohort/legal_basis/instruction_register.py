"""Instructions of schools, as declared lists give them: the schools whose results a project may use.

In: the lists of the folder `instructions`. Out: the schools and sites with an instruction in force for a project.
Read by `eligibility`.

The competent authority of a school instructs: `anonimiseren` once, for every anonymous project, or
`pseudonimiseren` for one project and the columns it names. The lists count together. A withdrawal ends what was
given before it, in whichever list that is; what is given after it counts again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cohort.agreements import Project
from cohort.foundation import RightsRefused, describe_problem
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
    SchoolAndSite,
    date_column,
    parse_cell_school,
    required_date_column,
    required_text_column,
    text_column,
)
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.release_records import AppliedList
from cohort.storage import StoragePath

STANDING_INSTRUCTION, PROJECT_INSTRUCTION = "anonimiseren", "pseudonimiseren"
_SITE_CODE = re.compile(r"[0-9]{2}")


def _parse_school(cell: str) -> SchoolAndSite:
    school = parse_cell_school(cell)
    if school is None:
        raise InvalidCell("a BRIN", "99ZZ", "something else")
    return school


def _parse_site(cell: str) -> str:
    site = cell.removeprefix("'")
    if site and not _SITE_CODE.fullmatch(site):
        raise InvalidCell("a site of two digits or nothing", "00", "something else")
    return site


def _parse_kind(cell: str) -> str:
    if cell not in (STANDING_INSTRUCTION, PROJECT_INSTRUCTION):
        what = f"soort {STANDING_INSTRUCTION} or {PROJECT_INSTRUCTION}"
        raise InvalidCell(what, STANDING_INSTRUCTION, "something else")
    return cell


def _parse_columns(cell: str) -> frozenset[str]:
    return frozenset(re.split(r"[,\s]+", cell)) - {""}


_BRIN = ListColumn("brin", _parse_school)
_SITE = ListColumn("vestiging", _parse_site)
_KIND = ListColumn("soort", _parse_kind)
_PROJECT = text_column("project")
_COLUMNS = ListColumn("kolommen", _parse_columns)
_GIVEN_BY = required_text_column("gegeven_door", "who gave it", "bestuur 70021")
_GIVEN_ON = required_date_column("gegeven_op", "the day it was given", "2026-01-31", found="nothing in gegeven_op")
_UNTIL = date_column("tot")
_WITHDRAWN_ON = date_column("ingetrokken_op")

INSTRUCTION_LISTS = ListDefinition(
    "instructions",
    (_BRIN, _SITE, _KIND, _PROJECT, _COLUMNS, _GIVEN_BY, _GIVEN_ON, _UNTIL, _WITHDRAWN_ON),
    DatedListDeclaration,
    RightsRefused,
)


@dataclass(frozen=True)
class Instruction:
    """One line: of a school or one site of it, for every anonymous project or for one pseudonymous one."""

    brin: str
    site: str
    project: str
    columns: frozenset[str]
    given_on: dt.date
    until: dt.date | None
    withdrawn: dt.date | None

    def in_force(self, today: dt.date) -> bool:
        """Whether it is in force, as far as this line says."""
        lapsed = self.until is not None and self.until < today
        return self.given_on <= today and not lapsed and (self.withdrawn is None or self.withdrawn > today)

    def withdrawn_by(self, other: Instruction) -> bool:
        """Whether the withdrawal on another line, of as much of the school or more, ends this instruction too."""
        return other.withdrawn is not None and (self.given_on < other.withdrawn or self.given_on == other.given_on)


@dataclass(frozen=True)
class InstructedSchools:
    """The schools and sites whose rows may be used.

    Args:
        coverage: per BRIN whether the whole school is covered, and the sites for which it is the other way round.
        digest: changes when a list, or what is in force of it, changes.
    """

    coverage: dict[str, tuple[bool, frozenset[str]]]
    digest: str = ""

    def covers(self, brin: str, site: str) -> bool:
        whole, exceptions = self.coverage.get(brin, (False, frozenset()))
        return whole != (site in exceptions)

    def describe(self) -> list[str]:
        """The schools as a restricted record keeps them: `10AA`, `10AA but 02`, `10AB only 01`."""
        return [
            f"{brin} {'but' if whole else 'only'} {' '.join(sorted(sites))}" if sites or not whole else brin
            for brin, (whole, sites) in sorted(self.coverage.items())
        ]

    def lapsed_since(self, descriptions: Iterable[str]) -> bool:
        """Whether a school or site of earlier `describe` texts is not covered any more."""
        return any(self._covers_less_than(*text.partition(" ")[::2]) for text in descriptions)

    def _covers_less_than(self, brin: str, rest: str) -> bool:
        mode, *sites = rest.split() or ("but",)
        if mode == "only":
            return any(not self.covers(brin, site) for site in sites)
        whole, exceptions = self.coverage.get(brin, (False, frozenset()))
        return not whole or bool(exceptions - set(sites))


@dataclass(frozen=True)
class InstructionRegister:
    """All lists of instructions together, on the day they were read."""

    lists: tuple[DeclaredList[DatedListDeclaration], ...]
    instructions: tuple[Instruction, ...]
    today: dt.date

    def applied_lists(self) -> tuple[AppliedList, ...]:
        """What records say of the lists."""
        return tuple(one.as_applied() for one in self.lists)

    def instructed_schools(self, project: Project) -> InstructedSchools:
        """The schools whose results a project may use.

        Raises:
            RightsRefused: no school with an instruction for the project, or columns that no school's instruction
                names (exit code 17).
        """
        pseudonymous = project.release_class != "anonymous"
        columns = frozenset(project.column_names) if pseudonymous else frozenset[str]()
        by_school = defaultdict[str, list[Instruction]](list)
        for one in self.instructions:
            if one.project == (project.name if pseudonymous else ""):
                by_school[one.brin].append(one)
        coverages = {brin: _find_coverage(own, columns, self.today) for brin, own in sorted(by_school.items())}
        coverage = {brin: (whole, sites) for brin, (whole, sites) in coverages.items() if whole or sites}
        if not coverage:
            named = [_named_columns(own, site, self.today) for own in by_school.values() for site in _sites_of(own)]
            raise _no_instruction(project, pseudonymous, [names for names in named if names is not None], columns)
        text = f"{digest_declared_lists(self.lists)} {InstructedSchools(coverage).describe()}"
        return InstructedSchools(coverage, hashlib.sha256(text.encode()).hexdigest())


def load_instruction_register(folder: StoragePath, today: dt.date, vocabulary: ListVocabulary) -> InstructionRegister:
    """Read every list of instructions.

    Args:
        folder: the folder of the lists; none there means that no school gave an instruction.
        today: the present day.
        vocabulary: the schools and projects that a line may name.

    Raises:
        RightsRefused: every problem of `read_declared_lists`, a line with an unknown kind, school, project or
            site, without who gave it or when, given later than today, with columns or a project where its kind
            has none, or without them where it has (exit code 17).
    """

    def check_line(line: ListLine) -> Iterator[InvalidCell]:
        return _check_instruction_line(line, today, vocabulary)

    problems: list[str] = []
    definition = replace(INSTRUCTION_LISTS, check_line=check_line)
    lists = read_declared_lists(definition, folder, today, problems)
    if problems:
        raise RightsRefused(*problems)
    return InstructionRegister(lists, tuple(_to_instruction(line) for one in lists for line in one.lines), today)


def _check_instruction_line(line: ListLine, today: dt.date, vocabulary: ListVocabulary) -> Iterator[InvalidCell]:
    if line[_GIVEN_ON] > today:
        yield InvalidCell("an instruction given today or before", str(today), "a later day")
    if line[_BRIN].brin not in vocabulary.schools:
        yield InvalidCell("a school of scholen.csv", "one that is listed there", "another BRIN")
    if line[_BRIN].site and line[_SITE] not in ("", line[_BRIN].site):
        yield InvalidCell("one site of a school", "99ZZ and 01", "one behind its BRIN and another in vestiging")
    if line[_KIND] == STANDING_INSTRUCTION:
        if line[_PROJECT] or line.cells[_COLUMNS.name]:
            yield InvalidCell(f"no project and no columns with {STANDING_INSTRUCTION}", "two empty cells", "one")
        return
    if not line[_PROJECT]:
        yield InvalidCell(f"the project with {PROJECT_INSTRUCTION}", "leergroei", "none")
    elif line[_PROJECT] not in vocabulary.projects:
        yield InvalidCell("a project that there is", "the name of a file in projects/", "another name")
    if not line[_COLUMNS]:
        yield InvalidCell(f"the columns with {PROJECT_INSTRUCTION}", "rekenen_M7,geslacht", "none")


def _to_instruction(line: ListLine) -> Instruction:
    school = line[_BRIN]
    return Instruction(
        school.brin,
        line[_SITE] or school.site,
        line[_PROJECT],
        line[_COLUMNS],
        line[_GIVEN_ON],
        line[_UNTIL],
        line[_WITHDRAWN_ON],
    )


def _find_coverage(
    instructions: list[Instruction], columns: frozenset[str], today: dt.date
) -> tuple[bool, frozenset[str]]:
    """Whether a whole school is covered, and the sites for which it is the other way round."""
    named = {site: _named_columns(instructions, site, today) for site in _sites_of(instructions)}
    covered = {site: names is not None and columns <= names for site, names in named.items()}
    return covered[""], frozenset(site for site, is_covered in covered.items() if site and is_covered != covered[""])


def _sites_of(instructions: list[Instruction]) -> set[str]:
    """The sites that instructions name, and `` for all others."""
    return {"", *(one.site for one in instructions)}


def _named_columns(instructions: list[Instruction], site: str, today: dt.date) -> frozenset[str] | None:
    """The columns that instructions in force name for a site, or for its whole school; None without one.

    A withdrawal for the site ends, for that site, what its whole school had given.
    """
    applicable = [one for one in instructions if one.site in ("", site)]
    withdrawals = [one for one in applicable if one.withdrawn is not None and one.withdrawn <= today]
    in_force = [
        one for one in applicable if one.in_force(today) and not any(one.withdrawn_by(other) for other in withdrawals)
    ]
    return frozenset().union(*(one.columns for one in in_force)) if in_force else None


def _no_instruction(
    project: Project, pseudonymous: bool, named: list[frozenset[str]], columns: frozenset[str]
) -> RightsRefused:
    never_named = sorted(columns.difference(*named))
    example = (
        f"a line {PROJECT_INSTRUCTION} for {project.name}"
        if pseudonymous
        else f"a line {STANDING_INSTRUCTION} of each school"
    )
    if not named:
        what, found = "an instruction of at least one school", "none in force"
    elif never_named:
        what, found = "columns that a school's instruction names", f"none that names {', '.join(never_named)}"
    else:
        what, found = "a school whose instruction names every column", "none that names them all"
    do = f"Ask the schools for it, or change projects/{project.name}.toml"
    return RightsRefused(describe_problem(what, example=example, found=found, where="instructions/", do=do))
