"""Whether a release's counts close, and agree with what was counted here."""

from __future__ import annotations

from collections.abc import Mapping

from cohort.verification.control_column_check import ControlColumnCounts
from cohort.verification.findings import ACCOUNTED_COUNTS, Finding, finding_naming


def check_accounting(counts: Mapping[str, int], control: ControlColumnCounts, staged_rows: int) -> list[Finding]:
    """SUMS.

    Takes: the release's own counts, the verifier's, and the rows of the stage.
    """
    missing = [name for name in ACCOUNTED_COUNTS if name not in counts]
    if missing:
        return finding_naming("SUMS", (f"no {name}" for name in missing))
    n = {name: int(counts[name]) for name in ACCOUNTED_COUNTS}
    rows = n["rows_used"] + n["rows_not_selected"] + n["rows_set_aside"] + n["rows_objected"]
    rows += n["rows_without_instruction"]
    pupils = n["pupils_released"] + n["pupils_suppressed"] + n["pupils_objected"] + n["pupils_withdrawn"]
    pupils += n["pupils_without_instruction"]
    broken = {
        "rows_current is not the sum of its parts": n["rows_current"] != rows,
        "rows_current is not the number of results": n["rows_current"] != control.rows,
        "pupils_records is not the sum of its parts": n["pupils_records"] != pupils,
        "pupils_released is not the number of rows staged": n["pupils_released"] != staged_rows,
        "pupils_records and set aside are not the pupils with selected results": (
            n["pupils_records"] + n["pupils_set_aside"] != control.pupils
        ),
        "pupils_objected is not the number that the lists give": n["pupils_objected"] != control.barred,
        "pupils_without_instruction is not the number that the lists give": (
            n["pupils_without_instruction"] != control.uninstructed
        ),
        "a count is below zero": min(n.values()) < 0,
    }
    return finding_naming("SUMS", (what for what, is_so in broken.items() if is_so))
