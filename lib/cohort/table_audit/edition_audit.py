"""The audit of an edition where it stands in storage."""

from __future__ import annotations

import csv
from collections.abc import Sequence

import pyarrow.parquet as pq

from cohort.agreements import PublicationLimits
from cohort.foundation import NotAnonymous, ProgressWriter, describe_problem
from cohort.publication_documents import (
    CONTRIBUTORS,
    PUBLISHED_COPY,
    SCORES,
    PublicationDocument,
    TidyCell,
    load_public_records,
    load_publication_document,
    parse_tidy_cells,
)
from cohort.storage import StoragePath, StorageZones, parquet_source
from cohort.table_audit.audit_findings import AuditResult
from cohort.table_audit.audit_subject import AuditEdition, AuditInput, ReleasedCell
from cohort.table_audit.table_audit import audit_tables


def audit_edition(
    zones: StorageZones,
    limits: PublicationLimits,
    folder: StoragePath,
    restricted: StoragePath,
    progress: ProgressWriter,
    released: Sequence[ReleasedCell] = (),
) -> AuditResult:
    """Audit an edition beside everything published before.

    Args:
        zones: the storage root.
        limits: the platform's floors.
        folder: the files of the edition, staged or published.
        restricted: what is exact of it.
        progress: receives lines of progress.
        released: cells of an anonymous release of the same pupils, if there is one.

    Returns:
        The findings, and what was done.

    Raises:
        NotAnonymous: a document or the counts of an edition cannot be read, so that nothing can be proved (14).
    """
    edition = read_edition(folder, restricted)
    own = (edition.document.publication, edition.document.edition)
    earlier = tuple(
        read_edition(exact / PUBLISHED_COPY, exact)
        for record in load_public_records(zones)
        if (record.publication, record.edition) != own
        for exact in [zones.exact_edition(record.publication, record.edition)]
    )
    return audit_tables(AuditInput(edition, earlier, limits, tuple(released)), progress)


def read_edition(folder: StoragePath, restricted: StoragePath) -> AuditEdition:
    """Read an edition.

    Args:
        folder: its files.
        restricted: what is exact of it.

    Raises:
        NotAnonymous: its document or its counts cannot be read (exit code 14).
    """
    try:
        document = load_publication_document(folder)
        contributors = pq.read_table(parquet_source(restricted / CONTRIBUTORS))
        scores = restricted / SCORES
        values = pq.read_table(parquet_source(scores)) if scores.is_file() else None
    except (OSError, ValueError) as problem:
        raise NotAnonymous(
            describe_problem(
                "the document and the counts per school of every edition that was ever public",
                example="publication.json and contributors.parquet",
                found=f"one that cannot be read ({type(problem).__name__})",
                where=f"edition {restricted.name} of the publication {restricted.parent.name}",
                do="Restore it from the backup: without it nothing can be proved of a later edition",
            )
        ) from None
    return AuditEdition(document, _read_cells(folder, document), contributors, values)


def _read_cells(folder: StoragePath, document: PublicationDocument) -> dict[str, tuple[TidyCell, ...] | None]:
    cells: dict[str, tuple[TidyCell, ...] | None] = {}
    for table in document.tables:
        try:
            text = (folder / table.cells_file).read_text(encoding="utf-8")
            cells[table.name] = tuple(parse_tidy_cells(text, tuple(axis.variable for axis in table.axes)))
        except (OSError, ValueError, csv.Error):
            cells[table.name] = None
    return cells
