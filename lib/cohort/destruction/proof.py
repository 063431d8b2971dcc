"""The proof of a destruction: a second look for everything that was removed, and the certificate of it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from cohort import delta
from cohort.destruction import inventory, search_terms
from cohort.destruction.byte_search import ByteSearchResult
from cohort.destruction.inventory import InventoryItem
from cohort.destruction.journal import DestructionRun
from cohort.foundation.errors import DestructionIncomplete, describe_problem
from cohort.keys import project_keys
from cohort.release_records import release_record, release_states
from cohort.storage.zone_paths import StorageZones

MOST_PLACES_NAMED = 5
"""How many of the files that stayed are named; the rest are counted."""

NOT_COVERED_BY_PROOF = (
    "backups and archives of the storage",
    "snapshots and earlier versions that the storage itself keeps",
    "blocks of removed files that the disk has not written over yet",
    "copies that researchers made while they could read the table",
    "scratch folders of other machines, and scratch files encrypted under the key of an ended session",
)


def prove_removal(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    """List, read and search again.

    Refuses: anything found (exit code 16): every place that is left, and the first files with a mark.
    """
    hits = search_terms.search_after_removal(run.spark, run.zones, run.project, run.journal.marks)
    problems = [*_still_there(run), *_still_readable(run), *_still_found(run, hits)]
    if problems:
        run.journal.note("looked again", f"{len(problems)} problems")
        raise DestructionIncomplete(*problems)
    return f"nothing in {hits.files} files", {"again": count_search(hits)}


def _still_found(run: DestructionRun, hits: ByteSearchResult) -> list[str]:
    kinds = {mark.label: mark.kind for mark in run.journal.marks}
    found = {hit.path: kinds[hit.label] for hit in hits.found}
    for path in search_terms.find_data_file_copies(run.spark, run.zones, run.journal.inventory):
        found[path] = "the content of a data file"
    own = inventory.project_folders(run.zones, run.project)
    where = sorted(
        {
            (_zone(run.zones, path.parent if kind == search_terms.PUPIL_PSEUDONYM else path), kind)
            for path, kind in found.items()
            if not any(path.is_relative_to(place) for place in own)
        }
    )
    do = "Remove it, or the copy it is part of"
    told = [remnant_message(kind, place, do) for place, kind in where[:MOST_PLACES_NAMED]]
    more = len(where) - MOST_PLACES_NAMED
    return [*told, remnant_message(f"marks in {more} more files", "other places", do)] if more > 0 else told


def _still_there(run: DestructionRun) -> list[str]:
    problems = []
    for place in inventory.project_folders(run.zones, run.project):
        if count := inventory.count_remaining(place):
            zone = place.relative_to(run.zones.root).as_posix()
            problems.append(remnant_message(f"{count} files or folders", f"{zone}/", "Remove what holds them"))
    if project_keys.key_exists(run.keys, run.project) or inventory.project_key_files(run.keys, run.project):
        problems.append(remnant_message("the project's key", "the key folder", "Correct the owner of the folder"))
    if not problems and count_gone_items(run) != len(items_to_remove(run)):
        problems.append(remnant_message("files of the inventory", "the storage root", "See what restored them"))
    return problems


def _still_readable(run: DestructionRun) -> list[str]:
    """What a reader would get, now and at version 0."""
    table = run.zones.published_table(run.project)
    if not delta.table_exists(table) and not any(_reads(run, table, v) for v in (None, 0)):
        return []
    return [remnant_message("a table that can be read", f"projects/{run.project}/", "Remove the folder")]


def _reads(run: DestructionRun, table: Path, version: int | None) -> bool:
    try:
        return delta.can_read_table(run.spark, table, version)
    except delta.TABLE_ERRORS:
        return False


def make_certificate(run: DestructionRun) -> dict[str, Any]:
    """What may be said to everybody: counts of files, never a mark."""
    content, found = run.journal.content, run.journal.inventory
    return {
        "project": run.project,
        "state": release_states.ProjectState.DESTROYED,
        "destroyed_at": run.journal.at(),
        "confirmed": content["confirmed"],
        "removed": {
            "places": found.sums(),
            "versions": content["inventory"]["versions"],
            "key": found.key,
            "releases": [
                {"release": number, "id": release_record.commit_note(run.project, number), "was": state}
                for number, state in found.releases
            ],
            "inventory_sha256": found.sha256,
        },
        "looked_for": {
            "listing": {"files_before": len(items_to_remove(run)), "gone_after": count_gone_items(run)},
            "reading": "refused, now and at version 0",
            "marks": search_terms.count_terms_by_kind(run.journal.marks),
            "found_before": content["control"],
            "found_after": content["again"],
            "not_searched": [_zone(run.zones, place) for place in search_terms.shared_zones(run.zones)],
        },
        "cannot_see": list(NOT_COVERED_BY_PROOF),
        "steps": content["events"],
    }


def count_search(hits: ByteSearchResult) -> dict[str, Any]:
    """A search in numbers: marks found, and by sink where; files and bytes looked at, files not decoded."""
    return {
        "marks": len(hits.labels),
        "where": dict(sorted(Counter(hit.kind for hit in hits.found).items())),
        "files": hits.files,
        "bytes": hits.bytes,
        "not_decoded": len({path for path, _ in hits.undecodable}),
    }


def items_to_remove(run: DestructionRun) -> list[InventoryItem]:
    exact = f"restricted/records/{run.project}"
    return [item for item in run.journal.inventory.items if item.place != exact]


def count_gone_items(run: DestructionRun) -> int:
    root = run.zones.root
    return sum(not os.path.lexists(root / item.place / item.path) for item in items_to_remove(run))


def remnant_message(what: str, where: str, do: str) -> str:
    return describe_problem(
        "nothing of the project",
        example="an empty listing",
        found=what,
        where=where,
        do=f"{do}, then run destroy again: it goes on where it stopped",
    )


def _zone(zones: StorageZones, path: Path) -> str:
    """A place as it may be named: a school's folder is not, nor a path of this machine."""
    if not path.is_relative_to(zones.root):
        return "the scratch folders"
    relative = path.relative_to(zones.root)
    return "feedback/" if relative.parts[:1] == ("feedback",) else relative.as_posix()
