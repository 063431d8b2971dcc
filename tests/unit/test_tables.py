"""What only the room that speaks Delta can promise: settings given back, a small table read without Spark."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType, MapType, StringType, StructField, StructType
from tests.unit import drawn_release

from cohort import frames, tables
from cohort.tables import cleaned

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


def test_a_vacuum_gives_spark_its_settings_back_also_when_it_fails(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "table"
    tables.create(spark, path, STATE, drawn_release.platform().tables)
    names = (*cleaned.FEW_FILES, *cleaned.WHATEVER_ITS_AGE)
    before = {name: spark.conf.get(name, None) for name in names}
    seen = []

    def broken(session: SparkSession, _: Path) -> set[str]:
        seen.append({name: session.conf.get(name, None) for name in cleaned.FEW_FILES})
        raise OSError

    assert tables.vacuum(spark, path).left_behind == 0
    tables.purge(spark, path)
    monkeypatch.setattr(cleaned, "current_files", broken)
    with pytest.raises(OSError, match=r"^$"):
        tables.vacuum(spark, path)
    assert seen == [cleaned.FEW_FILES]
    assert {name: spark.conf.get(name, None) for name in names} == before
