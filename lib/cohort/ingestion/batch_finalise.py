"""What the first pass put into the results made what counts: other rows go, refused ones are put beside."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.erasure.excluded_pupils import OBJECTED_COLUMN
from cohort.ingestion import row_validation
from cohort.ingestion.run_context import IngestionContext
from cohort.ingestion.validation_pipeline import Judged
from cohort.legal_basis import consent_suppression
from cohort.results import results_store
from cohort.results.ledger import LedgerEntry
from cohort.states.schemas import RESULTS_SCHEMA


def settle(
    spark: SparkSession, judged: Judged, intake: IngestionContext, entries: list[LedgerEntry], batch: int
) -> None:
    """Leave of a batch in the results what its entries say was accepted, and put what was refused beside it.

    Takes: what became of the new files, and the ledger's lines to be. Of files taken in no row stays, good
    or refused, of a pupil with an objection in force; of the others none at all.
    Refuses: rows left behind in a file that is no longer of the table (exit code 16).
    """
    standing = {number: count.accepted for number, count in judged.sifted.items()}
    accepted = {entry.levering_nr: entry.accepted for entry in entries}
    changed = {n for n in standing.keys() | accepted.keys() if standing.get(n, 0) != accepted.get(n, 0)}
    total, results = sum(accepted.values()), intake.zones.results
    taken = {entry.levering_nr for entry in entries if entry.is_taken}
    free = None if judged.rows is None else judged.rows.where(F.col(OBJECTED_COLUMN).isNull())
    if changed:
        kept = results_store.rows_of_other_deliveries(
            results_store.read_current_results(spark, intake.zones, (batch,)), changed
        )
        if free is not None:
            good = row_validation.select_accepted(results_store.rows_of_deliveries(free, taken & changed), batch)
            kept = kept.select(*RESULTS_SCHEMA.names).unionByName(good)
        delta.replace_batch(kept.coalesce(results_store.data_file_count(spark, total)), results, batch)
        if delta.count_batch_rows(results, [batch]) != total:
            raise AssertionError("the accepted rows that were written are not those that were counted")
        results_store.vacuum_restricted_table(results, "rows that do not count")
    if free is not None and any(entry.codes for entry in entries if entry.is_taken):
        sent = consent_suppression.suppress_special_values(
            results_store.rows_of_deliveries(free, taken), row_validation.RAW
        )
        delta.replace_batch(row_validation.select_quarantined(sent, batch).coalesce(1), intake.zones.quarantine, batch)
