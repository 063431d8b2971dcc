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
from cohort.states.schemas import CANONICAL
from cohort.storage.paths import Places


def remove(
    spark: SparkSession, places: Places, platform: Platform, catalogue: Catalogue, lists: Objections, now: dt.datetime
) -> dict[str, int]:
    """Take the barred rows out of results and quarantine, and the files that held them."""
    batches = ledger.batches(places.ledger)
    row_removal.resume(places, batches)
    results = current_results.current(spark, places, batches)
    row_removal.vacuum_marked(places)
    domains = catalogue.domains()
    if lists.permissions:
        left = exclusions.left_out(lists, results, domains)
        opt_in_lists.note(spark, results, left, lists.permissions, places.unlisted, platform.tables)
    keys = exclusions.keys(lists, results, domains).persist()
    try:
        hit = exclusions.hit(F.col("domein"), F.col(exclusions.SCOPES))
        erased = results.join(F.broadcast(keys), "pgn").where(hit).count()
        if erased:
            with row_removal.journal(places, now, "objections", delta.rows_of_batches(places.results, batches), erased):
                _remove(spark, places, places.results, keys, F.col("t.domein"))
        refused = _quarantined(spark, places, catalogue, keys)
    finally:
        keys.unpersist()
    return {"results": erased, "quarantine": refused}


def _quarantined(spark: SparkSession, places: Places, catalogue: Catalogue, keys: DataFrame) -> int:
    """Refused rows of barred pupils; of a line that is no row, whatever stands anywhere in it counts."""
    rows = delta.read(spark, places.quarantine)
    domain = exclusions.domain_of(F.col("row.toetscode"), catalogue)
    hit = exclusions.hit(domain, F.col(exclusions.SCOPES))
    found = rows.join(F.broadcast(keys), "pgn").where(hit).count()
    if found:
        inside = exclusions.domain_of(F.col("t.row.toetscode"), catalogue)
        _remove(spark, places, places.quarantine, keys, inside)
    return found + remove_broken(spark, places, keys)


def remove_broken(spark: SparkSession, places: Places, keys: DataFrame) -> int:
    """Take refused lines that are no rows out of quarantine where one of these numbers stands in them."""
    rows = delta.read(spark, places.quarantine)
    listed = F.broadcast(keys.select(F.col("pgn").alias("_number")))
    whole = _broken(rows).join(listed, "_number", "left_semi").select(*rows.columns).distinct()
    gone = whole.count()
    if gone:
        row_removal.mark_for_vacuum(places, places.quarantine)
        delta.remove_rows(spark, places.quarantine, whole)
        row_removal.vacuum_marked(places)
    return gone


def _broken(rows: DataFrame) -> DataFrame:
    """Lines that are no rows, or have no number, once per value that may be one: `_number` beside them."""
    broken = rows.where(F.array_contains("codes", F.lit(BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(F.expr(identifiers.normal(f"row.{name}")) for name in CANONICAL))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _remove(spark: SparkSession, places: Places, table: Path, keys: DataFrame, domain: Column) -> None:
    row_removal.mark_for_vacuum(places, table)
    where = exclusions.hit(domain, F.col(f"s.{exclusions.SCOPES}"))
    delta.remove_matching(spark, table, keys, "pgn", where)
    row_removal.vacuum_marked(places)
