"""The site put in its place as a whole: a new folder beside the old one, then their names exchanged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cohort.foundation.errors import UsageRefused, describe_problem
from cohort.storage.zone_paths import StorageZones

MARK = "register.json"
"""What a folder that was made by `put` holds, and what tells it from anybody else's."""


def check(zones: StorageZones, out: Path) -> None:
    """Whether the site may stand there: what stands there now is replaced.

    Refuses: a folder of something else, a place among the zones or above the root (exit code 2).
    """
    found = None
    inside = out.is_relative_to(zones.root) and out != zones.public_register
    if inside or zones.root.is_relative_to(out):
        found = "a place of the storage root"
    elif out.is_symlink() or (os.path.lexists(out) and not out.is_dir()):
        found = "something that is no folder"
    elif out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        found = "a folder with other files"
    if found is not None:
        raise UsageRefused(
            describe_problem(
                "a folder for the register alone",
                example="--out /srv/www/register",
                found=found,
                where="--out",
                do="Name a folder that is new, empty, or an earlier register",
            )
        )


def mend(out: Path) -> None:
    """Put an earlier site back in its place, after a run that was killed while it exchanged the two."""
    aside = _beside(out, "old")
    if os.path.lexists(aside) and not os.path.lexists(out):
        aside.rename(out)


def put(out: Path, files: Mapping[str, bytes]) -> None:
    """Write the site whole and put it in the place of the earlier one, of which nothing stays.

    Takes: a place for which `check` raised nothing; the files by their path; the caller holds the register's
    lock. What a killed run left beside it is cleared.
    Refuses: a place that cannot be written (exit code 2).
    """
    fresh, aside = _beside(out, "new"), _beside(out, "old")
    try:
        mend(out)
        for left in (fresh, aside):
            shutil.rmtree(left, ignore_errors=True)
        fresh.mkdir(parents=True)
        for path, content in files.items():
            _write(fresh / path, content)
        if os.path.lexists(out):
            out.rename(aside)
        fresh.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as failed:
        raise UsageRefused(
            describe_problem(
                "a place that can be written",
                example="--out /srv/www/register",
                found=f"one that refuses ({failed.strerror})",
                where="--out",
                do="Correct its owner or its rights, or name another one",
            )
        ) from None


def _beside(out: Path, end: str) -> Path:
    return out.with_name(f".{out.name}.{end}")


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
