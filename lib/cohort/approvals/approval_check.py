"""Whether a signature is the approval of a second person, with one sentence for each reason why it is not."""

from __future__ import annotations

import datetime as dt
import os
import pwd
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cohort.agreements import Environment
from cohort.approvals.approval_document import LARGEST_DOCUMENT_BYTES, ApprovalDocument, read_approval_document
from cohort.approvals.approvers_file import APPROVERS, NAMESPACE, REVOKED, Approver, check_revocations, read_approvers
from cohort.approvals.ssh_encoding import SignatureParts, fingerprint_key, read_signature
from cohort.approvals.ssh_keygen import find_principals, find_program, verifies
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StoragePath, open_to_read


@dataclass(frozen=True)
class Approval:
    """Who approved what, when; or that nobody had to.

    Args:
        required: whether the platform requires approvals; if not, nothing was verified and nobody is named.
        principal: the approver, as `conf/approvers` names this person.
        fingerprint: of the key that signed.
        at: when the signature was verified.
        document: what was approved.
    """

    required: bool
    principal: str | None
    fingerprint: str | None
    at: dt.datetime
    document: ApprovalDocument | None


@dataclass(frozen=True)
class _Evidence:
    """The bytes that are verified, read once."""

    document: bytes
    signature: bytes
    approvers: bytes
    revoked: bytes | None


def name_current_user() -> str:
    """Name the operating-system user of this process, by its number and not by what the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def require_approval(
    environment: Environment, document_path: StoragePath, signature_path: StoragePath, action: str, made_by: str
) -> Approval:
    """Require that a second person approved what a document names.

    The caller compares `Approval.document` (subject and checksums) with what it is about to do.

    Args:
        environment: the configuration folder, the platform's `[approvals]` and the time at which keys must be valid.
        document_path: the document, as `write_approval_document` wrote it.
        signature_path: its detached signature.
        action: what is to be done.
        made_by: the operating-system user who made what is approved.

    Raises:
        StateRefused: there is no approval, for the reason that the sentence names (exit code 15).
        ValueError: an action that the platform does not know, which is a defect of the caller.
    """
    settings = environment.platform.approvals
    if action not in settings.actions:
        raise ValueError(f"no action {action}")
    if not settings.required:
        return Approval(False, None, None, environment.now, None)
    find_program()
    evidence = _read_evidence(environment.config, document_path, signature_path)
    document = read_approval_document(evidence.document, document_path.name)
    _require_same_matter(document, action, made_by, document_path.name)
    approver = _find_approver(evidence, environment.now, signature_path.name)
    _require_valid_signature(evidence, approver, environment.now, signature_path.name)
    _require_second_person(environment, approver, action, made_by)
    return Approval(True, approver.principal, fingerprint_key(approver.key), environment.now, document)


def _read_evidence(config: Path, document: StoragePath, signature: StoragePath) -> _Evidence:
    revoked = config / REVOKED
    return _Evidence(
        _read_file(document, "the document to approve", "Let the job write it"),
        _read_file(signature, "the signature of a second person", "Let an approver sign with scripts/approve"),
        _read_file(
            config / APPROVERS, "the file of approvers", "Copy it from the shipped configuration and fill it in"
        ),
        _read_file(revoked, "the file of revoked keys", "Make it readable")
        if revoked.is_symlink() or revoked.exists()
        else None,
    )


def _read_file(path: StoragePath, what: str, do: str) -> bytes:
    try:
        with open_to_read(path) as opened:
            content = opened.read(LARGEST_DOCUMENT_BYTES + 1)
    except OSError:
        raise _refuse(what, path.name, "none that can be read", path.name, do) from None
    if len(content) > LARGEST_DOCUMENT_BYTES:
        raise _refuse(what, path.name, f"more than {LARGEST_DOCUMENT_BYTES} bytes", path.name, do)
    return content


def _require_same_matter(document: ApprovalDocument, action: str, made_by: str, where: str) -> None:
    if document.action != action:
        raise _refuse(
            f"an approval of the action {action}",
            action,
            "one of another action",
            where,
            "Sign the document of this action",
        )
    if document.made_by != made_by:
        raise _refuse(
            "the document of the person who made what is approved",
            made_by,
            "that of somebody else",
            where,
            "Let the job write the document again, and sign that",
        )


def _find_approver(evidence: _Evidence, now: dt.datetime, where: str) -> Approver:
    """Find the line of the key that the signature names, and check its purpose and time."""
    try:
        approvers = read_approvers(evidence.approvers.decode("utf-8"))
    except UnicodeDecodeError:
        raise _refuse(
            "UTF-8 text", "the shipped file", "other bytes", f"conf/{APPROVERS}", "Save the file as UTF-8"
        ) from None
    parts = _read_signature(evidence.signature, where)
    approver = next((one for one in approvers if one.key == parts.key), None)
    example = "that of a line of conf/approvers"
    if approver is None:
        raise _refuse("the key of an approver", example, "another key", where, "Let an approver sign")
    if parts.namespace != NAMESPACE:
        raise _refuse(
            "a signature that was made as an approval",
            f"ssh-keygen -Y sign -n {NAMESPACE}",
            "one that was made for another purpose",
            where,
            "Sign with scripts/approve",
        )
    if now < approver.valid_after:
        raise _refuse("a key that is valid", example, "one that is not valid yet", where, "Wait, or let another sign")
    if now >= approver.valid_before:
        raise _refuse("a key that is valid", example, "one that has expired", where, "Sign with a key that is valid")
    return approver


def _read_signature(content: bytes, where: str) -> SignatureParts:
    try:
        return read_signature(content)
    except ValueError:
        raise _refuse(
            "a detached signature of OpenSSH", "what scripts/approve makes", "something else", where, "Sign again"
        ) from None


def _require_valid_signature(evidence: _Evidence, approver: Approver, now: dt.datetime, where: str) -> None:
    """Let ssh-keygen verify: whose signature it is, of these bytes, with a key that is not revoked."""
    if evidence.revoked is not None:
        check_revocations(evidence.revoked)
    with tempfile.TemporaryDirectory(prefix="approval-") as folder:
        signature, approvers, revoked = (Path(folder, name) for name in ("signature", APPROVERS, REVOKED))
        signature.write_bytes(evidence.signature)
        approvers.write_bytes(evidence.approvers)
        named = find_principals(signature, approvers, now)
        if named != [approver.principal] or not verifies(
            evidence.document, signature, approvers, approver.principal, now, None
        ):
            raise _refuse(
                "the signature of this document", "one made with scripts/approve", "one of other bytes", where,
                "Look whether the document was changed; if not, sign it again",
            )  # fmt: skip
        if evidence.revoked is None:
            return
        revoked.write_bytes(evidence.revoked)
        if not verifies(evidence.document, signature, approvers, approver.principal, now, revoked):
            raise _refuse(
                "a key that was not revoked", f"one that conf/{REVOKED} does not list", "one that is listed or a list "
                "that ssh-keygen cannot read", where, "Let another approver sign",
            )  # fmt: skip


def _require_second_person(environment: Environment, approver: Approver, action: str, made_by: str) -> None:
    settings = environment.platform.approvals
    if approver.principal not in settings.actions[action]:
        raise _refuse(
            f"the signature of somebody who may approve {action}",
            "a name in [approvals] actions",
            f"that of {approver.principal}, who may not",
            "platform.toml",
            "Let somebody sign who may",
        )
    if settings.users[approver.principal] == made_by:
        raise _refuse(
            "the signature of a second person",
            "of a colleague of the one who made it",
            f"that of {approver.principal}, who is the user {made_by} who made it",
            "[approvals] users of platform.toml",
            "Let somebody else look at it and sign",
        )


def _refuse(what: str, example: str, found: str, where: str, do: str) -> StateRefused:
    return StateRefused(describe_problem(what, example=example, found=found, where=where, do=do))
