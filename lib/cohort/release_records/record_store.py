"""Reads and writes the exact records of releases, one JSON document each, in the restricted zone.

A release keeps its state there. Every job that makes, publishes, changes or destroys a release writes through here.
"""

from __future__ import annotations

from cohort.foundation import StateRefused, describe_problem, read_model_document, write_json_document
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import StorageZones


def save_release_record(zones: StorageZones, record: ReleaseRecord) -> None:
    """Write the exact record of a release, whole or not at all."""
    path = zones.exact_records / record.project / f"{record.release}.json"
    write_json_document(path, record.document())


def load_release_records(zones: StorageZones, project: str) -> list[ReleaseRecord]:
    """Return every release of a project, in order of number."""
    files = [file for file in (zones.exact_records / project).glob("*.json") if file.stem.isdigit()]
    records = [read_model_document(file, ReleaseRecord) for file in files]
    return sorted(records, key=lambda record: record.release)


def find_release_record(
    zones: StorageZones, project: str, release: int | None, *, where: str = "--release"
) -> ReleaseRecord:
    """Return one release of a project.

    Args:
        zones: the storage zones.
        project: the project's name.
        release: the number of the release; None for the newest.
        where: where the number was given, for the message.
    Raises:
        StateRefused: the project has no such release (exit code 15).
    """
    records = load_release_records(zones, project)
    for record in reversed(records):
        if release is None or record.release == release:
            return record
    raise StateRefused(
        describe_problem(
            "a release that was made",
            example="the number that release printed",
            found="none of that number" if records else f"no release of {project}",
            where=where,
            do=f"Make one with release --project {project}, or see status",
        )
    )


def find_published_record(zones: StorageZones, project: str) -> ReleaseRecord | None:
    """Return the release that the project's table shows; None where nothing is published."""
    published = [record for record in load_release_records(zones, project) if record.state is ReleaseState.PUBLISHED]
    return published[-1] if published else None
