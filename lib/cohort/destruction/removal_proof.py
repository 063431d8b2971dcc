"""The proof of a destruction: a second search for everything that was removed, and the certificate.

`destroy_project` calls it after the removal. A certificate is only made when nothing was found.
"""

from __future__ import annotations

from collections import Counter

from cohort.delta import TABLE_ERRORS, can_read_table, table_exists
from cohort.destruction import project_inventory, search_terms
from cohort.destruction.byte_search import ByteSearchResult
from cohort.destruction.destruction_documents import (
    DestroyedRelease,
    DestructionCertificate,
    ListingProof,
    RemovalProof,
    RemovedParts,
    SearchCounts,
)
from cohort.destruction.destruction_journal import DestructionRun
from cohort.destruction.project_inventory import InventoryItem
from cohort.foundation import DestructionIncomplete, describe_problem
from cohort.keys import key_exists
from cohort.release_records import ProjectState, commit_note
from cohort.storage import StoragePath, StorageZones, Survivor, anything_exists

MOST_PLACES_NAMED = 5
"""How many places with remnants are named; the rest are counted."""
SEARCH_STEP = "looked again"
NOT_COVERED_BY_PROOF = (
    "backups and archives of the storage",
    "blocks of removed files that the disk has not written over yet",
    "copies that researchers made while they could read the table",
    "scratch folders of other machines, and scratch files encrypted under the key of an ended session",
)


def prove_removal(run: DestructionRun) -> SearchCounts:
    """List, read and search for everything that was removed.

    Raises:
        DestructionIncomplete: anything was found: every place where something is left, and the first places with a
            search term (exit code 16).
    """
    result = search_terms.search_after_removal(run.spark, run.zones, run.project, run.journal.terms)
    problems = [*_find_remaining_files(run), *_find_readable_table(run), *_describe_hits(run, result)]
    if problems:
        run.journal.record_step(SEARCH_STEP, f"{len(problems)} problems", {})
        raise DestructionIncomplete(*problems)
    return count_search(result)


def make_certificate(run: DestructionRun) -> DestructionCertificate:
    """Make the certificate from the journal: counts of files, and no search term."""
    journal, inventory, listed = run.journal.document, run.journal.inventory, run.journal.listed
    if journal.control is None or journal.again is None or journal.survivors is None:
        raise RuntimeError("a certificate before all searches")
    return DestructionCertificate(
        project=run.project,
        state=ProjectState.DESTROYED,
        destroyed_at=run.journal.timestamp(),
        confirmed=journal.confirmed,
        removed=RemovedParts(
            places=inventory.totals_by_place(),
            versions=listed.versions,
            key=inventory.key,
            releases=tuple(
                DestroyedRelease(release=number, id=commit_note(run.project, number), was=state)
                for number, state in inventory.releases
            ),
            inventory_sha256=inventory.sha256,
        ),
        looked_for=RemovalProof(
            listing=ListingProof(files_before=len(items_to_remove(run)), gone_after=count_gone_items(run)),
            reading="refused, now and at version 0",
            marks=search_terms.count_terms_by_kind(run.journal.terms),
            found_before=journal.control,
            found_after=journal.again,
            not_searched=tuple(_showable_place(run.zones, zone) for zone in search_terms.shared_zones(run.zones)),
        ),
        survivors=journal.survivors.asked,
        cannot_see=(*journal.survivors.unseen, *NOT_COVERED_BY_PROOF),
        steps=journal.events,
    )


def count_search(result: ByteSearchResult) -> SearchCounts:
    """Return a search in numbers."""
    return SearchCounts(
        marks=len(result.labels),
        where=dict(sorted(Counter(hit.kind for hit in result.hits).items())),
        files=result.files,
        bytes=result.bytes,
        not_decoded=len({path for path, _ in result.undecodable}),
    )


def items_to_remove(run: DestructionRun) -> list[InventoryItem]:
    """Return the files that must be gone before the certificate: all but the exact records, which go last."""
    exact_records = f"restricted/records/{run.project}"
    return [item for item in run.journal.inventory.items if item.place != exact_records]


def count_gone_items(run: DestructionRun) -> int:
    root = run.zones.root
    return sum(not anything_exists(root / item.place / item.path) for item in items_to_remove(run))


def remnant_message(what: str, where: str, do: str) -> str:
    """Describe something that is left of a project."""
    return describe_problem(
        "nothing of the project",
        example="an empty listing",
        found=what,
        where=where,
        do=f"{do}, then run destroy again: it goes on where it stopped",
    )


def survivor_message(survivor: Survivor) -> str:
    """Describe what the store still has of the project."""
    return describe_problem(
        "a store that keeps nothing of what was removed",
        example="no snapshot of the folder, an empty trash",
        found=f"it in a {survivor.kind}",
        where=survivor.place,
        do="Remove it by hand, or let the job do it: destroy … --survivors remove (of a snapshot all of it goes; what "
        "is locked or stands in another bucket the job cannot remove)",
    )


def silent_store_message(failure: OSError) -> str:
    """Describe that the store does not say what it keeps of the project."""
    return describe_problem(
        "a store that says what it keeps of removed files",
        example="versions, uploads in parts and replication of the bucket",
        found=f"one that refuses ({failure.strerror})",
        where="--root",
        do="Give the platform's user the right to list them, then run destroy again",
    )


def _describe_hits(run: DestructionRun, result: ByteSearchResult) -> list[str]:
    """Describe the places outside the project's own folders where a search term or a copy was found."""
    kinds = {term.label: term.kind for term in run.journal.terms}
    kind_of_path = {hit.path: kinds[hit.label] for hit in result.hits}
    for path in search_terms.find_data_file_copies(run.spark, run.zones, run.journal.inventory):
        kind_of_path[path] = "the content of a data file"
    own_folders = project_inventory.project_folders(run.zones, run.project)
    places = sorted(
        {
            # the name of a file could be a pseudonym
            (_showable_place(run.zones, path.parent if kind == search_terms.PUPIL_PSEUDONYM else path), kind)
            for path, kind in kind_of_path.items()
            if not any(path.is_relative_to(folder) for folder in own_folders)
        }
    )
    do = "Remove it, or the copy it is part of"
    problems = [remnant_message(kind, place, do) for place, kind in places[:MOST_PLACES_NAMED]]
    more = len(places) - MOST_PLACES_NAMED
    return [*problems, remnant_message(f"marks in {more} more files", "other places", do)] if more > 0 else problems


def _find_remaining_files(run: DestructionRun) -> list[str]:
    problems = []
    for folder in project_inventory.project_folders(run.zones, run.project):
        if count := project_inventory.count_remaining(folder):
            place = folder.relative_to(run.zones.root).as_posix()
            problems.append(remnant_message(f"{count} files or folders", f"{place}/", "Remove what holds them"))
    keys = run.environment.keys
    if key_exists(keys, run.project) or project_inventory.project_key_files(keys, run.project):
        problems.append(remnant_message("the project's key", "the key folder", "Correct the owner of the folder"))
    if not problems and count_gone_items(run) != len(items_to_remove(run)):
        problems.append(remnant_message("files of the inventory", "the storage root", "See what restored them"))
    return problems


def _find_readable_table(run: DestructionRun) -> list[str]:
    """Describe a table that a reader could still read, now or at version 0."""
    table = run.zones.published_table(run.project)
    if not table_exists(table) and not any(_can_read(run, table, version) for version in (None, 0)):
        return []
    return [remnant_message("a table that can be read", f"projects/{run.project}/", "Remove the folder")]


def _can_read(run: DestructionRun, table: StoragePath, version: int | None) -> bool:
    try:
        return can_read_table(run.spark, table, version)
    except TABLE_ERRORS:
        return False


def _showable_place(zones: StorageZones, path: StoragePath) -> str:
    """Name a place without a school's folder and without a path of this machine."""
    if not path.is_relative_to(zones.root):
        return "the scratch folders"
    relative = path.relative_to(zones.root)
    return "feedback/" if relative.parts[:1] == ("feedback",) else relative.as_posix()
