"""Journal of erasures: how many rows of results were erased, written before and after each erasure.

The accounts of the ledger need it: accepted = current + replaced + withdrawn + erased rows. A run that was killed is
closed by the next one: of its erasure all rows went or none, because one Delta commit removes them. Which table has
files to lose is written down before its rows go, so that the next run removes those files. Called by `erasure`,
`ingestion` and `retention`; a journal holds counts, never a number of a pupil.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict
from pyspark.sql import DataFrame, SparkSession

from cohort.delta import count_batch_rows, delete_equal_rows, read_table, replace_batch, vacuum_table_or_refuse
from cohort.storage import StoragePath, StorageZones, read_json_document, write_json_document


class ErasureJournal(BaseModel):
    """One erasure of rows from the results.

    Args:
        when: when the run began.
        why: the reason in one word: `objections`, `renumbering`, `retention-<batch>`; empty in first versions.
        before: rows of the results before the erasure.
        rows: rows to erase.
        done: whether they are erased.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"$id": "erasure-journal-1"})

    when: str
    why: str = ""
    before: int
    rows: int
    done: bool


def count_erased_rows(zones: StorageZones) -> int:
    """Count the rows of results that were erased over all runs: by objections, retention and number changes."""
    return sum(journal.rows for _, journal in _read_journals(zones))


def close_interrupted_erasure(zones: StorageZones, batches: tuple[int, ...]) -> None:
    """Close the journals of a killed run: its rows are erased, or none of them is.

    Args:
        batches: the batches that count. Their rows are counted only where a journal is open.
    """
    open_journals = [(file, journal) for file, journal in _read_journals(zones) if not journal.done]
    current = count_batch_rows(zones.results, batches) if open_journals else 0
    for file, journal in open_journals:
        if current == journal.before:
            file.unlink()
        else:
            _write_journal(file, journal.model_copy(update={"done": True}))


def erase_batch(
    spark: SparkSession, zones: StorageZones, batches: tuple[int, ...], batch: int, now: dt.datetime
) -> None:
    """Erase a whole batch of results, and the files that held it, because its retention ended.

    Args:
        batches: the batches that count.
        batch: one of them.
    """
    before, rows = (count_batch_rows(zones.results, counted) for counted in (batches, [batch]))
    with journal_erasure(zones, now, f"retention-{batch}", before, rows):
        mark_for_vacuum(zones, zones.results)
        replace_batch(read_table(spark, zones.results).where("false"), zones.results, batch)
        vacuum_marked_table(zones)


def erase_duplicate_results(
    spark: SparkSession, zones: StorageZones, batches: tuple[int, ...], rows: DataFrame, now: dt.datetime
) -> int:
    """Erase rows whose result the results hold twice, and the files that held them.

    Args:
        batches: the batches that count.
        rows: the identities of the rows, among results of these batches.

    Returns:
        How many rows were erased.
    """
    erased = rows.count()
    if erased:
        before = count_batch_rows(zones.results, batches)
        with journal_erasure(zones, now, "renumbering", before, erased):
            mark_for_vacuum(zones, zones.results)
            delete_equal_rows(spark, zones.results, rows)
            vacuum_marked_table(zones)
    return erased


@contextmanager
def journal_erasure(zones: StorageZones, now: dt.datetime, why: str, before: int, rows: int) -> Iterator[None]:
    """A context that journals an erasure before it begins and after it is done.

    Args:
        why: the reason in one word.
        before: rows of the results before the erasure.
        rows: rows to erase.
    """
    file = zones.erasures / f"{now:%Y%m%dT%H%M%S%f}-{why}.json"
    journal = ErasureJournal(when=str(now), why=why, before=before, rows=rows, done=False)
    _write_journal(file, journal)
    yield
    _write_journal(file, journal.model_copy(update={"done": True}))


def mark_for_vacuum(zones: StorageZones, table: StoragePath) -> None:
    """Write down that a table is about to have files to lose, so that the run after a killed one removes them."""
    write_json_document(_vacuum_mark(zones), {"table": table.name})


def vacuum_marked_table(zones: StorageZones) -> None:
    """Remove the files with erased rows of the marked table, and the mark; nothing without a mark.

    Raises:
        DestructionIncomplete: a file stays (exit code 16).
    """
    mark = _vacuum_mark(zones)
    if not mark.exists():
        return
    tables = {table.name: table for table in (zones.results, zones.quarantine)}
    table = tables[read_json_document(mark)["table"]]
    vacuum_table_or_refuse(
        table,
        "no file with erased rows",
        found="files left behind",
        where=f"restricted/{table.name}",
        do="Look at its permissions, then run objections again",
    )
    mark.unlink()


def _read_journals(zones: StorageZones) -> list[tuple[StoragePath, ErasureJournal]]:
    files = sorted(zones.erasures.glob("*.json"))
    return [(file, ErasureJournal(**read_json_document(file))) for file in files]


def _write_journal(file: StoragePath, journal: ErasureJournal) -> None:
    write_json_document(file, journal.model_dump(exclude_unset=True))


def _vacuum_mark(zones: StorageZones) -> StoragePath:
    return zones.exact_records / "vacuum.json"
