"""States of releases and projects, and the moves between them that are allowed.

A release's state is kept in its exact record; a project's state follows from which documents exist (a destruction
journal, a certificate). Every job asks here before it acts. Nothing here writes a document.
"""

from __future__ import annotations

from enum import StrEnum

from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StoragePath, StorageZones


class ReleaseState(StrEnum):
    """How far a release has come.

    STAGED: written to the staging zone. VERIFIED: the verifier found nothing. REFUSED: it will never be published.
    PUBLISHED: the project's table shows it. SUPERSEDED: a later release was published in its place. DESTROYED: the
    project was destroyed.
    """

    STAGED = "STAGED"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"
    DESTROYED = "DESTROYED"


ALLOWED_MOVES: dict[ReleaseState, frozenset[ReleaseState]] = {
    ReleaseState.STAGED: frozenset({ReleaseState.VERIFIED, ReleaseState.REFUSED, ReleaseState.DESTROYED}),
    ReleaseState.VERIFIED: frozenset({ReleaseState.PUBLISHED, ReleaseState.REFUSED, ReleaseState.DESTROYED}),
    ReleaseState.REFUSED: frozenset({ReleaseState.DESTROYED}),
    ReleaseState.PUBLISHED: frozenset({ReleaseState.SUPERSEDED, ReleaseState.DESTROYED}),
    ReleaseState.SUPERSEDED: frozenset({ReleaseState.DESTROYED}),
    ReleaseState.DESTROYED: frozenset(),
}
"""Every state, with the states that a release may move to from it."""


class ProjectState(StrEnum):
    """Whether releases of a project may be made (OPEN), or its destruction has begun or is complete."""

    OPEN = "OPEN"
    DESTROYING = "DESTROYING"
    DESTROYED = "DESTROYED"


def project_state(zones: StorageZones, project: str) -> ProjectState:
    """Return the state of a project: DESTROYED with a certificate, DESTROYING with a journal, else OPEN."""
    if certificate_path(zones, project).exists():
        return ProjectState.DESTROYED
    return ProjectState.DESTROYING if destruction_journal_path(zones, project).exists() else ProjectState.OPEN


def require_open_project(zones: StorageZones, project: str) -> None:
    """Refuse a project whose destruction has begun or is complete; the name of a destroyed project stays taken.

    Raises:
        StateRefused: the project is not OPEN (exit code 15).
    """
    state = project_state(zones, project)
    if state is not ProjectState.OPEN:
        unfinished = state is ProjectState.DESTROYING
        raise StateRefused(
            describe_problem(
                "an open project",
                example="one that was never destroyed",
                found=f"one that is {state}",
                where=f"the records of {project}",
                do="Finish its destruction with destroy" if unfinished else "Give a new project a new name",
            )
        )


def certificate_path(zones: StorageZones, project: str) -> StoragePath:
    """Return where the certificate of a destroyed project is kept, in the open records."""
    return zones.public_records / project / "certificate.json"


def destruction_journal_path(zones: StorageZones, project: str) -> StoragePath:
    """Return where the journal of a destruction under way is kept."""
    return zones.exact_records / project / "destruction.json"


def withdrawal_journal_path(zones: StorageZones, project: str) -> StoragePath:
    """Return where the journal of rows being withdrawn is kept; nobody may read the table while it exists."""
    return zones.exact_records / project / "withdrawal.json"


def failed_verification_path(zones: StorageZones, project: str) -> StoragePath:
    """Return where the note of a failed verification is kept; nobody may read the table while it exists."""
    return zones.exact_records / project / "failed_verification.json"
