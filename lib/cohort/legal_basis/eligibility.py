"""Whose results a project may use today: objections, instructions and consents, as one answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import project
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.legal_basis import consent_register, instruction_register, number_changes, objections
from cohort.legal_basis.consent_register import ConsentedPupils, ConsentRegister
from cohort.legal_basis.instruction_register import InstructedSchools, InstructionRegister
from cohort.legal_basis.objections import Objections
from cohort.release_records import release_states
from cohort.release_records.due_actions import DueReason
from cohort.release_records.release_record import ReleaseRecord
from cohort.storage.zone_paths import StorageZones

OPEN_PROJECT = release_states.ProjectState.OPEN


@dataclass(frozen=True)
class ListVocabulary:
    """What a line of a list may name: schools, projects, domains, and those that are special categories."""

    schools: Collection[str]
    projects: Collection[str]
    domains: Collection[str]
    categories: Collection[str]


@dataclass(frozen=True)
class Eligibility:
    """What holds for one project on one day."""

    objections: Objections
    instructions: InstructionRegister
    instructed_schools: InstructedSchools
    consents: ConsentRegister
    consented: ConsentedPupils

    def digests(self) -> dict[str, str]:
        """A hash per kind of list: another one means that a list, or what of it holds, changed."""
        return {
            "objections_digest": self.objections.digest(),
            "instructions_digest": self.instructed_schools.digest,
            "consents_digest": self.consented.digest,
        }

    def facts(self) -> dict[str, object]:
        """What an exact, restricted record keeps of them."""
        return {
            "objections": self.objections.facts(),
            "instructions": self.instructions.facts(),
            "instructed": self.instructed_schools.describe(),
            **self.digests(),
        }


def load_eligibility(
    zones: StorageZones, platform: Platform, agreed: Project, today: dt.date, may_name: ListVocabulary
) -> Eligibility:
    """Read all lists for one project.

    Takes: what a line may name: one that names something else is refused.
    Refuses: the lists of objections (exit code 12), of number changes (11); of instructions and consents, and
    where the project has none (17).
    """
    against = objections.load_objections(
        zones.objections, platform.objections, today, may_name.domains, projects=may_name.projects
    )
    told = load_instructions(zones, today, may_name)
    given = load_consents(zones, platform, today, may_name)
    return Eligibility(against, told, told.instructed_schools(agreed), given, given.consented_pupils(agreed))


def load_list_vocabulary(zones: StorageZones, folder: Path, listed: Catalogue) -> ListVocabulary:
    """What the lists of a platform may name."""
    return ListVocabulary(listed.schools, project_names(zones, folder), listed.domains(), listed.special_domains())


def load_instructions(zones: StorageZones, today: dt.date, may_name: ListVocabulary) -> InstructionRegister:
    """The lists of instructions."""
    return instruction_register.load_instruction_register(
        zones.instructions, today, may_name.schools, may_name.projects
    )


def load_consents(zones: StorageZones, platform: Platform, today: dt.date, may_name: ListVocabulary) -> ConsentRegister:
    """The lists of consents, under all numbers of every pupil."""
    changes = number_changes.load_number_changes(zones.number_changes, today)
    days = platform.objections.max_age_days
    return consent_register.load_consent_register(
        zones.consents, days, today, changes, may_name.categories, may_name.projects
    )


def project_names(zones: StorageZones, folder: Path) -> frozenset[str]:
    """Every project that is declared or has records."""
    declared = {file.stem for file in (folder / "projects").glob("*.toml") if not file.stem.startswith("_")}
    return frozenset(
        declared | {path.name for zone in (zones.public_records, zones.exact_records) for path in zone.glob("*/")}
    )


def consented_pupils_of_live_projects(
    zones: StorageZones, platform: Platform, folder: Path, today: dt.date, listed: Catalogue, against: Objections
) -> ConsentedPupils:
    """For which pupils some live project has consent, by category: what intake keeps the values of.

    A project is live until its end, unless it is being destroyed.
    Refuses: what `consent` refuses; a project that a consent names and that cannot be read (10): without it
    nobody knows what may be kept.
    """
    lines = load_consents(zones, platform, today, load_list_vocabulary(zones, folder, listed))
    pairs: set[consent_register.PupilCategory] = set()
    for name in sorted({line.project for line in lines.consents}):
        if (
            not (folder / "projects" / f"{name}.toml").exists()
            or release_states.project_state(zones, name) is not OPEN_PROJECT
        ):
            continue
        agreed = project.load_project(folder, name, platform)
        if today <= agreed.ends:
            of = frozenset(result.domein for result in agreed.special_results)
            barred = against.barred_from_project(name, agreed.domains)
            pairs |= {pair for pair in lines.pairs_in_force(name, of) if pair[0] not in barred}
    return ConsentedPupils(frozenset(pairs))


def lapsed_grounds(record: ReleaseRecord, today: Eligibility) -> list[DueReason]:
    """What a published release was made on and no longer holds.

    Takes: its exact record; what holds today.
    """
    told = []
    if today.instructed_schools.lapsed_since(record.instructed):
        told.append(DueReason.INSTRUCTION_ENDED)
    if today.consented.digest != record.consents_digest:
        told.append(DueReason.CONSENTS_CHANGED)
    return told


def check_special_category_columns(agreed: Project, categories: Collection[str]) -> None:
    """Hold a project's columns to the catalogue: special-category results only on a legal ground.

    Takes: the domains of tests marked `bijzonder`.
    Refuses: a column that shows one without a legal ground, a ground for a result that needs none (10).
    """
    told = []
    for column in agreed.columns:
        domains = {result.domein for result in column.results}
        hit = sorted(domains & set(categories))
        if hit and column.legal_ground is None:
            told.append(
                describe_problem(
                    "special-category results in a sensitive column, on a legal ground, with consents",
                    example="legal_ground = 'AVG art. 9 lid 2 onder a'",
                    found=f"column {column.name} of the special-category domain {', '.join(hit)} without",
                    where=f"projects/{agreed.name}.toml",
                    do="Remove the column, or declare it as the template does",
                )
            )
        if column.legal_ground is not None and domains - set(categories):
            told.append(
                describe_problem(
                    "a legal ground for special-category results only",
                    example="a test marked bijzonder",
                    found=f"one for column {column.name}",
                    where=f"projects/{agreed.name}.toml",
                    do="Remove legal_ground, or mark the test in toetsen.csv",
                )
            )
    if told:
        raise ConfigurationRefused(*told)
