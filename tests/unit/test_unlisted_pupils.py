"""The table of pupils whom opt-in lists exclude: what a killed run wrote of it without a commit goes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import deltalake
from pyspark.sql import SparkSession

from cohort.delta import TableRetention
from cohort.legal_basis.opt_in_lists import OptInList, record_unlisted_pupils


def test_rows_that_a_killed_run_did_not_commit_go_with_the_next_record(spark: SparkSession, tmp_path: Path) -> None:
    table, retention = tmp_path / "unlisted", TableRetention(deleted_files_hours=0, log_hours=0)
    lists = [OptInList("lijst", frozenset({"00AA"}), dt.date(2026, 11, 1), {})]
    rows = spark.createDataFrame([("111222333", "00AA"), ("123456782", "00BB")], "pgn string, brin string")
    record_unlisted_pupils(rows, rows.select("pgn"), lists, table, retention)
    killed = table / "part-00000-0b5dbb8a-8c9d-4a1e-9a53-0c8b1f1f2d11-c000.snappy.parquet"
    killed.write_bytes(b"111222333")
    record_unlisted_pupils(rows, rows.select("pgn"), lists, table, retention)
    assert not killed.exists()
    assert deltalake.DeltaTable(table).to_pyarrow_table().to_pylist() == [{"pgn": "111222333", "brin": "00AA"}]
