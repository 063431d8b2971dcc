"""Plain files of records, CSV or Parquet, read by column.

A plain file is UTF-8 text with a header, `;` or `,` between the fields and `"` around those that need
it, read by `cohort.delimited_text` as deliveries are; or Parquet, where the name ends in `.parquet`.
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

from cohort.foundation.delimited_text import (
    DelimitedRecord,
    TextFault,
    UnreadableText,
    format_line_numbers,
    open_delimited_text,
)
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem

NO_VALUE = -1
"""The place of a cell without a value."""
DEFAULT_DELIMITER = ";"
BATCH_RECORDS = 1 << 14
FAULT_REMEDIES: dict[TextFault, str] = {
    "ENCODING": "Save it as UTF-8",
    "NOT_TEXT": "Save it as UTF-8 text",
    "QUOTE": "Write a quote in a field twice and put quotes around the field, or take the quote away",
    "SWALLOWED": "Take stray quotes away; a field with line ends may not look like the end of a record",
    "HEADER_REPEATED": "Take the second header away, and see that both parts have the same columns",
}
Places = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, eq=False)
class ColumnCells:
    """One column: the distinct values that occur, as they stand in the file, and the place of each record's.

    cells            values     places
    m; ; j; m    →   [m, j]     [0, EMPTY, 1, 0]
    """

    values: tuple[str, ...]
    places: Places

    @property
    def empty(self) -> int:
        """The number of records without a value."""
        return int(np.count_nonzero(self.places == NO_VALUE))


@dataclass(frozen=True, eq=False)
class PlainFile:
    """Takes: the columns asked for, by name; the number of records; what stands between the fields."""

    columns: Mapping[str, ColumnCells]
    records: int
    delimiter: str


def is_parquet_path(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def read_plain_file(path: Path, names: Sequence[str]) -> PlainFile:
    """Reads the columns named, and nothing of the others.

    Gives: empty cells apart from values; all values exactly as they are written, blanks included.
    Refuses: a file that cannot be read, a column that is not there or there twice, rows of unequal length
    (exit code 10); a file without records (14).
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
                do=FAULT_REMEDIES[refused.fault],
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


def suggest_name(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known: the known one that is most like it, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or [other for other in names if other.strip().lower() == name.strip().lower()]
    if near:
        return f"Write `{near[0]}` if that is meant"
    shown = ", ".join(f"`{other}`" for other in names[:12])
    return f"Name one of {shown}{' and others' if len(names) > 12 else ''}"


def _read_text(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    """The columns named, of a text: its records are read in the order of the file, a batch at a time."""
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
    """The columns named, as dictionaries of so many records each; and the lines of rows of another length.

    In a file of one column an empty line is an empty cell, in any other it is nothing.
    """
    places = [header.index(name) for name in names]
    of_names = itemgetter(*places, 0, 0)  # the last two make it a tuple however many names there are
    width, unequal = len(header), list[int]()
    blank = [""] if width == 1 else []

    def rows() -> Iterator[tuple[str, ...]]:
        for line, _, given in records:
            fields = given or blank
            if len(fields) == width:
                yield of_names(fields)
            elif fields:
                unequal.append(line)

    batches, every = list[dict[str, "pa.Array[Any]"]](), rows()
    while some := list(islice(every, BATCH_RECORDS)):
        columns = zip(names, zip(*some, strict=True), strict=False)
        batches.append({name: pa.array(cells, pa.string()).dictionary_encode() for name, cells in columns})
    return batches, unequal


def _read_parquet(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    schema = pq.read_schema(path)
    _refuse_unknown_columns(names, schema.names, path)
    table = pq.read_table(path, columns=list(names), partitioning=None)
    return table, DEFAULT_DELIMITER


def _refuse_unknown_columns(names: Sequence[str], known: Sequence[str], path: Path) -> None:
    problems = [
        describe_problem(
            "a column of the file" if name not in known else f"column `{name}` once in the header",
            example=f"`{known[0]}`" if known else "`geslacht`",
            found=f"`{name}`" if name not in known else "it several times",
            where=f"what was asked of {path}" if name not in known else str(path),
            do=suggest_name(name, known) if name not in known else "Give every column a name of its own",
        )
        for name in dict.fromkeys(names)
        if list(known).count(name) != 1
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def _encode_cells(column: pa.ChunkedArray[Any]) -> ColumnCells:
    """The values that occur, in the order in which the file knows them; null and the empty text are none."""
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_floating(column.type) and pc.all(pc.equal(pc.floor(column), column)).as_py():
            column = column.cast(pa.int64())  # `39.0`, as software writes whole numbers among nulls
        column = column.cast(pa.string()).dictionary_encode()
    whole: Any = column.unify_dictionaries().combine_chunks()
    chunk: Any = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    known: list[str | None] = chunk.dictionary.cast(pa.string()).to_pylist()
    number = chunk.indices.fill_null(NO_VALUE).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    occurs = np.bincount(number + 1, minlength=len(known) + 1)[1:] > 0
    values = [text for text, here in zip(known, occurs.tolist(), strict=True) if here and text]
    place = {text: at for at, text in enumerate(values)}
    # A number of EMPTY, −1, looks up the last entry.
    places = np.array([*(place.get(text or "", NO_VALUE) for text in known), NO_VALUE], dtype=np.int64)
    return ColumnCells(tuple(values), compact_indices(places)[number])


def compact_indices(places: npt.NDArray[np.int64]) -> Places:
    """Places in as few bytes as they fit in: there are as many as records, for every column."""
    return places.astype(np.int16 if places.max(initial=0) < 1 << 15 else np.int32)
