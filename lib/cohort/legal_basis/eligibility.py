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
from cohort.foundation.errors import ConfigurationRefused, expected
from cohort.legal_basis import consents, instruction_lists, number_changes, objections
from cohort.legal_basis.consents import Consents, Given
from cohort.legal_basis.instruction_lists import Instructions, Schools
from cohort.legal_basis.objections import Objections
from cohort.release_records import release_record
from cohort.release_records.due_actions import Reason
from cohort.release_records.release_record import Record
from cohort.storage.paths import Places

OPEN = release_record.Project.OPEN


@dataclass(frozen=True)
class Known:
    """What a line of a list may name: schools, projects, domains, and those that are special categories."""

    schools: Collection[str]
    projects: Collection[str]
    domains: Collection[str]
    categories: Collection[str]


@dataclass(frozen=True)
class Rights:
    """What holds for one project on one day."""

    objections: Objections
    instructions: Instructions
    schools: Schools
    consents: Consents
    given: Given

    def digests(self) -> dict[str, str]:
        """A hash per kind of list: another one means that a list, or what of it holds, changed."""
        return {
            "objections_digest": self.objections.digest(),
            "instructions_digest": self.schools.digest,
            "consents_digest": self.given.digest,
        }

    def facts(self) -> dict[str, object]:
        """What an exact, restricted record keeps of them."""
        return {
            "objections": self.objections.facts(),
            "instructions": self.instructions.facts(),
            "instructed": self.schools.told(),
            **self.digests(),
        }


def load(places: Places, platform: Platform, agreed: Project, today: dt.date, may_name: Known) -> Rights:
    """Read all lists for one project.

    Takes: what a line may name: one that names something else is refused.
    Refuses: the lists of objections (exit code 12), of number changes (11); of instructions and consents, and
    where the project has none (17).
    """
    against = objections.load(
        places.objections, platform.objections, today, may_name.domains, projects=may_name.projects
    )
    told = instruct(places, today, may_name)
    given = consent(places, platform, today, may_name)
    return Rights(against, told, told.schools(agreed), given, given.given(agreed))


def known(places: Places, folder: Path, listed: Catalogue) -> Known:
    """What the lists of a platform may name."""
    return Known(listed.schools, names(places, folder), listed.domains(), listed.special_domains())


def instruct(places: Places, today: dt.date, may_name: Known) -> Instructions:
    """The lists of instructions."""
    return instruction_lists.load(places.instructions, today, may_name.schools, may_name.projects)


def consent(places: Places, platform: Platform, today: dt.date, may_name: Known) -> Consents:
    """The lists of consents, under all numbers of every pupil."""
    changes = number_changes.load(places.numbers, today)
    days = platform.objections.max_age_days
    return consents.load(places.consents, days, today, changes, may_name.categories, may_name.projects)


def names(places: Places, folder: Path) -> frozenset[str]:
    """Every project that is declared or has records."""
    declared = {file.stem for file in (folder / "projects").glob("*.toml") if not file.stem.startswith("_")}
    return frozenset(declared | {path.name for zone in (places.records, places.exact) for path in zone.glob("*/")})


def kept_at_intake(
    places: Places, platform: Platform, folder: Path, today: dt.date, listed: Catalogue, against: Objections
) -> Given:
    """For which pupils some live project has consent, by category: what intake keeps the values of.

    A project is live until its end, unless it is being destroyed.
    Refuses: what `consent` refuses; a project that a consent names and that cannot be read (10): without it
    nobody knows what may be kept.
    """
    lines = consent(places, platform, today, known(places, folder, listed))
    pairs: set[consents.Pair] = set()
    for name in sorted({line.project for line in lines.lines}):
        if not (folder / "projects" / f"{name}.toml").exists() or release_record.state_of(places, name) is not OPEN:
            continue
        agreed = project.load(folder, name, platform)
        if today <= agreed.ends:
            of = frozenset(result.domein for result in agreed.special)
            barred = against.blocked_for(name, agreed.domains)
            pairs |= {pair for pair in lines.in_force(name, of) if pair[0] not in barred}
    return Given(frozenset(pairs))


def over(record: Record, today: Rights) -> list[Reason]:
    """What a published release was made on and no longer holds.

    Takes: its exact record; what holds today.
    """
    told = []
    if today.schools.fell_away(record.facts.get("instructed", ())):
        told.append(Reason.INSTRUCTION_ENDED)
    if today.given.digest != record.facts.get("consents_digest", ""):
        told.append(Reason.CONSENTS_CHANGED)
    return told


def special(agreed: Project, categories: Collection[str]) -> None:
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
                expected(
                    "special-category results in a sensitive column, on a legal ground, with consents",
                    example="legal_ground = 'AVG art. 9 lid 2 onder a'",
                    found=f"column {column.name} of the special-category domain {', '.join(hit)} without",
                    where=f"projects/{agreed.name}.toml",
                    do="Remove the column, or declare it as the template does",
                )
            )
        if column.legal_ground is not None and domains - set(categories):
            told.append(
                expected(
                    "a legal ground for special-category results only",
                    example="a test marked bijzonder",
                    found=f"one for column {column.name}",
                    where=f"projects/{agreed.name}.toml",
                    do="Remove legal_ground, or mark the test in toetsen.csv",
                )
            )
    if told:
        raise ConfigurationRefused(*told)
