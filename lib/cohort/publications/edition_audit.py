"""The audit of an edition from its files, by the auditor, beside everything that was published before."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from cohort.agreements import Platform
from cohort.publication_documents import CONTRIBUTORS, SCORES, AuditFigures, EditionRecord, load_publication_document
from cohort.publications.earlier_editions import EarlierEdition, load_earlier_editions, read_cells, read_rows
from cohort.storage import StoragePath, StorageZones
from cohort.table_audit import AuditEdition, AuditInput, audit_tables


def audit_files(
    folder: StoragePath,
    contributors: pa.Table,
    scores: pa.Table | None,
    earlier: Sequence[EarlierEdition],
    platform: Platform,
) -> tuple[AuditFigures, tuple[str, ...]]:
    """Audit the files of an edition as they stand in a folder.

    Args:
        folder: the folder with its document and its cells.
        contributors: the counts per school.
        scores: the counts by score; None without percentiles.
        earlier: everything that was published before.
        platform: the platform's declaration.

    Returns:
        What the auditor did, and a sentence for each finding.
    """
    document = load_publication_document(folder)
    edition = AuditEdition(document, read_cells(folder, document), contributors, scores)
    before = tuple(AuditEdition(own.document, own.cells, own.contributors, own.scores) for own in earlier)
    result = audit_tables(AuditInput(edition, before, platform.publications))
    return result.figures, tuple(f"{finding.code}: {finding.sentence}" for finding in result.findings)


def audit_published(
    zones: StorageZones, record: EditionRecord, platform: Platform
) -> tuple[AuditFigures, tuple[str, ...]]:
    """Audit an edition again, beside everything else that was ever public."""
    exact = zones.exact_edition(record.publication, record.edition)
    name = (record.publication, record.edition)
    others = [own for own in load_earlier_editions(zones) if (own.record.publication, own.record.edition) != name]
    staged, published = zones.staged_edition(*name), zones.published_edition(*name)
    scores = read_rows(exact / SCORES) if (exact / SCORES).is_file() else None
    folder = published if published.is_dir() else staged
    return audit_files(folder, read_rows(exact / CONTRIBUTORS), scores, others, platform)
