"""What there is: projects, releases, what is due, what ends when; from records alone, without a session."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from cohort import access, catalogue, keys, objections, project, readiness, register, rights, value_ranges
from cohort.errors import Refusal, RightsRefused
from cohort.filed import erasure
from cohort.places import Places
from cohort.platform import Platform
from cohort.project import Project as Agreed
from cohort.register import Project
from cohort.rights import Known

FIRST = "release: nothing is published"


def status(
    places: Places, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> dict[str, Any]:
    """Every project that is declared or has records, and the health of the lists of objections."""
    lists: dict[str, Any]
    due: list[str] = []
    spread = value_ranges.spread_of(places)
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
            _project(places, platform, folder, key_folder, name, due, now, spread) for name in sorted(names)
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
    spread: value_ranges.Spread,
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
    told["access"] = access.state(places, platform, name)
    try:
        agreed = project.load(folder, name, platform)
    except Refusal as refusal:
        return {**told, "declaration": list(refusal.problems)}
    listed = catalogue.load(folder)
    may_name = rights.known(places, folder, listed)
    what = _due(places, platform, agreed, name in due, now.date(), may_name)
    if not told["key"] and what == [FIRST]:
        what = ["key: without one nothing can be released"]
    if state is Project.DESTROYING:
        what = ["destroy: a destruction is unfinished"]
    asked = readiness.Asked(places, platform, agreed, folder, listed, key_folder, may_name, now.date())
    return {
        **told, "ends": agreed.ends, "days_left": (agreed.ends - now.date()).days, "due": what,
        "next_release": readiness.next_release(asked, spread) if agreed.lasts(now.date()) else None,
    }  # fmt: skip


def _due(
    places: Places, platform: Platform, agreed: Agreed, objected: bool, today: dt.date, may_name: Known
) -> list[str]:  # fmt: skip
    """What is to be done about a project now: a word, and why."""
    if today > agreed.ends:
        return ["destroy: the project has ended"]
    if today < agreed.starts:
        return []
    read = register.published(places, agreed.name)
    if read is None:
        return [FIRST]
    why = ["a list of objections changed"] if objected else []
    try:
        why += rights.over(read, rights.load(places, platform, agreed, today, may_name))
    except RightsRefused:
        why.append("instructions or consents no longer hold")
    except Refusal:
        pass  # the lists of objections, told above
    return [f"release: {', '.join(why)}"] if why else []
