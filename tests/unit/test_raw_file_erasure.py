"""Raw files that still hold a number, however it is written and wherever it is packed."""

from __future__ import annotations

import bz2
import gzip
import io
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import openpyxl
import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_workbooks import Sheet, Workbook, binary, book, number, numbers, open_document, row, text, word
from tests.unit.drawn_workbooks import zipped as packed

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import raw_file_values
from cohort.erasure import raw_file_erasure, written_numbers
from cohort.foundation import identifiers
from cohort.results.ledger import Ledger, LedgerEntry

LIMITS = ContainerLimits(members=50, bytes_per_member=64 << 20, total_bytes=128 << 20, ratio=1000)
ANNA, ZERO, OTHER = "123456782", "012345672", "111222333"
LISTED = frozenset({ANNA, ZERO, "003389261", "999900110", "020012025"})
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SPLIT = '<r><t>12345</t></r><r><rPr><sz val="9"/></rPr><t>6782</t></r>'
RUNS = f'<c t="inlineStr"><is>{SPLIT}</is></c>'
SHARED, SHARED_RUNS = '<c t="s"><v>0</v></c>', f'<si>{SPLIT}<rPh sb="0" eb="1"><t>7</t></rPh></si>'


def sheet(*cells: object) -> bytes:
    made, written = openpyxl.Workbook(), io.BytesIO()
    made.worksheets[0].append(cells)
    made.save(written)
    return written.getvalue()


def zipped(content: bytes) -> bytes:
    return packed(("a.csv", content))


LINE = f"99ZZ;2024-2025;{ANNA};87,3\n".encode()
HOLDING = {
    "as it is": LINE,
    "the first of the file": ANNA.encode(),
    "without its zero": b"99ZZ;12345672;7",
    "with its zero": b"99ZZ;012345672;7",
    "with blanks": b"99ZZ;123 456 782;7",
    "in pairs": b";1 2345 67 82;",
    "with a hard blank": "99ZZ;1234\u00a056782;".encode(),
    "in Windows' letters": b"99ZZ;1234\xa056782;",
    "with a tab in it": b"99ZZ;1234\t56782;",
    "between tabs": b"2024\t123456782\t87\t3",
    "as text of two bytes": f"99ZZ;{ANNA};".encode("utf-16"),
    "of two other bytes": f"{ANNA};".encode("utf-16-be"),
    "in a message": f'<leerling key="1"><pgn>{ANNA}</pgn></leerling>'.encode(),
    "zipped": zipped(LINE),
    "zipped twice": zipped(zipped(LINE)),
    "gzipped": gzip.compress(LINE),
    "bzip2": bz2.compress(LINE),
    "a cell of text": sheet("99ZZ", ANNA),
    "a cell with a number": sheet("99ZZ", int(ANNA)),
    "a cell without its zero": sheet("99ZZ", int(ZERO)),
    "far down": b"1;2;3\n" * 400_000 + LINE,
    "cut by a piece": b"x" * (raw_file_values.PIECE_BYTES - 4) + b";" + ANNA.encode(),
    "as Java writes it": f"99ZZ;{1.23456782e8:.8E};".encode(),
    "an exponent in Dutch": b"99ZZ;1,23456782E+08;7",
    "an exponent without a sign of its last zero": b"99ZZ;9.9990011E8;7",
    "a quoted field of two lines": b'99ZZ;"1234\n56782";"x"',
    "an element of two lines": b"<a>1234\n56782</a>",
    "a decimal": b"99ZZ;123456782.0;",
    "a decimal in Dutch": b"99ZZ;123456782,00;",
    "with dots": b"99ZZ;123.456.782;",
    "with dots as a BSN": b"99ZZ;1234.56.782;",
    "with commas": b'99ZZ;"123,456,782";',
    "with apostrophes": b"99ZZ;123'456'782;",
    "an apostrophe before it": b"99ZZ;'123456782;",
    "a formula of a text": b'99ZZ;="123456782";',
    "with dashes": b"99ZZ;123-456-782;",
    "with slashes": b"99ZZ;1234/56/782;",
    "without two zeros": b"99ZZ;3389261;",
    "without two zeros, with dots": b"99ZZ;3.389.261;",
    "with zeros before it": b"99ZZ;0000123456782;",
    "with a thin blank": "99ZZ;123\u2009456\u2009782;".encode(),
    "with a mark of no width": "99ZZ;\u200e123\u200b456782;".encode(),
    "with blanks of a Mac": b"99ZZ;1234\xca56782;",
    "with blanks of DOS": b"99ZZ;1234\xff56782;",
    "wide digits": "99ZZ;\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff12;".encode(),
    "after another number": b"groep 7 123 456 782",
    "in a sentence": b"Niet meesturen: Anna (BSN123456782).",
    "as text of four bytes": f"99ZZ;{ANNA};".encode("utf-32"),
    "behind two marks": f"\ufeff\ufeff{ANNA}".encode(),
    "UTF-16 with a thin blank": "99ZZ;123\u2009456782;".encode("utf-16"),
    "references": b"<a><pgn>&#49;23&#x34;56782</pgn></a>",
    "CDATA": b"<a><pgn>1234<![CDATA[56782]]></pgn></a>",
    "an attribute of references": b'<a pgn="&#49;23456782"/>',
    "a comment within": b"<a>1234<!--x-->56782</a>",
    "a comment": b"<a><!-- 123456782 --></a>",
    "XML of two bytes": "<a>&#49;23456782</a>".encode("utf-16"),
    "XML in a zip": zipped(b"<a>&#49;23456782</a>"),
    "XML in a gzip": gzip.compress(b"<a>&#49;23456782</a>"),
    "a cell of Java": book(row(number("1.23456782E8"))),
    "a cell with a fraction": book(row(number("123456782.0"))),
    "a cell of binary fractions": book(row(number("1.2345678199999999E8"))),
    "a cell half in bold": book(row(RUNS)),
    "shared, half in bold": book(row(SHARED), strings=SHARED_RUNS),
    "the result of a formula": book(row('<c t="str"><f>"1"&amp;A2</f><v>123456782</v></c>')),
    "a formula": book(row("<c><f>123456782+0</f></c>")),
    "an escape": book(row(text("123_x000D_456782"))),
    "a digit as an escape": book(row(text("_x0031_23456782"))),
    "references in a cell": book(row(text("&#49;23456782"))),
    "a date that is none": book(row(number("123456782", 4))),
    "a percentage": book(row(number("123456782", 1))),
    "a number that is not shown": book(row(number("1.23456782E8", 3))),
    "in the header": book(row("123456782")),
    "a hidden row": book(row("x"), row(number("1.23456782E8"), hidden=1)),
    "a hidden sheet": Workbook((Sheet(row("x")), Sheet(row(number("1.23456782E8")), state="veryHidden"))).packed(),
    "the second of two sheets": Workbook((Sheet(row("x")), Sheet(row(RUNS)))).packed(),
    "a strict workbook": book(row(number("1.23456782E8")), strict=True),
    "a workbook in a zip": zipped(book(row(number("1.23456782E8")))),
    "a remark in runs": book(row("x"), more={"xl/comments1.xml": f"<c><comment>{SPLIT}</comment></c>".encode()}),
    "a drawn text": book(row("x"), more={"xl/drawings/drawing1.xml": f"<d><p>{SPLIT}</p></d>".encode()}),
    "what a pivot table keeps": book(row("x"), more={"xl/pivotCache/r.xml": b'<p><n v="1.23456782E8"/></p>'}),
    "what a link keeps": book(row("x"), more={"xl/externalLinks/e.xml": b"<e><v>&#49;23456782</v></e>"}),
    "the name of a sheet's author": book(row("x"), more={"docProps/core.xml": b"<c><a>BSN 123456782</a></c>"}),
    "settings of a printer": book(row("x"), more={"xl/printerSettings/p.bin": ANNA.encode("utf-16-le")}),
    "the name of a member": packed(("leerling 123456782.csv", b"x")),
    "what the system put there": packed(("a.csv", b"x"), ("__MACOSX/._a.csv", ANNA.encode())),
    "a letter beside the data": packed(("a.csv", b"x"), ("brief.txt", b"Zonder 123.456.782 graag.")),
    "nobody can tell: a workbook in a workbook": book(row("x"), more={"xl/embeddings/a.xlsx": book(row("y"))}),
    "nobody can tell: macros": book(row("x"), more={"xl/vbaProject.bin": OLE + b"x"}),
    "nobody can tell: a damaged sheet": book("<row>"),
    "nobody can tell: a damaged document": b"<a><b></a>",
    "nobody can tell: a DTD": b'<!DOCTYPE a [<!ENTITY e "1">]><a>&e;23456782</a>',
    "nobody can tell: encrypted, or of 1997": OLE + b"numbers",
    "nobody can tell: an .ods": open_document(),
    "nobody can tell: a .docx": word(),
    "nobody can tell: an .xlsb": binary(),
    "nobody can tell: a .numbers": numbers(),
    "nobody can tell: a PDF": b"%PDF-1.7 ...",
    "nobody can tell: a web page": b"<html><b>1234</b>56782</html>",
    "nobody can tell: a PDF beside data": packed(("a.csv", b"x"), ("brief.pdf", b"%PDF-1.7")),
    "nobody can tell: too much of it": gzip.compress(b"x" * (65 << 20)),
    "nobody can tell: not all there": gzip.compress(LINE * 9)[:-9],
    "nobody can tell: 7z": b"7z\xbc\xaf\x27\x1c...",
}
FREE = {
    "another number": f"99ZZ;{OTHER};".encode(),
    "a longer one": f"99ZZ;{ANNA}1;9{ANNA}".encode(),
    "a part of it": b"99ZZ;1234567;",
    "nothing": b"",
    "in two cells": b"99ZZ;12345;6782;",
    "in two lines": b"12345\n6782\n",
    "zipped": zipped(f"{OTHER}\n".encode()),
    "a cell": sheet("x", int(OTHER)),
    "of Java": book(row(number("1.11222333E8"))),
    "dates and years": b"99ZZ;2024-2025;20-01-2025;20.01.2025;2025-01-20 10:15:00;",
    "scores": b"87,123;456,782;87.1;23456.782",
    "an exponent with digits gone": b"99ZZ;1,23457E+08;",
    "a small number": b"99ZZ;1.1E-8;1.23E2",
    "an identifier": b"a1b2c3d4e5f60718293a4b5c6d7e8f90",
    "a logo and settings of a printer": book(
        row("x"), more={"xl/media/a.png": b"\x89PNG\r\n\x1a\n", "xl/printerSettings/p.bin": b"\1\2"}
    ),
    "what the system put there": packed(("a.csv", b"x"), ("Thumbs.db", OLE + b"x"), (".DS_Store", b"\0\0\0\1Bud1")),
    "references": b"<a><pgn>&#49;11222333</pgn></a>",
    "two elements": b"<a><b>12345</b><b>6782</b></a>",
    "two cells": book(row("12345", "6782")),
}


@pytest.mark.parametrize("case", HOLDING)
def test_a_number_is_found_however_it_is_written(case: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(HOLDING[case])
    assert raw_file_erasure.may_contain_numbers(tmp_path / "a", LISTED, LIMITS)


@pytest.mark.parametrize("case", FREE)
def test_a_file_without_a_listed_number_is_kept(case: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FREE[case])
    assert not raw_file_erasure.may_contain_numbers(tmp_path / "a", LISTED, LIMITS)


RECEIVED = "2026-03-01T12:00:00+00:00"


def examined_ledger(*contents: bytes, container: bytes | None = None) -> Ledger:
    line = LedgerEntry("", "", 1, 1, "99ZZ", RECEIVED, "REJECTED", "TOO_MANY_REFUSED", 0, 0, 0, 0, 0, {})
    packed = sha256(container).hexdigest() if container else None
    return Ledger(tuple(replace(line, sha256=sha256(c).hexdigest(), container=packed) for c in contents))


def test_many_files_are_searched_by_the_executors(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_file_erasure, "EXECUTOR_FILES", 2)
    contents = {"a.csv": LINE, "b.csv": FREE["another number"], "c.zip": zipped(LINE), "new.csv": LINE + b"\n"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    examined = examined_ledger(LINE, FREE["another number"], container=contents["c.zip"])
    assert raw_file_erasure.erase_raw_files(tmp_path, examined, frozenset({ANNA}), LIMITS, spark=spark) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"b.csv", "new.csv"}


def test_only_examined_files_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "deliveries"
    (folder / "99ZZ").mkdir(parents=True)
    files = {"99ZZ/a.csv": LINE, "b.zip": zipped(LINE), "c.csv": FREE["another number"], "new.csv": LINE + b"\n"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    examined = examined_ledger(LINE, FREE["another number"], container=files["b.zip"])
    assert raw_file_erasure.erase_raw_files(folder, examined, frozenset(), LIMITS) == 0
    assert raw_file_erasure.erase_raw_files(folder, examined, frozenset({ANNA}), LIMITS) == 2
    assert {path.name for path in folder.rglob("*.*")} == {"c.csv", "new.csv"}
    assert raw_file_erasure.erase_raw_files(folder, examined, frozenset({ANNA}), LIMITS) == 0
    assert raw_file_erasure.erase_raw_files(tmp_path / "none", examined, frozenset({ANNA}), LIMITS) == 0


def test_a_long_run_of_digits_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_bytes(b"0" * (1 << 20) + b" 1;" + LINE)
    assert raw_file_erasure.may_contain_numbers(tmp_path / "digits.csv", frozenset({ANNA}), LIMITS)
    assert not raw_file_erasure.may_contain_numbers(tmp_path / "digits.csv", frozenset({OTHER}), LIMITS)


def test_a_container_that_was_not_unpacked_is_removed_without_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"0" * (1 << 20)))
    line = LedgerEntry(
        sha256(bomb.read_bytes()).hexdigest(),
        "bomb.gz",
        1,
        1,
        None,
        "",
        "REJECTED",
        "CONTAINER_BOMB",
        0,
        0,
        0,
        0,
        0,
        {},
    )
    monkeypatch.setattr(raw_file_erasure, "may_contain_numbers", lambda *_: pytest.fail("it was unpacked"))
    assert raw_file_erasure.erase_raw_files(tmp_path, Ledger((line,)), frozenset({ANNA}), LIMITS) == 1
    assert not bomb.exists()


@pytest.mark.parametrize("reason", ["OLD_SPREADSHEET", "SPREADSHEET_ENCRYPTED"])
def test_an_office_document_that_cannot_be_read_is_removed(tmp_path: Path, reason: str) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 numbers as Excel 97 stores them"
    (tmp_path / "old.xls").write_bytes(old)
    (tmp_path / "old.zip").write_bytes(zipped(old))
    lines = (*examined_ledger(old).entries, *examined_ledger(old, container=zipped(old)).entries)
    told = Ledger(tuple(replace(line, reason=reason) for line in lines))
    assert raw_file_erasure.erase_raw_files(tmp_path, told, frozenset({ANNA}), LIMITS) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_a_file_is_searched_too(tmp_path: Path) -> None:
    (tmp_path / "leerling 123.456.782.csv").write_bytes(b"x")
    assert raw_file_erasure.may_contain_numbers(tmp_path / "leerling 123.456.782.csv", LISTED, LIMITS)


@pytest.mark.parametrize(
    ("content", "is_hit"),
    [(b"x;" * 999 + LINE, True), (b"x;" * 999, False), (b"<a>" + b"x" * 999, True), (b"PK\3\4x", True)],
    ids=["a text with it", "a text without it", "a document", "a container"],
)
def test_a_text_over_the_limits_is_searched_and_a_container_counts_as_a_hit(
    content: bytes, is_hit: bool, tmp_path: Path
) -> None:
    small = ContainerLimits(members=5, bytes_per_member=1000, total_bytes=1000, ratio=10)
    (tmp_path / "a").write_bytes(content.ljust(2 << 20) if content[:2] == b"PK" else content)
    assert raw_file_erasure.may_contain_numbers(tmp_path / "a", LISTED, small) is is_hit


@pytest.mark.parametrize(
    "raw",
    [
        "123456782",
        "'123456782",
        '="123456782"',
        "12345 6782",
        "123456782.0",
        "1.23456782E8",
        "1,23456782E+08",
        "123,456,782",
        "12-34-56-782",
        "1234.56.782",
    ],
)
def test_every_number_that_ingestion_would_accept_is_found(raw: str) -> None:
    assert identifiers.normalise_pgn(raw) == ANNA
    assert ANNA in written_numbers.find_number_candidates(f"99ZZ;{raw};87,3")
