"""Reads and writes the exact records of releases, one JSON document each, in the restricted zone.

A release keeps its state there. Every job that makes, publishes, changes or destroys a release writes through here.
"""

from __future__ import annotations

from cohort.foundation import StateRefused, describe_problem
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import StoragePath, StorageZones, read_json_document, read_model_document, write_json_document


class UnreadableRecord(StateRefused):
    """An exact record that is damaged, or of a version that this one does not know (exit code 15)."""


def save_release_record(zones: StorageZones, record: ReleaseRecord) -> None:
    """Write the exact record of a release, whole or not at all."""
    path = zones.exact_records / record.project / f"{record.release}.json"
    write_json_document(path, record.document())


def load_release_records(zones: StorageZones, project: str) -> list[ReleaseRecord]:
    """Return every release of a project, in order of number.

    Raises:
        UnreadableRecord: a record that cannot be read (exit code 15).
    """
    return sorted(map(_load_record, list_record_files(zones, project)), key=lambda record: record.release)


def list_record_files(zones: StorageZones, project: str) -> list[StoragePath]:
    """Return the files of a project's exact records, in order of number."""
    files = [file for file in (zones.exact_records / project).glob("*.json") if file.stem.isdigit()]
    return sorted(files, key=lambda file: int(file.stem))


def read_release_states(zones: StorageZones, project: str) -> list[tuple[int, str]]:
    """Return number and state of every release of a project, also where the rest of a record cannot be read."""
    states = []
    for file in list_record_files(zones, project):
        try:
            state = str(read_json_document(file)["state"])
        except (ValueError, KeyError, TypeError):
            state = "unreadable"
        states.append((int(file.stem), state))
    return states


def _load_record(file: StoragePath) -> ReleaseRecord:
    try:
        return read_model_document(file, ReleaseRecord)
    except ValueError:
        raise UnreadableRecord(
            describe_problem(
                "a record of a release",
                example="one that release wrote",
                found="one that cannot be read, or of a version that this one does not know",
                where=f"restricted/records/{file.parent.name}/{file.name}",
                do="Restore it from a backup, or destroy the project",
            )
        ) from None


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
