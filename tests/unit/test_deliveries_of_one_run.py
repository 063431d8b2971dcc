"""What counts of the files that a school sends before one run: drawn cases, each of schools and pupils of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_roots import KNOWN, Root

from cohort.foundation import identifiers
from cohort.results.ledger import LedgerEntry
from cohort.storage.zone_paths import StorageZones

PUPILS = [n for n in map("{:09d}".format, range(100_000_000, 100_002_000)) if identifiers.normalise_pgn(n)]
LETTERS = "ABCDE"


class File(NamedTuple):
    """One delivery: rows as `Root.deliver` takes them, with a letter for the pupil."""

    rows: str
    supplier: str = "canoniek"
    school: int = 0
    minute: int = 0
    """When it was received, where that is not its place among the files."""


@dataclass(frozen=True)
class Case:
    files: tuple[File, ...]
    results: str
    """The pupils, scores and tests that count; the test is REK-M7 where none is named."""
    superseded: Mapping[int, tuple[Mapping[int, int], Mapping[int, int]]] = field(default_factory=dict)
    """By file: the rows of earlier files that it replaces and that it withdraws, by file; else none."""
    warnings: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


CASES = {
    "a single corrected result replaces only itself": Case(
        # under its key, although the number was wrong before: that another pupil had this key is reported
        (File("A 80 REK-M7 r1, B 81 REK-M7 r2, C 82 REK-M7 r3"), File("D 91 REK-M7 r2")),
        "A 80, D 91, C 82",
        {1: ({0: 1}, {})},
        {1: {"KEY_OF_ANOTHER_PUPIL": 1}},
    ),
    "a correction under the pupil's own key warns of nothing": Case(
        (File("A 80 REK-M7 r1, B 81 REK-M7 r2, C 82 REK-M7 r3"), File("B 91 REK-M7 r2")),
        "A 80, B 91, C 82",
        {1: ({0: 1}, {})},
    ),
    "result keys numbered again in a complete file warn of nothing": Case(
        (
            File("A 80 REK-M7 r1, B 81 REK-M7 r2, C 82 REK-M7 r3"),
            File("B 81 REK-M7 r1, A 80 REK-M7 r2, D 83 REK-M7 r3"),
        ),
        "A 80, B 81, D 83",
        {1: ({0: 3}, {})},
    ),
    "another part of the school is added": Case((File("A 80, B 81"), File("C 82, D 83")), "A 80, B 81, C 82, D 83"),
    "a retake under another key is a result of its own": Case(
        (File("A 80 REK-M7 r1, B 81 REK-M7 r2, C 82 REK-M7 r3"), File("A 85 REK-M7 r9")), "A 80, A 85, B 81, C 82"
    ),
    "the order in which files were received decides, not their names": Case(
        (File("A 90, B 91", minute=2), File("A 80, B 81", minute=1)), "A 90, B 91", {0: ({1: 2}, {})}
    ),
    "three versions of a file": Case(
        (File("A 1, B 1, C 1"), File("A 2, B 2"), File("A 3, B 3, D 3")),
        "A 3, B 3, D 3",
        {1: ({0: 2}, {0: 1}), 2: ({1: 2}, {})},
    ),
    "two suppliers of one school do not withdraw each other's results": Case(
        # the same result of both counts once, under the later delivery
        (File("A 80, B 81"), File("A 80, C 82, D 83", supplier="puntkomma")),
        "A 80, B 81, C 82, D 83",
        {1: ({0: 1}, {})},
    ),
    "a complete file withdraws nothing of another school": Case(
        (File("A 80, B 81"), File("A 80, B 81", school=1)),
        "A 80, A 80, B 81, B 81",
        {},
        {0: {"TWO_SCHOOLS": 2}, 1: {"TWO_SCHOOLS": 2}},
    ),
}
PLACES = {name: place for place, name in enumerate(CASES)}
SCHOOLS = sorted(KNOWN.schools)[: 2 * len(CASES)]


def pupil(case: str, letter: str) -> str:
    return PUPILS[len(LETTERS) * PLACES[case] + LETTERS.index(letter)]


def name(case: str, file: int) -> str:
    return f"{PLACES[case]}-{file}.csv"


@pytest.fixture(scope="module")
def taken_in(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Root:
    """The files of every case, taken in by one run."""
    root = Root(one_spark, StorageZones(tmp_path_factory.mktemp("one_run")))
    root.zones.deliveries.mkdir()
    for case, drawn in CASES.items():
        for number, file in enumerate(drawn.files):
            rows = [f"{pupil(case, row[0])}{row[1:]}" for row in file.rows.split(", ")]
            school = SCHOOLS[2 * PLACES[case] + file.school]
            at = file.minute and 1_700_000_000 + 60 * file.minute
            root.deliver(name(case, number), *rows, school=school, supplier=file.supplier, at=at)
    root.ingest()
    return root


@pytest.fixture(scope="module")
def results(taken_in: Root) -> list[str]:
    return taken_in.rows()


@pytest.fixture(scope="module")
def entries(taken_in: Root) -> dict[str, LedgerEntry]:
    return {entry.name: entry for entry in taken_in.entries()}


@pytest.mark.parametrize("case", CASES)
def test_what_counts_of_the_files_of_one_run(case: str, results: list[str], entries: dict[str, LedgerEntry]) -> None:
    drawn = CASES[case]
    own = {pupil(case, letter): letter for letter in LETTERS}
    found = [f"{own[row[:9]]}{row[9:]}" for row in results if row[:9] in own]
    assert sorted(found) == sorted(f"{row} REK-M7" for row in drawn.results.split(", "))
    of = {entries[name(case, number)].levering_nr: number for number in range(len(drawn.files))}
    for number in range(len(drawn.files)):
        entry = entries[name(case, number)]
        taken = [{of[earlier]: rows for earlier, rows in by.items()} for by in (entry.replaced, entry.withdrawn)]
        assert tuple(taken) == drawn.superseded.get(number, ({}, {}))
        assert (entry.codes, entry.warnings) == ({}, drawn.warnings.get(number, {}))
