"""The released records: equal ones as one row, in an order that says nothing, whole or not at all."""

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

from cohort.foundation.atomic_files import atomic_replacement
from cohort.sdc.cli.plain_files import NO_VALUE, is_parquet_path
from cohort.sdc.cli.tabulation import SensitiveColumn, rank_texts
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE
from cohort.sdc.model.recoding import Recoding


def released_rows(
    recoding: Recoding,
    class_of: npt.NDArray[np.integer],
    sensitive: SensitiveColumn | None,
    blanked: npt.NDArray[np.bool_] | None = None,
) -> tuple[list[tuple[str, ...]], npt.NDArray[np.int64]]:
    """The released records, equal ones as one row: their values, then the sensitive one if there is one.

    Takes: the class of every record, negative where it is suppressed; the classes that show `onbekend`
    instead of their sensitive values.
    Gives: the rows in the order of their texts, which says nothing that they do not show, and how many
    records each of them is.
    """
    # Classes are numbered in the order of their labels.
    shown = list(zip(*(labels.tolist() for labels in recoding.labels), strict=True))
    if sensitive is None:
        return shown, recoding.pupils
    released = np.flatnonzero(class_of >= 0)
    texts = [*sensitive.values, UNKNOWN_VALUE]
    known, rank = len(texts), rank_texts(texts)
    place = sensitive.places[released]
    if blanked is not None:
        place = np.where(blanked[class_of[released]], NO_VALUE, place)
    cell = class_of[released].astype(np.int64) * known + rank[place]  # EMPTY looks up the last text
    cells, counts = np.unique(cell, return_counts=True)
    in_order = sorted(texts)
    rows = [(*shown[at // known], in_order[at % known]) for at in cells.tolist()]
    return rows, counts.astype(np.int64)


def write_released_records(
    path: Path, names: Sequence[str], rows: Iterable[Sequence[str]], counts: Iterable[int], delimiter: str
) -> None:
    """Writes records that are equal as one row and its count; nothing, or all of it.

    Takes: the distinct rows in the order in which they are to stand, and how many records each of them is.
    """
    with _atomic_file(path) as part:
        if is_parquet_path(path):
            distinct, numbers = list(rows), np.fromiter(counts, np.int64)
            of = np.repeat(np.arange(len(numbers)), numbers)
            cells = [pa.array([row[column] for row in distinct], pa.string()) for column in range(len(names))]
            pq.write_table(pa.table([cell.take(of) for cell in cells], names=list(names)), part)
            return
        with part.open("w", encoding="utf-8", newline="") as out:
            out.write(_format_line(names, delimiter))
            for row, count in zip(rows, counts, strict=True):
                out.write(_format_line(row, delimiter) * count)


def write_class_trace(path: Path, class_of: npt.NDArray[np.integer], delimiter: str) -> None:
    """Writes for every record of the input, by its number from 1, its class, or nothing where suppressed.

    Takes: the class of each record, from 0, or a negative number. It undoes the anonymity, so the file is
    its owner's alone, from its first byte on.
    """
    rows = pa.array(np.arange(1, len(class_of) + 1))
    table = pa.table({"row": rows, "class": pa.array(class_of, mask=np.asarray(class_of) < 0)})
    with _atomic_file(path) as part, open(part, "wb", opener=_open_owner_only) as out:
        if is_parquet_path(path):
            pq.write_table(table, out)
            return
        out.write(_format_line(table.column_names, delimiter).encode())
        style = pa.csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none")
        pa.csv.write_csv(table, out, style)


def _open_owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _atomic_file(path: Path) -> Iterator[Path]:
    """A file beside the one that is meant, which takes its place when it is complete."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield target  # a pipe or a device
        return
    with atomic_replacement(target, durable=False) as part:
        yield part


def _format_line(values: Sequence[str], delimiter: str) -> str:
    return delimiter.join(_quote_field(value, delimiter) for value in values) + "\n"


def _quote_field(value: str, delimiter: str) -> str:
    if any(sign in value for sign in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value
