"""Reports of runs in cluster mode: written for the one who submitted, fetched once, printed as the job would have."""

from __future__ import annotations

import datetime as dt
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cohort.foundation import UsageRefused
from cohort.storage import RunReport, check_run_number, write_run_report
from cohort.storage.zone_paths import StorageZones
from cohorts import show_report

NOW = dt.datetime(2026, 11, 30, 12, 0, tzinfo=dt.UTC)
RECORD = {"job": "publish", "refused": ["Expected a é; found b."], "exit_code": 15}


def make_report(run: str) -> RunReport:
    progress = ("publish: looking", "publish: Expected a é; found b.")
    return RunReport(job="publish", run=run, progress=progress, record=RECORD, exit_code=15, at=NOW.isoformat())


def test_a_report_is_private_and_those_of_a_month_ago_are_removed(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    for run, days in (("a" * 32, 31), ("b" * 32, 29), ("c" * 32, 0)):
        write_run_report(zones, make_report(run), NOW)
        then = (NOW - dt.timedelta(days=days)).timestamp()
        os.utime(zones.run_report(run), (then, then))
    write_run_report(zones, make_report("d" * 32), NOW)
    assert {path.name[0] for path in zones.run_reports.iterdir()} == {"b", "c", "d"}
    assert stat.S_IMODE(zones.run_report("d" * 32).stat().st_mode) == 0o600
    assert stat.S_IMODE(zones.run_reports.stat().st_mode) == 0o700


def test_it_is_printed_as_the_job_would_have_printed_it(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    write_run_report(zones, make_report("a" * 32), NOW)
    command = [sys.executable, "-IS", str(show_report.__file__), str(zones.run_report("a" * 32))]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert shown.returncode == 15
    assert json.loads(shown.stdout) == RECORD
    assert shown.stderr.splitlines() == ["publish: looking", "publish: Expected a é; found b."]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"exit_code": 0}', '{"progress": [], "record": 1, "exit_code": 0}'])
def test_half_a_report_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text, encoding="utf-8")
    assert show_report.main(tmp_path / "report.json") == show_report.EXIT_NO_REPORT


@pytest.mark.parametrize("run", ["", "a" * 31, "../" + "a" * 29, "A" * 32])
def test_a_run_number_is_one_or_refused(run: str) -> None:
    with pytest.raises(UsageRefused, match="Expected the number of a run"):
        check_run_number(run)
