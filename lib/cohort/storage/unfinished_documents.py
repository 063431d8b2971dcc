"""Documents that a killed run was writing: stores without a put write a hidden file beside a document first.

Whoever holds the lock under which a document is written removes what was left of it: no other run can be at it. In
goes the name of the lock; nothing else than such hidden files is ever removed. Jobs call it when they have a lock.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from cohort.storage.locks import INGESTION_LOCK, OBJECTIONS_LOCK, REGISTER_LOCK
from cohort.storage.storage_path import StoragePath
from cohort.storage.zone_paths import StorageZones

UNFINISHED_DOCUMENT = re.compile(r"\.(?P<document>.+)\.\d+\.new")
"""The name that a document is first written under: hidden, and with the number of the process."""
PATTERN = ".*.new"
WITHOUT_LOCK = re.compile(r"store\.json")
"""What every run writes at a first start, whatever its lock."""
SCHOOL_USES = re.compile(r"gebruik\..+")
"""The documents in the feedback folders that the register's job writes; all others are those of ingestion."""


def remove_unfinished_documents(zones: StorageZones, lock: str) -> None:
    """Remove what killed runs left of documents that are written under a lock.

    Args:
        zones: the zones of the root.
        lock: the name of the lock, which the caller holds alone.
    """
    for file in _find_unfinished(zones, lock):
        with suppress(OSError):  # the next run tries again
            file.unlink(missing_ok=True)


def _find_unfinished(zones: StorageZones, lock: str) -> Iterator[StoragePath]:
    feedback = zones.school_feedback("")
    if lock == OBJECTIONS_LOCK:
        yield from _unfinished_in(zones.objection_registry)
    elif lock == REGISTER_LOCK:
        yield from _unfinished_in(feedback, f"*/{PATTERN}", of=SCHOOL_USES)
    elif lock == INGESTION_LOCK:
        yield from _unfinished_in(zones.restricted, but=WITHOUT_LOCK)
        yield from _unfinished_in(zones.exact_records)
        yield from _unfinished_in(zones.erasures)
        yield from _unfinished_in(feedback, f"*/{PATTERN}", but=SCHOOL_USES)
    else:
        yield from _unfinished_in(zones.exact_records / lock)
        yield from _unfinished_in(zones.public_records / lock)
        yield from _unfinished_in(zones.release_snapshots(lock), f"*/{PATTERN}")


def _unfinished_in(
    folder: StoragePath,
    pattern: str = PATTERN,
    *,
    of: re.Pattern[str] | None = None,
    but: re.Pattern[str] | None = None,
) -> Iterator[StoragePath]:
    for file in list(folder.glob(pattern)):
        found = UNFINISHED_DOCUMENT.fullmatch(file.name)
        if found is None:
            continue
        document = found["document"]
        if (of is None or of.fullmatch(document)) and not (but is not None and but.fullmatch(document)):
            yield file
