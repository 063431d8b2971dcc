"""Rows of excluded pupils taken out of results and quarantine, and the files that held them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.delivery_formats.row_reason_codes import ROW_BROKEN
from cohort.erasure import excluded_pupils
from cohort.foundation import identifiers
from cohort.legal_basis import opt_in_lists
from cohort.legal_basis.objections import Objections
from cohort.results import current_results, erasure_journal, ledger
from cohort.states.schemas import CANONICAL_COLUMNS
from cohort.storage.zone_paths import StorageZones


def erase_excluded_rows(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    catalogue: Catalogue,
    lists: Objections,
    now: dt.datetime,
) -> dict[str, int]:
    """Take the barred rows out of results and quarantine, and the files that held them."""
    batches = ledger.read_counted_batches(zones.ledger)
    erasure_journal.close_interrupted_erasure(zones, batches)
    results = current_results.read_current_results(spark, zones, batches)
    erasure_journal.vacuum_marked_table(zones)
    domains = catalogue.domains()
    if lists.opt_in_lists:
        left = excluded_pupils.pupils_without_opt_in(lists, results, domains)
        opt_in_lists.record_unlisted_pupils(results, left, lists.opt_in_lists, zones.opt_in_exclusions, platform.tables)
    keys = excluded_pupils.find_excluded_pupils(lists, results, domains).persist()
    try:
        hit = excluded_pupils.is_excluded(F.col("domein"), F.col(excluded_pupils.EXCLUDED_SCOPES))
        erased = results.join(F.broadcast(keys), "pgn").where(hit).count()
        if erased:
            with erasure_journal.journal_erasure(
                zones, now, "objections", delta.count_batch_rows(zones.results, batches), erased
            ):
                _remove(spark, zones, zones.results, keys, F.col("t.domein"))
        refused = _quarantined(spark, zones, catalogue, keys)
    finally:
        keys.unpersist()
    return {"results": erased, "quarantine": refused}


def _quarantined(spark: SparkSession, zones: StorageZones, catalogue: Catalogue, keys: DataFrame) -> int:
    """Refused rows of barred pupils; of a line that is no row, whatever stands anywhere in it counts."""
    rows = delta.read_table(spark, zones.quarantine)
    domain = excluded_pupils.domain_of_test_code(F.col("row.toetscode"), catalogue)
    hit = excluded_pupils.is_excluded(domain, F.col(excluded_pupils.EXCLUDED_SCOPES))
    found = rows.join(F.broadcast(keys), "pgn").where(hit).count()
    if found:
        inside = excluded_pupils.domain_of_test_code(F.col("t.row.toetscode"), catalogue)
        _remove(spark, zones, zones.quarantine, keys, inside)
    return found + erase_broken_lines(spark, zones, keys)


def erase_broken_lines(spark: SparkSession, zones: StorageZones, keys: DataFrame) -> int:
    """Take refused lines that are no rows out of quarantine where one of these numbers stands in them."""
    rows = delta.read_table(spark, zones.quarantine)
    listed = F.broadcast(keys.select(F.col("pgn").alias("_number")))
    whole = _broken(rows).join(listed, "_number", "left_semi").select(*rows.columns).distinct()
    gone = whole.count()
    if gone:
        erasure_journal.mark_for_vacuum(zones, zones.quarantine)
        delta.delete_equal_rows(spark, zones.quarantine, whole)
        erasure_journal.vacuum_marked_table(zones)
    return gone


def _broken(rows: DataFrame) -> DataFrame:
    """Lines that are no rows, or have no number, once per value that may be one: `_number` beside them."""
    broken = rows.where(F.array_contains("codes", F.lit(ROW_BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(F.expr(identifiers.normalise_pgn_sql(f"row.{name}")) for name in CANONICAL_COLUMNS))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _remove(spark: SparkSession, zones: StorageZones, table: Path, keys: DataFrame, domain: Column) -> None:
    erasure_journal.mark_for_vacuum(zones, table)
    where = excluded_pupils.is_excluded(domain, F.col(f"s.{excluded_pupils.EXCLUDED_SCOPES}"))
    delta.delete_matching_rows(spark, table, keys, "pgn", where)
    erasure_journal.vacuum_marked_table(zones)
