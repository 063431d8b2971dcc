"""The report of a release by its jobs: exact when it is made, open when it is published, gone when it is destroyed."""

from __future__ import annotations

import stat
from collections.abc import Callable

from tests.jobs.conftest import Platform

from cohort.release_records.record_store import load_release_records
from cohort.release_records.release_states import ReleaseState
from cohort.release_report import ReleaseReport

COLUMNS = ("jaargroep", "geslacht", "gewicht", "thuistaal", "rekenen_M", "rekenen_E", "lezen_M", "lezen_E")
EXCEPTION = """
[[risk_exceptions]]
code = "INFERENCE_ALL_BUT_ONE"
column = "{column}"
figure_at_most = 1
reason = "Verzonnen leerlingen"
signed_by = "A. Jansen"
date = 2026-11-30
"""
FILES = ["report-1.en.html", "report-1.json", "report-1.nl.html"]


def exact_report(platform: Platform) -> ReleaseReport:
    path = platform.zones.exact_reports("leergroei") / "report-1.json"
    return ReleaseReport.model_validate_json(path.read_text(encoding="utf-8"))


def test_a_report_follows_its_release(copied: Callable[[], Platform]) -> None:
    platform = copied()
    zones = platform.zones
    made = platform.run("release", "--project", "leergroei")
    assert made.code == 0, made.stderr
    exact, opened = zones.exact_reports("leergroei"), zones.open_reports("leergroei")
    assert sorted(file.name for file in exact.iterdir()) == FILES
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in exact.iterdir()} == {0}
    assert not opened.exists()
    (record,) = load_release_records(zones, "leergroei")
    report = exact_report(platform)
    assert (report.counts.records, report.counts.released) == (
        record.counts.pupils_records,
        record.counts.pupils_released,
    )
    counts = record.counts.made()
    assert report.risk.attacked_pupils == counts["pupils_released"] + counts["pupils_suppressed"]
    assert {one.kind for one in report.risk.intruders} >= {"stranger", "school", "board", "teacher"}
    assert len(report.utility.scores) == 4
    assert {one.column for one in report.equity} >= {"geslacht", "thuistaal", "gewicht", "school_size"}

    published = platform.run("publish", "--project", "leergroei", "--release", "1", "--approved-by", "B. de Vries")
    assert published.code == 0, published.stderr
    assert sorted(file.name for file in opened.iterdir()) == FILES
    text = (opened / "report-1.json").read_text(encoding="utf-8")
    assert ReleaseReport.model_validate_json(text).form == "rounded"
    (exact / "report-1.nl.html").unlink()
    (opened / "report-1.json").unlink()
    again = platform.run("report", "--project", "leergroei", "--release", "1", without_spark=True)
    assert again.code == 0, again.stderr
    assert exact_report(platform) == report
    assert (opened / "report-1.json").read_text(encoding="utf-8") == text
    assert len(again.record["files"]) == 6

    gone = platform.run("destroy", "--project", "leergroei", "--confirm", "leergroei")
    assert gone.code == 0, gone.stderr
    assert not exact.exists()
    assert not opened.exists()


def test_a_broken_limit_refuses_until_an_exception_is_declared(copied: Callable[[], Platform]) -> None:
    platform = copied()
    platform.change("conf/platform.toml", "all_but_one_known = 1", "all_but_one_known = 0")
    refused = platform.run("release", "--project", "leergroei")
    assert refused.code == 14
    assert "INFERENCE_ALL_BUT_ONE: Expected at most 0.00 per cent" in refused.stderr
    assert "restricted/release-reports/leergroei/report-1.json" in refused.stderr
    (record,) = load_release_records(platform.zones, "leergroei")
    assert record.state is ReleaseState.REFUSED
    assert {finding.code for finding in record.findings} == {"INFERENCE_ALL_BUT_ONE"}
    broken = [one for one in exact_report(platform).risk.limits if not one.kept]
    assert len(broken) == len(record.findings)
    assert not platform.zones.staged_release("leergroei", 1).exists()

    agreed = platform.config / "projects" / "leergroei.toml"
    declared = "".join(EXCEPTION.format(column=column) for column in COLUMNS)
    agreed.write_text(agreed.read_text(encoding="utf-8") + declared, encoding="utf-8")
    passed = platform.run("release", "--project", "leergroei", "--publish")
    assert passed.code == 0, passed.stderr
    used = {one["column"]: one for one in passed.record["risk_exceptions"]}
    assert set(used) == {one.column for one in broken}
    assert all("signed_by" not in one for one in used.values())
    opened = platform.zones.open_reports("leergroei") / "report-2.json"
    assert "A. Jansen" not in opened.read_text(encoding="utf-8")
