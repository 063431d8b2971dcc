"""Means of access to a table: file modes and groups, and the hook of the platform.

Called by `table_access` only, which decides who has access. Refusals name the declaration to correct.
"""

from __future__ import annotations

import grp
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from cohort.foundation import RightsRefused, describe_problem

CLOSED_FOLDER_MODE, CLOSED_FILE_MODE = 0o700, 0o600
READABLE_FOLDER_MODE, READABLE_FILE_MODE = 0o750, 0o640
HOOK_SECONDS = 120
"""Seconds after which a hook counts as failed."""


def find_group(name: str) -> int:
    """The number of a group.

    Raises:
        RightsRefused: a group that this machine does not know (exit code 17).
    """
    with suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    raise access_refusal(
        "a group that this machine knows",
        f"groupadd {name}",
        "none of that name",
        f"readers = '{name}'",
        "Make the group, or correct readers in the project file",
    )


def close_table_files(table: Path) -> None:
    """Take every right from group and others, of the folder first: then nothing in it can be reached."""
    table.chmod(CLOSED_FOLDER_MODE)
    _set_permissions(table, None, CLOSED_FOLDER_MODE, CLOSED_FILE_MODE)


def open_table_files(table: Path, group: int) -> None:
    """Let a group read the files, the folder last: until then nothing in it can be reached."""
    _set_permissions(table, group, READABLE_FOLDER_MODE, READABLE_FILE_MODE)
    os.chown(table, -1, group)
    table.chmod(READABLE_FOLDER_MODE)


def run_access_hook(hook: str, action: Literal["grant", "withdraw"], project: str, table: Path, group: str) -> None:
    """Run the hook of the platform, which gives a group access to a table or takes it away.

    Raises:
        RightsRefused: a hook that cannot be run, fails, or takes too long (exit code 17).
    """
    try:
        completed = subprocess.run(
            [hook, action, project, str(table), group],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=HOOK_SECONDS,
            check=False,
        )
        problem = None if completed.returncode == 0 else f"exit code {completed.returncode}"
    except OSError as failure:
        problem = f"one that cannot be run ({failure.strerror})"
    except subprocess.TimeoutExpired:
        problem = f"no end after {HOOK_SECONDS} seconds"
    if problem is not None:
        raise access_refusal(
            f"a hook that does {action} {project}",
            "exit code 0",
            problem,
            "[access] hook of platform.toml",
            "Correct the hook, then run access: the folder itself is closed meanwhile",
        )


def access_refusal(what: str, example: str, found: str, where: str, do: str) -> RightsRefused:
    """The refusal of access that cannot be given or taken away (exit code 17)."""
    return RightsRefused(describe_problem(what, example=example, found=found, where=where, do=do))


def _set_permissions(table: Path, group: int | None, folder_mode: int, file_mode: int) -> None:
    """Set the modes, and the group when one is given, of everything in a folder but links."""
    for path, mode in _paths_with_modes(table, folder_mode, file_mode):
        if path.is_symlink():
            continue
        if group is not None:
            os.chown(path, -1, group)
        path.chmod(mode)


def _paths_with_modes(table: Path, folder_mode: int, file_mode: int) -> Iterator[tuple[Path, int]]:
    for parent, folders, files in os.walk(table):
        yield from ((Path(parent) / name, folder_mode) for name in folders)
        yield from ((Path(parent) / name, file_mode) for name in files)
