"""What the next release of a project would refuse today, found out before anybody runs it.

In go a project's declaration, its hierarchies, the lists and the results as they stand; out come sentences
and shown counts: no value, no school, no exact count. `release` refuses by the same declarations (`steps`);
`status` tells. No session is started: the driver reads a few columns of the results, file by file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cohort.agreements import project_hierarchies
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.differencing import nested_release
from cohort.foundation.errors import ConfigurationRefused, Refusal, describe_problem
from cohort.ingestion import number_change_application
from cohort.keys import project_keys
from cohort.legal_basis import eligibility, number_changes
from cohort.legal_basis.declared_lists import DatedListDeclaration
from cohort.legal_basis.eligibility import Eligibility, ListVocabulary
from cohort.results import value_ranges
from cohort.results.value_ranges import ValueRanges
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.storage.zone_paths import StorageZones

EXPIRES_SOON_DAYS = 31
"""A list that expires within so many days is told."""


@dataclass(frozen=True)
class ReadinessInput:
    """What a release is asked for: where, what was agreed, what is declared, on which day."""

    zones: StorageZones
    platform: Platform
    project: Project
    config: Path
    catalogue: Catalogue
    key_folder: Path
    may_name: ListVocabulary
    today: dt.date


def load_fitting_hierarchies(project: Project, hierarchies: Path, catalogue: Catalogue) -> dict[str, Hierarchy]:
    """The hierarchies of a project whose declaration fits the catalogue and every score it allows.

    Args:
        project, hierarchies, catalogue: what was agreed, the folder of hierarchy files, the tests.
    Raises:
        ConfigurationRefused: a special-category result without its ground, a domain or scale that no test
            has, a hierarchy without a code that intake accepts, bands without a score that it accepts (10).
    """
    eligibility.check_special_category_columns(project, catalogue.special_domains())
    unknown = [r for r in project.results if not catalogue.has_test(r.domein, r.schaal)]
    if unknown:
        raise ConfigurationRefused(
            *(
                describe_problem(
                    "domains and scales of the catalogue",
                    example="rekenen on LVS-REK",
                    found=f"{r.domein} on {r.schaal}",
                    where=f"projects/{project.name}.toml",
                    do="Correct its spelling, or add the test to toetsen.csv",
                )
                for r in unknown
            )
        )
    trees = project_hierarchies.load_hierarchies(project, hierarchies)
    if uncovered := project_hierarchies.find_uncovered_scores(project, trees, catalogue):
        raise ConfigurationRefused(*uncovered)
    return trees


def check_readiness(asked: ReadinessInput, spread: ValueRanges) -> dict[str, Any]:
    """What the next release would refuse, what it would leave out, and what expires soon.

    Args:
        asked: the project and everything it is held against.
        spread: what `spread_of` gave.
    Returns:
        `would_refuse` (sentences; empty: nothing that is known today), `may_refuse`, `left_out`, `expires`.
    """
    problems, doubts, trees, today = list[str](), list[str](), dict[str, Hierarchy](), None
    try:
        trees = load_fitting_hierarchies(asked.project, asked.config / "hierarchies", asked.catalogue)
        nested_release.load_previous_snapshot(asked.zones, asked.project, trees)
    except Refusal as refusal:
        problems += refusal.problems
    steps: tuple[Callable[[], object], ...] = (
        lambda: number_change_application.require_newest_numbers(
            asked.zones, number_changes.load_number_changes(asked.zones.number_changes, asked.today)
        ),
        lambda: project_keys.load_key(asked.key_folder, asked.project.name),
    )
    for step in steps:
        try:
            step()
        except Refusal as refusal:
            problems += refusal.problems
    try:
        today = eligibility.load_eligibility(asked.zones, asked.platform, asked.project, asked.today, asked.may_name)
    except Refusal as refusal:
        problems += refusal.problems
    chosen = value_ranges.select_value_ranges(spread, asked.project) if isinstance(spread, pa.Table) else None
    if isinstance(spread, str):
        problems.append(spread)
    elif chosen is None or not chosen.num_rows:
        problems.append(
            describe_problem(
                "results of the project's population",
                example="those of a run of ingest",
                found="none",
                where="restricted/results",
                do="Run ingest first, or correct the population",
            )
        )
    else:
        problems += value_ranges.values_outside_bands(asked.project, trees, chosen, differences=False)
        doubts += value_ranges.values_outside_bands(asked.project, trees, chosen, differences=True)
    return {
        "would_refuse": problems,
        "may_refuse": doubts,
        "left_out": [] if chosen is None or today is None else _left_out(asked.platform, today, chosen),
        "expires": [] if today is None else list(_expiring(asked, today)),
    }


def _left_out(platform: Platform, today: Eligibility, chosen: pa.Table) -> list[str]:
    """About how many schools with results have no instruction, for all or a part of them."""
    sites = chosen.group_by(["brin", "vestiging"]).aggregate([]).to_pylist()
    schools = {one["brin"] for one in sites}
    without = {one["brin"] for one in sites if not today.schools.covers(one["brin"], one["vestiging"])}
    if not without:
        return []
    some, every = (platform.shown.round_count(len(them)) for them in (without, schools))
    about = f"about {some}" if some is not None else f"{platform.shown.hide_up_to} or fewer"
    of = f"about {every}" if every is not None else f"{platform.shown.hide_up_to} or fewer"
    return [
        f"Results of {about} of {of} schools are left out: no instruction of theirs is in force. Ask these "
        "schools, or go on without them."
    ]


def _expiring(asked: ReadinessInput, today: Eligibility) -> Iterator[str]:
    """Lists of objections, instructions and consents that are used and soon too old."""
    most = asked.platform.objections.max_age_days
    for one in today.objections.lists:
        yield from _expires("objections", one.name, one.declaration, most, asked.today)
    for read in today.instructions.lists:
        yield from _expires("instructions", read.name, read.declaration, None, asked.today)
    for read in today.consents.lists if asked.project.special_results else ():
        yield from _expires("consents", read.name, read.declaration, most, asked.today)
    for what, lines in (("instructions", today.instructions.lines), ("consents", _consents(asked, today))):
        days = [
            (line.until - asked.today).days for line in lines if line.until is not None and line.in_force(asked.today)
        ]
        if days and min(days) < EXPIRES_SOON_DAYS:
            yield f"The first of the {what} in force ends in {min(days)} days. Ask for a new one in time."


def _consents(asked: ReadinessInput, today: Eligibility) -> list[Any]:
    return [line for line in today.consents.lines if line.project == asked.project.name]


def _expires(zone: str, name: str, one: DatedListDeclaration, most: int | None, today: dt.date) -> Iterator[str]:
    days = one.max_age_days if most is None else min(one.max_age_days, most)
    left = days - (today - one.date).days
    if left < EXPIRES_SOON_DAYS:
        yield (
            f"The list {zone}/{name}.toml is of {one.date} and can be used for {left} more days. Ask its "
            "keeper for a new one in time."
        )
