"""What only the room that speaks Delta can promise: small tables read without Spark, files that go."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow.parquet as pq
import pytest
from deltalake.exceptions import DeltaError
from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType, MapType, StringType, StructField, StructType
from tests.unit import drawn_release

from cohort import frames, tables
from cohort.errors import UsageRefused

STATE = StructType(
    [
        StructField("name", StringType(), False),
        StructField("codes", MapType(StringType(), IntegerType()), False),
    ]
)
ROWS = [(f"{n}.csv", {"PGN_INVALID": n} if n else {}) for n in range(11)]
"""One commit each: past Delta's first checkpoint."""


def test_a_small_table_has_the_rows_of_its_newest_version_and_none_where_there_is_none(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    assert tables.small(path) is None
    tables.create(spark, path, STATE, drawn_release.platform().tables)
    for row in ROWS:
        tables.append(frames.local(spark, STATE, [row]), path, "batch 1")
    assert [*(path / "_delta_log").glob("*.checkpoint*.parquet")], "or this test sees no checkpoint"
    found = tables.small(path)
    assert found is not None
    assert {row["name"]: dict(row["codes"]) for row in found.to_pylist()} == dict(ROWS)


def test_few_rows_are_added_without_spark_and_say_nothing_in_a_footer(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    tables.create(spark, path, STATE, drawn_release.platform().tables)
    before = tables.detail(path)
    for n, row in enumerate(ROWS + ROWS):
        with monkeypatch.context() as patch:
            if n == 9:
                patch.setattr(deltalake.DeltaTable, "create_checkpoint", _full)
            tables.append_few(frames.table(STATE, [row]), path, f"batch {n}")
    assert tables.detail(path) == before
    assert [one.note for one in tables.history(path)][:-1] == [f"batch {n}" for n in range(21, -1, -1)]
    found = tables.small(path)
    assert found is not None
    both = [(row["name"], dict(row["codes"])) for row in found.to_pylist()]
    assert sorted(both, key=str) == sorted(ROWS + ROWS, key=str)
    assert sorted(map(tuple, tables.read(spark, path).collect()), key=str) == sorted(ROWS + ROWS, key=str)
    log = sorted(file.name for file in (path / "_delta_log").iterdir())
    assert len([name for name in log if name.endswith(".json")]) == 23
    checkpoints = [name[:20].lstrip("0") for name in log if name.endswith(".checkpoint.parquet")]
    assert checkpoints == ["20"], "the tenth could not be written, and nobody minds"
    groups = [
        f.row_group(n) for f in map(pq.read_metadata, path.glob("*.parquet")) for n in range(f.num_row_groups)
    ]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    assert len(columns) == 22 * 3
    assert not any(column.is_stats_set for column in columns)


def _full(*_: object) -> None:
    raise DeltaError("no space left")


def test_a_file_system_without_hard_links_is_refused_before_anything_is_made(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", without)
    with pytest.raises(UsageRefused, match="hard links"):
        tables.create(spark, tmp_path / "restricted" / "ledger", STATE, drawn_release.platform().tables)
    assert not list(tmp_path.iterdir())


def test_the_rows_of_batches_are_those_of_the_version_they_were_asked_of(
    spark: SparkSession, tmp_path: Path
) -> None:
    state = StructType([StructField("name", StringType()), StructField("batch", IntegerType(), False)])
    path = tmp_path / "a b" / "results"
    tables.create(spark, path, state, drawn_release.platform().tables, partitioned_by="batch")

    def there(*batches: int) -> list[tuple[str, int]]:
        found = sorted(map(tuple, tables.of_batches(spark, path, state, batches).collect()))
        assert tables.rows_of_batches(path, batches) == len(found)
        return found

    assert there() == there(1, 2) == []
    for number in range(12):  # past Delta's first checkpoint
        rows = [(f"{number}-{letter}", number) for letter in "ab"]
        tables.append(frames.local(spark, state, rows), path, f"batch {number}")
    assert there(3, 11, 40) == [("11-a", 11), ("11-b", 11), ("3-a", 3), ("3-b", 3)]
    before = tables.of_batches(spark, path, state, [3])
    tables.replace_batch(before.where("name = '3-b'"), path, 3)
    assert there(3) == [("3-b", 3)]
    assert before.count() == 2
    tables.replace_batch(before.where("false"), path, 3)
    assert there(3) == []


def _data(path: Path) -> set[str]:
    """Everything in a table's folder but its log, checksums under the names of their files."""
    files = (file for file in path.rglob("*") if file.is_file() and "_delta_log" not in file.parts)
    return {file.name.removeprefix(".").removesuffix(".crc") for file in files}


@pytest.fixture(params=["batch", None], ids=["in partitions", "in one folder"])
def replaced(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A table with a batch that was written twice, and a file that no version ever had."""
    state = StructType([StructField("name", StringType()), StructField("batch", IntegerType(), False)])
    path = tmp_path / "a b" / "results"
    tables.create(spark, path, state, drawn_release.platform().tables, partitioned_by=request.param)
    for number in (1, 2):
        tables.append(frames.local(spark, state, [(f"{number}", number)]), path, f"batch {number}")
    tables.replace_batch(frames.local(spark, state, [("again", 1)]), path, 1)
    (path / ("batch=1" if request.param else "") / "killed.parquet").write_bytes(b"half a file")
    return path


def test_a_vacuum_leaves_what_the_current_version_needs_and_nothing_else(
    spark: SparkSession, replaced: Path
) -> None:
    rows = sorted(map(tuple, tables.read(spark, replaced).collect()))
    assert _data(replaced) > tables.current_files(replaced)
    commits = tables.history(replaced)
    assert tables.vacuum(replaced).left_behind == 0
    assert _data(replaced) == tables.current_files(replaced)
    assert sorted(map(tuple, tables.read(spark, replaced).collect())) == rows == [("2", 2), ("again", 1)]
    assert tables.history(replaced) == commits
    tables.append(tables.read(spark, replaced), replaced, "Spark writes on")
    assert len(tables.read(spark, replaced).collect()) == 2 * len(rows)


def test_what_a_vacuum_leaves_behind_is_counted(replaced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = len(_data(replaced) - tables.current_files(replaced))

    def fails(_: Path) -> None:
        raise PermissionError

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", fails)
        assert tables.vacuum(replaced).left_behind >= beside > 0
    assert tables.vacuum(replaced).left_behind == 0


def test_a_purge_leaves_no_row_and_no_file(spark: SparkSession, replaced: Path) -> None:
    assert tables.purge(replaced).left_behind == 0
    assert _data(replaced) == set()
    assert tables.read(spark, replaced).collect() == []
