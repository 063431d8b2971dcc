"""Completeness: schools that are expected to deliver and have not, per school year, moment and domain.

In go the school list and the ledger, out come the missing schools per slice (`2024-2025 M rekenen`); called by
`pipeline` at the end of a run. Names of schools stay in the restricted zone, the record of the run has only counts.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from cohort.agreements import Catalogue
from cohort.ingestion.validation_rules import MOMENT_STARTS
from cohort.results import Ledger, LedgerEntry
from cohort.storage import StorageZones, write_json_document

MissingSchools = dict[str, list[str]]
"""Per slice the schools that have not delivered it."""


def find_missing_schools(catalogue: Catalogue, ledger: Ledger, entries: Iterable[LedgerEntry]) -> MissingSchools:
    """Find the expected schools that lack, per slice.

    Only slices that some school delivered are looked at: one that no school delivered is not known to be due. And
    only those of the school years that this run brought results of, or of the latest year if it brought none.

    Args:
        ledger: the ledger with the entries of this run.
        entries: the entries of this run.
    """
    schools_by_slice: dict[str, set[str]] = defaultdict(set)
    for entry in ledger.entries:
        if entry.is_taken and entry.brin:
            for name in entry.slices:
                schools_by_slice[name].add(entry.brin)
    years = {_school_year(name) for entry in entries for name in entry.slices}
    years = years or {max(map(_school_year, schools_by_slice), default="")}
    return {
        name: sorted(_expected_schools(catalogue, name) - schools_by_slice[name])
        for name in sorted(schools_by_slice)
        if _school_year(name) in years
    }


def count_missing_schools(missing: MissingSchools) -> dict[str, int]:
    """Count the missing schools per slice, as the record of a run shows them."""
    return {name: len(schools) for name, schools in missing.items()}


def write_missing_schools(zones: StorageZones, missing: MissingSchools) -> None:
    """Write the missing schools by name, restricted to the platform."""
    write_json_document(zones.exact_records / "completeness.json", {"missing": missing})


def _school_year(slice_name: str) -> str:
    return slice_name.split(" ", 1)[0]


def _expected_schools(catalogue: Catalogue, slice_name: str) -> set[str]:
    """The schools that exist on the first day of the moment."""
    year, moment, _ = slice_name.split(" ", 2)
    years_later, month = MOMENT_STARTS[moment]
    day = dt.date(int(year[:4]) + years_later, month, 1)
    return {school for school, (since, until) in catalogue.expected.items() if since <= day <= until}
