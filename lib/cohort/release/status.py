"""What there is: projects, releases, what is due, what ends when; from records alone, without a session."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.access import table_access
from cohort.agreements import catalogue, project
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project as Agreed
from cohort.erasure import objection_erasure
from cohort.foundation.errors import DEFECT, DONE, Refusal, RightsRefused, place
from cohort.keys import project_keys
from cohort.legal_basis import eligibility, objections
from cohort.legal_basis.objections import Objections
from cohort.release import readiness
from cohort.release_records import release_record
from cohort.release_records.due_actions import Action, Due, Reason
from cohort.release_records.release_record import Project
from cohort.results import value_ranges
from cohort.storage.paths import Places


@dataclass(frozen=True)
class View:
    """What is looked at: where it stands, what is declared (`folder`: the configuration), on which day.

    `lists` are the lists of objections; none where they are not fit.
    """

    places: Places
    platform: Platform
    folder: Path
    keys: Path
    now: dt.datetime
    lists: Objections | None

    @property
    def projects(self) -> list[str]:
        return sorted(eligibility.names(self.places, self.folder))


def status(places: Places, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime) -> dict[str, Any]:
    """Every project that is declared or has records, and the health of the lists of objections.

    Gives: of a project whose records cannot be read the defect; the exit code says so then (70).
    """
    view, lists = _view(places, platform, folder, key_folder, now)
    spread = value_ranges.spread_of(places)
    projects = [_guarded(view, name, spread) for name in view.projects]
    code = DEFECT if any("defect" in one for one in projects) else DONE
    return {"objections": lists, "projects": projects, "exit_code": code}


def due(
    places: Places, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> tuple[dict[str, list[Due]], dict[str, Exception]]:
    """What is due of every project that can be judged, and what was raised at each other one."""
    view, _ = _view(places, platform, folder, key_folder, now)
    found: dict[str, list[Due]] = {}
    defects: dict[str, Exception] = {}
    for name in view.projects:
        try:
            if release_record.state_of(places, name) is not Project.DESTROYED:
                found[name] = _due_of(view, project.load(folder, name, platform))
        except Refusal:
            continue  # a declaration that cannot be read: `status` tells it
        except Exception as defect:
            defects[name] = defect
    return found, defects


def _view(
    places: Places, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> tuple[View, dict[str, Any]]:
    try:
        domains = catalogue.load(folder).domains()
        read = objections.load(places.objections, platform.objections, now.date(), domains)
    except Refusal as refusal:
        lists = {"fit": False, "problems": list(refusal.problems)}
        return View(places, platform, folder, key_folder, now, None), lists
    return View(places, platform, folder, key_folder, now, read), {"fit": True, "lists": read.facts()}


def _guarded(view: View, name: str, spread: value_ranges.Spread) -> dict[str, Any]:
    try:
        return _project(view, name, spread)
    except Refusal:
        raise
    except Exception as defect:  # one project's records stop no other's
        return {"project": name, "defect": type(defect).__name__, "at": place(defect)}


def _project(view: View, name: str, spread: value_ranges.Spread) -> dict[str, Any]:
    places = view.places
    state = release_record.state_of(places, name)
    told: dict[str, Any] = {
        "project": name,
        "state": state,
        "key": project_keys.exists(view.keys, name),
        "releases": [
            {"release": r.release, "state": r.state, "version": r.facts.get("version")}
            for r in release_record.releases(places, name)
        ],
    }
    if state is Project.DESTROYED:
        return told
    told["access"] = table_access.state(places, view.platform, name)
    try:
        agreed = project.load(view.folder, name, view.platform)
    except Refusal as refusal:
        return {**told, "declaration": list(refusal.problems)}
    what = [one.as_dict() for one in _due_of(view, agreed)]
    today, listed = view.now.date(), catalogue.load(view.folder)
    may_name = eligibility.known(places, view.folder, listed)
    asked = readiness.Asked(places, view.platform, agreed, view.folder, listed, view.keys, may_name, today)
    return {
        **told,
        "ends": agreed.ends,
        "days_left": (agreed.ends - today).days,
        "due": what,
        "next_release": readiness.next_release(asked, spread) if agreed.lasts(today) else None,
    }


def _due_of(view: View, agreed: Agreed) -> list[Due]:
    """What is to be done about a project now."""
    places, today = view.places, view.now.date()
    if release_record.state_of(places, agreed.name) is Project.DESTROYING:
        return [Due(Action.DESTROY, (Reason.DESTRUCTION_UNFINISHED,))]
    if today > agreed.ends:
        return [Due(Action.DESTROY, (Reason.ENDED,))]
    if today < agreed.starts:
        return []
    failed = release_record.failed_verification(places, agreed.name).exists()
    found = [Due(Action.VERIFY, (Reason.VERIFICATION_FAILED,))] if failed else []
    read = release_record.published(places, agreed.name)
    if read is None:
        keyed = project_keys.exists(view.keys, agreed.name)
        first = Due(Action.RELEASE, (Reason.NOTHING_PUBLISHED,))
        return [*found, first if keyed else Due(Action.KEY, (Reason.NO_KEY,))]
    why: list[Reason] = []
    if view.lists is not None and objection_erasure.is_due(places, view.lists, agreed.name):
        why.append(Reason.OBJECTIONS_CHANGED)
    may_name = eligibility.known(places, view.folder, catalogue.load(view.folder))
    try:
        why += eligibility.over(read, eligibility.load(places, view.platform, agreed, today, may_name))
    except RightsRefused:
        why.append(Reason.RIGHTS_LAPSED)
    except Refusal:
        pass  # the lists of objections, told above
    return [*found, Due(Action.RELEASE, tuple(why))] if why else found
