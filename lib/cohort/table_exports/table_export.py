"""The export of a published table: what may be exported, made in scratch, put beside the table, opened with it.

In: the project, its published release, and formats. Out: a file per format, and a report. Called by the job `export`
under the project's lock. The files are made in a private scratch folder of this machine, because the programs'
formats are written to local files only, and are moved in whole.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ConfigDict

from cohort.access import reasons_against_access, settle_access
from cohort.agreements import Environment, Project
from cohort.delta import RELEASE_PROPERTY, read_protocol_and_properties, table_exists
from cohort.foundation import StateRefused, UsageRefused, describe_problem
from cohort.release_records import ReleaseRecord, find_published_record
from cohort.research_files import (
    Codebook,
    make_codebook,
    open_private_file,
    prepare_folder,
    read_codebook,
    renew_codebook,
)
from cohort.storage import DocumentPart, StoragePath, StorageZones, move_file
from cohort.table_exports import plain_files, statistical_files
from cohort.table_exports.coded_rows import read_coded_rows

EXPORT_FORMATS = ("sav", "dta", "parquet", "csv")
CODED_FORMATS = {"sav": statistical_files.write_sav, "dta": statistical_files.write_dta}
"""The formats of statistical programs, in which values are codes with labels."""
UNFINISHED_SUFFIX = ".part"


class ExportedFile(DocumentPart):
    """One file beside the table."""

    name: str
    bytes: int
    sha256: str


class ExportReport(DocumentPart):
    """What was exported from which release, and every reason why its readers cannot read it now."""

    model_config = ConfigDict(json_schema_extra={"$id": "export-report-1"})

    project: str
    release: str
    language: str
    files: tuple[ExportedFile, ...]
    why_not: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return self.model_dump(mode="json")


def export_table(
    environment: Environment,
    project: Project,
    formats: Sequence[str],
    language: str,
    progress: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Export a published table to files beside it, in the place of earlier ones of the same formats.

    Args:
        environment: the surroundings of the run; the caller holds the project's lock.
        project: the project's declaration.
        formats: names of `EXPORT_FORMATS`.
        language: the language of labels, `nl` or `en`.
        progress: receives a line per file.

    Raises:
        StateRefused: what `require_readable_release` refuses (exit code 15).
        ConfigurationRefused: a program does not take the name of a column (10).
        RightsRefused: readers who cannot be given access again (17).
    """
    # 1. What is exported: the published release, which its readers may read today.
    zones = environment.zones
    record = require_readable_release(environment, project)
    book = read_codebook(zones, record)
    if book is None:
        book = make_codebook(environment, project, record, zones.published_table(project.name))
        renew_codebook(zones, book)
    check_column_names(book, formats)

    # 2. The files, one after the other; the folder is closed meanwhile.
    folder = prepare_folder(zones, project.name)
    for left in folder.glob(f"*{UNFINISHED_SUFFIX}"):
        left.unlink()
    files = []
    try:
        with tempfile.TemporaryDirectory(prefix="export-") as scratch:
            table = zones.published_table(project.name)
            for path in write_table_files(table, book, formats, language, Path(scratch)):
                files.append(put_in_place(path, folder / path.name, open_private_file))
                progress(f"{path.name}: {files[-1].bytes:,} bytes")
                path.unlink()
    finally:
        # 3. Readers have access again, also to what an interrupted run left as it was.
        withheld = settle_access(zones, environment.platform, project, environment.now)
    return ExportReport(
        project=project.name, release=record.id, language=language, files=tuple(files), why_not=tuple(withheld)
    )


def require_readable_release(environment: Environment, project: Project) -> ReleaseRecord:
    """Return the published release of a project that its readers may read today.

    Raises:
        StateRefused: there is none, or its table is another release's (exit code 15).
    """
    zones = environment.zones
    record = find_published_record(zones, project.name)
    reasons = reasons_against_access(zones, project, environment.today)
    if record is None or reasons:
        raise StateRefused(
            describe_problem(
                "a table that its readers may read",
                example="one that publish put in place, in the time of its project",
                found="; ".join(reasons) or "none",
                where=f"projects/{project.name}",
                do="See with status what is due",
            )
        )
    require_published_table(zones, record)
    return record


def require_published_table(zones: StorageZones, record: ReleaseRecord) -> None:
    """Check that the table of a project is that of its published release.

    Raises:
        StateRefused: it is another release's, or is not there (exit code 15).
    """
    table = zones.published_table(record.project)
    properties = read_protocol_and_properties(table)[1] if table_exists(table) else {}
    if properties.get(RELEASE_PROPERTY) != record.id:
        raise StateRefused(
            describe_problem(
                "the table of the published release",
                example=f"{RELEASE_PROPERTY} = {record.id}",
                found="another, or none",
                where=f"projects/{record.project}",
                do="Run verify, which says what is wrong with it",
            )
        )


def read_formats(text: str) -> tuple[str, ...]:
    """Read names of formats with commas between them, each once.

    Raises:
        UsageRefused: a name that is none of `EXPORT_FORMATS`, or no name (exit code 2).
    """
    formats = tuple(dict.fromkeys(name for name in text.split(",") if name))
    unknown = [name for name in formats if name not in EXPORT_FORMATS]
    if unknown or not formats:
        raise UsageRefused(
            describe_problem(
                f"formats among {', '.join(EXPORT_FORMATS)}",
                example="--format sav,csv",
                found=", ".join(unknown) or "none",
                where="--format",
                do="Name one or more of these",
            )
        )
    return formats


def check_column_names(book: Codebook, formats: Sequence[str]) -> None:
    """Check that every program takes the names of the columns.

    Raises:
        ConfigurationRefused: names that one does not take (exit code 10).
    """
    for file_format in CODED_FORMATS.keys() & set(formats):
        statistical_files.check_names(book, file_format)


def write_table_files(
    table: StoragePath, book: Codebook, formats: Sequence[str], language: str, scratch: Path
) -> Iterator[Path]:
    """Write a table as files of this machine, one after the other.

    Args:
        table: the folder of the table.
        book: its codebook; the files have the name of its release.
        formats: names of `EXPORT_FORMATS`.
        language: the language of labels, `nl` or `en`.
        scratch: the folder of the files, which is private.

    Yields:
        Each file; the caller removes it before it asks for the next.
    """
    coded = [name for name in EXPORT_FORMATS if name in CODED_FORMATS and name in formats]
    if coded:
        rows = read_coded_rows(table, book)
        for name in coded:
            path = scratch / f"{book.release}.{name}"
            CODED_FORMATS[name](rows, book, language, path)
            yield path
        del rows
    if "parquet" in formats:
        path = scratch / f"{book.release}.parquet"
        plain_files.write_parquet(table, book, path)
        yield path
    if "csv" in formats:
        path = scratch / f"{book.release}.csv"
        plain_files.write_csv(table, book, path)
        yield path
        schema = plain_files.describe_csv(book, language, path.name)
        path = scratch / f"{book.release}.csv-schema.json"
        path.write_text(schema.model_dump_json(indent=2, exclude_none=True) + "\n", encoding="utf-8")
        yield path


def put_in_place(
    made: Path, target: StoragePath, open_file: Callable[[StoragePath], AbstractContextManager[BinaryIO]]
) -> ExportedFile:
    """Copy a file to the store under another name, and give it its name when it is whole.

    Args:
        made: the file of this machine.
        target: its place on the store.
        open_file: opens a file of the store to be written.
    """
    unfinished = target.with_name(f".{target.name}{UNFINISHED_SUFFIX}")
    with made.open("rb") as source, open_file(unfinished) as out:
        shutil.copyfileobj(source, out, 1 << 20)
    target.unlink(missing_ok=True)
    move_file(unfinished, target)
    with made.open("rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    return ExportedFile(name=target.name, bytes=made.stat().st_size, sha256=digest)
