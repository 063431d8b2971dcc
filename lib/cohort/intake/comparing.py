"""A delivery beside the last one of its school and supplier: halved or doubled is told as a warning."""

from __future__ import annotations

from dataclasses import replace

from cohort.intake.ledger import Entry, Ledger


def warned(entries: list[Entry], known: Ledger) -> list[Entry]:
    """The entries with what is told of a delivery beside the last one of its school and supplier.

    Takes: entries in the order of their numbers, with what they take away; what was taken in before them.
    Corrections of single results are held against nothing, nor is a further part of the same period.
    """
    last: dict[tuple[str | None, str], Entry] = {}
    told = []
    for entry in (*known.lines, *entries):
        source, warnings = (entry.brin, entry.supplier), dict(entry.warnings)
        if entry.taken and entry.delivered and not _corrects(entry):
            before = last.get(source)
            if before is not None and not _adds(entry, before):
                if 2 * entry.delivered <= before.delivered:
                    warnings["HALVED"] = before.delivered
                elif entry.delivered >= 2 * before.delivered:
                    warnings["DOUBLED"] = before.delivered
            last[source] = entry
        told.append(replace(entry, warnings=warnings))
    return told[len(known.lines) :]


def _corrects(entry: Entry) -> bool:
    """Whether all that a file gives stands in the place of earlier results, and nothing is withdrawn."""
    return bool(entry.replaced) and not entry.withdrawn and sum(entry.replaced.values()) >= entry.accepted


def _adds(entry: Entry, before: Entry) -> bool:
    """Whether a file is another part of what the one before it is a part of."""
    period = {one.rpartition(" ")[0] for one in entry.slices}
    return not (entry.replaced or entry.withdrawn) and period == {
        one.rpartition(" ")[0] for one in before.slices
    }
