"""Releases that objections outdated: made while other pupils were barred from their project than today.

In: the records of releases and the objections of today. Out: the projects that are due for a new release; stages of
outdated releases are removed. Called by `objection_erasure`, by `status` and by the daily reader check.
"""

from __future__ import annotations

import datetime as dt

from cohort.delta import remove_folder
from cohort.foundation import StateRefused
from cohort.legal_basis import Objections
from cohort.release_records import (
    ReleaseRecord,
    ReleaseState,
    find_published_record,
    load_release_records,
    remove_snapshot,
    save_release_record,
)
from cohort.storage import StoragePath, StorageZones

UNPUBLISHED_STATES = frozenset({ReleaseState.STAGED, ReleaseState.VERIFIED})


def is_release_due(zones: StorageZones, objections: Objections, project: str) -> bool:
    """Whether other pupils are barred from a project than when its published release was made."""
    record = find_published_record(zones, project)
    return record is not None and is_outdated(record, objections)


def projects_due_for_release(zones: StorageZones, objections: Objections) -> list[str]:
    """The projects for which `is_release_due`, in alphabetical order."""
    names = sorted(folder.name for folder in zones.exact_records.glob("*/"))
    return [name for name in names if is_release_due(zones, objections, name)]


def is_outdated(record: ReleaseRecord, objections: Objections) -> bool:
    """Whether other pupils are barred from a release than when it was made; a record that cannot tell counts too."""
    if record.domains is None:
        return True
    return record.barred_digest != objections.digest_for_project(record.project, record.domains)


def _load_readable(zones: StorageZones, project: str) -> list[ReleaseRecord]:
    """The records of a project; none where one cannot be read, so that none of its stages is kept."""
    try:
        return load_release_records(zones, project)
    except StateRefused:
        return []


def remove_outdated_stages(zones: StorageZones, objections: Objections, now: dt.datetime) -> int:
    """Refuse outdated releases that are not published, and remove their stages and those without a record.

    Returns:
        The number of stages removed.
    """
    kept: set[StoragePath] = set()
    for folder in sorted(zones.exact_records.glob("*/")):
        for record in _load_readable(zones, folder.name):
            if record.state not in UNPUBLISHED_STATES:
                continue
            if is_outdated(record, objections):
                reason = "pupils objected after it was made"
                refused = record.moved(ReleaseState.REFUSED, reason=reason, refused=str(now))
                save_release_record(zones, refused)
                remove_snapshot(zones, record)
            else:
                kept.add(zones.staged_release(record.project, record.release))
    removed = [stage for stage in sorted(zones.staging("").glob("*/*/")) if stage not in kept]
    for stage in removed:
        remove_folder(stage, where=f"staging/{stage.parent.name}")
    return len(removed)
