"""Changes of pupil numbers: followed to their end in any order, and read strictly or not at all."""

from __future__ import annotations

import datetime as dt
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohort.foundation.errors import DeliveriesRefused, StateRefused
from cohort.foundation.identifiers import normalise_pgn
from cohort.legal_basis import number_change_resolution, number_changes
from cohort.legal_basis.number_change_resolution import NumberChange
from cohort.legal_basis.number_changes import NumberChanges

TODAY = dt.date(2025, 11, 23)
HEADER = "oud_pgn;nieuw_pgn;vanaf"
A, B, C, D = "101222331", "103522457", "123456782", "111222333"
RIGHT = {"file": '"duo.csv"', "date": "2025-11-20", "source": '"DUO"'}


def put(folder: Path, *lines: str, name: str = "duo", **redeclared: str | None) -> Path:
    declared = {**RIGHT, "file": f'"{name}.csv"', **redeclared}
    text = "".join(f"{key} = {value}\n" for key, value in declared.items() if value is not None)
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / f"{name}.csv").write_text("\n".join((HEADER, *lines)) + "\n", encoding="utf-8")
    return folder


def read(folder: Path) -> NumberChanges:
    return number_changes.load_number_changes(folder, TODAY)


@pytest.mark.parametrize(
    ("case", "lines", "newest"),
    [
        ("one change", [f"{A};{C};2025-01-01"], {A: C}),
        ("a chain", [f"{A};{B};2024-01-01", f"{B};{C};2025-01-01"], {A: C, B: C}),
        ("a chain in the other order", [f"{B};{C};2025-01-01", f"{A};{B};2024-01-01"], {A: C, B: C}),
        ("a chain whose dates run back", [f"{A};{B};2025-01-01", f"{B};{C};2024-01-01"], {A: C, B: C}),
        ("two numbers that become one", [f"{A};{C};2025-01-01", f"{B};{C};2025-01-01"], {A: C, B: C}),
        ("the later of two", [f"{A};{B};2025-01-01", f"{A};{C};2024-01-01"], {A: B}),
        ("the same line twice", [f"{A};{C};2025-01-01", f"{A};{C};2025-01-01"], {A: C}),
        (
            "a circle that a later change opens",
            [f"{A};{B};2023-01-01", f"{B};{A};2024-01-01", f"{A};{C};2025-01-01"],
            {A: C, B: C},
        ),
        ("a change back on a later day", [f"{A};{C};2025-01-01", f"{C};{A};2025-02-01"], {C: A}),
        ("the same, the later line first", [f"{C};{A};2025-02-01", f"{A};{C};2025-01-01"], {C: A}),
        ("undone, and done again", [f"{A};{C};2025-01-01", f"{C};{A};2025-02-01", f"{A};{C};2025-03-01"], {A: C}),
        (
            "undone, and the first line repeated",
            [f"{A};{C};2025-01-01", f"{C};{A};2025-02-01", f"{A};{C};2025-01-01"],
            {C: A},
        ),
        (
            "back over two other numbers",
            [f"{A};{B};2023-01-01", f"{B};{C};2024-01-01", f"{C};{A};2025-01-01"],
            {B: A, C: A},
        ),
        (
            "the same, begun in the middle",
            [f"{C};{A};2023-01-01", f"{A};{B};2024-01-01", f"{B};{C};2025-01-01"],
            {A: C, B: C},
        ),
        (
            "a way into a change that was undone",
            [f"{D};{A};2022-01-01", f"{A};{B};2023-01-01", f"{B};{A};2024-01-01"],
            {B: A, D: A},
        ),
        ("undone from tomorrow: counts at once", [f"{A};{C};2025-01-01", f"{C};{A};2026-01-01"], {C: A}),
        ("a line that changes nothing", [f"{A};{A};2025-01-01"], {}),
        ("the same, with a lost zero", ["12345672;012345672;2025-01-01"], {}),
        ("nothing changed after a change", [f"{A};{C};2025-01-01", f"{A};{A};2025-02-01"], {A: C}),
        ("nothing changed on the day of one", [f"{A};{A};2025-01-01", f"{A};{C};2025-01-01"], {A: C}),
        ("in its normal form", [f"{A}; 12345672 ;2025-01-01"], {A: "012345672"}),
        ("from tomorrow: counts at once", [f"{A};{C};2026-01-01"], {A: C}),
        ("none", [], {}),
    ],
)
def test_newest_numbers_follow_from_the_changes(
    case: str, lines: list[str], newest: dict[str, str], tmp_path: Path
) -> None:
    changes = read(put(tmp_path, *lines))
    assert changes.newest_numbers == newest, case
    assert {number: changes.newest(number) for number in (A, B, C, D)} == {
        number: newest.get(number, number) for number in (A, B, C, D)
    }


def test_changes_of_several_lists_form_one_chain(tmp_path: Path) -> None:
    put(tmp_path, f"{A};{B};2024-01-01")
    put(tmp_path, f"{B};{C};2025-01-01", name="school")
    assert read(tmp_path).newest(A) == C


def test_columns_may_have_any_order_with_a_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / "duo.csv").write_bytes(f"\ufeffvanaf;nieuw_pgn;oud_pgn\r\n2025-01-01;{C};{A}\r\n".encode())
    assert read(tmp_path).newest_numbers == {A: C}


def test_a_missing_or_empty_folder_means_no_changes(tmp_path: Path) -> None:
    assert read(tmp_path) == read(tmp_path / "none") == NumberChanges()
    assert NumberChanges().remarks() == []


def test_the_digest_changes_only_when_a_list_does(tmp_path: Path) -> None:
    before = read(put(tmp_path, f"{A};{C};2025-01-01")).digest()
    assert read(tmp_path).digest() == before
    assert read(put(tmp_path, f"{A};{C};2025-01-02")).digest() != before
    assert NumberChanges().digest() != before


def test_remarks_and_reprs_have_no_number(tmp_path: Path) -> None:
    changes = read(put(tmp_path, f"{A};{C};2025-01-01", f"{B};{B};2025-01-01"))
    (remark,) = changes.remarks()
    assert remark.endswith("nothing changes by nummerwijzigingen/duo.csv line 3")
    assert not re.search(r"\b\d{8,9}\b", remark + repr(changes) + repr(changes.lists))


@dataclass(frozen=True)
class BrokenFolder:
    """A right folder, and the one thing that is done to it."""

    case: str
    break_folder: Callable[[Path], object]
    message: str
    problems: int = 1


def csv(text: str | bytes) -> Callable[[Path], object]:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "duo.csv").write_bytes(content)


def lines(*several: str) -> Callable[[Path], object]:
    return lambda folder: put(folder, *several)


def redeclared(**changed: str | None) -> Callable[[Path], object]:
    return lambda folder: put(folder, LINE, **changed)


LINE = f"{A};{C};2025-01-01"
BROKEN_FOLDERS = [
    BrokenFolder("the list is missing", lambda f: (f / "duo.csv").unlink(), "the list that is declared"),
    BrokenFolder("a list that none declares", lambda f: (f / "extra.csv").write_text("x"), "only declared lists"),
    BrokenFolder("a folder in the zone", lambda f: (f / "oud").mkdir(), "only declared lists"),
    BrokenFolder("dated tomorrow", redeclared(date="2025-11-24"), "dated today or before"),
    BrokenFolder("no date", redeclared(date=None), "the key date"),
    BrokenFolder("no source", redeclared(source=None), "the key source"),
    BrokenFolder("a key that nobody knows", redeclared(polarity='"block"'), "only declared keys"),
    BrokenFolder("a path as its file", redeclared(file='"../duo.csv"'), "a valid file"),
    BrokenFolder("no TOML", lambda f: (f / "duo.toml").write_text("file ="), "Expected TOML"),
    BrokenFolder("no bytes", csv(""), "the columns"),
    BrokenFolder("another header", csv("oud;nieuw;vanaf\n1;2;3\n"), "the columns"),
    BrokenFolder("a line too short", csv(f"{HEADER}\n{A};{C}\n"), "in every line"),
    BrokenFolder("no encoding of a text", csv(f"{HEADER}\n{LINE}\x81".encode("latin-1")), "a readable UTF-8 list"),
    BrokenFolder("a quote that is not closed", csv(f'{HEADER}\n"{LINE}\n'), "UTF-8 list"),
    BrokenFolder("a date the other way round", lines(f"{A};{C};01/01/2025"), "a date in vanaf"),
    BrokenFolder("a week for a date", lines(f"{A};{C};2025-W01-1"), "a date in vanaf"),
    BrokenFolder("an old number that is none", lines(f"133456785;{C};2025-01-01"), "another oud_pgn"),
    BrokenFolder("a new number that is none", lines(f"{A};123456789;2025-01-01"), "another nieuw_pgn"),
    BrokenFolder("a filler", lines(f"{A};000000000;2025-01-01"), "another nieuw_pgn"),
    BrokenFolder("two on one day", lines(LINE, f"{A};{D};2025-01-01"), "two on one day (the other one in"),
    BrokenFolder(
        "an exchange",
        lines(f"{A};{B};2024-01-01", f"{B};{A};2024-01-01"),
        "an exchange of 2 numbers between pupils in nummerwijzigingen/duo.csv line 2, nummerwijzigingen",
    ),
    BrokenFolder(
        "an exchange of three numbers",
        lines(f"{A};{B};2024-01-01", f"{B};{C};2024-01-01", f"{C};{A};2024-01-01"),
        "an exchange of 3",
    ),
    BrokenFolder(
        "an exchange by way of a third number",
        lines(f"{A};{C};2024-01-01", f"{B};{A};2024-02-01", f"{C};{B};2024-03-01"),
        "Take these lines out",
    ),
    BrokenFolder(
        "a way into an exchange",
        lines(f"{D};{A};2023-01-01", f"{A};{B};2023-01-01", f"{B};{A};2023-01-01"),
        "an exchange of 2",
    ),
    BrokenFolder(
        "two changes of one day and a change back: whose is not clear",
        lines(f"{A};{B};2023-01-01", f"{B};{C};2023-01-01", f"{C};{A};2024-01-01"),
        "an exchange of 3",
    ),
    BrokenFolder(
        "three lines with a problem each",
        lines(f"x;{C};2025-01-01", LINE, f"{A};{C};x", f"{B};000000000;2025-01-01"),
        "line 2",
        3,
    ),
]


@pytest.mark.parametrize("broken", BROKEN_FOLDERS, ids=lambda broken: broken.case)
def test_every_problem_is_refused(broken: BrokenFolder, tmp_path: Path) -> None:
    read(put(tmp_path, LINE))
    broken.break_folder(tmp_path)
    with pytest.raises(DeliveriesRefused, match=re.escape(broken.message)) as refusal:
        read(tmp_path)
    assert refusal.value.exit_code == 11
    assert len(refusal.value.problems) == broken.problems
    assert not re.search(r"\d{8}", str(refusal.value)), "a refusal tells no number"


def test_a_chain_of_a_hundred_thousand_ends_at_its_last_number() -> None:
    names = [f"{n:09d}" for n in range(100_000)]
    chain = [NumberChange(old, new, TODAY, "") for old, new in pairwise(names)]
    newest = number_change_resolution.resolve_newest_numbers(chain[::-1], [])
    assert set(newest.values()) == {names[-1]}
    assert len(newest) == len(chain)


DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2020, 1, 5))
SOME = [str(n) for n in range(9)]


@st.composite
def changes_in_two_orders(draw: st.DrawFn) -> tuple[list[NumberChange], list[NumberChange]]:
    """Changes, and the same in another order."""
    pairs = draw(st.lists(st.tuples(st.sampled_from(SOME), st.sampled_from(SOME), DAYS), max_size=12))
    changes = [NumberChange(*pair, f"line {n}") for n, pair in enumerate(pairs, 2)]
    return changes, draw(st.permutations(changes))


@given(changes_in_two_orders())
def test_the_order_of_changes_does_not_matter(both: tuple[list[NumberChange], list[NumberChange]]) -> None:
    first, again = list[str](), list[str]()
    assert number_change_resolution.resolve_newest_numbers(
        both[0], first
    ) == number_change_resolution.resolve_newest_numbers(both[1], again)
    assert len(first) == len(again)


def follow(changes: list[NumberChange], number: str) -> str | None:
    """By hand: step by step along the last change of each number; None where pupils exchange numbers.

    A way that leads back is one pupil's if, begun at the right place, each of its changes is a day later.
    """
    way, seen = list[NumberChange](), set[str]()
    while number not in seen:
        seen.add(number)
        own = [change for change in changes if change.old == number != change.new]
        if not own:
            return number
        way.append(max(own, key=lambda change: change.since))
        number = way[-1].new
    circle = way[[change.old for change in way].index(number) :]
    for turned in ([*circle[n:], *circle[:n]] for n in range(len(circle))):
        if all(one.since < then.since for one, then in pairwise(turned)):
            return turned[-1].new
    return None


@given(changes_in_two_orders())
def test_every_number_ends_where_its_changes_lead_or_an_exchange_is_refused(
    both: tuple[list[NumberChange], list[NumberChange]],
) -> None:
    changes, problems = [change for change in both[0] if change.old != change.new], list[str]()
    one_a_day = {(change.old, change.since): change for change in changes}
    unclear = any(one_a_day[change.old, change.since].new != change.new for change in changes)
    newest = number_change_resolution.resolve_newest_numbers(both[0], problems)
    ends = {change.old: follow(changes, change.old) for change in changes}
    if unclear:
        assert problems
    else:
        assert newest == {old: new for old, new in ends.items() if new not in (None, old)}
        assert bool(problems) == (None in ends.values())


@given(st.lists(st.sampled_from(SOME), min_size=2, max_size=12))
def test_the_last_number_counts_even_if_the_pupil_had_it_before(numbers: list[str]) -> None:
    days = (dt.date(2020, 1, 1) + dt.timedelta(days=n) for n in range(len(numbers)))
    changes = [NumberChange(old, new, day, "") for (old, new), day in zip(pairwise(numbers), days, strict=False)]
    problems = list[str]()
    newest = number_change_resolution.resolve_newest_numbers(changes, problems)
    assert problems == []
    assert {newest.get(number, number) for number in numbers} == {numbers[-1]}


@given(changes_in_two_orders())
def test_linked_numbers_are_all_that_changes_ever_connected(
    both: tuple[list[NumberChange], list[NumberChange]],
) -> None:
    pairs = frozenset((c.old, c.new) for c in both[0])
    changes = NumberChanges(newest_numbers=number_change_resolution.resolve_newest_numbers(both[0], []), pairs=pairs)
    barred = changes.linked_numbers(frozenset(SOME[:1]))
    assert all((one in barred) == (other in barred) for one, other in pairs)
    assert changes.certain_numbers(frozenset(SOME[:1])) <= barred


def test_links_of_earlier_lists_are_recorded_and_bar(tmp_path: Path) -> None:
    root, zone = tmp_path, tmp_path / "nummerwijzigingen"
    zone.mkdir()
    first = read(put(zone, f"{A};{B};2025-01-01"))
    number_changes.record_linked_numbers(root, first)
    assert stat.S_IMODE((root / number_changes.LINKED_NUMBERS_FILE).stat().st_mode) == 0o600
    after = read(put(zone, f"{A};{C};2025-02-01"))
    assert (after.newest(A), after.newest(B)) == (C, B)
    assert after.linked_numbers(frozenset({A})) == {A, B, C}, "results may stand under the number it had first"
    assert after.certain_numbers(frozenset({A})) == {A, C}, "a permission counts only where it is certain"
    number_changes.record_linked_numbers(root, after)
    assert read(put(zone)).linked_numbers(frozenset({C})) == {A, B, C}, "no line is left"


@pytest.mark.parametrize("content", ["", "{}", '{"pairs": 7}', '{"pairs": [["1"]]}'])
def test_a_broken_document_of_linked_numbers_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / number_changes.LINKED_NUMBERS_FILE).parent.mkdir()
    (tmp_path / number_changes.LINKED_NUMBERS_FILE).write_text(content)
    with pytest.raises(StateRefused, match="earlier lists of changes"):
        read(tmp_path / "nummerwijzigingen")


def test_the_numbers_of_these_tests_are_valid() -> None:
    assert [normalise_pgn(number) for number in (A, B, C, D)] == [A, B, C, D]
