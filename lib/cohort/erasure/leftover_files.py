"""Leftover files: files beside a table's own, which an erasure left behind under whatever name.

In: results, quarantine, stages and published tables. Out: a sentence per place with such files. Called at the end of
every run of ingestion and of `objections`.

A removed file that somebody still reads gets another name on NFS, with its rows in it, and stays until its last
reader ends, often after the run that removed it.
"""

from __future__ import annotations

from collections.abc import Iterator

from cohort.delta import OPEN_FILES_ADVICE, TABLE_ERRORS, list_files_vacuum_leaves, list_foreign_files, table_exists
from cohort.erasure.outdated_releases import UNPUBLISHED_STATES
from cohort.foundation import DestructionIncomplete, StateRefused, describe_problem
from cohort.release_records import find_published_record, read_release_states
from cohort.storage import StoragePath, StorageZones, walk_folder


def find_leftover_files(zones: StorageZones) -> list[str]:
    """Count the files that belong to no table, in results, quarantine, stages and published tables.

    Args:
        zones: the zones of the storage root. Nobody else may write: the caller holds the lock of ingestion.

    Returns:
        A sentence per place that has such files, which names the place only.
    """
    return [_describe_leftovers(zones, place, count) for place, count in _count_leftovers(zones) if count]


def leftover_exit_code(sentences: list[str] | tuple[str, ...]) -> int:
    """The exit code of a run that found leftover files (16), or none (0)."""
    return DestructionIncomplete.exit_code if sentences else 0


def _count_leftovers(zones: StorageZones) -> Iterator[tuple[StoragePath, int]]:
    for table in (zones.results, zones.quarantine):
        if table_exists(table):
            yield table, len(list_files_vacuum_leaves(table))
    for table in sorted(zones.published_table("").glob("*")):
        if table.is_dir() and not table.is_symlink() and _may_be_published(zones, table.name):
            yield table, _count_foreign_files(table)
    for folder in sorted(zones.staging("").glob("*")):
        yield folder, _count_outside_stages(zones, folder)


def _may_be_published(zones: StorageZones, project: str) -> bool:
    """Whether a project's table has a published release, or a record that cannot be read."""
    try:
        return find_published_record(zones, project) is not None
    except StateRefused:
        return True


def _count_outside_stages(zones: StorageZones, folder: StoragePath) -> int:
    """The files in a project's staging folder that belong to no stage.

    The stage of a run that was killed has no record: the next run of `objections` or `release` removes it.
    """
    if not folder.is_dir() or folder.is_symlink():
        return 1
    stages = {str(release) for release, state in read_release_states(zones, folder.name) if state in UNPUBLISHED_STATES}
    entries = [path for path in folder.iterdir() if path.name in stages or not path.name.isdigit()]
    return sum(_count_foreign_files(path) if path.name in stages else _count_files(path) for path in entries)


def _count_foreign_files(table: StoragePath) -> int:
    try:
        return len(list_foreign_files(table)) if table_exists(table) else _count_files(table)
    except TABLE_ERRORS:
        return _count_files(table)  # nobody knows which of them are the table's


def _count_files(path: StoragePath) -> int:
    if path.is_symlink() or not path.is_dir():
        return 1
    return sum(len(names) for _, _, names in walk_folder(path))


def _describe_leftovers(zones: StorageZones, place: StoragePath, count: int) -> str:
    return describe_problem(
        "no files but those of the table",
        example="after a vacuum",
        found=f"{count} other" + ("" if count == 1 else "s"),
        where=place.relative_to(zones.root).as_posix(),
        do=f"{OPEN_FILES_ADVICE}, remove what is not the table's, then run the same again",
    )
