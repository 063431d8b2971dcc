"""The verifier's own reader of the zones of instructions and consents: every line of every declared list.

`instruction_check` and `consent_check` call it. Shares no code with `legal_basis`.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from cohort.foundation import RightsRefused, describe_problem
from cohort.storage import StoragePath
from cohort.verification import list_file_reader

DECLARED_KEYS: dict[str, type] = {
    "file": str,
    "date": dt.date,
    "source": str,
    "max_age_days": int,
    "declared_empty": bool,
}
RightsListLine = dict[str, str]
LocatedLine = tuple[str, RightsListLine]
"""Where a line stands, and its cells by column."""


def read_rights_lists(
    folder: StoragePath, columns: Collection[str], max_age_days: int | None, today: dt.date
) -> list[LocatedLine]:
    """Read every line of every list of a zone.

    Args:
        folder: the zone; a folder that is absent holds no list.
        columns: the columns, in the order of a list without a header.
        max_age_days: the platform's greatest age of a list; None where only the list's own limit counts.
        today: the day of the verification.

    Raises:
        RightsRefused: everything that the job reading these lists refuses too, all at once (exit code 17).
    """
    problems: list[str] = []

    def report(what: str, where: str) -> None:
        problems.append(
            describe_problem(
                what,
                example="one that its keeper renewed today",
                found="another",
                where=f"{folder.name}/{where}",
                do="Restore or renew the list",
            )
        )

    lines, declared_files = list[LocatedLine](), list[str]()
    for declaration in sorted(folder.glob("*.toml")):
        values = _read_rights_declaration(declaration)
        if values is None:
            report("file, date, source, max_age_days and declared_empty", declaration.name)
            continue
        file, list_date, own_max_age, declared_empty = values
        declared_files.append(file)
        greatest_age = own_max_age if max_age_days is None else min(own_max_age, max_age_days)
        if not 0 <= (today - list_date).days <= greatest_age:
            report("a list of today or a few days before", declaration.name)
        cells = list_file_reader.read_list_lines(folder / file, tuple(columns), lambda *_: None)
        if cells is None:
            report(f"a readable list of {';'.join(columns)}", file)
        elif not cells and not declared_empty:
            report("a line, or declared_empty = true", file)
        else:
            lines += [(f"{folder.name}/{file} entry {n}", line) for n, line in enumerate(cells, start=1)]
    present_files = {file.name for file in folder.glob("*") if file.suffix != ".toml"}
    for name in sorted(present_files - {*declared_files}):
        report("only declared lists", name)
    for name in sorted({name for name in declared_files if declared_files.count(name) > 1}):
        report("a list declared once", name)
    if problems:
        raise RightsRefused(*problems)
    return lines


def parse_line_dates(lines: list[LocatedLine], columns: Collection[str]) -> list[dict[str, dt.date | None]]:
    """Parse the dates of each line by column; an empty cell is None.

    Raises:
        RightsRefused: cells that hold no date, all at once (exit code 17).
    """
    problems: list[str] = []
    dates = [dict(_parse_dates(where, line, columns, problems.append)) for where, line in lines]
    if problems:
        raise RightsRefused(*problems)
    return dates


def _parse_dates(
    where: str, line: RightsListLine, columns: Collection[str], report: Callable[[str], None]
) -> Iterator[tuple[str, dt.date | None]]:
    for column in columns:
        try:
            yield column, list_file_reader.parse_list_date(line[column])
        except ValueError:
            report(
                describe_problem(
                    "a date or nothing",
                    example="2025-01-31",
                    found="something else",
                    where=where,
                    do=f"Correct {column}",
                )
            )


def _read_rights_declaration(file: StoragePath) -> tuple[str, dt.date, int, bool] | None:
    """Return file, date, greatest age in days and whether an empty list is declared; None where invalid."""
    try:
        declaration = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    if declaration.keys() != DECLARED_KEYS.keys():
        return None
    if any(type(declaration[key]) is not kind for key, kind in DECLARED_KEYS.items()):
        return None
    if Path(declaration["file"]).name != declaration["file"] or declaration["max_age_days"] < 1:
        return None
    return declaration["file"], declaration["date"], declaration["max_age_days"], declaration["declared_empty"]
