"""Withdrawal from live pseudonymous tables of everybody who is not eligible any more.

In: the lists of today, as the pupils barred from a project and the schools that instruct. Out: a report per project.
Called by the job `objections`, under the lock of ingestion. A project for which this fails is closed to its readers
and does not keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession

from cohort.access import access_state, withdraw_access
from cohort.agreements import Environment, Project, load_catalogue, load_project
from cohort.foundation import EXIT_DEFECT, Refusal, RightsRefused, StateRefused, locate_defect
from cohort.keys import load_key
from cohort.legal_basis import load_instruction_register, load_list_vocabulary
from cohort.published_tables import row_withdrawal, withdrawal_journal
from cohort.published_tables.ineligible_rows import IneligiblePupils
from cohort.published_tables.row_withdrawal import RowWithdrawalReport
from cohort.release_records import ReleaseRecord, find_published_record
from cohort.storage import StorageZones

LISTS_NOT_APPLIED = "the lists of today could not be honoured"


@dataclass(frozen=True)
class BarredPupils:
    """The pupils barred from a project: all their numbers, and the fields of the release record about them."""

    numbers: frozenset[str] = field(default=frozenset(), repr=False)
    record_changes: Mapping[str, Any] = field(default_factory=dict)


def live_pseudonymous_releases(zones: StorageZones) -> list[ReleaseRecord]:
    """The published releases of pseudonymous projects whose records can be read, in the order of their names."""
    published = []
    for folder in sorted(zones.exact_records.glob("*/")):
        with suppress(StateRefused):
            published.append(find_published_record(zones, folder.name))
    return [record for record in published if record is not None and record.pseudonymous]


def find_unreadable_projects(zones: StorageZones) -> dict[str, StateRefused]:
    """The projects with a record that cannot be read, and its refusal: nobody knows what their tables show."""
    refusals = {}
    for folder in sorted(zones.exact_records.glob("*/")):
        try:
            find_published_record(zones, folder.name)
        except StateRefused as refusal:
            refusals[folder.name] = refusal
    return refusals


def _close_unreadable(environment: Environment, project: str, refusal: StateRefused) -> RowWithdrawalReport:
    """Close the table of a project whose record cannot be read, and report why."""
    problems = [*refusal.problems, *_close_table(environment, project)]
    access = access_state(environment.zones, environment.platform, project)
    report = {"project": project, "refused": problems, "access": access, "exit_code": refusal.exit_code}
    return RowWithdrawalReport.model_validate(report)


def withdraw_ineligible_rows(
    spark: SparkSession,
    environment: Environment,
    find_barred: Callable[[Project], BarredPupils],
    progress: Callable[[str], None],
) -> list[RowWithdrawalReport]:
    """Remove from every live pseudonymous table the pupils who are barred and the schools without an instruction.

    Args:
        spark: the session.
        environment: the surroundings of the run; the caller holds the lock of ingestion, so that no release is
            made meanwhile.
        find_barred: finds the pupils who are barred from a project.
        progress: receives a line per project.

    Returns:
        A report per project: what was removed, or why nobody has access now, with the exit code (13: a lost key).
    """
    unreadable = find_unreadable_projects(environment.zones)
    reports = [_close_unreadable(environment, project, refusal) for project, refusal in unreadable.items()]
    records = live_pseudonymous_releases(environment.zones)
    for record in records:
        withdrawal_journal.begin_withdrawal(environment.zones, record.project)
    for record in records:
        report = _withdraw_from_project(spark, environment, record, find_barred)
        barred = "not known how many" if report.pupils_barred is None else report.pupils_barred
        progress(f"{record.project}: {barred} pupils barred and taken out")
        reports.append(report)
    return reports


def _withdraw_from_project(
    spark: SparkSession, environment: Environment, record: ReleaseRecord, find_barred: Callable[[Project], BarredPupils]
) -> RowWithdrawalReport:
    """The report on one project; a refusal or defect closes its table and is reported, not raised."""
    zones, platform, name = environment.zones, environment.platform, record.project
    outcome: dict[str, Any]
    try:
        declared = load_project(environment.config, name, platform)
        key, barred = load_key(environment.keys, name), find_barred(declared)
        lapsed = find_lapsed_schools(environment, record, declared)
        instructed = [entry for entry in record.instructed if entry[:4] not in lapsed]
        changes = {**barred.record_changes, "instructed": instructed}
        boards = load_catalogue(environment.config).boards_on(environment.today)
        ineligible = IneligiblePupils(barred.numbers, lapsed, changes)
        report = row_withdrawal.withdraw_rows(spark, environment, declared, key, ineligible, boards)
        outcome = {**report.document(), "exit_code": 0}
    except Refusal as refusal:
        stays_open = _close_table(environment, name)
        outcome = {"project": name, "refused": [*refusal.problems, *stays_open], "exit_code": refusal.exit_code}
    except Exception as defect:  # an objection to another project must not wait for it
        _close_table(environment, name)
        kind, place = type(defect).__name__, locate_defect(defect)
        outcome = {"project": name, "defect": kind, "at": place, "exit_code": EXIT_DEFECT}
    access = access_state(zones, platform, name)
    return RowWithdrawalReport.model_validate({**outcome, "access": access})


def _close_table(environment: Environment, project: str) -> list[str]:
    """Close a project's table; return why it stays open, if it does."""
    try:
        withdraw_access(environment.zones, environment.platform, project, LISTS_NOT_APPLIED, environment.now)
    except RightsRefused as refusal:
        return list(refusal.problems)
    return []


def find_lapsed_schools(environment: Environment, record: ReleaseRecord, declared: Project) -> frozenset[str]:
    """Schools that instructed when the release was made, and do not any more for all of their sites.

    A pseudonymous table tells schools apart, but not their sites: the whole school must leave it.

    Raises:
        RightsRefused: no school at all with an instruction (exit code 17), as where a list was lost.
    """
    zones, config = environment.zones, environment.config
    vocabulary = load_list_vocabulary(zones, config, load_catalogue(config))
    register = load_instruction_register(zones.instructions, environment.today, vocabulary)
    instructed = register.instructed_schools(declared)
    return frozenset(entry[:4] for entry in record.instructed if instructed.lapsed_since([entry]))
