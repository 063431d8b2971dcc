"""How the files go that a table no longer needs, or all of them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import deltalake

from cohort.errors import DestructionIncomplete, expected
from cohort.tables.looked_at import current_files
from cohort.tables.made import LOG_AS_IT_IS


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum meant to remove, and what of it is still there."""

    left_behind: int


def vacuum(path: Path) -> Vacuumed:
    """Remove what the current version does not need, and look afterwards what is left of it.

    deltalake tells what that is, where Spark starts thirty jobs. It is removed here: deltalake's own vacuum
    commits, and at every hundredth version removes the commits before it.
    """
    _remove_unneeded(path)
    current = current_files(path)
    return Vacuumed(sum(_of(file) not in current for file in _data(path)))


def vacuum_whole(path: Path, what: str, *, found: str, where: str, do: str) -> None:
    """Remove what the current version does not need, every file of it.

    Takes: what was expected to be left, what stayed, where, and what to do then: for the refusal.
    Refuses: a file that stays (exit code 16).
    """
    if vacuum(path).left_behind:
        raise DestructionIncomplete(expected(what, example="after a vacuum", found=found, where=where, do=do))


def purge(path: Path) -> Vacuumed:
    """Delete every row, then every data file at once, whatever the table's retention: only to destroy it."""
    deltalake.DeltaTable(str(path)).delete(post_commithook_properties=LOG_AS_IT_IS)
    _remove_unneeded(path, hours=0)
    return Vacuumed(len(_data(path)))


def _remove_unneeded(path: Path, hours: int | None = None) -> None:
    """Remove files with the checksums that Hadoop puts beside them, and folders that are empty then."""
    table = deltalake.DeltaTable(str(path))
    listed = table.vacuum(hours, dry_run=True, enforce_retention_duration=hours is None, full=True)
    unneeded = {_of(Path(unquote(name))) for name in listed}
    current = current_files(path)
    for file in _data(path):
        if _of(file) in unneeded - current:
            with contextlib.suppress(OSError):  # what stays is counted
                file.unlink()
                file.parent.rmdir()


def _data(path: Path) -> list[Path]:
    """The data files below a table's folder, and their checksums."""
    return [file for file in path.rglob("*.parquet*") if "_delta_log" not in file.parts]


def _of(file: Path) -> str:
    """The name of a data file; of a checksum, that of the file it is of (`.x.parquet.crc`)."""
    return file.name.removeprefix(".").removesuffix(".crc")
