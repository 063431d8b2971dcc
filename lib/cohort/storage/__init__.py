"""The zones of the storage root as paths, and locks: one run at a time per project and one of ingestion.

zone_paths  where everything stands under the storage root
locks       locks of the operating system, by name
"""

from __future__ import annotations

from cohort.storage.locks import INGESTION_LOCK, OBJECTIONS_LOCK, REGISTER_LOCK, hold_lock
from cohort.storage.zone_paths import StorageZones, parse_storage_root

__all__ = ["INGESTION_LOCK", "OBJECTIONS_LOCK", "REGISTER_LOCK", "StorageZones", "hold_lock", "parse_storage_root"]
