"""The main read of the results: the rows that count."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from cohort import delta
from cohort.states.schemas import ACCEPTED
from cohort.storage.paths import Places


def current(spark: SparkSession, places: Places, batches: tuple[int, ...]) -> DataFrame:
    """The results that count: those of batches that the ledger vouches for."""
    return delta.of_batches(spark, places.results, ACCEPTED, batches)
