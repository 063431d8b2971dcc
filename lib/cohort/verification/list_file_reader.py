"""Declared lists as the verifier reads them: objections, and changes of pupil numbers.

What a keeper's spreadsheet writes otherwise and means the same is read alike.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

COMMON_KEYS: dict[str, type] = {"file": str, "date": dt.date, "source": str}
OBJECTION_KEYS: dict[str, type] = {"polarity": str, "max_age_days": int, "declared_empty": bool}
OBJECTION_COLUMNS = ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")
NUMBER_CHANGE_COLUMNS = ("oud_pgn", "nieuw_pgn", "vanaf")
DATE_FORMATS = [
    f"{day}{time}"
    for day in ("%Y-%m-%d", "%d-%m-%Y")
    for time in ("", *(f"{sign}%H:%M{rest}" for sign in " T" for rest in ("", ":%S", ":%S.%f")))
]
ReportProblem = Callable[[str, str, str, str], None]
ListLines = list[dict[str, str]]


def read_objection_declarations(folder: Path, complain: ReportProblem) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every declaration of objections that reads as one, by its file's name; what belongs to none is told."""
    named = list[str]()
    for file in sorted(folder.glob("*.toml")):
        facts = _facts(file, COMMON_KEYS | OBJECTION_KEYS)
        if facts is None or not _polar(facts):
            complain(
                "file, polarity, date, source, max_age_days, declared_empty; schools if it allows",
                "polarity = 'block'",
                "other",
                file.name,
            )
            continue
        named.append(facts["file"])
        yield file.name, facts
    for name in sorted({f.name for f in folder.glob("*") if f.suffix != ".toml"} - {*named}):
        complain("only declared lists", "a .toml for every .csv", "a file that none declares", name)
    for name in sorted({n for n in named if named.count(n) > 1}):
        complain("a list declared once", "one .toml for every .csv", "two that declare it", name)


def read_list_lines(file: Path, columns: tuple[str, ...], complain: ReportProblem) -> ListLines | None:
    """The lines of a list; None, and told, for one that is not readable with all of its columns."""
    try:
        lines = _text_lines(file.read_bytes())
        found = next((t for sign in ";,\t|" if (t := _table(lines, sign, columns)) is not None), None)
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        complain("a readable list with all its columns", ";".join(columns), "none or another", file.name)
    return found


def read_number_change_lists(folder: Path, complain: ReportProblem) -> Iterator[tuple[str, ListLines]]:
    """The lines of every declared list of changes of pupil numbers, by its file's name."""
    for file in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        facts = _facts(file, COMMON_KEYS)
        listed = read_list_lines(folder / facts["file"], NUMBER_CHANGE_COLUMNS, complain) if facts else None
        if facts is None or listed is None:
            complain("a declared list of changes", "file, date and source", "another", file.name)
        else:
            yield facts["file"], listed


def parse_list_date(cell: str) -> dt.date | None:
    """A day as a list may write it, year or day first, with midnight behind it or not; None for no text.

    Raises ValueError for anything else.
    """
    text = cell.removeprefix("'")
    if not text:
        return None
    for form in DATE_FORMATS if text.isascii() else ():
        try:
            moment = dt.datetime.strptime(text, form)
        except ValueError:
            continue
        if moment.time() == dt.time():
            return moment.date()
    raise ValueError


def parse_school_and_site(cell: str) -> tuple[str, str] | None:
    """The BRIN in a cell, and the site if one stands behind it; None for another text."""
    written = re.fullmatch(r"'?([0-9]{2}[A-Z]{2})([0-9]{2})?", cell)
    return (written[1], written[2] or "") if written else None


def _facts(file: Path, needed: dict[str, type]) -> dict[str, Any] | None:
    try:
        facts = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    fits = facts.keys() - {"schools"} == needed.keys() and all(type(facts[k]) is t for k, t in needed.items())
    return facts if fits and Path(facts["file"]).name == facts["file"] else None


def _polar(facts: dict[str, Any]) -> bool:
    if facts["polarity"] == "block":
        return "schools" not in facts
    schools = facts.get("schools")
    return facts["polarity"] == "allow" and isinstance(schools, list) and bool(schools)


def _text_lines(content: bytes) -> list[str]:
    """Lines of UTF-16 with its mark, UTF-8 or windows-1252; marks and Excel's `sep=;` are no part of them."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16")
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
    lines = [line.lstrip("\ufeff") for line in re.split("\r\n|\r|\n", text)]
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    excel = re.sub(r'[\s";,|]', "", lines[first]).lower() == "sep="
    return lines[first + 1 :] if excel else lines


def _table(lines: list[str], sign: str, columns: tuple[str, ...]) -> ListLines | None:
    """The cells under each column; None where a line is no record of all of them."""
    try:
        read = [_cells(next(csv.reader([line], delimiter=sign, strict=True), [])) for line in lines]
    except csv.Error:
        return None
    width = len(columns)
    kept = [row for row in read if any(row)]
    if not kept or any("\0" in line for line in lines) or any(not _fits(row, width) for row in kept):
        return None
    names, bare = [_name(cell) for cell in kept[0][:width]], {_name(column): column for column in columns}
    if set(names) == set(bare):
        return [dict(zip((bare[name] for name in names), row, strict=False)) for row in kept[1:]]
    if not any(c.isdigit() for c in "".join(kept[0])):
        return None
    return [dict(zip(columns, row, strict=False)) for row in kept]


def _fits(row: list[str], width: int) -> bool:
    return len(row) >= width and not any(row[width:])


def _cells(row: list[str]) -> list[str]:
    """Cells without blanks around them and without characters that nobody sees."""
    return ["".join(c for c in cell if unicodedata.category(c) != "Cf").strip() for cell in row]


def _name(cell: str) -> str:
    return re.sub(r"[\s_-]", "", cell.lower())
