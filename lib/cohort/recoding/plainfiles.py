"""Plain files of records, CSV or Parquet, read by column.

A plain file is UTF-8 text with a header, `;` or `,` between the fields and `"` around those that need
it; or Parquet, where the name ends in `.parquet`.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from cohort.errors import ConfigurationRefused, NotAnonymous, expected

EMPTY = -1
"""The place of a cell without a value."""
SEMICOLON = ";"
Places = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, eq=False)
class Cells:
    """One column: the distinct values that occur, as they stand in the file, and the place of each record's.

    cells            values     places
    m; ; j; m    →   [m, j]     [0, EMPTY, 1, 0]
    """

    values: tuple[str, ...]
    places: Places

    @property
    def empty(self) -> int:
        """The number of records without a value."""
        return int(np.count_nonzero(self.places == EMPTY))


@dataclass(frozen=True, eq=False)
class PlainFile:
    """Takes: the columns asked for, by name; the number of records; what stands between the fields."""

    columns: Mapping[str, Cells]
    records: int
    delimiter: str


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def read(path: Path, names: Sequence[str]) -> PlainFile:
    """Reads the columns named, and nothing of the others.

    Gives: empty cells apart from values; all values exactly as they are written, blanks included.
    Refuses: a file that cannot be read, a column that is not there or there twice, rows of unequal length
    (exit code 10); a file without records (14).
    """
    try:
        if not path.is_file():
            raise FileNotFoundError
        table, delimiter = (_parquet if is_parquet(path) else _text)(path, names)
        columns = {name: _cells(table[name]) for name in names}
    except (OSError, ValueError, pa.ArrowException) as failure:  # its message may hold a value
        raise ConfigurationRefused(
            expected(
                "a file of records",
                example="UTF-8 text with a header and `;` or `,` between the fields, or Parquet",
                found=f"one that cannot be read ({type(failure).__name__})",
                where=str(path),
                do="Name a file that exists and is one of these",
            )
        ) from None
    if not table.num_rows:
        raise NotAnonymous(
            expected(
                "records under the header", example="one line per pupil", found="none",
                where=str(path), do="Deliver the records",
            )
        )  # fmt: skip
    records = table.num_rows
    del table
    pa.default_memory_pool().release_unused()  # the search is going to need it
    return PlainFile(columns, records, delimiter)


def closest(name: str, known: Iterable[str]) -> str:
    """What to do about a name that is not known: the known one that is most like it, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near = near or [other for other in names if other.strip().lower() == name.strip().lower()]
    if near:
        return f"Write `{near[0]}` if that is meant"
    shown = ", ".join(f"`{other}`" for other in names[:12])
    return f"Name one of {shown}{' and others' if len(names) > 12 else ''}"


def _text(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    header, delimiter, has_records = _header(path)
    _refuse_unknown(names, header, path)
    if not has_records:
        return pa.table({name: pa.array([], pa.string()) for name in names}), delimiter
    unequal = 0

    def count(_: pa.csv.InvalidRow) -> Literal["skip"]:
        nonlocal unequal
        unequal += 1
        return "skip"  # it is refused below, with all others

    table = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=1 << 22),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=len(header) > 1,  # in a file of one column an empty line is an empty cell
            invalid_row_handler=count,
        ),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(names),
            column_types=dict.fromkeys(names, pa.dictionary(pa.int32(), pa.string())),
            strings_can_be_null=False,
        ),
    )
    if unequal:
        raise ConfigurationRefused(
            expected(
                f"{len(header)} fields in every row, as in the header",
                example=f"`{delimiter.join(header[:3])}`",
                found=f"another number in {unequal:,} rows",
                where=str(path),
                do="Correct these rows; put quotes around a field that holds the delimiter",
            )
        )
    return table, delimiter


def _header(path: Path) -> tuple[list[str], str, bool]:
    """The names of the columns, the delimiter that divides them, and whether anything follows."""
    # Bytes that are no UTF-8 matter in the header and in the columns that are read, not elsewhere.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        first = text.readline()
        outside = "".join(first.split('"')[::2])
        delimiter = "," if outside.count(",") > outside.count(SEMICOLON) else SEMICOLON
        text.seek(0)
        rows = csv.reader(text, delimiter=delimiter)
        try:
            names = next(rows)
        except (StopIteration, csv.Error):
            raise ValueError("no header") from None
        "".join(names).encode("utf-8")
        # Only whether there is more, not what: the rows are pyarrow's to read.
        return names, delimiter, any(line.strip("\r\n") or len(names) == 1 for line in text)


def _parquet(path: Path, names: Sequence[str]) -> tuple[pa.Table, str]:
    schema = pq.read_schema(path)
    _refuse_unknown(names, schema.names, path)
    table = pq.read_table(path, columns=list(names), partitioning=None)
    return table, SEMICOLON


def _refuse_unknown(names: Sequence[str], known: Sequence[str], path: Path) -> None:
    problems = [
        expected(
            "a column of the file" if name not in known else f"column `{name}` once in the header",
            example=f"`{known[0]}`" if known else "`geslacht`",
            found=f"`{name}`" if name not in known else "it several times",
            where=f"what was asked of {path}" if name not in known else str(path),
            do=closest(name, known) if name not in known else "Give every column a name of its own",
        )
        for name in dict.fromkeys(names)
        if list(known).count(name) != 1
    ]
    if problems:
        raise ConfigurationRefused(*problems)


def _cells(column: pa.ChunkedArray[Any]) -> Cells:
    """The values that occur, in the order in which the file knows them; null and the empty text are none."""
    if not pa.types.is_dictionary(column.type):
        if pa.types.is_floating(column.type) and pc.all(pc.equal(pc.floor(column), column)).as_py():
            column = column.cast(pa.int64())  # `39.0`, as software writes whole numbers among nulls
        column = column.cast(pa.string()).dictionary_encode()
    whole: Any = column.unify_dictionaries().combine_chunks()
    chunk: Any = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    known: list[str | None] = chunk.dictionary.cast(pa.string()).to_pylist()
    number = chunk.indices.fill_null(EMPTY).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    occurs = np.bincount(number + 1, minlength=len(known) + 1)[1:] > 0
    values = [text for text, here in zip(known, occurs.tolist(), strict=True) if here and text]
    place = {text: at for at, text in enumerate(values)}
    # A number of EMPTY, −1, looks up the last entry.
    places = np.array([*(place.get(text or "", EMPTY) for text in known), EMPTY], dtype=np.int64)
    return Cells(tuple(values), small(places)[number])


def small(places: npt.NDArray[np.int64]) -> Places:
    """Places in as few bytes as they fit in: there are as many as records, for every column."""
    return places.astype(np.int16 if places.max(initial=0) < 1 << 15 else np.int32)
