"""The school list and the test catalogue (`scholen.csv`, `toetsen.csv`): what may be delivered, by whom."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

from cohort.agreements import school_boards
from cohort.agreements.school_boards import SchoolBoards, SchoolSite
from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.foundation.identifiers import BRIN_PATTERN

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
LISTED_MOMENTS = ("B", "M", "E")
HIGHEST_SCORE = Decimal(5000)
"""Scores lie in 0 … 5000, with at most two decimals: what one slot of a packed record holds."""


@dataclass(frozen=True)
class CatalogueTest:
    """One edition of a test: what it measures, when, on which scale, and whether that is special-category."""

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
    tests: tuple[CatalogueTest, ...]
    schools: frozenset[str]
    expected: Mapping[str, tuple[dt.date, dt.date]] = field(default_factory=dict)
    """The days from and to which each school is expected to deliver."""
    sites: tuple[SchoolSite, ...] = ()

    def boards_on(self, today: dt.date) -> dict[str, SchoolBoards]:
        """The boards of every school that has or had one, by BRIN, as they are on that day."""
        return school_boards.find_school_boards(self.sites, today)

    def has_test(self, domein: str, schaal: str) -> bool:
        """Whether a test of the catalogue measures that domain on that scale."""
        return any((test.domein, test.schaal) == (domein, schaal) for test in self.tests)

    def domains(self) -> frozenset[str]:
        """Everything that is tested."""
        return frozenset(test.domein for test in self.tests)

    def special_domains(self) -> frozenset[str]:
        """Domains with a test whose results need active consent."""
        return frozenset(test.domein for test in self.tests if test.bijzonder)


def load_catalogue(folder: Path) -> Catalogue:
    """Both lists of a configuration folder.

    Refuses: a missing list, another header, a wrong or repeated line; all problems at once (exit code 10).
    """
    problems: list[str] = []
    tests = [
        t for t in (_test(*line, problems) for line in _lines(folder / "toetsen.csv", TEST_LIST_HEADER, problems)) if t
    ]
    schools = [
        s
        for s in (_school(*line, problems) for line in _lines(folder / "scholen.csv", SCHOOL_LIST_HEADER, problems))
        if s
    ]
    problems += [
        _wrong(
            "one board (bestuur) of a site on one day",
            "a line of its first board with verwacht_tot on the day before the next one begins",
            "two",
            f"scholen.csv, school {brin}",
        )
        for brin in school_boards.find_board_contradictions(schools)
    ]
    keys = [(t.toetscode, t.versie) for t in tests]
    if len(set(keys)) != len(keys):
        problems.append(_wrong("every test and version once", "REK-M7 version 3.0", "one twice", "toetsen.csv"))
    if not problems and not (tests and schools):
        problems.append(
            _wrong("at least one test and one school", "the shipped lists", "none", "toetsen.csv or scholen.csv")
        )
    if problems:
        raise ConfigurationRefused(*problems)
    listed = frozenset(site.brin for site in schools)
    return Catalogue(tuple(tests), listed, _expected(schools), tuple(schools))


def _expected(schools: list[SchoolSite]) -> dict[str, tuple[dt.date, dt.date]]:
    """A school is expected from the first to the last day of any of its sites."""
    days: dict[str, tuple[dt.date, dt.date]] = {}
    for site in schools:
        first, last = days.get(site.brin, (site.since, site.until))
        days[site.brin] = min(first, site.since), max(last, site.until)
    return days


def _lines(path: Path, header: tuple[str, ...], problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter=";", strict=True)
            if tuple(reader.fieldnames or ()) != header:
                problems.append(_wrong(f"the header {';'.join(header)}", "the shipped file", "another", path.name))
                return
            for number, line in enumerate(reader, start=2):
                if None in line or None in line.values():
                    problems.append(
                        _wrong(
                            f"{len(header)} fields", "the shipped file", "another number", f"{path.name} line {number}"
                        )
                    )
                else:
                    yield number, line
    except (OSError, UnicodeDecodeError, csv.Error):
        problems.append(_wrong("a readable UTF-8 list", "the shipped file", "none", path.name))


def _test(number: int, line: dict[str, str], problems: list[str]) -> CatalogueTest | None:
    where = f"toetsen.csv line {number}"
    try:
        lowest, highest = (Decimal(line[end].replace(",", ".")) for end in ("min", "max"))
    except InvalidOperation:
        problems.append(_wrong("min and max as numbers", "0 and 200", "something else", where))
        return None
    if not 0 <= lowest < highest <= HIGHEST_SCORE:
        problems.append(_wrong(f"0 <= min < max <= {HIGHEST_SCORE}", "0 and 200", "another range", where))
    if line["bijzonder"] not in ("ja", "nee"):
        problems.append(_wrong("bijzonder ja or nee", "nee", "something else", where))
    if line["moment"] not in (*LISTED_MOMENTS, ""):
        problems.append(_wrong("moment B, M, E or nothing", "M", "something else", where))
    if not all(line[key].strip() for key in ("toetscode", "versie", "domein", "schaal")):
        problems.append(_wrong("toetscode, versie, domein and schaal", "REK-M7;3.0;rekenen", "an empty one", where))
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


def _school(number: int, line: dict[str, str], problems: list[str]) -> SchoolSite | None:
    if not BRIN_PATTERN.fullmatch(line["brin"]):
        problems.append(
            _wrong("a BRIN of two digits and two capitals", "99ZZ", "another", f"scholen.csv line {number}")
        )
        return None
    try:
        since, until = (
            dt.date.fromisoformat(line[name]) if line[name] else open_end
            for name, open_end in (("verwacht_van", dt.date.min), ("verwacht_tot", dt.date.max))
        )
    except ValueError:
        where = f"scholen.csv line {number}"
        problems.append(_wrong("dates, or nothing", "2020-08-01", "something else", where))
        return None
    return SchoolSite(
        line["brin"], line["vestiging"].strip(), school_boards.normalise_board(line["bestuur"]), since, until
    )


def _wrong(what: str, example: str, found: str, where: str) -> str:
    return describe_problem(what, example=example, found=found, where=where, do="Correct the list")
