"""Locks: one run at a time per project, and one of ingestion.

A lock is one of the operating system (`flock`), so it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cohort.foundation import StateRefused, describe_problem

INGESTION_LOCK = "_intake"
"""The name of the lock of ingestion; no project can have such a name."""
OBJECTIONS_LOCK = "_objections"
"""The name of the lock of the objection registry, held for a moment by every job that reads a list."""
REGISTER_LOCK = "_register"
"""The name of the lock of the public register."""


@contextmanager
def hold_lock(folder: Path, name: str, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold a lock for as long as the block runs.

    Args:
        folder: the folder of lock files.
        name: the name of a project, or one of the names above.
        shared: whether other runs may hold the lock at the same time, also shared: releases read what ingestion writes.
        wait: whether to wait until the lock is free.

    Raises:
        StateRefused: another run holds the lock (exit code 15).
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(handle, mode if wait else mode | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateRefused(
                describe_problem(
                    f"no other run on {name}",
                    example="the first of two",
                    found="one that is running",
                    where=f"restricted/locks/{name}.lock",
                    do="Wait until it is done, then run again",
                )
            ) from None
        yield
    finally:
        os.close(handle)
