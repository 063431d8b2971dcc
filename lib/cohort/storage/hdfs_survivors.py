"""What HDFS keeps of removed files: snapshots of the folders above, and the trash of users."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.survivors import Survivor, SurvivorSearch

SNAPSHOT, TRASH = "snapshot", "trash"
SNAPSHOT_FOLDER, TRASH_FOLDER, HOME_FOLDERS = ".snapshot", ".Trash", "/user"


def find_hdfs_survivors(files: HadoopFiles, address: str, folders: Iterable[str]) -> SurvivorSearch:
    """Look for removed folders in snapshots, and in the trash of every user that can be looked into.

    Args:
        files: the client of the file system.
        address: the scheme and the host of the store.
        folders: the folders as paths from the top of the store on.
    """
    wanted = list(folders)
    found = {*(Survivor(SNAPSHOT, place) for folder in wanted for place in _snapshots_of(files, address, folder))}
    closed = 0
    for trash in _trash_folders(files, address, wanted):
        try:
            for folder in wanted:
                found |= {Survivor(TRASH, place) for place in _trashed(files, trash, folder)}
        except PermissionError:
            closed += 1
    unseen = ["blocks of removed files that a disk has not written over yet", "copies outside this store"]
    if closed:
        unseen.append(f"the trash of {closed} users that the platform's user may not look into")
    return SurvivorSearch(
        ("snapshots of every folder above", "trash of every user"), tuple(sorted(found)), tuple(unseen)
    )


def remove_hdfs_survivor(files: HadoopFiles, survivor: Survivor) -> None:
    """Remove a snapshot as a whole, or a folder from a trash.

    Raises:
        OSError: the platform's user may not.
    """
    if survivor.kind == SNAPSHOT:
        folder, _, name = survivor.place.rpartition(f"/{SNAPSHOT_FOLDER}/")
        files.delete_snapshot(folder, name)
    else:
        files.delete(survivor.place, recursive=True)


def _snapshots_of(files: HadoopFiles, address: str, folder: str) -> Iterator[str]:
    """The snapshots of a folder and of those above it that have the folder."""
    parts = folder.strip("/").split("/")
    for depth in range(len(parts) + 1):
        above = f"{address}/{'/'.join(parts[:depth])}".rstrip("/")
        for name in _names(files, f"{above}/{SNAPSHOT_FOLDER}"):
            snapshot = f"{above}/{SNAPSHOT_FOLDER}/{name}"
            if _exists(files, "/".join((snapshot, *parts[depth:]))):
                yield snapshot


def _trash_folders(files: HadoopFiles, address: str, folders: Iterable[str]) -> Iterator[str]:
    """The trash of every user: below the homes, and in the encryption zones that the folders may lie in."""
    for user in _names(files, f"{address}{HOME_FOLDERS}"):
        yield f"{address}{HOME_FOLDERS}/{user}/{TRASH_FOLDER}"
    above = {parent for folder in folders for parent in _parents(folder)}
    for parent in sorted(above):
        for user in _names(files, f"{address}{parent}/{TRASH_FOLDER}"):
            yield f"{address}{parent}/{TRASH_FOLDER}/{user}"


def _trashed(files: HadoopFiles, trash: str, folder: str) -> Iterator[str]:
    """A folder in the checkpoints of a trash: HDFS keeps its path, and adds digits where something was there."""
    for checkpoint in _names(files, trash, may_be_closed=True):
        yield from _with_digits(files, f"{trash}/{checkpoint}", folder.strip("/").split("/"))


def _with_digits(files: HadoopFiles, place: str, parts: list[str]) -> Iterator[str]:
    for name in _names(files, place, may_be_closed=True):
        if re.fullmatch(re.escape(parts[0]) + r"\d*", name):
            if len(parts) == 1:
                yield f"{place}/{name}"
            else:
                yield from _with_digits(files, f"{place}/{name}", parts[1:])


def _parents(folder: str) -> list[str]:
    parts = folder.strip("/").split("/")
    return ["/" + "/".join(parts[:depth]) if depth else "" for depth in range(len(parts))]


def _names(files: HadoopFiles, address: str, *, may_be_closed: bool = False) -> list[str]:
    """The names in a folder; none where there is no such folder.

    Raises:
        PermissionError: it may not be looked into, and the caller reports that.
    """
    try:
        return [status.name for status in files.list_folder(address)]
    except PermissionError:
        if may_be_closed:
            raise
        return []
    except OSError:
        return []


def _exists(files: HadoopFiles, address: str) -> bool:
    try:
        files.status(address)
    except OSError:
        return False
    return True
