"""The layout of the results on disk: by batch, and within a batch by school year.

A table of an earlier version of the platform is laid out by batch alone. `ingest` and `objections`, which alone change
results and have the lock for it, lay such a table out anew, once; every other job refuses it and says so.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from cohort.data_states import RESULTS_PARTITION
from cohort.delta import partition_table_anew, read_partition_columns, read_table, table_exists, vacuum_table_or_refuse
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StorageZones


def require_current_layout(zones: StorageZones) -> None:
    """Check that the results, if there are any, are laid out by batch and school year.

    Raises:
        StateRefused: they are laid out as by an earlier version (exit code 15).
    """
    if table_exists(zones.results) and read_partition_columns(zones.results) != RESULTS_PARTITION:
        raise StateRefused(
            describe_problem(
                "results by batch and school year",
                example="those of this version",
                found="results of an earlier version, by batch alone",
                where="restricted/results",
                do="Run ingest: it lays them out anew, once",
            )
        )


def lay_out_results(spark: SparkSession, zones: StorageZones) -> None:
    """Lay out results of an earlier version by batch and school year; the caller holds the lock of ingestion.

    One commit does it, without a change to any row. A run that is killed before it has changed nothing; the files of
    the earlier layout go with this vacuum, or after a kill with the next one.

    Raises:
        AssertionError: other rows were written than there were, which is a defect; the earlier files stay.
        DestructionIncomplete: a file of the earlier layout cannot be removed (exit code 16).
    """
    if not table_exists(zones.results) or read_partition_columns(zones.results) == RESULTS_PARTITION:
        return
    before = read_table(spark, zones.results).count()
    partition_table_anew(spark, zones.results, RESULTS_PARTITION)
    if read_table(spark, zones.results).count() != before:
        raise AssertionError("results that were laid out anew have not the rows that they had")
    vacuum_table_or_refuse(
        zones.results,
        "no file of the earlier layout",
        found="files left behind",
        where="restricted/results",
        do="Look at its permissions, then run the same again",
    )
