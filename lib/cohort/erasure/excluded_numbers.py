"""Numbers of excluded pupils on the driver: for raw files, and for published pseudonymous tables.

In: the objections of today and the current results. Out: sets of pupil numbers. Called by `objection_erasure`, by
ingestion and by the job that withdraws rows.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cohort.delta import table_exists
from cohort.erasure import excluded_pupils
from cohort.legal_basis import Objections, find_barred_pupils
from cohort.results import read_current_results, read_ledger
from cohort.storage import StorageZones


def numbers_to_erase(
    spark: SparkSession, zones: StorageZones, objections: Objections, domains: Collection[str]
) -> frozenset[str]:
    """The numbers that no raw file may have: of pupils who object, and of pupils who did not opt in."""
    listed = excluded_pupils.listed_numbers(objections)
    if not objections.opt_in_lists or not table_exists(zones.results):
        return listed
    results = _read_results(spark, zones)
    return listed | _collect_numbers(excluded_pupils.pupils_without_opt_in(objections, results, domains))


def numbers_barred_from_project(
    spark: SparkSession, zones: StorageZones, objections: Objections, project: str, domains: Collection[str]
) -> frozenset[str]:
    """The numbers of every pupil who may not be in a project: its pseudonymous table must lose them."""
    results = _read_results(spark, zones)
    return _collect_numbers(find_barred_pupils(results, objections, project, domains))


def _read_results(spark: SparkSession, zones: StorageZones) -> DataFrame:
    return read_current_results(spark, zones, read_ledger(zones.ledger).batches)


def _collect_numbers(pupils: DataFrame) -> frozenset[str]:
    numbers: Any = pupils.select("pgn").distinct().toArrow()
    return frozenset(numbers["pgn"].to_pylist())
