"""Marker that the previous run of ingestion completed; without it the next run searches for what it left behind.

The marker holds the number of the last delivery and exists only between runs. After a part of the storage root was
restored from a backup, marker and ledger disagree, which counts as not completed, too.
"""

from __future__ import annotations

from cohort.results import Ledger
from cohort.storage import StorageZones, write_private_text


def begin_run(zones: StorageZones, ledger: Ledger) -> bool:
    """Remove the marker: a run is under way.

    Args:
        ledger: the ledger of earlier runs.

    Returns:
        Whether the previous run completed.
    """
    try:
        was_completed = zones.intake_completed.read_text(encoding="utf-8") == f"{ledger.last_number}\n"
    except (OSError, UnicodeDecodeError):
        was_completed = False
    zones.intake_completed.unlink(missing_ok=True)
    return was_completed


def complete_run(zones: StorageZones, ledger: Ledger) -> None:
    """Write the marker: the run completed, with this ledger."""
    write_private_text(zones.intake_completed, f"{ledger.last_number}\n")
