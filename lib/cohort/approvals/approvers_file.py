"""The approvers of the configuration: `approvers`, an allowed_signers file of OpenSSH, and `approvers.revoked`.

`ssh-keygen` passes over a line that it cannot read, and takes wildcards and keys without an end. Here every line is
read strictly, so that what it says is what holds.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from cohort.agreements import PRINCIPAL
from cohort.approvals.ssh_encoding import REVOCATION_LIST_MAGIC, read_public_key
from cohort.foundation import StateRefused, describe_problem

APPROVERS, REVOKED = "approvers", "approvers.revoked"
NAMESPACE = "cohort-approval"
"""The purpose that a signature is made for; one made for another purpose is no approval."""
LINE = re.compile(r"(?P<principal>\S+) +(?P<options>\S+) +(?P<kind>\S+) +(?P<key>\S+)(?: .*)?")
OPTION = re.compile(r'(?P<name>namespaces|valid-after|valid-before)="(?P<value>[^",]*)"')
OPTIONS = {"namespaces", "valid-after", "valid-before"}
TIME_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True)
class Approver:
    """One line of the file: a person, one key, and from when until when it may sign."""

    principal: str
    key: bytes
    valid_after: dt.datetime
    valid_before: dt.datetime


def read_approvers(text: str) -> tuple[Approver, ...]:
    """Read the text of `approvers`.

    Raises:
        StateRefused: a line that is no approver, or a key or principal that is there for two (exit code 15); all
            problems at once, without the line's text.
    """
    approvers: list[Approver] = []
    problems: list[str] = []
    owners: dict[bytes, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            approver = _read_line(line)
            if approver.key in owners:
                raise ValueError("a key that stands on another line too")
        except ValueError as reason:
            problems.append(_describe_line(str(reason), number))
            continue
        owners[approver.key] = approver.principal
        approvers.append(approver)
    if problems:
        raise StateRefused(*problems)
    return tuple(approvers)


def check_revocations(content: bytes) -> None:
    """Check that `approvers.revoked` is a revocation list of OpenSSH, or public keys, one a line.

    Raises:
        StateRefused: a line that is neither, which `ssh-keygen` would pass over (exit code 15).
    """
    if content.startswith(REVOCATION_LIST_MAGIC):
        return
    for number, line in enumerate(content.decode("utf-8", errors="replace").split("\n"), 1):
        parts = line.split()
        if not parts or line.startswith("#"):
            continue
        try:
            read_public_key(parts[0], parts[1] if len(parts) > 1 else "")
        except ValueError:
            raise StateRefused(
                describe_problem(
                    "a list that `ssh-keygen -k` made, or one public key a line",
                    example="ssh-ed25519 AAAA…",
                    found="something else",
                    where=f"line {number} of conf/{REVOKED}",
                    do="Correct the line: a revoked key must never count because it was misspelt",
                )
            ) from None


def _read_line(line: str) -> Approver:
    found = LINE.fullmatch(line.rstrip())
    if found is None:
        raise ValueError("no principal, options and key")
    if not PRINCIPAL.fullmatch(found["principal"]):
        raise ValueError("a principal that is not one plain name")
    options = _read_options(found["options"])
    if options["namespaces"] != NAMESPACE:
        raise ValueError("another namespace")
    after, before = _read_time(options["valid-after"]), _read_time(options["valid-before"])
    if not after < before:
        raise ValueError("a key that ends before it begins")
    try:
        key = read_public_key(found["kind"], found["key"])
    except ValueError:
        raise ValueError("no public key of a kind that is taken (ed25519 or ecdsa, also on a token)") from None
    return Approver(found["principal"], key, after, before)


def _read_options(text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in text.split(","):
        found = OPTION.fullmatch(part)
        if found is None or found["name"] in options:
            raise ValueError("options other than namespaces, valid-after and valid-before, each once and in quotes")
        options[found["name"]] = found["value"]
    if set(options) != OPTIONS:
        raise ValueError("not all of the options namespaces, valid-after and valid-before")
    return options


def _read_time(text: str) -> dt.datetime:
    try:
        if not text.isascii() or not text.isdigit():
            raise ValueError
        return dt.datetime.strptime(text, TIME_FORMATS[len(text)]).replace(tzinfo=dt.UTC)
    except (KeyError, ValueError):
        raise ValueError("a time that is not YYYYMMDD or YYYYMMDDHHMM (UTC)") from None


def _describe_line(found: str, number: int) -> str:
    return describe_problem(
        "one approver and one key a line",
        example=f'a.jansen namespaces="{NAMESPACE}",valid-after="20260101",valid-before="20280101" ssh-ed25519 AAAA…',
        found=found,
        where=f"line {number} of conf/{APPROVERS}",
        do="Correct the line",
    )
