"""The two lists in the configuration folder that a cohort adds itself to.

A list keeps the lines that belong to other cohorts, so that several cohorts share one folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cohort.foundation.errors import ConfigurationRefused, describe_problem

Row = tuple[str, ...]


def replace_rows(
    path: Path, header: Row, rows: Sequence[Row], *, outdated: Callable[[Row], bool] | None = None
) -> None:
    """Writes the rows into a list, in place of those it has under the same first two columns.

    Takes: which other rows to drop, if any.
    Refuses: a list with another header, which would be a list of something else.
    """
    ours = {row[:2] for row in rows}
    kept = [row for row in _read(path, header) if row[:2] not in ours and not (outdated is not None and outdated(row))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text([header, *rows, *kept]), encoding="utf-8", newline="\n")


def add_missing_rows(path: Path, header: Row, rows: Sequence[Row]) -> None:
    """Adds to a list the rows whose first two columns it does not have."""
    kept = _read(path, header)
    known = {row[:2] for row in kept}
    fresh = [row for row in rows if row[:2] not in known]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text([header, *kept, *fresh]), encoding="utf-8", newline="\n")


def _text(rows: Iterable[Row]) -> str:
    return "".join(";".join(row) + "\n" for row in rows)


def _read(path: Path, header: Row) -> list[Row]:
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or tuple(lines[0].split(";")) != header:
        raise ConfigurationRefused(
            describe_problem(
                "a list with the header " + ";".join(header),
                example="the one under conf",
                found="another first line",
                where=str(path),
                do="Mend the first line, or give another folder with --config",
            )
        )
    return [tuple(line.split(";")) for line in lines[1:] if line]
