"""Where the documents of editions stand, and how they are read and written.

restricted/publications/<name>/<edition>/record.json      the exact record
…/contributors.parquet, …/scores.parquet                  the counts per school that it was made from
…/published/                                              a copy of what was published, which stays for ever
staging/publications/<name>/<edition>/                    what would be published
publications/<name>/<edition>/                            what is published
"""

from __future__ import annotations

from collections.abc import Iterator

from cohort.publication_documents.edition_record import EVER_PUBLIC, EditionRecord, EditionState
from cohort.publication_documents.publication_document import PublicationDocument
from cohort.storage import StoragePath, StorageZones, read_model_document, write_json_document

RECORD, DOCUMENT = "record.json", "publication.json"
CONTRIBUTORS, SCORES = "contributors.parquet", "scores.parquet"
PUBLISHED_COPY, AUDIT_REPORT = "published", "audit.json"


def load_edition_record(zones: StorageZones, publication: str, edition: int) -> EditionRecord:
    """Read the exact record of an edition.

    Raises:
        OSError: there is none.
        ValueError: it is not a record of this version.
    """
    return read_model_document(zones.exact_edition(publication, edition) / RECORD, EditionRecord)


def save_edition_record(zones: StorageZones, record: EditionRecord) -> None:
    """Write the exact record of an edition in the place of its earlier one."""
    path = zones.exact_edition(record.publication, record.edition) / RECORD
    write_json_document(path, record.model_dump(mode="json"))


def load_publication_document(folder: StoragePath) -> PublicationDocument:
    """Read the public document of an edition from the folder of its files.

    Raises:
        OSError: there is none.
        ValueError: it is not a document of this version.
    """
    return read_model_document(folder / DOCUMENT, PublicationDocument)


def list_editions(zones: StorageZones, publication: str) -> tuple[int, ...]:
    """List the editions of a publication that have a record, in ascending order."""
    folder = zones.exact_publications / publication
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit() and (path / RECORD).is_file())
    )


def load_all_records(zones: StorageZones) -> Iterator[EditionRecord]:
    """Read the records of all editions of all publications, in the order of their names and numbers."""
    if not zones.exact_publications.is_dir():
        return
    for folder in sorted(zones.exact_publications.iterdir(), key=lambda path: path.name):
        for edition in list_editions(zones, folder.name):
            yield load_edition_record(zones, folder.name, edition)


def load_public_records(zones: StorageZones) -> tuple[EditionRecord, ...]:
    """Read the records of every edition that was ever public, superseded and withdrawn ones included."""
    return tuple(record for record in load_all_records(zones) if record.state in EVER_PUBLIC)


def find_published_edition(zones: StorageZones, publication: str) -> EditionRecord | None:
    """Find the edition of a publication that is published now."""
    for edition in reversed(list_editions(zones, publication)):
        record = load_edition_record(zones, publication, edition)
        if record.state is EditionState.PUBLISHED:
            return record
    return None
