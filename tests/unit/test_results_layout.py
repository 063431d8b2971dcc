"""Results of an earlier version, by batch alone: refused by readers, laid out anew by whoever changes results."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release
from tests.unit.drawn_results import drawn, frame

from cohort import delta
from cohort.data_states.schemas import RESULTS_PARTITION, RESULTS_SCHEMA
from cohort.delta import vacuum_files, write_tables
from cohort.foundation.errors import DestructionIncomplete, StateRefused
from cohort.results import results_layout, results_store
from cohort.storage.zone_paths import StorageZones

RESULTS = """
schooljaar levering batch domein
2023-2024  1        1     rekenen
2024-2025  1        1     lezen
2024-2025  2        2     rekenen
"""


class Killed(BaseException):
    pass


@pytest.fixture
def zones(spark: SparkSession, tmp_path: Path) -> StorageZones:
    """A table of an earlier version, with rows of two batches."""
    made = StorageZones(tmp_path)
    tables = drawn_release.platform().tables
    delta.create_table(spark, made.results, RESULTS_SCHEMA, tables, partitioned_by=["batch"])
    delta.append_rows(frame(spark, [row for n in (1, 2) for row in drawn(n, RESULTS)]), made.results, "batch 1")
    return made


def rows(spark: SparkSession, zones: StorageZones) -> list[str]:
    return sorted(map(str, delta.read_table(spark, zones.results).collect()))


def test_every_reader_refuses_it_and_says_which_job_lays_it_out(spark: SparkSession, zones: StorageZones) -> None:
    for read in (
        lambda: results_store.read_current_results(spark, zones, [1]),
        lambda: results_store.list_result_files(zones, [1], ["2024-2025"]),
    ):
        with pytest.raises(StateRefused, match="Run ingest: it lays them out anew") as refusal:
            read()
        assert refusal.value.exit_code == 15


def test_it_keeps_every_row_and_property_and_no_file_of_the_earlier_layout(
    spark: SparkSession, zones: StorageZones
) -> None:
    before = rows(spark, zones), delta.read_protocol_and_properties(zones.results), delta.read_table_id(zones.results)
    results_layout.lay_out_results(spark, zones)
    after = rows(spark, zones), delta.read_protocol_and_properties(zones.results), delta.read_table_id(zones.results)
    assert after == before
    assert delta.read_partition_columns(zones.results) == RESULTS_PARTITION
    assert delta.list_foreign_files(zones.results) == []
    assert sorted(map(str, results_store.read_current_results(spark, zones, [1, 2]).collect())) == before[0]
    assert results_store.read_current_results(spark, zones, [1], ["2024-2025"]).count() == 2
    version = delta.read_version(zones.results)
    results_layout.lay_out_results(spark, zones)
    assert delta.read_version(zones.results) == version, "once"


def test_tables_are_laid_out_when_ingestion_opens_them(spark: SparkSession, zones: StorageZones) -> None:
    results_store.create_results_tables(spark, zones, drawn_release.platform().tables)
    assert delta.read_partition_columns(zones.results) == RESULTS_PARTITION


@pytest.mark.parametrize("module", [write_tables, vacuum_files], ids=["before the commit", "before the vacuum"])
def test_a_run_that_is_killed_is_finished_by_the_next(
    spark: SparkSession, zones: StorageZones, monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    before = rows(spark, zones)
    name = "partition_table_anew" if module is write_tables else "vacuum_table_or_refuse"

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(Killed):
            results_layout.lay_out_results(spark, zones)
    assert rows(spark, zones) == before
    results_layout.lay_out_results(spark, zones)
    assert rows(spark, zones) == before
    assert delta.read_partition_columns(zones.results) == RESULTS_PARTITION
    delta.vacuum_table(zones.results)
    assert delta.list_foreign_files(zones.results) == []


def test_a_file_of_the_earlier_layout_that_stays_is_refused(
    spark: SparkSession, zones: StorageZones, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", fails)
    with pytest.raises(DestructionIncomplete, match="restricted/results"):
        results_layout.lay_out_results(spark, zones)
