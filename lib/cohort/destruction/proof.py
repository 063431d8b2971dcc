"""The proof of a destruction: a second look for everything that was removed, and the certificate of it."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from cohort import delta
from cohort.destruction import inventory, search_terms
from cohort.destruction.byte_search import Hits
from cohort.destruction.inventory import Item
from cohort.destruction.journal import Run
from cohort.foundation.errors import DestructionIncomplete, describe_problem
from cohort.keys import project_keys
from cohort.release_records import release_record
from cohort.storage.zone_paths import StorageZones

SHOWN = 5
"""How many of the files that stayed are named; the rest are counted."""

CANNOT_SEE = (
    "backups and archives of the storage",
    "snapshots and earlier versions that the storage itself keeps",
    "blocks of removed files that the disk has not written over yet",
    "copies that researchers made while they could read the table",
    "scratch folders of other machines, and scratch files encrypted under the key of an ended session",
)


def look_again(run: Run) -> tuple[str, dict[str, Any]]:
    """List, read and search again.

    Refuses: anything found (exit code 16): every place that is left, and the first files with a mark.
    """
    hits = search_terms.again(run.spark, run.places, run.project, run.journal.marks)
    problems = [*_still_there(run), *_still_readable(run), *_still_found(run, hits)]
    if problems:
        run.journal.note("looked again", f"{len(problems)} problems")
        raise DestructionIncomplete(*problems)
    return f"nothing in {hits.files} files", {"again": in_numbers(hits)}


def _still_found(run: Run, hits: Hits) -> list[str]:
    kinds = {mark.label: mark.kind for mark in run.journal.marks}
    found = {hit.path: kinds[hit.label] for hit in hits.found}
    for path in search_terms.copies(run.spark, run.places, run.journal.inventory):
        found[path] = "the content of a data file"
    own = inventory.own(run.places, run.project)
    where = sorted(
        {
            (_zone(run.places, path.parent if kind == search_terms.PSEUDONYM else path), kind)
            for path, kind in found.items()
            if not any(path.is_relative_to(place) for place in own)
        }
    )
    do = "Remove it, or the copy it is part of"
    told = [left_over(kind, place, do) for place, kind in where[:SHOWN]]
    more = len(where) - SHOWN
    return [*told, left_over(f"marks in {more} more files", "other places", do)] if more > 0 else told


def _still_there(run: Run) -> list[str]:
    problems = []
    for place in inventory.own(run.places, run.project):
        if count := inventory.left(place):
            zone = place.relative_to(run.places.root).as_posix()
            problems.append(left_over(f"{count} files or folders", f"{zone}/", "Remove what holds them"))
    if project_keys.key_exists(run.keys, run.project) or inventory.key_files(run.keys, run.project):
        problems.append(left_over("the project's key", "the key folder", "Correct the owner of the folder"))
    if not problems and gone(run) != len(own_items(run)):
        problems.append(left_over("files of the inventory", "the storage root", "See what restored them"))
    return problems


def _still_readable(run: Run) -> list[str]:
    """What a reader would get, now and at version 0."""
    table = run.places.table(run.project)
    if not delta.table_exists(table) and not any(_reads(run, table, v) for v in (None, 0)):
        return []
    return [left_over("a table that can be read", f"projects/{run.project}/", "Remove the folder")]


def _reads(run: Run, table: Path, version: int | None) -> bool:
    try:
        return delta.can_read_table(run.spark, table, version)
    except delta.TABLE_ERRORS:
        return False


def certificate(run: Run) -> dict[str, Any]:
    """What may be said to everybody: counts of files, never a mark."""
    content, found = run.journal.content, run.journal.inventory
    return {
        "project": run.project,
        "state": release_record.ProjectState.DESTROYED,
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
            "listing": {"files_before": len(own_items(run)), "gone_after": gone(run)},
            "reading": "refused, now and at version 0",
            "marks": search_terms.by_kind(run.journal.marks),
            "found_before": content["control"],
            "found_after": content["again"],
            "not_searched": [_zone(run.places, place) for place in search_terms.shared(run.places)],
        },
        "cannot_see": list(CANNOT_SEE),
        "steps": content["events"],
    }


def in_numbers(hits: Hits) -> dict[str, Any]:
    """A search in numbers: marks found, and by sink where; files and bytes looked at, files not decoded."""
    return {
        "marks": len(hits.labels),
        "where": dict(sorted(Counter(hit.kind for hit in hits.found).items())),
        "files": hits.files,
        "bytes": hits.bytes,
        "not_decoded": len({path for path, _ in hits.undecodable}),
    }


def own_items(run: Run) -> list[Item]:
    exact = f"restricted/records/{run.project}"
    return [item for item in run.journal.inventory.items if item.place != exact]


def gone(run: Run) -> int:
    root = run.places.root
    return sum(not os.path.lexists(root / item.place / item.path) for item in own_items(run))


def left_over(what: str, where: str, do: str) -> str:
    return describe_problem(
        "nothing of the project",
        example="an empty listing",
        found=what,
        where=where,
        do=f"{do}, then run destroy again: it goes on where it stopped",
    )


def _zone(places: StorageZones, path: Path) -> str:
    """A place as it may be named: a school's folder is not, nor a path of this machine."""
    if not path.is_relative_to(places.root):
        return "the scratch folders"
    relative = path.relative_to(places.root)
    return "feedback/" if relative.parts[:1] == ("feedback",) else relative.as_posix()
