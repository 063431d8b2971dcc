"""What a batch takes away of earlier deliveries: found and written down first, then carried out."""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from cohort import delta
from cohort.ingestion import supersession
from cohort.ingestion.run_context import IngestionContext
from cohort.results import ledger, results_store
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones


def journal_superseded_rows(
    spark: SparkSession, intake: IngestionContext, known: Ledger, entries: list[LedgerEntry], batch: int
) -> list[LedgerEntry]:
    """Find what this batch takes away and write it down; the entries with what each of them takes away."""
    schools = supersession.schools_with_earlier_deliveries(known.entries, entries)
    if not schools:
        return entries
    zones = intake.zones
    results = results_store.read_current_results(spark, zones, (*known.batches, batch))
    rows = supersession.identify_rows(results, schools, (*known.entries, *entries), batch).persist()
    held = supersession.find_later_deliveries(rows).persist()
    try:
        new = frozenset(entry.levering_nr for entry in entries)
        dead = supersession.find_replaced_slices(
            supersession.count_shared_results(held), intake.platform.intake.whole_share, new
        )
        gone = supersession.find_superseded_rows(spark, held, dead)
        folder = str(zones.supersession / f"{batch}")
        gone.coalesce(1).write.mode("overwrite").option("compression", "lz4").parquet(folder)
    finally:
        held.unpersist()
        rows.unpersist()
    told = supersession.count_superseded_rows(spark.read.schema(gone.schema).parquet(folder))
    return [
        replace(
            entry,
            replaced=told.get((entry.levering_nr, supersession.REPLACED), {}),
            withdrawn=told.get((entry.levering_nr, supersession.WITHDRAWN), {}),
            warnings=entry.warnings | _warned(told.get((entry.levering_nr, supersession.OTHER_PUPIL), {})),
        )
        for entry in entries
    ]


def _warned(of_others: dict[int, int]) -> dict[str, int]:
    return {"KEY_OF_ANOTHER_PUPIL": sum(of_others.values())} if of_others else {}


def carry_out_supersession(spark: SparkSession, zones: StorageZones, known: Ledger) -> None:
    """Take away what the batches of the ledger replace; forget what a killed run had only written down."""
    for batch in ledger.pending_supersessions(zones.ledger):
        folder = zones.supersession / f"{batch}"
        if batch in known.batches:
            rows = spark.read.parquet(str(folder)).select(*supersession.ROW_IDENTITY)
            if not rows.isEmpty():
                delta.delete_equal_rows(spark, zones.results, rows)
        delta.remove_folder(folder, where="restricted/superseding")
