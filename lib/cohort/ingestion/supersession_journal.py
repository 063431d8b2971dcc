"""Journal of supersession: the rows that a batch supersedes are found and written down first, then removed.

Between the two the ledger gets the entries of the batch. A run that is killed before has superseded nothing; after one
that is killed later the next run removes the journalled rows, and nobody reads the results until then. Called by
`batch_intake`; the journal is restricted, because it identifies rows of pupils.
"""

from __future__ import annotations

from dataclasses import replace

from pyspark.sql import SparkSession

from cohort.delta import delete_equal_rows, remove_folder
from cohort.ingestion import supersession
from cohort.ingestion.run_context import IngestionContext
from cohort.results import Ledger, LedgerEntry, add_batches, pending_supersessions, read_current_results
from cohort.storage import StorageZones


def journal_superseded_rows(
    spark: SparkSession, context: IngestionContext, previous: Ledger, entries: list[LedgerEntry], batch: int
) -> list[LedgerEntry]:
    """Find the rows that this batch supersedes and write them to its journal.

    Args:
        previous: the ledger of earlier runs.
        entries: the entries of this run; the accepted rows are in the results.

    Returns:
        The entries with the rows that each of them replaces and withdraws.
    """
    schools = supersession.schools_with_earlier_deliveries(previous.entries, entries)
    if not schools:
        return entries
    zones = context.zones
    years = {name.split(" ", 1)[0] for entry in entries for name in entry.slices}
    results = read_current_results(spark, zones, (*previous.batches, batch), years)
    rows = supersession.identify_rows(results, schools, (*previous.entries, *entries), batch).persist()
    compared = supersession.find_later_deliveries(rows).persist()
    try:
        new = frozenset(entry.levering_nr for entry in entries)
        shared = supersession.count_shared_results(compared)
        replaced_slices = supersession.find_replaced_slices(shared, context.platform.intake.whole_share, new)
        superseded = supersession.find_superseded_rows(spark, compared, replaced_slices)
        journal = str(zones.supersession / f"{batch}")
        superseded.coalesce(1).write.mode("overwrite").option("compression", "lz4").parquet(journal)
    finally:
        compared.unpersist()
        rows.unpersist()
    counts = supersession.count_superseded_rows(spark.read.schema(superseded.schema).parquet(journal))
    return [
        replace(
            entry,
            replaced=counts.get((entry.levering_nr, supersession.REPLACED), {}),
            withdrawn=counts.get((entry.levering_nr, supersession.WITHDRAWN), {}),
            warnings=entry.warnings | _key_warning(counts.get((entry.levering_nr, supersession.OTHER_PUPIL), {})),
        )
        for entry in entries
    ]


def carry_out_supersession(spark: SparkSession, zones: StorageZones, ledger: Ledger) -> None:
    """Remove the journalled rows of batches in the ledger, and every journal.

    The journal of a batch that the ledger does not have is of a killed run: nothing it names is removed.
    """
    for batch in pending_supersessions(zones.ledger):
        journal = zones.supersession / f"{batch}"
        if batch in ledger.batches:
            rows = spark.read.parquet(str(journal)).select(*supersession.ROW_IDENTITY)
            if not rows.isEmpty():
                delete_equal_rows(spark, zones.results, add_batches(rows, ledger.entries))
        remove_folder(journal, where="restricted/superseding")


def _key_warning(rows_of_other_pupils: dict[int, int]) -> dict[str, int]:
    return {"KEY_OF_ANOTHER_PUPIL": sum(rows_of_other_pupils.values())} if rows_of_other_pupils else {}
