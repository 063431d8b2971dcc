"""Schools' files → results, quarantine, ledger and feedback: only what is new, whole files or nothing.

Order of writing: results and quarantine, what the batch takes away of earlier ones written down, feedback,
and the ledger: with its lines the batch counts. Then what it replaces goes. What a killed run left of its
batch goes before the next one begins; what it had not yet taken away goes then, too.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort import delta
from cohort.delivery_formats.delivered_file import DeliveryKind
from cohort.delivery_formats.file_recognition import RecognitionContext
from cohort.delivery_formats.row_reason_codes import ROW_BROKEN
from cohort.erasure import (
    consent_expiry,
    excluded_numbers,
    excluded_pupils,
    impact_limits,
    leftover_files,
    raw_file_erasure,
    row_erasure,
)
from cohort.foundation.errors import EXIT_DEFECT, EXIT_DONE, DeliveriesRefused, describe_problem
from cohort.ingestion import (
    batch_finalise,
    code_normalisation,
    completeness,
    discovery,
    feedback,
    file_accounting,
    line_pass,
    number_change_application,
    run_marker,
    supersession_journal,
    validation_pipeline,
    volume_anomalies,
)
from cohort.ingestion.discovery import DiscoveredFiles, NumberedFile
from cohort.ingestion.file_accounting import IntakeRun
from cohort.ingestion.run_context import IngestionContext, Progress
from cohort.legal_basis import objections
from cohort.legal_basis.objections import Objections
from cohort.results import erasure_journal, ledger, results_store, retention
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones

__all__ = ["IngestionContext", "Progress", "ingest_deliveries"]

MOST_DELIVERIES = 2**18 - 1
"""What the number of a delivery may be: it has 18 bits in a pupil's packed record."""
KINDS_WITHOUT_ROWS = (DeliveryKind.ROSTER, DeliveryKind.REPEATED)


def ingest_deliveries(spark: SparkSession, intake: IngestionContext, progress: Progress) -> dict[str, Any]:
    """Take in every file that was not taken in before.

    Gives: the record of the run, counts only.
    Refuses: no folder of deliveries (exit code 11).
    """
    zones, holds = intake.zones, intake.platform
    if not zones.deliveries.is_dir():
        raise _refused(
            "a folder of deliveries", "deliveries/99ZZ.csv", "no such folder", "Put the schools' files there"
        )
    results_store.create_results_tables(spark, zones, holds.tables)
    known = ledger.read_ledger(zones.ledger)
    ended = run_marker.begin_run(zones, known)
    sweep_interrupted_run(spark, zones, known, ended=ended)
    respelled = code_normalisation.normalise_stored_codes(spark, zones)
    renumbered = number_change_application.apply_number_changes(spark, zones, intake.changes, known, intake.now)
    for remark in intake.changes.remarks():
        progress(remark)
    consent_expiry.erase_expired_consent_values(spark, zones, intake.consents, empty=not known.batches)
    domains, lists = intake.catalogue.domains(), intake.objections
    if known.batches and lists.lists:
        impact_limits.check_impact_limits(
            results_store.read_current_results(spark, zones, known.batches), lists, holds.objections, domains
        )
    limits = holds.intake.containers.container_limits()
    desk = RecognitionContext(
        zones.deliveries,
        zones.scratch / "received",
        intake.formats,
        limits,
        known.settled_hashes,
        intake.changes.newest_numbers,
    )
    try:
        received = discovery.discover_deliveries(spark, desk, known)
        progress(f"deliveries: {len(received.files)} files, {len(received.new_files)} new")
        if known.last_number + len(received.new_files) > MOST_DELIVERIES:
            raise _refused(f"at most {MOST_DELIVERIES} deliveries", "18 years of them", "more", "Begin a new root")
        share, listed = holds.intake.max_refused_share, intake.catalogue.schools
        run = IntakeRun(known.next_batch, intake.now, share, listed, intake.schools_awaiting_list)
        with results_store.discard_batch_on_refusal(spark, zones, run.batch):
            entries = _take_in(spark, intake, run, received.new_files, known, progress) if received.new_files else []
        if not entries:
            objections.record_objections(zones.restricted, lists)
    finally:
        shutil.rmtree(zones.scratch, ignore_errors=True)
    after = Ledger((*known.entries, *entries))
    results_store.require_closed_accounts(zones, after)
    gone = retention.apply_retention(spark, zones, holds, after, received.files, intake.now)
    sought = excluded_numbers.numbers_to_erase(spark, zones, lists, domains)
    among = _new(received, lists) if ended else None
    gone["objected"] = raw_file_erasure.erase_raw_files(zones.deliveries, after, sought, limits, among)
    progress(f"retention: {sum(gone.values())} things of the past removed")
    delta.remove_folder(zones.scratch, where="restricted/work")  # of what stays the rows could be read
    told = completeness.find_missing_schools(intake.catalogue, after, entries)
    completeness.write_missing_schools(zones, told)
    left_behind = leftover_files.find_leftover_files(zones)
    run_marker.complete_run(zones, after)
    for sentence in (*_not_looked_at(received), *left_behind):
        progress(sentence)
    return {
        **file_accounting.summarise_run(received, entries),
        "renumbered": renumbered,
        "respelled": respelled,
        "changes_without_effect": len(intake.changes.without_effect),
        "removed": gone,
        "missing": completeness.count_missing_schools(told),
        "left_behind": left_behind,
        "exit_code": max(
            EXIT_DEFECT if received.defects else EXIT_DONE,
            leftover_files.leftover_exit_code(left_behind),
            DeliveriesRefused.exit_code if received.unreadable else EXIT_DONE,
        ),
    }


def _not_looked_at(received: DiscoveredFiles) -> list[str]:
    """A sentence for all files that the storage did not let us read, and for each defect of ours."""
    told = [
        f"{number} files were left by a defect of the platform's ({what}). They stay, and the next run tries "
        "them again."
        for what, number in sorted(received.defects.items())
    ]
    if received.unreadable:
        told.append(
            describe_problem(
                "files and folders that the platform's user may read",
                example="mode 0600, its own",
                found=f"{received.unreadable} that it may not",
                where="deliveries/",
                do="Correct their rights, then run ingest again; they stay where they are",
            )
        )
    return told


def sweep_interrupted_run(spark: SparkSession, zones: StorageZones, known: Ledger, *, ended: bool) -> None:
    """Finish or remove what a killed intake left: what its batch takes away if that counts, else its rows.

    Takes: whether the last run came to its end; only else are the schools' thousands of folders looked into.
    """
    shutil.rmtree(zones.scratch, ignore_errors=True)
    if not ended:
        feedback.sweep_uncounted_feedback(zones, known.last_number)
    supersession_journal.carry_out_supersession(spark, zones, known)
    results_store.discard_batch(spark, zones, known.next_batch)
    erasure_journal.close_interrupted_erasure(zones, known.batches)


def _take_in(
    spark: SparkSession,
    intake: IngestionContext,
    run: IntakeRun,
    new: tuple[NumberedFile, ...],
    known: Ledger,
    progress: Progress,
) -> list[LedgerEntry]:
    readable = [(n, f) for n, f in new if not f.rejection and f.delivery_kind not in KINDS_WITHOUT_ROWS]
    entries = [run.rejected_entry(n, f, f.rejection) for n, f in new if f.rejection]
    entries += [run.rowless_entry(n, f) for n, f in new if f.delivery_kind in KINDS_WITHOUT_ROWS and not f.rejection]
    lines: line_pass.Lines = {}
    if readable:
        judged = validation_pipeline.judge(spark, intake, readable, known, run.batch)
        counts, told = judged.counts, judged.warnings
        found = [
            run.read_entry(n, f, counts.get(n, file_accounting.FileCounts()), told.get(n, {})) for n, f in readable
        ]
        found = [
            e
            for e in found
            if e.reason != ledger.OPT_IN_LIST_OLDER or known.retryable_reasons.get(e.sha256) != ledger.OPT_IN_LIST_OLDER
        ]
        if not found and not entries:
            results_store.discard_batch(spark, intake.zones, run.batch)
            return []
        refused = sum(entry.quarantined for entry in found)
        progress(f"quality: {sum(entry.delivered for entry in found)} rows, {refused} refused")
        batch_finalise.settle(spark, judged, intake, found, run.batch)
        if any(ROW_BROKEN in entry.codes for entry in found if entry.is_taken):
            row_erasure.erase_broken_lines(spark, intake.zones, excluded_pupils.listed_pupils(spark, intake.objections))
        progress(f"results: {sum(e.accepted for e in found)} rows accepted")
        lines = judged.lines
        entries += found
    entries = sorted(entries, key=lambda entry: entry.levering_nr)
    entries = supersession_journal.journal_superseded_rows(spark, intake, known, entries, run.batch)
    entries = volume_anomalies.add_volume_warnings(entries, known)
    lines |= {n: {f.rejection: list(f.rejected_lines)} for n, f in new if f.rejection and f.rejected_lines}
    gone, files = volume_anomalies.find_missing_columns(entries, known), dict(new)
    for entry in entries:
        where, file = lines.get(entry.levering_nr, {}), files[entry.levering_nr]
        feedback.write_feedback(
            intake.zones,
            entry,
            where,
            run.max_refused_share,
            file.header_difference,
            file.joined_counts,
            file.unread_columns,
            gone.get(entry.levering_nr, ()),
        )
    progress(f"feedback: {len(entries)} files")
    ledger.append_to_ledger(spark, intake.zones.ledger, entries, intake.platform.tables)
    supersession_journal.carry_out_supersession(spark, intake.zones, Ledger((*known.entries, *entries)))
    return entries


def _new(received: DiscoveredFiles, lists: Objections) -> frozenset[Path] | None:
    """The files to look into for numbers of objectors; all of them where a list says something new."""
    if lists.new_objections or lists.new_opt_in_lists:
        return None
    return frozenset(file.origin for _, file in received.new_files if file.origin is not None)


def _refused(what: str, example: str, found: str, do: str) -> DeliveriesRefused:
    return DeliveriesRefused(describe_problem(what, example=example, found=found, where="deliveries/", do=do))
