"""How many rows of a published table show each value of its columns, read from its data files without Spark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cohort.delta import list_current_names
from cohort.storage import StoragePath, parquet_source

ROWS_PER_BATCH = 1 << 17


def read_published_batches(
    table: StoragePath, columns: Sequence[str], dictionaries: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a published table in their order, as the current version has them.

    Args:
        table: the folder of the table.
        columns: the columns to read.
        dictionaries: which of them are read as dictionaries.
    """
    for name in sorted(list_current_names(table)):
        file = pq.ParquetFile(parquet_source(table / name), read_dictionary=list(dictionaries))
        yield from file.iter_batches(batch_size=ROWS_PER_BATCH, columns=list(columns))


def count_labels(table: StoragePath, columns: Sequence[str]) -> dict[str, Counter[str]]:
    """Count the rows of a published table by value, column by column."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in columns}
    for batch in read_published_batches(table, columns, columns):
        for name in columns:
            column: Any = batch.column(name)
            values = column.dictionary.to_pylist()
            for entry in pc.value_counts(column.indices).to_pylist():
                counts[name][values[entry["values"]]] += entry["counts"]
    return counts
