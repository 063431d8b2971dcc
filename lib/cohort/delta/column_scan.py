"""Which data files hold one of some values in a column of text, without a look at their rows.

In go Parquet files and values, out come the files that have one of them. Of each file only the dictionary of the column
is compared: the values of ten rows of a pupil stand in it once. Twenty million rows take half a second, so the driver
does it, one file at a time per thread; from `EXECUTOR_FILES` on the executors do. Values stand in no plan and no log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from cohort.storage import StoragePath, parquet_source

EXECUTOR_FILES = 2_000
"""From this many files on, about half a thousand million rows, the executors look through them."""
SCAN_THREADS = 4
"""Threads of the driver; Arrow decodes outside the interpreter's lock."""


@dataclass(frozen=True)
class ColumnScan:
    """What a scan found.

    Args:
        files: the files that hold one of the values.
        fewest_values: how many different values the column has at least: those of its most varied file.
    """

    files: tuple[StoragePath, ...]
    fewest_values: int


def scan_column(spark: SparkSession, files: Sequence[StoragePath], column: str, values: Collection[str]) -> ColumnScan:
    """Find the files that hold one of the values.

    Args:
        spark: the session.
        files: Parquet files.
        column: a column of text.
        values: the values to look for.
    """
    scan_file = partial(_scan_file, column=column, values=pa.array(sorted(values), pa.string()))
    if len(files) < EXECUTOR_FILES:
        with ThreadPoolExecutor(SCAN_THREADS) as threads:
            scanned = list(threads.map(scan_file, files))
    else:
        context = spark.sparkContext
        scanned = context.parallelize(files, 4 * context.defaultParallelism).map(scan_file).collect()
    found = tuple(file for file, (holds_one, _) in zip(files, scanned, strict=True) if holds_one)
    return ColumnScan(found, max((distinct for _, distinct in scanned), default=0))


def _scan_file(file: StoragePath, column: str, values: pa.Array[Any]) -> tuple[bool, int]:
    """Whether a file holds one of the values, and how many different ones it has at least."""
    with pq.ParquetFile(parquet_source(file), read_dictionary=[column]) as opened:
        chunks: Any = opened.read([column])[column].chunks
    dictionaries = [chunk.dictionary for chunk in chunks]
    holds_one = any(pc.any(pc.is_in(dictionary, value_set=values)).as_py() for dictionary in dictionaries)
    return holds_one, max(map(len, dictionaries), default=0)
