"""Raw files that still hold a number, however it is written and wherever it is packed."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import openpyxl
import pytest

from cohort.filed import raw_files
from cohort.intake import raw_values
from cohort.intake.containers import Limits
from cohort.intake.ledger import Entry, Ledger

LIMITS = Limits(members=50, bytes_per_member=64 << 20, total_bytes=128 << 20, ratio=1000)
ANNA, ZERO, OTHER = "123456782", "012345672", "111222333"


def sheet(*cells: object) -> bytes:
    book, packed = openpyxl.Workbook(), io.BytesIO()
    book.worksheets[0].append(cells)
    book.save(packed)
    return packed.getvalue()


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return packed.getvalue()


LINE = f"99ZZ;2024-2025;{ANNA};87,3\n".encode()
HOLDING = {
    "as it is": LINE, "the first of the file": ANNA.encode(), "without its zero": b"99ZZ;12345672;7",
    "with its zero": b"99ZZ;012345672;7", "with blanks": b"99ZZ;123 456 782;7", "in pairs": b";1 2345 67 82;",
    "with a hard blank": "99ZZ;1234\u00a056782;".encode(), "in Windows' letters": b"99ZZ;1234\xa056782;",
    "with a tab in it": b"99ZZ;1234\t56782;", "between tabs": b"2024\t123456782\t87\t3",
    "as text of two bytes": f"99ZZ;{ANNA};".encode("utf-16"),
    "of two other bytes": f"{ANNA};".encode("utf-16-be"),
    "in a message": f'<leerling key="1"><pgn>{ANNA}</pgn></leerling>'.encode(), "zipped": zipped(LINE),
    "zipped twice": zipped(zipped(LINE)), "gzipped": gzip.compress(LINE), "bzip2": bz2.compress(LINE),
    "a cell of text": sheet("99ZZ", ANNA), "a cell with a number": sheet("99ZZ", int(ANNA)),
    "a cell without its zero": sheet("99ZZ", int(ZERO)),
    "far down": b"1;2;3\n" * 400_000 + LINE,
    "cut by a piece": b"x" * (raw_values.PIECE - 4) + b";" + ANNA.encode(),
    "nobody can tell: not all there": gzip.compress(LINE * 9)[:-9],
    "nobody can tell: 7z": b"7z\xbc\xaf\x27\x1c...",
}  # fmt: skip
FREE = {
    "another number": f"99ZZ;{OTHER};".encode(), "a longer one": f"99ZZ;{ANNA}1;9{ANNA}".encode(),
    "a part of it": b"99ZZ;1234567;", "nothing": b"", "in two cells": b"99ZZ;12345;6782;",
    "in two lines": b"12345\n6782\n", "zipped": zipped(f"{OTHER}\n".encode()),
    "a cell": sheet("x", int(OTHER)),
}  # fmt: skip


@pytest.mark.parametrize("says", HOLDING)
def test_a_number_is_found_however_it_is_written(says: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(HOLDING[says])
    assert raw_files.holds(tmp_path / "a", frozenset({ANNA, ZERO}), LIMITS)


@pytest.mark.parametrize("says", FREE)
def test_what_is_no_listed_number_is_left(says: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(FREE[says])
    assert not raw_files.holds(tmp_path / "a", frozenset({ANNA, ZERO}), LIMITS)


RECEIVED = "2026-03-01T12:00:00+00:00"


def known(*contents: bytes, container: bytes | None = None) -> Ledger:
    line = Entry("", "", 1, 1, "99ZZ", RECEIVED, "REJECTED", "TOO_MANY_REFUSED", 0, 0, 0, 0, 0, {})
    packed = sha256(container).hexdigest() if container else None
    return Ledger(tuple(replace(line, sha256=sha256(c).hexdigest(), container=packed) for c in contents))


def test_only_what_was_looked_at_goes_taken_in_or_not(tmp_path: Path) -> None:
    folder = tmp_path / "deliveries"
    (folder / "99ZZ").mkdir(parents=True)
    files = {
        "99ZZ/a.csv": LINE,
        "b.zip": zipped(LINE),
        "c.csv": FREE["another number"],
        "new.csv": LINE + b"\n",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    looked_at = known(LINE, FREE["another number"], container=files["b.zip"])
    assert raw_files.remove(folder, looked_at, frozenset(), LIMITS) == 0
    assert raw_files.remove(folder, looked_at, frozenset({ANNA}), LIMITS) == 2
    assert {path.name for path in folder.rglob("*.*")} == {"c.csv", "new.csv"}
    assert raw_files.remove(folder, looked_at, frozenset({ANNA}), LIMITS) == 0
    assert raw_files.remove(tmp_path / "none", looked_at, frozenset({ANNA}), LIMITS) == 0


def test_a_long_run_of_digits_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "digits.csv").write_bytes(b"0" * (1 << 20) + b" 1;" + LINE)
    assert raw_files.holds(tmp_path / "digits.csv", frozenset({ANNA}), LIMITS)
    assert not raw_files.holds(tmp_path / "digits.csv", frozenset({OTHER}), LIMITS)


def test_what_intake_refused_to_unpack_goes_without_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"0" * (1 << 20)))
    line = Entry(
        sha256(bomb.read_bytes()).hexdigest(), "bomb.gz", 1, 1, None, "", "REJECTED", "CONTAINER_BOMB",
        0, 0, 0, 0, 0, {},
    )  # fmt: skip
    monkeypatch.setattr(raw_files, "holds", lambda *_: pytest.fail("it was unpacked"))
    assert raw_files.remove(tmp_path, Ledger((line,)), frozenset({ANNA}), LIMITS) == 1
    assert not bomb.exists()


@pytest.mark.parametrize("reason", ["OLD_SPREADSHEET", "SPREADSHEET_ENCRYPTED"])
def test_an_office_document_that_is_not_read_goes_packed_or_not(tmp_path: Path, reason: str) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 numbers as Excel 97 stores them"
    (tmp_path / "old.xls").write_bytes(old)
    (tmp_path / "old.zip").write_bytes(zipped(old))
    lines = (*known(old).lines, *known(old, container=zipped(old)).lines)
    told = Ledger(tuple(replace(line, reason=reason) for line in lines))
    assert raw_files.remove(tmp_path, told, frozenset({ANNA}), LIMITS) == 2
    assert list(tmp_path.iterdir()) == []
