"""Replacement of a file as a whole: readers see the earlier content or the new one, never a part of it.

Called by everything that writes a small file which another run, or a reader outside, relies on. The caller decides
on the file mode; this module never opens the file itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_replacement(path: Path, *, temporary: Path | None = None, durable: bool = True) -> Iterator[Path]:
    """Give the path of a temporary file that takes the place of `path` when the block ends without an error.

    Args:
        path: the file to replace; its folder exists before the block ends.
        temporary: where the block writes, in the same folder; hidden and named after this process unless given.
        durable: whether the new name is on the disk before the call returns. The block itself flushes the content
            (`os.fsync`).

    Returns:
        The path to write to. Whatever is left of it after an error is removed.
    """
    fresh = temporary or path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        yield fresh
        fresh.replace(path)
        if durable:
            sync_folder(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Write a folder's entries to the disk, so that a power cut undoes no creation, replacement or removal in it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
