"""The verifier reads pupil numbers and objection lists by its own code."""

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
def test_the_elfproef_agrees_with_an_independent_library(number: str) -> None:
    known = bsn.is_valid(number) or onderwijsnummer.is_valid(number)
    assert is_valid_pupil_number(number) == (known and number not in ("000000000", "111111110"))


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    return tmp_path / "objections"


def write_lists(zone: Path, *lines: str, polarity: str = "block", **changes: object) -> Path:
    write_list(zone, lines, polarity, **changes)
    return zone


def read_zone(zone: Path, project: str = "proef", *domains: str) -> ExcludedPupils:
    return read_excluded_pupils(zone, 31, TODAY, project, domains or ("rekenen",))


def write_registry(zone: Path, *entries: list[object], **told: object) -> None:
    folder = zone.parent / "restricted" / "objections"
    folder.mkdir(parents=True)
    facts = {"source": "proef", "polarity": "block", "lists": [], "schools": [], "entries": entries} | told
    (folder / "x.json").write_text(json.dumps(facts))


def write_number_changes(zone: Path, *lines: str) -> None:
    folder = zone.parent / "nummerwijzigingen"
    folder.mkdir()
    (folder / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-02-01\nsource = 'DUO'\n")
    (folder / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *lines]))


def test_every_objection_counts_until_it_is_withdrawn_also_one_dated_in_the_future(zone: Path) -> None:
    write_lists(
        zone,
        f"{NUMBER};99ZZ;2030-01-01;;alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY};alles",
        f"{OTHER};99ZZ;2025-01-01;{TODAY + dt.timedelta(days=1)};alles",
        "63138219;99ZZ;2025-01-01;2025-06-01;alles",
    )
    excluded = read_zone(zone)
    assert (excluded.numbers, excluded.held_back_schools, excluded.opt_in_lists) == ({NUMBER, OTHER}, frozenset(), ())


@pytest.mark.parametrize(
    ("scope", "where"),
    [("alles", "ab"), ("domein:rekenen", "a"), ("project:bb", "b"), ("domein:lezen", ""), ("project:cc", "")],
)
def test_an_objection_counts_where_its_scope_is_used(scope: str, where: str, zone: Path) -> None:
    write_lists(zone, f"{NUMBER};;;;{scope}", f"x;10AA;;;{scope}")
    excluded = {"a": read_zone(zone, "aa", "rekenen", "studie"), "b": read_zone(zone, "bb", "studie")}
    assert {name for name in excluded if NUMBER in excluded[name].numbers} == set(where)
    assert {name for name in excluded if "10AA" in excluded[name].held_back_schools} == set(where)


def test_an_invalid_number_holds_its_school_back_unless_withdrawn(zone: Path) -> None:
    write_lists(zone, "123456789;99ZZ;2025-01-01;;alles", ";10AA;2025-01-01;2025-02-01;alles")
    assert read_zone(zone).held_back_schools == {"99ZZ"}


def test_an_opt_in_list_permits_by_scope_at_the_schools_it_covers(zone: Path) -> None:
    lines = [f"{NUMBER};;;;alles", f"{OTHER};;;;domein:rekenen", "63138219;;2030-01-01;;alles"]
    write_lists(zone, *lines, polarity="allow", schools=["10AA"])
    assert read_zone(zone).opt_in_lists == ((frozenset({"10AA"}), frozenset({NUMBER, OTHER})),)
    assert read_zone(zone, "proef", "rekenen", "lezen").opt_in_lists[0][1] == {NUMBER}


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
def test_a_registered_objection_counts_until_its_own_source_withdraws_it(
    says: str, entries: list[list[object]], lines: list[str], barred: set[str], zone: Path
) -> None:
    write_registry(zone, *entries)
    write_lists(zone, *(f"{NUMBER};;{days};alles" for days in lines), declared_empty=True)
    assert read_zone(zone).numbers == barred, says
    write_lists(zone, declared_empty=True, source="ander")
    of_another_source = read_zone(zone).numbers
    assert of_another_source == barred, says


def test_a_withdrawal_by_another_source_lifts_nothing(zone: Path) -> None:
    write_registry(zone, [NUMBER, "alles", "2025-09-01", None, True], source="school")
    write_lists(zone, f"{NUMBER};;2025-09-01;2026-02-01;alles")
    assert read_zone(zone).numbers == {NUMBER}


def test_numbers_are_followed_through_their_changes(zone: Path) -> None:
    write_number_changes(zone, f"{NUMBER};{OTHER};2024-01-01", f"{OTHER};101222331;2025-01-01")
    write_registry(zone, [OTHER, "alles", "2025-09-01", None, True])
    write_lists(zone, declared_empty=True)
    assert read_zone(zone).numbers == {NUMBER, OTHER, "101222331"}
    write_lists(zone, "101222331;;2025-09-01;2026-02-01;alles")
    assert read_zone(zone).numbers == set()


@pytest.mark.parametrize(
    "told", [{"polarity": "allow"}, {"polarity": "allow", "schools": ["10AA"], "source": "school"}, {"entries": 7}]
)
def test_a_list_with_another_polarity_or_fewer_schools_than_before_is_refused(
    told: dict[str, object], zone: Path
) -> None:
    write_registry(zone, **told)
    write_lists(zone, f"{NUMBER};;;;alles")
    with pytest.raises(ObjectionsRefused, match="source"):
        read_zone(zone)


@pytest.mark.parametrize(
    "lines",
    [
        ["x;y;2025-01-01"],
        [f"{NUMBER};{OTHER};1"],
        [f"{NUMBER};{OTHER};2025-01-01", f"{OTHER};{NUMBER};2025-01-01"],
        [f"{NUMBER};{OTHER};2025-01-01", f"{NUMBER};101222331;2025-01-01"],
    ],
)
def test_changes_that_cannot_be_followed_are_refused(lines: list[str], zone: Path) -> None:
    write_number_changes(zone, *lines)
    write_lists(zone, f"{NUMBER};;;;alles")
    with pytest.raises(ObjectionsRefused):
        read_zone(zone)


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
    write_lists(zone, "x")
    next(zone.glob("*.csv")).write_bytes(SPELLINGS[says].encode())
    assert read_zone(zone).numbers == {NUMBER}


def test_a_list_declared_empty_may_be(zone: Path) -> None:
    assert read_zone(write_lists(zone, declared_empty=True)).numbers == frozenset()


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
def test_a_list_that_is_not_as_it_should_be_is_refused(
    zone: Path, lines: list[str], changes: dict[str, object], sentence: str
) -> None:
    write_list(zone, lines, **{"polarity": "block", **changes})  # type: ignore[arg-type]
    with pytest.raises(ObjectionsRefused, match=sentence) as refused:
        read_zone(zone)
    assert NUMBER not in str(refused.value)


def test_no_list_an_undeclared_one_and_one_declared_twice_are_refused(zone: Path) -> None:
    with pytest.raises(ObjectionsRefused, match="a declared list"):
        read_zone(zone)
    write_lists(zone, f"{NUMBER};;;;alles")
    declared = next(zone.glob("*.toml"))
    (zone / "again.toml").write_text(declared.read_text())
    (zone / "los.csv").write_text("pgn")
    with pytest.raises(ObjectionsRefused) as refused:
        read_zone(zone)
    assert len(refused.value.problems) == 2


def test_text_of_no_encoding_is_refused(zone: Path) -> None:
    write_lists(zone, f"{NUMBER};;;;alles")
    next(zone.glob("*.csv")).write_bytes(b"pgn;brin;vanaf;ingetrokken_op;bereik\n\x81;;;;alles")
    with pytest.raises(ObjectionsRefused, match="a readable list"):
        read_zone(zone)
