"""The verifier's own reader of declared list files: objections, and changes of pupil numbers.

Input: folders of TOML declarations with their CSV files. Output: lines as texts by column. A list that a
spreadsheet wrote in another encoding, delimiter or column order is read alike. Shares no code with `legal_basis`.
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

from cohort.storage import StoragePath

COMMON_KEYS: dict[str, type] = {"file": str, "date": dt.date, "source": str}
OBJECTION_KEYS: dict[str, type] = {"polarity": str, "max_age_days": int, "declared_empty": bool}
OBJECTION_COLUMNS = ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")
NUMBER_CHANGE_COLUMNS = ("oud_pgn", "nieuw_pgn", "vanaf")
DELIMITERS = ";,\t|"
DATE_FORMATS = [
    f"{day}{time}"
    for day in ("%Y-%m-%d", "%d-%m-%Y")
    for time in ("", *(f"{sign}%H:%M{rest}" for sign in " T" for rest in ("", ":%S", ":%S.%f")))
]
ReportProblem = Callable[[str, str, str, str], None]
"""Receives what was expected, an example, what was found, and where."""
ListLines = list[dict[str, str]]


def read_objection_declarations(folder: StoragePath, report: ReportProblem) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every valid declaration of an objection list with the name of its file.

    Reports invalid declarations, files that no declaration names, and files that two declarations name.
    """
    declared_files = list[str]()
    for file in sorted(folder.glob("*.toml")):
        declaration = _read_declaration(file, COMMON_KEYS | OBJECTION_KEYS)
        if declaration is None or not _has_valid_polarity(declaration):
            report(
                "file, polarity, date, source, max_age_days, declared_empty; schools if it allows",
                "polarity = 'block'",
                "other",
                file.name,
            )
            continue
        declared_files.append(declaration["file"])
        yield file.name, declaration
    for name in sorted({file.name for file in folder.glob("*") if file.suffix != ".toml"} - {*declared_files}):
        report("only declared lists", "a .toml for every .csv", "a file that none declares", name)
    for name in sorted({name for name in declared_files if declared_files.count(name) > 1}):
        report("a list declared once", "one .toml for every .csv", "two that declare it", name)


def read_list_lines(file: StoragePath, columns: tuple[str, ...], report: ReportProblem) -> ListLines | None:
    """Read the lines of a list; report and return None where it is unreadable or lacks a column."""
    try:
        text_lines = _decode_lines(file.read_bytes())
        tables = (_parse_table(text_lines, delimiter, columns) for delimiter in DELIMITERS)
        lines = next((table for table in tables if table is not None), None)
    except (OSError, UnicodeDecodeError):
        lines = None
    if lines is None:
        report("a readable list with all its columns", ";".join(columns), "none or another", file.name)
    return lines


def read_number_change_lists(folder: StoragePath, report: ReportProblem) -> Iterator[tuple[str, ListLines]]:
    """Yield the lines of every declared list of number changes with the name of its file."""
    for file in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        declaration = _read_declaration(file, COMMON_KEYS)
        lines = read_list_lines(folder / declaration["file"], NUMBER_CHANGE_COLUMNS, report) if declaration else None
        if declaration is None or lines is None:
            report("a declared list of changes", "file, date and source", "another", file.name)
        else:
            yield declaration["file"], lines


def parse_list_date(cell: str) -> dt.date | None:
    """Parse a date with the year or the day first, optionally followed by midnight; None for an empty cell.

    Raises:
        ValueError: the cell holds anything else.
    """
    text = cell.removeprefix("'")
    if not text:
        return None
    for date_format in DATE_FORMATS if text.isascii() else ():
        try:
            moment = dt.datetime.strptime(text, date_format)
        except ValueError:
            continue
        if moment.time() == dt.time():
            return moment.date()
    raise ValueError


def parse_school_and_site(cell: str) -> tuple[str, str] | None:
    """Parse a school code (BRIN) and the site number behind it, if any; None for another text."""
    match = re.fullmatch(r"'?([0-9]{2}[A-Z]{2})([0-9]{2})?", cell)
    return (match[1], match[2] or "") if match else None


def _read_declaration(file: StoragePath, required: dict[str, type]) -> dict[str, Any] | None:
    try:
        declaration = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    has_right_keys = declaration.keys() - {"schools"} == required.keys() and all(
        type(declaration[key]) is kind for key, kind in required.items()
    )
    return declaration if has_right_keys and Path(declaration["file"]).name == declaration["file"] else None


def _has_valid_polarity(declaration: dict[str, Any]) -> bool:
    if declaration["polarity"] == "block":
        return "schools" not in declaration
    schools = declaration.get("schools")
    return declaration["polarity"] == "allow" and isinstance(schools, list) and bool(schools)


def _decode_lines(content: bytes) -> list[str]:
    """Decode marked UTF-16, UTF-8 or windows-1252 into lines, without byte order marks and Excel's `sep=;`."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = content.decode("utf-16")
    else:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            text = content.decode("cp1252")
    lines = [line.lstrip("\ufeff") for line in re.split("\r\n|\r|\n", text)]
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    is_separator_line = re.sub(r'[\s";,|]', "", lines[first]).lower() == "sep="
    return lines[first + 1 :] if is_separator_line else lines


def _parse_table(lines: list[str], delimiter: str, columns: tuple[str, ...]) -> ListLines | None:
    """Parse lines into cells by column, with or without a header; None where a line does not fit the columns."""
    try:
        parsed = [_clean_cells(next(csv.reader([line], delimiter=delimiter, strict=True), [])) for line in lines]
    except csv.Error:
        return None
    width = len(columns)
    rows = [row for row in parsed if any(row)]
    if not rows or any("\0" in line for line in lines) or any(not _has_width(row, width) for row in rows):
        return None
    first_cells = [_bare_name(cell) for cell in rows[0][:width]]
    column_of_name = {_bare_name(column): column for column in columns}
    if set(first_cells) == set(column_of_name):
        return [dict(zip((column_of_name[name] for name in first_cells), row, strict=False)) for row in rows[1:]]
    if not any(character.isdigit() for character in "".join(rows[0])):
        return None
    return [dict(zip(columns, row, strict=False)) for row in rows]


def _has_width(row: list[str], width: int) -> bool:
    return len(row) >= width and not any(row[width:])


def _clean_cells(row: list[str]) -> list[str]:
    """Remove blanks around cells, and invisible characters anywhere in them."""
    return ["".join(c for c in cell if unicodedata.category(c) != "Cf").strip() for cell in row]


def _bare_name(cell: str) -> str:
    return re.sub(r"[\s_-]", "", cell.lower())
