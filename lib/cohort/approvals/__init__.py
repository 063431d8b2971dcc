"""Approval of what one person made by the signature of another, which OpenSSH makes and verifies.

In: a document that names what is approved, its detached signature, the approvers of the configuration. Out: who
approved it and when, or a refusal (exit code 15) that says why not. No Spark, no private key.

    approval_document     what one signs, in bytes that are always the same
    ssh_encoding          the binary form of keys, signatures and revocation lists
    approvers_file        `conf/approvers`, read strictly, and the keys of `conf/approvers.revoked`
    ssh_keygen            the program that verifies
    approval_check        every reason why a signature is no approval
"""

from __future__ import annotations

from cohort.approvals.approval_check import Approval, name_current_user, require_approval
from cohort.approvals.approval_document import (
    ApprovalDocument,
    describe_approval_document,
    make_approval_document,
    read_approval_document,
    write_approval_document,
)
from cohort.approvals.approvers_file import NAMESPACE
from cohort.approvals.ssh_keygen import sign_document

__all__ = [
    "NAMESPACE",
    "Approval",
    "ApprovalDocument",
    "describe_approval_document",
    "make_approval_document",
    "name_current_user",
    "read_approval_document",
    "require_approval",
    "sign_document",
    "write_approval_document",
]
