"""Strict reading of the public records of publications, and of the files that everybody may download.

In: `records/publications` and the folder of published editions. A file that is not the one of its record stops the
register, as a broken record does; of a withdrawn edition no file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cohort.agreements import PROJECT_NAME
from cohort.foundation import StateRefused, describe_problem
from cohort.publication_documents import EditionState, PublicEditionRecord
from cohort.storage import StoragePath
from cohort.transparency.record_reading import read_open_document

PUBLICATIONS = "publications"


@dataclass(frozen=True)
class PublicationEntry:
    """One publication of the register: its editions by number, of which there is at least one."""

    name: str
    editions: tuple[PublicEditionRecord, ...]

    @property
    def latest(self) -> PublicEditionRecord:
        """The published edition, or without one the last."""
        published = [one for one in self.editions if one.state is EditionState.PUBLISHED]
        return (published or self.editions)[-1]


def read_publication_entries(records: StoragePath) -> list[PublicationEntry]:
    """Read every publication that has a public record, by name.

    Args:
        records: the folder of open records.

    Raises:
        StateRefused: a record that cannot be read as one, that belongs elsewhere, or with a text that looks like a
            pupil number or a school code; all problems at once (exit code 15).
    """
    top = records / PUBLICATIONS
    folders = sorted((path for path in top.glob("*/") if PROJECT_NAME.fullmatch(path.name)), key=lambda path: path.name)
    problems: list[str] = []
    entries = [PublicationEntry(folder.name, tuple(_read_editions(folder, problems))) for folder in folders]
    if problems:
        raise StateRefused(*problems)
    return [entry for entry in entries if entry.editions]


def _read_editions(folder: StoragePath, problems: list[str]) -> list[PublicEditionRecord]:
    editions = []
    for file in sorted((f for f in folder.glob("*.json") if f.stem.isdigit()), key=lambda f: int(f.stem)):
        where = f"records/{PUBLICATIONS}/{folder.name}/{file.name}"
        edition = read_open_document(file, PublicEditionRecord, problems, where)
        if edition is not None and (edition.publication, str(edition.edition)) != (folder.name, file.stem):
            problems.append(_describe("that of another publication or edition", where, "restore the file"))
        elif edition is not None:
            editions.append(edition)
    return editions


def read_edition_files(entries: Sequence[PublicationEntry], publications: StoragePath) -> dict[str, bytes]:
    """Read the files of every edition that is not withdrawn.

    Args:
        entries: the publications.
        publications: the folder of published editions.

    Returns:
        The content of each file, by its path from the top of the site.

    Raises:
        StateRefused: a file that is not there or is another than its record says; all at once (exit code 15).
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for entry in entries:
        for edition in entry.editions:
            if edition.state is not EditionState.WITHDRAWN:
                for name, digest in sorted(edition.files.items()):
                    path = f"{entry.name}/{edition.edition}/{name}"
                    content = _read_file(publications / entry.name / str(edition.edition) / name)
                    if content is None or hashlib.sha256(content).hexdigest() != digest:
                        problems.append(
                            _describe("none, or another", f"{PUBLICATIONS}/{path}", "run tables for this publication")
                        )
                    else:
                        files[f"{PUBLICATIONS}/{path}"] = content
    if problems:
        raise StateRefused(*problems)
    return files


def _read_file(path: StoragePath) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _describe(found: str, where: str, do: str) -> str:
    return describe_problem(
        "what tables wrote when it published the edition",
        example="a file with the checksum of its record",
        found=found,
        where=where,
        do=f"Nothing was written; {do}, then run register again",
    )
