"""Removal of the files of a Delta table: those that the current version does not need, or all of them.

Deltalake lists the files and this module removes them: a vacuum by deltalake itself makes a commit, and removes old
commits at every hundredth version; one by Spark starts thirty jobs. Every removal looks again at what is still there.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import PurePath
from urllib.parse import unquote

from cohort.delta.read_tables import list_current_paths, open_delta_table
from cohort.delta.write_tables import KEEP_LOG
from cohort.foundation import DestructionIncomplete, describe_problem
from cohort.storage import StoragePath, anything_exists, path_of_error, remove_tree, walk_folder

LOG_FOLDER = "_delta_log"
LOG_FILE_PATTERN = re.compile(
    r"[0-9]{20}\.(json|crc)|[0-9]{20}\.[0-9]{20}\.compacted\.json|_last_checkpoint"
    r"|[0-9]{20}\.checkpoint(\.[0-9]{10}\.[0-9]{10}|\.[0-9a-f-]{36})?\.(parquet|json)"
)
"""The files that Delta keeps in a log: commits, their checksums, checkpoints."""
UNFINISHED_FILE_PATTERN = re.compile(
    r"_commit_.+\.tmp(#[0-9]+)?|\.+.+\.[0-9a-f-]{36}\.tmp(\.crc)?"
    r"|([0-9]{20}\.(json|checkpoint.*\.parquet)|_last_checkpoint)#[0-9]+"
)
"""A commit or a checkpoint that a killed run of deltalake or of Spark did not finish.

deltalake writes a file as `<name>#<number>` first, then links it to its name.
"""
HADOOP_CHECKSUM_PATTERN = re.compile(r"\..+\.crc")
"""The checksum that Hadoop writes beside each file (`.x.parquet.crc`)."""
OPEN_FILES_ADVICE = "End the programs that still have them open (a file named .nfs… goes when its last reader ends)"


@dataclass(frozen=True)
class VacuumResult:
    """What a vacuum could not remove.

    Attributes:
        remaining_files: files and links in the table's folder that the current version does not need.
    """

    remaining_files: int


def vacuum_table(path: StoragePath) -> VacuumResult:
    """Remove the files that the current version does not need and whose retention is over."""
    return _remove_unneeded(path)


def remove_unfinished_commits(path: StoragePath) -> None:
    """Remove the commits and checkpoints that killed runs did not finish; data files stay. Nobody else may write."""
    for file in _walk_files(path / LOG_FOLDER):
        if UNFINISHED_FILE_PATTERN.fullmatch(file.name):
            with contextlib.suppress(OSError):  # the next vacuum tries again
                file.unlink()


def vacuum_table_or_refuse(path: StoragePath, expectation: str, *, found: str, where: str, do: str) -> None:
    """Remove the files that the current version does not need, and refuse if one of them stays.

    Args:
        path: the folder of the table.
        expectation: what was expected, for the refusal.
        found: what stays, for the refusal; the number of files is added.
        where: the table, for the refusal.
        do: what to do after the files were removed by hand.

    Raises:
        DestructionIncomplete: a file stays, whatever its name (exit code 16).
    """
    if remaining := vacuum_table(path).remaining_files:
        raise DestructionIncomplete(
            describe_problem(
                expectation,
                example="after a vacuum",
                found=f"{found} ({remaining})",
                where=where,
                do=f"{OPEN_FILES_ADVICE} and remove what is not the table's. {do}",
            )
        )


def list_foreign_files(path: StoragePath) -> list[StoragePath]:
    """List everything in a table's folder that its current version does not need, under whatever name.

    Data files, their checksums and the log are needed. A link never is, and a folder that cannot be looked into counts
    too. On NFS a removed file that somebody still reads stays under another name (`.nfs…`), with its rows in it.
    """
    return _list_foreign(path, list_current_paths(path))


def remove_folder(path: StoragePath, *, where: str) -> None:
    """Remove a folder with everything in it; nothing happens where there is none.

    Args:
        path: the folder.
        where: its name in the refusal.

    Raises:
        DestructionIncomplete: something of it stays (exit code 16).
    """
    remove_tree(path)
    if anything_exists(path):
        raise DestructionIncomplete(
            describe_problem(
                "nothing left of what was removed",
                example="no folder",
                found="files left behind",
                where=where,
                do=f"{OPEN_FILES_ADVICE}, look at its permissions, then run the same again",
            )
        )


def purge_table(path: StoragePath) -> VacuumResult:
    """Delete every row, then every data file at once, whatever the retention, to destroy a table."""
    open_delta_table(path).delete(post_commithook_properties=KEEP_LOG)
    return _remove_unneeded(path, retention_hours=0)


def list_files_vacuum_leaves(path: StoragePath) -> list[StoragePath]:
    """List the files in a table's folder that no vacuum would remove; nothing on disk changes.

    Data files that only earlier versions need are not among them: a vacuum removes them when their retention is over.
    """
    current = list_current_paths(path)
    removable = set(_list_unneeded(path, 0, current))
    return [file for file in _list_foreign(path, current) if file not in removable]


def _remove_unneeded(path: StoragePath, retention_hours: int | None = None) -> VacuumResult:
    """Remove unneeded files with their Hadoop checksums, and the folders that are empty then; look what stays."""
    current = list_current_paths(path)
    for file in _list_unneeded(path, retention_hours, current):
        with contextlib.suppress(OSError):  # what stays is counted below
            file.unlink()
            file.parent.rmdir()
    return VacuumResult(len(_list_foreign(path, current)))


def _list_foreign(path: StoragePath, current: set[PurePath]) -> list[StoragePath]:
    """The files of `list_foreign_files`, where `current` has the data files of the current version."""
    return [file for file in _walk_files(path) if not _is_needed(file.relative_to(path), current)]


def _list_unneeded(path: StoragePath, retention_hours: int | None, current: set[PurePath]) -> list[StoragePath]:
    """List data files that the current version does not need, and unfinished files in the log.

    Data files are recognised by their paths in Delta's listing; files of two partitions may have one name. Files with
    other names are not Delta's and stay.

    Args:
        path: the folder of the table.
        retention_hours: hours for which unneeded files are kept; those of the table where None.
        current: the data files of the current version, below the table's folder.
    """
    table = open_delta_table(path)
    listed = table.vacuum(retention_hours, dry_run=True, enforce_retention_duration=retention_hours is None, full=True)
    named = (PurePath(unquote(name)) for name in listed if name)  # an object store lists the folder itself, without one
    unneeded = {_data_file_path(path) for path in named} - current
    return [
        file
        for file in _walk_files(path)
        if (
            UNFINISHED_FILE_PATTERN.fullmatch(file.name)
            if LOG_FOLDER in file.relative_to(path).parts
            else _is_data_file(file.relative_to(path), unneeded)
        )
    ]


def _is_data_file(file: PurePath, unneeded: set[PurePath]) -> bool:
    is_visible = not file.name.startswith(".") or HADOOP_CHECKSUM_PATTERN.fullmatch(file.name)
    return ".parquet" in file.name and bool(is_visible) and _data_file_path(file) in unneeded


def _is_needed(file: PurePath, current_paths: set[PurePath]) -> bool:
    if file.parts[0] == LOG_FOLDER:
        return len(file.parts) == 2 and any(map(LOG_FILE_PATTERN.fullmatch, (file.name, _data_file_name(file))))
    return _data_file_path(file) in current_paths


def _walk_files(path: StoragePath) -> list[StoragePath]:
    """List every file and link below a folder, and every folder that cannot be looked into."""
    closed_folders: list[StoragePath] = []
    files: list[StoragePath] = []
    for folder, folders, names in walk_folder(
        path, on_error=lambda error: closed_folders.append(path_of_error(path, error))
    ):
        links = [name for name in folders if (folder / name).is_symlink()]
        files += [folder / name for name in (*names, *links)]
    return [*files, *closed_folders]


def _data_file_path(file: PurePath) -> PurePath:
    """Return the path of a data file; for a Hadoop checksum, that of the file that it belongs to."""
    return file.with_name(_data_file_name(file))


def _data_file_name(file: PurePath) -> str:
    """Return the name of a data file; for a Hadoop checksum, the name of the file that it belongs to."""
    return file.name[1:-4] if HADOOP_CHECKSUM_PATTERN.fullmatch(file.name) else file.name
