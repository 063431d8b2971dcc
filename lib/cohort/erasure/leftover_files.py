"""Files that lie beside the rows and are of no table: what a removal left, under whatever name.

A removed file that somebody still reads gets another name on NFS, with its rows in it, and stays until its
last reader ends: often after the run that removed it. So every run of intake and of objections looks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cohort import delta
from cohort.foundation.errors import DestructionIncomplete, describe_problem
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.storage.zone_paths import StorageZones

LIVE_STAGES = frozenset({ReleaseState.STAGED, ReleaseState.VERIFIED})


def find_leftover_files(zones: StorageZones) -> list[str]:
    """Count what is of no table, in results, quarantine, stages and published tables.

    Takes: places on which nobody writes meanwhile: the caller holds the lock of intake, alone.
    Gives: a sentence per place that has such files, by the place alone.
    """
    return [_sentence(zones, top, number) for top, number in _counted(zones) if number]


def leftover_exit_code(sentences: list[str]) -> int:
    return DestructionIncomplete.exit_code if sentences else 0


def _counted(zones: StorageZones) -> Iterator[tuple[Path, int]]:
    for table in (zones.results, zones.quarantine):
        if delta.table_exists(table):
            yield table, len(delta.list_files_vacuum_leaves(table))
    for table in sorted(zones.published_table("").glob("*")):
        if table.is_dir() and not table.is_symlink() and record_store.find_published_record(zones, table.name):
            yield table, _beside(table)
    for project in sorted(zones.staging("").glob("*")):
        yield project, _unrecorded(zones, project)


def _unrecorded(zones: StorageZones, project: Path) -> int:
    """What stands in the place of a project's stages and is of none.

    A stage of a run that was killed has no record: it goes with the next run of objections or release.
    """
    if not project.is_dir() or project.is_symlink():
        return 1
    kept = {
        f"{record.release}"
        for record in record_store.load_release_records(zones, project.name)
        if record.state in LIVE_STAGES
    }
    inside = [path for path in project.iterdir() if path.name in kept or not path.name.isdigit()]
    return sum(_beside(path) if path.name in kept else _every(path) for path in inside)


def _beside(table: Path) -> int:
    try:
        return len(delta.list_foreign_files(table)) if delta.table_exists(table) else _every(table)
    except delta.TABLE_ERRORS:
        return _every(table)  # nobody knows which of them are the table's


def _every(path: Path) -> int:
    if path.is_symlink() or not path.is_dir():
        return 1
    return sum(len(names) for _, _, names in os.walk(path))


def _sentence(zones: StorageZones, top: Path, number: int) -> str:
    found = f"{number} other" + ("" if number == 1 else "s")
    return describe_problem(
        "no files but those of the table",
        example="after a vacuum",
        found=found,
        where=top.relative_to(zones.root).as_posix(),
        do=f"{delta.OPEN_FILES_ADVICE}, remove what is not the table's, then run the same again",
    )
