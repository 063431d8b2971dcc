"""The released file and the trace of a recoding, each written as a whole or not at all.

In go the recoding and the class of every record; out come a file of released records, in an order that discloses
nothing about the order of the input, and, where it is asked for, the restricted trace.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from cohort.foundation import atomic_replacement
from cohort.sdc.cli.band_bounds import ReleasedColumns
from cohort.sdc.cli.plain_files import EMPTY_CELL, is_parquet_path, rank_texts
from cohort.sdc.cli.sensitive_column import SensitiveCells
from cohort.sdc.model import UNKNOWN_VALUE, BoolArray, IntArray, Recoding


def released_rows(
    recoding: Recoding,
    class_of_record: npt.NDArray[np.integer],
    sensitive: SensitiveCells | None,
    blanked: BoolArray | None = None,
) -> tuple[list[tuple[str, ...]], IntArray]:
    """The released records, equal ones as one row: their generalised values, then the sensitive one if there is one.

    Args:
        recoding: the recoding.
        class_of_record: the class of every record, negative where it is suppressed.
        sensitive: the sensitive column, where there is one.
        blanked: the classes that show `onbekend` instead of their sensitive values.

    Returns:
        The rows in the order of their texts, and how many records each row stands for.
    """
    # Classes are numbered in the order of their labels.
    labels_of_class = list(zip(*(labels.tolist() for labels in recoding.labels), strict=True))
    if sensitive is None:
        return labels_of_class, recoding.pupils
    released = np.flatnonzero(class_of_record >= 0)
    texts = [*sensitive.values, UNKNOWN_VALUE]
    width, rank = len(texts), rank_texts(texts)
    place = sensitive.places[released]
    if blanked is not None:
        place = np.where(blanked[class_of_record[released]], EMPTY_CELL, place)
    cell = class_of_record[released].astype(np.int64) * width + rank[place]  # EMPTY_CELL looks up the last text
    cells, counts = np.unique(cell, return_counts=True)
    sorted_texts = sorted(texts)
    rows = [(*labels_of_class[number // width], sorted_texts[number % width]) for number in cells.tolist()]
    return rows, counts.astype(np.int64)


def write_released_records(
    path: Path, columns: ReleasedColumns, rows: Iterable[Sequence[str]], counts: Iterable[int], delimiter: str
) -> None:
    """Write the released records, each row as often as it counts; the whole file or nothing.

    Args:
        path: the file; Parquet where its name ends in `.parquet`, else text.
        columns: the columns, and which of them are typed.
        rows: the distinct rows, in the order in which they are written.
        counts: how many records each row stands for.
        delimiter: the delimiter of a text.
    """
    with _replace_file(path) as temporary:
        if is_parquet_path(path):
            distinct_rows, row_counts = list(rows), np.fromiter(counts, np.int64)
            row_of_record = np.repeat(np.arange(len(row_counts)), row_counts)
            pq.write_table(columns.make_table(distinct_rows).take(row_of_record), temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as out:
            out.write(_format_line(columns.names_with_bounds, delimiter))
            for row, count in zip(rows, counts, strict=True):
                texts = ["" if value is None else str(value) for value in columns.add_bounds(row)]
                out.write(_format_line(texts, delimiter) * count)


def write_class_trace(path: Path, class_of_record: npt.NDArray[np.integer], delimiter: str) -> None:
    """Write for every record of the input, by its number from 1, its class; an empty cell where it is suppressed.

    The trace undoes the anonymity, so only the owner of the file can read it, from its first byte on.

    Args:
        path: the file; Parquet where its name ends in `.parquet`, else text.
        class_of_record: the class of each record, from 0, or a negative number.
        delimiter: the delimiter of a text.
    """
    numbers = pa.array(np.arange(1, len(class_of_record) + 1))
    classes = pa.array(class_of_record, mask=np.asarray(class_of_record) < 0)
    table = pa.table({"row": numbers, "class": classes})
    with _replace_file(path) as temporary, open(temporary, "wb", opener=_open_owner_only) as out:
        if is_parquet_path(path):
            pq.write_table(table, out)
            return
        out.write(_format_line(table.column_names, delimiter).encode())
        style = pa.csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none")
        pa.csv.write_csv(table, out, style)


def _open_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _replace_file(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` when it is complete; a pipe or a device itself."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield target
        return
    with atomic_replacement(target, durable=False) as temporary:
        yield temporary


def _format_line(values: Sequence[str], delimiter: str) -> str:
    return delimiter.join(_quote_field(value, delimiter) for value in values) + "\n"


def _quote_field(value: str, delimiter: str) -> str:
    if any(sign in value for sign in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value
