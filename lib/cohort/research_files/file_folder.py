"""The folder beside a published table: its codebook and exported files, written closed, and removed with the table.

`access` opens and closes it together with the table. Whatever is written here is private from its first byte on, and
writing closes the folder: whoever calls this opens it afterwards with `settle_access`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from cohort.foundation import DestructionIncomplete, describe_problem
from cohort.pages import LANGUAGE_CODES
from cohort.release_records import ReleaseRecord
from cohort.research_files.codebook_document import Codebook
from cohort.research_files.codebook_page import render_codebook_page
from cohort.research_files.ddi_document import serialise_ddi
from cohort.storage import (
    StoragePath,
    StorageZones,
    anything_exists,
    make_private_folder,
    open_to_write,
    read_model_document,
    remove_tree,
    store_of,
    write_json_document,
)

CODEBOOK_SUFFIX = ".codebook.json"
COVARIANCE_SUFFIX = ".covariances.csv"


def renew_codebook(zones: StorageZones, book: Codebook) -> None:
    """Write the codebook of a release in the place of everything that stood beside the table before.

    Called whenever the table changed, while nobody may read it: files exported from the earlier rows are gone then. The
    codebook is written as a page in each language, as DDI, and as a document, which comes last; covariance matrices
    also as a table.

    Raises:
        DestructionIncomplete: something that cannot be removed (exit code 16).
    """
    remove_research_files(zones, book.project)
    folder = prepare_folder(zones, book.project)
    write_codebook_pages(folder, book, store_of(folder).write_private)
    write_json_document(folder / f"{book.release}{CODEBOOK_SUFFIX}", book.model_dump(mode="json"))


def write_codebook_pages(folder: StoragePath, book: Codebook, write: Callable[[StoragePath, bytes], None]) -> None:
    """Write a codebook as a page in each language and as DDI.

    Args:
        folder: the folder of the files.
        book: the codebook.
        write: writes one file.
    """
    names = {code: f"{book.release}.codebook.{code}.html" for code in LANGUAGE_CODES}
    for code, name in names.items():
        write(folder / name, render_codebook_page(book, code, names).encode())
    write(folder / f"{book.release}.codebook.xml", serialise_ddi(book))
    if book.covariances:
        write(folder / f"{book.release}{COVARIANCE_SUFFIX}", write_covariances(book).encode())


def write_covariances(book: Codebook) -> str:
    """Write the covariance matrices of a codebook as one CSV table: a row per group and score, a column per score.

    geslacht,vrijheidsgraden,score,rekenen_M,rekenen_E
    1,14500,rekenen_M,31.2,18.9
    1,14500,rekenen_E,18.9,33.7
    """
    first, text = book.covariances[0], io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*first.group, "vrijheidsgraden", "score", *first.columns])
    for one in book.covariances:
        for name, row in zip(one.columns, one.rows, strict=True):
            writer.writerow([*one.group.values(), one.degrees_of_freedom, name, *row])
    return text.getvalue()


def read_codebook(zones: StorageZones, record: ReleaseRecord) -> Codebook | None:
    """Read the codebook of the published release; None where there is none, as of a release by an earlier version."""
    path = zones.research_files(record.project) / f"{record.id}{CODEBOOK_SUFFIX}"
    return read_model_document(path, Codebook) if path.is_file() else None


def remove_research_files(zones: StorageZones, project: str) -> None:
    """Remove everything that stands beside the table of a project.

    Raises:
        DestructionIncomplete: something that cannot be removed (exit code 16).
    """
    folder = zones.research_files(project)
    remove_tree(folder)
    if anything_exists(folder):
        raise DestructionIncomplete(
            describe_problem(
                "files of an earlier release that can be removed",
                example="a folder that the platform's user owns",
                found="a folder that stays",
                where=f"files/{project}",
                do="Look at its permissions, then run the job again",
            )
        )


def prepare_folder(zones: StorageZones, project: str) -> StoragePath:
    """Make the folder beside the table of a project, closed, or close it; readers of others pass by above it."""
    folder = zones.research_files(project)
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_private_folder(folder)
    return folder


@contextmanager
def open_private_file(path: StoragePath) -> Iterator[BinaryIO]:
    """Open a file in a prepared folder to be written; one that is not written to its end is removed."""
    store_of(path).write_private(path, b"")
    try:
        with open_to_write(path) as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
