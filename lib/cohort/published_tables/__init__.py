"""Published tables after publication: rows withdrawn, daily look at readers, verification repeated."""

from __future__ import annotations

from cohort.published_tables.eligibility_withdrawal import (
    BarredPupils,
    live_pseudonymous_releases,
    withdraw_ineligible_rows,
)
from cohort.published_tables.reader_check import check_readers
from cohort.published_tables.reverification import reverify_published_table
from cohort.published_tables.row_withdrawal import RowWithdrawalReport

__all__ = [
    "BarredPupils",
    "RowWithdrawalReport",
    "check_readers",
    "live_pseudonymous_releases",
    "reverify_published_table",
    "withdraw_ineligible_rows",
]
