"""Which rows of the restricted results a project uses, by the verifier's own reading of its declaration.

Input: the restricted results and a project. Output: frames and conditions over them. Shares no code with the
stages that select results for a release.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project, SelectedResult
from cohort.delta import read_table
from cohort.verification.verification_subject import ReleaseSources


def read_release_results(spark: SparkSession, sources: ReleaseSources) -> DataFrame:
    """Read the results of the batches that the release was made from.

    Batch numbers count runs of ingestion, so they may stand in a query plan.
    """
    rows = read_table(spark, sources.results)
    return rows.where(F.col("batch").isin(*map(int, sources.batches)))


def is_selected(project: Project) -> Column:
    """Return the condition that a row belongs to the population and fits a result of the project; for `where`.

    The school year of a result is one of the population's: a declaration is refused otherwise. The first
    conditions follow from the last; with them Spark reads only the files of these school years, and decodes fewer
    columns of rows that do not fit.
    A special-category result counts whatever its value, so that consent does not decide who is in the release.
    """
    condition = F.col("schooljaar").isin(*{result.schooljaar for result in project.results})
    condition &= F.col("domein").isin(*{result.domein for result in project.results})
    condition &= F.col("afnameperiode").isin(*{result.moment for result in project.results})
    if project.population.jaargroep is not None:
        condition &= F.col("jaargroep").isin(*project.population.jaargroep)
    special = {*project.special_results}
    fits = [
        _is_of_slot(result) if result in special else fits_result_slot(result) & ~F.col("bijzonder")
        for result in project.results
    ]
    return condition & reduce(Column.__or__, fits)


def fits_result_slot(result: SelectedResult) -> Column:
    """Return the condition that a row is a result of one slot, with a value on its scale."""
    return _is_of_slot(result) & F.col(result.value).isNotNull()


def driver_frame(spark: SparkSession, columns: dict[str, pa.Array[Any]]) -> DataFrame:
    """Make a small frame from arrays of the driver: in a join its values stand in no plan and no log."""
    return spark.createDataFrame(pa.table(columns))


def _is_of_slot(result: SelectedResult) -> Column:
    return (
        (F.col("domein") == result.domein)
        & (F.col("afnameperiode") == result.moment)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("schaal") == result.schaal)
    )
