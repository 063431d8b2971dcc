"""The audit of an edition from its files, by the auditor, beside everything that was published before."""

from __future__ import annotations

import pyarrow as pa

from cohort.agreements import Environment, Platform, load_publication
from cohort.publication_documents import CONTRIBUTORS, SCORES, AuditFigures, EditionRecord, load_publication_document
from cohort.publications.earlier_editions import Published, load_earlier_editions, read_cells, read_rows
from cohort.publications.release_beside import list_released_pupils
from cohort.storage import StoragePath
from cohort.table_audit import AuditEdition, AuditInput, ReleasedCell, audit_tables


def audit_files(
    folder: StoragePath, contributors: pa.Table, scores: pa.Table | None, published: Published, platform: Platform
) -> tuple[AuditFigures, tuple[str, ...]]:
    """Audit the files of an edition as they stand in a folder.

    Args:
        folder: the folder with its document and its cells.
        contributors: the counts per school.
        scores: the counts by score; None without percentiles.
        published: everything that was published before, and what releases tell.
        platform: the platform's declaration.

    Returns:
        What the auditor did, and a sentence for each finding.
    """
    document = load_publication_document(folder)
    edition = AuditEdition(document, read_cells(folder, document), contributors, scores)
    before = tuple(AuditEdition(own.document, own.cells, own.contributors, own.scores) for own in published.editions)
    released = tuple(ReleasedCell(one.nodes, one.least, one.most) for one in published.released)
    result = audit_tables(AuditInput(edition, before, platform.publications, released))
    return result.figures, tuple(f"{finding.code}: {finding.sentence}" for finding in result.findings)


def audit_published(environment: Environment, record: EditionRecord) -> tuple[AuditFigures, tuple[str, ...]]:
    """Audit an edition that was made before, beside everything else that is public by now.

    Args:
        environment: the surroundings of the run.
        record: its record.

    Returns:
        What the auditor did, and a sentence for each finding.

    Raises:
        ConfigurationRefused: the declaration of the publication cannot be read (exit code 10).
    """
    zones, platform = environment.zones, environment.platform
    exact = zones.exact_edition(record.publication, record.edition)
    name = (record.publication, record.edition)
    others = tuple(own for own in load_earlier_editions(zones) if (own.record.publication, own.record.edition) != name)
    staged, published = zones.staged_edition(*name), zones.published_edition(*name)
    scores = read_rows(exact / SCORES) if (exact / SCORES).is_file() else None
    folder = published if published.is_dir() else staged
    publication = load_publication(environment.config, record.publication, platform)
    released = list_released_pupils(environment, publication, load_publication_document(folder))
    return audit_files(folder, read_rows(exact / CONTRIBUTORS), scores, Published(others, released), platform)
