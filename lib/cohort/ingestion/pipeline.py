"""Ingestion: schools' files become results, quarantine, ledger entries and feedback; only what is new, whole or not.

In go the files of `deliveries/`, out come rows in the restricted tables, one ledger entry per file, feedback per school
and the record of the run (counts only). Called by the job `ingest`. The order of writing is what makes a killed run
harmless: results and quarantine, the journal of what the batch supersedes, feedback, then the ledger: with its
entries the batch counts. Only then do superseded rows go. The next run removes what a killed run left of a batch
that does not count, and finishes the supersession of one that does.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import SparkSession

from cohort.delivery_formats import RecognitionContext
from cohort.delta import remove_folder, remove_unfinished_commits, table_exists, vacuum_table
from cohort.erasure import (
    check_stored_results,
    erase_expired_consent_values,
    erase_raw_files,
    find_leftover_files,
    leftover_exit_code,
    numbers_to_erase,
)
from cohort.foundation import EXIT_DEFECT, EXIT_DONE, DeliveriesRefused, ProgressWriter, describe_problem
from cohort.ingestion import (
    batch_intake,
    code_normalisation,
    completeness,
    discovery,
    feedback,
    file_accounting,
    number_change_application,
    run_marker,
    supersession_journal,
)
from cohort.ingestion.discovery import DiscoveredFiles
from cohort.ingestion.run_context import IngestionContext
from cohort.results import (
    Ledger,
    apply_retention,
    close_interrupted_erasure,
    create_results_tables,
    discard_batch,
    read_ledger,
    require_closed_accounts,
)
from cohort.storage import StoragePath, StorageZones, remove_tree

__all__ = ["IngestionContext", "ingest_deliveries"]

MOST_DELIVERIES = 2**18 - 1
"""The highest delivery number: it has 18 bits in a pupil's packed record."""


def ingest_deliveries(spark: SparkSession, context: IngestionContext, progress: ProgressWriter) -> dict[str, Any]:
    """Take in every file that was not taken in before.

    Returns:
        The record of the run: counts only.

    Raises:
        DeliveriesRefused: there is no folder of deliveries, or there are too many of them (exit code 11).
        ObjectionsRefused: a list would take away more than the platform allows (exit code 12).
    """
    zones = context.zones
    _require_deliveries_folder(zones)
    # 1. Open the tables; finish or remove what an interrupted run left.
    create_results_tables(spark, zones, context.platform.tables)
    previous = read_ledger(zones.ledger)
    was_completed = run_marker.begin_run(zones, previous)
    recover_interrupted_run(spark, zones, previous, was_completed=was_completed)
    # 2. Bring earlier results up to date: code lists, pupil numbers, consents, limits of objections.
    updates = _update_earlier_results(spark, context, previous, progress)
    try:
        # 3. Discover the files that are new.
        discovered = _discover_files(spark, context, previous, progress)
        # 4. Take them in as one batch, or nothing of them.
        entries = batch_intake.take_in_new_files(spark, context, previous, discovered.new_files, progress)
    finally:
        remove_tree(zones.scratch)
    current = Ledger((*previous.entries, *entries))
    require_closed_accounts(zones, current)
    # 5. Remove what is past its retention, and the raw files of pupils who object.
    removed = apply_retention(spark, zones, context.platform, current, discovered.files, context.now)
    removed["objected"] = _erase_raw_files(spark, context, current, discovered, every_file=not was_completed)
    progress(f"retention: {sum(removed.values())} things of the past removed")
    remove_folder(zones.scratch, where="restricted/work")  # what stayed of it would hold readable rows
    # 6. Name the schools that have not delivered.
    reported = entries if was_completed else [*previous.newest_entries, *entries]  # of the killed run, too
    missing = completeness.find_missing_schools(context.catalogue, current, reported)
    completeness.write_missing_schools(zones, missing)
    # 7. Report.
    leftovers = find_leftover_files(zones)
    run_marker.complete_run(zones, current)
    for sentence in (*_describe_unread_files(discovered), *leftovers):
        progress(sentence)
    return {
        **file_accounting.summarise_run(discovered, entries),
        **updates,
        "removed": removed,
        "missing": completeness.count_missing_schools(missing),
        "left_behind": leftovers,
        "exit_code": _exit_code(discovered, leftovers),
    }


def recover_interrupted_run(spark: SparkSession, zones: StorageZones, previous: Ledger, *, was_completed: bool) -> None:
    """Finish what a killed run had committed, and remove what it had not.

    Args:
        previous: the ledger of earlier runs.
        was_completed: whether the last run came to its end; only if not are the thousands of feedback folders
            searched for feedback on deliveries that do not count, and the tables for files of commits that never were.
    """
    remove_tree(zones.scratch)
    if not was_completed:
        feedback.sweep_uncounted_feedback(zones, previous.last_number)
    supersession_journal.carry_out_supersession(spark, zones, previous)
    discard_batch(spark, zones, previous.next_batch)
    close_interrupted_erasure(zones, previous.batches)
    if not was_completed:
        for table in (zones.results, zones.quarantine, zones.ledger):
            remove_unfinished_commits(table)
        if table_exists(zones.ledger):
            vacuum_table(zones.ledger)  # rows are only ever appended to it: nothing else removes those without a commit


def _require_deliveries_folder(zones: StorageZones) -> None:
    if not zones.deliveries.is_dir():
        raise _refuse_deliveries(
            "a folder of deliveries", "deliveries/99ZZ.csv", "no such folder", "Put the schools' files there"
        )


def _update_earlier_results(
    spark: SparkSession, context: IngestionContext, previous: Ledger, progress: ProgressWriter
) -> dict[str, Any]:
    """Apply new code lists, number changes and ended consents to earlier results; check the limits of objections.

    Returns:
        What the record of the run says of it.
    """
    zones, changes, lists = context.zones, context.changes, context.objections
    respelled = code_normalisation.normalise_stored_codes(spark, zones)
    renumbered = number_change_application.apply_number_changes(spark, zones, changes, previous, context.now)
    for remark in changes.remarks():
        progress(remark)
    erase_expired_consent_values(spark, zones, context.consents, empty=not previous.batches)
    check_stored_results(spark, zones, previous, lists, context.platform.objections, context.catalogue.domains())
    return {"renumbered": renumbered, "respelled": respelled, "changes_without_effect": len(changes.without_effect)}


def _discover_files(
    spark: SparkSession, context: IngestionContext, previous: Ledger, progress: ProgressWriter
) -> DiscoveredFiles:
    """Look at every file of the deliveries folder and number the new ones."""
    recognition = RecognitionContext(
        context.zones.deliveries,
        context.zones.scratch / "received",
        context.formats,
        context.platform.intake.containers.container_limits(),
        previous.settled_hashes,
        context.changes.newest_numbers,
    )
    discovered = discovery.discover_deliveries(spark, recognition, previous)
    progress(f"deliveries: {len(discovered.files)} files, {len(discovered.new_files)} new")
    if previous.last_number + len(discovered.new_files) > MOST_DELIVERIES:
        raise _refuse_deliveries(
            f"at most {MOST_DELIVERIES} deliveries", "18 years of them", "more", "Begin a new root"
        )
    return discovered


def _erase_raw_files(
    spark: SparkSession, context: IngestionContext, current: Ledger, discovered: DiscoveredFiles, *, every_file: bool
) -> int:
    """Remove the raw files that hold numbers of objectors.

    Args:
        every_file: look into every file, because the last run did not come to its end. A new objection or opt-in
            list does so, too; else only new files are looked into.
    """
    zones, lists = context.zones, context.objections
    numbers = numbers_to_erase(spark, zones, lists, context.catalogue.domains())
    searched: frozenset[StoragePath] | None = None
    if not (every_file or lists.new_objections or lists.new_opt_in_lists):
        searched = frozenset(file.origin for _, file in discovered.new_files if file.origin is not None)
    limits = context.platform.intake.containers.container_limits()
    return erase_raw_files(zones.deliveries, current, numbers, limits, searched, spark)


def _describe_unread_files(discovered: DiscoveredFiles) -> list[str]:
    """A sentence for each defect of the platform, and one for all files that the storage did not let us read."""
    sentences = [
        f"{number} files were left by a defect of the platform's ({defect}). They stay, and the next run tries "
        "them again."
        for defect, number in sorted(discovered.defects.items())
    ]
    if discovered.unreadable:
        sentences.append(
            describe_problem(
                "files and folders that the platform's user may read",
                example="mode 0600, its own",
                found=f"{discovered.unreadable} that it may not",
                where="deliveries/",
                do="Correct their rights, then run ingest again; they stay where they are",
            )
        )
    return sentences


def _exit_code(discovered: DiscoveredFiles, leftovers: list[str]) -> int:
    return max(
        EXIT_DEFECT if discovered.defects else EXIT_DONE,
        leftover_exit_code(leftovers),
        DeliveriesRefused.exit_code if discovered.unreadable else EXIT_DONE,
    )


def _refuse_deliveries(expected: str, example: str, actual: str, advice: str) -> DeliveriesRefused:
    return DeliveriesRefused(describe_problem(expected, example=example, found=actual, where="deliveries/", do=advice))
