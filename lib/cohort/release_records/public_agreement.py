"""The public agreement: the part of a project's declaration that everybody may read.

`release` writes it into the open records as soon as a release is made, and every record of a release carries it. The
group of readers and what the platform needs to make a release are not part of it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from cohort.agreements import DeclaredColumn, Project
from cohort.storage import DocumentPart, StorageZones, write_json_document

ReleaseClass = Literal["anonymous", "pseudonymous"]


class AgreedMoment(DocumentPart):
    """A school year and test moment from which a column takes results."""

    schooljaar: str
    moment: str


class AgreedSource(DocumentPart):
    """What a column is made from: an attribute of the pupil, a result, or the difference of two results."""

    attribute: str | None = None
    born: str | None = None
    domein: str | None = None
    value: str | None = None
    at: tuple[AgreedMoment, ...] = ()


class AgreedColumn(DocumentPart):
    """A released column, with the reason for it."""

    name: str
    role: str
    source: AgreedSource
    why: str
    legal_ground: str | None = None
    typed: bool = False
    """Whether the bounds of its bands are released too, as whole numbers."""
    mean_step: str | None = None
    """Of a column with class means, the points that they are rounded to."""


class AgreedPopulation(DocumentPart):
    """The school years and year groups that a project selects; no year groups: all of them."""

    schooljaar: tuple[str, ...]
    jaargroep: tuple[str, ...] | None = None


class PublicAgreement(DocumentPart):
    """The part of a project's declaration that everybody may read; also a document of its own."""

    model_config = ConfigDict(json_schema_extra={"$id": "agreement-1"})

    question: str
    controller: str
    research_group: str
    legal_basis: str
    release_class: ReleaseClass
    starts: str
    ends: str
    population: AgreedPopulation
    columns: tuple[AgreedColumn, ...]


def make_public_agreement(project: Project) -> PublicAgreement:
    """Return the part of a project's declaration that everybody may read: purpose, population, columns and reasons.

    The group of readers and what the platform needs to make the release are not part of it.
    """
    jaargroep = project.population.jaargroep
    return PublicAgreement(
        question=project.question,
        controller=project.controller,
        research_group=project.research_group,
        legal_basis=project.legal_basis,
        release_class=project.release_class,
        starts=str(project.starts),
        ends=str(project.ends),
        population=AgreedPopulation(
            schooljaar=tuple(project.population.schooljaar), jaargroep=None if jaargroep is None else tuple(jaargroep)
        ),
        columns=tuple(
            AgreedColumn(
                name=column.name,
                role=column.role,
                source=_agreed_source(column),
                why=column.why,
                legal_ground=column.legal_ground,
                typed=column.typed,
                **({"mean_step": f"{project.mean_steps[column.name].normalize():f}"} if column.show == "mean" else {}),
            )
            for column in project.columns
        ),
    )


def _agreed_source(column: DeclaredColumn) -> AgreedSource:
    if not column.results:
        return AgreedSource(attribute=column.attribute, born=column.born)
    last = column.results[-1]
    moments = tuple(AgreedMoment(schooljaar=r.schooljaar, moment=r.moment) for r in column.results)
    return AgreedSource(domein=last.domein, value=last.value, at=moments)


def write_public_agreement(zones: StorageZones, project: str, agreement: PublicAgreement) -> None:
    """Write the agreement of a project into the open records, as soon as a release is made."""
    path = zones.public_records / project / "agreement.json"
    write_json_document(path, agreement.model_dump(mode="json", exclude_unset=True), public=True)
