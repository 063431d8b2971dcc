"""How the files go that a table no longer needs, or all of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import deltalake

from cohort.delta.read_tables import list_current_names, list_current_paths
from cohort.delta.write_tables import KEEP_LOG
from cohort.foundation.errors import DestructionIncomplete, describe_problem

LOG_FOLDER = "_delta_log"
LOG_FILE_PATTERN = re.compile(
    r"[0-9]{20}\.(json|crc)|[0-9]{20}\.[0-9]{20}\.compacted\.json|_last_checkpoint"
    r"|[0-9]{20}\.checkpoint(\.[0-9]{10}\.[0-9]{10}|\.[0-9a-f-]{36})?\.(parquet|json)"
)
"""What Delta keeps in a log: commits, their checksums, checkpoints."""
UNFINISHED_FILE_PATTERN = re.compile(r"_commit_.+\.tmp|\.+.+\.[0-9a-f-]{36}\.tmp(\.crc)?")
"""A commit or a checkpoint that a killed run of deltalake or of Spark had begun."""
HADOOP_CHECKSUM_PATTERN = re.compile(r"\..+\.crc")
"""What Hadoop puts beside a file that it writes."""
OPEN_FILES_ADVICE = "End the programs that still have them open (a file named .nfs… goes when its last reader ends)"


@dataclass(frozen=True)
class VacuumResult:
    """What a vacuum meant to remove, and what of it is still there."""

    remaining_files: int


def vacuum_table(path: Path) -> VacuumResult:
    """Remove what the current version does not need, and look afterwards what is left of it.

    deltalake tells what that is, where Spark starts thirty jobs. It is removed here: deltalake's own vacuum
    commits, and at every hundredth version removes the commits before it.
    """
    _remove_unneeded(path)
    return VacuumResult(len(list_foreign_files(path)))


def vacuum_table_or_refuse(path: Path, what: str, *, found: str, where: str, do: str) -> None:
    """Remove what the current version does not need, every file of it.

    Takes: what was expected to be left, what stayed, where, and what to do then: for the refusal.
    Refuses: a file that stays, whatever its name (exit code 16).
    """
    if left := vacuum_table(path).remaining_files:
        raise DestructionIncomplete(
            describe_problem(
                what,
                example="after a vacuum",
                found=f"{found} ({left})",
                where=where,
                do=f"{OPEN_FILES_ADVICE} and remove what is not the table's. {do}",
            )
        )


def list_foreign_files(path: Path) -> list[Path]:
    """Everything in a table's folder that its current version does not need, under whatever name.

    On NFS a file that somebody still reads gets another name when it is removed, with its rows in it
    (`.nfs…`). Data files, their checksums and the log are the table's; a link never is, and what cannot be
    looked into counts too.
    """
    current = list_current_paths(path)
    return [file for file in _every(path) if not _is_of_the_table(file.relative_to(path), current)]


def remove_folder(path: Path, *, where: str) -> None:
    """Remove a folder with all that is in it; nothing where there is none.

    Takes: where it stands under the root, for the refusal.
    Refuses: anything of it that stays (exit code 16).
    """
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        raise DestructionIncomplete(
            describe_problem(
                "nothing left of what was removed",
                example="no folder",
                found="files left behind",
                where=where,
                do=f"{OPEN_FILES_ADVICE}, look at its permissions, then run the same again",
            )
        )


def purge_table(path: Path) -> VacuumResult:
    """Delete every row, then every data file at once, whatever the table's retention: only to destroy it."""
    deltalake.DeltaTable(str(path)).delete(post_commithook_properties=KEEP_LOG)
    _remove_unneeded(path, hours=0)
    return VacuumResult(len(list_foreign_files(path)))


def list_files_vacuum_leaves(path: Path) -> list[Path]:
    """What no vacuum would remove of a table's folder; nothing on disk changes.

    Data files that only earlier versions need are not among them: they are kept for their days.
    """
    goes = set(_unneeded(path, hours=0))
    return [file for file in list_foreign_files(path) if file not in goes]


def _remove_unneeded(path: Path, hours: int | None = None) -> None:
    """Remove files with the checksums that Hadoop puts beside them, and folders that are empty then."""
    for file in _unneeded(path, hours):
        with contextlib.suppress(OSError):  # what stays is counted
            file.unlink()
            file.parent.rmdir()


def _unneeded(path: Path, hours: int | None) -> list[Path]:
    """Data files that the current version does not need, and what a killed run had begun in the log.

    A data file is known by its name; what has another name is nobody's that we know, so it stays.
    """
    table = deltalake.DeltaTable(str(path))
    listed = table.vacuum(hours, dry_run=True, enforce_retention_duration=hours is None, full=True)
    unneeded = {_of(Path(unquote(name))) for name in listed} - list_current_names(path)
    return [
        file
        for file in _every(path)
        if (
            UNFINISHED_FILE_PATTERN.fullmatch(file.name)
            if LOG_FOLDER in file.relative_to(path).parts
            else _is_data(file, unneeded)
        )
    ]


def _is_data(file: Path, names: set[str]) -> bool:
    named = not file.name.startswith(".") or HADOOP_CHECKSUM_PATTERN.fullmatch(file.name)
    return ".parquet" in file.name and bool(named) and _of(file) in names


def _is_of_the_table(file: Path, current: set[Path]) -> bool:
    if file.parts[0] == LOG_FOLDER:
        return len(file.parts) == 2 and any(map(LOG_FILE_PATTERN.fullmatch, (file.name, _of(file))))
    return file.with_name(_of(file)) in current


def _every(path: Path) -> list[Path]:
    """Every file and link below a folder, and every folder that cannot be looked into."""
    closed: list[Path] = []
    found: list[Path] = []
    for at, folders, names in os.walk(path, onerror=lambda failed: closed.append(Path(failed.filename))):
        links = [name for name in folders if Path(at, name).is_symlink()]
        found += [Path(at, name) for name in (*names, *links)]
    return [*found, *closed]


def _of(file: Path) -> str:
    """The name of a data file; of a checksum, that of the file it is of (`.x.parquet.crc`)."""
    return file.name[1:-4] if HADOOP_CHECKSUM_PATTERN.fullmatch(file.name) else file.name
