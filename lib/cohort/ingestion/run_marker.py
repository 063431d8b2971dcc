"""Whether the last run of intake came to its end: what one that did not leaves behind, the next looks for.

The number of the last delivery stands with the feedback, and only between runs. A root of which one part was
put back from a copy has another number there than in its ledger, and is looked through as well.
"""

from __future__ import annotations

from cohort.foundation import private_files
from cohort.results.ledger import Ledger
from cohort.storage.zone_paths import StorageZones


def begin_run(zones: StorageZones, known: Ledger) -> bool:
    """Say that a run is under way; whether the one before it, whose ledger this is, came to its end."""
    try:
        reached = zones.intake_completed.read_text(encoding="utf-8") == f"{known.last_number}\n"
    except (OSError, UnicodeDecodeError):
        reached = False
    zones.intake_completed.unlink(missing_ok=True)
    return reached


def complete_run(zones: StorageZones, after: Ledger) -> None:
    """Say that the run came to its end, with this ledger."""
    private_files.write_private_text(zones.intake_completed, f"{after.last_number}\n")
