"""One finding about a file of an output request."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from cohort.output_checking.checks.finding_texts import FINDING_TEXTS
from cohort.storage import DocumentPart

Severity: TypeAlias = Literal["refuse", "look"]


class OutputFinding(DocumentPart):
    """What a check found; it never holds a value of a person or a text of the file."""

    code: str
    """Which check, a key of `FINDING_TEXTS`."""
    severity: Severity
    """`refuse`: not released unless both reviewers overrule it. `look`: a reviewer looks and decides."""
    file: str
    """The file as `<name>` of the declaration, or its number in the folder where its name may not be repeated."""
    place: str = ""
    """The sheet, row, column or part; empty for the file as a whole."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Limits and counts of the message, by name."""


def describe_finding(finding: OutputFinding, language: str) -> str:
    """Write a finding and what to do as plain sentences.

    Args:
        finding: the finding.
        language: `nl` or `en`.
    """
    dutch, english = FINDING_TEXTS[finding.code]
    return (dutch if language == "nl" else english) % finding.parameters
