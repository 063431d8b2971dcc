"""Locks by name: one run at a time per project, and one of ingestion. How a lock is held is for the store to know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cohort.foundation import StateRefused, describe_problem
from cohort.storage.storage_path import StoragePath
from cohort.storage.stores import store_of

INGESTION_LOCK = "_intake"
"""The name of the lock of ingestion; no project can have such a name."""
OBJECTIONS_LOCK = "_objections"
"""The name of the lock of the objection registry, held for a moment by every job that reads a list."""
REGISTER_LOCK = "_register"
"""The name of the lock of the public register."""

PUBLICATIONS_LOCK = "_publications"
"""The name of the lock of all publications: each is audited beside the others."""

PRIVACY_BUDGET_LOCK = "_privacy_budget"
"""The name of the lock of the ledger of the privacy budget, held while figures with noise are drawn."""


@contextmanager
def hold_lock(folder: StoragePath, name: str, *, shared: bool = False, wait: bool = False) -> Iterator[bool]:
    """Hold a lock for as long as the block runs.

    Args:
        folder: the folder of lock files.
        name: the name of a project, or one of the names above.
        shared: whether other runs may hold the lock at the same time, also shared: releases read what ingestion writes.
        wait: whether to wait until the lock is free.

    Returns:
        A context that gives whether the lock was taken over from a run that may still be there, standing still.

    Raises:
        StateRefused: another run holds the lock (exit code 15).
    """
    with ExitStack() as held:
        try:
            taken_over = held.enter_context(store_of(folder).hold_lock(folder, name, shared=shared, wait=wait))
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
        yield taken_over
