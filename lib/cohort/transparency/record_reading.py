"""Strict reading of the open records: a record that is broken, or that names a pupil or a school, stops the register.

`public_register` calls it. It reads the folder of open records and nothing else, and it writes nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cohort.agreements import PROJECT_NAME
from cohort.foundation import BRIN_PATTERN, StateRefused, describe_problem, normalise_pgn
from cohort.storage import StoragePath
from cohort.transparency.register_documents import (
    RegisterAgreement,
    RegisterCertificate,
    RegisterEntry,
    RegisterRelease,
)

AGREEMENT_FILE, CERTIFICATE_FILE = "agreement.json", "certificate.json"

_Document = TypeVar("_Document", bound=BaseModel)


def read_register_entries(records: StoragePath) -> list[RegisterEntry]:
    """Read every project that has an open record, by name.

    Args:
        records: the folder of open records, with a folder per project.

    Raises:
        StateRefused: a record that cannot be read as one, or with a text that looks like a pupil number or a school
            code; all problems at once (exit code 15).
    """
    folders = sorted(path for path in records.glob("*/") if PROJECT_NAME.fullmatch(path.name))
    problems: list[str] = []
    entries = [_read_entry(folder, problems) for folder in folders]
    if problems:
        raise StateRefused(*problems)
    return [entry for entry in entries if entry.agreement or entry.releases or entry.certificate]


def _read_entry(folder: StoragePath, problems: list[str]) -> RegisterEntry:
    files = sorted((f for f in folder.glob("*.json") if f.stem.isdigit()), key=lambda f: int(f.stem))
    records = [_read_document(file, RegisterRelease, problems) for file in files]
    releases = tuple(record for record in records if record is not None)
    agreement = _read_document(folder / AGREEMENT_FILE, RegisterAgreement, problems)
    certificate = _read_document(folder / CERTIFICATE_FILE, RegisterCertificate, problems)
    entry = RegisterEntry(folder.name, agreement, releases, certificate)
    agreement_of_latest = entry.latest.agreed if entry.latest is not None else None
    return replace(entry, agreement=agreement_of_latest or agreement)


def _read_document(file: StoragePath, kind: type[_Document], problems: list[str]) -> _Document | None:
    return read_open_document(file, kind, problems, f"records/{file.parent.name}/{file.name}")


def read_open_document(file: StoragePath, kind: type[_Document], problems: list[str], where: str) -> _Document | None:
    """Read one document; a problem is added to the list and gives None, as does a file that is not there.

    Args:
        file: the file.
        kind: what it holds.
        problems: the problems so far.
        where: what a problem calls the file.
    """
    if not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        document = kind.model_validate(content)
    except ValidationError as wrong:
        field = ".".join(str(part) for part in wrong.errors()[0]["loc"]) or "the whole"
        problems.append(_broken(f"another one (at {field})", where))
        return None
    except (OSError, ValueError, RecursionError):
        problems.append(_broken("one that cannot be read", where))
        return None
    problem = _content_problem(file, content, document, where)
    if problem is not None:
        problems.append(problem)
        return None
    return document


def _content_problem(file: StoragePath, content: dict[str, Any], document: BaseModel, where: str) -> str | None:
    """Say what is wrong with a document that has the right fields, or None."""
    expected_values = {"project": file.parent.name, "release": file.stem}
    if any(str(content[name]) != value for name, value in expected_values.items() if name in content):
        return _broken("that of another project or release", where)
    texts = list(_texts(document.model_dump()))
    if any(map(_names_pupil_or_school, texts)):
        return describe_problem(
            "a record that names no pupil and no school",
            example="a question without a code",
            found="what looks like a pupil's number or a school's code",
            where=where,
            do="Nothing was written; correct the project's declaration and publish it again",
        )
    if any(map(_has_control_character, texts)):
        return _broken("one with control characters", where)
    return None


def _broken(found: str, where: str) -> str:
    return describe_problem(
        "a record as publish or destroy wrote it",
        example="that of another release",
        found=found,
        where=where,
        do="Nothing was written; restore the file, then run register again",
    )


def _texts(content: Any) -> Iterator[str]:
    """Every text of a document, keys of its tables included."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)


def _names_pupil_or_school(text: str) -> bool:
    numbers = re.findall(r"(?<![0-9A-Za-z])[0-9]{8,9}(?![0-9A-Za-z])", text)
    brins = re.findall(rf"(?<![0-9A-Za-z]){BRIN_PATTERN.pattern}(?![A-Za-z])", text)
    return bool(brins) or any(normalise_pgn(number) for number in numbers)


def _has_control_character(text: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t\r" for sign in text)
