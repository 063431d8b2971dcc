"""Instructions as lists give them: what holds, for which sites and columns, and every refusal.

brin vestiging soort          project kolommen gegeven_op  tot         ingetrokken_op
10AA           anonimiseren                    2026-01-01
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from tests.unit import drawn_release as drawn
from tests.unit.drawn_legal_basis import write_declared_list

from cohort.agreements.project import Project
from cohort.foundation.errors import RightsRefused
from cohort.legal_basis import instruction_register
from cohort.legal_basis.instruction_register import INSTRUCTION_LISTS, InstructedSchools
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.verification import instruction_check

TODAY = dt.date(2026, 3, 1)
SCHOOLS = frozenset({"10AA", "10AB"})
YES, SITES = ("00", "01", "02"), ("00", "01", "02")


def line(site: str = "", given: str = "2026-01-01", until: str = "", withdrawn: str = "", brin: str = "10AA") -> str:
    return f"{brin};{site};anonimiseren;;;bestuur;{given};{until};{withdrawn}"


def explicit(columns: str, site: str = "", withdrawn: str = "", project: str = "proef") -> str:
    return f"10AA;{site};pseudonimiseren;{project};{columns};bestuur;2026-01-01;;{withdrawn}"


def write(folder: Path, *lines: str, name: str = "lijst") -> Path:
    write_declared_list(folder / "instructions", INSTRUCTION_LISTS.column_names, lines, TODAY, name)
    return folder / "instructions"


def vocabulary(*projects: str) -> ListVocabulary:
    return ListVocabulary(SCHOOLS, projects, (), ())


def load(folder: Path) -> instruction_register.InstructionRegister:
    return instruction_register.load_instruction_register(folder, TODAY, vocabulary("proef"))


def anonymous() -> Project:
    return drawn.project()


def pseudonymous() -> Project:
    return drawn.project().model_copy(update={"release_class": "pseudonymous"})


STANDING: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "a school's": ([line()], YES),
    "of one site": ([line("01")], ("01",)),
    "on its last day": ([line(until="2026-03-01")], YES),
    "lapsed yesterday": ([line(until="2026-02-28")], ()),
    "withdrawn today": ([line(withdrawn="2026-03-01")], ()),
    "to be withdrawn tomorrow": ([line(withdrawn="2026-03-02")], YES),
    "withdrawn in another list, still standing in this one": ([line(), line(withdrawn="2026-02-01")], ()),
    "given again after the withdrawal": ([line(withdrawn="2026-02-01"), line(given="2026-02-02")], YES),
    "given again on the day of the withdrawal": ([line(withdrawn="2026-02-01"), line(given="2026-02-01")], YES),
    "given before another's withdrawal": ([line(given="2025-12-01"), line(withdrawn="2026-02-01")], ()),
    "renewed before it lapsed": ([line(until="2026-02-28"), line(given="2026-02-01")], YES),
    "withdrawn for one site": ([line(), line("01", withdrawn="2026-02-01")], ("00", "02")),
    "withdrawn for one site and given again": (
        [line(), line("01", withdrawn="2026-02-01"), line("01", given="2026-02-02")],
        YES,
    ),
    "withdrawn for the school, a site's is older": ([line("01"), line(withdrawn="2026-02-01")], ()),
    "withdrawn for the school, a site's is newer": (
        [line("01", given="2026-02-02"), line(withdrawn="2026-02-01")],
        ("01",),
    ),
    "an explicit one is no standing one": ([explicit("geslacht")], ()),
}
EVERY = "rekenen_M groei niveau geslacht cohort"
EXPLICIT: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "all columns, in blanks": ([explicit(EVERY)], YES),
    "all columns, in commas": ([explicit(EVERY.replace(" ", ", "))], YES),
    "a column more": ([explicit(f"{EVERY} ses")], YES),
    "a column less": ([explicit(EVERY.partition(" ")[2])], ()),
    "in two lines": ([explicit("rekenen_M,groei"), explicit("niveau geslacht cohort")], YES),
    "the rest for one site only": ([explicit("rekenen_M,groei"), explicit(EVERY, "01")], ("01",)),
    "withdrawn": ([explicit(EVERY, withdrawn="2026-02-01")], ()),
    "for another project": ([explicit(EVERY, project="ander")], ()),
    "a standing one is not explicit": ([line()], ()),
}


@pytest.mark.parametrize(
    ("kind", "lines", "sites"),
    [
        *(
            pytest.param(anonymous, *lines_and_sites, id=f"anonymous: {case}")
            for case, lines_and_sites in STANDING.items()
        ),
        *(
            pytest.param(pseudonymous, *lines_and_sites, id=f"explicit: {case}")
            for case, lines_and_sites in EXPLICIT.items()
        ),
    ],
)
def test_which_sites_are_instructed_and_the_verifier_agrees(
    tmp_path: Path, kind: object, lines: list[str], sites: tuple[str, ...]
) -> None:
    project: Project = kind()  # type: ignore[operator]
    for n, one in enumerate(lines):  # each in a list of its own: they count together
        write(tmp_path, one, name=f"lijst{n}")
    folder = tmp_path / "instructions"
    read = instruction_register.load_instruction_register(folder, TODAY, vocabulary("proef", "ander"))
    if sites:
        schools = read.instructed_schools(project)
        assert tuple(site for site in SITES if schools.covers("10AA", site)) == sites
        assert not schools.covers("10AB", "00")
    else:
        with pytest.raises(RightsRefused):
            read.instructed_schools(project)
    by_verifier = instruction_check.read_instructed_sites(folder, project, TODAY)
    rest, odd = by_verifier.default_and_exceptions("10AA") if "10AA" in by_verifier.sites else (False, [])
    assert tuple(site for site in SITES if rest != (site in odd)) == sites
    assert "10AB" not in by_verifier.sites


BROKEN = {
    "an unknown kind": (line().replace("anonimiseren", "anonymiseren"), "anonimiseren or pseudonimiseren"),
    "an unknown school": (line(brin="10AC"), "a school of scholen.csv"),
    "no BRIN": (line(brin="10A"), "a BRIN"),
    "a site of one digit": (line("1"), "a site of two digits"),
    "a project that is not there": (explicit("ses", project="elders"), "a project that there is"),
    "no columns": (explicit(" , "), "the columns with pseudonimiseren"),
    "no project": (explicit("ses", project=""), "the project with pseudonimiseren"),
    "columns for no project": (line().replace(";;;bestuur", ";;ses;bestuur"), "no project and no columns"),
    "given tomorrow": (line(given="2026-03-02"), "an instruction given today or before"),
    "given never": (line(given=""), "the day it was given"),
    "by nobody": (line().replace("bestuur", " "), "who gave it"),
    "no date": (line(until="1/3/2026"), "a date in tot"),
    "two sites": (line("01", brin="10AA02"), "one site of a school"),
}


@pytest.mark.parametrize(("broken", "case"), BROKEN.values(), ids=list(BROKEN))
def test_every_invalid_line_is_refused(tmp_path: Path, broken: str, case: str) -> None:
    with pytest.raises(RightsRefused) as refused:
        load(write(tmp_path, line(), broken))
    (problem,) = refused.value.problems
    assert case in problem
    assert "instructions/lijst.csv line 3" in problem
    assert not {"10AC", "elders"} & {*problem.split()}


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(RightsRefused) as refused:
        load(write(tmp_path, *(broken for broken, _ in BROKEN.values())))
    assert len(refused.value.problems) == len(BROKEN)


@pytest.mark.parametrize(
    ("lines", "case"),
    [
        ([], "found none in force"),
        ([explicit("rekenen_M groei niveau geslacht")], "found none that names cohort"),
        ([explicit("rekenen_M groei niveau"), explicit("geslacht cohort", "01")], None),
        (
            [explicit("rekenen_M groei niveau", "02"), explicit("geslacht cohort", "01")],
            "found none that names them all",
        ),
    ],
)
def test_columns_that_no_school_instructed_are_refused(tmp_path: Path, lines: list[str], case: str | None) -> None:
    read = load(write(tmp_path, *lines))
    if case is None:
        assert read.instructed_schools(pseudonymous()).coverage == {"10AA": (False, frozenset({"01"}))}
    else:
        with pytest.raises(RightsRefused, match=case):
            read.instructed_schools(pseudonymous())


COVERAGES: list[tuple[InstructedSchools, InstructedSchools, bool]] = [
    (InstructedSchools({"10AA": (True, frozenset())}), InstructedSchools({"10AA": (True, frozenset())}), False),
    (InstructedSchools({"10AA": (True, frozenset())}), InstructedSchools({"10AA": (True, frozenset({"01"}))}), True),
    (InstructedSchools({"10AA": (True, frozenset({"01"}))}), InstructedSchools({"10AA": (True, frozenset())}), False),
    (InstructedSchools({"10AA": (True, frozenset())}), InstructedSchools({"10AA": (False, frozenset({"01"}))}), True),
    (
        InstructedSchools({"10AA": (False, frozenset({"01"}))}),
        InstructedSchools({"10AA": (True, frozenset({"02"}))}),
        False,
    ),
    (
        InstructedSchools({"10AA": (False, frozenset({"01"}))}),
        InstructedSchools({"10AA": (True, frozenset({"01"}))}),
        True,
    ),
    (InstructedSchools({"10AA": (True, frozenset())}), InstructedSchools({"10AB": (True, frozenset())}), True),
    (InstructedSchools({}), InstructedSchools({"10AB": (True, frozenset())}), False),
]


@pytest.mark.parametrize(("before", "after", "lapsed"), COVERAGES)
def test_lapsed_schools_are_found_from_the_descriptions_in_a_record(
    before: InstructedSchools, after: InstructedSchools, lapsed: bool
) -> None:
    assert after.lapsed_since(before.describe()) is lapsed


def test_the_digest_changes_with_a_list_and_when_an_instruction_lapses(tmp_path: Path) -> None:
    folder = write(tmp_path, line(), line(brin="10AB", until="2026-03-01"))
    same = load(folder).instructed_schools(anonymous()).digest
    assert load(folder).instructed_schools(anonymous()).digest == same
    later = instruction_register.load_instruction_register(
        folder, dt.date(2026, 3, 2), vocabulary()
    ).instructed_schools(anonymous())
    assert later.digest != same  # the second school's lapsed
    write(tmp_path, line(), line(brin="10AB", until="2026-03-02"))
    assert load(folder).instructed_schools(anonymous()).digest != same
