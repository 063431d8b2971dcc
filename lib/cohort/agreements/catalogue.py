"""The test catalogue and the school list (`toetsen.csv`, `scholen.csv`): what may be delivered, by which schools.

Ingestion validates every result against them; releases and withdrawals take the school boards from them.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from cohort.agreements import school_boards
from cohort.agreements.school_boards import SchoolBoards, SchoolSite
from cohort.agreements.selected_results import MOMENT_ORDER
from cohort.foundation import BRIN_PATTERN, ConfigurationRefused, describe_problem

TEST_LIST, SCHOOL_LIST = "toetsen.csv", "scholen.csv"
TEST_LIST_HEADER = ("toetscode", "versie", "domein", "moment", "jaargroep", "schaal", "min", "max", "bijzonder")
SCHOOL_LIST_HEADER = (
    "brin",
    "vestiging",
    "bestuur",
    "soort",
    "denominatie_groep",
    "regio",
    "verwacht_van",
    "verwacht_tot",
)
SCHOOL_ATTRIBUTE_COLUMNS = ("soort", "denominatie_groep", "regio")
HIGHEST_SCORE = Decimal(5000)
"""Scores lie from 0 to 5000, with at most two decimals: a packed pupil record has 19 bits for one."""


@dataclass(frozen=True)
class CatalogueTest:
    """One version of a test: its domain, moment, year group and scale, and whether its results are special-category."""

    toetscode: str
    versie: str
    domein: str
    moment: str | None
    jaargroep: str | None
    schaal: str
    lowest: Decimal
    highest: Decimal
    bijzonder: bool


@dataclass(frozen=True)
class Catalogue:
    """The tests whose results are accepted, and the schools that may deliver them."""

    tests: tuple[CatalogueTest, ...]
    schools: frozenset[str]
    expected: Mapping[str, tuple[dt.date, dt.date]] = field(default_factory=dict)
    """The days from and to which each school is expected to deliver."""
    sites: tuple[SchoolSite, ...] = ()
    school_attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Kind, denomination group and region of each school by its BRIN: those of its first listed site."""

    def boards_on(self, today: dt.date) -> dict[str, SchoolBoards]:
        """The school boards of every school that has or had one, by BRIN, as they are on that day."""
        return school_boards.find_school_boards(self.sites, today)

    def has_test(self, domein: str, schaal: str) -> bool:
        """Whether the catalogue has a test of that domain on that scale."""
        return any((test.domein, test.schaal) == (domein, schaal) for test in self.tests)

    def domains(self) -> frozenset[str]:
        """The domains of all tests."""
        return frozenset(test.domein for test in self.tests)

    def special_domains(self) -> frozenset[str]:
        """The domains with a test whose results are special-category: they need active consent."""
        return frozenset(test.domein for test in self.tests if test.bijzonder)


def load_catalogue(folder: Path) -> Catalogue:
    """Load the test catalogue and the school list of a configuration folder.

    Raises:
        ConfigurationRefused: a missing list, another header, a wrong or repeated line; all problems at once (exit
            code 10).
    """
    problems: list[str] = []
    tests = [_read_test(*line, problems) for line in _read_lines(folder / TEST_LIST, TEST_LIST_HEADER, problems)]
    school_lines = list(_read_lines(folder / SCHOOL_LIST, SCHOOL_LIST_HEADER, problems))
    sites = [_read_site(*line, problems) for line in school_lines]
    listed_tests = tuple(test for test in tests if test is not None)
    listed_sites = tuple(site for site in sites if site is not None)
    problems += _find_contradictions(listed_tests, listed_sites)
    if not problems and not (listed_tests and listed_sites):
        problems.append(
            _describe("at least one test and one school", "the shipped lists", "none", f"{TEST_LIST} or {SCHOOL_LIST}")
        )
    if problems:
        raise ConfigurationRefused(*problems)
    return Catalogue(
        listed_tests,
        frozenset(site.brin for site in listed_sites),
        _expected_periods(listed_sites),
        listed_sites,
        _first_site_attributes(line for _, line in school_lines),
    )


def _first_site_attributes(lines: Iterable[dict[str, str]]) -> dict[str, dict[str, str]]:
    """The attributes of each school; of one with several sites those of the site with the lowest number."""
    attributes: dict[str, dict[str, str]] = {}
    for line in sorted(lines, key=lambda line: (line["brin"], line["vestiging"])):
        attributes.setdefault(line["brin"], {name: line[name].strip() for name in SCHOOL_ATTRIBUTE_COLUMNS})
    return attributes


def _find_contradictions(tests: Sequence[CatalogueTest], sites: Sequence[SchoolSite]) -> list[str]:
    """Find lines that are right by themselves and contradict each other."""
    problems = [
        _describe(
            "one board (bestuur) of a site on one day",
            "a line of its first board with verwacht_tot on the day before the next one begins",
            "two",
            f"{SCHOOL_LIST}, school {brin}",
        )
        for brin in school_boards.find_board_contradictions(sites)
    ]
    keys = [(test.toetscode, test.versie) for test in tests]
    if len(set(keys)) != len(keys):
        problems.append(_describe("every test and version once", "REK-M7 version 3.0", "one twice", TEST_LIST))
    return problems


def _expected_periods(sites: Sequence[SchoolSite]) -> dict[str, tuple[dt.date, dt.date]]:
    """The period in which each school is expected to deliver: from the first to the last day of any of its sites."""
    periods: dict[str, tuple[dt.date, dt.date]] = {}
    for site in sites:
        first, last = periods.get(site.brin, (site.since, site.until))
        periods[site.brin] = min(first, site.since), max(last, site.until)
    return periods


def _read_lines(path: Path, header: tuple[str, ...], problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter=";", strict=True)
            if tuple(reader.fieldnames or ()) != header:
                problems.append(_describe(f"the header {';'.join(header)}", "the shipped file", "another", path.name))
                return
            for number, line in enumerate(reader, start=2):
                if None in line or None in line.values():
                    problems.append(
                        _describe(
                            f"{len(header)} fields", "the shipped file", "another number", f"{path.name} line {number}"
                        )
                    )
                else:
                    yield number, line
    except (OSError, UnicodeDecodeError, csv.Error):
        problems.append(_describe("a readable UTF-8 list", "the shipped file", "none", path.name))


def _read_test(number: int, line: dict[str, str], problems: list[str]) -> CatalogueTest | None:
    where = f"{TEST_LIST} line {number}"
    try:
        lowest, highest = (Decimal(line[end].replace(",", ".")) for end in ("min", "max"))
        if not (lowest.is_finite() and highest.is_finite()):  # `NaN` and `Infinity` are decimals too
            raise InvalidOperation
    except InvalidOperation:
        problems.append(_describe("min and max as numbers", "0 and 200", "something else", where))
        return None
    if not 0 <= lowest < highest <= HIGHEST_SCORE:
        problems.append(_describe(f"0 <= min < max <= {HIGHEST_SCORE}", "0 and 200", "another range", where))
    if line["bijzonder"] not in ("ja", "nee"):
        problems.append(_describe("bijzonder ja or nee", "nee", "something else", where))
    if line["moment"] not in (*MOMENT_ORDER, ""):
        problems.append(_describe("moment B, M, E or nothing", "M", "something else", where))
    if not all(line[key].strip() for key in ("toetscode", "versie", "domein", "schaal")):
        problems.append(_describe("toetscode, versie, domein and schaal", "REK-M7;3.0;rekenen", "an empty one", where))
    return CatalogueTest(
        line["toetscode"],
        line["versie"],
        line["domein"],
        line["moment"] or None,
        line["jaargroep"] or None,
        line["schaal"],
        lowest,
        highest,
        line["bijzonder"] == "ja",
    )


def _read_site(number: int, line: dict[str, str], problems: list[str]) -> SchoolSite | None:
    if not BRIN_PATTERN.fullmatch(line["brin"]):
        problems.append(
            _describe("a BRIN of two digits and two capitals", "99ZZ", "another", f"{SCHOOL_LIST} line {number}")
        )
        return None
    try:
        since, until = (
            dt.date.fromisoformat(line[name]) if line[name] else open_end
            for name, open_end in (("verwacht_van", dt.date.min), ("verwacht_tot", dt.date.max))
        )
    except ValueError:
        where = f"{SCHOOL_LIST} line {number}"
        problems.append(_describe("dates, or nothing", "2020-08-01", "something else", where))
        return None
    return SchoolSite(
        line["brin"], line["vestiging"].strip(), school_boards.normalise_board(line["bestuur"]), since, until
    )


def _describe(what: str, example: str, found: str, where: str) -> str:
    return describe_problem(what, example=example, found=found, where=where, do="Correct the list")
