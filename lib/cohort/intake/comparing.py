"""A delivery beside the last one of its school and supplier: halved or doubled is told as a warning."""

from __future__ import annotations

from dataclasses import replace

from cohort.intake.ledger import Entry, Ledger

Source = tuple[str | None, str]
"""A school and its supplier."""


def warned(entries: list[Entry], known: Ledger) -> list[Entry]:
    """The entries with what is told of a delivery beside the last one of its school and supplier.

    Takes: entries in the order of their numbers, with what they take away; what was taken in before them.
    Corrections of single results are held against nothing, nor is a further part of the same period.
    """
    last: dict[Source, Entry] = {}
    for line in known.lines:
        _note(last, line)
    told = []
    for entry in entries:
        told.append(replace(entry, warnings=entry.warnings | _beside(entry, last)))
        _note(last, entry)
    return told


def _note(last: dict[Source, Entry], entry: Entry) -> None:
    if _measures(entry):
        last[entry.brin, entry.supplier] = entry


def _beside(entry: Entry, last: dict[Source, Entry]) -> dict[str, int]:
    before = last.get((entry.brin, entry.supplier))
    if before is None or not _measures(entry) or _adds(entry, before):
        return {}
    if 2 * entry.delivered <= before.delivered:
        return {"HALVED": before.delivered}
    return {"DOUBLED": before.delivered} if entry.delivered >= 2 * before.delivered else {}


def _measures(entry: Entry) -> bool:
    """Whether a delivery is held against others; one that only corrects single results is not."""
    corrects = entry.replaced and not entry.withdrawn and sum(entry.replaced.values()) >= entry.accepted
    return entry.taken and entry.delivered > 0 and not corrects


def _adds(entry: Entry, before: Entry) -> bool:
    """Whether a file is another part of what the one before it is a part of."""
    return not (entry.replaced or entry.withdrawn) and _periods(entry) == _periods(before)


def _periods(entry: Entry) -> set[str]:
    return {one.rpartition(" ")[0] for one in entry.slices}
