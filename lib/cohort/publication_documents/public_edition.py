"""The public record of an edition: what the register says of it. It has no count of pupils or schools and no name."""

from __future__ import annotations

from pydantic import ConfigDict

from cohort.publication_documents.edition_record import EVER_PUBLIC, EditionEvent, EditionRecord, EditionState
from cohort.publication_documents.publication_document import (
    CountedRows,
    LabelledText,
    ProtectionMethod,
    PublicationDocument,
    PublishedRules,
)
from cohort.storage import DocumentPart


class PublicTable(DocumentPart):
    """A table of an edition, by its name and title."""

    name: str
    title: LabelledText


class PublicEditionRecord(DocumentPart):
    """One edition of a publication that was ever public; open."""

    model_config = ConfigDict(json_schema_extra={"$id": "public-edition-record-1"})

    publication: str
    edition: int
    state: EditionState
    title: LabelledText
    purpose: str
    requested_by: str
    method: ProtectionMethod
    rows: CountedRows
    school_years: tuple[str, ...]
    tables: tuple[PublicTable, ...]
    rules: PublishedRules
    made_on: str
    published_on: str
    superseded_on: str | None
    withdrawn_on: str | None
    withdrawal_reason: str | None
    approved_by_second_person: bool
    files: dict[str, str]
    """SHA-256 of every file, by its name. It stays when the edition is withdrawn, though nobody can read them then."""


def make_public_edition_record(record: EditionRecord, document: PublicationDocument) -> PublicEditionRecord:
    """Make the public record of an edition.

    Args:
        record: its exact record.
        document: its public document.

    Raises:
        ValueError: an edition that was never public, or the document of another one: a defect.
    """
    if record.state not in EVER_PUBLIC:
        raise ValueError("the edition was never public")
    if (record.publication, record.edition) != (document.publication, document.edition):
        raise ValueError("the document of another edition")
    published = _find_event(record, EditionState.PUBLISHED)
    if published is None:
        raise ValueError("the record has no moment of publication")
    withdrawn = _find_event(record, EditionState.WITHDRAWN)
    return PublicEditionRecord(
        publication=record.publication,
        edition=record.edition,
        state=record.state,
        title=document.title,
        purpose=document.purpose,
        requested_by=document.requested_by,
        method=document.method,
        rows=document.rows,
        school_years=document.school_years,
        tables=tuple(PublicTable(name=table.name, title=table.title) for table in document.tables),
        rules=document.rules,
        made_on=document.made_on,
        published_on=published.at[:10],
        superseded_on=_find_day(record, EditionState.SUPERSEDED),
        withdrawn_on=_find_day(record, EditionState.WITHDRAWN),
        withdrawal_reason=withdrawn.reason if withdrawn is not None else None,
        approved_by_second_person=record.approval is not None and record.approval.second_person,
        files=record.files,
    )


def _find_event(record: EditionRecord, state: EditionState) -> EditionEvent | None:
    return next((event for event in record.events if event.state is state), None)


def _find_day(record: EditionRecord, state: EditionState) -> str | None:
    event = _find_event(record, state)
    return event.at[:10] if event is not None else None
