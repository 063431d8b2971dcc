"""Lists of objections: read strictly or not at all, and what follows from them for everybody's results."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_results import frame, row

from cohort import objections
from cohort.errors import ObjectionsRefused
from cohort.objections import Objections
from cohort.platform import ObjectionLimits
from cohort.schema import Accepted

TODAY = dt.date(2025, 11, 23)
LIMITS = ObjectionLimits.model_validate({"max_age_days": 31, "max_erased_share": "0.02"}, strict=False)
HEADER = "pgn;brin;vanaf;ingetrokken_op;bereik"
ANNA, BEN, CARO = "123456782", "111222333", "101222331"
LINE = f"{ANNA};10AA;2025-09-01;;alles"
RIGHT = {
    "file": '"landelijk.csv"', "polarity": '"block"', "date": "2025-11-20", "source": '"het register"',
    "max_age_days": "31", "declared_empty": "false",
}  # fmt: skip


def put(folder: Path, *lines: str, name: str = "landelijk", **told: str | None) -> Path:
    """One list with its declaration; `None` leaves a key out."""
    declared = {**RIGHT, "file": f'"{name}.csv"', **told}
    text = "".join(f"{key} = {value}\n" for key, value in declared.items() if value is not None)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / f"{name}.csv").write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return folder


def read(folder: Path) -> Objections:
    return objections.load(folder, LIMITS, TODAY)


def lists(folder: Path, *lines: str, **told: str | None) -> Objections:
    return read(put(folder, *lines, **told))


def test_an_objection_blocks_the_number_in_its_normal_form(tmp_path: Path) -> None:
    found = lists(tmp_path, "12345672;;2025-09-01;;alles", " 123 456 782 ;;2025-09-01;;alles", LINE)
    assert found.blocked == {"012345672", ANNA}
    assert found.allowed is None
    assert not found.held_schools


@pytest.mark.parametrize(
    ("says", "lines", "blocked"),
    [
        ("withdrawn yesterday", [f"{ANNA};;2025-09-01;2025-11-22;alles"], set()),
        ("withdrawn today", [f"{ANNA};;2025-09-01;2025-11-23;alles"], set()),
        ("withdrawn from tomorrow", [f"{ANNA};;2025-09-01;2025-11-24;alles"], {ANNA}),
        ("begins next year: honoured at once", [f"{ANNA};;2026-09-01;;alles"], {ANNA}),
        ("one parent withdrew, the other did not", [f"{ANNA};;2025-09-01;2025-10-01;alles", LINE], {ANNA}),
        ("the same, in the other order", [LINE, f"{ANNA};;2025-09-01;2025-10-01;alles"], {ANNA}),
        ("withdrawn, with a number that is none", ["99;;2025-09-01;2025-10-01;alles", LINE], {ANNA}),
        ("an empty line between", [LINE, "", f"{BEN};;2025-09-01;;alles"], {ANNA, BEN}),
    ],
)
def test_which_objections_are_in_force(
    says: str, lines: list[str], blocked: set[str], tmp_path: Path
) -> None:
    assert read(put(tmp_path, *lines)).blocked == blocked, says


def test_columns_in_any_order_a_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    put(tmp_path)
    text = f"\ufeffbereik;pgn;ingetrokken_op;brin;vanaf\r\nalles;{ANNA};;10AA;2025-09-01\r\n"
    (tmp_path / "landelijk.csv").write_bytes(text.encode())
    assert read(tmp_path).blocked == {ANNA}


def test_an_invalid_number_holds_back_the_school_that_filed_it(tmp_path: Path) -> None:
    found = lists(tmp_path, LINE, "123456789;10AA;2025-09-01;;alles", "x;10AB;2025-09-01;;alles")
    assert found.held_schools == {"10AA", "10AB"}
    assert found.lists[0].held == {"10AA": 1, "10AB": 1}
    assert found.lists[0].filed == {"10AA": 1}


def test_lists_that_allow_meet_and_a_block_wins(tmp_path: Path) -> None:
    put(tmp_path, LINE)
    put(tmp_path, *(f"{n};;2025-09-01;;alles" for n in (ANNA, BEN)), name="a", polarity='"allow"')
    put(tmp_path, *(f"{n};;2025-09-01;;alles" for n in (BEN, CARO)), name="b", polarity='"allow"')
    found = read(tmp_path)
    assert (found.blocked, found.allowed) == ({ANNA}, {BEN})


def test_an_empty_list_counts_when_it_says_so(tmp_path: Path) -> None:
    assert lists(tmp_path, declared_empty="true").blocked == frozenset()
    put(tmp_path, name="niemand", polarity='"allow"', declared_empty="true")
    assert read(tmp_path).allowed == frozenset()


def test_the_digest_changes_with_a_list_and_only_then(tmp_path: Path) -> None:
    before = lists(tmp_path, LINE).digest()
    assert read(tmp_path).digest() == before
    assert lists(tmp_path, LINE, f"{BEN};;2025-09-01;;alles").digest() != before


@dataclass(frozen=True)
class Wrong:
    """A right folder, and the one thing that is done to it."""

    says: str
    do: Callable[[Path], object]
    told: str
    problems: int = 1


def csv(text: str | bytes) -> Callable[[Path], object]:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "landelijk.csv").write_bytes(content)


def lines(*several: str) -> Callable[[Path], object]:
    return lambda folder: put(folder, *several)


def told(**changed: str | None) -> Callable[[Path], object]:
    return lambda folder: put(folder, LINE, **changed)


WRONG = [
    Wrong("no list at all", lambda f: [file.unlink() for file in f.iterdir()], "at least one declared list"),
    Wrong("the list is missing", lambda f: (f / "landelijk.csv").unlink(), "the list that is declared"),
    Wrong("a list that none declares", lambda f: (f / "extra.csv").write_text("x"), "only declared lists"),
    Wrong("a folder in the zone", lambda f: (f / "oud").mkdir(), "only declared lists"),
    Wrong("stale by its own limit", told(max_age_days="2"), "a list of at most 2 days old"),
    Wrong("stale by the platform's limit", told(date="2025-10-22", max_age_days="400"),
          "at most 31 days old"),
    Wrong("dated tomorrow", told(date="2025-11-24"), "dated today or before"),
    Wrong("no polarity", told(polarity=None), "the key polarity"),
    Wrong("an unknown polarity", told(polarity='"deny"'), "a valid polarity"),
    Wrong("not said whether empty", told(declared_empty=None), "the key declared_empty"),
    Wrong("a key that nobody knows", told(polarty='"block"'), "only declared keys"),
    Wrong("a path as its file", told(file='"../landelijk.csv"'), "a valid file"),
    Wrong("no TOML", lambda f: (f / "landelijk.toml").write_text("file ="), "Expected TOML"),
    Wrong("empty, and not said so", csv(f"{HEADER}\n"), "a line, or declared_empty = true"),
    Wrong("no bytes", csv(""), "the columns"),
    Wrong("another header", csv("bsn\n1\n"), "the columns"),
    Wrong("a line too short", csv(f"{HEADER}\n{ANNA};10AA\n"), "in every line"),
    Wrong("not UTF-8", csv(f"{HEADER}\n{LINE}é".encode("latin-1")), "a readable UTF-8 list"),
    Wrong("a quote that is not closed", csv(f'{HEADER}\n"{LINE}\n'), "UTF-8 list"),
    Wrong("another scope", lines(f"{ANNA};;2025-09-01;;rekenen"), "bereik alles"),
    Wrong("no scope", lines(f"{ANNA};;2025-09-01;;"), "bereik alles"),
    Wrong("a date the other way round", lines(f"{ANNA};;01-09-2025;;alles"), "dates as 2025-01-31"),
    Wrong("no date", lines(f"{ANNA};;;;alles"), "dates as 2025-01-31"),
    Wrong("withdrawn on no day", lines(f"{ANNA};;2025-09-01;ja;alles"), "dates as 2025-01-31"),
    Wrong("no BRIN", lines(f"{ANNA};10aa;2025-09-01;;alles"), "a BRIN or nothing"),
    Wrong("an invalid number that no school filed", lines("123456789;;2025-09-01;;alles"),
          "a valid pupil number"),
    Wrong("a filler", lines("000000000;;2025-09-01;;alles"), "a valid pupil number"),
    Wrong("three lines with a problem each",
          lines("123456789;;2025-09-01;;alles", LINE, f"{BEN};;x;;alles", f"{CARO};;2025-09-01;;deel"),
          "line 4", 3),
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.says)
def test_one_thing_wrong_stops_everything(wrong: Wrong, tmp_path: Path) -> None:
    read(put(tmp_path, LINE))
    wrong.do(tmp_path)
    with pytest.raises(ObjectionsRefused, match=re.escape(wrong.told)) as refusal:
        read(tmp_path)
    assert refusal.value.exit_code == 12
    assert len(refusal.value.problems) == wrong.problems
    assert not re.search(r"\d{8}", str(refusal.value)), "a refusal tells no number"


def test_all_problems_of_all_lists_are_told_at_once(tmp_path: Path) -> None:
    put(tmp_path, "123456789;;2025-09-01;;alles", date="2025-01-01")
    put(tmp_path, LINE, name="tweede", polarity=None)
    (tmp_path / "los.csv").write_text(f"{HEADER}\n")
    with pytest.raises(ObjectionsRefused) as refusal:
        read(tmp_path)
    where = [re.findall(r"objections/([a-z]+\.[a-z]+)", problem)[0] for problem in refusal.value.problems]
    assert where == ["landelijk.toml", "landelijk.csv", "tweede.toml", "los.csv"]


def test_what_is_told_of_a_list_holds_counts_and_no_number(tmp_path: Path) -> None:
    (facts,) = lists(
        tmp_path, LINE, "7;10AA;2025-09-01;;alles", f"{BEN};;2025-09-01;2025-10-01;alles"
    ).facts()
    counts = {name: facts[name] for name in ("rows", "in_force", "withdrawn", "schools_held_back")}
    assert counts == {"rows": 3, "in_force": 1, "withdrawn": 1, "schools_held_back": 1}
    assert not any(number in str(facts) for number in (ANNA, BEN))


@dataclass(frozen=True)
class Way:
    """Lists, and the results that are left of those below."""

    says: str
    left: str
    lines: tuple[str, ...] = ()
    told: dict[str, str | None] = field(default_factory=dict)


RESULTS = [(1, "10AA"), (1, "10AB"), (2, "10AA"), (3, "10AB"), (4, "10AC"), (4, "10AB")]
NUMBERS = {1: ANNA, 2: BEN, 3: CARO, 4: "012345672"}
WAYS = [
    Way("nobody objects", "1AA 1AB 2AA 3AB 4AB 4AC", told={"declared_empty": "true"}),
    Way("an objection at one school counts at every school", "2AA 3AB 4AB 4AC", (LINE,)),
    Way("the number lost its zero", "1AA 1AB 2AA 3AB", ("12345672;;2025-09-01;;alles",)),
    Way("an objection of somebody without results", "1AA 1AB 2AA 3AB 4AB 4AC",
        ("063138219;;2025-09-01;;alles",)),
    Way("a school held back takes its pupils' results elsewhere along", "3AB 4AB 4AC",
        ("x;10AA;2025-09-01;;alles",)),
    Way("held back and objected", "3AB", ("x;10AA;2025-09-01;;alles", "12345672;;2025-09-01;;alles")),
    Way("only who is allowed", "1AA 1AB", (LINE,), {"polarity": '"allow"'}),
    Way("an empty list that allows gives nobody", "", (), {"polarity": '"allow"', "declared_empty": "true"}),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.says)
def test_whose_results_are_left(way: Way, tmp_path: Path, spark: SparkSession) -> None:
    drawn = [{**row(n, brin=brin), "pgn": NUMBERS[n]} for n, brin in RESULTS]
    results = Accepted(frame(spark, drawn))
    admitted = objections.remove_objectors(results, results, lists(tmp_path, *way.lines, **way.told))
    assert admitted.columns == results.columns
    number = {pgn: n for n, pgn in NUMBERS.items()}
    found = sorted(f"{number[r.pgn]}{r.brin[2:]}" for r in admitted.select("pgn", "brin").collect())
    assert " ".join(found) == way.left
