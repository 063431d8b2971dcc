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
