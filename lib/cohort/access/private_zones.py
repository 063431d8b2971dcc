"""Private zones: the folders of the storage root that nobody but the platform's user may enter.

Called at the beginning of every job, before it opens anything in them.
"""

from __future__ import annotations

from cohort.foundation import RightsRefused, describe_problem
from cohort.storage import StorageZones, store_of


def close_private_zones(zones: StorageZones) -> None:
    """Close every private zone, and everything in `feedback`, of which files are passed on one by one.

    `restricted`, `staging` and `feedback` are made, closed, where they are missing.

    Raises:
        RightsRefused: every zone that others can enter and that this user cannot close (exit code 17).
    """
    feedback, store = zones.school_feedback(""), store_of(zones.root)
    problems = list[tuple[str, str]]()
    try:
        problems += store.close_private_tree(feedback)
    except OSError as failure:
        problems.append((f"{feedback.name}/", f"one whose store refuses ({failure.strerror})"))
    made = (zones.restricted, zones.root / "staging", feedback)
    for zone in dict.fromkeys((*made, *zones.private_zones)):
        try:
            if zone in made and not store.lexists(zone):
                store.make_private_folder(zone)
            if zone != feedback:  # closed already, with everything in it, and not through a link
                store.close_folder(zone)
        except FileNotFoundError:
            continue
        except OSError as failure:
            problems.append((f"{zone.name}/", f"one that is open or missing, and refuses ({failure.strerror})"))
    if problems:
        raise RightsRefused(
            *(
                describe_problem(
                    "what only the platform's user enters and reads",
                    example="chmod 700, or no statement of the bucket's policy",
                    found=found,
                    where=where,
                    do="Give it to the platform's user, or take the statement out, then run again",
                )
                for where, found in dict(problems).items()
            )
        )
