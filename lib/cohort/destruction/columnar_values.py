"""Every value that a columnar file holds (Parquet, ORC, Arrow), decoded column by column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc as orc
import pyarrow.parquet as pq

VALUE_SEPARATOR = b"\x1f"
"""Between two values of a column, so that whatever is found lies within one value."""

ROWS_PER_PIECE = 1 << 16


def read_columnar_values(held: str, file: BinaryIO) -> Iterator[bytes]:
    """The values of all columns, one after the other: text and bytes as they are, the rest as text.

    Takes: `parquet`, `orc` or `arrow`, and the file, which can seek.
    Gives: pieces of values with a separator between them. Of a dictionary all values, also one that
    no row uses any more.
    Refuses: a file that is damaged or encrypted, with the error of pyarrow.
    """
    before = None
    for column in _columns(held, file):
        for leaf in _leaves(column):
            if not pa.types.is_dictionary(leaf.type):
                yield from _joined(leaf)
            elif before is None or not leaf.dictionary.equals(before):
                before = leaf.dictionary  # chunks of a row group share theirs
                yield from _joined(before)


def _columns(held: str, file: Any) -> Iterator[Any]:
    if held == "parquet":
        schema: Any = pq.ParquetFile(file).schema
        leaves = [schema.column(number) for number in range(len(schema))]
        text = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        file.seek(0)
        reader = pq.ParquetFile(file, read_dictionary=text)
        for group in range(reader.num_row_groups):
            for leaf in leaves:
                for column in reader.read_row_group(group, columns=[leaf.path]).columns:
                    yield from column.chunks
    elif held == "orc":
        stripes = orc.ORCFile(file)
        for stripe in range(stripes.nstripes):
            yield from stripes.read_stripe(stripe).columns
    else:
        batches = pa.ipc.open_file(file)
        for number in range(batches.num_record_batches):
            yield from batches.get_batch(number).columns


def _leaves(array: Any) -> Iterator[Any]:
    kind = array.type
    if pa.types.is_map(kind):
        yield from _leaves(array.keys)
        yield from _leaves(array.items)
    elif pa.types.is_struct(kind):
        for inside in array.flatten():
            yield from _leaves(inside)
    elif pa.types.is_nested(kind):
        yield from _leaves(array.flatten())
    else:
        yield array


def _joined(array: Any) -> Iterator[bytes]:
    for start in range(0, len(array), ROWS_PER_PIECE):
        part = array.slice(start, ROWS_PER_PIECE).drop_null()
        if len(part) == 0:
            continue
        if pa.types.is_fixed_size_binary(part.type):
            part = part.cast(pa.binary())
        elif not pa.types.is_binary(part.type):
            part = _text(part).cast(pa.binary())
        one: Any = pa.ListArray.from_arrays(pa.array([0, len(part)], pa.int32()), part)
        joined: Any = pc.binary_join(one, VALUE_SEPARATOR)
        yield joined[0].as_py() + VALUE_SEPARATOR


def _text(array: Any) -> Any:
    try:
        return array.cast(pa.string())
    except pa.ArrowNotImplementedError:  # durations and the like
        return pa.array([str(value) for value in array.to_pylist()], pa.string())
