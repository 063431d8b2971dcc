"""The restricted report of one audit: every cell that an attacker computes too nearly, with the attacker."""

from __future__ import annotations

from pydantic import ConfigDict

from cohort.storage import DocumentPart


class ReportedCase(DocumentPart):
    """One cell that a finding concerns."""

    code: str
    """The code of the finding."""
    cell: str
    """The table or edition, and the nodes."""
    attacker: str
    """What kind of attacker computes it, with the number of the school or board; empty without one."""
    least: float | None
    """The least value that the attacker has to reckon with; None without an attacker."""
    most: float | None


class AuditReport(DocumentPart):
    """What the auditor found in an edition when it was audited last."""

    model_config = ConfigDict(json_schema_extra={"$id": "table-audit-report-1"})

    publication: str
    edition: int
    cases: tuple[ReportedCase, ...]
