"""What the next release of a project would refuse today, told before anybody runs it.

In go the release task, the lists and the value ranges of the results; out come sentences and rounded counts: no
value, no school, no exact count. `status` tells them. It checks what `release` checks, and starts no Spark: the
driver reads a few columns of the results, file by file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from cohort.agreements import Platform
from cohort.differencing import load_previous_snapshot
from cohort.foundation import Refusal, describe_problem
from cohort.ingestion import require_newest_numbers
from cohort.keys import load_key
from cohort.legal_basis import DatedListDeclaration, Eligibility, ListVocabulary, load_eligibility, load_number_changes
from cohort.release.release_task import ReleaseTask, load_fitting_hierarchies
from cohort.results import ValueRanges, select_value_ranges, values_outside_bands
from cohort.sdc import Hierarchy

EXPIRES_SOON_DAYS = 31
"""A list that expires within so many days is reported."""

_CheckResult = TypeVar("_CheckResult")


@dataclass
class ReadinessReport:
    """What is to be expected of the next release, in sentences.

    Args:
        would_refuse: problems that refuse it for certain.
        may_refuse: problems that refuse it if the values concerned belong to pupils in the release.
        left_out: what it will leave out.
        expires: lists that will soon be too old.
    """

    would_refuse: list[str] = field(default_factory=list)
    may_refuse: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    expires: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, list[str]]:
        return asdict(self)


def check_readiness(task: ReleaseTask, vocabulary: ListVocabulary, ranges: ValueRanges) -> ReadinessReport:
    """Check what the next release would refuse, what it would leave out, and what expires soon.

    Args:
        task: the release that would be made.
        vocabulary: what a line of a list may name.
        ranges: the value ranges of the results as `read_value_ranges` gave them.
    """
    report = ReadinessReport()
    environment, project = task.environment, task.project

    # 1. The declaration and its hierarchies, and the published release that the next one will be nested in.
    hierarchies: dict[str, Hierarchy] = {}
    try:
        hierarchies = load_fitting_hierarchies(project, environment.hierarchies, task.catalogue)
        load_previous_snapshot(environment.zones, project, hierarchies)
    except Refusal as refusal:
        report.would_refuse += refusal.problems

    # 2. Number changes, the key and the lists.
    _attempt(report, lambda: _require_newest_numbers(task))
    _attempt(report, lambda: load_key(environment.keys, project.name))
    eligible = _attempt(
        report,
        lambda: load_eligibility(environment.zones, environment.platform, project, environment.today, vocabulary),
    )

    # 3. The results: whether there are any, whether their values lie within the bands.
    project_ranges = select_value_ranges(ranges, project) if isinstance(ranges, pa.Table) else None
    if isinstance(ranges, str):
        report.would_refuse.append(ranges)
    elif project_ranges is None or not project_ranges.num_rows:
        report.would_refuse.append(_no_results())
    else:
        outside = values_outside_bands
        report.would_refuse += outside(project, hierarchies, project_ranges, differences=False)
        report.may_refuse += outside(project, hierarchies, project_ranges, differences=True)

    # 4. What is left out, and what expires.
    if eligible is not None:
        report.expires += _expiring_lists(task, eligible)
        if project_ranges is not None:
            report.left_out += _schools_left_out(environment.platform, eligible, project_ranges)
    return report


def _attempt(report: ReadinessReport, check: Callable[[], _CheckResult]) -> _CheckResult | None:
    """Run one check of a release; report its refusal and go on."""
    try:
        return check()
    except Refusal as refusal:
        report.would_refuse += refusal.problems
        return None


def _require_newest_numbers(task: ReleaseTask) -> None:
    zones = task.environment.zones
    changes = load_number_changes(zones.number_changes, task.environment.today)
    require_newest_numbers(zones, changes)


def _no_results() -> str:
    return describe_problem(
        "results of the project's population",
        example="those of a run of ingest",
        found="none",
        where="restricted/results",
        do="Run ingest first, or correct the population",
    )


def _schools_left_out(platform: Platform, eligible: Eligibility, ranges: pa.Table) -> list[str]:
    """Return about how many schools with results have no instruction in force, for all or some of their sites."""
    sites = ranges.group_by(["brin", "vestiging"]).aggregate([]).to_pylist()
    schools = {site["brin"] for site in sites}
    instructed = eligible.instructed_schools
    without = {site["brin"] for site in sites if not instructed.covers(site["brin"], site["vestiging"])}
    if not without:
        return []
    some, every = (_about(platform, len(group)) for group in (without, schools))
    return [
        f"Results of {some} of {every} schools are left out: no instruction of theirs is in force. Ask these "
        "schools, or go on without them."
    ]


def _about(platform: Platform, number: int) -> str:
    rounded = platform.shown.round_count(number)
    return f"about {rounded}" if rounded is not None else f"{platform.shown.hide_up_to} or fewer"


def _expiring_lists(task: ReleaseTask, eligible: Eligibility) -> Iterator[str]:
    """Tell which lists of objections, instructions and consents in use will soon be too old."""
    project, today = task.project, task.environment.today
    max_days = task.environment.platform.objections.max_age_days
    for objection_list in eligible.objections.lists:
        yield from _expires("objections", objection_list.name, objection_list.declaration, max_days, today)
    for instruction_list in eligible.instructions.lists:
        yield from _expires("instructions", instruction_list.name, instruction_list.declaration, None, today)
    for consent_list in eligible.consents.lists if project.special_results else ():
        yield from _expires("consents", consent_list.name, consent_list.declaration, max_days, today)
    consents = [line for line in eligible.consents.consents if line.project == project.name]
    lines_by_kind: dict[str, list[Any]] = {
        "instructions": list(eligible.instructions.instructions),
        "consents": list(consents),
    }
    for kind, lines in lines_by_kind.items():
        days = [(line.until - today).days for line in lines if line.until is not None and line.in_force(today)]
        if days and min(days) < EXPIRES_SOON_DAYS:
            yield f"The first of the {kind} in force ends in {min(days)} days. Ask for a new one in time."


def _expires(
    kind: str, name: str, declaration: DatedListDeclaration, max_days: int | None, today: dt.date
) -> Iterator[str]:
    allowed = declaration.max_age_days if max_days is None else min(declaration.max_age_days, max_days)
    days_left = allowed - (today - declaration.date).days
    if days_left < EXPIRES_SOON_DAYS:
        yield (
            f"The list {kind}/{name}.toml is of {declaration.date} and can be used for {days_left} more days. Ask its "
            "keeper for a new one in time."
        )
