"""Due actions have typed reasons; a defect of one project stops no other's release, status or access."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_environment import make_environment
from tests.unit.drawn_records import make_release_record

from cohort.agreements import platform
from cohort.agreements.environment import Environment
from cohort.agreements.project import Project
from cohort.foundation.errors import StateRefused
from cohort.foundation.progress import Stopwatch
from cohort.keys import project_keys
from cohort.published_tables import eligibility_withdrawal, reader_check
from cohort.published_tables.row_withdrawal import RowWithdrawalReport
from cohort.release import status
from cohort.release_records import record_store, release_states
from cohort.release_records.due_actions import DueAction, DueJob, DueReason
from cohort.release_records.release_states import ReleaseState
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

PROJECT = Path(__file__).resolve().parents[2]
NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
PLANTED = "111222333"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with two projects, and their keys."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    declared = tmp_path / "conf" / "projects"
    one = sorted(file for file in declared.glob("*.toml") if not file.stem.startswith("_"))[0]
    text = one.read_text(encoding="utf-8")
    for file in declared.glob("[a-z]*.toml"):
        file.unlink()
    for name in ("aap", "noot"):
        named = text.replace(f'name = "{one.stem}"', f'name = "{name}"')
        (declared / f"{name}.toml").write_text(named, encoding="utf-8")
        project_keys.create_key(tmp_path / "keys", name)
    (tmp_path / "root").mkdir()
    return tmp_path


def environment(folder: Path) -> Environment:
    declaration = platform.load_platform(folder / "conf")
    return Environment(StorageZones(folder / "root"), declaration, folder / "conf", folder / "keys", NOW, "wij")


def due(folder: Path) -> tuple[dict[str, list[DueAction]], dict[str, Exception]]:
    return status.list_due_actions(environment(folder))


def state(folder: Path) -> dict[str, Any]:
    told = status.report_status(environment(folder))
    return json.loads(json.dumps(told, default=str))  # type: ignore[no-any-return]


def test_a_project_without_a_release_is_due_for_one_or_for_a_key_first(folder: Path) -> None:
    project_keys.destroy_key(folder / "keys", "noot")
    found, defects = due(folder)
    assert (found, defects) == (
        {
            "aap": [DueAction(DueJob.RELEASE, (DueReason.NOTHING_PUBLISHED,))],
            "noot": [DueAction(DueJob.KEY, (DueReason.NO_KEY,))],
        },
        {},
    )
    told = {one["project"]: one["due"] for one in state(folder)["projects"]}
    assert told["aap"] == [{"do": "release", "reasons": ["NOTHING_PUBLISHED"], "why": "nothing is published"}]


def test_a_project_that_is_being_destroyed_is_due_for_that_alone(folder: Path) -> None:
    json_documents.write_json_document(
        release_states.destruction_journal_path(StorageZones(folder / "root"), "aap"), {}
    )
    assert due(folder)[0]["aap"] == [DueAction(DueJob.DESTROY, (DueReason.DESTRUCTION_UNFINISHED,))]


def test_one_projects_damaged_record_hides_no_other_project(folder: Path) -> None:
    record = StorageZones(folder / "root").exact_records / "aap" / "1.json"
    record.parent.mkdir(parents=True)
    record.write_text(f'{{"{PLANTED}', encoding="utf-8")
    found, defects = due(folder)
    assert set(found) == {"noot"}
    assert {name: type(defect).__name__ for name, defect in defects.items()} == {"aap": "UnreadableRecord"}
    told = state(folder)
    assert told["exit_code"] == 15
    assert [one["project"] for one in told["projects"]] == ["aap", "noot"]
    (problem,) = told["projects"][0]["refused"]
    assert "restricted/records/aap/1.json" in problem
    assert PLANTED not in json.dumps(told)


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(PROJECT / "jobs"))
    return importlib.import_module("release")


class Lines(list[str]):
    """What stands for a job: its settings, and who hears of its progress."""

    environment = None
    arguments = argparse.Namespace(project=None, due=True, wave=False, publish=False)

    def progress(self, line: str) -> None:
        self.append(line)


def test_release_due_goes_on_after_one_projects_defect_or_refusal(
    job: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = DueAction(DueJob.RELEASE, (DueReason.OBJECTIONS_CHANGED,))
    found = {
        "a": [release],
        "b": [release],
        "c": [release],
        "d": [DueAction(DueJob.DESTROY, (DueReason.ENDED,))],
        "e": [DueAction(DueJob.VERIFY, (DueReason.VERIFICATION_FAILED,)), release],
    }
    monkeypatch.setattr(job, "list_due_actions", lambda *_: (found, {"z": ValueError(PLANTED)}))

    def one(_: object, name: str) -> dict[str, Any]:
        if name == "a":
            raise KeyError(PLANTED)
        if name == "b":
            raise StateRefused("not now")
        return {"project": name}

    monkeypatch.setattr(job, "release_project", one)
    lines = Lines()
    record = job.run_release(lines)
    assert record["due"] == ["a", "b", "c", "e"]
    codes = {done["project"]: done.get("exit_code", 0) for done in record["releases"]}
    assert codes == {"z": 70, "a": 70, "b": 15, "c": 0, "e": 0}
    assert record["exit_code"] == 70
    by_name = {done["project"]: done for done in record["releases"]}
    assert by_name["a"]["defect"] == "KeyError"
    assert "test_due_actions.py:" in by_name["a"]["at"]
    assert "a: a defect (KeyError) at test_due_actions.py:" in "\n".join(lines)
    assert PLANTED not in json.dumps(record) + "\n".join(lines)


def test_one_projects_defect_closes_its_table_and_keeps_no_other_open(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones, holds = StorageZones(folder / "root"), platform.load_platform(folder / "conf")
    for name in ("aap", "noot"):
        zones.published_table(name).mkdir(parents=True, mode=0o750)
        zones.published_table(name).chmod(0o750)
        record_store.save_release_record(zones, make_release_record(name, 1, ReleaseState.PUBLISHED, settled=True))
    (zones.exact_records / "aap" / "1.json").write_text(f'{{"{PLANTED}', encoding="utf-8")
    del monkeypatch
    record = reader_check.check_readers(
        make_environment(zones, holds, NOW, folder / "conf", folder / "keys"), lambda _: None
    ).document()
    assert {one["project"]: (one["access"], one["exit_code"]) for one in record["projects"]} == {
        "aap": ("withdrawn", 15),
        "noot": ("withdrawn", 0),
    }
    assert record["exit_code"] == 15
    assert "restricted/records/aap/1.json" in str(record)
    assert PLANTED not in str(record)


def test_an_objection_to_one_project_does_not_wait_for_anothers_defect(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones, holds = StorageZones(folder / "root"), platform.load_platform(folder / "conf")
    records = [
        make_release_record(name, 1, ReleaseState.PUBLISHED, release_class="pseudonymous") for name in ("aap", "noot")
    ]
    monkeypatch.setattr(eligibility_withdrawal, "live_pseudonymous_releases", lambda _: records)
    monkeypatch.setattr(eligibility_withdrawal, "find_lapsed_schools", lambda *_: frozenset())

    def apply(_: object, __: object, declared: Project, *___: object) -> RowWithdrawalReport:
        if declared.name == "aap":
            raise KeyError(PLANTED)
        return RowWithdrawalReport(project=declared.name, pupils_barred=1)

    monkeypatch.setattr("cohort.published_tables.row_withdrawal.withdraw_rows", apply)
    told = eligibility_withdrawal.withdraw_ineligible_rows(
        None,  # type: ignore[arg-type]
        make_environment(zones, holds, NOW, folder / "conf", folder / "keys"),
        lambda _: eligibility_withdrawal.BarredPupils(),
        lambda _: None,
    )
    assert [(one.project, one.exit_code) for one in told] == [("aap", 70), ("noot", 0)]
    assert told[0].defect == "KeyError"
    assert PLANTED not in str(told)


def test_objections_close_the_table_of_a_project_whose_record_cannot_be_read(folder: Path) -> None:
    zones, declaration = StorageZones(folder / "root"), platform.load_platform(folder / "conf")
    zones.published_table("aap").mkdir(parents=True)
    zones.published_table("aap").chmod(0o750)
    (zones.exact_records / "aap").mkdir(parents=True)
    (zones.exact_records / "aap" / "1.json").write_text(f'{{"{PLANTED}', encoding="utf-8")
    (report,) = eligibility_withdrawal.withdraw_ineligible_rows(
        None,  # type: ignore[arg-type]
        make_environment(zones, declaration, NOW, folder / "conf", folder / "keys"),
        lambda _: eligibility_withdrawal.BarredPupils(),
        lambda _: None,
    )
    assert (report.project, report.access, report.exit_code) == ("aap", "withdrawn", 15)
    assert "restricted/records/aap/1.json" in report.refused[0]
    assert zones.published_table("aap").stat().st_mode & 0o77 == 0
    assert PLANTED not in str(report)


def test_stage_names_of_durations_are_not_parsed_from_progress_lines() -> None:
    lines: list[str] = []
    clock = Stopwatch(lines.append)
    clock.report_stage("records: all of them", "12 pupils: some")
    clock.report_stage("staged")
    assert list(clock.seconds) == ["records: all of them", "staged"]
    assert [line.rpartition(" (")[0] for line in lines] == ["records: all of them: 12 pupils: some", "staged"]


@pytest.fixture(autouse=True)
def _no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*_: object) -> None:
        raise AssertionError("status needs no session")

    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", built)
