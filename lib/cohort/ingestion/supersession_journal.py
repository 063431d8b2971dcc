"""What a batch takes away of earlier deliveries: found and written down first, then carried out."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from cohort import delta
from cohort.ingestion import supersession
from cohort.ingestion.run_context import Intake
from cohort.results import current_results, ledger
from cohort.results.ledger import Entry, Ledger
from cohort.storage.zone_paths import StorageZones


def write_down(spark: SparkSession, intake: Intake, known: Ledger, entries: list[Entry], batch: int) -> list[Entry]:
    """Find what this batch takes away and write it down; the entries with what each of them takes away."""
    schools = supersession.concerned(known.lines, entries)
    if not schools:
        return entries
    places = intake.places
    results = current_results.current(spark, places, (*known.batches, batch))
    rows = supersession.rows_of(results, schools, (*known.lines, *entries), batch).persist()
    held = supersession.held(rows).persist()
    try:
        new = frozenset(entry.levering_nr for entry in entries)
        dead = supersession.dead(supersession.shared(held), intake.platform.intake.whole_share, new)
        gone = supersession.superseded(spark, held, dead)
        folder = str(places.superseding / f"{batch}")
        gone.coalesce(1).write.mode("overwrite").option("compression", "lz4").parquet(folder)
    finally:
        held.unpersist()
        rows.unpersist()
    told = supersession.counted(spark.read.schema(gone.schema).parquet(folder))
    return [
        replace(
            entry,
            replaced=told.get((entry.levering_nr, supersession.REPLACED), {}),
            withdrawn=told.get((entry.levering_nr, supersession.WITHDRAWN), {}),
            warnings=entry.warnings | _warned(told.get((entry.levering_nr, supersession.OTHER), {})),
        )
        for entry in entries
    ]


def _warned(of_others: dict[int, int]) -> dict[str, int]:
    return {"KEY_OF_ANOTHER_PUPIL": sum(of_others.values())} if of_others else {}


def carry_out(spark: SparkSession, places: StorageZones, known: Ledger) -> None:
    """Take away what the batches of the ledger replace; forget what a killed run had only written down."""
    for batch in ledger.superseding(places.ledger):
        folder = places.superseding / f"{batch}"
        if batch in known.batches:
            rows = spark.read.parquet(str(folder)).select(*supersession.IDENTITY)
            if not rows.isEmpty():
                delta.delete_equal_rows(spark, places.results, rows)
        delta.remove_folder(folder, where="restricted/superseding")
