"""Changes of pupil numbers applied to what was taken in before: a mapping may come after the results."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.foundation import identifiers, json_documents
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.ingestion import supersession
from cohort.legal_basis import number_changes
from cohort.legal_basis.number_changes import NumberChanges
from cohort.results import erasure_journal, results_store
from cohort.results.ledger import Ledger
from cohort.states import local_frames
from cohort.storage.zone_paths import StorageZones

NO_BATCH = -1


def require_newest_numbers(zones: StorageZones, changes: NumberChanges) -> None:
    """Refuse to go on with results that not every change of a number was applied to (exit code 15)."""
    if changes.newest_numbers and json_documents.read_applied_digest(_mark(zones)) != changes.digest():
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
    spark: SparkSession, zones: StorageZones, changes: NumberChanges, known: Ledger, now: dt.datetime
) -> dict[str, int]:
    """Give every row of results and quarantine the newest number of its pupil, and each result once.

    Takes: all lists of changes; nothing is done when these were applied before; the ledger. Of a result that
    two deliveries gave under two numbers of one pupil the later one's stays.
    Gives: how many rows changed, and how many went (`twice`). Killed half-way, it is simply done again.
    Refuses: rows left behind in a file that is no longer of the table (exit code 16).
    """
    number_changes.record_linked_numbers(zones.root, changes)
    if json_documents.read_applied_digest(_mark(zones)) == changes.digest() or not changes.newest_numbers:
        return {"results": 0, "quarantine": 0, "twice": 0}
    pairs = local_frames.make_local_frame(
        spark, "_old string not null, pgn string not null", sorted(changes.newest_numbers.items())
    )
    newest = pairs.select(
        "_old",
        "pgn",
        F.expr(identifiers.pgn_kind_sql("pgn", identifiers.elfproef_remainder_sql("pgn"))).alias("pgn_soort"),
    )
    done = {}
    kept = {zones.results: ("pgn", "pgn_soort"), zones.quarantine: ("pgn",), zones.opt_in_exclusions: ("pgn",)}
    for table, columns in ((table, of) for table, of in kept.items() if delta.table_exists(table)):
        old = F.broadcast(newest.select(F.col("_old").alias("pgn")))
        done[table.name] = delta.read_table(spark, table).join(old, "pgn", "left_semi").count()
        if done[table.name]:
            delta.renumber_pupils(spark, table, newest, {name: name for name in columns})
            results_store.vacuum_restricted_table(table, "numbers that were replaced")
    done["twice"] = _once(spark, zones, changes, known, now)
    json_documents.write_json_document(_mark(zones), {"digest": changes.digest(), "rows": done})
    return done


def _once(spark: SparkSession, zones: StorageZones, changes: NumberChanges, known: Ledger, now: dt.datetime) -> int:
    """Of every result that stands twice the later delivery's alone."""
    pupils = local_frames.make_local_frame(
        spark, "pgn string not null", [(n,) for n in sorted({*changes.newest_numbers.values()})]
    )
    results = results_store.read_current_results(spark, zones, known.batches).join(
        F.broadcast(pupils), "pgn", "left_semi"
    )
    schools = frozenset(line.brin for line in known.entries if line.brin)
    gone = supersession.find_rows_given_again(supersession.identify_rows(results, schools, known.entries, NO_BATCH))
    return erasure_journal.erase_duplicate_results(spark, zones, known.batches, gone, now)


def _mark(zones: StorageZones) -> Path:
    return zones.exact_records / "nummerwijzigingen.json"
