"""Intake of one batch: the new files of a run validated, written, journalled, reported and entered in the ledger.

In go the new files, out come their ledger entries; called by `pipeline`. With the ledger's entries the batch counts;
what is written before is removed by the next run if this one is killed.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from cohort.delivery_formats import ROW_BROKEN, DeliveredFile, DeliveryKind
from cohort.erasure import erase_broken_lines, listed_pupils
from cohort.foundation import ProgressWriter
from cohort.ingestion import batch_validation, batch_writing, feedback, supersession_journal, volume_anomalies
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.feedback_document import FeedbackDetails
from cohort.ingestion.file_accounting import FileCounts, FileDecisions
from cohort.ingestion.line_numbers import LineNumbers
from cohort.ingestion.run_context import IngestionContext
from cohort.legal_basis import record_objections
from cohort.results import OPT_IN_LIST_OLDER, Ledger, LedgerEntry, append_to_ledger, discard_batch_on_refusal

KINDS_WITHOUT_ROWS = (DeliveryKind.ROSTER, DeliveryKind.REPEATED)


def take_in_new_files(
    spark: SparkSession,
    context: IngestionContext,
    previous: Ledger,
    new_files: tuple[NumberedFile, ...],
    progress: ProgressWriter,
) -> list[LedgerEntry]:
    """Take in the new files as one batch; of a batch that is refused nothing stays.

    Args:
        previous: the ledger of earlier runs.
        new_files: the new files with their delivery numbers.

    Returns:
        The ledger entries of this run, by delivery number; none where nothing new is to be said of any file.
    """
    zones = context.zones
    decisions = FileDecisions(
        previous.next_batch,
        context.now,
        context.platform.intake.max_refused_share,
        context.catalogue.schools,
        context.schools_awaiting_list,
    )
    with discard_batch_on_refusal(spark, zones, decisions.batch):
        # 1. Validate the rows and write them into results and quarantine.
        read_entries, lines = _take_in_rows(spark, context, decisions, previous, new_files, progress)
        entries = sorted(
            [*_entries_without_rows(decisions, new_files), *read_entries], key=lambda entry: entry.levering_nr
        )
        if not entries:
            record_objections(zones.restricted, context.objections)
            return []
        # 2. Journal what the batch supersedes.
        entries = supersession_journal.journal_superseded_rows(spark, context, previous, entries, decisions.batch)
        entries = volume_anomalies.add_volume_warnings(entries, previous)
        # 3. Write the feedback to schools.
        _write_feedback(context, previous, entries, dict(new_files), lines)
        progress(f"feedback: {len(entries)} files")
        # 4. Write the ledger: with its entries the batch counts.
        append_to_ledger(spark, zones.ledger, entries, context.platform.tables)
        # 5. Remove the superseded rows.
        supersession_journal.carry_out_supersession(spark, zones, Ledger((*previous.entries, *entries)))
    return entries


def _take_in_rows(
    spark: SparkSession,
    context: IngestionContext,
    decisions: FileDecisions,
    previous: Ledger,
    new_files: tuple[NumberedFile, ...],
    progress: ProgressWriter,
) -> tuple[list[LedgerEntry], LineNumbers]:
    """Validate the rows of the readable files, decide about each file, write the rows of those taken in."""
    readable = [
        (n, file) for n, file in new_files if not file.rejection and file.delivery_kind not in KINDS_WITHOUT_ROWS
    ]
    if not readable:
        return [], {}
    validated = batch_validation.validate_batch(spark, context, previous, readable, decisions.batch)
    entries = [
        decisions.decide_file(n, file, validated.counts.get(n, FileCounts()), validated.warnings.get(n, {}))
        for n, file in readable
    ]
    entries = [entry for entry in entries if not _waits_as_before(entry, previous)]
    if entries:
        refused = sum(entry.quarantined for entry in entries)
        progress(f"quality: {sum(entry.delivered for entry in entries)} rows, {refused} refused")
        batch_writing.write_batch(spark, context.zones, validated, entries, decisions.batch)
        if any(_may_hide_a_number(code) for entry in entries if entry.is_taken for code in entry.codes):
            listed = listed_pupils(spark, context.objections)
            erase_broken_lines(spark, context.zones, listed)
        progress(f"results: {sum(entry.accepted for entry in entries)} rows accepted")
    return entries, validated.lines


def _may_hide_a_number(code: str) -> bool:
    """Whether a row refused for this reason has no pupil number of its own, but may have one in another cell."""
    return code == ROW_BROKEN or code.startswith(("PGN_", "PUPIL_"))


def _waits_as_before(entry: LedgerEntry, previous: Ledger) -> bool:
    """Whether a file waits for a newer opt-in list of its school, and an earlier run said so."""
    older = OPT_IN_LIST_OLDER
    return entry.reason == older and previous.retryable_reasons.get(entry.sha256) == older


def _entries_without_rows(decisions: FileDecisions, new_files: tuple[NumberedFile, ...]) -> list[LedgerEntry]:
    """The ledger entries of files that could not be read, of rosters and of containers that repeat others."""
    rejected = [decisions.reject_file(n, file, file.rejection) for n, file in new_files if file.rejection]
    others = [(n, file) for n, file in new_files if not file.rejection and file.delivery_kind in KINDS_WITHOUT_ROWS]
    return [*rejected, *(decisions.take_file_without_rows(n, file) for n, file in others)]


def _write_feedback(
    context: IngestionContext,
    previous: Ledger,
    entries: list[LedgerEntry],
    files: dict[int, DeliveredFile],
    lines: LineNumbers,
) -> None:
    missing_columns = volume_anomalies.find_missing_columns(entries, previous)
    for entry in entries:
        file = files[entry.levering_nr]
        faults = lines.get(entry.levering_nr, {})
        if file.rejection and file.rejected_lines:
            faults = {file.rejection: list(file.rejected_lines)}
        details = FeedbackDetails(
            faults,
            file.header_difference,
            file.joined_counts,
            file.unread_columns,
            missing_columns.get(entry.levering_nr, ()),
        )
        feedback.write_feedback(context.zones, entry, details, context.platform.intake.max_refused_share)
