"""The hook of the platform, which gives access to a table or takes it away, and refusals of access.

Called by `table_access` only, which decides who has access. Refusals name the declaration to correct.
"""

from __future__ import annotations

import subprocess
from typing import Literal

from cohort.foundation import RightsRefused, describe_problem
from cohort.storage import StoragePath

HOOK_SECONDS = 120
"""Seconds after which a hook counts as failed."""


def run_access_hook(
    hook: str, action: Literal["grant", "withdraw"], project: str, table: StoragePath, group: str
) -> None:
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
