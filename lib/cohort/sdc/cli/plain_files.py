"""Plain files of records, CSV or Parquet, read by column.

A plain file is UTF-8 text with a header, `;` or `,` between the fields and `"` around those that need it, read by
`foundation.delimited_text` as deliveries are; or Parquet, where the name ends in `.parquet`. In go a path and names of
columns; out come their values as they are written. Messages say how many cells are wrong, and never quote one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cohort.foundation import (
    ConfigurationRefused,
    DelimitedRecord,
    NotAnonymous,
    TextFault,
    UnreadableText,
    describe_problem,
    format_line_numbers,
    open_delimited_text,
)
from cohort.sdc.model import Int32Array, IntArray

_NAMES_LISTED = 12
EMPTY_CELL = -1
"""The place of a cell without a value."""
DEFAULT_DELIMITER = ";"
BATCH_RECORDS = 1 << 14
"""Records of a text that are encoded at once."""
_FAULT_REMEDIES: dict[TextFault, str] = {
    "ENCODING": "Save it as UTF-8",
    "NOT_TEXT": "Save it as UTF-8 text",
    "QUOTE": "Write a quote in a field twice and put quotes around the field, or take the quote away",
    "SWALLOWED": "Take stray quotes away; a field with line ends may not look like the end of a record",
    "HEADER_REPEATED": "Take the second header away, and see that both parts have the same columns",
}
CompactIndices = npt.NDArray[np.signedinteger]
"""Indices in the smallest type that they fit in."""


@dataclass(frozen=True, eq=False)
class ColumnCells:
    """One column, dictionary encoded.

    cells            values     places
    m; ; j; m    →   [m, j]     [0, EMPTY_CELL, 1, 0]

    Args:
        values: the distinct values that occur, as they stand in the file.
        places: the place of each record's value among them; EMPTY_CELL for an empty cell.
    """

    values: tuple[str, ...]
    places: CompactIndices

    @property
    def empty(self) -> int:
        """The number of records without a value."""
        return int(np.count_nonzero(self.places == EMPTY_CELL))


@dataclass(frozen=True, eq=False)
class PlainFile:
    """A plain file that was read.

    Args:
        columns: the columns that were read, by name.
        records: the number of records.
        delimiter: the delimiter of the fields; DEFAULT_DELIMITER for Parquet.
    """

    columns: Mapping[str, ColumnCells]
    records: int
    delimiter: str


def is_parquet_path(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def read_plain_file(path: Path, names: Sequence[str]) -> PlainFile:
    """Read some columns of a plain file, and nothing of the others.

    Returns:
        The columns: values exactly as they are written, blanks included, and empty cells.

    Raises:
        ConfigurationRefused: a file that cannot be read, a column that is missing or there twice, rows of unequal
            length (exit code 10).
        NotAnonymous: a file without records (exit code 14).
    """
    try:
        if not path.is_file():
            raise FileNotFoundError
        table, delimiter = (_read_parquet if is_parquet_path(path) else _read_text)(path, names)
        columns = {name: _encode_cells(table[name]) for name in names}
    except UnreadableText as refused:
        raise ConfigurationRefused(
            describe_problem(
                "a text whose lines are its records",
                example='`1;"says ""yes"""`',
                found=refused.description,
                where=str(path),
                do=_FAULT_REMEDIES[refused.fault],
            )
        ) from None
    except (OSError, ValueError, pa.ArrowException) as failure:  # its message may hold a value
        raise ConfigurationRefused(
            describe_problem(
                "a file of records",
                example="UTF-8 text with a header and `;` or `,` between the fields, or Parquet",
                found=f"one that cannot be read ({type(failure).__name__})",
                where=str(path),
                do="Name a file that exists and is one of these",
            )
        ) from None
    if not table.num_rows:
        raise NotAnonymous(
            describe_problem(
                "records under the header",
                example="one line per pupil",
                found="none",
                where=str(path),
                do="Deliver the records",
            )
        )
    records = table.num_rows
    del table
    pa.default_memory_pool().release_unused()  # the search is going to need it
    return PlainFile(columns, records, delimiter)


def suggest_name(name: str, known_names: Iterable[str]) -> str:
    """The remedy for an unknown name: the known name most like it, or all known names."""
    names = list(known_names)
    similar = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    similar = similar or [other for other in names if other.strip().lower() == name.strip().lower()]
    if similar:
        return f"Write `{similar[0]}` if that is meant"
    listed = ", ".join(f"`{other}`" for other in names[:_NAMES_LISTED])
    return f"Name one of {listed}{' and others' if len(names) > _NAMES_LISTED else ''}"


def _read_text(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    """The named columns of a text, read in batches in the order of the file, and its delimiter."""
    # Bytes that are no UTF-8 matter in the header and in the columns that are read, not elsewhere.
    with path.open("rb") as source:
        text = open_delimited_text(source, undecodable="kept")
        header = next(text.records, None)
        if header is None:
            raise ValueError("no header")
        "".join(header.fields).encode("utf-8")
        _refuse_unknown_columns(names, header.fields, path)
        batches, unequal = _read_batches(text.records, header.fields, names)
    if unequal:
        raise ConfigurationRefused(
            describe_problem(
                f"{len(header.fields)} fields in every row, as in the header",
                example=f"`{text.delimiter.join(header.fields[:3])}`",
                found=f"another number in {len(unequal):,} rows{format_line_numbers(unequal)}",
                where=str(path),
                do="Correct these rows; put quotes around a field that holds the delimiter",
            )
        )
    none = [pa.array([], pa.string()).dictionary_encode()]
    columns = [pa.chunked_array([batch[name] for batch in batches] or none) for name in names]
    return pa.Table.from_arrays(columns, list(names)), text.delimiter


def _read_batches(
    records: Iterator[DelimitedRecord], header: Sequence[str], names: Sequence[str]
) -> tuple[list[dict[str, pa.Array[Any]]], list[int]]:
    """The named columns as dictionary encoded batches, and the line numbers of rows of another length.

    In a file of one column an empty line is an empty cell, in any other it is nothing.
    """
    positions = [header.index(name) for name in names]
    select_fields = itemgetter(*positions, 0, 0)  # the last two make it a tuple however many names there are
    width, unequal_lines = len(header), list[int]()
    empty_record = [""] if width == 1 else []

    def rows() -> Iterator[tuple[str, ...]]:
        for line, _, record_fields in records:
            fields = record_fields or empty_record
            if len(fields) == width:
                yield select_fields(fields)
            elif fields:
                unequal_lines.append(line)

    batches, all_rows = list[dict[str, "pa.Array[Any]"]](), rows()
    while batch := list(islice(all_rows, BATCH_RECORDS)):
        columns = zip(names, zip(*batch, strict=True), strict=False)
        batches.append({name: pa.array(cells, pa.string()).dictionary_encode() for name, cells in columns})
    return batches, unequal_lines


def _read_parquet(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    schema = pq.read_schema(path)
    _refuse_unknown_columns(names, schema.names, path)
    table = pq.read_table(path, columns=list(names), partitioning=None)
    return table, DEFAULT_DELIMITER


def _refuse_unknown_columns(names: Sequence[str], header: Sequence[str], path: Path) -> None:
    """Refuse names that are not in the header, or are there several times."""
    problems = [
        describe_problem(
            "a column of the file" if name not in header else f"column `{name}` once in the header",
            example=f"`{header[0]}`" if header else "`geslacht`",
            found=f"`{name}`" if name not in header else "it several times",
            where=f"what was asked of {path}" if name not in header else str(path),
            do=suggest_name(name, header) if name not in header else "Give every column a name of its own",
        )
        for name in dict.fromkeys(names)
        if list(header).count(name) != 1
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def _encode_cells(column: pa.ChunkedArray[Any]) -> ColumnCells:
    """The values that occur, in the order of the file's dictionary; null and the empty text are no values."""
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_floating(column.type) and pc.all(pc.equal(pc.floor(column), column)).as_py():
            column = column.cast(pa.int64())  # `39.0`, as software writes whole numbers among nulls
        column = column.cast(pa.string()).dictionary_encode()
    whole: Any = column.unify_dictionaries().combine_chunks()
    chunk: Any = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    dictionary: list[str | None] = chunk.dictionary.cast(pa.string()).to_pylist()
    indices = chunk.indices.fill_null(EMPTY_CELL).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    occurs = np.bincount(indices + 1, minlength=len(dictionary) + 1)[1:] > 0
    values = [text for text, used in zip(dictionary, occurs.tolist(), strict=True) if used and text]
    place = {text: number for number, text in enumerate(values)}
    places = np.array([*(place.get(text or "", EMPTY_CELL) for text in dictionary), EMPTY_CELL], dtype=np.int64)
    return ColumnCells(tuple(values), compact_indices(places)[indices])  # EMPTY_CELL, −1, looks up the last entry


def compact_indices(indices: IntArray) -> CompactIndices:
    """Indices in the smallest type that they fit in: there are as many as records, for every column."""
    return indices.astype(np.int16 if indices.max(initial=0) < 1 << 15 else np.int32)


def rank_texts(texts: Sequence[str]) -> Int32Array:
    """The rank of each text among all of them in order."""
    ranks = np.empty(len(texts), dtype=np.int32)
    ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return ranks
