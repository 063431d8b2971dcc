"""The documents of public tables: what everybody may know of an edition, its exact record and states, its cells.

The job that makes publications writes them; the auditor, the public register and output checking read them. No Spark.

    publication_document   variables, hierarchies, tables, measures and rules of an edition; public
    tidy_cells             the file of a table's cells
    edition_record         the exact record of an edition, and its states
    public_edition         the public record of an edition
    audit_report           what the auditor found; restricted
    edition_store          where these stand, and reading and writing them
"""

from __future__ import annotations

from cohort.publication_documents.audit_report import AuditReport, ReportedCase
from cohort.publication_documents.edition_record import (
    EDITION_MOVES,
    EVER_PUBLIC,
    AuditFigures,
    EditionApproval,
    EditionEvent,
    EditionRecord,
    EditionState,
    SearchFigures,
)
from cohort.publication_documents.edition_store import (
    AUDIT_REPORT,
    CONTRIBUTORS,
    DOCUMENT,
    PUBLISHED_COPY,
    RECORD,
    SCORES,
    find_published_edition,
    list_editions,
    load_all_records,
    load_edition_record,
    load_public_records,
    load_publication_document,
    save_edition_record,
)
from cohort.publication_documents.public_edition import PublicEditionRecord, PublicTable, make_public_edition_record
from cohort.publication_documents.publication_document import (
    TOTAL_NODE,
    CountedRows,
    HierarchyNode,
    LabelledText,
    Measure,
    MeasureKind,
    NoiseFigures,
    ProtectionMethod,
    PublicationDocument,
    PublishedRules,
    PublishedScore,
    PublishedTable,
    TableAxis,
    TableVariable,
    VariableHierarchy,
)
from cohort.publication_documents.tidy_cells import HIDDEN, PRINTED, TidyCell, format_tidy_cells, parse_tidy_cells

__all__ = [
    "AUDIT_REPORT",
    "CONTRIBUTORS",
    "DOCUMENT",
    "EDITION_MOVES",
    "EVER_PUBLIC",
    "HIDDEN",
    "PRINTED",
    "PUBLISHED_COPY",
    "RECORD",
    "SCORES",
    "TOTAL_NODE",
    "AuditFigures",
    "AuditReport",
    "CountedRows",
    "EditionApproval",
    "EditionEvent",
    "EditionRecord",
    "EditionState",
    "HierarchyNode",
    "LabelledText",
    "Measure",
    "MeasureKind",
    "NoiseFigures",
    "ProtectionMethod",
    "PublicEditionRecord",
    "PublicTable",
    "PublicationDocument",
    "PublishedRules",
    "PublishedScore",
    "PublishedTable",
    "ReportedCase",
    "SearchFigures",
    "TableAxis",
    "TableVariable",
    "TidyCell",
    "VariableHierarchy",
    "find_published_edition",
    "format_tidy_cells",
    "list_editions",
    "load_all_records",
    "load_edition_record",
    "load_public_records",
    "load_publication_document",
    "make_public_edition_record",
    "parse_tidy_cells",
    "save_edition_record",
]
