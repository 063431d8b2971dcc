"""What a removal left is looked for in every place that holds rows, and told by the place alone."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from tests.unit.drawn_records import make_release_record

from cohort.erasure import leftover_files
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.storage.zone_paths import StorageZones


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones:
    """Results, quarantine, a published table and a stage, each as it should be."""
    made = StorageZones(tmp_path)
    rows = pa.table({"pgn": ["111222333", "123456782"]})
    for table in (made.results, made.quarantine, made.published_table("proef"), made.staged_release("proef", 2)):
        table.mkdir(parents=True)
        deltalake.write_deltalake(str(table), rows)
        deltalake.write_deltalake(str(table), rows.slice(0, 1), mode="overwrite")
        for file in table.glob("*.parquet"):  # vacuumed
            if len(deltalake.DeltaTable(str(table)).file_uris()) == 1 and file.name not in str(
                deltalake.DeltaTable(str(table)).file_uris()
            ):
                file.unlink()
    record_store.save_release_record(made, make_release_record("proef", 1, ReleaseState.PUBLISHED))
    record_store.save_release_record(made, make_release_record("proef", 2, ReleaseState.VERIFIED))
    return made


def test_clean_tables_and_stages_have_no_leftovers(zones: StorageZones) -> None:
    assert leftover_files.find_leftover_files(zones) == []
    assert leftover_files.leftover_exit_code([]) == 0


LEFT = [
    # a file                                         told by
    ("restricted/results/.nfs01", "restricted/results"),
    ("restricted/results/batch=1/.nfs01", "restricted/results"),
    ("restricted/results/_delta_log/.nfs01", "restricted/results"),
    ("restricted/quarantine/batch=3/.fuse_hidden02", "restricted/quarantine"),
    ("projects/proef/.nfs01", "projects/proef"),
    ("projects/proef/old/rows.parquet", "projects/proef"),
    ("staging/proef/2/.nfs01", "staging/proef"),
    ("staging/proef/.nfs01", "staging/proef"),
    ("staging/proef/old/1/part-0.parquet", "staging/proef"),
    ("staging/.nfs01", "staging/.nfs01"),
]


@pytest.mark.parametrize(("name", "where"), LEFT)
def test_a_leftover_file_is_reported_by_its_place(zones: StorageZones, name: str, where: str) -> None:
    left = zones.root / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"111222333")
    (sentence,) = leftover_files.find_leftover_files(zones)
    assert f"found 1 other in {where}." in sentence
    assert ".nfs…" in sentence
    assert "111222333" not in sentence
    assert leftover_files.leftover_exit_code([sentence]) == 16
    assert left.exists()


def test_a_data_file_within_its_retention_is_no_leftover(zones: StorageZones) -> None:
    """What only an earlier state of the results needs is kept for `[retention_days] superseded`."""
    rows = pa.table({"pgn": ["111222333"]})
    deltalake.write_deltalake(str(zones.results), rows, mode="overwrite")
    assert len(list(zones.results.glob("*.parquet"))) == 2
    assert leftover_files.find_leftover_files(zones) == []


def test_the_stage_of_a_killed_run_is_no_leftover(zones: StorageZones) -> None:
    killed = zones.staged_release("proef", 3)
    killed.mkdir(parents=True)
    (killed / "part-0.parquet").write_bytes(b"rows")
    assert leftover_files.find_leftover_files(zones) == []


def test_an_empty_root_has_no_leftovers(tmp_path: Path) -> None:
    assert leftover_files.find_leftover_files(StorageZones(tmp_path)) == []
