"""The schools of which a release shows a result: of each latest value and of every other one, by the project's key."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cohort import delta
from cohort.data_states import local_frames
from cohort.delta.table_properties import TableRetention
from cohort.keys.project_keys import ProjectKey
from cohort.release import contributors
from cohort.results import ledger
from cohort.results.ledger import Ledger
from cohort.storage.zone_paths import StorageZones

KEY = ProjectKey(b"k" * 32)
LISTED = ["01AA", "02BB", "03CC", "04DD"]
RETENTION = TableRetention(deleted_files_hours=0, log_hours=0)


def mac(brin: str) -> bytes:
    return KEY.digest_texts([f"brin|{brin}"])[0]


@pytest.fixture
def zones(spark: SparkSession, tmp_path: Path) -> StorageZones:
    #   pupil  school  others
    drawn = [("a", "01AA", None), ("b", "01AA", ["03CC"]), ("c", "04DD", ["01AA", "03CC"])]
    rows = [(pupil, mac(home), [mac(x) for x in others] if others else None) for pupil, home, others in drawn]
    made = StorageZones(tmp_path)
    frame = local_frames.make_local_frame(spark, "waarde string, _school binary, _others array<binary>", rows)
    delta.write_new_table(frame, made.staged_release("proef", 1), "proef-1", RETENTION)
    return made


def test_every_school_with_a_shown_value_is_named_once(zones: StorageZones) -> None:
    found = contributors.find_contributing_schools(zones, zones.staged_release("proef", 1), KEY, LISTED)

    assert found == ["01AA", "03CC", "04DD"]


def test_a_school_no_longer_listed_is_recognised_by_its_deliveries(
    zones: StorageZones, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Line:
        def __init__(self, brin: str | None) -> None:
            self.brin = brin

    lines = tuple(map(Line, ["03CC", None, "09ZZ"]))
    monkeypatch.setattr(ledger, "read_ledger", lambda *_: Ledger(lines))
    found = contributors.find_contributing_schools(zones, zones.staged_release("proef", 1), KEY, ["01AA", "04DD"])

    assert found == ["01AA", "03CC", "04DD"]


def test_an_unknown_school_is_left_to_the_verifier(zones: StorageZones) -> None:
    found = contributors.find_contributing_schools(zones, zones.staged_release("proef", 1), KEY, ["01AA", "04DD"])

    assert found == ["01AA", "04DD"]
