"""Local folders and files that nobody but the platform's own user may enter or read, whatever the umask.

`posix_store` writes through this module everything that is made for a school, or that holds exact counts. It knows no
storage zone: `zone_paths` says where things stand, and `access` closes what was left open.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE = 0o700, 0o600
READABLE_FOLDER_MODE, READABLE_FILE_MODE = 0o750, 0o640
GROUP_AND_OTHERS_BITS = 0o077
"""The permission bits of the group and of everybody."""
LINK_PROBLEM = "a link to elsewhere"


def make_private_folder(folder: Path) -> None:
    """Make a private folder and every missing folder above it; close the folder if it exists and is open."""
    try:
        folder.mkdir(mode=PRIVATE_FOLDER_MODE)
    except FileNotFoundError:
        make_private_folder(folder.parent)
        folder.mkdir(mode=PRIVATE_FOLDER_MODE)
    except FileExistsError:
        _close(folder, folder.stat(), PRIVATE_FOLDER_MODE)
        return
    folder.chmod(PRIVATE_FOLDER_MODE)


def write_private_bytes(path: Path, content: bytes) -> None:
    """Write a file that is private from its first byte on, in a private folder.

    The call does not wait for the disk, and a killed run may leave half a file. What another run relies on is written
    with `json_documents.write_json_document`.

    Raises:
        OSError: the file is a symbolic link, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    try:
        handle = os.open(path, flags, PRIVATE_FILE_MODE)
        _close(path.parent, path.parent.stat(), PRIVATE_FOLDER_MODE)
    except FileNotFoundError:
        make_private_folder(path.parent)
        handle = os.open(path, flags, PRIVATE_FILE_MODE)
    with os.fdopen(handle, "wb", buffering=0) as file:
        os.fchmod(handle, PRIVATE_FILE_MODE)  # an existing file keeps its mode: close it before it has new content
        unwritten = memoryview(content)
        while unwritten:
            unwritten = unwritten[file.write(unwritten) :]


def close_private_tree(top: Path) -> list[tuple[str, str]]:
    """Close a folder and everything below it, the folder itself first: then nobody reaches the rest.

    Returns:
        For everything that could not be closed, its path from the folder above `top`, and why. A link is not
        followed and counts as a problem: what it leads to does not belong to the platform.
    """
    if top.is_symlink():
        return [(top.name, LINK_PROBLEM)]
    problems: list[tuple[str, str]] = []
    pending = [top] if top.is_dir() else []
    while pending:
        folder = pending.pop()
        try:
            _close(folder, folder.stat(), PRIVATE_FOLDER_MODE)
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_symlink():
                        problems.append((entry.path, LINK_PROBLEM))
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
                    else:
                        _close(Path(entry.path), entry.stat(follow_symlinks=False), PRIVATE_FILE_MODE)
        except FileNotFoundError:
            continue  # another run removed it
        except OSError as error:
            problems.append((str(error.filename or folder), f"one that refuses ({error.strerror})"))
    return [(os.path.relpath(path, top.parent), problem) for path, problem in problems]


def _close(path: Path, status: os.stat_result, mode: int) -> None:
    if stat.S_IMODE(status.st_mode) & GROUP_AND_OTHERS_BITS:
        path.chmod(mode)
