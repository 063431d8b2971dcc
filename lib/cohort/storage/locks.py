"""One run at a time per project, and one of intake: an OS lock, which dies with its owner."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cohort.foundation.errors import StateRefused, describe_problem

INGESTION_LOCK = "_intake"
"""The lock of intake: a name that no project can have."""
OBJECTIONS_LOCK = "_objections"
"""The lock of what sources of objections filed: held for a moment by whoever reads a list."""

REGISTER_LOCK = "_register"
"""The lock of the public register."""


@contextmanager
def hold_lock(folder: Path, name: str, *, shared: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold a lock for as long as the block runs.

    Takes: the folder of locks, what is locked (a project's name or `INTAKE`), whether others may hold it
    in the same way (releases read what intake writes), and whether to wait for it.
    Refuses: a lock that another run holds (exit code 15). A killed run's lock is free at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
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
