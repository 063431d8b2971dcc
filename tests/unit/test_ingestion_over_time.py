"""Deliveries over time: what a later one replaces and withdraws, in any order of receipt, killed at any step."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import deltalake
import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_deliveries import ROSTER, S, uwlr, zipped
from tests.unit.drawn_roots import HERE, NOW, THERE, A, B, C, D, E, Root

from cohort import delta
from cohort.foundation.errors import StateRefused
from cohort.ingestion import batch_writing, repeated_results, supersession_journal
from cohort.legal_basis import number_changes
from cohort.results import ledger, results_store, retention
from cohort.storage.zone_paths import StorageZones


@pytest.fixture
def root(spark: SparkSession, empty_root: Path, tmp_path: Path) -> Root:
    shutil.copytree(empty_root, tmp_path / "root")
    return Root(spark, StorageZones(tmp_path / "root"))


@pytest.fixture(scope="module")
def begun_once(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Root:
    root = Root(one_spark, StorageZones(tmp_path_factory.mktemp("begun")))
    root.zones.deliveries.mkdir()
    root.deliver("1.csv", f"{A} 80", f"{B} 81", f"{C} 82", f"{D} 83 REK-E7")
    root.ingest()
    return root


@pytest.fixture
def begun(begun_once: Root, spark: SparkSession, tmp_path: Path) -> Root:
    """A copy of a root with four results of one delivery: A, B and C at the middle, D at the end of the year."""
    shutil.copytree(begun_once.zones.root, tmp_path / "begun")
    return Root(spark, StorageZones(tmp_path / "begun"), received=begun_once.received)


M = "REK-M7"


def test_a_complete_corrected_file_replaces_and_withdraws_what_it_lacks(begun: Root) -> None:
    root = begun
    root.deliver("2.csv", f"{A} 90", f"{B} 81")
    record = root.ingest()
    assert root.rows() == sorted([f"{A} 90 {M}", f"{B} 81 {M}", f"{D} 83 REK-E7"])
    assert (record["replaced"], record["withdrawn"]) == (2, 1)
    last = root.entries()[-1]
    assert (last.replaced, last.withdrawn) == ({1: 2}, {1: 1})
    # every earlier state is gone from storage, and the same files again change nothing
    files = [f for f in root.zones.results.rglob("*.parquet") if "_delta_log" not in f.parts]
    assert {f.name for f in files} == delta.list_current_names(root.zones.results)
    assert root.ingest()["new"] == 0
    assert not root.zones.supersession.exists() or not list(root.zones.supersession.iterdir())


def test_a_result_key_of_two_pupils_removes_no_result_of_the_other_pupil(root: Root) -> None:
    root.deliver("1.csv", f"{A} 80 {M} r1", f"{B} 81 {M} r1", f"{C} 82 {M} r3")
    record = root.ingest()
    assert record["codes"] == {"CONFLICT": 2}
    root.deliver("2.csv", f"{A} 85 {M} r1")
    record = root.ingest()
    assert (record["rows"]["accepted"], record["replaced"], record["withdrawn"]) == (1, 0, 0)
    assert root.rows() == sorted([f"{A} 85 {M}", f"{C} 82 {M}"])


JUDGED = {
    # rule            in platform.toml       rows accepted, codes, warnings
    "two_schools": ("warn", 4, {}, {"TWO_SCHOOLS": 2}),
    "two_schools ": ("refuse", 2, {"TWO_SCHOOLS": 2}, {}),
    "date_outside_year": ("warn", 4, {}, {"DATE_OUTSIDE_YEAR": 1, "TWO_SCHOOLS": 2}),
}


@pytest.mark.parametrize("rule", JUDGED)
def test_rules_over_a_pupils_rows_warn_or_refuse(root: Root, rule: str) -> None:
    judgement, accepted, codes, warnings = JUDGED[rule]
    root.rules = {rule.strip(): judgement}
    root.deliver("1.csv", f"{A} 80", f"{B} 81")
    root.deliver("2.csv", f"{A} 82 REK-E7", f"{C} 83 REK-E7", school=THERE)
    if rule.startswith("date"):
        path = root.zones.deliveries / "1.csv"
        path.write_text(path.read_text().replace("2025-01-20", "2023-01-20", 1))
    record = root.ingest()
    assert record["rows"]["accepted"] == accepted
    assert (record["codes"], record["warnings"]) == (codes, warnings)
    documents = "".join(file.read_text(encoding="utf-8") for file in root.zones.school_feedback(HERE).glob("*.json"))
    assert ('"lines": [\n        2\n      ]' in documents) == bool(codes), "a school must find the pupil"


def test_a_pupil_who_moves_is_noticed_across_runs(begun: Root) -> None:
    begun.deliver("2.csv", f"{A} 82 REK-E7", f"{E} 83 REK-E7", school=THERE)
    assert begun.ingest()["warnings"] == {"TWO_SCHOOLS": 1}


class Killed(BaseException):
    pass


def _never(*_: object, **__: object) -> None:
    raise Killed


KILLS: dict[str, tuple[object, str]] = {
    "after the rows were validated": (repeated_results, "refuse_repeated_results"),
    "before the results are written": (batch_writing, "write_batch"),
    "between the result files and their commit": (deltalake.DeltaTable, "create_write_transaction"),
    "before the refused rows are written": (results_store, "append_copied_refusals"),
    "before it is known what the batch supersedes": (supersession_journal, "journal_superseded_rows"),
    "before the ledger": (ledger, "append_to_ledger"),
    "after the ledger, before the earlier rows went": (delta, "delete_equal_rows"),
    "before the past was removed": (retention, "apply_retention"),
}


@pytest.mark.parametrize("where", KILLS)
def test_a_run_killed_at_any_step_counts_whole_or_not_at_all(
    begun: Root, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, before = begun, begun.rows()
    root.deliver("2.csv", f"{A} 90", f"{B} 91", f"{D} 92 NO-SUCH-TEST")
    after = sorted([f"{A} 90 {M}", f"{B} 91 {M}", f"{D} 83 REK-E7"])
    with monkeypatch.context() as patch:
        patch.setattr(*KILLS[where], _never)
        with pytest.raises(Killed):
            root.ingest()
    try:
        assert root.rows() in (before, after)
    except StateRefused:  # nobody reads what is not whole
        assert "superseding" in str(list(root.zones.restricted.iterdir()))
    root.ingest()
    assert root.rows() == after
    files = [f for f in root.zones.results.rglob("*.parquet") if "_delta_log" not in f.parts]
    assert {f.name for f in files} == delta.list_current_names(root.zones.results)


def test_expired_data_is_removed_and_its_ledger_entries_stay(root: Root) -> None:
    root.days = {"deliveries": 1, "quarantine": 2, "feedback": 3, "superseded": 4, "results": 5}
    root.deliver("1.csv", f"{A} 80", f"{B} 81", f"{C} 82", f"{D} 83", f"{E} 84", "123456789 85")
    root.deliver("wait.csv", f"{A} 80", school="99ZZ")
    root.ingest()
    root.deliver("2.csv", f"{A} 90", f"{B} 91", f"{C} 92", f"{D} 93", f"{E} 94")
    root.ingest()

    def remaining() -> tuple[int, int, int, bool]:
        files = [f for f in root.zones.results.rglob("*.parquet") if "_delta_log" not in f.parts]
        current = delta.list_current_names(root.zones.results)
        return (
            len(list(root.zones.deliveries.iterdir())),
            deltalake.DeltaTable(root.zones.quarantine).to_pyarrow_table().num_rows,
            len(list(root.zones.school_feedback("").glob("*/*"))),
            {f.name for f in files} == current,
        )

    def after(days: int) -> tuple[int, int, int, bool]:
        root.ingest(NOW + dt.timedelta(days=days))
        return remaining()

    assert remaining() == (3, 1, 6, False)
    assert after(1) == (0, 1, 6, False)
    assert after(2) == (0, 0, 6, False)
    assert after(4) == (0, 0, 0, True)
    assert len(root.rows()) == 5
    assert after(5) == (0, 0, 0, True)
    assert root.rows() == []
    assert [f for f in root.zones.results.rglob("*.parquet") if "_delta_log" not in f.parts] == []
    assert [e.name for e in root.entries()] == ["1.csv", "wait.csv", "2.csv"]
    root.deliver("3.csv", f"{A} 70")
    root.ingest(NOW + dt.timedelta(days=6))  # and the sums still close
    assert root.rows() == [f"{A} 70 {M}"]


def test_a_number_change_applies_to_earlier_and_later_rows(root: Root) -> None:
    old, new, newest = "101222331", A, B
    root.deliver("1.csv", f"{old} 80", f"{C} 81")
    root.ingest()
    zone = root.zones.number_changes
    zone.mkdir()
    (zone / "duo.toml").write_text('file = "duo.csv"\ndate = 2026-11-01\nsource = "duo"\n')
    (zone / "duo.csv").write_text(f"oud_pgn;nieuw_pgn;vanaf\n{old};{new};2025-01-01\n{new};{newest};2025-06-01\n")
    changes = number_changes.load_number_changes(zone, NOW.date())
    root.deliver("2.csv", f"{old} 90 REK-E7", f"{new} 70 SP-E7", school=THERE)
    record = root.ingest(changes=changes)
    assert record["renumbered"] == {"results": 1, "quarantine": 0, "twice": 0}
    assert root.rows() == sorted([f"{newest} 80 {M}", f"{C} 81 {M}", f"{newest} 90 REK-E7", f"{newest} 70 SP-E7"])
    assert root.ingest(changes=changes)["renumbered"] == {"results": 0, "quarantine": 0, "twice": 0}


def test_one_result_under_two_numbers_of_a_pupil_is_kept_once(root: Root) -> None:
    old, new = "101222331", A
    root.deliver("1.csv", f"{old} 80", f"{C} 81", f"{D} 82 {M} r1")
    root.ingest()
    root.deliver("2.csv", f"{new} 90", f"{E} 70 SP-M7")
    root.deliver("3.csv", f"{D} 83 {M} r2")  # a retake: another key of the same supplier
    root.ingest()
    assert len(root.rows()) == 6
    zone = root.zones.number_changes
    zone.mkdir()
    (zone / "duo.toml").write_text('file = "duo.csv"\ndate = 2026-11-01\nsource = "duo"\n')
    (zone / "duo.csv").write_text(f"oud_pgn;nieuw_pgn;vanaf\n{old};{new};2025-01-01\n")
    changes = number_changes.load_number_changes(zone, NOW.date())
    record = root.ingest(changes=changes)
    assert record["renumbered"] == {"results": 1, "quarantine": 0, "twice": 1}
    remaining = sorted([f"{new} 90 {M}", f"{E} 70 SP-M7", f"{C} 81 {M}", f"{D} 82 {M}", f"{D} 83 {M}"])
    assert root.rows() == remaining
    files = [f for f in root.zones.results.rglob("*.parquet") if "_delta_log" not in f.parts]
    assert {f.name for f in files} == delta.list_current_names(root.zones.results)
    root.deliver("4.csv", f"{C} 85 REK-E7")
    root.ingest(changes=changes)  # and the sums still close


def changed(root: Root, *lines: str) -> number_changes.NumberChanges:
    """The one list of changes, with these lines."""
    zone = root.zones.number_changes
    zone.mkdir(exist_ok=True)
    (zone / "duo.toml").write_text('file = "duo.csv"\ndate = 2026-11-01\nsource = "duo"\n')
    (zone / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *lines, ""]))
    return number_changes.load_number_changes(zone, NOW.date())


def test_a_number_change_that_is_reversed_renames_the_rows_of_both_numbers(root: Root) -> None:
    old, new = "101222331", A
    root.deliver("1.csv", f"{old} 80", f"{C} 81")
    first = f"{old};{new};2025-01-01"
    root.ingest(changes=changed(root, first))
    assert root.rows() == sorted([f"{new} 80 {M}", f"{C} 81 {M}"])
    root.deliver("2.csv", f"{new} 90 REK-E7", school=THERE)
    record = root.ingest(changes=changed(root, first, f"{new};{old};2025-02-01", f"{C};{C};2025-02-01"))
    assert (record["renumbered"]["results"], record["changes_without_effect"]) == (1, 1)
    assert root.rows() == sorted([f"{old} 80 {M}", f"{C} 81 {M}", f"{old} 90 REK-E7"])


def test_merged_rows_of_two_pupils_are_separated_by_new_complete_deliveries(root: Root) -> None:
    root.deliver("1.csv", f"{D} 80", f"{E} 85", f"{C} 81", f"{B} 82")
    root.deliver("2.csv", f"{D} 70 REK-E7", f"{A} 71 REK-E7", f"{B} 72 REK-E7", school=THERE)
    root.ingest()
    wrong = root.ingest(changes=changed(root, f"{D};{E};2025-01-01"))
    assert wrong["renumbered"]["results"] == 2
    assert not [row for row in root.rows() if row.startswith(D)]
    right = changed(root)
    assert right.linked_numbers(frozenset({D})) == {D, E}, "an objection under either bars both, as rows may move"
    root.ingest(changes=right)
    assert not [row for row in root.rows() if row.startswith(D)], "nobody knows which rows were whose"
    root.deliver("3.csv", f"{E} 85", f"{D} 80", f"{C} 81", f"{B} 82")
    root.deliver("4.csv", f"{B} 72 REK-E7", f"{A} 71 REK-E7", f"{D} 70 REK-E7", school=THERE)
    root.ingest(changes=right)
    here = [f"{D} 80 {M}", f"{E} 85 {M}", f"{C} 81 {M}", f"{B} 82 {M}"]
    assert root.rows() == sorted([*here, f"{D} 70 REK-E7", f"{A} 71 REK-E7", f"{B} 72 REK-E7"])


def test_the_feedback_on_a_file_of_two_schools_names_the_lines_of_the_second(root: Root) -> None:
    root.deliver("1.csv", f"{A} 80", f"{B} 81", f"{C} 82")
    path = root.zones.deliveries / "1.csv"
    lines = path.read_text().splitlines()
    lines[2] = lines[2].replace(HERE, THERE)
    path.write_text("\n".join([*lines, ""]))
    assert root.ingest()["rejected"] == {"SEVERAL_SCHOOLS": 1}
    documents = json.loads((root.zones.school_feedback("onbekend") / "1.json").read_text())
    assert documents["rejected"]["lines"] == [3]
    assert root.rows() == []


def test_a_container_with_nothing_new_gets_a_ledger_entry(root: Root) -> None:
    root.days = {"deliveries": 1}
    root.deliver("1.csv", f"{A} 80", f"{B} 81")
    content = (root.zones.deliveries / "1.csv").read_bytes()
    (root.zones.deliveries / "2.zip").write_bytes(zipped(lambda _: content)(HERE))
    record = root.ingest()
    assert (record["new"], record["rows"]["accepted"]) == (2, 2)
    assert root.ingest()["new"] == 0
    root.ingest(NOW + dt.timedelta(days=1))
    assert list(root.zones.deliveries.iterdir()) == []


def test_a_packed_roster_beside_waiting_results_gets_a_ledger_entry(root: Root) -> None:
    (root.zones.deliveries / "roster.zip").write_bytes(zipped(ROSTER)(HERE))
    (root.zones.deliveries / "waits.xml").write_bytes(uwlr(f"a;{S}")(THERE))
    assert root.ingest()["new"] == 2
    assert root.ingest()["new"] == 0
    (root.zones.deliveries / "later.xml").write_bytes(uwlr(f"b;{S}")(HERE))
    record = root.ingest()
    assert (record["new"], record["rows"]["accepted"]) == (1, 1)  # joined to the roster in the container
    assert len(root.entries()) == 3


def test_results_wait_for_their_roster(root: Root) -> None:
    (root.zones.deliveries / "results.xml").write_bytes(uwlr(f"a;{S}")(HERE))
    assert root.ingest()["rejected"] == {"ROSTER_MISSING": 1}
    assert root.ingest()["new"] == 0
    (root.zones.deliveries / "roster.xml").write_bytes(ROSTER(HERE))
    record = root.ingest()
    assert (record["taken"], record["rows"]["accepted"]) == (2, 1)
    (root.zones.deliveries / "later.xml").write_bytes(uwlr(f"b;{S}")(HERE))
    assert root.ingest()["rows"]["accepted"] == 1  # the roster is there from before
    assert root.ingest()["new"] == 0
