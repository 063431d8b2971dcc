"""The main read of the results: the rows that count."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from cohort import delta
from cohort.states.schemas import RESULTS_SCHEMA
from cohort.storage.zone_paths import StorageZones


def read_current_results(spark: SparkSession, zones: StorageZones, batches: tuple[int, ...]) -> DataFrame:
    """The results that count: those of batches that the ledger vouches for."""
    return delta.read_batches(spark, zones.results, RESULTS_SCHEMA, batches)
