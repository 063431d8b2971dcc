"""The open records, read strictly: a record that is broken, or that names somebody, stops the register."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from cohort.agreements.project import PROJECT_NAME
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.foundation.identifiers import BRIN_PATTERN, normalise_pgn
from cohort.transparency.register_documents import Agreement, Certificate, Entry, Release, Told

AGREEMENT, CERTIFICATE = "agreement.json", "certificate.json"

T = TypeVar("T", bound=Told)


def entries(records: Path) -> list[Entry]:
    """Every project that has a record, by name.

    Refuses: a record that cannot be read as one, and one with a text that looks like a pupil's number or a
    school's code: all at once (exit code 15).
    """
    folders = sorted(path for path in records.glob("*/") if PROJECT_NAME.fullmatch(path.name))
    problems: list[str] = []
    found = [_entry(folder, problems) for folder in folders]
    if problems:
        raise StateRefused(*problems)
    return [entry for entry in found if entry.agreement or entry.releases or entry.certificate]


def _entry(folder: Path, problems: list[str]) -> Entry:
    files = sorted((f for f in folder.glob("*.json") if f.stem.isdigit()), key=lambda f: int(f.stem))
    releases = [r for file in files if (r := _read(file, Release, problems)) is not None]
    agreement = _read(folder / AGREEMENT, Agreement, problems)
    certificate = _read(folder / CERTIFICATE, Certificate, problems)
    entry = Entry(folder.name, agreement, tuple(releases), certificate)
    made_with = entry.latest.agreed if entry.latest is not None else None
    return replace(entry, agreement=made_with or agreement)


def _read(file: Path, kind: type[T], problems: list[str]) -> T | None:
    if not file.exists():
        return None
    where = f"records/{file.parent.name}/{file.name}"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        told = kind.model_validate(content)
    except ValidationError as wrong:
        place = ".".join(str(part) for part in wrong.errors()[0]["loc"]) or "the whole"
        problems.append(_broken(f"another one (at {place})", where))
    except (OSError, ValueError, RecursionError):
        problems.append(_broken("one that cannot be read", where))
    else:
        own = {"project": file.parent.name, "release": file.stem}
        if any(str(content[name]) != value for name, value in own.items() if name in content):
            problems.append(_broken("that of another project or release", where))
        elif any(map(_identifies, _texts(told.model_dump()))):
            problems.append(
                describe_problem(
                    "a record that names no pupil and no school",
                    example="a question without a code",
                    found="what looks like a pupil's number or a school's code",
                    where=where,
                    do="Nothing was written; correct the project's declaration and publish it again",
                )
            )
        elif any(map(_unprintable, _texts(told.model_dump()))):
            problems.append(_broken("one with control characters", where))
        else:
            return told
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
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield str(name)
            yield from _texts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _texts(value)


def _identifies(text: str) -> bool:
    numbers = re.findall(r"(?<![0-9A-Za-z])[0-9]{8,9}(?![0-9A-Za-z])", text)
    brins = re.findall(rf"(?<![0-9A-Za-z]){BRIN_PATTERN.pattern}(?![A-Za-z])", text)
    return bool(brins) or any(normalise_pgn(number) for number in numbers)


def _unprintable(text: str) -> bool:
    return any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t\r" for sign in text)
