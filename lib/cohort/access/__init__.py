"""Who may read a published table, opened and closed by file modes, groups and a hook; private zones closed.

In: the state of a project and its release, with the platform's means of access. Out: a table that its readers can read,
or that nobody can; and the reason. Closing is always possible, opening is one step with every check.

    table_permissions  the means: file modes and groups, the hook
    table_access       the decision: open, closed, and why
    private_zones      folders of the storage root that only the platform's user may enter
"""

from __future__ import annotations

from cohort.access.private_zones import close_private_zones
from cohort.access.table_access import (
    ACCESS_GRANTED,
    VERIFICATION_FAILED,
    access_state,
    close_table,
    close_unverified_tables,
    find_table_problems,
    reasons_against_access,
    require_access_possible,
    settle_access,
    withdraw_access,
)

__all__ = [
    "ACCESS_GRANTED",
    "VERIFICATION_FAILED",
    "access_state",
    "close_private_zones",
    "close_table",
    "close_unverified_tables",
    "find_table_problems",
    "reasons_against_access",
    "require_access_possible",
    "settle_access",
    "withdraw_access",
]
