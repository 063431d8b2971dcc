"""The rounded form of a report says no exact count; where both forms stand, and when the open one goes."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import platform
from tests.unit.drawn_report import draw_report

from cohort.foundation.errors import StateRefused
from cohort.release_records.release_states import ReleaseState
from cohort.release_report import ReleaseReport
from cohort.report_figures import report_store, rounded_report
from cohort.storage.zone_paths import StorageZones

SHOWN = platform().shown
COUNTS = {1237, 1226, 11, 12, 61, 733, 1234, 1233, 1231}


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones[Path]:
    return StorageZones(tmp_path)


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_the_rounded_form_has_no_count_and_no_name_of_the_exact_one() -> None:
    rounded = rounded_report.round_report(draw_report(), SHOWN)
    document = rounded.model_dump(mode="json")
    assert rounded.form == "rounded"
    assert not COUNTS & set(numbers(document))
    assert "A. Jansen" not in rounded.model_dump_json()
    assert rounded.risk.limits[0].exception is not None
    assert (rounded.counts.records, rounded.counts.objected, rounded.counts.without_instruction) == (1235, None, None)
    assert rounded.risk.downcoding is not None
    assert rounded.risk.downcoding.newly_sure_right is None  # of four cells
    bounds = {one.kind: one.left_at_least for one in rounded.risk.intruders}
    assert bounds == {"stranger": 10, "board": 5}  # the agreed limits, not the smallest counts
    score = rounded.utility.scores[0]
    assert (score.mean, score.standard_deviation, score.design_factor) == (102, 20, 2.0)
    assert score.mean_after[0].error_in_standard_errors == 1
    assert rounded.utility.differences[0].effect == 0.1


@given(whole=st.integers(20, 3000))
def test_a_rounded_share_stands_for_as_many_counts_as_counts_are_rounded_to(whole: int) -> None:
    shown = Counter(rounded_report.round_shown_share(part / whole, whole, SHOWN) for part in range(whole + 1))
    inner = [count for share, count in shown.items() if 0.02 < share < 0.98 and share > 6 / whole]
    ends = (shown[rounded_report.round_shown_share(0, whole, SHOWN)], max(shown.values()))
    assert min(ends) >= SHOWN.round_to // 2
    assert all(count >= SHOWN.round_to - 1 for count in inner[:-1])


def test_both_forms_are_written_and_only_the_published_one_is_open(zones: StorageZones[Path]) -> None:
    report_store.write_exact_report(zones, draw_report())
    report_store.write_exact_report(zones, draw_report(release=2, nested_in=1))
    exact = zones.exact_reports("proef")
    assert len(list(exact.iterdir())) == 6
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in (exact, *exact.iterdir())} == {0}
    first, second = (make_release_record("proef", number, ReleaseState.PUBLISHED) for number in (1, 2))
    report_store.renew_open_report(zones, SHOWN, first)
    report_store.renew_open_report(zones, SHOWN, second)
    opened = sorted(file.name for file in zones.open_reports("proef").iterdir())
    assert opened == ["report-2.en.html", "report-2.json", "report-2.nl.html"]
    written = ReleaseReport.model_validate_json((zones.open_reports("proef") / "report-2.json").read_text())
    assert written == rounded_report.round_report(draw_report(release=2, nested_in=1), SHOWN)


def test_a_table_from_which_rows_were_taken_has_no_open_report(zones: StorageZones[Path]) -> None:
    report_store.write_exact_report(zones, draw_report())
    record = make_release_record("proef", 1, ReleaseState.PUBLISHED)
    assert report_store.renew_open_report(zones, SHOWN, record)
    taken_out = record.noted(withdrawals=[{"at": "2026-12-01", "version": 2, "pupils_barred": 1}])
    assert report_store.renew_open_report(zones, SHOWN, taken_out) == ()
    assert not zones.open_reports("proef").exists()


def test_a_release_without_a_report_has_none_and_a_damaged_one_is_refused(zones: StorageZones[Path]) -> None:
    record = make_release_record("proef", 1, ReleaseState.PUBLISHED)
    assert report_store.find_exact_report(zones, record) is None
    assert report_store.renew_open_report(zones, SHOWN, record) == ()
    report_store.write_exact_report(zones, draw_report())
    (zones.exact_reports("proef") / "report-1.json").write_text("{}")
    with pytest.raises(StateRefused, match="found one that cannot be read"):
        report_store.find_exact_report(zones, record)
