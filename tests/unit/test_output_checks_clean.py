"""Clean output requests as programs write them give no finding, whichever published table they are about."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.drawn_clean_requests import clean_requests
from tests.unit.drawn_output_requests import run_checks

FEWEST_KINDS = 48


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_at_most_one_clean_request_gives_a_finding(seed: int, tmp_path: Path) -> None:
    published, cases = clean_requests(seed)
    assert len(cases) >= FEWEST_KINDS
    alarms = {}
    for number, (kind, case) in enumerate(cases.items()):
        folder = tmp_path / str(number)
        findings = run_checks(
            folder, case["files"], case["declared"], published=published, released=case.get("released", ())
        )
        if findings:
            alarms[kind] = [(finding.code, finding.place) for finding in findings]
    assert len(alarms) <= 1, alarms
