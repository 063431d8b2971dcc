"""Retention: what is older than `platform.toml` allows is removed from deliveries, results, quarantine and feedback.

Called at the end of every run of intake. In go the ledger and the files of this run, out come counts of what was
removed. Nothing is removed that the ledger does not know: no delivery is lost before it was read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from pyspark.sql import SparkSession

from cohort.agreements import Platform
from cohort.delivery_formats import DeliveredFile
from cohort.delta import list_current_paths
from cohort.results import erasure_journal, results_store
from cohort.results.ledger import Ledger
from cohort.storage import StorageZones, read_json_document, remove_tree, write_json_document


def apply_retention(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    ledger: Ledger,
    files: Iterable[DeliveredFile],
    now: dt.datetime,
) -> dict[str, int]:
    """Remove what is older than its retention in days.

    Args:
        ledger: the ledger with the entries of this run.
        files: every file that this run found in the deliveries folder.

    Returns:
        How many deliveries, batches of quarantine, batches of results, feedback files and superseded data files
        were removed.

    Raises:
        DestructionIncomplete: a file stays after a vacuum (exit code 16).
    """
    days = platform.retention_days
    return {
        "deliveries": remove_expired_deliveries(ledger, files, now - dt.timedelta(days.deliveries)),
        "quarantine": _remove_quarantine(spark, zones, ledger, now - dt.timedelta(days.quarantine)),
        "results": _remove_results(spark, zones, ledger, now - dt.timedelta(days.results), now),
        "feedback": _remove_feedback(zones, ledger, now - dt.timedelta(days.feedback)),
        "earlier_states": _remove_superseded_files(zones, ledger, now - dt.timedelta(days.superseded)),
    }


def remove_expired_deliveries(ledger: Ledger, files: Iterable[DeliveredFile], until: dt.datetime) -> int:
    """Remove files whose every content was last handled by a run before `until`; an archive, when all its members were.

    What could not be read stays, however old: nobody has looked at it yet.
    """
    last_handled: dict[str, dt.datetime] = {}
    for entry in ledger.entries:
        for content in filter(None, {entry.sha256, entry.container}):
            last_handled[content] = max(entry.received_at, last_handled.get(content, entry.received_at))
    expired = {content for content, handled in last_handled.items() if handled <= until} - ledger.unreadable_hashes
    origins = {(file.container or file.sha256): file.origin for file in files if file.origin}
    removed = [path for content, path in origins.items() if content in expired]
    for path in removed:
        path.unlink(missing_ok=True)
    return len(removed)


def _remove_quarantine(spark: SparkSession, zones: StorageZones, ledger: Ledger, until: dt.datetime) -> int:
    expired = {entry.batch for entry in ledger.entries if entry.received_at <= until}
    return results_store.remove_batches(spark, zones.quarantine, expired, "refused rows that are past their days")


def _remove_results(
    spark: SparkSession, zones: StorageZones, ledger: Ledger, until: dt.datetime, now: dt.datetime
) -> int:
    """Remove batches of results and the files that held them; their rows count as erased."""
    kept = {entry.batch for entry in ledger.entries if entry.received_at > until}
    expired = [batch for batch in ledger.batches if batch not in kept]
    existing = [batch for batch in expired if (zones.results / f"batch={batch}").exists()]
    for batch in existing:
        erasure_journal.erase_batch(spark, zones, ledger.batches, batch, now)
        remove_tree(zones.results / f"batch={batch}")
    return len(existing)


def _remove_feedback(zones: StorageZones, ledger: Ledger, until: dt.datetime) -> int:
    expired = {f"{entry.levering_nr}" for entry in ledger.entries if entry.received_at <= until}
    removed = [file for file in zones.school_feedback("").glob("*/*") if file.stem in expired] if expired else []
    for file in removed:
        file.unlink()
    return len(removed)


def _remove_superseded_files(zones: StorageZones, ledger: Ledger, until: dt.datetime) -> int:
    """Remove data files that only earlier versions of the results need, once the oldest supersession is old enough."""
    mark = zones.exact_records / "vacuumed.json"
    vacuumed_through = int(read_json_document(mark)["through"]) if mark.is_file() else 0
    superseding = [
        entry
        for entry in ledger.entries
        if (entry.replaced or entry.withdrawn) and entry.levering_nr > vacuumed_through
    ]
    if not superseding or min(entry.received_at for entry in superseding) > until:
        return 0
    current = list_current_paths(zones.results)
    data_files = (file.relative_to(zones.results) for file in zones.results.rglob("*.parquet"))
    superseded = [file for file in data_files if "_delta_log" not in file.parts and file not in current]
    if superseded:
        results_store.vacuum_restricted_table(zones.results, "an earlier state that is past its days")
    write_json_document(mark, {"through": ledger.last_number})
    return len(superseded)
