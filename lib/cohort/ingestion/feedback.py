"""What a school hears of its deliveries: codes, counts, line numbers; never a value or a pupil's number."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from cohort.delivery_formats.file_reason_codes import FILE_REASONS, UNREADABLE
from cohort.delivery_formats.format_declarations import UnrecognisedHeader
from cohort.delivery_formats.row_reason_codes import (
    COLUMN_WARNINGS,
    FILE_WARNINGS,
    PUPIL_WARNINGS,
    ROW_REASONS,
    WARNING_REASONS,
    ReasonText,
)
from cohort.foundation import private_files
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.ingestion.feedback_texts import FEEDBACK_LANGUAGES, count_phrase, feedback_sentence
from cohort.results.ledger import DELIVERY_REJECTED, OPT_IN_LIST_OLDER, LedgerEntry
from cohort.storage.zone_paths import StorageZones

UNKNOWN_SCHOOL = "onbekend"
MOST_SHOWN_LINES = 200
ELEMENT_KIND = "results"
"""The kind of file that has elements instead of lines."""
WAITING_STATUS, WAITING_REASONS = "WAITING", ("ROSTER_MISSING", OPT_IN_LIST_OLDER, UNREADABLE)
"""A file that is taken in as it is, once something else comes or the next run can read it."""
COLUMN_GONE = "COLUMN_GONE"
PREVIOUS_DELIVERY_WARNINGS = ("HALVED", "DOUBLED", COLUMN_GONE)
"""Warnings whose number is of the delivery before."""


def write_feedback(
    zones: StorageZones,
    entry: LedgerEntry,
    lines: dict[str, list[int]],
    most: Decimal,
    differs: UnrecognisedHeader | None = None,
    joined: dict[str, int] | None = None,
    unread: Sequence[str] = (),
    gone: Sequence[str] = (),
) -> None:
    """One machine-readable file and one to read, in the school's folder.

    Takes: the ledger's line; per code the numbers of the lines (of a UWLR message: of the `resultaat`
    elements) it was found in; the largest share of refused rows in a file; how a header differs from every
    declared one; how many results were joined to a roster on what; columns that were not read on; those of
    the delivery before that are there no longer.
    """
    folder = zones.school_feedback(entry.brin or UNKNOWN_SCHOOL)
    told: dict[str, Any] = {
        "delivery": entry.levering_nr,
        "sha256": entry.sha256,
        "received": entry.received,
        "status": WAITING_STATUS if entry.reason in WAITING_REASONS else entry.status,
        "reason": entry.reason,
        "delivered": entry.delivered,
        "accepted": entry.accepted,
        "refused": entry.quarantined,
        "objected": entry.objected,
        "mended": {"PGN_PADDED": entry.mended} if entry.mended else {},
        "replaced": sum(entry.replaced.values()),
        "withdrawn": sum(entry.withdrawn.values()),
        "codes": {
            code: {"rows": n, "lines": lines.get(code, [])[:MOST_SHOWN_LINES], **_both(ROW_REASONS[code])}
            for code, n in sorted(entry.codes.items())
        },
        "warnings": {
            code: {"number": n, "of": warning_unit(code), **_both(WARNING_REASONS[code])}
            for code, n in sorted(entry.warnings.items())
        },
    }
    if entry.reason is not None:
        told["rejected"] = _both(rejection_reason(entry.reason, most))
        if entry.reason in lines:
            told["rejected"]["lines"] = lines[entry.reason][:MOST_SHOWN_LINES]
    if differs is not None:
        told["header"] = {
            "closest_format": differs.closest_format,
            "missing": differs.missing,
            "unknown_columns": differs.unknown,
        }
    if joined is not None:
        told["joined"] = joined
    if unread:
        told["columns_not_read"] = list(unread)
    if gone:
        told["warnings"][COLUMN_GONE]["columns"] = list(gone)
    # nothing rests on these files, so none of them waits for the disk: 6,600 would wait for half a minute
    content = json.dumps(told, ensure_ascii=False, indent=2)
    private_files.write_private_text(folder / f"{entry.levering_nr}.json", content + "\n")
    told_too = differs, joined, unread, gone
    text = "\n\n".join(_text(entry, lines, most, *told_too, language) for language in FEEDBACK_LANGUAGES)
    private_files.write_private_text(folder / f"{entry.levering_nr}.txt", text)


def sweep_uncounted_feedback(zones: StorageZones, last: int) -> None:
    """Remove what a run told that the ledger does not vouch for: feedback on deliveries after its last one.

    Refuses: a folder that cannot be looked into (exit code 15): its feedback would be taken for another's.
    """
    if not zones.school_feedback("").is_dir():
        return
    for folder, _, names in os.walk(zones.school_feedback(""), onerror=_shut):  # a glob takes five times as long
        for name in names:
            number = name.partition(".")[0]
            if number.isdigit() and int(number) > last:
                (Path(folder) / name).unlink()


def _shut(_: OSError) -> None:
    raise StateRefused(
        describe_problem(
            "folders that may be looked into",
            example="feedback/99ZZ",
            found="one that may not",
            where="feedback/",
            do="Give the platform's user its rights, then run ingest again",
        )
    )


def _both(reason: ReasonText) -> dict[str, str]:
    return {"meaning": reason.en, "what_to_do": reason.do_en, "betekenis": reason.nl, "wat_te_doen": reason.do_nl}


def warning_unit(code: str) -> str:
    """What the number of a warning counts."""
    units = ((COLUMN_WARNINGS, "columns"), (FILE_WARNINGS, "files"), (PUPIL_WARNINGS, "pupils"))
    return next((name for codes, name in units if code in codes), "rows")


def rejection_reason(code: str, most: Decimal) -> ReasonText:
    """Why a file was not taken in; `most` is the largest share of refused rows in a file."""
    limit = f"{most * 100:f}".rstrip("0").rstrip(".") + " %"
    return ReasonText(*(text.format(limit=limit) for text in FILE_REASONS[code]))


def _text(
    entry: LedgerEntry,
    lines: dict[str, list[int]],
    most: Decimal,
    differs: UnrecognisedHeader | None,
    joined: dict[str, int] | None,
    unread: Sequence[str],
    gone: Sequence[str],
    language: int,
) -> str:
    def say(name: str, *values: object) -> str:
        return feedback_sentence(language, name, *values)

    def count(number: int, unit: str) -> str:
        return count_phrase(language, number, unit)

    def shown(code: str) -> str:
        return ", ".join(str(line) for line in lines.get(code, [])[:MOST_SHOWN_LINES])

    kind = say("elements" if entry.kind == ELEMENT_KIND else "lines")
    told = [_head(entry, most, language), say("print", entry.sha256)]
    if entry.reason in lines:
        told.append(say("at", kind, shown(entry.reason)))
    if differs is not None:
        nothing = say("nothing")
        missing, unknown = (", ".join(names) or nothing for names in (differs.missing, differs.unknown))
        told.append(say("closest", differs.closest_format, missing, unknown))
    if unread:
        told.append(say("unread", ", ".join(unread)))
    if joined is not None:
        told.append(say("joined", count(joined["eckid"], "results"), joined["key"]))
    if entry.mended:
        told.append(say("mended", count(entry.mended, "numbers")))
    if entry.replaced or entry.withdrawn:
        replaced, withdrawn = sum(entry.replaced.values()), sum(entry.withdrawn.values())
        told.append(say("replaced", count(replaced, "results"), withdrawn))
    for code, n in sorted(entry.codes.items()):
        meaning, do = _in(ROW_REASONS[code], language)
        told.append(say("code", code, count(n, "rows"), meaning, kind, shown(code) or say("whole"), do))
    for code, n in sorted(entry.warnings.items()):
        meaning, do = _in(WARNING_REASONS[code], language)
        form = "before" if code in PREVIOUS_DELIVERY_WARNINGS else "warning"
        told.append(say(form, code, count(n, warning_unit(code)), meaning, do))
        if code == COLUMN_GONE:
            told.append(say("gone", ", ".join(gone)))
    return "\n".join(told) + "\n"


def _head(entry: LedgerEntry, most: Decimal, language: int) -> str:
    number, received = entry.levering_nr, entry.received
    if entry.status == DELIVERY_REJECTED:
        meaning, do = _in(rejection_reason(entry.reason or "", most), language)
        form = "waiting" if entry.reason in WAITING_REASONS else "rejected"
        return feedback_sentence(language, form, number, received, meaning, do)
    if entry.kind in ("roster", "repeated"):
        return feedback_sentence(language, entry.kind, number, received)
    delivered = count_phrase(language, entry.delivered, "rows")
    parts = entry.accepted, entry.quarantined, entry.objected
    return feedback_sentence(language, "taken", number, received, delivered, *parts)


def _in(reason: ReasonText, language: int) -> tuple[str, str]:
    return (reason.nl, reason.do_nl) if language == 0 else (reason.en, reason.do_en)
