"""Rows of excluded pupils erased from results and quarantine, with the files that had them.

In: the objections of today and the current results. Out: counts; no file of the tables has an erased row any more.
Called by `objection_erasure`, and by ingestion for quarantined lines. What is erased is journalled first
(`results.erasure_journal`), so that a run that was killed is repaired by the next one.
"""

from __future__ import annotations

from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Catalogue, Environment
from cohort.data_states import CANONICAL_COLUMNS
from cohort.delivery_formats import ROW_BROKEN
from cohort.delta import count_batch_rows, delete_equal_rows, delete_matching_rows, read_table
from cohort.erasure import excluded_pupils, listed_rows
from cohort.erasure.excluded_pupils import EXCLUDED_SCOPES
from cohort.erasure.listed_rows import ListedRows
from cohort.foundation import normalise_pgn_sql
from cohort.legal_basis import Objections, record_unlisted_pupils
from cohort.results import (
    close_interrupted_erasure,
    journal_erasure,
    list_result_files,
    mark_for_vacuum,
    read_counted_batches,
    read_current_results,
    vacuum_marked_table,
)
from cohort.storage import StoragePath, StorageZones


class ErasedRows(NamedTuple):
    """The number of rows erased from results and from quarantine."""

    results: int
    quarantine: int


def erase_excluded_rows(
    spark: SparkSession, environment: Environment, catalogue: Catalogue, objections: Objections, listed: ListedRows
) -> ErasedRows:
    """Erase the rows of excluded pupils from results and quarantine, and the files that had them.

    Args:
        spark: the session.
        environment: the surroundings of the run; the caller holds the lock of ingestion.
        catalogue: the catalogue of tests and schools.
        objections: the objections of today.
        listed: which results are of pupils on a list.
    """
    zones, domains = environment.zones, catalogue.domains()
    batches = read_counted_batches(zones.ledger)
    close_interrupted_erasure(zones, batches)
    results = read_current_results(spark, zones, batches)
    vacuum_marked_table(zones)
    if objections.opt_in_lists:  # whom they exclude is on no list
        unlisted = excluded_pupils.pupils_without_opt_in(objections, results, domains)
        record_unlisted_pupils(
            results, unlisted, objections.opt_in_lists, zones.opt_in_exclusions, environment.platform.tables
        )
        rows = listed_rows.group_rows(spark, zones, list_result_files(zones, batches))
    else:
        rows = listed.rows
    excluded = excluded_pupils.find_excluded_pupils(objections, results, domains).persist()
    doomed = rows.join(F.broadcast(excluded), "pgn").where(
        excluded_pupils.is_excluded(F.col("domein"), F.col(EXCLUDED_SCOPES))
    )
    try:
        erased, files = listed_rows.count_rows_and_files(zones, doomed)
        if erased:
            rows_before = count_batch_rows(zones.results, batches)
            with journal_erasure(zones, environment.now, "objections", rows_before, erased):
                _erase_and_vacuum(spark, zones, zones.results, excluded, F.col("t.domein"), files)
        quarantined = _erase_quarantined_rows(spark, zones, catalogue, excluded)
    finally:
        excluded.unpersist()
    return ErasedRows(erased, quarantined)


def erase_broken_lines(spark: SparkSession, zones: StorageZones, excluded: DataFrame) -> int:
    """Erase quarantined lines that could not be parsed to rows and have one of the numbers in some cell.

    Args:
        spark: the session.
        zones: the zones of the storage root.
        excluded: the excluded pupils, with `pgn`.

    Returns:
        The number of lines erased.
    """
    quarantine = read_table(spark, zones.quarantine)
    numbers = F.broadcast(excluded.select(F.col("pgn").alias("_number")))
    lines = _candidate_numbers(quarantine).join(numbers, "_number", "left_semi").select(*quarantine.columns).distinct()
    erased = lines.count()
    if erased:
        mark_for_vacuum(zones, zones.quarantine)
        delete_equal_rows(spark, zones.quarantine, lines)
        vacuum_marked_table(zones)
    return erased


def _erase_quarantined_rows(spark: SparkSession, zones: StorageZones, catalogue: Catalogue, excluded: DataFrame) -> int:
    """Erase quarantined rows of excluded pupils; in a line that is no row, a number in any cell counts."""
    quarantine = read_table(spark, zones.quarantine)
    domain = excluded_pupils.domain_of_test_code(F.col("row.toetscode"), catalogue)
    must_go = excluded_pupils.is_excluded(domain, F.col(EXCLUDED_SCOPES))
    erased = quarantine.join(F.broadcast(excluded), "pgn").where(must_go).count()
    if erased:
        domain_in_merge = excluded_pupils.domain_of_test_code(F.col("t.row.toetscode"), catalogue)
        _erase_and_vacuum(spark, zones, zones.quarantine, excluded, domain_in_merge, None)
    return erased + erase_broken_lines(spark, zones, excluded)


def _candidate_numbers(quarantine: DataFrame) -> DataFrame:
    """Lines that are no rows or have no number, once per cell that may be a number, with `_number` added."""
    broken = quarantine.where(F.array_contains("codes", F.lit(ROW_BROKEN)) | F.col("pgn").isNull())
    cells = F.array(*(F.expr(normalise_pgn_sql(f"row.{name}")) for name in CANONICAL_COLUMNS))
    return broken.select("*", F.explode(F.array_distinct(cells)).alias("_number"))


def _erase_and_vacuum(
    spark: SparkSession,
    zones: StorageZones,
    table: StoragePath,
    excluded: DataFrame,
    domain: Column,
    files: frozenset[StoragePath] | None,
) -> None:
    """Delete the rows of excluded pupils from a table (`t`), and the files that had them.

    Args:
        domain: the domain of a row.
        files: the data files that have such rows; None where nobody knows.
    """
    mark_for_vacuum(zones, table)
    must_go = excluded_pupils.is_excluded(domain, F.col(f"s.{EXCLUDED_SCOPES}"))
    delete_matching_rows(spark, table, excluded, "pgn", must_go, files)
    vacuum_marked_table(zones)
