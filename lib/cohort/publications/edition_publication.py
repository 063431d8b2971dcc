"""Publication of an edition that the auditor passed: its files become readable for everybody, and stay as they are.

The steps are in an order in which a kill leaves nothing half: the copy that later audits read is complete before
anything is public; the record says PUBLISHED before the files move, and a run that finds it so moves what is left.
"""

from __future__ import annotations

import datetime as dt

from cohort.agreements import Environment
from cohort.approvals import (
    Approval,
    ApprovalDocument,
    make_approval_document,
    name_current_user,
    require_approval,
    write_approval_document,
)
from cohort.foundation import NotAnonymous, StateRefused, UsageRefused, describe_problem
from cohort.publication_documents import (
    EVER_PUBLIC,
    PUBLISHED_COPY,
    EditionApproval,
    EditionEvent,
    EditionRecord,
    EditionState,
    find_published_edition,
    list_editions,
    load_edition_record,
    load_publication_document,
    make_public_edition_record,
    save_edition_record,
)
from cohort.publications.edition_audit import audit_published
from cohort.publications.edition_files import copy_files, copy_missing_files, require_same_files
from cohort.storage import StoragePath, StorageZones, remove_tree, write_json_document

ACTION = "publish-tables"
APPROVAL_NAME = "approval.json"


def require_edition(zones: StorageZones, publication: str, edition: int) -> EditionRecord:
    """Read the record of an edition.

    Raises:
        StateRefused: there is none, or it cannot be read (exit code 15).
    """
    try:
        return load_edition_record(zones, publication, edition)
    except (OSError, ValueError):
        numbers = ", ".join(map(str, list_editions(zones, publication))) or "none"
        raise StateRefused(
            describe_problem(
                "an edition that was made",
                example="one that tables printed",
                found=f"another; there are {numbers}",
                where=f"restricted/publications/{publication}",
                do="Give the number of one of them, or make one with tables --publication",
            )
        ) from None


def write_edition_approval(environment: Environment, record: EditionRecord) -> StoragePath:
    """Write the document that a second person signs before the edition is published.

    Returns:
        Where it stands.
    """
    path = environment.zones.exact_edition(record.publication, record.edition) / APPROVAL_NAME
    write_approval_document(path, _make_document(record))
    return path


def publish_edition(environment: Environment, record: EditionRecord, signature: StoragePath | None) -> EditionRecord:
    """Publish an edition; the caller holds the publication's lock.

    Args:
        environment: the surroundings of the run.
        record: its record.
        signature: the signature of a second person over the document of `write_edition_approval`; None where the
            platform requires none.

    Returns:
        The record, PUBLISHED.

    Raises:
        StateRefused: an edition that is not AUDITED, that has changed since, or without an approval (exit code 15).
        NotAnonymous: it is not safe beside what was published since it was made (14).
    """
    zones = environment.zones
    staged = zones.staged_edition(record.publication, record.edition)

    # 1. The files are those that were audited, they are still safe, and a second person approved them.
    _require_state(record, EditionState.AUDITED)
    _require_newest(zones, record)
    require_same_files(staged, record)
    figures, findings = audit_published(environment, record)
    if findings:
        event = _make_event(environment, EditionState.REFUSED, "published tables made it unsafe")
        save_edition_record(zones, record.moved(event, audit=figures))
        remove_tree(staged)
        raise NotAnonymous(*findings, "The edition was refused. Make a new one with tables --publication.")
    write_edition_approval(environment, record)  # the same bytes, where a run was killed before it wrote them
    approval = _approve(environment, record, signature)

    # 2. The copy that every later audit reads, then the state, then the files for everybody.
    copy = zones.exact_edition(record.publication, record.edition) / PUBLISHED_COPY
    copy_files(staged, copy, public=False)
    require_same_files(copy, record)
    record = record.moved(_make_event(environment, EditionState.PUBLISHED), approval=approval, audit=figures)
    save_edition_record(zones, record)
    return settle_edition(environment, record)


def settle_edition(environment: Environment, record: EditionRecord) -> EditionRecord:
    """Bring the files of a published edition to where everybody reads them, as its record says; also after a kill.

    An earlier edition of the publication becomes SUPERSEDED; its files stay readable, marked so in the register.
    """
    zones = environment.zones
    published = zones.published_edition(record.publication, record.edition)
    copy_missing_files(zones.exact_edition(record.publication, record.edition) / PUBLISHED_COPY, published)
    remove_tree(zones.staged_edition(record.publication, record.edition))
    for number in list_editions(zones, record.publication):
        if number < record.edition:
            earlier = load_edition_record(zones, record.publication, number)
            if earlier.state is EditionState.PUBLISHED:
                earlier = earlier.moved(_make_event(environment, EditionState.SUPERSEDED))
                save_edition_record(zones, earlier)
            if earlier.state in EVER_PUBLIC:
                _write_public_record(zones, earlier)
    _write_public_record(zones, record)
    return record


def _write_public_record(zones: StorageZones, record: EditionRecord) -> None:
    """Write what everybody may know of an edition that was ever public, for the register."""
    copy = zones.exact_edition(record.publication, record.edition) / PUBLISHED_COPY
    public = make_public_edition_record(record, load_publication_document(copy))
    path = zones.public_records / "publications" / record.publication / f"{record.edition}.json"
    write_json_document(path, public.model_dump(mode="json"), public=True)


def settle_interrupted(environment: Environment, publication: str) -> EditionRecord | None:
    """Complete a publication or a withdrawal that a kill interrupted; None where no edition is published."""
    zones = environment.zones
    for edition in list_editions(zones, publication):
        record = load_edition_record(zones, publication, edition)
        if record.state is EditionState.WITHDRAWN:
            _take_away(zones, record)
        if record.state is EditionState.REFUSED:
            remove_tree(zones.staged_edition(publication, edition))
    published = find_published_edition(zones, publication)
    return None if published is None else settle_edition(environment, published)


def withdraw_edition(environment: Environment, record: EditionRecord, reason: str) -> EditionRecord:
    """Take the files of an edition away from readers; it stays known to every later search and audit.

    Raises:
        UsageRefused: a reason of blanks alone (exit code 2).
        StateRefused: an edition that was never published (15).
    """
    zones = environment.zones
    if not reason.strip():
        raise UsageRefused(
            describe_problem(
                "why the edition is withdrawn, for its record and the register",
                example="--withdraw 'regions were mixed up'",
                found="nothing",
                where="--withdraw",
                do="Say why",
            )
        )
    if record.state is not EditionState.WITHDRAWN:
        record = record.moved(_make_event(environment, EditionState.WITHDRAWN, reason))
        save_edition_record(zones, record)
    _take_away(zones, record)
    return record


def _take_away(zones: StorageZones, record: EditionRecord) -> None:
    remove_tree(zones.published_edition(record.publication, record.edition))
    _write_public_record(zones, record)


def _make_document(record: EditionRecord) -> ApprovalDocument:
    audited = record.events[-1]
    figures = record.audit
    return make_approval_document(
        ACTION,
        _name_subject(record),
        record.files,
        () if figures is None else [f"{code}: {number}" for code, number in sorted(figures.findings.items())],
        record.events[0].by,
        dt.datetime.fromisoformat(audited.at),
    )


def _approve(environment: Environment, record: EditionRecord, signature: StoragePath | None) -> EditionApproval:
    if not environment.platform.approvals.required:
        return EditionApproval(
            principal=name_current_user(), key_fingerprint=None, at=environment.now.isoformat(), second_person=False
        )
    path = environment.zones.exact_edition(record.publication, record.edition) / APPROVAL_NAME
    approval = require_approval(
        environment,
        path,
        path.with_name(f"{APPROVAL_NAME}.sig") if signature is None else signature,
        ACTION,
        record.events[0].by,
    )
    _require_same_subject(approval, _make_document(record))
    return EditionApproval(
        principal=str(approval.principal),
        key_fingerprint=approval.fingerprint,
        at=approval.at.isoformat(),
        second_person=True,
    )


def _require_same_subject(approval: Approval, expected: ApprovalDocument) -> None:
    if approval.document != expected:
        raise StateRefused(
            describe_problem(
                f"an approval of {expected.subject} with the files that were audited",
                example=expected.subject,
                found="one of something else",
                where=APPROVAL_NAME,
                do="Let a second person sign the document of this edition, or make a new one with tables --publication",
            )
        )


def _require_state(record: EditionRecord, state: EditionState) -> None:
    if record.state is not state:
        raise StateRefused(
            describe_problem(
                f"an edition that is {state}",
                example="one that tables made last",
                found=f"one that is {record.state}",
                where=_name_subject(record),
                do="Make a new edition with tables --publication",
            )
        )


def _require_newest(zones: StorageZones, record: EditionRecord) -> None:
    """Refuse an edition after which a later one was ever public: it would take the place of what it does not know."""
    later = [
        number
        for number in list_editions(zones, record.publication)
        if number > record.edition and load_edition_record(zones, record.publication, number).state in EVER_PUBLIC
    ]
    if later:
        raise StateRefused(
            describe_problem(
                "an edition after which none was published",
                example="the one that tables made last",
                found=f"one before edition {later[-1]}",
                where=_name_subject(record),
                do="Make a new edition with tables --publication",
            )
        )


def _name_subject(record: EditionRecord) -> str:
    return f"publication {record.publication} edition {record.edition}"


def _make_event(environment: Environment, state: EditionState, reason: str | None = None) -> EditionEvent:
    return EditionEvent(state=state, at=environment.now.isoformat(), by=name_current_user(), reason=reason)
