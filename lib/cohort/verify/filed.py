"""Declared lists as the verifier reads them: objections, and changes of pupil numbers."""

from __future__ import annotations

import csv
import datetime as dt
import io
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cohort.verify.numbers import pupil_number

COMMON: dict[str, type] = {"file": str, "date": dt.date, "source": str}
OBJECTIONS: dict[str, type] = {"polarity": str, "max_age_days": int, "declared_empty": bool}
CELLS = ("pgn", "brin", "vanaf", "ingetrokken_op", "bereik")
CHANGES = ("oud_pgn", "nieuw_pgn", "vanaf")
Complain = Callable[[str, str, str, str], None]
Rows = list[dict[str, str]]


def declarations(folder: Path, complain: Complain) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every declaration of objections that reads as one, by its file's name; what belongs to none is told."""
    named = list[str]()
    for file in sorted(folder.glob("*.toml")):
        facts = _facts(file, COMMON | OBJECTIONS)
        if facts is None or not _polar(facts):
            complain(
                "file, polarity, date, source, max_age_days, declared_empty; schools if it allows",
                "polarity = 'block'", "other", file.name,
            )  # fmt: skip
            continue
        named.append(facts["file"])
        yield file.name, facts
    for name in sorted({f.name for f in folder.glob("*") if f.suffix != ".toml"} - {*named}):
        complain("only declared lists", "a .toml for every .csv", "a file that none declares", name)
    for name in sorted({n for n in named if named.count(n) > 1}):
        complain("a list declared once", "one .toml for every .csv", "two that declare it", name)


def rows(file: Path, columns: tuple[str, ...], complain: Complain) -> Rows | None:
    """The lines of a list; None, and told, for one that is not readable with all of its columns."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
        found = next((t for t in (_table(text, sign, columns) for sign in ";,") if t is not None), None)
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None:
        complain("a readable list with all its columns", ";".join(columns), "none or another", file.name)
    return found


def changes(folder: Path, complain: Complain) -> dict[str, str]:
    """Every pupil number that was replaced, with the newest of its pupil; of two, the later one counts."""
    last: dict[str, tuple[dt.date, str]] = {}
    for file in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        facts = _facts(file, COMMON)
        listed = rows(folder / facts["file"], CHANGES, complain) if facts else None
        if facts is None or listed is None:
            complain("a declared list of changes", "file, date and source", "another", file.name)
            continue
        for row in listed:
            old, new = pupil_number(row["oud_pgn"]), pupil_number(row["nieuw_pgn"])
            try:
                day = dt.date.fromisoformat(row["vanaf"])
            except ValueError:
                old = None
            if old is None or new is None:
                complain("two pupil numbers and a date", ";".join(CHANGES), "something else", facts["file"])
            elif old not in last or last[old][0] <= day:
                last[old] = (day, new)
    newest = {}
    for old in last:
        number, steps = old, 0
        while number in last and steps <= len(last):
            number, steps = last[number][1], steps + 1
        if steps > len(last):
            complain("changes that end at a number", "no circle", "a circle", folder.name)
        newest[old] = number
    return newest


def _facts(file: Path, needed: dict[str, type]) -> dict[str, Any] | None:
    try:
        facts = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    fits = facts.keys() - {"schools"} == needed.keys() and all(type(facts[k]) is t for k, t in needed.items())
    return facts if fits and Path(facts["file"]).name == facts["file"] else None


def _polar(facts: dict[str, Any]) -> bool:
    if facts["polarity"] == "block":
        return "schools" not in facts
    schools = facts.get("schools")
    return facts["polarity"] == "allow" and isinstance(schools, list) and bool(schools)


def _table(text: str, sign: str, columns: tuple[str, ...]) -> Rows | None:
    try:
        read = [
            [c.strip() for c in row]
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
        ]
    except csv.Error:
        return None
    width = len(columns)
    lines = [row for row in read if any(row)]
    if not lines or "\0" in text or any(len(row) < width or any(row[width:]) for row in lines):
        return None
    names = [cell.lower() for cell in lines[0][:width]]
    if set(names) == set(columns):
        return [dict(zip(names, row, strict=False)) for row in lines[1:]]
    if not any(c.isdigit() for c in "".join(lines[0])):
        return None
    return [dict(zip(columns, row, strict=False)) for row in lines]
