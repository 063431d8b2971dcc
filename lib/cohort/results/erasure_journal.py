"""Rows of whoever is barred taken out of results and quarantine, and the files that held them.

What is erased is counted in a record that is written before and after, so that a killed run closes its sums
when it is run again: accepted = current + replaced + withdrawn + erased. Which table has files to lose is
written down before it loses them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cohort import delta
from cohort.foundation import json_documents
from cohort.storage.zone_paths import StorageZones


def count_erased_rows(zones: StorageZones) -> int:
    """Rows of results that objections, retention and changes of numbers took away, over all runs."""
    return sum(int(facts["rows"]) for _, facts in _journals(zones))


def close_interrupted_erasure(zones: StorageZones, batches: tuple[int, ...]) -> None:
    """Close the record of a run that was killed: its rows are erased, or none of them is.

    Takes: the batches that count. Their rows are counted only where there is such a record.
    """
    left = [(file, facts) for file, facts in _journals(zones) if not facts["done"]]
    there = delta.count_batch_rows(zones.results, batches) if left else 0
    for file, facts in left:
        if there == facts["before"]:
            file.unlink()
        else:
            json_documents.write_json_document(file, {**facts, "done": True})


def erase_batch(
    spark: SparkSession, zones: StorageZones, batches: tuple[int, ...], batch: int, now: dt.datetime
) -> None:
    """Take a whole batch out of the results, and the files that held it: its days are over.

    Takes: the batches that count, and one of them.
    """
    there, rows = (delta.count_batch_rows(zones.results, asked) for asked in (batches, [batch]))
    with journal_erasure(zones, now, f"retention-{batch}", there, rows):
        mark_for_vacuum(zones, zones.results)
        delta.replace_batch(delta.read_table(spark, zones.results).where("false"), zones.results, batch)
        vacuum_marked_table(zones)


def erase_duplicate_results(
    spark: SparkSession, zones: StorageZones, batches: tuple[int, ...], rows: DataFrame, now: dt.datetime
) -> int:
    """Take rows out of the results whose result stands there twice, and the files that held them.

    Takes: the batches that count; the rows' identities, among results of these batches.
    Gives: how many went.
    """
    gone = rows.count()
    if gone:
        with journal_erasure(zones, now, "renumbering", delta.count_batch_rows(zones.results, batches), gone):
            mark_for_vacuum(zones, zones.results)
            delta.delete_equal_rows(spark, zones.results, rows)
            vacuum_marked_table(zones)
    return gone


def _journals(zones: StorageZones) -> list[tuple[Path, dict[str, Any]]]:
    return [(file, json_documents.read_json_document(file)) for file in sorted(zones.erasures.glob("*.json"))]


@contextmanager
def journal_erasure(zones: StorageZones, now: dt.datetime, why: str, before: int, rows: int) -> Iterator[None]:
    """Write down what is about to be erased, and afterwards that it is."""
    journal = zones.erasures / f"{now:%Y%m%dT%H%M%S%f}-{why}.json"
    begun = {"when": str(now), "why": why, "before": before, "rows": rows, "done": False}
    json_documents.write_json_document(journal, begun)
    yield
    json_documents.write_json_document(journal, {**begun, "done": True})


def mark_for_vacuum(zones: StorageZones, table: Path) -> None:
    """Write down that a table has files to lose, before they are: a killed run's next one finds it."""
    json_documents.write_json_document(zones.exact_records / "vacuum.json", {"table": table.name})


def vacuum_marked_table(zones: StorageZones) -> None:
    mark = zones.exact_records / "vacuum.json"
    if not mark.exists():
        return
    table = {t.name: t for t in (zones.results, zones.quarantine)}[json_documents.read_json_document(mark)["table"]]
    delta.vacuum_table_or_refuse(
        table,
        "no file with erased rows",
        found="files left behind",
        where=f"restricted/{table.name}",
        do="Look at its permissions, then run objections again",
    )
    mark.unlink()
