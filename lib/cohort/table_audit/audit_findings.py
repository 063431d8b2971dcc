"""Finding codes of the auditor with their definitions, single findings, and the result of an audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cohort.foundation import NotAnonymous, describe_problem
from cohort.publication_documents import AuditFigures

AUDIT_DEFINITIONS: dict[str, str] = {
    "TABLE_LIMITS": "The rules of an edition are weaker than the limits of the platform",
    "TABLE_CELLS": "Cells of a table are missing, twice there or unknown, or a file of cells cannot be read",
    "TABLE_FIGURE": "Printed figures are not what the counts per school give under the method of the edition",
    "TABLE_STATUS": "One cell is printed in one place and hidden in another, or a figure of a hidden cell is printed",
    "TABLE_EARLIER": "Cells differ from an earlier edition: printed otherwise, hidden then, or hidden now",
    "TABLE_SOURCE": "The counts per school cannot be used, or count another number than those of an earlier edition",
    "TABLE_RULE": "Cells are printed that a rule hides",
    "TABLE_OUTSIDER": "Whoever reads the tables computes a protected cell more nearly than the rules allow",
    "TABLE_SCHOOL": "A school that knows its own pupils computes a protected cell more nearly than the rules allow",
    "TABLE_BOARD": "A board that knows the pupils of its schools computes a protected cell more nearly than allowed",
    "TABLE_MEAN": "Whoever knows all counts and the scale computes a hidden mean more nearly than its spread",
    "TABLE_RELEASE": "The tables beside an anonymous release tell how few pupils of a cell were left out of it",
    "TABLE_NOISE": "An edition with noise does not declare its epsilon, or the error of a measure",
}
"""Every code with its definition: `docs/reference/finding-codes.md` lists the same."""


@dataclass(frozen=True)
class AuditCase:
    """One cell that a finding concerns; restricted.

    Args:
        cell: its table or edition, and its nodes.
        attacker: what kind of attacker computes it, with the number of the school or board; empty without one.
        interval: the least and greatest value that the attacker has to reckon with; None without an attacker.
    """

    cell: str
    attacker: str = ""
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class AuditFinding:
    """One reason to refuse an edition.

    Args:
        code: a key of `AUDIT_DEFINITIONS`.
        cases: the cells that it concerns, at least one; their text is restricted.
    """

    code: str
    cases: tuple[AuditCase, ...]

    def __post_init__(self) -> None:
        if self.code not in AUDIT_DEFINITIONS or not self.cases:
            raise ValueError("a finding has a defined code and at least one case")

    @property
    def sentence(self) -> str:
        """The definition with the number of cases; without a cell, for every reader."""
        return f"{AUDIT_DEFINITIONS[self.code]} ({len(self.cases)})"


@dataclass(frozen=True)
class AuditResult:
    """What an audit found.

    Args:
        findings: every finding; any one refuses the edition.
        figures: what was done, for the record of the edition.
    """

    findings: tuple[AuditFinding, ...]
    figures: AuditFigures

    def require_none(self, where: str) -> None:
        """Refuse an edition with a finding.

        Args:
            where: the edition.

        Raises:
            NotAnonymous: there is a finding (exit code 14).
        """
        if self.findings:
            raise NotAnonymous(*(_describe_finding(finding, where) for finding in self.findings))


def group_cases(cases: Sequence[tuple[str, AuditCase]]) -> tuple[AuditFinding, ...]:
    """Make one finding per code, in the order of the definitions."""
    by_code: dict[str, list[AuditCase]] = {}
    for code, case in cases:
        by_code.setdefault(code, []).append(case)
    return tuple(AuditFinding(code, tuple(by_code[code])) for code in AUDIT_DEFINITIONS if code in by_code)


def _describe_finding(finding: AuditFinding, where: str) -> str:
    return describe_problem(
        "tables without a finding of the auditor",
        example="an edition that the search protected and nobody changed",
        found=f"{finding.code}: {finding.sentence}",
        where=where,
        do="Make a new edition; the cells, attackers and intervals stand in its restricted audit report",
    )
