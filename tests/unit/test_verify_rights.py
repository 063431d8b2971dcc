"""The verifier's own reading of numbers and lists."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.nl import bsn, onderwijsnummer
from tests.unit.drawn_release import TODAY, write_list

from cohort.errors import ObjectionsRefused
from cohort.verify.numbers import is_pupil_number, pupil_number
from cohort.verify.rights import Barred, read

NUMBER, OTHER = "123456782", "111222333"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("111222333", "111222333"),
        ("063138219", "063138219"),
        ("12345672", "012345672"),
        (" 1112 22333 ", "111222333"),
        ("100252333", "100252333"),
        ("101222331", "101222331"),
        ("133456785", None),
        ("123456789", None),
        ("000000000", None),
        ("111111110", None),
        ("1234567", None),
        ("٠٦٣١٣٨٢١٩", None),
        ("", None),
    ],
)
def test_a_number_as_written_has_one_normal_form_or_none(written: str, number: str | None) -> None:
    assert pupil_number(written) == number


@given(st.integers(0, 999_999_999).map("{:09d}".format))
def test_the_proof_is_that_of_an_independent_library(number: str) -> None:
    known = bsn.is_valid(number) or onderwijsnummer.is_valid(number)
    assert is_pupil_number(number) == (known and number not in ("000000000", "111111110"))


def lists(folder: Path, *lines: str, polarity: str = "block", **changes: object) -> Path:
    write_list(folder / "objections", lines, polarity, **changes)
    return folder / "objections"


def test_every_objection_not_withdrawn_counts_a_coming_one_too(tmp_path: Path) -> None:
    folder = lists(
        tmp_path,
        f"{NUMBER};99ZZ;2030-01-01;;alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY};alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY + dt.timedelta(days=1)};alles",
        "63138219;99ZZ;2025-01-01;2025-06-01;alles",
    )
    assert read(folder, 31, TODAY) == Barred(frozenset({NUMBER, OTHER}), None, frozenset())


def test_an_invalid_number_holds_its_school_back_unless_withdrawn(tmp_path: Path) -> None:
    folder = lists(tmp_path, "123456789;99ZZ;2025-01-01;;alles", ";10AA;2025-01-01;2025-02-01;alles")
    assert read(folder, 31, TODAY).held == {"99ZZ"}


def test_whoever_is_not_on_every_allow_list_is_not_allowed(tmp_path: Path) -> None:
    lists(tmp_path, f"{NUMBER};;;;alles", f"{OTHER};;;;alles", polarity="allow")
    folder = lists(tmp_path, f"{NUMBER};;;;alles", polarity="allow")
    assert read(folder, 31, TODAY).allowed == frozenset({NUMBER})


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_columns_come_in_any_order_and_lines_end_in_any_way(tmp_path: Path, ending: str) -> None:
    folder = lists(tmp_path, "x")
    text = ending.join(["bereik;brin;pgn;ingetrokken_op;vanaf", f"alles;99ZZ;{NUMBER};;2025-01-01", ""])
    next(folder.glob("*.csv")).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read(folder, 31, TODAY).blocked == {NUMBER}


def test_a_list_declared_empty_may_be(tmp_path: Path) -> None:
    assert read(lists(tmp_path, declared_empty=True), 31, TODAY).blocked == frozenset()


@pytest.mark.parametrize(
    ("lines", "changes", "sentence"),
    [
        ([], {}, "declared_empty = true"),
        ([f"{NUMBER};;;;rekenen"], {}, "the scope alles"),
        ([f"{NUMBER};;;morgen;alles"], {}, "a date or nothing"),
        (["123;;;;alles"], {}, "a valid number or the school"),
        (["123;99zz;;;alles"], {}, "a valid number or the school"),
        ([NUMBER], {}, "five columns"),
        ([f'"{NUMBER};;;;alles'], {}, "five columns"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY - dt.timedelta(days=8)}, "a few days before"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY - dt.timedelta(days=32), "max_age_days": 99}, "a few days"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY + dt.timedelta(days=1)}, "a few days before"),
        ([f"{NUMBER};;;;alles"], {"polarity": "deny"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"file": "../lijst0.csv"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"file": "weg.csv"}, "five columns"),
        ([f"{NUMBER};;;;alles"], {"keeper": "x"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"declared_empty": "no"}, "polarity"),
    ],
)
def test_a_list_that_is_not_as_it_should_be_stops_everything(
    tmp_path: Path, lines: list[str], changes: dict[str, object], sentence: str
) -> None:
    write_list(tmp_path / "objections", lines, **{"polarity": "block", **changes})  # type: ignore[arg-type]
    with pytest.raises(ObjectionsRefused, match=sentence) as refused:
        read(tmp_path / "objections", 31, TODAY)
    assert NUMBER not in str(refused.value)


def test_no_list_an_undeclared_one_and_one_declared_twice_stop_everything(tmp_path: Path) -> None:
    with pytest.raises(ObjectionsRefused, match="a declared list"):
        read(tmp_path / "none", 31, TODAY)
    folder = lists(tmp_path, f"{NUMBER};;;;alles")
    declared = next(folder.glob("*.toml"))
    (folder / "again.toml").write_text(declared.read_text())
    (folder / "los.csv").write_text("pgn")
    with pytest.raises(ObjectionsRefused) as refused:
        read(folder, 31, TODAY)
    assert len(refused.value.problems) == 2


def test_text_that_is_no_utf8_stops_everything(tmp_path: Path) -> None:
    folder = lists(tmp_path, f"{NUMBER};;;;alles")
    next(folder.glob("*.csv")).write_bytes(b"pgn;brin;vanaf;ingetrokken_op;bereik\n\xe9;;;;alles")
    with pytest.raises(ObjectionsRefused, match="a readable list"):
        read(folder, 31, TODAY)
