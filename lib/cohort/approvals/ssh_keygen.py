"""The program `ssh-keygen` of OpenSSH: it signs documents, names the owner of a signature and verifies it.

It is given files of a private folder that hold the very bytes that were read and checked, and UTC as its time zone.
"""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from pathlib import Path

from cohort.approvals.approvers_file import NAMESPACE
from cohort.foundation import StateRefused, UsageRefused, describe_problem

PROGRAM = "ssh-keygen"
LONGEST_SECONDS = 60


def find_program() -> str:
    """Find the program on the search path.

    Raises:
        StateRefused: it is not there (exit code 15).
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise StateRefused(
            describe_problem(
                f"the program {PROGRAM}",
                example="that of Debian's package openssh-client",
                found="none",
                where="the search path",
                do="Install OpenSSH 8.9 or newer: without it no signature can be verified",
            )
        )
    return program


def find_principals(signature: Path, approvers: Path, at: dt.datetime) -> list[str]:
    """Name whose key made a signature, from the approvers whose key is valid at a time."""
    options = ["-Y", "find-principals", "-s", str(signature), "-f", str(approvers), "-O", _verify_time(at)]
    done = _run(options, b"")
    return done.stdout.decode("utf-8", errors="replace").split("\n")[:-1] if done.returncode == 0 else []


def verifies(
    document: bytes, signature: Path, approvers: Path, principal: str, at: dt.datetime, revoked: Path | None
) -> bool:
    """Whether a signature is that of a principal under these bytes, with a key that is valid and not revoked."""
    options = ["-Y", "verify", "-n", NAMESPACE, "-I", principal, "-s", str(signature), "-f", str(approvers)]
    if revoked is not None:
        options += ["-r", str(revoked)]
    return _run([*options, "-O", _verify_time(at)], document).returncode == 0


def sign_document(document: bytes, key: Path) -> bytes:
    """Sign bytes as an approval.

    Args:
        document: the bytes.
        key: the file of the private key, or of the public key when ssh-agent or a token holds the private one. A
            passphrase is asked for by the program itself, on the terminal.

    Returns:
        The detached signature, in its armour.

    Raises:
        StateRefused: the program is not there (exit code 15).
        UsageRefused: it did not sign (exit code 2).
    """
    program = find_program()
    command = [program, "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    done = subprocess.run(command, input=document, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0 or not done.stdout:
        raise UsageRefused(
            describe_problem(
                "a key that signs",
                example="--key ~/.ssh/id_ed25519, or the .pub file of a key in ssh-agent",
                found="one with which ssh-keygen made no signature, as it says above",
                where="the option --key",
                do="Name the file of your own key",
            )
        )
    return done.stdout


def _verify_time(at: dt.datetime) -> str:
    return f"verify-time={at.astimezone(dt.UTC):%Y%m%d%H%M%S}"


def _run(options: list[str], given: bytes) -> subprocess.CompletedProcess[bytes]:
    program = find_program()
    environment = {"TZ": "UTC", "LC_ALL": "C"}
    try:
        return subprocess.run(
            [program, *options], input=given, capture_output=True, check=False, env=environment, timeout=LONGEST_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        raise StateRefused(
            describe_problem(
                f"an answer of {PROGRAM}",
                example="that a signature is good",
                found="none",
                where="its run",
                do="Look whether the program runs on this machine, then run again",
            )
        ) from None
