"""Rows deleted from a partitioned table: which files are read, which are replaced, and what the log tells of it."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import IntegerType, StringType, StructField, StructType
from tests.unit import drawn_release

from cohort import delta
from cohort.data_states import local_frames
from cohort.delta import column_scan, read_tables

STATE = StructType(
    [
        StructField("pgn", StringType()),
        StructField("year", StringType(), False),
        StructField("domain", StringType()),
        StructField("batch", IntegerType(), False),
    ]
)
ROWS = [
    # pupil, year, domain, batch: a file per batch and year
    ("anna", "y1", "a", 1),
    ("bram", "y1", None, 1),
    ("anna", "y2", "b", 1),
    ("bram", "y2", "a", 2),
    ("carl", "y2", "a", 2),
    (None, "y2", "a", 3),
]


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Path:
    path = tmp_path / "a b" / "results"
    delta.create_table(spark, path, STATE, drawn_release.platform().tables, partitioned_by=["batch", "year"])
    delta.append_rows(local_frames.make_local_frame(spark, STATE, ROWS).coalesce(1), path, "batches")
    return path


def rows(spark: SparkSession, table: Path) -> list[tuple[object, ...]]:
    found = [tuple(row) for row in delta.read_table(spark, table).select(*STATE.names).collect()]
    partitions = dict.fromkeys(found)
    assert len(partitions) == len(found)
    return sorted(found, key=str)


def without(*gone: int) -> list[tuple[object, ...]]:
    return sorted((row for place, row in enumerate(ROWS) if place not in gone), key=str)


def files(table: Path) -> dict[str, str]:
    """The data files of the current version by partition."""
    return {str(path.parent): path.name for path in delta.list_current_paths(table)}


def test_only_files_with_a_deleted_row_are_replaced(spark: SparkSession, table: Path) -> None:
    before = files(table)
    keys = local_frames.make_local_frame(spark, "pgn string, scope string", [("bram", "a"), ("dora", "a")])
    delta.delete_matching_rows(spark, table, keys, "pgn", F.col("t.domain") == F.col("s.scope"))
    assert rows(spark, table) == without(3)
    after = files(table)
    assert {place for place in before if before[place] != after[place]} == {"batch=2/year=y2"}


def test_rows_equal_in_every_column_go_and_null_equals_null(spark: SparkSession, table: Path) -> None:
    before = files(table)
    gone = local_frames.make_local_frame(spark, STATE, [ROWS[1], ROWS[5], ("carl", "y1", "a", 1)])
    delta.delete_equal_rows(spark, table, gone)
    assert rows(spark, table) == without(1, 5)
    assert files(table)["batch=1/year=y2"] == before["batch=1/year=y2"]
    assert "batch=3/year=y2" not in files(table), "a file without a row is not written"


def test_partitions_that_no_row_names_are_not_read(
    spark: SparkSession, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    own = read_tables.read_parquet_files

    def remember(spark: SparkSession, path: Path, schema: StructType, files: list[str]) -> object:
        read.extend(str(Path(file).parent.relative_to(path)) for file in files)
        return own(spark, path, schema, files)

    monkeypatch.setattr(read_tables, "read_parquet_files", remember)
    named = local_frames.make_local_frame(spark, "pgn string, batch int", [("carl", 2)])
    delta.delete_equal_rows(spark, table, named)
    assert set(read) == {"batch=2/year=y2"}
    assert rows(spark, table) == without(4)


def test_nothing_is_committed_where_no_row_matches(spark: SparkSession, table: Path) -> None:
    version = delta.read_version(table)
    keys = local_frames.make_local_frame(spark, "pgn string", [("dora",)])
    delta.delete_matching_rows(spark, table, keys, "pgn")
    assert delta.read_version(table) == version


def test_a_deletion_leaves_no_key_in_the_log_and_no_file_after_the_vacuum(spark: SparkSession, table: Path) -> None:
    keys = local_frames.make_local_frame(spark, "pgn string", [("anna",)])
    delta.delete_matching_rows(spark, table, keys, "pgn")
    assert rows(spark, table) == without(0, 2)
    log = "".join(file.read_text() for file in (table / "_delta_log").glob("*.json"))
    assert "anna" not in log
    assert delta.vacuum_table(table).remaining_files == 0
    data = [file for file in table.rglob("*.parquet") if "_delta_log" not in file.parts]
    assert not any(b"anna" in file.read_bytes() for file in data)
    assert not (table.parent / "work" / "results-rewritten").exists()
    assert delta.count_batch_rows(table, [1, 2, 3]) == 4
    footers = [pq.read_metadata(file).row_group(0).column(0) for file in data]
    assert not any(getattr(column.statistics, "has_min_max", False) for column in footers)


def test_a_killed_deletion_is_repeated_and_leaves_nothing(
    spark: SparkSession, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    keys = local_frames.make_local_frame(spark, "pgn string", [("anna",)])
    with monkeypatch.context() as patch:
        patch.setattr(deltalake.DeltaTable, "create_write_transaction", killed)
        with pytest.raises(Killed):
            delta.delete_matching_rows(spark, table, keys, "pgn")
    assert rows(spark, table) == sorted(ROWS, key=str)
    assert delta.list_foreign_files(table), "the new files, which no version needs"
    delta.delete_matching_rows(spark, table, keys, "pgn")
    assert rows(spark, table) == without(0, 2)
    assert delta.vacuum_table(table).remaining_files == 0


def test_files_of_two_partitions_may_have_one_name(table: Path) -> None:
    one, other = sorted(delta.list_current_paths(table))[:2]
    twin = table / other.parent / one.name
    twin.write_bytes((table / one).read_bytes())
    assert delta.list_foreign_files(table) == [twin]
    assert delta.vacuum_table(table).remaining_files == 0
    assert not twin.exists()
    assert (table / one).exists()


@pytest.mark.parametrize("executors", [False, True], ids=["the driver", "the executors"])
def test_a_scan_names_the_files_with_a_value(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executors: bool
) -> None:
    if executors:
        monkeypatch.setattr(column_scan, "EXECUTOR_FILES", 1)
    contents: dict[str, list[str | None]] = {
        "a": ["anna", "bram", "bram"],
        "b": [None, "bram"],
        "c": [],
        "d": ["carl"] * 9,
    }
    for name, numbers in contents.items():
        for plain in (False, True):
            column = pa.table({"pgn": pa.array(numbers, pa.string()), "other": [1] * len(numbers)})
            pq.write_table(column, tmp_path / f"{name}{plain}", use_dictionary=not plain)
    paths = sorted(tmp_path.iterdir())
    scan = delta.scan_column(spark, paths, "pgn", {"bram", "dora"})
    assert [file.name for file in scan.files] == ["aFalse", "aTrue", "bFalse", "bTrue"]
    assert scan.fewest_values == 2
    assert delta.scan_column(spark, paths, "pgn", ()).files == ()
    assert delta.scan_column(spark, [], "pgn", {"bram"}) == delta.ColumnScan((), 0)
