"""Published tables after publication: rows withdrawn, readers checked daily, verification repeated.

In: published releases, today's lists and dates. Out: tables without the rows and readers that must leave.

    residual_classes          classes that no longer satisfy the rules once rows leave
    withdrawal_journal        a withdrawal in progress; nobody reads meanwhile
    row_withdrawal            rows taken out of a pseudonymous table
    ineligible_rows           pupils and schools who may not be in a table any more
    eligibility_withdrawal    their rows withdrawn from every live table
    reverification            a published table verified again, and closed when it fails
    reader_check              the daily check of who may read
"""

from __future__ import annotations

from cohort.published_tables.eligibility_withdrawal import (
    BarredPupils,
    find_unreadable_projects,
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
    "find_unreadable_projects",
    "live_pseudonymous_releases",
    "reverify_published_table",
    "withdraw_ineligible_rows",
]
