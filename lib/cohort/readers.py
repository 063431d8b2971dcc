"""The daily look at every published table: whose readers are let in today, and who is shown out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cohort import access, departures, keys, locks, project, register
from cohort.errors import DONE, KeyRefused, Refusal, StateRefused
from cohort.places import Places
from cohort.platform import Platform
from cohort.project import Project


def look(
    places: Places,
    platform: Platform,
    folder: Path,
    key_folder: Path,
    now: dt.datetime,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Open every table whose readers may read today, close every other; one that cannot be judged is closed.

    Takes: the configuration folder, the key folder.
    Gives: per table whether access is granted and why not, and the gravest exit code: 17 where a table could
    not be opened or closed, 13 where a key is lost, 10 where a declaration cannot be read.
    """
    tables = sorted(path.name for path in (places.root / "projects").glob("*"))
    told = [_look(places, platform, folder, key_folder, name, now) for name in tables]
    for one in told:
        progress(f"{one['project']}: {one['access']}" + "".join(f"; {why}" for why in one["why_not"]))
    return {"projects": told, "exit_code": max((one["exit_code"] for one in told), default=DONE)}


def _look(
    places: Places, platform: Platform, folder: Path, key_folder: Path, name: str, now: dt.datetime
) -> dict[str, Any]:
    why_not, code = list[str](), DONE
    try:
        agreed = project.load(folder, name, platform)
        why_not, code = _others(places, folder, key_folder, agreed, now.date())
        why_not = _settle(places, platform, agreed, now, why_not)
    except Refusal as refusal:
        why_not, code = [*refusal.problems], refusal.exit_code
        try:
            access.withdraw(places, platform, name, "its state could not be judged", now)
        except Refusal as stays_open:
            why_not, code = [*why_not, *stays_open.problems], stays_open.exit_code
    state = access.state(places, platform, name)
    return {"project": name, "access": state, "why_not": why_not, "exit_code": code}


def _others(
    places: Places, folder: Path, key_folder: Path, agreed: Project, today: dt.date
) -> tuple[list[str], int]:  # fmt: skip
    """Reasons that the table's own records do not tell: its key and the schools' instructions."""
    if agreed.pseudonymous and not keys.exists(key_folder, agreed.name):
        return [
            "its key is lost, so that no objection can be honoured: destroy the project"
        ], KeyRefused.exit_code
    record = register.published(places, agreed.name)
    if (
        agreed.pseudonymous
        and record is not None
        and departures.lapsed(places, folder, record, agreed, today)
    ):
        return ["a school's instruction ended: run objections, which takes its rows out"], DONE
    return [], DONE


def _settle(
    places: Places, platform: Platform, agreed: Project, now: dt.datetime, why_not: list[str]
) -> list[str]:
    """Under the project's lock; while another run holds it a table is closed if need be, never opened."""
    try:
        with locks.held(places.locks, agreed.name):
            return access.settle(places, platform, agreed, now, *why_not)
    except StateRefused:
        reasons = [*access.withheld(places, agreed, now.date()), *why_not]
        if reasons:
            access.withdraw(places, platform, agreed.name, "; ".join(reasons), now)
        return [*reasons, "another run on the project is not done; nobody was let in meanwhile"]
