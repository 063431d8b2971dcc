"""Rows of excluded pupils taken out of results and quarantine, and the files that held them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.delivery_formats.reason_codes import BROKEN
from cohort.erasure import exclusions
from cohort.foundation import identifiers
from cohort.legal_basis import opt_in_lists
from cohort.legal_basis.objections import Objections
from cohort.results import current_results, ledger, row_removal
from cohort.states.schemas import CANONICAL_COLUMNS
from cohort.storage.zone_paths import StorageZones


def erase_excluded_rows(
    spark: SparkSession,
    places: StorageZones,
    platform: Platform,
    catalogue: Catalogue,
    lists: Objections,
    now: dt.datetime,
) -> dict[str, int]:
    """Take the barred rows out of results and quarantine, and the files that held them."""
    batches = ledger.batches(places.ledger)
    row_removal.resume(places, batches)
    results = current_results.current(spark, places, batches)
    row_removal.vacuum_marked(places)
    domains = catalogue.domains()
    if lists.permissions:
        left = exclusions.pupils_without_opt_in(lists, results, domains)
        opt_in_lists.record_unlisted_pupils(spark, results, left, lists.permissions, places.unlisted, platform.tables)
    keys = exclusions.find_excluded_pupils(lists, results, domains).persist()
    try:
        hit = exclusions.is_excluded(F.col("domein"), F.col(exclusions.EXCLUDED_SCOPES))
        erased = results.join(F.broadcast(keys), "pgn").where(hit).count()
        if erased:
            with row_removal.journal(
                places, now, "objections", delta.count_batch_rows(places.results, batches), erased
            ):
                _remove(spark, places, places.results, keys, F.col("t.domein"))
        refused = _quarantined(spark, places, catalogue, keys)
    finally:
        keys.unpersist()
    return {"results": erased, "quarantine": refused}


def _quarantined(spark: SparkSession, places: StorageZones, catalogue: Catalogue, keys: DataFrame) -> int:
    """Refused rows of barred pupils; of a line that is no row, whatever stands anywhere in it counts."""
    rows = delta.read_table(spark, places.quarantine)
    domain = exclusions.domain_of_test_code(F.col("row.toetscode"), catalogue)
    hit = exclusions.is_excluded(domain, F.col(exclusions.EXCLUDED_SCOPES))
    found = rows.join(F.broadcast(keys), "pgn").where(hit).count()
    if found:
        inside = exclusions.domain_of_test_code(F.col("t.row.toetscode"), catalogue)
        _remove(spark, places, places.quarantine, keys, inside)
    return found + erase_broken_lines(spark, places, keys)


def erase_broken_lines(spark: SparkSession, places: StorageZones, keys: DataFrame) -> int:
    """Take refused lines that are no rows out of quarantine where one of these numbers stands in them."""
    rows = delta.read_table(spark, places.quarantine)
    listed = F.broadcast(keys.select(F.col("pgn").alias("_number")))
    whole = _broken(rows).join(listed, "_number", "left_semi").select(*rows.columns).distinct()
    gone = whole.count()
    if gone:
        row_removal.mark_for_vacuum(places, places.quarantine)
        delta.delete_equal_rows(spark, places.quarantine, whole)
        row_removal.vacuum_marked(places)
    return gone


def _broken(rows: DataFrame) -> DataFrame:
    """Lines that are no rows, or have no number, once per value that may be one: `_number` beside them."""
    broken = rows.where(F.array_contains("codes", F.lit(BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(F.expr(identifiers.normalise_pgn_sql(f"row.{name}")) for name in CANONICAL_COLUMNS))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _remove(spark: SparkSession, places: StorageZones, table: Path, keys: DataFrame, domain: Column) -> None:
    row_removal.mark_for_vacuum(places, table)
    where = exclusions.is_excluded(domain, F.col(f"s.{exclusions.EXCLUDED_SCOPES}"))
    delta.delete_matching_rows(spark, table, keys, "pgn", where)
    row_removal.vacuum_marked(places)
