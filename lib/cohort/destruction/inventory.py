"""What a project has in places of its own: listed with hidden names, hashed, removed, looked for again.

A link is a thing of the project; what it points to is not, so it is never followed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.destruction import byte_search
from cohort.foundation.atomic_files import sync_folder
from cohort.foundation.errors import DestructionIncomplete, StateRefused, describe_problem
from cohort.keys import project_keys
from cohort.release_records import record_store, release_states
from cohort.storage.zone_paths import StorageZones

LINK_INSTEAD_OF_HASH = "link"


@dataclass(frozen=True, order=True)
class InventoryItem:
    """One file: its place and its path there, both relative, its bytes, and the SHA-256 of its content."""

    place: str
    path: str
    bytes: int
    sha256: str

    @property
    def is_data(self) -> bool:
        """Whether it holds rows, and not the log of a table."""
        return self.path.endswith(".parquet") and "_delta_log" not in Path(self.path).parts


@dataclass(frozen=True)
class ProjectInventory:
    """All that destruction would remove."""

    project: str
    state: release_states.ProjectState
    items: tuple[InventoryItem, ...]
    key: bool
    releases: tuple[tuple[int, str], ...]

    @property
    def sha256(self) -> str:
        """One hash over every item: a list can be held against it later, and cannot be read from it."""
        lines = "".join(f"{i.place}\t{i.path}\t{i.bytes}\t{i.sha256}\n" for i in sorted(self.items))
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()

    def sums(self) -> dict[str, dict[str, int]]:
        """Files and bytes per place."""
        sums: dict[str, dict[str, int]] = {}
        for item in self.items:
            of = sums.setdefault(item.place, {"files": 0, "bytes": 0})
            of["files"] += 1
            of["bytes"] += item.bytes
        return sums

    def told(self) -> dict[str, Any]:
        """What a dry run shows."""
        return {
            "project": self.project,
            "state": self.state,
            "places": self.sums(),
            "key": self.key,
            "releases": [{"release": number, "state": state} for number, state in self.releases],
            "inventory_sha256": self.sha256,
        }


def project_folders(zones: StorageZones, project: str) -> tuple[Path, ...]:
    """The folders that hold nothing but this project: they are removed whole, before it is certified."""
    return zones.published_table(project), zones.staging(project), zones.release_snapshots(project)


def take_inventory(zones: StorageZones, key_folder: Path, project: str) -> ProjectInventory:
    """List and hash everything of a project; nothing on disk changes.

    Refuses: a project of which there is nothing, or nothing but its certificate (exit code 15); a place
    that is a link or cannot be read (exit code 16).
    """
    state = release_states.project_state(zones, project)
    if state is release_states.ProjectState.DESTROYED:
        raise StateRefused(
            describe_problem(
                "a project that is still there",
                example="an open one",
                found="one that is destroyed",
                where=f"the records of {project}",
                do="Read its certificate in records/",
            )
        )
    exact, key = zones.exact_records / project, bool(project_key_files(key_folder, project))
    begun = (*project_folders(zones, project), exact, zones.public_records / project)
    if not key and not any(map(os.path.lexists, begun)):
        raise StateRefused(
            describe_problem(
                "a project that was begun",
                example="one with a key or a release",
                found="nothing of it",
                where="the root and the key folder",
                do="Correct --project; status lists the projects",
            )
        )
    items = [item for place in project_folders(zones, project) for item in _items(zones, place)]
    journal = release_states.destruction_journal_path(zones, project).name
    items += [item for item in _items(zones, exact) if item.path != journal]
    releases = tuple((r.release, str(r.state)) for r in record_store.load_release_records(zones, project))
    return ProjectInventory(project, state, tuple(sorted(items)), key, releases)


def project_key_files(folder: Path, project: str) -> list[Path]:
    """The project's key, and what a killed job that made one may have left beside it."""
    files = [project_keys.key_path(folder, project), *folder.glob(f".{project}.*.new")]
    return [file for file in files if os.path.lexists(file)]


def remove_tree(tree: Path) -> None:
    """Remove a file, a link or a whole folder as far as the system lets it; `left` tells what stayed."""
    if tree.is_symlink() or tree.is_file():
        with contextlib.suppress(OSError):
            tree.unlink()
    else:
        shutil.rmtree(tree, ignore_errors=True)
    with contextlib.suppress(OSError):
        sync_folder(tree.parent)  # or a power cut could bring the folder back


def count_remaining(tree: Path) -> int:
    """How many files, links and folders stand at a place, itself included."""
    if not os.path.lexists(tree):
        return 0
    if tree.is_symlink():
        return 1
    return 1 + sum(len(folders) + len(names) for _, folders, names in os.walk(tree))


def _items(zones: StorageZones, place: Path) -> Iterator[InventoryItem]:
    zone = place.relative_to(zones.root).as_posix()
    if place.is_symlink():
        raise _unreadable("a link to elsewhere", zone)

    def refuse(failed: OSError) -> None:
        raise _unreadable(f"one that refuses ({failed.strerror})", zone)

    if not os.path.lexists(place):
        return
    for at, folders, names in os.walk(place, onerror=refuse):
        links = [name for name in folders if (Path(at) / name).is_symlink()]
        for name in sorted([*names, *links]):
            file = Path(at) / name
            path = file.relative_to(place).as_posix()
            if file.is_symlink() or not file.is_file():
                yield InventoryItem(zone, path, 0, LINK_INSTEAD_OF_HASH)
                continue
            try:
                yield InventoryItem(zone, path, file.stat().st_size, byte_search.file_sha256(file))
            except OSError as failed:
                refuse(failed)


def _unreadable(found: str, zone: str) -> DestructionIncomplete:
    return DestructionIncomplete(
        describe_problem(
            "a folder whose every file can be read",
            example="one owned by the platform's user",
            found=found,
            where=f"{zone}/",
            do="Correct it, then run destroy again; nothing was removed yet",
        )
    )
