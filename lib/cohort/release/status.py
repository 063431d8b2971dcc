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
from cohort.foundation.errors import EXIT_DEFECT, EXIT_DONE, Refusal, RightsRefused, locate_defect
from cohort.keys import project_keys
from cohort.legal_basis import eligibility, objections
from cohort.legal_basis.objections import Objections
from cohort.release import readiness
from cohort.release_records import record_store, release_states
from cohort.release_records.due_actions import DueAction, DueJob, DueReason
from cohort.release_records.release_states import ProjectState
from cohort.results import value_ranges
from cohort.storage.zone_paths import StorageZones


@dataclass(frozen=True)
class StatusContext:
    """What is looked at: where it stands, what is declared (`folder`: the configuration), on which day.

    `lists` are the lists of objections; none where they are not fit.
    """

    zones: StorageZones
    platform: Platform
    folder: Path
    keys: Path
    now: dt.datetime
    lists: Objections | None

    @property
    def projects(self) -> list[str]:
        return sorted(eligibility.project_names(self.zones, self.folder))


def report_status(
    zones: StorageZones, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> dict[str, Any]:
    """Every project that is declared or has records, and the health of the lists of objections.

    Gives: of a project whose records cannot be read the defect; the exit code says so then (70).
    """
    view, lists = _view(zones, platform, folder, key_folder, now)
    spread = value_ranges.read_value_ranges(zones)
    projects = [_guarded(view, name, spread) for name in view.projects]
    code = EXIT_DEFECT if any("defect" in one for one in projects) else EXIT_DONE
    return {"objections": lists, "projects": projects, "exit_code": code}


def list_due_actions(
    zones: StorageZones, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> tuple[dict[str, list[DueAction]], dict[str, Exception]]:
    """What is due of every project that can be judged, and what was raised at each other one."""
    view, _ = _view(zones, platform, folder, key_folder, now)
    found: dict[str, list[DueAction]] = {}
    defects: dict[str, Exception] = {}
    for name in view.projects:
        try:
            if release_states.project_state(zones, name) is not ProjectState.DESTROYED:
                found[name] = _due_of(view, project.load_project(folder, name, platform))
        except Refusal:
            continue  # a declaration that cannot be read: `status` tells it
        except Exception as defect:
            defects[name] = defect
    return found, defects


def _view(
    zones: StorageZones, platform: Platform, folder: Path, key_folder: Path, now: dt.datetime
) -> tuple[StatusContext, dict[str, Any]]:
    try:
        domains = catalogue.load_catalogue(folder).domains()
        read = objections.load_objections(zones.objections, platform.objections, now.date(), domains)
    except Refusal as refusal:
        lists = {"fit": False, "problems": list(refusal.problems)}
        return StatusContext(zones, platform, folder, key_folder, now, None), lists
    return StatusContext(zones, platform, folder, key_folder, now, read), {"fit": True, "lists": read.facts()}


def _guarded(view: StatusContext, name: str, spread: value_ranges.ValueRanges) -> dict[str, Any]:
    try:
        return _project(view, name, spread)
    except Refusal:
        raise
    except Exception as defect:  # one project's records stop no other's
        return {"project": name, "defect": type(defect).__name__, "at": locate_defect(defect)}


def _project(view: StatusContext, name: str, spread: value_ranges.ValueRanges) -> dict[str, Any]:
    zones = view.zones
    state = release_states.project_state(zones, name)
    told: dict[str, Any] = {
        "project": name,
        "state": state,
        "key": project_keys.key_exists(view.keys, name),
        "releases": [
            {"release": r.release, "state": r.state, "version": r.version}
            for r in record_store.load_release_records(zones, name)
        ],
    }
    if state is ProjectState.DESTROYED:
        return told
    told["access"] = table_access.access_state(zones, view.platform, name)
    try:
        agreed = project.load_project(view.folder, name, view.platform)
    except Refusal as refusal:
        return {**told, "declaration": list(refusal.problems)}
    what = [one.as_dict() for one in _due_of(view, agreed)]
    today, listed = view.now.date(), catalogue.load_catalogue(view.folder)
    may_name = eligibility.load_list_vocabulary(zones, view.folder, listed)
    asked = readiness.ReadinessInput(zones, view.platform, agreed, view.folder, listed, view.keys, may_name, today)
    return {
        **told,
        "ends": agreed.ends,
        "days_left": (agreed.ends - today).days,
        "due": what,
        "next_release": readiness.check_readiness(asked, spread) if agreed.covers(today) else None,
    }


def _due_of(view: StatusContext, agreed: Agreed) -> list[DueAction]:
    """What is to be done about a project now."""
    zones, today = view.zones, view.now.date()
    if release_states.project_state(zones, agreed.name) is ProjectState.DESTROYING:
        return [DueAction(DueJob.DESTROY, (DueReason.DESTRUCTION_UNFINISHED,))]
    if today > agreed.ends:
        return [DueAction(DueJob.DESTROY, (DueReason.ENDED,))]
    if today < agreed.starts:
        return []
    failed = release_states.failed_verification_path(zones, agreed.name).exists()
    found = [DueAction(DueJob.VERIFY, (DueReason.VERIFICATION_FAILED,))] if failed else []
    read = record_store.find_published_record(zones, agreed.name)
    if read is None:
        keyed = project_keys.key_exists(view.keys, agreed.name)
        first = DueAction(DueJob.RELEASE, (DueReason.NOTHING_PUBLISHED,))
        return [*found, first if keyed else DueAction(DueJob.KEY, (DueReason.NO_KEY,))]
    why: list[DueReason] = []
    if view.lists is not None and objection_erasure.is_release_due(zones, view.lists, agreed.name):
        why.append(DueReason.OBJECTIONS_CHANGED)
    may_name = eligibility.load_list_vocabulary(zones, view.folder, catalogue.load_catalogue(view.folder))
    try:
        why += eligibility.lapsed_grounds(
            read, eligibility.load_eligibility(zones, view.platform, agreed, today, may_name)
        )
    except RightsRefused:
        why.append(DueReason.RIGHTS_LAPSED)
    except Refusal:
        pass  # the lists of objections, told above
    return [*found, DueAction(DueJob.RELEASE, tuple(why))] if why else found
