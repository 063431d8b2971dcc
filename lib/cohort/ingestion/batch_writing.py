"""The validated rows of a run written: accepted ones into the results, refused ones into the quarantine.

Called by `batch_intake`, once it is decided which files are taken in. Of a rejected file no row is written, of a pupil
with an objection in force neither an accepted nor a refused one. Nobody reads a batch before the ledger has its
lines.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset as ds
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.delta import append_rows, count_batch_rows, replace_batch
from cohort.erasure import OBJECTED_COLUMN
from cohort.ingestion import row_validation, validated_rows
from cohort.ingestion.batch_validation import ValidatedBatch
from cohort.ingestion.validated_rows import SOUND
from cohort.legal_basis import suppress_special_values
from cohort.results import LedgerEntry, append_copied_rows, data_file_count, rows_of_deliveries
from cohort.storage import StorageZones


def write_batch(
    spark: SparkSession, zones: StorageZones, validated: ValidatedBatch, entries: list[LedgerEntry], batch: int
) -> None:
    """Write the rows of the files that are taken in.

    Args:
        entries: the ledger entries of the readable files.
        batch: the number of the batch; nothing stands under it yet.
    """
    taken = {entry.levering_nr for entry in entries if entry.is_taken}
    rows = validated.rows.where(F.col(OBJECTED_COLUMN).isNull())
    if taken != validated.counts.keys():
        rows = rows_of_deliveries(rows, taken)
    total = sum(entry.accepted for entry in entries)
    if total:
        _write_accepted_rows(spark, zones, rows, validated.folder, total, batch)
    if any(entry.codes for entry in entries if entry.is_taken):
        refused = row_validation.name_sent_values(rows)
        refused = suppress_special_values(refused, row_validation.RAW)
        quarantined = row_validation.select_quarantined(refused, batch)
        replace_batch(quarantined.coalesce(1), zones.quarantine, batch)


def _write_accepted_rows(
    spark: SparkSession, zones: StorageZones, rows: DataFrame, folder: Path, total: int, batch: int
) -> None:
    """Write the accepted rows: by copying columns of the batch where every sound row is accepted."""
    sound_files = validated_rows.list_sound_files(folder)
    if total == ds.dataset([str(file) for file in sound_files]).count_rows():
        append_copied_rows(spark, zones, sound_files, batch)
    else:
        accepted = row_validation.select_accepted(rows.where(SOUND), batch)
        files = data_file_count(spark, total)
        append_rows(accepted.coalesce(files), zones.results, f"batch {batch}")
    if count_batch_rows(zones.results, [batch]) != total:
        raise AssertionError("the accepted rows that were written are not those that were counted")
