"""What there is: projects, releases, what is due, what ends when; from records alone, without a session."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from cohort import catalogue, erasure, keys, objections, project, register
from cohort.errors import Refusal
from cohort.places import Places
from cohort.platform import Platform
from cohort.register import Project, Release


def status(
    places: Places, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> dict[str, Any]:
    """Every project that is declared or has records, and the health of the lists of objections."""
    lists: dict[str, Any]
    due: list[str] = []
    try:
        domains = catalogue.load(folder).domains()
        read = objections.load(places.objections, platform.objections, now.date(), domains)
        lists, due = {"fit": True, "lists": read.facts()}, erasure.due(places, read)
    except Refusal as refusal:
        lists = {"fit": False, "problems": list(refusal.problems)}
    names = {file.stem for file in (folder / "projects").glob("*.toml") if not file.stem.startswith("_")}
    names |= {path.name for zone in (places.records, places.exact) for path in zone.glob("*/")}
    return {
        "objections": lists,
        "projects": [
            _project(places, platform, folder, key_folder, name, due, now) for name in sorted(names)
        ],
    }


def _project(
    places: Places,
    platform: Platform,
    folder: Path,
    key_folder: Path,
    name: str,
    due: list[str],
    now: dt.datetime,
) -> dict[str, Any]:
    state = register.state_of(places, name)
    told: dict[str, Any] = {
        "project": name, "state": state, "key": keys.exists(key_folder, name),
        "releases": [
            {"release": r.release, "state": r.state, "version": r.facts.get("version")}
            for r in register.releases(places, name)
        ],
    }  # fmt: skip
    if state is Project.DESTROYED:
        return told
    try:
        agreed = project.load(folder, name, platform)
    except Refusal as refusal:
        return {**told, "declaration": list(refusal.problems)}
    live = [r for r in told["releases"] if r["state"] is Release.PUBLISHED]
    what = []
    if now.date() > agreed.ends:
        what.append("destroy: the project has ended")
    elif not live:
        what.append("release: nothing is published")
    elif name in due:
        what.append("release: a list of objections changed")
    if state is Project.DESTROYING:
        what = ["destroy: a destruction is unfinished"]
    return {**told, "ends": agreed.ends, "days_left": (agreed.ends - now.date()).days, "due": what}
