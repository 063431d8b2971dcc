"""What a school hears of its deliveries: codes, counts, line numbers; never a value or a pupil's number."""

from __future__ import annotations

import json
from typing import Any

from cohort.intake.formats import Unrecognised
from cohort.intake.ledger import REJECTED, Entry
from cohort.intake.reasons import FILE_REASONS, REASONS, WARNINGS, Reason
from cohort.places import Places

UNKNOWN_SCHOOL = "onbekend"
SHOWN_LINES = 200
ELEMENTS = "results"
"""The kind of file that has elements instead of lines."""


def write(
    places: Places, entry: Entry, lines: dict[str, list[int]], differs: Unrecognised | None = None
) -> None:
    """One machine-readable file and one to read, in the school's folder.

    Takes: the ledger's line; per code the numbers of the lines (of a UWLR message: of the `resultaat`
    elements) it was found in; how a header differs from every declared one.
    """
    folder = places.feedback(entry.brin or UNKNOWN_SCHOOL)
    told: dict[str, Any] = {
        "delivery": entry.levering_nr,
        "sha256": entry.sha256,
        "received": entry.received,
        "status": entry.status,
        "reason": entry.reason,
        "delivered": entry.delivered,
        "accepted": entry.accepted,
        "refused": entry.quarantined,
        "objected": entry.objected,
        "mended": {"PGN_PADDED": entry.mended} if entry.mended else {},
        "replaced": sum(entry.replaced.values()),
        "withdrawn": sum(entry.withdrawn.values()),
        "codes": {
            code: {"rows": n, "lines": lines.get(code, [])[:SHOWN_LINES], **_both(REASONS[code])}
            for code, n in sorted(entry.codes.items())
        },
        "warnings": {
            code: {"number": n, **_both(WARNINGS[code])} for code, n in sorted(entry.warnings.items())
        },
    }
    if entry.reason is not None:
        told["rejected"] = _both(FILE_REASONS[entry.reason])
    if differs is not None:
        told["header"] = {
            "closest_format": differs.closest,
            "missing": differs.missing,
            "unknown_columns": differs.unknown,
        }
    # nothing rests on these files, so none of them waits for the disk: 6,600 would wait for half a minute
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(told, ensure_ascii=False, indent=2)
    (folder / f"{entry.levering_nr}.json").write_text(content + "\n", encoding="utf-8")
    text = "\n\n".join(_text(entry, lines, differs, language) for language in (0, 1))
    (folder / f"{entry.levering_nr}.txt").write_text(text, encoding="utf-8")


def sweep(places: Places, last: int) -> None:
    """Remove what a killed run told: feedback on deliveries after the last one in the ledger."""
    for file in places.feedback("").glob("*/*"):
        if file.stem.isdigit() and int(file.stem) > last:
            file.unlink()


def _both(reason: Reason) -> dict[str, str]:
    return {"meaning": reason.en, "what_to_do": reason.do, "betekenis": reason.nl, "wat_te_doen": reason.doe}


SAID = {
    "rejected": (
        "Levering {} van {} is niet ingenomen: {}. {}",
        "Delivery {} of {} was not taken in: {}. {}",
    ),
    "taken": (
        "Levering {} van {}: {} rijen geleverd, {} aangenomen, {} geweigerd, {} weggelaten na een bezwaar.",
        "Delivery {} of {}: {} rows delivered, {} accepted, {} refused, {} left out after an objection.",
    ),
    "roster": (
        "Levering {} van {} is een leerlinglijst; zij is bewaard om resultaten aan te koppelen.",
        "Delivery {} of {} is a roster; it was kept to join results to.",
    ),
    "repeated": (
        "Levering {} van {} bevat alleen bestanden die ook op een andere manier zijn geleverd.",
        "Delivery {} of {} holds only files that were delivered in another way, too.",
    ),
    "print": ("Vingerafdruk van het bestand (SHA-256): {}", "File fingerprint (SHA-256): {}"),
    "mended": (
        "{} leerlingnummers misten hun voorloopnul; die is hersteld op grond van de controle.",
        "{} pupil numbers had lost their leading zero; they were mended by their proof.",
    ),
    "replaced": (
        "{} eerdere resultaten zijn vervangen, {} zijn ingetrokken omdat dit bestand ze niet meer heeft.",
        "{} earlier results were replaced, {} were withdrawn because this file no longer has them.",
    ),
    "code": ("{}: {} rijen: {}. {}: {}. {}", "{}: {} rows: {}. {}: {}. {}"),
    "lines": ("Regels", "Lines"),
    "elements": ("Resultaten (volgnummer in het bericht)", "Results (their place in the message)"),
    "whole": ("zie het hele bestand", "see the whole file"),
    "warning": ("Let op, {}: {} {}. {}", "Note, {}: {} {}. {}"),
    "closest": (
        "Het lijkt het meest op het formaat {}; daarvan ontbreekt: {}. Niet herkende kolommen: {}.",
        "It is closest to the format {}; of that it lacks: {}. Columns not recognised: {}.",
    ),
    "nothing": ("niets", "nothing"),
}
"""Every sentence in Dutch and in English."""


def _text(entry: Entry, lines: dict[str, list[int]], differs: Unrecognised | None, language: int) -> str:
    def said(name: str, *values: object) -> str:
        return SAID[name][language].format(*values)

    told = [_head(entry, language), said("print", entry.sha256)]
    if differs is not None:
        nothing = said("nothing")
        missing, unknown = (", ".join(names) or nothing for names in (differs.missing, differs.unknown))
        told.append(said("closest", differs.closest, missing, unknown))
    if entry.mended:
        told.append(said("mended", entry.mended))
    if entry.replaced or entry.withdrawn:
        told.append(said("replaced", sum(entry.replaced.values()), sum(entry.withdrawn.values())))
    kind = said("elements" if entry.kind == ELEMENTS else "lines")
    for code, n in sorted(entry.codes.items()):
        places = ", ".join(str(line) for line in lines.get(code, [])[:SHOWN_LINES]) or said("whole")
        meaning, do = _in(REASONS[code], language)
        told.append(said("code", code, n, meaning, kind, places, do))
    for code, n in sorted(entry.warnings.items()):
        meaning, do = _in(WARNINGS[code], language)
        told.append(said("warning", code, meaning, n, do))
    return "\n".join(told) + "\n"


def _head(entry: Entry, language: int) -> str:
    number, received = entry.levering_nr, entry.received
    if entry.status == REJECTED:
        meaning, do = _in(FILE_REASONS[entry.reason or ""], language)
        return SAID["rejected"][language].format(number, received, meaning, do)
    if entry.kind in ("roster", "repeated"):
        return SAID[entry.kind][language].format(number, received)
    counts = entry.delivered, entry.accepted, entry.quarantined, entry.objected
    return SAID["taken"][language].format(number, received, *counts)


def _in(reason: Reason, language: int) -> tuple[str, str]:
    return (reason.nl, reason.doe) if language == 0 else (reason.en, reason.do)
