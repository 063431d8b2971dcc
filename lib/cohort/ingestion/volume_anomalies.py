"""Volume anomalies: a delivery compared with the last one of the same school and supplier.

In go ledger entries, out come warnings: rows halved (`HALVED`) or doubled (`DOUBLED`), columns that are missing
(`COLUMN_GONE`). They refuse nothing. Called by `batch_intake` before the ledger is written.
"""

from __future__ import annotations

from dataclasses import replace

from cohort.results import Ledger, LedgerEntry

DeliverySource = tuple[str | None, str]
"""A school and its supplier."""


def add_volume_warnings(entries: list[LedgerEntry], previous: Ledger) -> list[LedgerEntry]:
    """Add the warnings to the entries of a run.

    A correction of single results is compared with nothing, nor is a further part of the same periods.

    Args:
        entries: the entries of this run by delivery number, with the rows that they supersede.
        previous: the ledger of earlier runs.
    """
    last: dict[DeliverySource, LedgerEntry] = {}
    for entry in previous.entries:
        _remember_if_comparable(last, entry)
    missing = find_missing_columns(entries, previous)
    warned = []
    for entry in entries:
        columns_gone = {"COLUMN_GONE": len(missing[entry.levering_nr])} if entry.levering_nr in missing else {}
        warned.append(replace(entry, warnings=entry.warnings | _compare_volume(entry, last) | columns_gone))
        _remember_if_comparable(last, entry)
    return warned


def find_missing_columns(entries: list[LedgerEntry], previous: Ledger) -> dict[int, tuple[str, ...]]:
    """Find the canonical columns that the last delivery of the school and supplier had and this one has not.

    A correction of single results is compared as well. Entries that an earlier version wrote name no columns.

    Args:
        entries: the entries of this run by delivery number.
        previous: the ledger of earlier runs.

    Returns:
        The missing columns by delivery number, of deliveries that miss any.
    """
    last = {(entry.brin, entry.supplier): entry for entry in previous.entries if entry.is_taken and entry.columns}
    missing = {}
    for entry in (entry for entry in entries if entry.is_taken and entry.columns):
        before = last.get((entry.brin, entry.supplier), entry)
        lacking = [name for name in _columns(before) if name not in _columns(entry)]
        if lacking:
            missing[entry.levering_nr] = tuple(lacking)
        last[entry.brin, entry.supplier] = entry
    return missing


def _columns(entry: LedgerEntry) -> list[str]:
    return (entry.columns or "").split()


def _remember_if_comparable(last: dict[DeliverySource, LedgerEntry], entry: LedgerEntry) -> None:
    if _is_comparable(entry):
        last[entry.brin, entry.supplier] = entry


def _compare_volume(entry: LedgerEntry, last: dict[DeliverySource, LedgerEntry]) -> dict[str, int]:
    before = last.get((entry.brin, entry.supplier))
    if before is None or not _is_comparable(entry) or _is_further_part(entry, before):
        return {}
    if 2 * entry.delivered <= before.delivered:
        return {"HALVED": before.delivered}
    return {"DOUBLED": before.delivered} if entry.delivered >= 2 * before.delivered else {}


def _is_comparable(entry: LedgerEntry) -> bool:
    """Whether a delivery has a volume of its own; one that only corrects single results has not."""
    only_corrects = entry.replaced and not entry.withdrawn and sum(entry.replaced.values()) >= entry.accepted
    return entry.is_taken and entry.delivered > 0 and not only_corrects


def _is_further_part(entry: LedgerEntry, before: LedgerEntry) -> bool:
    """Whether a file adds to the periods of the one before and supersedes nothing."""
    return not (entry.replaced or entry.withdrawn) and _periods(entry) == _periods(before)


def _periods(entry: LedgerEntry) -> set[str]:
    """School years and moments of the accepted rows."""
    return {slice_name.rpartition(" ")[0] for slice_name in entry.slices}
