"""What a school hears of its deliveries: codes, counts, line numbers; never a value or a pupil's number."""

from __future__ import annotations

from typing import Any

from cohort import register
from cohort.ledger import REJECTED, Entry
from cohort.places import Places
from cohort.reasons import FILE_REASONS, REASONS

UNKNOWN_SCHOOL = "onbekend"
SHOWN_LINES = 200


def write(places: Places, entry: Entry, lines: dict[str, list[int]]) -> None:
    """One machine-readable file and one to read, in the school's folder.

    Takes: the ledger's line, and per code the numbers of the lines it was found in.
    """
    folder = places.feedback(entry.brin or UNKNOWN_SCHOOL)
    told: dict[str, Any] = {
        "delivery": entry.levering_nr, "sha256": entry.sha256, "received": entry.received,
        "status": entry.status, "reason": entry.reason, "delivered": entry.delivered,
        "accepted": entry.accepted, "refused": entry.quarantined, "objected": entry.objected,
        "mended": {"PGN_PADDED": entry.mended} if entry.mended else {},
        "codes": {
            code: {"rows": n, "lines": lines.get(code, [])[:SHOWN_LINES], "meaning": REASONS[code]}
            for code, n in sorted(entry.codes.items())
        },
    }  # fmt: skip
    register.write(folder / f"{entry.levering_nr}.json", told)
    (folder / f"{entry.levering_nr}.txt").write_text(_text(entry, lines), encoding="utf-8")


def sweep(places: Places, last: int) -> None:
    """Remove what a killed run told: feedback on deliveries after the last one in the ledger."""
    for file in places.feedback("").glob("*/*"):
        if file.stem.isdigit() and int(file.stem) > last:
            file.unlink()


def _text(entry: Entry, lines: dict[str, list[int]]) -> str:
    if entry.status == REJECTED:
        reason = FILE_REASONS[entry.reason or ""]
        head = f"Delivery {entry.levering_nr} of {entry.received} was not taken in: {reason}."
    else:
        head = (
            f"Delivery {entry.levering_nr} of {entry.received}: {entry.delivered} rows delivered, "
            f"{entry.accepted} accepted, {entry.quarantined} refused, "
            f"{entry.objected} left out after an objection."
        )
    told = [head, f"File fingerprint (SHA-256): {entry.sha256}", ""]
    if entry.mended:
        told.append(
            f"{entry.mended} pupil numbers had lost their leading zero; they were mended by their proof."
        )
    for code, n in sorted(entry.codes.items()):
        places = ", ".join(str(line) for line in lines.get(code, [])[:SHOWN_LINES])
        told.append(f"{code}: {n} rows: {REASONS[code]}. Lines: {places or 'see the whole file'}.")
    if entry.codes or entry.status == REJECTED:
        told.append("Please correct this in your administration and deliver the file again.")
    return "\n".join(told) + "\n"
