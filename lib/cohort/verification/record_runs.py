"""The bytes of a table, read file by file without Spark: runs of equal records, their order and their split.

Rows never stay: each batch becomes runs of equal records and counts per (run, school) at once, so what is
held grows with the classes, not with the pupils (as long as the order is right).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, SCHOOL_CONTROL
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF

IntArray = npt.NDArray[np.int64]
ROWS_PER_BATCH = 1 << 18


@dataclass(frozen=True)
class RecordRuns:
    """The rows of a table as runs of equal released values.

    Gives: per column the labels that occur (`None` for null); `codes[column, run]` their numbers; per
    run its file and rows; `home` and `others` as (run, school number, pupils) in three rows; the schools;
    the place of the sensitive column, which makes no class but by whether it shows a value at all; pupils of
    several schools once more as (run, number of the combination, pupils), and what the combinations are: the
    home school's number comes first.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str | None, ...], ...]
    codes: IntArray
    file: IntArray
    rows: IntArray
    home: IntArray
    others: IntArray
    schools: tuple[bytes | None, ...]
    sensitive: int | None = None
    moved: IntArray = field(default_factory=lambda: np.zeros((3, 0), dtype=np.int64))
    combinations: tuple[tuple[int, ...], ...] = ()

    @cached_property
    def class_of(self) -> IntArray:
        """The number of each run's class: runs with equal quasi-identifying values are one class, those that
        show a sensitive value apart from those that show none.
        """
        return self._numbered(self.shows_value.astype(np.int64), self._order[: self._quasi])

    @cached_property
    def shows_value(self) -> npt.NDArray[np.bool_]:
        """Per run whether it shows a sensitive value: nobody's does where no column is sensitive."""
        if self.sensitive is None:
            return np.zeros(self.codes.shape[1], dtype=np.bool_)
        shown = np.array([label != UNKNOWN_LEAF for label in self.labels[self.sensitive]], dtype=np.bool_)
        flags: npt.NDArray[np.bool_] = shown[self.codes[self.sensitive]]
        return flags

    @cached_property
    def class_shows_value(self) -> npt.NDArray[np.bool_]:
        """The same per class."""
        flags = np.zeros(self.classes, dtype=np.bool_)
        flags[self.class_of] = self.shows_value
        return flags

    @cached_property
    def record_of(self) -> IntArray:
        """The number of each run's record: runs that show the same in every column are one record."""
        return self._numbered(self.class_of, self._order[self._quasi :])

    @property
    def by_weight(self) -> list[tuple[tuple[str | None, ...], IntArray]]:
        """Labels and codes of every column, the one that rows are ordered by first comes first."""
        return [(self.labels[column], self.codes[column]) for column in self._order]

    @property
    def _order(self) -> list[int]:
        return sorted(range(len(self.columns)), key=lambda column: column == self.sensitive)

    @property
    def _quasi(self) -> int:
        return len(self.columns) - (self.sensitive is not None)

    def _numbered(self, number: IntArray, columns: list[int]) -> IntArray:
        """Equal numbers that are equal in these columns too, as equal numbers. No hashing, so exact."""
        for column in columns:
            known = max(len(self.labels[column]), 1)
            _, number = np.unique(number * known + self.codes[column], return_inverse=True)
        return number.astype(np.int64)

    @cached_property
    def classes(self) -> int:
        return int(self.class_of.max()) + 1 if self.class_of.size else 0

    @cached_property
    def class_rows(self) -> IntArray:
        return _sums(self.class_of, self.rows, self.classes)

    @property
    def released(self) -> int:
        return int(self.rows.sum())


def read_record_runs(
    files: Sequence[Path],
    columns: Sequence[str],
    *,
    control: bool,
    sensitive: str | None = None,
    school: str | None = None,
) -> RecordRuns:
    """The runs of a table's data files.

    Takes: its Parquet files, in any order; the released columns, and which of them is sensitive; whether the
    control columns are there; where they are not, the column that shows the home school, if any does.
    """
    numbers: list[dict[str | None, int]] = [{} for _ in columns]
    schools: dict[bytes | None, int] = {}
    codes, where, rows, home, others = [_none(len(columns))], [_none()], [_none()], [_none(3)], [_none(3)]
    moved, combinations = [_none(3)], dict[tuple[int, ...], int]()
    begun = 0
    at = SCHOOL_CONTROL if control else school
    wanted = [*columns, *([at] if at else []), *([OTHER_SCHOOLS_CONTROL] if control else [])]
    for place, file in enumerate(files):
        parquet = pq.ParquetFile(file, read_dictionary=wanted[: len(columns) + bool(at)])
        for batch in parquet.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted):
            values = [_numbered(batch.column(name), numbers[i]) for i, name in enumerate(columns)]
            starts = _starts(values, batch.num_rows)
            length = np.diff(np.append(starts, batch.num_rows))
            run = np.repeat(np.arange(begun, begun + len(starts)), length)
            codes.append(np.array([column[starts] for column in values]))
            where.append(np.full(len(starts), place))
            rows.append(length)
            if at:
                own = _numbered(batch.column(at), schools)
                home.append(_pairs(run, own))
            if control:
                row, other = _exploded(batch.column(OTHER_SCHOOLS_CONTROL), np.arange(batch.num_rows), schools)
                others.append(_pairs(run[row], other))
                moved.append(_combined(run, own, row, other, combinations))
            begun += len(starts)
    return RecordRuns(
        tuple(columns),
        tuple(tuple(known) for known in numbers),
        np.concatenate(codes, axis=1),
        np.concatenate(where),
        np.concatenate(rows),
        np.concatenate(home, axis=1),
        np.concatenate(others, axis=1),
        tuple(schools),
        None if sensitive is None else list(columns).index(sensitive),
        np.concatenate(moved, axis=1),
        tuple(combinations),
    )


def check_file_layout(runs: RecordRuns) -> list[Finding]:
    """ORDER: neighbours within a file that stand the wrong way round. SPLIT: records in several files.

    Rows are ordered by what makes their class, column by column, then by the sensitive value.
    """
    before, after = slice(None, -1), slice(1, None)
    wrong = np.zeros(max(len(runs.file) - 1, 0), dtype=bool)
    for labels, codes in reversed(runs.by_weight):
        rank = _ranks(labels)[codes]
        wrong = (rank[before] > rank[after]) | ((rank[before] == rank[after]) & wrong)
    wrong &= runs.file[before] == runs.file[after]
    records = np.unique(np.stack([runs.record_of, runs.file]), axis=1)[0]
    split = np.bincount(records) > 1
    return [*finding_if_any("ORDER", int(wrong.sum())), *finding_if_any("SPLIT", int(split.sum()))]


def released_checksum(runs: RecordRuns) -> tuple[int, str]:
    """What `tables.checksum` gives for the released columns, by own code and once per class.

    Each row is the text of its values, each after its length in characters and a colon, a null as `-`;
    the first 15 and the next 15 hexadecimal digits of its SHA-256 are summed over all rows.
    """
    totals = [0, 0]
    for values, rows in zip(runs.codes.T.tolist(), runs.rows.tolist(), strict=True):
        shown = (labels[code] for labels, code in zip(runs.labels, values, strict=True))
        text = "".join("-" if value is None else f"{len(value)}:{value}" for value in shown)
        digits = hashlib.sha256(text.encode()).hexdigest()
        totals[0] += rows * int(digits[:15], 16)
        totals[1] += rows * int(digits[15:30], 16)
    return runs.released, f"{totals[0]:x}-{totals[1]:x}"


def _numbered(column: pa.Array[Any], known: dict[str | None, int] | dict[bytes | None, int]) -> IntArray:
    """A column as numbers by first appearance; labels that no row shows are numbered too."""
    coded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    lookup = [known.setdefault(label, len(known)) for label in coded.dictionary.to_pylist()]
    index = coded.indices
    if index.null_count:
        lookup.append(known.setdefault(None, len(known)))
        index = index.fill_null(len(lookup) - 1)
    numbers: IntArray = np.array(lookup, dtype=np.int64)[index.to_numpy(zero_copy_only=False)]
    return numbers


def _exploded(column: Any, run: IntArray, schools: dict[bytes | None, int]) -> tuple[IntArray, IntArray]:
    sizes = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.repeat(run, sizes), _numbered(column.flatten(), schools)


def _pairs(run: IntArray, school: IntArray) -> IntArray:
    pair, pupils = np.unique((run << 32) | school, return_counts=True)
    return np.stack([pair >> 32, pair & 0xFFFFFFFF, pupils])


def _combined(
    run: IntArray, home: IntArray, row: IntArray, other: IntArray, known: dict[tuple[int, ...], int]
) -> IntArray:
    """Rows of several schools as pairs of their run and the combination of these schools.

    Takes: per row its run and home school; pairs of a row, in order, and a further school.
    """
    rows, first, sizes = np.unique(row, return_index=True, return_counts=True)
    schools = np.full((len(rows), 1 + int(sizes.max(initial=0))), -1, dtype=np.int64)
    schools[:, 0] = home[rows]
    at = np.repeat(np.arange(len(rows)), sizes)
    schools[at, 1 + np.arange(len(row)) - first[at]] = other
    different, which = np.unique(schools, axis=0, return_inverse=True)
    lookup = [
        known.setdefault(tuple(dict.fromkeys(s for s in combination if s >= 0)), len(known))
        for combination in different.tolist()
    ]
    return _pairs(run[rows], np.array(lookup, dtype=np.int64)[which.reshape(-1)])


def _starts(values: list[IntArray], rows: int) -> IntArray:
    """Where a run begins: the first row, and every row that differs from the one before it."""
    begins = np.zeros(rows, dtype=bool)
    begins[:1] = True
    for column in values:
        begins[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(begins)


def _ranks(labels: tuple[str | None, ...]) -> IntArray:
    """The place of each label among all, in the order Spark sorts text: null first, then by its bytes."""
    by_text = sorted(range(len(labels)), key=lambda i: b"" if (x := labels[i]) is None else b"." + x.encode())
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[by_text] = np.arange(len(labels))
    return ranks


def _sums(group: IntArray, amounts: IntArray, groups: int) -> IntArray:
    total = np.zeros(groups, dtype=np.int64)
    np.add.at(total, group, amounts)
    return total


def _none(width: int | None = None) -> IntArray:
    return np.zeros(0 if width is None else (width, 0), dtype=np.int64)
