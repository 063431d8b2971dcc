"""An expired file that cannot be removed stops the run, and the next run tries again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release
from tests.unit.drawn_results import drawn, frame

from cohort import delta
from cohort.data_states import local_frames
from cohort.delta import vacuum_files
from cohort.delta.vacuum_files import VacuumResult
from cohort.foundation.errors import DestructionIncomplete
from cohort.results import results_store, retention
from cohort.results.ledger import Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
LONG_AGO = dt.datetime(2020, 9, 1, 12, tzinfo=dt.UTC).isoformat()
FIRST = LedgerEntry("a", "a.csv", 1, 1, "99ZZ", LONG_AGO, "TAKEN", None, 1, 1, 0, 0, 0, {})
LEDGER = Ledger((FIRST, replace(FIRST, sha256="b", levering_nr=2, batch=2, replaced={1: 1})))


@pytest.fixture
def zones(spark: SparkSession, tmp_path: Path) -> StorageZones:
    """Results of which a row was taken away, its file still there, and a batch of refused rows."""
    made = StorageZones(tmp_path)
    results_store.create_results_tables(spark, made, drawn_release.platform().tables)
    delta.append_rows(frame(spark, [drawn(n, "levering\n1")[0] for n in (1, 2)]), made.results, "batch 1")
    delta.delete_equal_rows(spark, made.results, delta.read_table(spark, made.results).limit(1).select("pgn"))
    refused = local_frames.make_local_frame(
        spark, results_store.QUARANTINE_SCHEMA, [("1", 1, 1, ["PGN_INVALID"], None)]
    )
    delta.append_rows(refused, made.quarantine, "batch 1")
    return made


def apply(spark: SparkSession, zones: StorageZones) -> dict[str, int]:
    return retention.apply_retention(spark, zones, drawn_release.platform(), LEDGER, (), NOW)


@pytest.mark.parametrize("zone", ["quarantine", "results"])
def test_an_expired_file_that_cannot_be_removed_stops_the_run_and_is_tried_again(
    spark: SparkSession, zones: StorageZones, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    real = vacuum_files.vacuum_table

    def stays(path: Path) -> VacuumResult:
        return VacuumResult(1) if path.name == zone else real(path)

    def results(*_: object) -> int:
        return 0  # results that are past their days are another test's

    monkeypatch.setattr(retention, "_remove_results", results)
    with monkeypatch.context() as broken:
        for module in (vacuum_files, delta):
            broken.setattr(module, "vacuum_table", stays)
        with pytest.raises(DestructionIncomplete, match=f"restricted/{zone}"):
            apply(spark, zones)
    removed = apply(spark, zones)
    assert removed["earlier_states"] == 1
    assert removed["quarantine"] == (1 if zone == "quarantine" else 0)
    assert not [*zones.quarantine.rglob("batch=*")]
    files = {file.name for file in zones.results.rglob("*.parquet") if "_delta_log" not in file.parts}
    assert files == delta.list_current_names(zones.results)
