"""The independent auditor of public tables; it shares no code with the search for the cells to hide.

In: an edition as everybody would read it, the counts per school that it was made from, and everything that was
published before. Out: findings by code. The auditor counts every figure again, finds by its own reading of the rules
which cells must be hidden, and solves the linear programmes of every attacker on all editions together. No Spark.

    audit_findings       codes, findings, result
    audit_subject        what an audit is given
    cell_meanings        what a cell means: sets of leaves
    shown_figures        every figure of every table, once
    school_counts        pupils per cell, school and board
    figure_check         printed figures beside counted ones
    consistency_check    one meaning, one status and one figure
    protection_rules     which cells a rule hides, and how far intervals reach
    attacker_knowledge   what printed figures tell of the parts of all cells
    attacker_intervals   linear programmes of intervals
    interval_search      protected cells that an attacker computes too nearly
    cell_knowledge       what an audit knows of all cells
    count_check          rules and intervals of counts
    mean_check           rules and intervals of means
    rounding_check       tables with rounded counts
    release_check        tables beside an anonymous release
    table_audit          the audit of tables in memory
    edition_audit        the audit of an edition where it stands
    attacks              the project's own attack on published files
"""

from __future__ import annotations

from cohort.table_audit.attacks import KnownCell, PublishedFiles, compute_hidden_cells
from cohort.table_audit.audit_findings import AUDIT_DEFINITIONS, AuditCase, AuditFinding, AuditResult
from cohort.table_audit.audit_subject import AuditEdition, AuditInput, ReleasedCell
from cohort.table_audit.edition_audit import audit_edition
from cohort.table_audit.table_audit import audit_tables

__all__ = [
    "AUDIT_DEFINITIONS",
    "AuditCase",
    "AuditEdition",
    "AuditFinding",
    "AuditInput",
    "AuditResult",
    "KnownCell",
    "PublishedFiles",
    "ReleasedCell",
    "audit_edition",
    "audit_tables",
    "compute_hidden_cells",
]
