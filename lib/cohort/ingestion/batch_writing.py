"""The validated rows of a run written: accepted ones into the results, refused ones into the quarantine.

Called by `batch_intake`, once it is decided which files are taken in. Of a rejected file no row is written, of a pupil
with an objection in force neither an accepted nor a refused one. The rows stand in Parquet files of the scratch zone: a
file of which every row is accepted is copied as it is, and only the rows of the others are written anew. Nobody reads a
batch before the ledger has its lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.delta import count_batch_rows
from cohort.erasure import OBJECTED_COLUMN
from cohort.ingestion import row_validation, validated_rows
from cohort.ingestion.batch_validation import ValidatedBatch
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.validated_rows import SCRATCH_FILE, SOUND
from cohort.legal_basis import suppress_special_values
from cohort.results import LedgerEntry, append_copied_refusals, append_copied_rows, data_file_count, rows_of_deliveries
from cohort.storage import StoragePath, StorageZones, parquet_source, store_of


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
    copied, others = _divide_rows(validated, rows, sum(validated.counts[number].sound for number in taken))
    files = list(copied)
    if missing := total - sum(copied.values()):
        accepted = row_validation.select_accepted(others, batch).drop("batch")
        folder = validated.folder.with_name(f"{batch}-accepted")
        accepted.coalesce(data_file_count(spark, missing)).write.partitionBy("schooljaar").parquet(str(folder))
        files += _list_parquet_files(folder)
    if files:
        append_copied_rows(spark, zones, files, batch)
    if count_batch_rows(zones.results, [batch]) != total:
        raise AssertionError("the accepted rows that were written are not those that were counted")
    if any(entry.codes for entry in entries if entry.is_taken):
        refused = suppress_special_values(row_validation.name_sent_values(others), row_validation.RAW)
        quarantined = row_validation.select_quarantined(refused, batch).drop("batch")
        folder = validated.folder.with_name(f"{batch}-refused")
        quarantined.coalesce(1).write.parquet(str(folder))
        append_copied_refusals(spark, zones, _list_parquet_files(folder), batch)


def _divide_rows(validated: ValidatedBatch, rows: DataFrame, sound: int) -> tuple[dict[StoragePath, int], DataFrame]:
    """Divide the rows by their files in the scratch zone: an action where a sound row is not accepted.

    Args:
        rows: the rows of the files that are taken in, without those of objectors.
        sound: how many sound rows are accepted.

    Returns:
        The files of which every row is accepted, each with its rows, and the rows of all other files.
    """
    stored = {
        file: pq.read_metadata(parquet_source(file)).num_rows
        for file in validated_rows.list_sound_files(validated.folder)
    }
    if sound == sum(stored.values()):
        return stored, rows.where(~F.col(SOUND))
    accepted = rows.where(F.col(SOUND) & (F.col(CODES) == ""))
    by_file = accepted.groupBy(SCRATCH_FILE).agg(F.count(F.lit(1)).alias("rows")).collect()
    urls = {store_of(validated.folder).path_of_url(line[SCRATCH_FILE]): line for line in by_file}
    copied = {file: count for file, count in stored.items() if file in urls and urls[file]["rows"] == count}
    return copied, rows.where(~F.col(SCRATCH_FILE).isin([urls[file][SCRATCH_FILE] for file in copied]))


def _list_parquet_files(folder: StoragePath) -> Sequence[StoragePath]:
    return sorted(folder.rglob("*.parquet"))
