"""The restricted results and quarantine, and the ledger that says which batches of them count.

`ingestion` writes them, `erasure` removes rows of pupils who object, `release` reads the rows that count. No row leaves
the restricted zone here.

    ledger            one entry per delivered file; which batches count
    erasure_journal   rows erased from results, counted before and after, so that accounts close after a kill
    results_layout    results on disk by batch and school year; those of an earlier version laid out anew
    results_store     the two tables: created, read, removed by batch
    retention         what is older than the platform's retention is removed
    value_ranges      lowest and highest values per school and test, without a Spark session
"""

from __future__ import annotations

from cohort.results.erasure_journal import (
    close_interrupted_erasure,
    erase_duplicate_results,
    journal_erasure,
    mark_for_vacuum,
    vacuum_marked_table,
)
from cohort.results.ledger import (
    DELIVERY_REJECTED,
    DELIVERY_TAKEN,
    OPT_IN_LIST_OLDER,
    Ledger,
    LedgerEntry,
    append_to_ledger,
    pending_supersessions,
    read_counted_batches,
    read_ledger,
)
from cohort.results.results_layout import lay_out_results
from cohort.results.results_store import (
    ROWS_PER_FILE,
    add_batches,
    append_copied_refusals,
    append_copied_rows,
    count_current_rows,
    create_results_tables,
    data_file_count,
    discard_batch,
    discard_batch_on_refusal,
    fence_results,
    list_result_files,
    read_current_results,
    require_closed_accounts,
    rows_of_deliveries,
    vacuum_restricted_table,
)
from cohort.results.retention import apply_retention
from cohort.results.value_ranges import ValueRanges, read_value_ranges, select_value_ranges, values_outside_bands

__all__ = [
    "DELIVERY_REJECTED",
    "DELIVERY_TAKEN",
    "OPT_IN_LIST_OLDER",
    "ROWS_PER_FILE",
    "Ledger",
    "LedgerEntry",
    "ValueRanges",
    "add_batches",
    "append_copied_refusals",
    "append_copied_rows",
    "append_to_ledger",
    "apply_retention",
    "close_interrupted_erasure",
    "count_current_rows",
    "create_results_tables",
    "data_file_count",
    "discard_batch",
    "discard_batch_on_refusal",
    "erase_duplicate_results",
    "fence_results",
    "journal_erasure",
    "lay_out_results",
    "list_result_files",
    "mark_for_vacuum",
    "pending_supersessions",
    "read_counted_batches",
    "read_current_results",
    "read_ledger",
    "read_value_ranges",
    "require_closed_accounts",
    "rows_of_deliveries",
    "select_value_ranges",
    "vacuum_marked_table",
    "vacuum_restricted_table",
    "values_outside_bands",
]
