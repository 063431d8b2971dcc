"""What is kept no longer than `platform.toml` says: deliveries, results, refused rows, feedback."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterable

from pyspark.sql import SparkSession

from cohort import delta
from cohort.agreements.platform import Platform
from cohort.delivery_formats.delivered_file import DeliveredFile
from cohort.foundation import json_documents
from cohort.results import erasure_journal, results_store
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones


def apply_retention(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    known: Ledger,
    files: Iterable[DeliveredFile],
    now: dt.datetime,
) -> dict[str, int]:
    """Remove what is past its days.

    Takes: the ledger, this run's lines among them; the files found in this run. Only a file that the ledger
    knows goes: nobody's delivery is lost before it was looked at.
    Gives: how many deliveries, batches of quarantine and of results, feedback files and earlier states went.
    Refuses: a file that stays after a vacuum (exit code 16).
    """
    days = platform.retention_days
    return {
        "deliveries": _deliveries(known, files, now - dt.timedelta(days.deliveries)),
        "quarantine": _quarantine(spark, zones, known, now - dt.timedelta(days.quarantine)),
        "results": _results(spark, zones, known, now - dt.timedelta(days.results), now),
        "feedback": _feedback(zones, known, now - dt.timedelta(days.feedback)),
        "earlier_states": _earlier(zones, known, now - dt.timedelta(days.superseded)),
    }


def _when(line: LedgerEntry) -> dt.datetime:
    return dt.datetime.fromisoformat(line.received)


def _deliveries(known: Ledger, files: Iterable[DeliveredFile], until: dt.datetime) -> int:
    """Files whose every content was looked at long enough ago; of a container, all that is in it.

    What we could not read stays, however old: it was never looked at.
    """
    last: dict[str, dt.datetime] = {}
    for line in known.entries:
        for content in {line.sha256, line.container} - {None}:
            last[str(content)] = max(_when(line), last.get(str(content), _when(line)))
    found = {(file.container or file.sha256): file.origin for file in files if file.origin}
    past = {content for content, day in last.items() if day <= until} - known.unreadable_hashes
    gone = [path for content, path in found.items() if content in past]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _quarantine(spark: SparkSession, zones: StorageZones, known: Ledger, until: dt.datetime) -> int:
    past = {line.batch for line in known.entries if _when(line) <= until}
    return results_store.remove_batches(spark, zones.quarantine, past, "refused rows that are past their days")


def _results(spark: SparkSession, zones: StorageZones, known: Ledger, until: dt.datetime, now: dt.datetime) -> int:
    """Batches of results that are past their days, with the files that held them; counted as erased rows."""
    past = {line.batch for line in known.entries} - {line.batch for line in known.entries if _when(line) > until}
    there = [batch for batch in sorted(past) if (zones.results / f"batch={batch}").exists()]
    for batch in there:
        erasure_journal.erase_batch(spark, zones, known.batches, batch, now)
        shutil.rmtree(zones.results / f"batch={batch}", ignore_errors=True)
    return len(there)


def _feedback(zones: StorageZones, known: Ledger, until: dt.datetime) -> int:
    past = {f"{line.levering_nr}" for line in known.entries if _when(line) <= until}
    gone = [file for file in zones.school_feedback("").glob("*/*") if file.stem in past] if past else []
    for file in gone:
        file.unlink()
    return len(gone)


def _earlier(zones: StorageZones, known: Ledger, until: dt.datetime) -> int:
    """Data files that no current row needs, once the first row of them was taken away long enough ago."""
    mark = zones.exact_records / "vacuumed.json"
    through = int(json_documents.read_json_document(mark)["through"]) if mark.is_file() else 0
    moved = [e for e in known.entries if (e.replaced or e.withdrawn) and e.levering_nr > through]
    if not moved or min(map(_when, moved)) > until:
        return 0
    current = delta.list_current_names(zones.results)
    past = [file for file in zones.results.rglob("*.parquet") if file.name not in current]
    past = [file for file in past if "_delta_log" not in file.parts]
    if past:
        results_store.vacuum_restricted_table(zones.results, "an earlier state that is past its days")
    json_documents.write_json_document(mark, {"through": known.last_number})
    return len(past)
