"""What there is, what is due and what ends when, from the records and declarations alone.

`status` prints the whole report; `release --due` runs the releases that are due. Nothing here starts Spark or writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cohort.access import access_state
from cohort.agreements import Environment, Project, load_catalogue, load_project
from cohort.erasure import is_release_due
from cohort.foundation import EXIT_DEFECT, EXIT_DONE, Refusal, RightsRefused, locate_defect
from cohort.keys import key_exists
from cohort.legal_basis import Objections, find_lapsed_grounds, list_project_names, load_eligibility, load_objections
from cohort.release import readiness
from cohort.release.release_task import ReleaseTask
from cohort.release_records import (
    DueAction,
    DueJob,
    DueReason,
    ProjectState,
    ReleaseRecord,
    UnreadableRecord,
    failed_verification_path,
    find_published_record,
    load_release_records,
    project_state,
)
from cohort.results import ValueRanges, read_value_ranges


@dataclass(frozen=True)
class StatusContext:
    """The surroundings of the run and the lists of objections; None where these are refused."""

    environment: Environment
    objections: Objections | None

    @property
    def project_names(self) -> list[str]:
        """Every project that is declared or has records."""
        return sorted(list_project_names(self.environment.zones, self.environment.config))


def report_status(environment: Environment) -> dict[str, Any]:
    """Report on every project and on the lists of objections.

    Returns:
        A document for JSON. A project whose records cannot be read is reported as a defect, and the exit code in the
        document says so (70).
    """
    context, lists = _read_objections(environment)
    ranges = read_value_ranges(environment.zones, _school_years_of_projects(context))
    projects = [_report_guarded(context, name, ranges) for name in context.project_names]
    code = max((report.get("exit_code", EXIT_DONE) for report in projects), default=EXIT_DONE)
    return {"objections": lists, "projects": projects, "exit_code": code}


def list_due_actions(environment: Environment) -> tuple[dict[str, list[DueAction]], dict[str, Exception]]:
    """List what is due for every project.

    Returns:
        The actions by project, and by project the exception that kept it from being judged. A project whose
        declaration is refused is in neither: `status` reports it.
    """
    context, _ = _read_objections(environment)
    actions: dict[str, list[DueAction]] = {}
    defects: dict[str, Exception] = {}
    for name in context.project_names:
        try:
            if project_state(environment.zones, name) is not ProjectState.DESTROYED:
                declaration = load_project(environment.config, name, environment.platform)
                actions[name] = find_due_actions(context, declaration)
        except UnreadableRecord as defect:
            defects[name] = defect
        except Refusal:
            continue
        except Exception as defect:
            defects[name] = defect
    return actions, defects


def find_due_actions(context: StatusContext, declaration: Project) -> list[DueAction]:
    """Return what is to be done about one project today."""
    environment, name = context.environment, declaration.name
    zones, today = environment.zones, environment.today
    if project_state(zones, name) is ProjectState.DESTROYING:
        return [DueAction(DueJob.DESTROY, (DueReason.DESTRUCTION_UNFINISHED,))]
    if today > declaration.ends:
        return [DueAction(DueJob.DESTROY, (DueReason.ENDED,))]
    if today < declaration.starts:
        return []
    failed = failed_verification_path(zones, name).exists()
    actions = [DueAction(DueJob.VERIFY, (DueReason.VERIFICATION_FAILED,))] if failed else []
    published = find_published_record(zones, name)
    if published is None:
        if key_exists(environment.keys, name):
            return [*actions, DueAction(DueJob.RELEASE, (DueReason.NOTHING_PUBLISHED,))]
        return [*actions, DueAction(DueJob.KEY, (DueReason.NO_KEY,))]
    reasons = _reasons_to_release_again(context, declaration, published)
    return [*actions, DueAction(DueJob.RELEASE, reasons)] if reasons else actions


def _reasons_to_release_again(
    context: StatusContext, declaration: Project, published: ReleaseRecord
) -> tuple[DueReason, ...]:
    """Return which lists changed since the published release, or no longer allow it."""
    environment = context.environment
    reasons: list[DueReason] = []
    if context.objections is not None and is_release_due(environment.zones, context.objections, declaration.name):
        reasons.append(DueReason.OBJECTIONS_CHANGED)
    task = ReleaseTask(environment, load_catalogue(environment.config), declaration)
    try:
        eligible = load_eligibility(
            environment.zones, environment.platform, declaration, environment.today, task.list_vocabulary
        )
        reasons += find_lapsed_grounds(published, eligible)
    except RightsRefused:
        reasons.append(DueReason.RIGHTS_LAPSED)
    except Refusal:
        pass  # of the lists of objections, which the report tells by themselves
    return tuple(reasons)


def _school_years_of_projects(context: StatusContext) -> frozenset[str]:
    """Return the school years of every project that runs today: no other results are looked at."""
    environment = context.environment
    years: set[str] = set()
    for name in context.project_names:
        try:
            declaration = load_project(environment.config, name, environment.platform)
        except Refusal:
            continue  # the report on the project tells it
        if declaration.covers(environment.today):
            years.update(declaration.population.schooljaar)
    return frozenset(years)


def _read_objections(environment: Environment) -> tuple[StatusContext, dict[str, Any]]:
    """Read the lists of objections; a refusal becomes part of the report."""
    try:
        domains = load_catalogue(environment.config).domains()
        lists = load_objections(
            environment.zones.objections, environment.platform.objections, environment.today, domains
        )
    except Refusal as refusal:
        return StatusContext(environment, None), {"fit": False, "problems": list(refusal.problems)}
    return StatusContext(environment, lists), {
        "fit": True,
        "lists": [one.model_dump(mode="json", by_alias=True) for one in lists.applied_lists()],
    }


def _report_guarded(context: StatusContext, name: str, ranges: ValueRanges) -> dict[str, Any]:
    """Report on one project; a defect in its records stops the report of no other."""
    try:
        return _report_project(context, name, ranges)
    except UnreadableRecord as refusal:
        return {"project": name, "refused": list(refusal.problems), "exit_code": refusal.exit_code}
    except Refusal:
        raise
    except Exception as defect:
        place = locate_defect(defect)
        return {"project": name, "defect": type(defect).__name__, "at": place, "exit_code": EXIT_DEFECT}


def _report_project(context: StatusContext, name: str, ranges: ValueRanges) -> dict[str, Any]:
    environment, zones = context.environment, context.environment.zones
    state = project_state(zones, name)
    report: dict[str, Any] = {
        "project": name,
        "state": state,
        "key": key_exists(environment.keys, name),
        "releases": [
            {"release": record.release, "state": record.state, "version": record.version}
            for record in load_release_records(zones, name)
        ],
    }
    if state is ProjectState.DESTROYED:
        return report
    report["access"] = access_state(zones, environment.platform, name)
    try:
        declaration = load_project(environment.config, name, environment.platform)
    except Refusal as refusal:
        return {**report, "declaration": list(refusal.problems)}
    due = [action.as_dict() for action in find_due_actions(context, declaration)]
    today = environment.today
    return {
        **report,
        "ends": declaration.ends,
        "days_left": (declaration.ends - today).days,
        "due": due,
        "next_release": _next_release(context, declaration, ranges) if declaration.covers(today) else None,
    }


def _next_release(context: StatusContext, declaration: Project, ranges: ValueRanges) -> dict[str, list[str]]:
    task = ReleaseTask(context.environment, load_catalogue(context.environment.config), declaration)
    return readiness.check_readiness(task, task.list_vocabulary, ranges).as_dict()
