"""Who may not be in a release: the declared lists, read again and by own code."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.errors import ObjectionsRefused, expected
from cohort.verify.numbers import pupil_number

DECLARED: dict[str, type] = {
    "file": str, "polarity": str, "date": dt.date, "source": str, "max_age_days": int, "declared_empty": bool,
}  # fmt: skip
CELLS = {"pgn", "brin", "vanaf", "ingetrokken_op", "bereik"}
SCHOOL = re.compile(r"[0-9]{2}[A-Z]{2}")
Complain = Callable[[str, str, str, str], None]


@dataclass(frozen=True)
class Barred:
    """Numbers on a block list, numbers on every allow list (None: there is none), schools held back."""

    blocked: frozenset[str]
    allowed: frozenset[str] | None
    held: frozenset[str]


def read(folder: Path, longest: int, today: dt.date) -> Barred:
    """All lists of the zone, as one answer.

    Takes: the folder, the platform's greatest age of a list in days, the day it is.
    Refuses: no list, one that is missing, undeclared, declared twice, stale, dated ahead, unreadable or
    unexpectedly empty, a scope other than `alles`, an invalid number without a school: all problems at
    once (exit code 12).
    """
    problems: list[str] = []

    def complain(what: str, example: str, found: str, where: str) -> None:
        place = f"objections/{where}"
        problems.append(
            expected(what, example=example, found=found, where=place, do="Restore or renew the list")
        )

    declarations = sorted(folder.glob("*.toml"))
    if not declarations:
        complain("a declared list", "landelijk.toml", "none", "")
    blocked, allowed, held, named = set[str](), list[set[str]](), set[str](), list[str]()
    for declaration in declarations:
        facts = _declaration(declaration, complain)
        if facts is None:
            continue
        named.append(facts["file"])
        age = (today - facts["date"]).days
        if not 0 <= age <= min(facts["max_age_days"], longest):
            complain(
                "a list of today or a few days before",
                str(today),
                f"one of {facts['date']}",
                declaration.name,
            )
        rows = _rows(folder / facts["file"], complain)
        if rows == [] and not facts["declared_empty"]:
            complain("a line, or declared_empty = true", "one objection", "an empty list", facts["file"])
        numbers, schools = _in_force(rows or [], today, facts["file"], complain)
        held |= schools
        if facts["polarity"] == "allow":
            allowed.append(numbers)
        else:
            blocked |= numbers
    for name in sorted({f.name for f in folder.glob("*") if f.suffix != ".toml"} - {*named}):
        complain("only declared lists", "a .toml for every .csv", "a file that none declares", name)
    for name in sorted({n for n in named if named.count(n) > 1}):
        complain("a list declared once", "one .toml for every .csv", "two that declare it", name)
    if problems:
        raise ObjectionsRefused(*problems)
    everywhere = frozenset(set.intersection(*allowed)) if allowed else None
    return Barred(frozenset(blocked), everywhere, frozenset(held))


def _declaration(file: Path, complain: Complain) -> dict[str, Any] | None:
    try:
        facts = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        facts = {}
    fits = facts.keys() == DECLARED.keys() and all(type(facts[k]) is kind for k, kind in DECLARED.items())
    if not fits or facts["polarity"] not in ("block", "allow") or Path(facts["file"]).name != facts["file"]:
        complain(
            "file, polarity, date, source, max_age_days and declared_empty",
            "polarity = 'block'",
            "other",
            file.name,
        )
        return None
    return facts


def _rows(file: Path, complain: Complain) -> list[dict[str, str]] | None:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        lines = [
            line for line in csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True) if line
        ]
    except (OSError, UnicodeDecodeError, csv.Error):
        lines = []
    header = [cell.strip() for cell in lines[0]] if lines else []
    if set(header) != CELLS or any(len(line) != len(CELLS) for line in lines):
        complain(
            "a readable list with its five columns",
            "pgn;brin;vanaf;ingetrokken_op;bereik",
            "none or another",
            file.name,
        )
        return None
    return [dict(zip(header, (cell.strip() for cell in line), strict=True)) for line in lines[1:]]


def _in_force(
    rows: list[dict[str, str]], today: dt.date, name: str, complain: Complain
) -> tuple[set[str], set[str]]:
    """Numbers and held schools of the lines not withdrawn by today; a later `vanaf` holds already."""
    numbers, schools = set[str](), set[str]()
    for place, row in enumerate(rows, start=1):
        where = f"{name} entry {place}"
        try:
            withdrawn = row["ingetrokken_op"] and dt.date.fromisoformat(row["ingetrokken_op"]) <= today
        except ValueError:
            complain("a date or nothing", "2025-01-31", "something else", where)
            continue
        if withdrawn:
            continue
        number, school = pupil_number(row["pgn"]), row["brin"]
        if row["bereik"] != "alles":
            complain("the scope alles", "alles", "another", where)
        if number is not None:
            numbers.add(number)
        elif SCHOOL.fullmatch(school):
            schools.add(school)
        else:
            complain("a valid number or the school that filed it", "99ZZ", "neither", where)
    return numbers, schools
