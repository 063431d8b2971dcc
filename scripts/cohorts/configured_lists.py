"""The two lists in the configuration folder that a cohort adds its tests and schools to.

A list keeps the lines of other cohorts, so that several cohorts share one folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cohort.agreements import SCHOOL_LIST_HEADER
from cohort.foundation import ConfigurationRefused, describe_problem
from cohorts import catalogue, schools

Row = tuple[str, ...]


def replace_rows(
    path: Path, header: Row, rows: Sequence[Row], *, outdated: Callable[[Row], bool] | None = None
) -> None:
    """Write rows into a list, in place of those with the same first two columns.

    Args:
        path: the list.
        header: its header.
        rows: the rows to write.
        outdated: which other rows to drop, if any.

    Raises:
        ConfigurationRefused: a list with another header, which would be a list of something else (exit code 10).
    """
    replaced = {row[:2] for row in rows}
    kept = [row for row in _read_rows(path, header) if row[:2] not in replaced]
    kept = [row for row in kept if outdated is None or not outdated(row)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_format_rows([header, *rows, *kept]), encoding="utf-8", newline="\n")


def add_missing_rows(path: Path, header: Row, rows: Sequence[Row]) -> None:
    """Add to a list the rows whose first two columns it does not have yet."""
    present = _read_rows(path, header)
    keys = {row[:2] for row in present}
    added = [row for row in rows if row[:2] not in keys]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_format_rows([header, *present, *added]), encoding="utf-8", newline="\n")


def replace_synthetic_lists(config: Path, seed: int, brins: list[str]) -> None:
    """Write the synthetic tests and schools into the lists of a configuration folder.

    Args:
        config: the configuration folder.
        seed: the seed of the boards and kinds of the schools.
        brins: the schools; other synthetic schools are dropped.
    """
    replace_rows(config / "toetsen.csv", catalogue.CATALOGUE_HEADER, catalogue.catalogue_rows())
    replace_rows(
        config / "scholen.csv",
        SCHOOL_LIST_HEADER,
        schools.school_list_rows(seed, brins),
        outdated=lambda row: schools.is_synthetic_brin(row[0]),
    )


def _format_rows(rows: Iterable[Row]) -> str:
    return "".join(";".join(row) + "\n" for row in rows)


def _read_rows(path: Path, header: Row) -> list[Row]:
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
