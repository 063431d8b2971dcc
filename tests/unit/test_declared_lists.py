"""Declared lists: every spelling that means the same is read alike, and anything else is told by its line."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from pathlib import Path

import pytest

from cohort.foundation.errors import ObjectionsRefused
from cohort.legal_basis import declared_lists, list_columns
from cohort.legal_basis.declared_lists import DatedListDeclaration, DeclaredList, ListDeclaration, ListDefinition
from cohort.legal_basis.list_columns import text_column
from cohort.verification import list_file_reader
from cohort.verification import rights_list_reader as verifier_lists

TODAY = dt.date(2025, 11, 23)
COLUMNS = tuple(map(text_column, ("pgn", "soort", "vanaf")))
PLAIN = ListDefinition("lijsten", COLUMNS, ListDeclaration, ObjectionsRefused)
AGING = ListDefinition("lijsten", COLUMNS, DatedListDeclaration, ObjectionsRefused)
ROWS = [["pgn", "soort", "vanaf"], ["111222333", "", "2025-01-01"], ["123456782", "x y", "2025-02-01"]]
DECLARED = "file = 'a.csv'\ndate = 2025-11-20\nsource = 'proef'\n"
AGED = DECLARED + "max_age_days = 9\ndeclared_empty = false\n"


def put(folder: Path, content: bytes, declared: str = DECLARED) -> Path:
    (folder / "a.csv").write_bytes(content)
    (folder / "a.toml").write_text(declared, encoding="utf-8")
    return folder


def read(
    folder: Path, zone: ListDefinition[ListDeclaration] = PLAIN
) -> tuple[tuple[DeclaredList[ListDeclaration], ...], list[str]]:
    problems: list[str] = []
    return declared_lists.read_declared_lists(zone, folder, TODAY, problems, max_age_days=31), problems


SPELLINGS = list(
    itertools.product((True, False), (";", ","), ("\n", "\r\n", "\r"), ("", "end", "more"), (b"", b"\xef\xbb\xbf"))
)


@pytest.mark.parametrize(("header", "separator", "ending", "trailing", "mark"), SPELLINGS)
def test_equivalent_spellings_of_a_list_give_the_same_lines(
    header: bool, separator: str, ending: str, trailing: str, mark: bytes, tmp_path: Path
) -> None:
    more = {"": "", "end": separator, "more": f" {separator}{separator}"}[trailing]
    lines = [separator.join(row) + more for row in ROWS[not header :]]
    if trailing == "more":
        lines.insert(1, separator * 2)
    (found,), problems = read(put(tmp_path, mark + ending.join(["", *lines, ""]).encode()))
    assert problems == []
    assert [list(line.cells.values()) for line in found.lines] == ROWS[1:]
    assert [line.number for line in found.lines] == [
        2 + header + (trailing == "more" and header),
        3 + header + (trailing == "more"),
    ]


def test_columns_under_a_header_may_have_any_order_and_case(tmp_path: Path) -> None:
    (found,), problems = read(put(tmp_path, b'"Vanaf";PGN; soort\n2025-01-01;"111222333";"a;b"\n'))
    assert problems == []
    assert found.lines[0].cells == {"vanaf": "2025-01-01", "pgn": "111222333", "soort": "a;b"}


PLAINLY = "pgn;soort;vanaf\n111222333;x;2025-01-01\n123456782;y;2025-02-01\n"
SAVED = {
    "as it was": PLAINLY.encode(),
    "Excel names the delimiter": b"sep=;\r\n" + PLAINLY.encode(),
    "and so in quotes": b'"sep=;";;\r\n' + PLAINLY.encode(),
    "and names another one": b"sep=,\r\n" + PLAINLY.encode(),
    "a mark, and the delimiter": b"\xef\xbb\xbfsep=;\n" + PLAINLY.encode(),
    "two marks": b"\xef\xbb\xbf" * 2 + PLAINLY.encode(),
    "glued: a mark before a line": PLAINLY.replace("\n1", "\n\ufeff1").encode(),
    "tabs": PLAINLY.replace(";", "\t").encode(),
    "bars": PLAINLY.replace(";", "|").encode(),
    "commas": PLAINLY.replace(";", ",").encode(),
    "Unicode text": PLAINLY.replace(";", "\t").encode("utf-16"),
    "UTF-16, most significant byte first": b"\xfe\xff" + PLAINLY.encode("utf-16-be"),
    "windows-1252 with blanks of its own": PLAINLY.replace("2;y", "2\xa0;y").encode("cp1252"),
    "a header in capitals": PLAINLY.replace("pgn;soort;vanaf", "PGN;Soort;VANAF").encode(),
    "a header with blanks": PLAINLY.replace("pgn;soort;vanaf", " p g n ; soort;van-af ").encode(),
    "a header with marks nobody sees": PLAINLY.replace("soort", "\u200bsoort\u00ad").encode(),
    "cells with marks nobody sees": PLAINLY.replace("2025-01-01", "\u200e2025-01-01\u202c").encode(),
    "every cell in quotes": re.sub(r"[^;\n]+", r'"\g<0>"', PLAINLY).encode(),
    "empty rows": PLAINLY.replace("\n", "\n;;;;\n \n").encode(),
    "empty rows before the header": b";;\n\n" + PLAINLY.encode(),
    "delimiters at the end": PLAINLY.replace("\n", ";;;;\n").encode(),
    "no end of the last line": PLAINLY.strip().encode(),
}


@pytest.mark.parametrize("case", SAVED)
def test_a_list_saved_by_a_spreadsheet_gives_the_same_lines(case: str, tmp_path: Path) -> None:
    (found,), problems = read(put(tmp_path, SAVED[case]))
    assert problems == []
    message = [["111222333", "x", "2025-01-01"], ["123456782", "y", "2025-02-01"]]
    assert [[re.sub(r"\s", "", line.cells[name]) for name in PLAIN.column_names] for line in found.lines] == message
    by_verifier = list_file_reader.read_list_lines(tmp_path / "a.csv", PLAIN.column_names, lambda *_: None)
    assert by_verifier == [line.cells for line in found.lines], "the verifier's own reader reads the same"


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2026-09-01", "2026-09-01"),
        ("1-9-2026", "2026-09-01"),
        ("01-09-2026", "2026-09-01"),
        ("31-12-2026", "2026-12-31"),
        ("2026-9-1", "2026-09-01"),
        ("'2026-09-01", "2026-09-01"),
        ("2026-09-01 00:00", "2026-09-01"),
        ("2026-09-01 00:00:00", "2026-09-01"),
        ("2026-09-01 00:00:00.000", "2026-09-01"),
        ("2026-09-01T00:00:00", "2026-09-01"),
        ("1-9-2026 0:00", "2026-09-01"),
        ("1-9-2026 00:00", "2026-09-01"),
        ("1/9/2026", None),  # day or month first
        ("9/1/2026", None),
        ("2026/09/01", None),
        ("1.9.2026", None),
        ("1-9-26", None),  # or the year first
        ("26-9-1", None),
        ("1-sep-2026", None),
        ("46266", None),  # the number of a day
        ("46266,0", None),
        ("2026-09-01 13:45", None),
        ("2026-09-01T00:00:00Z", None),
        ("2026-09-31", None),
        ("31-9-2026", None),
        ("2026-13-01", None),
        ("9-13-2026", None),
        ("20260901", None),
        ("2026-W36-2", None),
        ("٢٠٢٦-09-01", None),
        ("2026-09", None),
        ("-", None),
        ("'", None),
        ("onbekend", None),
    ],
)
def test_dates_as_spreadsheets_write_them_are_parsed_and_ambiguous_ones_are_not(cell: str, day: str | None) -> None:
    assert list_columns.parse_cell_date(cell) == (dt.date.fromisoformat(day) if day else None)
    try:
        by_verifier = list_file_reader.parse_list_date(cell)
    except ValueError:
        by_verifier = None
    assert by_verifier == list_columns.parse_cell_date(cell), "the verifier's own reading is the same"


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1/9/2026", "slashes"),
        ("1.9.2026", "slashes or dots"),
        ("1-9-26", "a year of two digits"),
        ("46266", "the number of a day"),
        ("46266,5", "the number of a day"),
        ("2026-09-01 13:45", "a moment of the day"),
        ("31-9-2026", "something else"),
        ("ja", "something else"),
    ],
)
def test_an_invalid_date_is_explained(cell: str, words: str) -> None:
    assert list_columns.explain_invalid_date(cell).startswith(words)


@pytest.mark.parametrize(
    ("cell", "school"),
    [
        ("99ZZ", ("99ZZ", "")),
        ("99ZZ00", ("99ZZ", "00")),
        ("'99ZZ", ("99ZZ", "")),
        ("'99ZZ01", ("99ZZ", "01")),
        ("99zz", None),
        ("99ZZ0", None),
        ("99ZZ000", None),
        ("99ZZ 00", None),
        ("99Z", None),
        ("", None),
    ],
)
def test_a_school_may_be_followed_by_its_site(cell: str, school: tuple[str, str] | None) -> None:
    assert list_columns.parse_cell_school(cell) == list_file_reader.parse_school_and_site(cell) == school


@pytest.mark.parametrize(
    ("case", "content", "message"),
    [
        ("another header", b"pgn;soort;tot\n1;2;3\n", "the columns pgn;soort;vanaf,"),
        ("a column twice", b"pgn;pgn;vanaf\n", "the columns pgn;soort;vanaf,"),
        ("a column too few", b"pgn;soort\n111222333;x\n", "the columns"),
        ("a line too short", b"pgn;soort;vanaf\n1;2;3\n1;2\n", "in lijsten/a.csv line 3"),
        ("a line too long", b"1;2;3\n1;2;3;4\n", "found 4 cells in lijsten/a.csv line 2"),
        ("two separators", b"1;2;3\n1,2,3\n", "in every line"),
        ("a quote that stays open", b'1;2;"3\n', "a readable UTF-8 list"),
        ("bytes of no encoding", b"1;\x81;3\n", "found bytes of another encoding"),
        ("UTF-16 without its mark", "1;2;3\n".encode("utf-16-le"), "found characters that no text has"),
        ("bytes of nothing", b"1;2;3\n\0\0\0\n", "a readable UTF-8 list"),
        ("a workbook", b"PK\x03\x04\x14\0\x06\0", "Save it as CSV UTF-8"),
        ("a page", b"<html><table><tr><td>1</td></tr></table>\n", "the columns"),
        (
            "a column of numbers, as some registers give it",
            b"111222333,\n123456782,\n",
            "found one column, without a header in lijsten/a.csv",
        ),
        ("a column of numbers", b"111222333\r\n123456782\r\n", "Give every line all the columns"),
        ("a column of numbers under a header", b"pgn\n111222333\n", "found a header without soort, vanaf"),
        ("a column more", b"pgn;naam;soort;vanaf\n1;x;2;3\n", "found a column twice, or more columns"),
        ("a cell over several lines", b'1;"2\n2";3\n', "a cell over several lines in lijsten/a.csv line 1"),
        ("every line in quotes", b'"1;2;3"\n"4;5;6"\n', "found one column"),
        ("three delimiters", b"1:2:3\n", "the columns"),
        ("the header once more", b"pgn;soort;vanaf\n1;2;3\npgn;soort;tot;x\n", "csv line 3"),
        ("no bytes", b"", "found nothing"),
        ("a mark and no more", b"\xef\xbb\xbf\r\n", "found nothing"),
    ],
)
def test_each_problem_of_a_file_is_reported(case: str, content: bytes, message: str, tmp_path: Path) -> None:
    _, problems = read(put(tmp_path, content))
    assert len(problems) == 1, case
    assert message in problems[0]


@pytest.mark.parametrize(
    ("case", "declared", "message"),
    [
        ("dated tomorrow", AGED.replace("11-20", "11-24"), "dated today or before"),
        ("too old by its own word", AGED.replace("= 9", "= 2"), "at most 2 days old"),
        ("too old for the platform", AGED.replace("= 9", "= 99").replace("11-20", "10-20"), "at most 31 days"),
        ("no source", AGED.replace("'proef'", "''"), "a valid source"),
        ("a file elsewhere", AGED.replace("a.csv", "../a.csv"), "a valid file"),
        ("a key that nobody knows", AGED + "polarity = 'block'\n", "only declared keys"),
        ("no word of emptiness", AGED.replace("declared_empty = false\n", ""), "the key declared_empty"),
    ],
)
def test_each_problem_of_a_declaration_is_reported(case: str, declared: str, message: str, tmp_path: Path) -> None:
    _, problems = read(put(tmp_path, b"1;2;3\n", declared), AGING)
    assert len(problems) == 1, case
    assert message in problems[0]


def test_a_declaration_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    _, problems = read(put(tmp_path, b"1;2;3\n", f"\ufeff{AGED}"), AGING)
    assert problems == []
    (_,) = verifier_lists.read_rights_lists(tmp_path, AGING.column_names, None, TODAY)


def test_every_file_has_one_declaration_and_every_declaration_one_file(tmp_path: Path) -> None:
    put(tmp_path, b"1;2;3\n")
    (tmp_path / "b.toml").write_text(DECLARED)
    (tmp_path / "c.toml").write_text(DECLARED.replace("a.csv", "c.csv"))
    (tmp_path / "los.csv").write_text("1;2;3\n")
    found, problems = read(tmp_path)
    message = [re.findall(r"Expected (.*?),.* in (lijsten/\S+)\.", problem)[0] for problem in problems]
    assert message == [
        ("the list that is declared", "lijsten/c.csv"),
        ("one declaration of a list", "lijsten/a.csv"),
        ("only declared lists", "lijsten/los.csv"),
    ]
    assert [one.name for one in found] == ["a", "b"]


def test_an_empty_list_must_be_declared_empty(tmp_path: Path) -> None:
    _, problems = read(put(tmp_path, b"pgn;soort;vanaf\n", AGED), AGING)
    assert len(problems) == 1
    assert "declared_empty = true" in problems[0]
    assert read(put(tmp_path, b"pgn;soort;vanaf\n", AGED.replace("false", "true")), AGING)[1] == []


def test_the_digest_ignores_dates_and_nothing_else(tmp_path: Path) -> None:
    def digest(content: bytes, declared: str) -> str:
        return declared_lists.digest_declared_lists(read(put(tmp_path, content, declared), AGING)[0])

    before = digest(b"1;2;3\n", AGED)
    assert digest(b"1;2;3\n", AGED.replace("11-20", "11-21").replace("= 9", "= 8")) == before
    assert digest(b"1;2;4\n", AGED) != before
    assert digest(b"1;2;3\n", AGED.replace("proef", "anders")) != before


def test_no_repr_problem_or_record_shows_a_cell(tmp_path: Path) -> None:
    (found,), _ = read(put(tmp_path, b"111222333;x;2025-01-01\n111222333;x\n"))
    _, problems = read(tmp_path)
    assert problems
    message = f"{found!r} {problems} {found.as_applied()}"
    assert "ListLine(lijsten/a.csv" in message
    assert [value for value in ("111222333", "2025-01-01") if value in message] == []
