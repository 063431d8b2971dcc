"""Whether a release's recorded counts add up and agree with what the verifier counted. Checks SUMS."""

from __future__ import annotations

from collections.abc import Mapping

from cohort.verification.control_column_check import ControlColumnCounts
from cohort.verification.findings import Finding, finding_naming

ACCOUNTED_COUNTS = (
    "pupils_records",
    "pupils_released",
    "pupils_suppressed",
    "pupils_objected",
    "pupils_set_aside",
    "pupils_withdrawn",
    "rows_current",
    "rows_used",
    "rows_not_selected",
    "rows_set_aside",
    "rows_objected",
    "pupils_without_instruction",
    "rows_without_instruction",
)
"""The counts that every release records."""
PARTS_OF_ROWS = ("rows_used", "rows_not_selected", "rows_set_aside", "rows_objected", "rows_without_instruction")
PARTS_OF_PUPILS = (
    "pupils_released",
    "pupils_suppressed",
    "pupils_objected",
    "pupils_withdrawn",
    "pupils_without_instruction",
)


def check_accounting(counts: Mapping[str, int], control: ControlColumnCounts, staged_rows: int) -> list[Finding]:
    """Check SUMS.

    Args:
        counts: the counts that the release recorded.
        control: what the verifier counted in the results and the stage.
        staged_rows: the number of rows of the stage.
    """
    missing = [name for name in ACCOUNTED_COUNTS if name not in counts]
    if missing:
        return finding_naming("SUMS", (f"no {name}" for name in missing))
    recorded = {name: int(counts[name]) for name in ACCOUNTED_COUNTS}
    rows = sum(recorded[name] for name in PARTS_OF_ROWS)
    pupils = sum(recorded[name] for name in PARTS_OF_PUPILS)
    broken = {
        "rows_current is not the sum of its parts": recorded["rows_current"] != rows,
        "rows_current is not the number of results": recorded["rows_current"] != control.rows,
        "pupils_records is not the sum of its parts": recorded["pupils_records"] != pupils,
        "pupils_released is not the number of rows staged": recorded["pupils_released"] != staged_rows,
        "pupils_records and set aside are not the pupils with selected results": (
            recorded["pupils_records"] + recorded["pupils_set_aside"] != control.pupils
        ),
        "pupils_objected is not the number that the lists give": recorded["pupils_objected"] != control.excluded,
        "pupils_without_instruction is not the number that the lists give": (
            recorded["pupils_without_instruction"] != control.without_instruction
        ),
        "a count is below zero": min(recorded.values()) < 0,
    }
    return finding_naming("SUMS", (sentence for sentence, is_broken in broken.items() if is_broken))
