"""The destruction of a project: everything of its own is removed, searched for again, and certified.

`destroy` calls it. Every step is journalled before the next begins, so that the next run resumes one that was
killed. The certificate is written only when nothing is left; only the journal is removed after it.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

from cohort.agreements import Environment, check_project_name
from cohort.delta import TABLE_ERRORS, purge_table, read_commits, table_exists
from cohort.destruction import project_inventory, removal_proof, search_terms
from cohort.destruction.destruction_documents import DestructionCertificate, JournalledInventory, JournalledSurvivors
from cohort.destruction.destruction_journal import DestructionJournal, DestructionRun
from cohort.destruction.project_inventory import ProjectInventory
from cohort.foundation import DestructionIncomplete, StateRefused, describe_problem
from cohort.keys import destroy_key
from cohort.release_records import (
    ReleaseState,
    certificate_path,
    destruction_journal_path,
    load_release_records,
    save_release_record,
)
from cohort.storage import (
    StoragePath,
    StorageZones,
    Store,
    SurvivorSearch,
    anything_exists,
    read_json_document,
    remove_tree,
    store_of,
    write_json_document,
)


@dataclass(frozen=True)
class StepOutcome:
    """What a step did, in words, and the keys of the journal that it sets."""

    words: str
    journal_changes: dict[str, Any] = field(default_factory=dict)


def plan_destruction(environment: Environment, project: str) -> ProjectInventory:
    """List what destruction would remove; nothing on disk changes.

    Raises:
        UsageRefused: the name cannot be a project's (exit code 2).
        StateRefused: the project never was, or is destroyed (exit code 15).
        DestructionIncomplete: a folder of it cannot be read in full (exit code 16).
    """
    check_project_name(project)
    return project_inventory.take_inventory(environment.zones, environment.keys, project)


def destroy_project(
    spark: SparkSession,
    environment: Environment,
    project: str,
    progress: Callable[[str], None],
    *,
    remove_survivors: bool = False,
) -> DestructionCertificate:
    """Remove a project, prove that nothing is left, and certify it; an earlier run that was killed is resumed.

    Args:
        spark: the session; its scratch folders are searched too.
        environment: the zones and keys; its operator is who confirmed the destruction.
        project: the project, whose lock the caller holds and whose name was confirmed.
        progress: receives one line per step.
        remove_survivors: whether what the store still has of removed files, as in snapshots and trash, is removed, too.

    Returns:
        The certificate, as it stands in `records/<project>/certificate.json`.

    Raises:
        UsageRefused, StateRefused: as `plan_destruction`.
        DestructionIncomplete: a search term is not found before the removal, or something is left after it (exit
            code 16). Then the journal stays, and the next run resumes.
    """
    check_project_name(project)
    zones = environment.zones
    certificate_file = certificate_path(zones, project)
    if certificate_file.exists() and _records_are_left(zones, project):
        certificate = DestructionCertificate.model_validate(read_json_document(certificate_file))
        remove_journal(zones, project, remove_survivors=remove_survivors)  # an earlier run was killed before its end
        return certificate
    run = DestructionRun(spark, environment, project, DestructionJournal(zones, project, environment.now), progress)
    run.journal.add_confirmation(environment.operator)
    if run.journal.document.control is None:
        _take_step(run, "listed", _list_project)
        _take_step(run, "marks found", _find_terms_before_removal)
    if run.journal.document.emptied is None:
        _take_step(run, "emptied", _empty_table)
    _take_step(run, "removed", _remove_folders)
    _take_step(run, "key destroyed", _destroy_key)
    if remove_survivors:
        _take_step(run, "survivors removed", _remove_project_survivors)
    _take_step(run, "survivors asked for", _ask_for_survivors)
    _take_step(run, removal_proof.SEARCH_STEP, _prove_removal)
    _take_step(run, "records closed", _close_records)
    certificate = removal_proof.make_certificate(run)
    write_json_document(certificate_file, certificate.model_dump(mode="json"), public=True)
    remove_journal(zones, project, remove_survivors=remove_survivors)
    progress(f"{project}: certified")
    return certificate


def remove_journal(zones: StorageZones, project: str, *, remove_survivors: bool = False) -> None:
    """Remove the journal with its folder, and on a store with versions those of it: the last step of a destruction.

    Raises:
        DestructionIncomplete: it cannot be removed, or the store keeps it (exit code 16).
    """
    folder, store = zones.exact_records / project, store_of(zones.root)
    remove_tree(folder)
    if project_inventory.count_remaining(folder):
        raise DestructionIncomplete(
            removal_proof.remnant_message("the journal", f"restricted/records/{project}/", "Correct its owner")
        )
    if store.keeps_versions:
        if remove_survivors:
            _remove_survivors(store, [folder])
        _refuse_survivors(_find_survivors(store, [folder]))


def _records_are_left(zones: StorageZones, project: str) -> bool:
    folder, store = zones.exact_records / project, store_of(zones.root)
    return anything_exists(folder) or (store.keeps_versions and bool(_find_survivors(store, [folder]).found))


def _take_step(run: DestructionRun, name: str, step: Callable[[DestructionRun], StepOutcome]) -> None:
    began = time.monotonic()
    outcome = step(run)
    run.journal.record_step(name, outcome.words, outcome.journal_changes)
    run.progress(f"{run.project}: {name}: {outcome.words} ({time.monotonic() - began:.1f} s)")


def _list_project(run: DestructionRun) -> StepOutcome:
    inventory = project_inventory.take_inventory(run.zones, run.environment.keys, run.project)
    table, versions = run.zones.published_table(run.project), 0
    try:
        if table_exists(table):
            versions = len(read_commits(table))
    except TABLE_ERRORS:
        pass  # a damaged table is destroyed like a sound one
    listed = JournalledInventory(
        items=tuple(item.row for item in inventory.items),
        key=inventory.key,
        releases=inventory.releases,
        versions=versions,
    )
    terms = tuple(term.to_journal() for term in search_terms.choose_search_terms(run.zones, inventory))
    words = f"{len(inventory.items)} files, {versions} versions"
    return StepOutcome(words, {"inventory": listed, "marks": terms})


def _find_terms_before_removal(run: DestructionRun) -> StepOutcome:
    """Prove that the search works: it finds every term while the project is still there."""
    terms = run.journal.terms
    result = search_terms.search_before_removal(run.zones, run.project, terms)
    missed = Counter(term.kind for term in terms if term.label not in result.labels)
    if missed:
        raise DestructionIncomplete(
            describe_problem(
                "to find every mark of the project before it is removed",
                example="each file's id in the log",
                found="no trace of " + ", ".join(f"{count} × {kind}" for kind, count in missed.items()),
                where=f"projects/{run.project}/ and staging/{run.project}/",
                do="Have the search repaired: nothing was removed, and without it nothing can be proved",
            )
        )
    return StepOutcome(f"{len(terms)} of {len(terms)}", {"control": removal_proof.count_search(result)})


def _empty_table(run: DestructionRun) -> StepOutcome:
    """Delete and vacuum the rows of the published table, before its folder is removed."""
    table = run.zones.published_table(run.project)
    try:
        if table.is_symlink() or not table_exists(table):
            words = "no table to empty"
        else:
            remaining = purge_table(table).remaining_files
            words = f"rows deleted, vacuumed, {remaining} data files left to remove"
    except TABLE_ERRORS:
        words = "a damaged table, left to remove"
    return StepOutcome(words, {"emptied": words})


def _remove_folders(run: DestructionRun) -> StepOutcome:
    for folder in project_inventory.project_folders(run.zones, run.project):
        remove_tree(folder)
    gone, files = removal_proof.count_gone_items(run), len(removal_proof.items_to_remove(run))
    return StepOutcome(f"{gone} of {files} files")


def _destroy_key(run: DestructionRun) -> StepOutcome:
    keys = run.environment.keys
    with contextlib.suppress(OSError):  # a key that stays is found by the proof
        destroy_key(keys, run.project)
    for file in project_inventory.project_key_files(keys, run.project):
        remove_tree(file)
    return StepOutcome("one" if run.journal.inventory.key else "there was none")


def _project_folders(run: DestructionRun) -> list[StoragePath]:
    return list(project_inventory.project_folders(run.zones, run.project))


def _remove_project_survivors(run: DestructionRun) -> StepOutcome:
    return StepOutcome(f"{_remove_survivors(store_of(run.zones.root), _project_folders(run))}")


def _remove_survivors(store: Store, folders: list[StoragePath]) -> int:
    """Remove what a store still has of removed folders; returns how much was tried."""
    tried = 0
    with contextlib.suppress(OSError):  # what stays, or cannot be asked for, is found by the next step
        for survivor in store.find_survivors(folders).found:
            tried += 1
            with contextlib.suppress(OSError):
                store.remove_survivor(survivor)
    return tried


def _ask_for_survivors(run: DestructionRun) -> StepOutcome:
    """Ask the store what it still has of the removed folders.

    Raises:
        DestructionIncomplete: everything that it has, or that it does not answer (exit code 16).
    """
    search = _find_survivors(store_of(run.zones.root), _project_folders(run))
    _refuse_survivors(search)
    document = JournalledSurvivors(asked=search.asked, unseen=search.unseen)
    return StepOutcome(", ".join(search.asked) or "this store shows none", {"survivors": document})


def _find_survivors(store: Store, folders: list[StoragePath]) -> SurvivorSearch:
    try:
        return store.find_survivors(folders)
    except OSError as failure:
        raise DestructionIncomplete(removal_proof.silent_store_message(failure)) from None


def _refuse_survivors(search: SurvivorSearch) -> None:
    if search.found:
        raise DestructionIncomplete(*map(removal_proof.survivor_message, search.found))


def _prove_removal(run: DestructionRun) -> StepOutcome:
    counts = removal_proof.prove_removal(run)
    return StepOutcome(f"nothing in {counts.files} files", {"again": counts})


def _close_records(run: DestructionRun) -> StepOutcome:
    """Mark every release DESTROYED in the open records, and remove the exact ones."""
    destroyed = ReleaseState.DESTROYED
    with contextlib.suppress(StateRefused):  # a record that cannot be read is removed with the others
        for record in load_release_records(run.zones, run.project):
            if record.state is not destroyed:  # it is after a run that was killed
                save_release_record(run.zones, record.moved(destroyed))
    public_records = run.zones.public_records / run.project
    for file in sorted(public_records.glob("*.json")):
        if file.stem.isdigit():
            content = {**read_json_document(file), "state": destroyed}
            write_json_document(file, content, public=True)
    for unfinished in public_records.glob(".*.new"):
        remove_tree(unfinished)
    journal = destruction_journal_path(run.zones, run.project)
    exact_records = [path for path in journal.parent.iterdir() if path != journal]
    for path in exact_records:
        remove_tree(path)
    if any(anything_exists(path) for path in exact_records):
        where = f"restricted/records/{run.project}/"
        raise DestructionIncomplete(removal_proof.remnant_message("exact records", where, "Correct their owner"))
    return StepOutcome(f"{len(run.journal.inventory.releases)} releases")
