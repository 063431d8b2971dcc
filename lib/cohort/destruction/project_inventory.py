"""Everything that a project has in places of its own: listed with hidden names, hashed, removed, counted again.

Called by `plan_destruction` and by the steps of `destroy_project`. A link belongs to the project, what it points to
does not: links are never followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cohort.destruction import byte_search
from cohort.destruction.destruction_documents import FolderTotals, InventorySummary, ItemRow, PlannedRelease
from cohort.foundation import DestructionIncomplete, StateRefused, describe_problem
from cohort.keys import key_path
from cohort.release_records import ProjectState, destruction_journal_path, project_state, read_release_states
from cohort.storage import StoragePath, StorageZones, anything_exists, walk_folder

LINK_INSTEAD_OF_HASH = "link"
DATA_SUFFIXES = (".parquet", ".csv", ".sav", ".dta")
"""The ends of the names of files that hold rows."""


@dataclass(frozen=True, order=True)
class InventoryItem:
    """One file.

    Args:
        place: the folder of the project that holds it, relative to the storage root.
        path: its path within that folder.
        bytes: its size.
        sha256: the SHA-256 of its content, hexadecimal; `link` for a link and for what is not a regular file.
    """

    place: str
    path: str
    bytes: int
    sha256: str

    @property
    def is_data(self) -> bool:
        """Whether it holds rows, in a table or exported, and does not belong to the log of a table."""
        return self.path.endswith(DATA_SUFFIXES) and "_delta_log" not in Path(self.path).parts

    @property
    def row(self) -> ItemRow:
        return self.place, self.path, self.bytes, self.sha256


@dataclass(frozen=True)
class ProjectInventory:
    """Everything that the destruction of a project removes.

    Args:
        project: its name.
        state: its state.
        items: its files.
        key: whether it has a key.
        releases: number and state of each release.
    """

    project: str
    state: ProjectState
    items: tuple[InventoryItem, ...]
    key: bool
    releases: tuple[tuple[int, str], ...]

    @property
    def sha256(self) -> str:
        """One hash over all items: an inventory can be compared with it later, and not be read from it."""
        lines = "".join("\t".join(map(str, item.row)) + "\n" for item in sorted(self.items))
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()

    def totals_by_place(self) -> dict[str, FolderTotals]:
        """Count files and bytes per place."""
        totals: dict[str, FolderTotals] = {}
        for item in self.items:
            earlier = totals.get(item.place, FolderTotals(files=0, bytes=0))
            totals[item.place] = FolderTotals(files=earlier.files + 1, bytes=earlier.bytes + item.bytes)
        return totals

    def summarise(self) -> InventorySummary:
        return InventorySummary(
            project=self.project,
            state=self.state,
            places=self.totals_by_place(),
            key=self.key,
            releases=tuple(PlannedRelease(release=number, state=state) for number, state in self.releases),
            inventory_sha256=self.sha256,
        )


def project_folders(zones: StorageZones, project: str) -> tuple[StoragePath, ...]:
    """Return the folders that hold nothing but this project: they are removed whole before it is certified."""
    return (
        zones.published_table(project),
        zones.research_files(project),
        zones.twin(project),
        zones.staging(project),
        zones.release_snapshots(project),
        zones.preview(project),
        zones.exact_reports(project),
        zones.open_reports(project),
        zones.output_requests(project),
    )


def take_inventory(zones: StorageZones, key_folder: Path, project: str) -> ProjectInventory:
    """List and hash everything of a project; nothing on disk changes.

    Raises:
        StateRefused: there is nothing of the project, or nothing but its certificate (exit code 15).
        DestructionIncomplete: a folder of the project is a link, or cannot be read (exit code 16).
    """
    state = project_state(zones, project)
    exact_records, has_key = zones.exact_records / project, bool(project_key_files(key_folder, project))
    _require_existing(zones, project, state, has_key)
    items = [item for folder in project_folders(zones, project) for item in _list_items(zones, folder)]
    journal = destruction_journal_path(zones, project).name
    items += [item for item in _list_items(zones, exact_records) if item.path != journal]
    releases = tuple(read_release_states(zones, project))
    return ProjectInventory(project, state, tuple(sorted(items)), has_key, releases)


def project_key_files(folder: Path, project: str) -> list[Path]:
    """Return the project's key file, and what a killed job that created one may have left beside it."""
    files = [key_path(folder, project), *folder.glob(f".{project}.*.new")]
    return [file for file in files if anything_exists(file)]


def count_remaining(tree: StoragePath) -> int:
    """Count the files, links and folders at a place, itself included."""
    if not anything_exists(tree):
        return 0
    if tree.is_symlink():
        return 1
    return 1 + sum(len(folders) + len(names) for _, folders, names in walk_folder(tree))


def _require_existing(zones: StorageZones, project: str, state: ProjectState, has_key: bool) -> None:
    if state is ProjectState.DESTROYED:
        raise StateRefused(
            describe_problem(
                "a project that is still there",
                example="an open one",
                found="one that is destroyed",
                where=f"the records of {project}",
                do="Read its certificate in records/",
            )
        )
    folders = (*project_folders(zones, project), zones.exact_records / project, zones.public_records / project)
    if not has_key and not any(map(anything_exists, folders)):
        raise StateRefused(
            describe_problem(
                "a project that was begun",
                example="one with a key or a release",
                found="nothing of it",
                where="the root and the key folder",
                do="Correct --project; status lists the projects",
            )
        )


def _list_items(zones: StorageZones, folder: StoragePath) -> Iterator[InventoryItem]:
    place = folder.relative_to(zones.root).as_posix()
    if folder.is_symlink():
        raise _unreadable_folder("a link to elsewhere", place)

    def refuse(failure: OSError) -> None:
        raise _unreadable_folder(f"one that refuses ({failure.strerror})", place)

    if not anything_exists(folder):
        return
    for directory, subfolders, names in walk_folder(folder, on_error=refuse):
        links = [name for name in subfolders if (directory / name).is_symlink()]
        for name in sorted([*names, *links]):
            file = directory / name
            path = file.relative_to(folder).as_posix()
            if file.is_symlink() or not file.is_file():
                yield InventoryItem(place, path, 0, LINK_INSTEAD_OF_HASH)
                continue
            try:
                yield InventoryItem(place, path, file.stat().st_size, byte_search.file_sha256(file))
            except OSError as failure:
                refuse(failure)


def _unreadable_folder(actual: str, place: str) -> DestructionIncomplete:
    return DestructionIncomplete(
        describe_problem(
            "a folder whose every file can be read",
            example="one owned by the platform's user",
            found=actual,
            where=f"{place}/",
            do="Correct it, then run destroy again; nothing was removed yet",
        )
    )
