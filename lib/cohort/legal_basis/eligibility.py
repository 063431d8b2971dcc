"""Eligibility: whose results a project may use today, from objections, instructions and consents together.

In: the declared lists of the storage root. Out: `Eligibility` for one project and one day. Called by the jobs that
ingest, release, publish and withdraw; it never writes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import Catalogue, DeclaredColumn, Platform, Project, load_project
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.legal_basis.consent_register import ConsentedPupils, ConsentRegister, PupilCategory, load_consent_register
from cohort.legal_basis.instruction_register import InstructedSchools, InstructionRegister, load_instruction_register
from cohort.legal_basis.list_vocabulary import ListVocabulary, load_list_vocabulary
from cohort.legal_basis.number_changes import load_number_changes
from cohort.legal_basis.objections_in_force import Objections, load_objections
from cohort.release_records import DueReason, ProjectState, ReleaseRecord, project_state
from cohort.storage import StorageZones


@dataclass(frozen=True)
class Eligibility:
    """The lists of one project on one day, with the schools that instructed and the pupils who consented."""

    objections: Objections
    instructions: InstructionRegister
    instructed_schools: InstructedSchools
    consents: ConsentRegister
    consented: ConsentedPupils

    def digests(self) -> dict[str, str]:
        """A digest per kind of list; it changes when a list, or what is in force of it, does."""
        return {
            "objections_digest": self.objections.digest(),
            "instructions_digest": self.instructed_schools.digest,
            "consents_digest": self.consented.digest,
        }


def load_eligibility(
    zones: StorageZones, platform: Platform, project: Project, today: dt.date, vocabulary: ListVocabulary
) -> Eligibility:
    """Read all lists for one project.

    Args:
        zones: the zones of the storage root.
        platform: the platform's declaration, with the limits of lists.
        project: the project.
        today: the present day.
        vocabulary: what the lines of lists may name.

    Raises:
        ObjectionsRefused: a problem in the lists of objections (exit code 12).
        DeliveriesRefused: a problem in the changes of pupil numbers (11).
        RightsRefused: a problem in the instructions or consents, or none in force for the project (17).
    """
    objections = load_objections(
        zones.objections, platform.objections, today, vocabulary.domains, projects=vocabulary.projects
    )
    instructions = load_instruction_register(zones.instructions, today, vocabulary)
    consents = load_consents(zones, platform, today, vocabulary)
    return Eligibility(
        objections, instructions, instructions.instructed_schools(project), consents, consents.consented_pupils(project)
    )


def load_consents(
    zones: StorageZones, platform: Platform, today: dt.date, vocabulary: ListVocabulary
) -> ConsentRegister:
    """Read the lists of consents, with the changes of pupil numbers.

    Raises:
        DeliveriesRefused: a problem in the changes of pupil numbers (exit code 11).
        RightsRefused: a problem in the consents (17).
    """
    changes = load_number_changes(zones.number_changes, today)
    return load_consent_register(zones.consents, platform.objections.max_age_days, today, changes, vocabulary)


def consented_pupils_of_live_projects(
    zones: StorageZones, platform: Platform, config: Path, today: dt.date, catalogue: Catalogue, objections: Objections
) -> ConsentedPupils:
    """The pupils who consent to a category for some live project, without an objection: ingestion keeps their values.

    A project is live until its last day, unless it is being destroyed.

    Raises:
        ConfigurationRefused: a project that a consent names and that cannot be read (exit code 10): without it
            nobody knows which values may be kept.
        DeliveriesRefused, RightsRefused: what `load_consents` refuses (11, 17).
    """
    register = load_consents(zones, platform, today, load_list_vocabulary(zones, config, catalogue))
    pairs: set[PupilCategory] = set()
    for name in sorted({consent.project for consent in register.consents}):
        declared = (config / "projects" / f"{name}.toml").exists()
        if not declared or project_state(zones, name) is not ProjectState.OPEN:
            continue
        project = load_project(config, name, platform)
        if today <= project.ends:
            categories = frozenset(result.domein for result in project.special_results)
            barred = objections.barred_from_project(name, project.domains)
            pairs |= {pair for pair in register.pairs_in_force(name, categories) if pair[0] not in barred}
    return ConsentedPupils(frozenset(pairs))


def find_lapsed_grounds(record: ReleaseRecord, today: Eligibility) -> list[DueReason]:
    """The legal grounds of a published release that are not in force any more.

    Args:
        record: the exact record of the release.
        today: the eligibility of its project today.
    """
    reasons = []
    if today.instructed_schools.lapsed_since(record.instructed):
        reasons.append(DueReason.INSTRUCTION_ENDED)
    if today.consented.digest != record.consents_digest:
        reasons.append(DueReason.CONSENTS_CHANGED)
    return reasons


def check_special_category_columns(project: Project, categories: Collection[str]) -> None:
    """Check that a project shows special-category results on a legal ground, and names a ground for no other.

    Args:
        project: the project.
        categories: the domains of tests marked `bijzonder`.

    Raises:
        ConfigurationRefused: every column for which this is not so (exit code 10).
    """
    where = f"projects/{project.name}.toml"
    problems = [problem for column in project.columns for problem in _check_legal_ground(column, categories, where)]
    if problems:
        raise ConfigurationRefused(*problems)


def _check_legal_ground(column: DeclaredColumn, categories: Collection[str], where: str) -> Iterator[str]:
    domains = {result.domein for result in column.results}
    special = sorted(domains & set(categories))
    if special and column.legal_ground is None:
        yield describe_problem(
            "special-category results in a sensitive column, on a legal ground, with consents",
            example="legal_ground = 'AVG art. 9 lid 2 onder a'",
            found=f"column {column.name} of the special-category domain {', '.join(special)} without",
            where=where,
            do="Remove the column, or declare it as the template does",
        )
    if column.legal_ground is not None and domains - set(categories):
        yield describe_problem(
            "a legal ground for special-category results only",
            example="a test marked bijzonder",
            found=f"one for column {column.name}",
            where=where,
            do="Remove legal_ground, or mark the test in toetsen.csv",
        )
