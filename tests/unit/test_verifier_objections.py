"""The verifier's own reading of numbers and lists."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.nl import bsn, onderwijsnummer
from tests.unit.drawn_release import TODAY, write_list

from cohort.foundation.errors import ObjectionsRefused
from cohort.verification.objection_check import ExcludedPupils, read_excluded_pupils
from cohort.verification.pupil_number_reader import is_valid_pupil_number, parse_pupil_number

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
    assert parse_pupil_number(written) == number


@given(st.integers(0, 999_999_999).map("{:09d}".format))
def test_the_proof_is_that_of_an_independent_library(number: str) -> None:
    known = bsn.is_valid(number) or onderwijsnummer.is_valid(number)
    assert is_valid_pupil_number(number) == (known and number not in ("000000000", "111111110"))


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    return tmp_path / "objections"


def lists(zone: Path, *lines: str, polarity: str = "block", **changes: object) -> Path:
    write_list(zone, lines, polarity, **changes)
    return zone


def held_against(zone: Path, project: str = "proef", *domains: str) -> ExcludedPupils:
    return read_excluded_pupils(zone, 31, TODAY, project, domains or ("rekenen",))


def remembered(zone: Path, *entries: list[object], **told: object) -> None:
    folder = zone.parent / "restricted" / "objections"
    folder.mkdir(parents=True)
    facts = {"source": "proef", "polarity": "block", "lists": [], "schools": [], "entries": entries} | told
    (folder / "x.json").write_text(json.dumps(facts))


def changed(zone: Path, *lines: str) -> None:
    folder = zone.parent / "nummerwijzigingen"
    folder.mkdir()
    (folder / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-02-01\nsource = 'DUO'\n")
    (folder / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *lines]))


def test_every_objection_not_withdrawn_counts_a_coming_one_too(zone: Path) -> None:
    lists(
        zone,
        f"{NUMBER};99ZZ;2030-01-01;;alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY};alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY + dt.timedelta(days=1)};alles",
        "63138219;99ZZ;2025-01-01;2025-06-01;alles",
    )
    found = held_against(zone)
    assert (found.blocked, found.held, found.allowed) == ({NUMBER, OTHER}, frozenset(), ())


@pytest.mark.parametrize(
    ("scope", "where"),
    [("alles", "ab"), ("domein:rekenen", "a"), ("project:bb", "b"), ("domein:lezen", ""), ("project:cc", "")],
)
def test_an_objection_counts_where_its_scope_is_used(scope: str, where: str, zone: Path) -> None:
    lists(zone, f"{NUMBER};;;;{scope}", f"x;10AA;;;{scope}")
    found = {"a": held_against(zone, "aa", "rekenen", "studie"), "b": held_against(zone, "bb", "studie")}
    assert {name for name in found if NUMBER in found[name].blocked} == set(where)
    assert {name for name in found if "10AA" in found[name].held} == set(where)


def test_an_invalid_number_holds_its_school_back_unless_withdrawn(zone: Path) -> None:
    lists(zone, "123456789;99ZZ;2025-01-01;;alles", ";10AA;2025-01-01;2025-02-01;alles")
    assert held_against(zone).held == {"99ZZ"}


def test_a_list_that_allows_permits_by_scope_at_the_schools_it_covers(zone: Path) -> None:
    told = [f"{NUMBER};;;;alles", f"{OTHER};;;;domein:rekenen", "63138219;;2030-01-01;;alles"]
    lists(zone, *told, polarity="allow", schools=["10AA"])
    assert held_against(zone).allowed == ((frozenset({"10AA"}), frozenset({NUMBER, OTHER})),)
    assert held_against(zone, "proef", "rekenen", "lezen").allowed[0][1] == {NUMBER}


@pytest.mark.parametrize(
    ("says", "entries", "lines", "barred"),
    [
        ("absent from the list", [[NUMBER, "alles", "2025-09-01", None, True]], [], {NUMBER}),
        ("another scope of it", [[NUMBER, "domein:lezen", "2025-09-01", None, True]], [], set()),
        ("withdrawn before", [[NUMBER, "alles", "2025-09-01", "2025-12-01", True]], [], set()),
        ("withdrawn from tomorrow", [[NUMBER, "alles", "2025-09-01", "2026-03-02", True]], [], {NUMBER}),
        ("withdrawn now", [[NUMBER, "alles", "2025-09-01", None, True]], ["2025-09-01;2026-02-01"], set()),
        ("an old withdrawal", [[NUMBER, "alles", "2026-01-01", None, True]], ["2025-09-01;2025-10-01"], {NUMBER}),
        (
            "one parent withdrew",
            [[NUMBER, "alles", "2025-09-01", None, True]],
            ["2025-09-01;2026-02-01", "2025-09-01;"],
            {NUMBER},
        ),
    ],
)
def test_what_was_filed_stands_until_its_source_withdraws_it(
    says: str, entries: list[list[object]], lines: list[str], barred: set[str], zone: Path
) -> None:
    remembered(zone, *entries)
    lists(zone, *(f"{NUMBER};;{days};alles" for days in lines), declared_empty=True)
    assert held_against(zone).blocked == barred, says
    lists(zone, declared_empty=True, source="ander")
    remembered_elsewhere = held_against(zone).blocked
    assert remembered_elsewhere == barred, says


def test_a_withdrawal_by_another_source_lifts_nothing(zone: Path) -> None:
    remembered(zone, [NUMBER, "alles", "2025-09-01", None, True], source="school")
    lists(zone, f"{NUMBER};;2025-09-01;2026-02-01;alles")
    assert held_against(zone).blocked == {NUMBER}


def test_numbers_are_followed_through_their_changes(zone: Path) -> None:
    changed(zone, f"{NUMBER};{OTHER};2024-01-01", f"{OTHER};101222331;2025-01-01")
    remembered(zone, [OTHER, "alles", "2025-09-01", None, True])
    lists(zone, declared_empty=True)
    assert held_against(zone).blocked == {NUMBER, OTHER, "101222331"}
    lists(zone, "101222331;;2025-09-01;2026-02-01;alles")
    assert held_against(zone).blocked == set()


@pytest.mark.parametrize(
    "told", [{"polarity": "allow"}, {"polarity": "allow", "schools": ["10AA"], "source": "school"}, {"entries": 7}]
)
def test_a_list_that_counts_otherwise_than_before_stops_everything(told: dict[str, object], zone: Path) -> None:
    remembered(zone, **told)
    lists(zone, f"{NUMBER};;;;alles")
    with pytest.raises(ObjectionsRefused, match="source"):
        held_against(zone)


@pytest.mark.parametrize(
    "lines",
    [
        ["x;y;2025-01-01"],
        [f"{NUMBER};{OTHER};1"],
        [f"{NUMBER};{OTHER};2025-01-01", f"{OTHER};{NUMBER};2025-01-01"],
        [f"{NUMBER};{OTHER};2025-01-01", f"{NUMBER};101222331;2025-01-01"],
    ],
)
def test_changes_that_cannot_be_followed_stop_everything(lines: list[str], zone: Path) -> None:
    changed(zone, *lines)
    lists(zone, f"{NUMBER};;;;alles")
    with pytest.raises(ObjectionsRefused):
        held_against(zone)


HEADER = "bereik;brin;pgn;ingetrokken_op;vanaf"
SPELLINGS = {
    "in another order": f"{HEADER}\nalles;99ZZ;{NUMBER};;2025-01-01\n",
    "with a mark and CRLF": f"\ufeff{HEADER}\r\nalles;99ZZ;{NUMBER};;2025-01-01\r\n",
    "with commas": f"{HEADER},\nalles,99ZZ,{NUMBER},,2025-01-01,\n".replace(";", ","),
    "without a header": f"{NUMBER};99ZZ;2025-01-01;;alles",
    "without a header, with commas and more": f"\n{NUMBER},99ZZ,2025-01-01,,alles,,\n,,,,\n",
}


@pytest.mark.parametrize("says", SPELLINGS)
def test_spellings_that_mean_the_same_are_read_alike(zone: Path, says: str) -> None:
    lists(zone, "x")
    next(zone.glob("*.csv")).write_bytes(SPELLINGS[says].encode())
    assert held_against(zone).blocked == {NUMBER}


def test_a_list_declared_empty_may_be(zone: Path) -> None:
    assert held_against(lists(zone, declared_empty=True)).blocked == frozenset()


@pytest.mark.parametrize(
    ("lines", "changes", "sentence"),
    [
        ([], {}, "declared_empty = true"),
        ([f"{NUMBER};;;;rekenen"], {}, "the scope alles"),
        ([f"{NUMBER};;;;domein:"], {}, "the scope alles"),
        ([f"{NUMBER};;;morgen;alles"], {}, "a date or nothing"),
        (["123;;;;alles"], {}, "a valid number or the school"),
        (["1,23457E+08;99ZZ;;;alles"], {}, "a number with all its digits"),
        ([f"{NUMBER};;9/1/2025;;alles"], {}, "a date or nothing"),
        (["123;99zz;;;alles"], {}, "a valid number or the school"),
        ([NUMBER], {}, "all its columns"),
        ([f'"{NUMBER};;;;alles'], {}, "all its columns"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY - dt.timedelta(days=8)}, "a few days before"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY - dt.timedelta(days=32), "max_age_days": 99}, "a few days"),
        ([f"{NUMBER};;;;alles"], {"date": TODAY + dt.timedelta(days=1)}, "a few days before"),
        ([f"{NUMBER};;;;alles"], {"polarity": "deny"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"polarity": "allow"}, "schools if it allows"),
        ([f"{NUMBER};;;;alles"], {"schools": ["10AA"]}, "schools if it allows"),
        ([f"{NUMBER};;;;alles"], {"file": "../lijst0.csv"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"file": "weg.csv"}, "all its columns"),
        ([f"{NUMBER};;;;alles"], {"keeper": "x"}, "polarity"),
        ([f"{NUMBER};;;;alles"], {"declared_empty": "no"}, "polarity"),
    ],
)
def test_a_list_that_is_not_as_it_should_be_stops_everything(
    zone: Path, lines: list[str], changes: dict[str, object], sentence: str
) -> None:
    write_list(zone, lines, **{"polarity": "block", **changes})  # type: ignore[arg-type]
    with pytest.raises(ObjectionsRefused, match=sentence) as refused:
        held_against(zone)
    assert NUMBER not in str(refused.value)


def test_no_list_an_undeclared_one_and_one_declared_twice_stop_everything(zone: Path) -> None:
    with pytest.raises(ObjectionsRefused, match="a declared list"):
        held_against(zone)
    lists(zone, f"{NUMBER};;;;alles")
    declared = next(zone.glob("*.toml"))
    (zone / "again.toml").write_text(declared.read_text())
    (zone / "los.csv").write_text("pgn")
    with pytest.raises(ObjectionsRefused) as refused:
        held_against(zone)
    assert len(refused.value.problems) == 2


def test_text_of_no_encoding_stops_everything(zone: Path) -> None:
    lists(zone, f"{NUMBER};;;;alles")
    next(zone.glob("*.csv")).write_bytes(b"pgn;brin;vanaf;ingetrokken_op;bereik\n\x81;;;;alles")
    with pytest.raises(ObjectionsRefused, match="a readable list"):
        held_against(zone)
