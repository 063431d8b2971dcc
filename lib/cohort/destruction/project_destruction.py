"""The end of a project: everything of its own removed, looked for again, and certified.

Every step is written to a restricted journal before the next begins, so that a run that was killed is
taken up by the next one. The certificate comes last but for the journal, and only when nothing was found.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort import delta
from cohort.agreements.project import check_project_name
from cohort.destruction import inventory, proof, search_terms
from cohort.destruction.inventory import ProjectInventory
from cohort.destruction.journal import DestructionJournal, DestructionRun
from cohort.foundation import json_documents
from cohort.foundation.errors import DestructionIncomplete, describe_problem
from cohort.keys import project_keys
from cohort.release_records import record_store, release_states
from cohort.storage.zone_paths import StorageZones


def plan_destruction(zones: StorageZones, keys_folder: Path, project: str) -> ProjectInventory:
    """What destruction would remove; nothing on disk changes.

    Refuses: an impossible name (exit code 2), a project that never was or is destroyed (exit code 15),
    a place that cannot be read in full (exit code 16).
    """
    check_project_name(project)
    return inventory.take_inventory(zones, keys_folder, project)


def destroy_project(
    spark: SparkSession,
    zones: StorageZones,
    keys_folder: Path,
    project: str,
    *,
    who_confirmed: str,
    now: dt.datetime,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Remove a project, prove it and certify it; taken up where an earlier run ended.

    Takes: the project whose lock the caller holds and whose name was confirmed, by whom and when; what
    shows progress, a line a step.
    Gives: the certificate, as it stands in `records/<project>/certificate.json`.
    Refuses: what `plan` refuses; marks that are not found before anything is removed, and anything that
    is left afterwards (exit code 16). Then the journal stays and the next run goes on.
    """
    check_project_name(project)
    certified = release_states.certificate_path(zones, project)
    if certified.exists() and os.path.lexists(zones.exact_records / project):
        _end_journal(zones, project)  # an earlier run was killed between these two
        return json_documents.read_json_document(certified)
    run = DestructionRun(spark, zones, keys_folder, project, DestructionJournal(zones, project, now), progress)
    run.journal.confirm(who_confirmed)
    if "control" not in run.journal.content:
        _step(run, "listed", _list)
        _step(run, "marks found", _find_before)
    if "emptied" not in run.journal.content:
        _step(run, "emptied", _empty)
    _step(run, "removed", _remove)
    _step(run, "key destroyed", _forget)
    _step(run, "looked again", proof.prove_removal)
    _step(run, "records closed", _close_records)
    certificate = proof.make_certificate(run)
    json_documents.write_json_document(certified, certificate, public=True)
    _end_journal(zones, project)
    progress(f"{project}: certified")
    return certificate


def _step(run: DestructionRun, name: str, do: Callable[[DestructionRun], tuple[str, dict[str, Any]]]) -> None:
    began = time.monotonic()
    what, facts = do(run)
    run.journal.note(name, what, **facts)
    run.progress(f"{run.project}: {name}: {what} ({time.monotonic() - began:.1f} s)")


def _list(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    found = inventory.take_inventory(run.zones, run.keys, run.project)
    table, versions = run.zones.published_table(run.project), 0
    try:
        if delta.table_exists(table):
            versions = len(delta.read_commits(table))
    except delta.TABLE_ERRORS:
        pass  # a damaged table is destroyed like a sound one
    listed = {
        "items": [[i.place, i.path, i.bytes, i.sha256] for i in found.items],
        "key": found.key,
        "releases": found.releases,
        "versions": versions,
    }
    return f"{len(found.items)} files, {versions} versions", {
        "inventory": listed,
        "marks": [mark.journalled() for mark in search_terms.choose_search_terms(run.zones, found)],
    }


def _find_before(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    chosen = run.journal.marks
    hits = search_terms.search_before_removal(run.zones, run.project, chosen)
    missed = Counter(mark.kind for mark in chosen if mark.label not in hits.labels)
    if missed:
        raise DestructionIncomplete(
            describe_problem(
                "to find every mark of the project before it is removed",
                example="each file's id in the log",
                found="no trace of " + ", ".join(f"{n} × {kind}" for kind, n in missed.items()),
                where=f"projects/{run.project}/ and staging/{run.project}/",
                do="Have the search repaired: nothing was removed, and without it nothing can be proved",
            )
        )
    return f"{len(chosen)} of {len(chosen)}", {"control": proof.count_search(hits)}


def _empty(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    table = run.zones.published_table(run.project)
    try:
        if table.is_symlink() or not delta.table_exists(table):
            what = "no table to empty"
        else:
            behind = delta.purge_table(table).remaining_files
            what = f"rows deleted, vacuumed, {behind} data files left to remove"
    except delta.TABLE_ERRORS:
        what = "a damaged table, left to remove"
    return what, {"emptied": what}


def _remove(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    for place in inventory.project_folders(run.zones, run.project):
        inventory.remove_tree(place)
    return f"{proof.count_gone_items(run)} of {len(proof.items_to_remove(run))} files", {}


def _forget(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    with contextlib.suppress(OSError):  # what stays is found by the second look
        project_keys.destroy_key(run.keys, run.project)
    for file in inventory.project_key_files(run.keys, run.project):
        inventory.remove_tree(file)
    return "one" if run.journal.inventory.key else "there was none", {}


def _close_records(run: DestructionRun) -> tuple[str, dict[str, Any]]:
    """Every release becomes DESTROYED in the open records; the exact ones go."""
    for record in record_store.load_release_records(run.zones, run.project):
        if record.state is not release_states.ReleaseState.DESTROYED:  # by a run that was killed
            record_store.save_release_record(run.zones, record.moved(release_states.ReleaseState.DESTROYED))
    shown = run.zones.public_records / run.project
    for file in sorted(shown.glob("*.json")):
        if file.stem.isdigit():
            told = {**json_documents.read_json_document(file), "state": release_states.ReleaseState.DESTROYED}
            json_documents.write_json_document(file, told, public=True)
    for fresh in shown.glob(".*.new"):
        inventory.remove_tree(fresh)
    journal = release_states.destruction_journal_path(run.zones, run.project)
    exact = [path for path in journal.parent.iterdir() if path != journal]
    for path in exact:
        inventory.remove_tree(path)
    if any(os.path.lexists(path) for path in exact):
        raise DestructionIncomplete(
            proof.remnant_message("exact records", f"restricted/records/{run.project}/", "Correct their owner")
        )
    return f"{len(run.journal.inventory.releases)} releases", {}


def _end_journal(zones: StorageZones, project: str) -> None:
    folder = zones.exact_records / project
    inventory.remove_tree(folder)
    if inventory.count_remaining(folder):
        raise DestructionIncomplete(
            proof.remnant_message("the journal", f"restricted/records/{project}/", "Correct its owner")
        )
