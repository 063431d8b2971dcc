"""What a killed run left beside documents: stores without a put write a hidden file beside a document first.

Whoever holds the lock under which a document is written removes what was left of it: no other run can be at it. What
tries a store is written under no lock, and goes by its age. In goes the name of the lock; jobs call it when they have
one. Nothing is removed but files with these names.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress

from cohort.storage.file_operations import remove_tree
from cohort.storage.locks import INGESTION_LOCK, OBJECTIONS_LOCK, PRIVACY_BUDGET_LOCK, PUBLICATIONS_LOCK, REGISTER_LOCK
from cohort.storage.storage_path import StoragePath
from cohort.storage.stores import store_of
from cohort.storage.zone_paths import StorageZones

UNFINISHED_DOCUMENT = re.compile(r"\.(?P<document>.+)\.\d+\.new")
"""The name that a document is first written under: hidden, and with the number of the process."""
PATTERN = ".*.new"
WITHOUT_LOCK = re.compile(r"store\.json")
"""What every run writes at a first start, whatever its lock."""
TRIAL_PATTERNS = ("probe-*", "readers-*", ".store.json.*.new")
"""What `root_probe` and a store's `check_readers` make in the restricted zone, and remove at once; and what a killed
first start leaves beside its document.
"""
LONGEST_TRIAL_SECONDS = 3600.0
SCHOOL_USES = re.compile(r"gebruik\..+")
"""The documents in the feedback folders that the register's job writes; all others are those of ingestion."""


def remove_unfinished_documents(zones: StorageZones, lock: str) -> None:
    """Remove what killed runs left of documents that are written under a lock.

    Args:
        zones: the zones of the root.
        lock: the name of the lock, which the caller holds alone.
    """
    if store_of(zones.root).writes_beside:
        for file in _find_unfinished(zones, lock):
            with suppress(OSError):  # the next run tries again
                file.unlink(missing_ok=True)
    if lock == INGESTION_LOCK:
        _remove_abandoned_trials(zones)


def _find_unfinished(zones: StorageZones, lock: str) -> Iterator[StoragePath]:
    feedback = zones.school_feedback("")
    if lock == OBJECTIONS_LOCK:
        yield from _unfinished_in(zones.objection_registry)
    elif lock == PRIVACY_BUDGET_LOCK:
        yield from _unfinished_in(zones.differential_privacy)
        yield from _unfinished_in(zones.differential_privacy / "figures")
    elif lock == PUBLICATIONS_LOCK:
        for depth in ("*", "*/*", "*/*/*"):
            yield from _unfinished_in(zones.exact_publications, f"{depth}/{PATTERN}")
        yield from _unfinished_in(zones.staged_publications, f"*/*/{PATTERN}")
        yield from _unfinished_in(zones.published_publications, f"*/*/{PATTERN}")
        yield from _unfinished_in(zones.public_records / "publications", f"*/{PATTERN}")
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
        yield from _unfinished_in(zones.twin(lock))
        yield from _unfinished_in(zones.release_snapshots(lock), f"*/{PATTERN}")
        yield from _unfinished_in(zones.exact_reports(lock))
        yield from _unfinished_in(zones.open_reports(lock))
        yield from _unfinished_in(zones.output_requests(lock), f"**/{PATTERN}")
        yield from _unfinished_in(zones.released_outputs(lock, 0).parent, f"*/{PATTERN}")


def _remove_abandoned_trials(zones: StorageZones) -> None:
    for trial in [path for pattern in TRIAL_PATTERNS for path in zones.restricted.glob(pattern)]:
        with suppress(OSError):  # another run ended its own
            if time.time() > trial.stat().st_mtime + LONGEST_TRIAL_SECONDS:
                if trial.is_file():
                    trial.unlink(missing_ok=True)
                else:
                    remove_tree(trial)


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
