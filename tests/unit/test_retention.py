"""What is past its days and whose file stays all the same: the run stops, and the next one looks again."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release
from tests.unit.drawn_results import drawn, frame

from cohort import frames, tables
from cohort.errors import DestructionIncomplete
from cohort.intake import retention, stored
from cohort.intake.ledger import Entry, Ledger
from cohort.places import Places
from cohort.tables import cleaned
from cohort.tables.cleaned import Vacuumed

NOW = dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC)
LONG_AGO = dt.datetime(2020, 9, 1, 12, tzinfo=dt.UTC).isoformat()
FIRST = Entry("a", "a.csv", 1, 1, "99ZZ", LONG_AGO, "TAKEN", None, 1, 1, 0, 0, 0, {})
KNOWN = Ledger((FIRST, replace(FIRST, sha256="b", levering_nr=2, batch=2, replaced={1: 1})))


@pytest.fixture
def places(spark: SparkSession, tmp_path: Path) -> Places:
    """Results of which a row was taken away, its file still there, and a batch of refused rows."""
    made = Places(tmp_path)
    stored.create(spark, made, drawn_release.platform().tables)
    tables.append(frame(spark, [drawn(n, "levering\n1")[0] for n in (1, 2)]), made.results, "batch 1")
    tables.remove_rows(spark, made.results, tables.read(spark, made.results).limit(1).select("pgn"))
    refused = frames.local(spark, stored.QUARANTINED, [("1", 1, 1, ["PGN_INVALID"], None)])
    tables.append(refused, made.quarantine, "batch 1")
    return made


def apply(spark: SparkSession, places: Places) -> dict[str, int]:
    return retention.apply(spark, places, drawn_release.platform(), KNOWN, (), NOW)


@pytest.mark.parametrize("zone", ["quarantine", "results"])
def test_a_file_past_its_days_that_stays_stops_the_run_and_is_looked_for_again(
    spark: SparkSession, places: Places, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    real = cleaned.vacuum

    def stays(path: Path) -> Vacuumed:
        return Vacuumed(1) if path.name == zone else real(path)

    def results(*_: object) -> int:
        return 0  # results that are past their days are another test's

    monkeypatch.setattr(retention, "_results", results)
    with monkeypatch.context() as broken:
        for module in (cleaned, tables):
            broken.setattr(module, "vacuum", stays)
        with pytest.raises(DestructionIncomplete, match=f"restricted/{zone}"):
            apply(spark, places)
    told = apply(spark, places)
    assert told["earlier_states"] == 1
    assert told["quarantine"] == (1 if zone == "quarantine" else 0)
    assert not [*places.quarantine.rglob("batch=*")]
    files = {file.name for file in places.results.rglob("*.parquet") if "_delta_log" not in file.parts}
    assert files == tables.current_files(places.results)
