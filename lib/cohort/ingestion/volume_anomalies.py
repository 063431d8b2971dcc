"""A delivery beside the last one of its school and supplier: what is told as a warning.

It is halved or doubled, or columns are not there any more.
"""

from __future__ import annotations

from dataclasses import replace

from cohort.results.ledger import Ledger, LedgerEntry

DeliverySource = tuple[str | None, str]
"""A school and its supplier."""


def add_volume_warnings(entries: list[LedgerEntry], known: Ledger) -> list[LedgerEntry]:
    """The entries with what is told of a delivery beside the last one of its school and supplier.

    Takes: entries in the order of their numbers, with what they take away; what was taken in before them.
    Corrections of single results are held against nothing, nor is a further part of the same period.
    """
    last: dict[DeliverySource, LedgerEntry] = {}
    for line in known.entries:
        _note(last, line)
    gone = find_missing_columns(entries, known)
    told = []
    for entry in entries:
        lacking = {"COLUMN_GONE": len(gone[entry.levering_nr])} if entry.levering_nr in gone else {}
        told.append(replace(entry, warnings=entry.warnings | _beside(entry, last) | lacking))
        _note(last, entry)
    return told


def find_missing_columns(entries: list[LedgerEntry], known: Ledger) -> dict[int, tuple[str, ...]]:
    """Per delivery the canonical columns that the last one of its school and supplier had, and it has not.

    Takes: the same as `warned`. A correction of single results may lack columns as little as any other.
    Lines of the ledger that an earlier version wrote say nothing of columns.
    """
    last = {(line.brin, line.supplier): line for line in known.entries if line.is_taken and line.columns}
    found = {}
    for entry in (entry for entry in entries if entry.is_taken and entry.columns):
        before = last.get((entry.brin, entry.supplier), entry)
        gone = [name for name in _columns(before) if name not in _columns(entry)]
        if gone:
            found[entry.levering_nr] = tuple(gone)
        last[entry.brin, entry.supplier] = entry
    return found


def _columns(entry: LedgerEntry) -> list[str]:
    return (entry.columns or "").split()


def _note(last: dict[DeliverySource, LedgerEntry], entry: LedgerEntry) -> None:
    if _measures(entry):
        last[entry.brin, entry.supplier] = entry


def _beside(entry: LedgerEntry, last: dict[DeliverySource, LedgerEntry]) -> dict[str, int]:
    before = last.get((entry.brin, entry.supplier))
    if before is None or not _measures(entry) or _adds(entry, before):
        return {}
    if 2 * entry.delivered <= before.delivered:
        return {"HALVED": before.delivered}
    return {"DOUBLED": before.delivered} if entry.delivered >= 2 * before.delivered else {}


def _measures(entry: LedgerEntry) -> bool:
    """Whether a delivery is held against others; one that only corrects single results is not."""
    corrects = entry.replaced and not entry.withdrawn and sum(entry.replaced.values()) >= entry.accepted
    return entry.is_taken and entry.delivered > 0 and not corrects


def _adds(entry: LedgerEntry, before: LedgerEntry) -> bool:
    """Whether a file is another part of what the one before it is a part of."""
    return not (entry.replaced or entry.withdrawn) and _periods(entry) == _periods(before)


def _periods(entry: LedgerEntry) -> set[str]:
    return {one.rpartition(" ")[0] for one in entry.slices}
