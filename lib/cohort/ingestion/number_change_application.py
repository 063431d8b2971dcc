"""Changes of pupil numbers applied to results and quarantine of earlier runs.

A list of changes may come after the results. Called by `pipeline` before new files are read; `release` calls
`require_newest_numbers`. A mark with the digest of the lists says that they were applied.
"""

from __future__ import annotations

import datetime as dt

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import make_local_frame
from cohort.delta import read_table, renumber_pupils, table_exists
from cohort.foundation import StateRefused, describe_problem, elfproef_remainder_sql, pgn_kind_sql
from cohort.ingestion import supersession
from cohort.legal_basis import NumberChanges, record_linked_numbers
from cohort.results import Ledger, erase_duplicate_results, read_current_results, vacuum_restricted_table
from cohort.storage import StoragePath, StorageZones, read_applied_digest, write_json_document

NO_BATCH = -1
"""No row is of this batch: earlier results are compared with each other only."""


def require_newest_numbers(zones: StorageZones, changes: NumberChanges) -> None:
    """Check that every change of a number was applied to the results.

    Raises:
        StateRefused: some were not (exit code 15).
    """
    if changes.newest_numbers and read_applied_digest(_mark_path(zones)) != changes.digest():
        raise StateRefused(
            describe_problem(
                "results under the newest numbers",
                example="after a run of ingest",
                found="changes of numbers that were not applied yet",
                where="nummerwijzigingen/",
                do="Run ingest, then this again",
            )
        )


def apply_number_changes(
    spark: SparkSession, zones: StorageZones, changes: NumberChanges, ledger: Ledger, now: dt.datetime
) -> dict[str, int]:
    """Give every row of results and quarantine the newest number of its pupil, and keep each result once.

    Does nothing when these lists were applied before. A run that is killed half-way does the same again.

    Args:
        changes: all lists of changes.
        ledger: the ledger of earlier runs.

    Returns:
        How many rows changed, per table, and under `twice` how many rows were erased because a later delivery gave
        their result under another number of the same pupil.

    Raises:
        DestructionIncomplete: a file with superseded rows stays (exit code 16).
    """
    record_linked_numbers(zones.root, changes)
    if read_applied_digest(_mark_path(zones)) == changes.digest() or not changes.newest_numbers:
        return {"results": 0, "quarantine": 0, "twice": 0}
    newest = _newest_numbers(spark, changes)
    columns_by_table = {
        zones.results: ("pgn", "pgn_soort"),
        zones.quarantine: ("pgn",),
        zones.opt_in_exclusions: ("pgn",),
    }
    changed = {
        table.name: _renumber_table(spark, table, newest, columns)
        for table, columns in columns_by_table.items()
        if table_exists(table)
    }
    changed["twice"] = _erase_results_given_twice(spark, zones, changes, ledger, now)
    write_json_document(_mark_path(zones), {"digest": changes.digest(), "rows": changed})
    return changed


def _newest_numbers(spark: SparkSession, changes: NumberChanges) -> DataFrame:
    """Every replaced number (`_old`) with the newest number of its pupil (`pgn`, `pgn_soort`)."""
    pairs = sorted(changes.newest_numbers.items())
    newest = make_local_frame(spark, "_old string not null, pgn string not null", pairs)
    kind = pgn_kind_sql("pgn", elfproef_remainder_sql("pgn"))
    return newest.selectExpr("_old", "pgn", f"{kind} as pgn_soort")


def _renumber_table(spark: SparkSession, table: StoragePath, newest: DataFrame, columns: tuple[str, ...]) -> int:
    replaced = F.broadcast(newest.select(F.col("_old").alias("pgn")))
    rows = read_table(spark, table).join(replaced, "pgn", "left_semi").count()
    if rows:
        renumber_pupils(spark, table, newest, {name: name for name in columns})
        vacuum_restricted_table(table, "numbers that were replaced")
    return rows


def _erase_results_given_twice(
    spark: SparkSession, zones: StorageZones, changes: NumberChanges, ledger: Ledger, now: dt.datetime
) -> int:
    """Keep the later delivery's row of every result that two deliveries gave under two numbers of one pupil."""
    numbers = [(number,) for number in sorted({*changes.newest_numbers.values()})]
    pupils = make_local_frame(spark, "pgn string not null", numbers)
    results = read_current_results(spark, zones, ledger.batches)
    results = results.join(F.broadcast(pupils), "pgn", "left_semi")
    schools = frozenset(entry.brin for entry in ledger.entries if entry.brin)
    rows = supersession.identify_rows(results, schools, ledger.entries, NO_BATCH)
    earlier = supersession.find_rows_given_again(rows)
    return erase_duplicate_results(spark, zones, ledger.batches, earlier, now)


def _mark_path(zones: StorageZones) -> StoragePath:
    return zones.exact_records / "nummerwijzigingen.json"
