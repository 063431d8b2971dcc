"""Mark of the lists that were accepted last, and of the results that they were accepted for.

Every release asks whether today's lists may be used. Their limits follow from the lists and from the results, so one
look at the results serves all releases until either changes. The mark lies among the exact records, not in the registry
of objections, which the verifier reads document by document; it holds digests and versions, never a number.
"""

from __future__ import annotations

import hashlib

from cohort.agreements import ObjectionLimits
from cohort.delta import read_version, table_exists
from cohort.legal_basis import Objections
from cohort.storage import StoragePath, StorageZones, read_applied_digest, write_json_document


def is_accepted(zones: StorageZones, objections: Objections, limits: ObjectionLimits) -> bool:
    """Whether these lists were accepted for the results and the quarantine as they are."""
    return read_applied_digest(_mark_path(zones)) == _digest(zones, objections, limits)


def mark_as_accepted(zones: StorageZones, objections: Objections, limits: ObjectionLimits) -> None:
    """Note that these lists were accepted for the results and the quarantine as they are."""
    write_json_document(_mark_path(zones), {"digest": _digest(zones, objections, limits)})


def _digest(zones: StorageZones, objections: Objections, limits: ObjectionLimits) -> str:
    tables = (zones.results, zones.quarantine, zones.ledger)
    versions = [read_version(table) if table_exists(table) else -1 for table in tables]
    days = [(one.name, str(one.date)) for one in objections.opt_in_lists]
    parts = (objections.digest(), sorted(objections.confirmed_lists), days, limits.model_dump_json(), versions)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _mark_path(zones: StorageZones) -> StoragePath:
    return zones.exact_records / "bezwaren.json"
