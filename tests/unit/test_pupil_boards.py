"""The school boards that know a pupil: from the lines of the school list to keyed hashes in Spark."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.agreements import catalogue, school_boards
from cohort.agreements.school_boards import SchoolBoards
from cohort.anonymisation import pupil_boards
from cohort.data_states import local_frames
from cohort.data_states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.foundation.errors import ConfigurationRefused
from cohort.keys.project_keys import ProjectKey

TODAY = dt.date(2026, 3, 1)
CONF = Path(__file__).parents[2] / "conf"
HEADER = ";".join(catalogue.SCHOOL_LIST_HEADER)
SECRET = b"k" * 32


def listed(folder: Path, drawn: str) -> catalogue.Catalogue:
    """The school list. Drawn: `school site board from until`, a dash for nothing."""
    (folder / "toetsen.csv").write_bytes((CONF / "toetsen.csv").read_bytes())
    lines = [[field.strip("-_").replace("_", " ") for field in line.split(" ")] for line in rows(drawn)]
    text = [f"{brin};{site};{board};bo;RK;West;{since};{until}" for brin, site, board, since, until in lines]
    (folder / "scholen.csv").write_text("\n".join([HEADER, *text, ""]), encoding="utf-8")
    return catalogue.load_catalogue(folder)


def rows(drawn: str) -> list[str]:
    return [" ".join(line.split()) for line in drawn.strip().splitlines()]


DRAWN = [
    ("one board", "10AA 00 7 2020.08.01 -", ("7", {"7"})),
    ("no dates", "10AA 00 7 - -", ("7", {"7"})),
    ("blanks, capitals and leading zeros are no other board", "10AA 00 007 - -\n10AA 01 _7_ - -", ("7", {"7"})),
    ("capitals", "10AA 00 Stichting_A - -\n10AA 01 stichting__a - -", ("stichtinga", {"stichtinga"})),
    ("a board called nothing but zeros is one", "10AA 00 000 - -", ("0", {"0"})),
    ("it changed board", "10AA 00 7 - 2025.07.31\n10AA 00 8 2025.08.01 -", ("8", {"7", "8"})),
    ("it will change board", "10AA 00 7 - 2026.07.31\n10AA 00 8 2026.08.01 -", ("7", {"7", "8"})),
    ("changed today", "10AA 00 7 - 2026.02.28\n10AA 00 8 2026.03.01 -", ("8", {"7", "8"})),
    ("sites of different boards", "10AA 00 8 - -\n10AA 01 7 - -", ("7", {"7", "8"})),
    ("closed: the last one", "10AA 00 9 - 2020.01.31\n10AA 00 8 2020.02.01 2021.01.31", ("8", {"8", "9"})),
    ("still to open: the first one", "10AA 00 9 2028.01.31 -\n10AA 01 8 2027.01.31 -", ("8", {"8", "9"})),
    ("a site without a board", "10AA 00 - - -\n10AA 01 7 - -", ("7", {"7"})),
    ("twice the same line", "10AA 00 7 - -\n10AA 00 7 - -", ("7", {"7"})),
]


@pytest.mark.parametrize(("drawn", "board"), [case[1:] for case in DRAWN], ids=[case[0] for case in DRAWN])
def test_the_present_board_and_all_boards_of_a_school(tmp_path: Path, drawn: str, board: tuple[str, set[str]]) -> None:
    boards = listed(tmp_path, drawn.replace(".", "-")).boards_on(TODAY)
    assert boards == {"10AA": SchoolBoards(board[0], frozenset(board[1]))}


def test_a_school_without_a_board_has_no_entry(tmp_path: Path) -> None:
    assert listed(tmp_path, "10AA 00 - - -").boards_on(TODAY) == {}


@pytest.mark.parametrize(
    "drawn",
    [
        "10AA 00 7 - -\n10AA 00 8 - -",
        "10AA 00 7 - 2025.08.01\n10AA 00 8 2025.08.01 -",
        "10AA 00 7 - -\n10AA 00 - 2025.08.01 -",
        "10AA 00 7 - 2024.01.01\n10AA 00 9 2024.01.02 2024.01.05\n10AA 00 8 2023.01.01 2023.01.01",
    ],
)
def test_two_boards_of_a_site_on_one_day_are_refused(tmp_path: Path, drawn: str) -> None:
    with pytest.raises(ConfigurationRefused, match=r"one board \(bestuur\) of a site.*school 10AA"):
        listed(tmp_path, drawn.replace(".", "-") + "\n10AB 00 7 - -")


def test_all_schools_with_contradicting_lines_are_found() -> None:
    day, end = dt.date(2020, 1, 1), dt.date.max
    sites = [school_boards.SchoolSite(brin, "00", name, day, end) for brin in ("10AA", "10AB") for name in ("1", "2")]
    assert school_boards.find_board_contradictions([*sites, school_boards.SchoolSite("10AC", "00", "1", day, end)]) == [
        "10AA",
        "10AB",
    ]


def mac(text: str) -> bytes:
    return hmac.digest(SECRET, text.encode(), hashlib.sha256)


KNOWN = {
    "10AA": SchoolBoards("1", frozenset({"1"})),
    "10AB": SchoolBoards("2", frozenset({"1", "2"})),
    "10AD": SchoolBoards("1", frozenset({"1"})),
}
"""10AC has no board, so it counts as its own."""

PUPILS = [
    ("10AA", None, "1", {"1"}),
    ("10AA", [], "1", {"1"}),
    ("10AA", ["10AB"], "1", {"1", "2"}),
    ("10AA", ["10AD"], "1", {"1"}),
    ("10AB", None, "2", {"1", "2"}),
    ("10AB", ["10AA"], "2", {"1", "2"}),
    ("10AB", ["10AA", "10AC"], "2", {"1", "2", "10AC"}),
    ("10AC", None, "10AC", {"10AC"}),
    ("10AC", ["10AA", "10AD"], "10AC", {"1", "10AC"}),
]


def board(name: str) -> bytes:
    return mac(f"brin|{name}" if name == "10AC" else f"bestuur|{name}")


def test_a_pupil_gets_every_board_of_all_its_schools_once(spark: SparkSession) -> None:
    rows = [
        (mac(str(n)), mac(f"brin|{home}"), None if others is None else [mac(f"brin|{o}") for o in others], n)
        for n, (home, others, *_) in enumerate(PUPILS)
    ]
    pupils = local_frames.make_local_frame(
        spark, f"{PUPIL_CONTROL} binary, {SCHOOL_CONTROL} binary, {OTHER_SCHOOLS_CONTROL} array<binary>, n int", rows
    ).repartition(3)
    keyed = pupil_boards.make_board_frame(spark, ProjectKey(SECRET), KNOWN)
    with_boards = pupil_boards.add_boards(pupils, keyed)
    plan = with_boards._jdf.queryExecution().toString()  # type: ignore[operator]
    assert not any(name in plan for name in ("10AA", "bestuur|", mac("bestuur|1").hex()))
    table = (
        with_boards.select("*", pupil_boards.list_other_boards().alias("further")).orderBy("n").toArrow().to_pylist()
    )
    assert [row["n"] for row in table] == list(range(len(PUPILS)))
    for row, drawn, (_, _, home, ever) in zip(table, rows, PUPILS, strict=True):
        assert tuple(row[name] for name in (PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, "n")) == drawn
        assert row["_board"] == board(home)
        assert sorted(row["_boards"]) == sorted(map(board, ever))
        assert sorted(row["further"] or []) == sorted(map(board, ever - {home}))
        assert row["further"] is None or row["further"]


def test_a_school_without_a_board_counts_as_its_own_board(spark: SparkSession) -> None:
    pupils = local_frames.make_local_frame(
        spark,
        f"{PUPIL_CONTROL} binary, {SCHOOL_CONTROL} binary, {OTHER_SCHOOLS_CONTROL} array<binary>",
        [(b"p", b"A", None), (b"q", b"B", [b"A"])],
    )
    with_boards = pupil_boards.add_boards(pupils, pupil_boards.make_board_frame(spark, ProjectKey(SECRET), {}))
    table = {
        row[PUPIL_CONTROL]: row
        for row in with_boards.select(PUPIL_CONTROL, "_board", F.array_sort("_boards").alias("b")).toArrow().to_pylist()
    }
    assert (table[b"p"]["_board"], table[b"p"]["b"]) == (b"A", [b"A"])
    assert (table[b"q"]["_board"], table[b"q"]["b"]) == (b"B", [b"A", b"B"])
