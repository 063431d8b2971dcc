"""Schools that are expected to deliver and have not, per school year, moment and domain."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from cohort.agreements.catalogue import Catalogue
from cohort.foundation import json_documents
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones

MOMENT_STARTS = {"B": (0, 8), "M": (1, 1), "E": (1, 4)}
MissingSchools = dict[str, list[str]]


def find_missing_schools(catalogue: Catalogue, known: Ledger, entries: Iterable[LedgerEntry]) -> MissingSchools:
    """The schools that lack, per slice (`2024-2025 M rekenen`).

    Takes: the school list; the ledger; the lines of this run. Only slices of the school years that this run
    brought results of are looked at (of the latest one, when it brought none): what no school at all
    delivered is not known to be due.
    """
    delivered: dict[str, set[str]] = defaultdict(set)
    for line in known.entries:
        if line.is_taken and line.brin:
            for one in line.slices:
                delivered[one].add(line.brin)
    touched = {one.split(" ", 1)[0] for entry in entries for one in entry.slices}
    years = touched or {max((one.split(" ", 1)[0] for one in delivered), default="")}
    return {
        one: sorted(_expected(catalogue, one) - delivered[one])
        for one in sorted(delivered)
        if one.split(" ", 1)[0] in years
    }


def count_missing_schools(missing: MissingSchools) -> dict[str, int]:
    """How many schools lack, per slice: what a record tells."""
    return {one: len(schools) for one, schools in missing.items()}


def write_missing_schools(zones: StorageZones, missing: MissingSchools) -> None:
    """The schools by name, for the platform's eyes only."""
    json_documents.write_json_document(zones.exact_records / "completeness.json", {"missing": missing})


def _expected(catalogue: Catalogue, one: str) -> set[str]:
    year, moment, _ = one.split(" ", 2)
    later, month = MOMENT_STARTS[moment]
    day = dt.date(int(year[:4]) + later, month, 1)
    return {school for school, (since, until) in catalogue.expected.items() if since <= day <= until}
