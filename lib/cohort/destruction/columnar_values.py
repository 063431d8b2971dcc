"""Every value of a columnar file (Parquet, ORC, Arrow), decoded column by column, for the byte search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc as orc
import pyarrow.parquet as pq

VALUE_SEPARATOR = b"\x1f"
"""Stands between two values of a column, so that whatever is found lies within one value."""
ROWS_PER_PIECE = 1 << 16


def read_columnar_values(file_format: str, file: BinaryIO) -> Iterator[bytes]:
    """Yield the values of all columns, one column after the other: text and bytes as they are, the rest as text.

    Of a dictionary all values count, also one that no row uses.

    Args:
        file_format: `parquet`, `orc` or `arrow`.
        file: the file, which can seek.

    Raises:
        pa.ArrowException, OSError: the file is damaged or encrypted.
    """
    previous = None
    for column in _read_columns(file_format, file):
        for leaf in _leaf_arrays(column):
            if not pa.types.is_dictionary(leaf.type):
                yield from _join_values(leaf)
            elif previous is None or not leaf.dictionary.equals(previous):
                previous = leaf.dictionary  # the chunks of a row group share theirs
                yield from _join_values(previous)


def _read_columns(file_format: str, file: Any) -> Iterator[Any]:
    if file_format == "parquet":
        yield from _read_parquet_columns(file)
    elif file_format == "orc":
        reader = orc.ORCFile(file)
        for stripe in range(reader.nstripes):
            yield from reader.read_stripe(stripe).columns
    else:
        batches = pa.ipc.open_file(file)
        for number in range(batches.num_record_batches):
            yield from batches.get_batch(number).columns


def _read_parquet_columns(file: Any) -> Iterator[Any]:
    schema: Any = pq.ParquetFile(file).schema
    leaves = [schema.column(number) for number in range(len(schema))]
    text_paths = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    file.seek(0)
    reader = pq.ParquetFile(file, read_dictionary=text_paths)
    for group in range(reader.num_row_groups):
        for leaf in leaves:
            for column in reader.read_row_group(group, columns=[leaf.path]).columns:
                yield from column.chunks


def _leaf_arrays(array: Any) -> Iterator[Any]:
    kind = array.type
    if pa.types.is_map(kind):
        yield from _leaf_arrays(array.keys)
        yield from _leaf_arrays(array.items)
    elif pa.types.is_struct(kind):
        for inner in array.flatten():
            yield from _leaf_arrays(inner)
    elif pa.types.is_nested(kind):
        yield from _leaf_arrays(array.flatten())
    else:
        yield array


def _join_values(array: Any) -> Iterator[bytes]:
    for start in range(0, len(array), ROWS_PER_PIECE):
        part = array.slice(start, ROWS_PER_PIECE).drop_null()
        if len(part) == 0:
            continue
        if pa.types.is_fixed_size_binary(part.type):
            part = part.cast(pa.binary())
        elif not pa.types.is_binary(part.type):
            part = _as_text(part).cast(pa.binary())
        one_list: Any = pa.ListArray.from_arrays(pa.array([0, len(part)], pa.int32()), part)
        joined: Any = pc.binary_join(one_list, VALUE_SEPARATOR)
        yield joined[0].as_py() + VALUE_SEPARATOR


def _as_text(array: Any) -> Any:
    try:
        return array.cast(pa.string())
    except pa.ArrowNotImplementedError:  # durations and the like
        return pa.array([str(value) for value in array.to_pylist()], pa.string())
