"""Who may read a published table, opened and closed by file modes, groups and a hook; private zones closed."""

from __future__ import annotations

from cohort.access.private_zones import close_private_zones
from cohort.access.table_access import (
    ACCESS_GRANTED,
    VERIFICATION_FAILED,
    access_state,
    close_table,
    close_unverified_tables,
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
    "reasons_against_access",
    "require_access_possible",
    "settle_access",
    "withdraw_access",
]
