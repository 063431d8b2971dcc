"""The synthetic archive that the benchmarks measure on: school years as intake would have left them."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit.drawn_roots import CONF

from cohort import delta
from cohort.agreements import platform
from cohort.data_states.schemas import RESULTS_SCHEMA
from cohort.results import ledger, results_store
from cohort.storage.zone_paths import StorageZones
from cohorts import stored_results

TODAY = dt.date(2026, 11, 23)


def test_an_archive_has_a_batch_per_school_year_and_accounts_that_close(spark: SparkSession, tmp_path: Path) -> None:
    config, zones = tmp_path / "conf", StorageZones(tmp_path / "root")
    shutil.copytree(CONF, config)
    zones.root.mkdir()
    made = stored_results.write_stored_results(
        spark, zones, config, platform.load_platform(config), pupils_per_year=400, years=3, today=TODAY
    )

    assert made.school_years == ("2024-2025", "2023-2024", "2022-2023")
    known = ledger.read_ledger(zones.ledger)
    assert known.batches == (1, 2, 3)
    results_store.require_closed_accounts(zones, known)
    assert known.current_row_count() == made.rows
    results = results_store.read_current_results(spark, zones, known.batches)
    assert results.count() == made.rows
    for name in [field.name for field in RESULTS_SCHEMA if not field.nullable]:
        assert results.where(F.col(name).isNull()).isEmpty(), name
    pupils = results.groupBy("pgn").agg(F.count_distinct("batch").alias("batches"))
    shares = {line.batches: line["count"] for line in pupils.groupBy("batches").count().collect()}
    assert shares[3] > shares[2] > 0, "most stay, an eighth is new each year"
    assert delta.list_foreign_files(zones.results) == []
