"""Folders and files that nobody but the platform's own user may enter or read, whatever the umask.

Who writes for a school, or keeps what is exact, writes through here. Knows no zone: `places` says where,
`access` closes what an earlier version or somebody else left open.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE = 0o700, 0o600
GROUP_AND_OTHERS_BITS = 0o077
"""The rights of the group and of everybody."""


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user enters, and every missing one above it; close one that is open."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER_MODE)
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER_MODE)
    except FileExistsError:
        _close(folder, folder.stat(), PRIVATE_FOLDER_MODE)
        return
    folder.chmod(PRIVATE_FOLDER_MODE)


def write_private_text(path: Path, text: str) -> None:
    """Write a file that only this user reads, from its first byte on, in a folder that only this user enters.

    It does not wait for the disk, and is no document to rest on: `register.write` is for those.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        handle = os.open(path, flags, PRIVATE_FILE_MODE)
        _close(path.parent, path.parent.stat(), PRIVATE_FOLDER_MODE)
    except FileNotFoundError:
        make_private_folder(path.parent)
        handle = os.open(path, flags, PRIVATE_FILE_MODE)
    with os.fdopen(handle, "wb", buffering=0) as file:
        os.fchmod(
            handle, PRIVATE_FILE_MODE
        )  # one that was there keeps its rights; it is closed before it has new content
        left = memoryview(text.encode("utf-8"))
        while left:
            left = left[file.write(left) :]


def close_private_tree(top: Path) -> list[tuple[str, str]]:
    """Close a folder and all that lies in it, the folder itself first: then nobody reaches the rest.

    Gives: what could not be closed, by its path from the folder above, and why. A link is not followed and
    counts among them: what it leads to is not ours to close.
    """
    if top.is_symlink():
        return [(top.name, "a link to elsewhere")]
    problems: list[tuple[str, str]] = []
    pending = [top] if top.is_dir() else []
    while pending:
        folder = pending.pop()
        try:
            _close(folder, folder.stat(), PRIVATE_FOLDER_MODE)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        problems.append((entry.path, "a link to elsewhere"))
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        _close(Path(entry.path), entry.stat(follow_symlinks=False), PRIVATE_FILE_MODE)
        except FileNotFoundError:
            continue  # another run removed it
        except OSError as failed:
            problems.append((str(failed.filename or folder), f"one that refuses ({failed.strerror})"))
    return [(os.path.relpath(path, top.parent), found) for path, found in problems]


def _close(path: Path, about: os.stat_result, mode: int) -> None:
    if stat.S_IMODE(about.st_mode) & GROUP_AND_OTHERS_BITS:
        path.chmod(mode)
