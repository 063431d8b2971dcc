"""The document that one signs: what is approved, with checksums and findings, in canonical bytes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, ValidationError

from cohort.foundation import StateRefused, describe_problem
from cohort.storage import DocumentPart, StoragePath, store_of

LARGEST_DOCUMENT_BYTES = 4 << 20


def _require_one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("Expected one line of printable text")
    return text


OneLine = Annotated[str, AfterValidator(_require_one_line)]
"""Text that a terminal shows as it is: no line ends, no control characters."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class ApprovalDocument(DocumentPart):
    """What a second person approves."""

    model_config = ConfigDict(json_schema_extra={"$id": "approval-1"})

    action: OneLine
    """What the approval allows, for example `publish-tables`."""
    subject: OneLine
    """To what, for example `publication leerlingen edition 1`."""
    checksums: Annotated[dict[OneLine, Sha256], Field(min_length=1)]
    """The SHA-256 of every file that is approved, by its name."""
    findings: list[OneLine]
    """What was found before; empty when nothing was."""
    made_by: OneLine
    """The operating-system user who made what is approved."""
    made_at: AwareDatetime
    """When it was made."""

    def canonical_bytes(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys, always the same for the same content."""
        content = self.model_dump(mode="json")
        return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode("utf-8")


def make_approval_document(
    action: str, subject: str, checksums: Mapping[str, str], findings: Sequence[str], made_by: str, made_at: dt.datetime
) -> ApprovalDocument:
    """Make the document that a second person is to sign.

    Args:
        action: what the approval allows, for example `publish-tables`.
        subject: to what, for example `publication leerlingen edition 1`.
        checksums: the SHA-256 of every file that is approved, in hexadecimal, by its name.
        findings: what was found before, one line each; never a value of a person.
        made_by: the operating-system user who made it (`name_current_user`).
        made_at: when it was made, with its time zone.

    Raises:
        ValueError: text of several lines, no checksum, or one that is none.
    """
    return ApprovalDocument(
        action=action,
        subject=subject,
        checksums=dict(checksums),
        findings=list(findings),
        made_by=made_by,
        made_at=made_at.astimezone(dt.UTC),
    )


def write_approval_document(path: StoragePath, document: ApprovalDocument) -> None:
    """Write the canonical bytes of a document, whole or not at all, for nobody but the platform's user."""
    store_of(path).write_whole(path, document.canonical_bytes(), public=False)


def read_approval_document(content: bytes, where: str) -> ApprovalDocument:
    """Read a document from its bytes.

    Args:
        content: the bytes.
        where: the name of the file in messages.

    Raises:
        StateRefused: other bytes than those of a document in its canonical form (exit code 15).
    """
    try:
        document = ApprovalDocument.model_validate(json.loads(content.decode("utf-8")))
    except (ValueError, ValidationError, RecursionError):
        raise _refuse_form("one that is none", where) from None
    if document.canonical_bytes() != content:
        raise _refuse_form("one in another form, so that it may say the same thing twice", where)
    return document


def describe_approval_document(document: ApprovalDocument) -> str:
    """Say in plain words what one signs."""
    findings = [f"  - {finding}" for finding in document.findings] or ["  none"]
    files = [f"  {checksum}  {name}" for name, checksum in sorted(document.checksums.items())]
    return "\n".join(
        [
            f"You approve:  {document.action}",
            f"of:           {document.subject}",
            f"made by:      {document.made_by}, at {document.made_at:%Y-%m-%d %H:%M:%S} UTC",
            "findings:",
            *findings,
            f"files ({len(files)}), each with its SHA-256:",
            *files,
        ]
    )


def _refuse_form(found: str, where: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            "a document to approve as the job wrote it",
            example="approval.json",
            found=found,
            where=where,
            do="Let the job write it again, and sign that",
        )
    )
