"""The folder of a twin: its table, its files and its codebook, which everybody may read, as the public records.

No row in it is a pupil. It is removed before the table that it was made from changes, and whenever that table turns out
not to be what it should be; `twin` makes it anew.
"""

from __future__ import annotations

from cohort.foundation import DestructionIncomplete, describe_problem
from cohort.research_files.codebook_document import Codebook
from cohort.research_files.file_folder import CODEBOOK_SUFFIX, write_codebook_pages
from cohort.storage import StoragePath, StorageZones, anything_exists, remove_tree, store_of, write_json_document


def remove_twin(zones: StorageZones, project: str) -> bool:
    """Remove the twin of a project.

    Returns:
        Whether there was anything of one.

    Raises:
        DestructionIncomplete: something that cannot be removed (exit code 16).
    """
    folder = zones.twin(project)
    if not anything_exists(folder):
        return False
    remove_tree(folder)
    if anything_exists(folder):
        raise DestructionIncomplete(
            describe_problem(
                "a twin that can be removed",
                example="a folder that the platform's user owns",
                found="a folder that stays",
                where=f"twins/{project}",
                do="Look at its permissions, then run the job again",
            )
        )
    return True


def write_twin_codebook(zones: StorageZones, book: Codebook) -> None:
    """Write the codebook of a twin: a page in each language, DDI, and last the document."""
    folder = zones.twin(book.project)
    write_codebook_pages(folder, book, _write_public)
    path = folder / f"{book.release}{CODEBOOK_SUFFIX}"
    write_json_document(path, book.model_dump(mode="json"), public=True)


def _write_public(path: StoragePath, content: bytes) -> None:
    store_of(path).write_whole(path, content, public=True)
