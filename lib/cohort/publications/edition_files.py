"""The files of an edition: their checksums, and copies of them byte for byte."""

from __future__ import annotations

import hashlib

from cohort.foundation import StateRefused, describe_problem
from cohort.publication_documents import DOCUMENT, EditionRecord
from cohort.storage import StoragePath, remove_tree, store_of


def digest_files(folder: StoragePath) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder, by its name; nothing of a folder that is not there."""
    if not folder.is_dir():
        return {}
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.is_file()
    }


def require_same_files(folder: StoragePath, record: EditionRecord) -> None:
    """Require that a folder has the files of an edition as they were audited, byte for byte.

    Raises:
        StateRefused: others, or not all (exit code 15).
    """
    if digest_files(folder) != record.files:
        raise StateRefused(
            describe_problem(
                "the files of the edition as they were audited",
                example="the same bytes",
                found="others",
                where=f"the folder of publication {record.publication} edition {record.edition}",
                do="Withdraw the edition if readers may have them, and make a new one with tables --publication",
            )
        )


def copy_missing_files(source: StoragePath, target: StoragePath) -> None:
    """Copy for everybody the files of a folder that another one lacks, as after a kill.

    A file that is there stays as it is, also when somebody changed it: an audit says so.
    """
    for path in _list_files(source):
        if not (target / path.name).exists():
            store_of(target).write_whole(target / path.name, path.read_bytes(), public=True)


def _list_files(folder: StoragePath) -> list[StoragePath]:
    """The files of a folder, the edition's document last."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return sorted(files, key=lambda path: (path.name == DOCUMENT, path.name))


def copy_files(source: StoragePath, target: StoragePath, *, public: bool) -> None:
    """Copy every file of a folder into another, in the place of what stood there; the edition's document comes last.

    Args:
        source: the folder.
        target: the other one.
        public: whether everybody may read the copies; otherwise nobody but the platform may.
    """
    remove_tree(target)
    for path in _list_files(source):
        store_of(target).write_whole(target / path.name, path.read_bytes(), public=public)
