"""Instructions of the schools, as their lists give them: whose results a project may use.

The competent authority of a school instructs us: `anonimiseren` once, for every anonymous project, or
`pseudonimiseren` for one project and the columns it names. The lists of a zone count together. A withdrawal
takes away what was given before it, in whichever list that stands; what is given after it counts again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements.project import Project
from cohort.foundation.errors import RightsRefused, describe_problem
from cohort.legal_basis import declared_lists, list_text
from cohort.legal_basis.declared_lists import DatedListDeclaration, DeclaredList, ListLine

INSTRUCTION_COLUMNS = (
    "brin",
    "vestiging",
    "soort",
    "project",
    "kolommen",
    "gegeven_door",
    "gegeven_op",
    "tot",
    "ingetrokken_op",
)
INSTRUCTION_LISTS = declared_lists.ListDefinition(
    "instructions", INSTRUCTION_COLUMNS, DatedListDeclaration, RightsRefused
)
STANDING_INSTRUCTION, PROJECT_INSTRUCTION = "anonimiseren", "pseudonimiseren"
SITE_CODE = re.compile(r"[0-9]{2}")
Complain = Callable[[str, str, str], None]


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
        """Whether it holds, as far as this line says."""
        lapsed = self.until is not None and self.until < today
        return self.given_on <= today and not lapsed and (self.withdrawn is None or self.withdrawn > today)

    def withdrawn_by(self, other: Instruction) -> bool:
        """Whether a withdrawal, of as much of the school or more, is one of this instruction, too."""
        return other.withdrawn is not None and (self.given_on < other.withdrawn or self.given_on == other.given_on)


@dataclass(frozen=True)
class InstructedSchools:
    """The schools and sites whose rows may be used: per BRIN whether all of it but some sites, or only some.

    `digest` is another one when a list or what is in force of it changed.
    """

    coverage: dict[str, tuple[bool, frozenset[str]]]
    digest: str = ""

    def covers(self, brin: str, site: str) -> bool:
        whole, exceptions = self.coverage.get(brin, (False, frozenset()))
        return whole != (site in exceptions)

    def describe(self) -> list[str]:
        """As a restricted record keeps them: `10AA`, `10AA but 02`, `10AB only 01`."""
        return [
            f"{brin} {'but' if whole else 'only'} {' '.join(sorted(sites))}" if sites or not whole else brin
            for brin, (whole, sites) in sorted(self.coverage.items())
        ]

    def lapsed_since(self, before: Iterable[str]) -> bool:
        """Whether a school or site that was told before is covered no longer."""
        return any(self._less_than(*entry.partition(" ")[::2]) for entry in before)

    def _less_than(self, brin: str, rest: str) -> bool:
        how, *sites = rest.split() or ("but",)
        if how == "only":
            return any(not self.covers(brin, site) for site in sites)
        whole, exceptions = self.coverage.get(brin, (False, frozenset()))
        return not whole or bool(exceptions - set(sites))


@dataclass(frozen=True)
class InstructionRegister:
    """All lists together, on the day they were read."""

    lists: tuple[DeclaredList[DatedListDeclaration], ...]
    instructions: tuple[Instruction, ...]
    today: dt.date

    def facts(self) -> list[dict[str, object]]:
        return [one.facts() for one in self.lists]

    def instructed_schools(self, project: Project) -> InstructedSchools:
        """Whose rows a project may use.

        Refuses: no school with an instruction for it, columns that no school's instruction covers (exit
        code 17).
        """
        explicit = project.release_class != "anonymous"
        wanted = frozenset(project.column_names) if explicit else frozenset[str]()
        meant: dict[str, list[Instruction]] = defaultdict(list)
        for one in self.instructions:
            if one.project == (project.name if explicit else ""):
                meant[one.brin].append(one)
        found = {brin: _covered(lines, wanted, self.today) for brin, lines in sorted(meant.items())}
        of = {brin: (whole, sites) for brin, (whole, sites) in found.items() if whole or sites}
        if not of:
            named = [_columns(lines, site, self.today) for lines in meant.values() for site in _sites(lines)]
            raise _nobody(project, explicit, [columns for columns in named if columns is not None], wanted)
        told = f"{declared_lists.digest_declared_lists(self.lists)} {InstructedSchools(of).describe()}"
        return InstructedSchools(of, hashlib.sha256(told.encode()).hexdigest())


def load_instruction_register(
    folder: Path, today: dt.date, schools: Collection[str], projects: Collection[str]
) -> InstructionRegister:
    """Read every declared list.

    Takes: the zone (none there: nobody instructed us), the day it is; the schools and the projects that
    there are: a line that names another one is refused.
    Refuses: what `lists.read` refuses, a line with an unknown kind, school, project or site, without who
    gave it or when, given later than today, with columns for no project or none for one: all problems at once
    (exit code 17).
    """
    problems: list[str] = []
    read = declared_lists.read_declared_lists(INSTRUCTION_LISTS, folder, today, problems)
    lines = [_line(line, today, schools, projects, problems) for one in read for line in one.lines]
    if problems:
        raise RightsRefused(*problems)
    return InstructionRegister(read, tuple(line for line in lines if line), today)


def _covered(lines: list[Instruction], wanted: frozenset[str], today: dt.date) -> tuple[bool, frozenset[str]]:
    """Whether a whole school is covered, and the sites for which it is the other way round."""
    covers = {site: _columns(lines, site, today) for site in _sites(lines)}
    does = {site: columns is not None and wanted <= columns for site, columns in covers.items()}
    return does[""], frozenset(site for site, covered in does.items() if site and covered != does[""])


def _sites(lines: list[Instruction]) -> set[str]:
    """The sites that are spoken of, and `` for all others."""
    return {"", *(line.site for line in lines)}


def _columns(lines: list[Instruction], site: str, today: dt.date) -> frozenset[str] | None:
    """The columns that were named for a site, or for its whole school; None without an instruction in force.

    A withdrawal for the site takes back what its whole school had given, for that site.
    """
    meant = [line for line in lines if line.site in ("", site)]
    back = [line for line in meant if line.withdrawn is not None and line.withdrawn <= today]
    given = [line for line in meant if line.in_force(today) and not any(line.withdrawn_by(other) for other in back)]
    return frozenset().union(*(line.columns for line in given)) if given else None


def _nobody(project: Project, explicit: bool, named: list[frozenset[str]], wanted: frozenset[str]) -> RightsRefused:
    beyond = sorted(wanted.difference(*named))
    example = (
        f"a line {PROJECT_INSTRUCTION} for {project.name}"
        if explicit
        else f"a line {STANDING_INSTRUCTION} of each school"
    )
    if not named:
        what, found = "an instruction of at least one school", "none in force"
    elif beyond:
        what, found = "columns that a school's instruction names", f"none that names {', '.join(beyond)}"
    else:
        what, found = "a school whose instruction names every column", "none that names them all"
    return RightsRefused(
        describe_problem(
            what,
            example=example,
            found=found,
            where="instructions/",
            do=f"Ask the schools for it, or change projects/{project.name}.toml",
        )
    )


def _line(
    line: ListLine, today: dt.date, schools: Collection[str], projects: Collection[str], problems: list[str]
) -> Instruction | None:
    before = len(problems)

    def wrong(what: str, example: str, found: str) -> None:
        problems.append(INSTRUCTION_LISTS.wrong(what, example, found, line.where))

    given, until, withdrawn = (
        declared_lists.parse_date_cell(INSTRUCTION_LISTS, line, name, problems)
        for name in ("gegeven_op", "tot", "ingetrokken_op")
    )
    if not line["gegeven_op"]:
        wrong("the day it was given", str(today), "nothing in gegeven_op")
    if given is not None and given > today:
        wrong("an instruction given today or before", str(today), "a later day")
    if not line["gegeven_door"]:
        wrong("who gave it", "bestuur 70021", "nothing in gegeven_door")
    brin, behind = list_text.parse_school_and_site(line["brin"]) or ("", "")
    site = line["vestiging"].removeprefix("'") or behind
    if not brin:
        wrong("a BRIN", "99ZZ", "something else")
    elif brin not in schools:
        wrong("a school of scholen.csv", "one that is listed there", "another BRIN")
    if site and not SITE_CODE.fullmatch(site):
        wrong("a site of two digits or nothing", "00", "something else")
    elif behind and site != behind:
        wrong("one site of a school", "99ZZ and 01", "one behind its BRIN and another in vestiging")
    _kind(line, projects, wrong)
    if len(problems) > before or given is None:
        return None
    columns = frozenset(re.split(r"[,\s]+", line["kolommen"])) - {""}
    return Instruction(brin, site, line["project"], columns, given, until, withdrawn)


def _kind(line: ListLine, projects: Collection[str], wrong: Complain) -> None:
    if line["soort"] == STANDING_INSTRUCTION:
        if line["project"] or line["kolommen"]:
            wrong(f"no project and no columns with {STANDING_INSTRUCTION}", "two empty cells", "one")
    elif line["soort"] == PROJECT_INSTRUCTION:
        if not line["project"]:
            wrong(f"the project with {PROJECT_INSTRUCTION}", "leergroei", "none")
        elif line["project"] not in projects:
            wrong("a project that there is", "the name of a file in projects/", "another name")
        if not line["kolommen"].strip(", \t"):
            wrong(f"the columns with {PROJECT_INSTRUCTION}", "rekenen_M7,geslacht", "none")
    else:
        wrong(f"soort {STANDING_INSTRUCTION} or {PROJECT_INSTRUCTION}", STANDING_INSTRUCTION, "something else")
