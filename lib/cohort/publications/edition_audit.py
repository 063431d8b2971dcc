"""The audit of an edition from its files, by the auditor, beside everything that was published before."""

from __future__ import annotations

from cohort.agreements import Environment, Platform, load_publication
from cohort.publication_documents import (
    AUDIT_REPORT,
    CONTRIBUTORS,
    SCORES,
    AuditFigures,
    AuditReport,
    EditionRecord,
    PublicationDocument,
    ReportedCase,
    load_publication_document,
)
from cohort.publications.earlier_editions import Published, load_earlier_editions, read_cells, read_rows
from cohort.publications.edition_rows import EditionRows
from cohort.publications.release_beside import list_released_pupils
from cohort.storage import StoragePath, write_json_document
from cohort.table_audit import AuditEdition, AuditInput, AuditResult, ReleasedCell, audit_tables


def audit_files(
    folder: StoragePath, exact: StoragePath, rows: EditionRows, published: Published, platform: Platform
) -> tuple[AuditFigures, tuple[str, ...]]:
    """Audit the files of an edition as they stand in a folder, and write the restricted report of the audit.

    Args:
        folder: the folder with its document and its cells.
        exact: the restricted folder of the edition, for the report.
        rows: the counts that it was made from.
        published: everything that was published before, and what releases tell.
        platform: the platform's declaration.

    Returns:
        What the auditor did, and a sentence for each finding.
    """
    document = load_publication_document(folder)
    edition = AuditEdition(document, read_cells(folder, document), rows.contributors, rows.scores)
    before = tuple(AuditEdition(own.document, own.cells, own.contributors, own.scores) for own in published.editions)
    released = tuple(ReleasedCell(one.nodes, one.least, one.most) for one in published.released)
    result = audit_tables(AuditInput(edition, before, platform.publications, released))
    _write_report(exact, document, result)
    return result.figures, tuple(f"{finding.code}: {finding.sentence}" for finding in result.findings)


def _write_report(exact: StoragePath, document: PublicationDocument, result: AuditResult) -> None:
    cases = tuple(
        ReportedCase(
            code=finding.code,
            cell=case.cell,
            attacker=case.attacker,
            least=None if case.interval is None else case.interval[0],
            most=None if case.interval is None else case.interval[1],
        )
        for finding in result.findings
        for case in finding.cases
    )
    report = AuditReport(publication=document.publication, edition=document.edition, cases=cases)
    write_json_document(exact / AUDIT_REPORT, report.model_dump(mode="json"))


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
    document = load_publication_document(folder)
    released = () if document.rows == "release" else list_released_pupils(environment, publication, document)
    rows = EditionRows(document, read_rows(exact / CONTRIBUTORS), scores)
    return audit_files(folder, exact, rows, Published(others, released), platform)
