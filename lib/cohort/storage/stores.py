"""Which store a path is on."""

from __future__ import annotations

from pathlib import Path

from cohort.storage.hadoop_path import HadoopPath
from cohort.storage.posix_store import POSIX_STORE
from cohort.storage.storage_path import StoragePath
from cohort.storage.store import Store


def store_of(path: StoragePath) -> Store:
    """The store that a path is on."""
    if isinstance(path, Path):
        return POSIX_STORE
    if isinstance(path, HadoopPath):
        return path.store
    raise TypeError("a path that is on no store of the platform")
