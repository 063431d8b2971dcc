"""The register of processing (`register.json`): per project the fields that article 30 of the AVG (GDPR) asks for.

Source: Regulation (EU) 2016/679, article 30(1), points (a) to (g). What was never recorded is null.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from cohort.pages import PROJECT_STATE_NAMES, RELEASE_CLASS_MEANINGS, gettext_noop, load_languages
from cohort.publication_documents import PublicEditionRecord
from cohort.transparency.publication_entries import PublicationEntry
from cohort.transparency.record_phrases import RecordPhrases
from cohort.transparency.register_documents import RegisterAgreement, RegisterColumn, RegisterEntry, RegisterRelease

SECURITY_MEASURES = (
    gettext_noop("Numbers are replaced by pseudonyms with a key per project, which stands outside the data"),
    gettext_noop("Nothing can be read that was not checked by a second program, which counts every rule anew"),
    gettext_noop("Delivered data can be read only by who runs the system; an objection removes them there"),
    gettext_noop("After the end everything is removed and searched for again; a certificate says what was found"),
)


class RegisterPart(BaseModel):
    """Base of the documents of this module: unchangeable, and no field that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class BilingualText(RegisterPart):
    """A text in each language."""

    nl: str
    en: str


class PersonalDataCategory(RegisterPart):
    """A released column: what it is, why it is needed, and the ground for special-category data."""

    column: str
    what: BilingualText
    why: str
    special_category_ground: str | None


class ErasureTimeLimits(RegisterPart):
    """When the data are to be destroyed, or were."""

    project_ends: str | None
    destroyed: str | None
    text: BilingualText | None


class ProcessingRecord(RegisterPart):
    """The processing for one project."""

    project: str
    state: BilingualText
    release_class: str | None = Field(alias="class")
    controller: str | None
    purposes: str | None
    legal_basis: str | None
    categories_of_data_subjects: BilingualText | None
    categories_of_personal_data: list[PersonalDataCategory] | None
    recipients: str | None
    processed_and_never_released: BilingualText
    recipients_receive: BilingualText | None
    transfers_to_third_countries: BilingualText
    time_limits_for_erasure: ErasureTimeLimits
    security_measures: list[BilingualText]
    pupils: int | None
    schools: int | None
    numbers: BilingualText | None


class PublishedEditions(RegisterPart):
    """A publication of tables with all of its editions; these hold no personal data."""

    publication: str
    editions: list[PublicEditionRecord]


class ProcessingRegister(RegisterPart):
    """The register of processing of all projects."""

    model_config = ConfigDict(json_schema_extra={"$id": "processing-register-1"})

    register_name: BilingualText = Field(alias="register")
    processing: list[ProcessingRecord]
    publications: list[PublishedEditions] = []


def serialise_processing_register(
    entries: Sequence[RegisterEntry], publications: Sequence[PublicationEntry] = ()
) -> str:
    """Write the register of processing as the text of a JSON document."""
    document = make_processing_register(entries, publications).model_dump(mode="json", by_alias=True)
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def make_processing_register(
    entries: Sequence[RegisterEntry], publications: Sequence[PublicationEntry] = ()
) -> ProcessingRegister:
    """Make the register of processing of these projects, with the publications of tables."""
    return ProcessingRegister(
        register_name=_in_both_languages(lambda say: say.language.gettext("Register of research with school results")),
        processing=[_processing_record(entry) for entry in entries],
        publications=[PublishedEditions(publication=p.name, editions=list(p.editions)) for p in publications],
    )


def _processing_record(entry: RegisterEntry) -> ProcessingRecord:
    agreement, latest = entry.agreement, entry.latest
    meaning = RELEASE_CLASS_MEANINGS[entry.release_class] if entry.release_class is not None else None
    return ProcessingRecord(
        project=entry.name,
        state=_translations(PROJECT_STATE_NAMES[entry.state]),
        release_class=entry.release_class,
        controller=agreement.controller if agreement else None,
        purposes=agreement.question if agreement else None,
        legal_basis=agreement.legal_basis if agreement else None,
        categories_of_data_subjects=_data_subjects(agreement) if agreement else None,
        categories_of_personal_data=[_data_category(c) for c in agreement.columns] if agreement else None,
        recipients=agreement.research_group if agreement else None,
        processed_and_never_released=_translations(
            gettext_noop(
                "Pupil number (PGN), school (BRIN), class and teacher, and the day of the test: to make the "
                "selection and apply objections; never released"
            )
        ),
        recipients_receive=_translations(meaning) if meaning is not None else None,
        transfers_to_third_countries=_translations(
            gettext_noop("None: the system passes nothing on beyond the place where it runs")
        ),
        time_limits_for_erasure=_time_limits(entry),
        security_measures=[_translations(measure) for measure in SECURITY_MEASURES] + _release_rules(latest),
        pupils=latest.counts.get("pupils_released") if latest else None,
        schools=latest.counts.get("schools") if latest else None,
        numbers=_rounding(latest) if latest else None,
    )


def _data_subjects(agreement: RegisterAgreement) -> BilingualText:
    return _in_both_languages(
        lambda say: say.language.gettext(
            "Pupils with test results; school years %(years)s; year groups %(groups)s",
            years=", ".join(agreement.population.schooljaar),
            groups=say.year_groups(agreement),
        )
    )


def _data_category(column: RegisterColumn) -> PersonalDataCategory:
    return PersonalDataCategory(
        column=column.name,
        what=_in_both_languages(lambda say: say.column_source(column)),
        why=column.why,
        special_category_ground=column.legal_ground,
    )


def _time_limits(entry: RegisterEntry) -> ErasureTimeLimits:
    ends = entry.agreement.ends if entry.agreement is not None else None
    destroyed = entry.certificate.destroyed_at if entry.certificate is not None else None
    text = _in_both_languages(lambda say: say.destruction_due(ends)) if ends and not destroyed else None
    return ErasureTimeLimits(
        project_ends=ends.isoformat() if ends else None,
        destroyed=destroyed.isoformat() if destroyed else None,
        text=text,
    )


def _release_rules(release: RegisterRelease | None) -> list[BilingualText]:
    """The limits that the classes of the latest release satisfy, and what each kind of intruder faces."""
    if release is None:
        return []
    limits = [_limit(name, limit, release) for name, limit in release.thresholds.items()]
    chances = [_chance(kind, number) for kind, number in release.faced.items()]
    return limits + chances


def _limit(name: str, limit: str, release: RegisterRelease) -> BilingualText:
    return _in_both_languages(lambda say: f"{say.limit(name, release)}: {limit}")


def _chance(kind: str, number: int) -> BilingualText:
    return _in_both_languages(
        lambda say: f"{say.language.gettext('What somebody can guess')}; {say.intruder(kind)}: {say.one_in(number)}"
    )


def _rounding(release: RegisterRelease) -> BilingualText:
    return _in_both_languages(
        lambda say: say.language.gettext(
            "null: at most %(hidden)s; other numbers are rounded to %(step)s",
            hidden=release.hidden_up_to,
            step=release.rounded_to,
        )
    )


def _translations(message: str) -> BilingualText:
    return _in_both_languages(lambda say: say.language.gettext(message))


def _in_both_languages(phrase: Callable[[RecordPhrases], str]) -> BilingualText:
    return BilingualText(**{language.code: phrase(RecordPhrases(language)) for language in load_languages()})
