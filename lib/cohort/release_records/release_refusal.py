"""Releases that may not go on: the refusal of a release, and of one that was compared with no published release.

`release`, `verify` and `publish` refuse through here, so that a refused release leaves a record and nothing else.
"""

from __future__ import annotations

from typing import Any

from cohort.agreements import Project
from cohort.delta import remove_folder
from cohort.foundation import StateRefused, describe_problem
from cohort.release_records import equivalence_class_snapshot, record_store
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import StorageZones


def require_compared_with_published(zones: StorageZones, project: Project, record: ReleaseRecord) -> None:
    """Refuse to publish a release that was not compared with the one that is published now.

    A pseudonymous release is not compared with any: its rows are linked by their pseudonyms anyway.

    Raises:
        StateRefused: it was compared with another release or with none, or its snapshot is missing (exit code 15).
    """
    if project.is_pseudonymous:
        return
    equivalence_class_snapshot.require_snapshot(zones, record)
    published = record_store.find_published_record(zones, project.name)
    if not record.compared_with_published or record.nested_in != (None if published is None else published.release):
        raise StateRefused(
            describe_problem(
                "a release that was compared with the published one",
                example="one that release just made",
                found="one that was compared with another, or with none",
                where=f"release {record.release}",
                do=f"Make a new one with release --project {project.name}",
            )
        )


def refuse_release(zones: StorageZones, record: ReleaseRecord, **changes: Any) -> None:
    """Refuse a release: write its record with the reason, then remove its snapshot and its stage.

    Args:
        zones: the storage zones.
        record: the exact record of the release.
        changes: the fields of the record that say why.
    """
    record_store.save_release_record(zones, record.moved(ReleaseState.REFUSED, **changes))
    equivalence_class_snapshot.remove_snapshot(zones, record)
    stage = zones.staged_release(record.project, record.release)
    remove_folder(stage, where=f"staging/{record.project}")
