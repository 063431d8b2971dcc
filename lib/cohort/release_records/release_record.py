"""The register of releases: their states and allowed moves, and the records that tell of them.

Exact records (`restricted/records/<project>/<release>.json`) hold the state; rounded ones
(`records/<project>/<release>.json`) are for everybody. Every write is atomic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cohort.foundation import json_documents
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.storage.zone_paths import StorageZones


class ReleaseState(StrEnum):
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
"""Every state, and the states a release may move to from it."""


class ProjectState(StrEnum):
    OPEN = "OPEN"
    DESTROYING = "DESTROYING"
    DESTROYED = "DESTROYED"


@dataclass(frozen=True)
class ReleaseRecord:
    """One release: its project, number, state, and everything else that is known of it."""

    project: str
    release: int
    state: ReleaseState
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        """What marks the commit of this release in the table's history."""
        return commit_note(self.project, self.release)

    def moved(self, state: ReleaseState, **facts: Any) -> ReleaseRecord:
        """The same release in its next state, with what became known.

        Refuses: a move that the dict of moves does not have, staying where it is among them (exit code 15).
        """
        if state not in ALLOWED_MOVES[self.state]:
            raise StateRefused(
                describe_problem(
                    f"a release that may become {state}",
                    example=next((str(s) for s, to in ALLOWED_MOVES.items() if state in to), "none"),
                    found=f"one that is {self.state}",
                    where=f"release {self.release} of {self.project}",
                    do="See with status what may be done next",
                )
            )
        return replace(self.noted(**facts), state=state)

    def noted(self, **facts: Any) -> ReleaseRecord:
        """The same release in the same state, with what became known."""
        return replace(self, facts={**self.facts, **facts})


def commit_note(project: str, release: int) -> str:
    return f"{project}-{release}"


def save_release_record(places: StorageZones, record: ReleaseRecord) -> None:
    """Write the exact record, whole or not at all."""
    json_documents.write_json_document(
        places.exact / record.project / f"{record.release}.json",
        {"project": record.project, "release": record.release, "state": record.state, **record.facts},
    )


def load_release_records(places: StorageZones, project: str) -> list[ReleaseRecord]:
    """Every release of a project, in order of number."""
    folder = places.exact / project
    found = [_load(file) for file in folder.glob("*.json") if file.stem.isdigit()]
    return sorted(found, key=lambda record: record.release)


def find_release_record(
    places: StorageZones, project: str, release: int | None, *, where: str = "--release"
) -> ReleaseRecord:
    """One release of a project: the one numbered, or the newest.

    Refuses: a project without that release (exit code 15).
    """
    known = load_release_records(places, project)
    for record in reversed(known):
        if release is None or record.release == release:
            return record
    raise StateRefused(
        describe_problem(
            "a release that was made",
            example="the number that release printed",
            found="none of that number" if known else f"no release of {project}",
            where=where,
            do=f"Make one with release --project {project}, or see status",
        )
    )


def find_published_record(places: StorageZones, project: str) -> ReleaseRecord | None:
    """The release that the project's table shows, if any."""
    live = [record for record in load_release_records(places, project) if record.state is ReleaseState.PUBLISHED]
    return live[-1] if live else None


def project_state(places: StorageZones, project: str) -> ProjectState:
    """Whether a project is open, being destroyed (a journal stands) or destroyed (a certificate stands)."""
    if certificate_path(places, project).exists():
        return ProjectState.DESTROYED
    return ProjectState.DESTROYING if destruction_journal_path(places, project).exists() else ProjectState.OPEN


def require_open_project(places: StorageZones, project: str) -> None:
    """Refuse a project that is being destroyed or is destroyed (exit code 15): its name never opens again."""
    state = project_state(places, project)
    if state is not ProjectState.OPEN:
        raise StateRefused(
            describe_problem(
                "an open project",
                example="one that was never destroyed",
                found=f"one that is {state}",
                where=f"the records of {project}",
                do="Finish its destruction with destroy"
                if state is ProjectState.DESTROYING
                else "Give a new project a new name",
            )
        )


def certificate_path(places: StorageZones, project: str) -> Path:
    return places.records / project / "certificate.json"


def destruction_journal_path(places: StorageZones, project: str) -> Path:
    return places.exact / project / "destruction.json"


def withdrawal_journal_path(places: StorageZones, project: str) -> Path:
    """The journal of rows being withdrawn from a published table; nobody reads while it stands."""
    return places.exact / project / "withdrawal.json"


def failed_verification_path(places: StorageZones, project: str) -> Path:
    """The note that a published table failed its verification; nobody reads until a clean one removed it."""
    return places.exact / project / "failed_verification.json"


def _load(path: Path) -> ReleaseRecord:
    facts = json_documents.read_json_document(path)
    return ReleaseRecord(facts.pop("project"), facts.pop("release"), ReleaseState(facts.pop("state")), facts)
