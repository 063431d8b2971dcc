"""Every finding code has one definition, and the reference page lists the same."""

from __future__ import annotations

from pathlib import Path

from cohort.report_figures.held_limits import RISK_DEFINITIONS
from cohort.table_audit import AUDIT_DEFINITIONS
from cohort.verification.findings import FINDING_DEFINITIONS
from cohort.verification.published_table_verification import PSEUDONYMOUS_TABLE_CODES, PUBLISHED_TABLE_CODES
from cohort.verification.stage_verification import STAGE_CODES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "finding-codes.md"


def test_the_reference_page_lists_every_finding_code_with_its_definition() -> None:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    definitions = {**FINDING_DEFINITIONS, **RISK_DEFINITIONS, **AUDIT_DEFINITIONS}
    assert len(definitions) == len(FINDING_DEFINITIONS) + len(RISK_DEFINITIONS) + len(AUDIT_DEFINITIONS)
    assert lines == [f"| `{code}` | {definition} |" for code, definition in definitions.items()]


def test_every_finding_code_is_checked_in_a_stage() -> None:
    assert {*STAGE_CODES, "REBUILT"} == {*FINDING_DEFINITIONS}
    assert {*PUBLISHED_TABLE_CODES, *PSEUDONYMOUS_TABLE_CODES} < {*STAGE_CODES}
