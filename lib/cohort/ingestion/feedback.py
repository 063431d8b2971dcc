"""Feedback on deliveries: a JSON document and a text per delivery, in the folder of its school.

In go ledger entries, out come two small files per delivery; called by `batch_intake` before the ledger is written. No
value of a row and no pupil number is ever in them.
"""

from __future__ import annotations

from decimal import Decimal

from cohort.foundation import StateRefused, describe_problem
from cohort.ingestion.feedback_document import FeedbackDetails, make_feedback_document
from cohort.ingestion.feedback_texts import describe_delivery
from cohort.results import LedgerEntry
from cohort.storage import StorageZones, walk_folder, write_private_text

UNKNOWN_SCHOOL = "onbekend"
"""The folder of deliveries of which nobody knows the school."""


def write_feedback(
    zones: StorageZones, entry: LedgerEntry, details: FeedbackDetails, max_refused_share: Decimal
) -> None:
    """Write one machine-readable file and one to read, in the school's folder.

    Args:
        entry: the ledger entry of the delivery.
        details: what the ledger does not say of the file.
        max_refused_share: the largest share of refused rows with which a file is taken in.
    """
    folder = zones.school_feedback(entry.brin or UNKNOWN_SCHOOL)
    document = make_feedback_document(entry, details, max_refused_share)
    # nothing depends on these files, so no write waits for the disk: 6,600 schools would take half a minute
    write_private_text(folder / f"{entry.levering_nr}.json", document.to_json())
    text = describe_delivery(entry, details, max_refused_share)
    write_private_text(folder / f"{entry.levering_nr}.txt", text)


def sweep_uncounted_feedback(zones: StorageZones, last: int) -> None:
    """Remove the feedback of a run that was killed before its deliveries were in the ledger.

    Args:
        last: the number of the last delivery in the ledger.

    Raises:
        StateRefused: a folder that cannot be looked into: its feedback would be taken for that of another
            delivery (exit code 15).
    """
    if not zones.school_feedback("").is_dir():
        return
    # a walk, because a glob takes five times as long
    for folder, _, names in walk_folder(zones.school_feedback(""), on_error=_refuse_closed_folder):
        for name in names:
            number = name.partition(".")[0]
            if number.isdigit() and int(number) > last:
                (folder / name).unlink()


def _refuse_closed_folder(_: OSError) -> None:
    raise StateRefused(
        describe_problem(
            "folders that may be looked into",
            example="feedback/99ZZ",
            found="one that may not",
            where="feedback/",
            do="Give the platform's user its rights, then run ingest again",
        )
    )
