"""Approves a document: shows what one signs, asks, and signs it with one's own OpenSSH key.

The only thing of a key on the command line is the path of its file; a passphrase is asked for by ssh-keygen, and
ssh-agent works when the public key is named. The signature stands beside the document, with `.sig` behind its name.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from cohort.approvals import ApprovalDocument, describe_approval_document, read_approval_document, sign_document
from cohort.foundation import Refusal, StateRefused, UsageRefused, atomic_replacement, describe_problem


def main() -> int:
    """Run the command, and give its exit code."""
    arguments = _parse_arguments()
    try:
        content = _read_document(arguments.document)
        document = read_approval_document(content, arguments.document.name)
        if arguments.files is not None:
            _require_same_files(document, arguments.files)
        print(describe_approval_document(document))
        if not (arguments.yes or _confirm(document)):
            print("Nothing was signed.", file=sys.stderr)
            return StateRefused.exit_code
        signature = arguments.document.with_name(arguments.document.name + ".sig")
        _write_signature(signature, sign_document(content, arguments.key.expanduser()))
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.exit_code
    except KeyboardInterrupt:
        print("\nNothing was signed.", file=sys.stderr)
        return StateRefused.exit_code
    print(f"Signed: {signature}")
    return 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/approve", description="Show what a document approves, and sign it.")
    parser.add_argument("document", type=Path, help="the document that the job wrote")
    parser.add_argument("--key", type=Path, required=True, help="your private key, or the .pub of one in ssh-agent")
    parser.add_argument("--files", type=Path, help="the folder of the files: compare their checksums before signing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser.parse_args()


def _read_document(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise UsageRefused(
            describe_problem(
                "a document to approve",
                example="the approval.json that the job wrote",
                found="none that can be read",
                where="the command line",
                do="Name its file",
            )
        ) from None


def _require_same_files(document: ApprovalDocument, folder: Path) -> None:
    """Compare the files that one has looked at with those that the document names."""
    try:
        found = {
            file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }
    except OSError:
        raise UsageRefused(
            describe_problem(
                "a folder of files that you may read",
                example="the staged edition",
                found="one with a file that cannot be read",
                where="the option --files",
                do="Ask whoever runs the platform for it",
            )
        ) from None
    other = sorted(name for name in {*found, *document.checksums} if found.get(name) != document.checksums.get(name))
    if other:
        raise StateRefused(
            describe_problem(
                "in the folder the very files that the document names",
                example=next(iter(sorted(document.checksums))),
                found=f"{len(other)} that are other, missing or more, the first {other[0]!r}",
                where="the folder of --files",
                do="Sign nothing: let the job write files and document again",
            )
        )


def _confirm(document: ApprovalDocument) -> bool:
    try:
        return input(f"Type the subject to sign ({document.subject}): ").strip() == document.subject
    except EOFError:
        return False


def _write_signature(path: Path, signature: bytes) -> None:
    try:
        with atomic_replacement(path) as beside:
            beside.write_bytes(signature)
    except OSError:
        raise UsageRefused(
            describe_problem(
                "a folder that you may write to",
                example="a copy of the document in a folder of your own",
                found="one that refuses",
                where="the folder of the document",
                do="Copy the document, sign the copy, and hand over the .sig file",
            )
        ) from None


if __name__ == "__main__":
    sys.exit(main())
