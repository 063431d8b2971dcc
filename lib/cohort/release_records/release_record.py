"""The register of releases: their states and allowed moves, and the records that tell of them.

Exact records (`restricted/records/<project>/<release>.json`) hold the state; rounded ones
(`records/<project>/<release>.json`) are for everybody. Every write is atomic.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from cohort.foundation import private_files
from cohort.foundation.errors import StateRefused, expected
from cohort.storage.paths import Places


class Release(StrEnum):
    STAGED = "STAGED"
    VERIFIED = "VERIFIED"
    REFUSED = "REFUSED"
    PUBLISHED = "PUBLISHED"
    SUPERSEDED = "SUPERSEDED"
    DESTROYED = "DESTROYED"


MOVES: dict[Release, frozenset[Release]] = {
    Release.STAGED: frozenset({Release.VERIFIED, Release.REFUSED, Release.DESTROYED}),
    Release.VERIFIED: frozenset({Release.PUBLISHED, Release.REFUSED, Release.DESTROYED}),
    Release.REFUSED: frozenset({Release.DESTROYED}),
    Release.PUBLISHED: frozenset({Release.SUPERSEDED, Release.DESTROYED}),
    Release.SUPERSEDED: frozenset({Release.DESTROYED}),
    Release.DESTROYED: frozenset(),
}
"""Every state, and the states a release may move to from it."""


class Project(StrEnum):
    OPEN = "OPEN"
    DESTROYING = "DESTROYING"
    DESTROYED = "DESTROYED"


@dataclass(frozen=True)
class Record:
    """One release: its project, number, state, and everything else that is known of it."""

    project: str
    release: int
    state: Release
    facts: dict[str, Any]

    @property
    def id(self) -> str:
        """What marks the commit of this release in the table's history."""
        return release_id(self.project, self.release)

    def moved(self, state: Release, **facts: Any) -> Record:
        """The same release in its next state, with what became known.

        Refuses: a move that the dict of moves does not have, staying where it is among them (exit code 15).
        """
        if state not in MOVES[self.state]:
            raise StateRefused(
                expected(
                    f"a release that may become {state}",
                    example=next((str(s) for s, to in MOVES.items() if state in to), "none"),
                    found=f"one that is {self.state}",
                    where=f"release {self.release} of {self.project}",
                    do="See with status what may be done next",
                )
            )
        return replace(self.noted(**facts), state=state)

    def noted(self, **facts: Any) -> Record:
        """The same release in the same state, with what became known."""
        return replace(self, facts={**self.facts, **facts})


def release_id(project: str, release: int) -> str:
    return f"{project}-{release}"


def save(places: Places, record: Record) -> None:
    """Write the exact record, whole or not at all."""
    write(
        places.exact / record.project / f"{record.release}.json",
        {"project": record.project, "release": record.release, "state": record.state, **record.facts},
    )


def releases(places: Places, project: str) -> list[Record]:
    """Every release of a project, in order of number."""
    folder = places.exact / project
    found = [_load(file) for file in folder.glob("*.json") if file.stem.isdigit()]
    return sorted(found, key=lambda record: record.release)


def find(places: Places, project: str, release: int | None, *, where: str = "--release") -> Record:
    """One release of a project: the one numbered, or the newest.

    Refuses: a project without that release (exit code 15).
    """
    known = releases(places, project)
    for record in reversed(known):
        if release is None or record.release == release:
            return record
    raise StateRefused(
        expected(
            "a release that was made",
            example="the number that release printed",
            found="none of that number" if known else f"no release of {project}",
            where=where,
            do=f"Make one with release --project {project}, or see status",
        )
    )


def published(places: Places, project: str) -> Record | None:
    """The release that the project's table shows, if any."""
    live = [record for record in releases(places, project) if record.state is Release.PUBLISHED]
    return live[-1] if live else None


def state_of(places: Places, project: str) -> Project:
    """Whether a project is open, being destroyed (a journal stands) or destroyed (a certificate stands)."""
    if certificate(places, project).exists():
        return Project.DESTROYED
    return Project.DESTROYING if journal(places, project).exists() else Project.OPEN


def require_open(places: Places, project: str) -> None:
    """Refuse a project that is being destroyed or is destroyed (exit code 15): its name never opens again."""
    state = state_of(places, project)
    if state is not Project.OPEN:
        raise StateRefused(
            expected(
                "an open project",
                example="one that was never destroyed",
                found=f"one that is {state}",
                where=f"the records of {project}",
                do="Finish its destruction with destroy"
                if state is Project.DESTROYING
                else "Give a new project a new name",
            )
        )


def certificate(places: Places, project: str) -> Path:
    return places.records / project / "certificate.json"


def journal(places: Places, project: str) -> Path:
    return places.exact / project / "destruction.json"


def withdrawal(places: Places, project: str) -> Path:
    """The journal of rows being withdrawn from a published table; nobody reads while it stands."""
    return places.exact / project / "withdrawal.json"


def failed_verification(places: Places, project: str) -> Path:
    """The note that a published table failed its verification; nobody reads until a clean one removed it."""
    return places.exact / project / "failed_verification.json"


def write(path: Path, content: dict[str, Any], *, public: bool = False) -> None:
    """One JSON document, whole or not at all, on the disk before the call returns.

    Takes: whether everybody may read it; else nobody but the platform's user, from its first byte on.
    """
    if public:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        private_files.make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666 if public else 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if not public:
                os.fchmod(handle, private_files.FILE)
            json.dump(content, file, ensure_ascii=False, indent=2, default=str)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        _keep_name(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _keep_name(folder: Path) -> None:
    """Bring a new name to the disk too: a file's own content is not all that a power cut can lose."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def applied(mark: Path) -> str:
    """The digest of what was applied last to what is there, by its mark; none when nothing ever was."""
    return str(load(mark)["digest"]) if mark.is_file() else ""


def _load(path: Path) -> Record:
    facts = load(path)
    return Record(facts.pop("project"), facts.pop("release"), Release(facts.pop("state")), facts)
