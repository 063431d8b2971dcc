"""The folder of the public site, replaced as a whole: a new folder is written beside it, then the two change names.

`jobs/register.py` calls it, under the register's lock.
"""

from __future__ import annotations

from collections.abc import Mapping

from cohort.foundation import UsageRefused, describe_problem
from cohort.storage import StoragePath, StorageZones, anything_exists, lies_in, move_file, remove_tree, store_of

SITE_MARK = "register.json"
"""A file of every site: a folder without it is not replaced, unless it is empty."""


def check_site_folder(zones: StorageZones, out: StoragePath) -> None:
    """Check that a folder may be replaced by the site.

    Raises:
        UsageRefused: a folder with other files, a folder among the zones or above the storage root (exit code 2).
    """
    problem = None
    inside = lies_in(out, zones.root) and out != zones.public_register
    if inside or lies_in(zones.root, out):
        problem = "a place of the storage root"
    elif out.is_symlink() or (anything_exists(out) and not out.is_dir()):
        problem = "something that is no folder"
    elif out.is_dir() and any(out.iterdir()) and not (out / SITE_MARK).is_file():
        problem = "a folder with other files"
    if problem is not None:
        raise UsageRefused(
            describe_problem(
                "a folder for the register alone",
                example="--out /srv/www/register",
                found=problem,
                where="--out",
                do="Name a folder that is new, empty, or an earlier register",
            )
        )


def restore_interrupted_site(out: StoragePath) -> None:
    """Give an earlier site its name back after a run that was killed between the two renames."""
    aside = _beside(out, "old")
    if anything_exists(aside) and not anything_exists(out):
        move_file(aside, out)


def replace_site(out: StoragePath, files: Mapping[str, bytes]) -> None:
    """Write the site and put it in the place of the earlier one, which is removed; so is what a killed run left.

    Args:
        out: a folder that `check_site_folder` accepted; the caller holds the register's lock.
        files: the content of each file, by its path from the top of the site.

    Raises:
        UsageRefused: a folder that cannot be written; the earlier site stays (exit code 2).
    """
    fresh, aside = _beside(out, "new"), _beside(out, "old")
    try:
        restore_interrupted_site(out)
        for remainder in (fresh, aside):
            remove_tree(remainder)
        fresh.mkdir(parents=True)
        for path, content in files.items():
            _write(fresh / path, content)
        if anything_exists(out):
            move_file(out, aside)
        move_file(fresh, out)
        remove_tree(aside)
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


def _beside(out: StoragePath, end: str) -> StoragePath:
    return out.with_name(f".{out.name}.{end}")


def _write(path: StoragePath, content: bytes) -> None:
    store_of(path).write_whole(path, content, public=True)
