"""Declared lists, by the verifier's own reading: a TOML that names a CSV, and the lines of it."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from cohort.foundation.errors import RightsRefused, describe_problem
from cohort.verification import list_file_reader

DECLARED_KEYS: dict[str, type] = {
    "file": str,
    "date": dt.date,
    "source": str,
    "max_age_days": int,
    "declared_empty": bool,
}
ListLine = dict[str, str]


def read_rights_lists(
    folder: Path, cells: Collection[str], longest: int | None, today: dt.date
) -> list[tuple[str, ListLine]]:
    """Every line of every list of a zone, each with where it stands.

    Takes: the folder (none: no lists), the columns in the order of a list without a header, the platform's
    greatest age of a list in days, the day it is.
    Refuses: what the zone's intake refuses of its files: all problems at once (exit code 17).
    """
    wrong: list[str] = []

    def complain(what: str, where: str) -> None:
        wrong.append(
            describe_problem(
                what,
                example="one that its keeper renewed today",
                found="another",
                where=f"{folder.name}/{where}",
                do="Restore or renew the list",
            )
        )

    found, named = list[tuple[str, ListLine]](), list[str]()
    for declaration in sorted(folder.glob("*.toml")):
        facts = _facts(declaration)
        if facts is None:
            complain("file, date, source, max_age_days and declared_empty", declaration.name)
            continue
        file, dated, days, empty = facts
        named.append(file)
        if not 0 <= (today - dated).days <= min(days, days if longest is None else longest):
            complain("a list of today or a few days before", declaration.name)
        lines = list_file_reader.read_list_lines(folder / file, tuple(cells), lambda *_: None)
        if lines is None:
            complain(f"a readable list of {';'.join(cells)}", file)
        elif not lines and not empty:
            complain("a line, or declared_empty = true", file)
        else:
            found += [(f"{folder.name}/{file} entry {n}", line) for n, line in enumerate(lines, start=1)]
    there = {file.name for file in folder.glob("*") if file.suffix != ".toml"}
    for name in sorted(there - {*named}):
        complain("only declared lists", name)
    for name in sorted({name for name in named if named.count(name) > 1}):
        complain("a list declared once", name)
    if wrong:
        raise RightsRefused(*wrong)
    return found


def parse_line_dates(rows: list[tuple[str, ListLine]], names: Collection[str]) -> list[dict[str, dt.date | None]]:
    """The dates of each line by column, None for an empty cell.

    Refuses: what is no date, all of it at once (exit code 17).
    """
    wrong: list[str] = []
    found = [dict(_dates(where, row, names, wrong.append)) for where, row in rows]
    if wrong:
        raise RightsRefused(*wrong)
    return found


def _dates(
    where: str, row: ListLine, names: Collection[str], complain: Callable[[str], None]
) -> Iterator[tuple[str, dt.date | None]]:
    for name in names:
        try:
            yield name, list_file_reader.parse_list_date(row[name])
        except ValueError:
            complain(
                describe_problem(
                    "a date or nothing", example="2025-01-31", found="something else", where=where, do=f"Correct {name}"
                )
            )


def _facts(file: Path) -> tuple[str, dt.date, int, bool] | None:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    if told.keys() != DECLARED_KEYS.keys() or any(type(told[key]) is not kind for key, kind in DECLARED_KEYS.items()):
        return None
    if Path(told["file"]).name != told["file"] or told["max_age_days"] < 1:
        return None
    return told["file"], told["date"], told["max_age_days"], told["declared_empty"]
