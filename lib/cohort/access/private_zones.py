"""Private zones: the folders of the storage root that nobody but the platform's user may enter.

Called at the beginning of every job, before it opens anything in them.
"""

from __future__ import annotations

import os
import stat

from cohort.foundation import (
    GROUP_AND_OTHERS_BITS,
    PRIVATE_FOLDER_MODE,
    RightsRefused,
    close_private_tree,
    describe_problem,
    make_private_folder,
)
from cohort.storage import StorageZones


def close_private_zones(zones: StorageZones) -> None:
    """Close every private zone, and everything in `feedback`, of which files are passed on one by one.

    `restricted`, `staging` and `feedback` are made, closed, where they are missing.

    Raises:
        RightsRefused: every zone that others can enter and that this user cannot close (exit code 17).
    """
    feedback = zones.school_feedback("")
    problems = close_private_tree(feedback)
    for zone in (zones.restricted, zones.root / "staging", feedback):
        if not os.path.lexists(zone):
            make_private_folder(zone)
    for zone in zones.private_zones:
        try:
            if stat.S_IMODE(zone.stat().st_mode) & GROUP_AND_OTHERS_BITS:
                zone.chmod(PRIVATE_FOLDER_MODE)
        except FileNotFoundError:
            continue
        except OSError as failure:
            problems.append((f"{zone.name}/", f"one that is open and refuses ({failure.strerror})"))
    if problems:
        raise RightsRefused(
            *(
                describe_problem(
                    "what only the platform's user enters and reads",
                    example="chmod 700",
                    found=found,
                    where=where,
                    do="Give it to the platform's user, then run again",
                )
                for where, found in dict(problems).items()
            )
        )
