"""A table's data files as runs of equal released records, read without Spark.

Input: Parquet files. Output: `RecordRuns`, from which the checks of classes, schools and file layout count. Each
batch of rows becomes runs and counts at once, so memory grows with the number of classes and not of pupils, as
long as the rows are sorted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cohort.agreements import Project
from cohort.data_states import OTHER_SCHOOLS_CONTROL, PSEUDONYM_COLUMNS, SCHOOL_CONTROL
from cohort.storage import StoragePath, parquet_source
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
ROWS_PER_BATCH = 1 << 18
ValueNumbers = dict[str | None, int]
SchoolNumbers = dict[bytes | None, int]
Combination = tuple[int, ...]
"""The numbers of all schools of a pupil, the home school first."""


def _empty_triples() -> IntArray:
    return np.zeros((3, 0), dtype=np.int64)


@dataclass(frozen=True)
class RecordRuns:
    """The rows of a table as runs: neighbouring rows of one file that show the same in every released column.

    Args:
        columns: the released columns, in their order.
        labels: per column the labels that occur, None for null; of a column of numbers their digits.
        codes: `[column, run]`, the position of the run's label among the labels of the column.
        file: per run the number of its file.
        rows: per run its number of rows.
        home_counts: run, home school and pupils, in three rows.
        other_counts: run, further school and pupils, in three rows.
        schools: the school values, numbered by their position.
        sensitive: position of the sensitive column, if any. It does not distinguish classes, except by whether a
            value is shown at all.
        combination_counts: of pupils with several schools, run, combination of schools and pupils, in three rows.
        combinations: the combinations of schools, numbered by their position.
        bounds: the columns that show the bounds of a label, or the mean of a class. They distinguish no classes and
            have no order of their own: `band_bound_check` and `class_mean_check` allow one value of them per class.
    """

    columns: tuple[str, ...]
    labels: tuple[tuple[str | None, ...], ...]
    codes: IntArray
    file: IntArray
    rows: IntArray
    home_counts: IntArray
    other_counts: IntArray
    schools: tuple[bytes | None, ...]
    sensitive: int | None = None
    combination_counts: IntArray = field(default_factory=_empty_triples)
    combinations: tuple[Combination, ...] = ()
    bounds: frozenset[str] = frozenset()

    @cached_property
    def class_of_run(self) -> IntArray:
        """Per run the number of its equivalence class.

        Runs with equal quasi-identifiers are one class; those that show a sensitive value are a class apart from
        those that show none.
        """
        return self._number_groups(self.run_shows_value.astype(np.int64), self._sort_order[: self._quasi_identifiers])

    @cached_property
    def run_shows_value(self) -> BoolArray:
        """Per run whether it shows a sensitive value; without a sensitive column none does."""
        if self.sensitive is None:
            return np.zeros(self.codes.shape[1], dtype=np.bool_)
        is_value = np.array([label != UNKNOWN_LEAF for label in self.labels[self.sensitive]], dtype=np.bool_)
        flags: BoolArray = is_value[self.codes[self.sensitive]]
        return flags

    @cached_property
    def class_shows_value(self) -> BoolArray:
        """Per class whether it shows sensitive values."""
        flags = np.zeros(self.class_count, dtype=np.bool_)
        flags[self.class_of_run] = self.run_shows_value
        return flags

    @cached_property
    def record_of_run(self) -> IntArray:
        """Per run the number of its record: runs that show the same in every column are one record."""
        return self._number_groups(self.class_of_run, self._sort_order[self._quasi_identifiers :])

    @property
    def columns_in_sort_order(self) -> list[tuple[tuple[str | None, ...], IntArray]]:
        """Labels and codes of all columns but bounds, in the order by which rows are sorted: the sensitive one last."""
        return [(self.labels[column], self.codes[column]) for column in self._sort_order]

    @cached_property
    def class_count(self) -> int:
        return int(self.class_of_run.max()) + 1 if self.class_of_run.size else 0

    @cached_property
    def class_rows(self) -> IntArray:
        """Per class its number of rows."""
        totals = np.zeros(self.class_count, dtype=np.int64)
        np.add.at(totals, self.class_of_run, self.rows)
        return totals

    @property
    def released_rows(self) -> int:
        return int(self.rows.sum())

    @property
    def values_by_column(self) -> dict[str, tuple[str | None, ...]]:
        """The distinct values of each released column that is no bound."""
        values = zip(self.columns, self.labels, strict=True)
        return {column: labels for column, labels in values if column not in self.bounds}

    @property
    def _sort_order(self) -> list[int]:
        with_labels = (place for place, column in enumerate(self.columns) if column not in self.bounds)
        return sorted(with_labels, key=lambda place: place == self.sensitive)

    @property
    def _quasi_identifiers(self) -> int:
        return len(self._sort_order) - (self.sensitive is not None)

    def _number_groups(self, groups: IntArray, columns: list[int]) -> IntArray:
        """Split numbered groups of runs by further columns, exactly: nothing is hashed."""
        for column in columns:
            label_count = max(len(self.labels[column]), 1)
            _, groups = np.unique(groups * label_count + self.codes[column], return_inverse=True)
        return groups.astype(np.int64)


def read_released_runs(files: Sequence[StoragePath], project: Project, *, control: bool) -> RecordRuns:
    """Read the runs of a release's files; `control` says whether the control columns are present."""
    sensitive = project.sensitive_column
    return read_record_runs(
        files,
        project.released_names,
        control=control,
        sensitive=None if sensitive is None else sensitive.name,
        school=PSEUDONYM_COLUMNS[1] if project.is_pseudonymous else None,
        bounds=[*project.bound_names, *project.mean_names],
    )


def read_record_runs(
    files: Sequence[StoragePath],
    columns: Sequence[str],
    *,
    control: bool,
    sensitive: str | None = None,
    school: str | None = None,
    bounds: Collection[str] = (),
) -> RecordRuns:
    """Read the runs of a table's data files.

    Args:
        files: its Parquet files, in any order.
        columns: the released columns.
        control: whether the control columns are present.
        sensitive: the name of the sensitive column, if any.
        school: the column that shows the home school where the control columns are absent, if any.
        bounds: the released columns of whole and of decimal numbers.
    """
    collector = _RunCollector(columns, SCHOOL_CONTROL if control else school, control, bounds)
    for number, file in enumerate(files):
        parquet = pq.ParquetFile(parquet_source(file), read_dictionary=collector.dictionary_columns)
        for batch in parquet.iter_batches(batch_size=ROWS_PER_BATCH, columns=collector.read_columns):
            collector.add(batch, number)
    return collector.collect(None if sensitive is None else list(columns).index(sensitive))


class _RunCollector:
    """Collects runs and counts, batch by batch."""

    def __init__(self, columns: Sequence[str], school: str | None, control: bool, bounds: Collection[str]) -> None:
        self._columns, self._school, self._control = list(columns), school, control
        self._bounds = frozenset(bounds)
        self.read_columns = [*columns, *([school] if school else []), *([OTHER_SCHOOLS_CONTROL] if control else [])]
        self.dictionary_columns = [n for n in self.read_columns if n not in {*bounds, OTHER_SCHOOLS_CONTROL}]
        self._values: list[ValueNumbers] = [{} for _ in columns]
        self._schools: SchoolNumbers = {}
        self._combinations: dict[Combination, int] = {}
        self._codes = [np.zeros((len(columns), 0), dtype=np.int64)]
        self._file, self._rows = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        self._home, self._other, self._moved = [_empty_triples()], [_empty_triples()], [_empty_triples()]
        self._run_count = 0

    def add(self, batch: pa.RecordBatch, file_number: int) -> None:
        numbers = [_number_labels(self._texts(batch, name), self._values[i]) for i, name in enumerate(self._columns)]
        starts = _find_run_starts(numbers, batch.num_rows)
        lengths = np.diff(np.append(starts, batch.num_rows))
        run_of_row = np.repeat(np.arange(self._run_count, self._run_count + len(starts)), lengths)
        self._codes.append(np.array([column[starts] for column in numbers]))
        self._file.append(np.full(len(starts), file_number))
        self._rows.append(lengths)
        if self._school:
            home = _number_labels(batch.column(self._school), self._schools)
            self._home.append(_count_pairs(run_of_row, home))
            if self._control:
                row, other = _explode_schools(batch.column(OTHER_SCHOOLS_CONTROL), self._schools)
                self._other.append(_count_pairs(run_of_row[row], other))
                self._moved.append(_count_combinations(run_of_row, home, row, other, self._combinations))
        self._run_count += len(starts)

    def _texts(self, batch: pa.RecordBatch, name: str) -> pa.Array[Any]:
        """A column as text: of a number its digits."""
        return batch.column(name).cast(pa.string()) if name in self._bounds else batch.column(name)

    def collect(self, sensitive: int | None) -> RecordRuns:
        return RecordRuns(
            columns=tuple(self._columns),
            labels=tuple(tuple(numbers) for numbers in self._values),
            codes=np.concatenate(self._codes, axis=1),
            file=np.concatenate(self._file),
            rows=np.concatenate(self._rows),
            home_counts=np.concatenate(self._home, axis=1),
            other_counts=np.concatenate(self._other, axis=1),
            schools=tuple(self._schools),
            sensitive=sensitive,
            combination_counts=np.concatenate(self._moved, axis=1),
            combinations=tuple(self._combinations),
            bounds=self._bounds,
        )


def _number_labels(column: pa.Array[Any], numbers: ValueNumbers | SchoolNumbers) -> IntArray:
    """Number the labels of a column by first appearance; labels of a dictionary that no row shows count too."""
    encoded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
    lookup = [numbers.setdefault(label, len(numbers)) for label in encoded.dictionary.to_pylist()]
    indices = encoded.indices
    if indices.null_count:
        lookup.append(numbers.setdefault(None, len(numbers)))
        indices = indices.fill_null(len(lookup) - 1)
    codes: IntArray = np.array(lookup, dtype=np.int64)[indices.to_numpy(zero_copy_only=False)]
    return codes


def _find_run_starts(columns: list[IntArray], rows: int) -> IntArray:
    """Return the rows where a run begins: the first, and every row that differs from the one before it."""
    begins = np.zeros(rows, dtype=bool)
    begins[:1] = True
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(begins)


def _explode_schools(column: Any, schools: SchoolNumbers) -> tuple[IntArray, IntArray]:
    """Return one pair of row and school number per element of an array column."""
    sizes = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(sizes)), sizes), _number_labels(column.flatten(), schools)


def _count_pairs(run: IntArray, school: IntArray) -> IntArray:
    """Count equal pairs: run, school and count, in three rows."""
    pair, pupils = np.unique((run << 32) | school, return_counts=True)
    return np.stack([pair >> 32, pair & 0xFFFFFFFF, pupils])


def _count_combinations(
    run: IntArray, home: IntArray, row: IntArray, other: IntArray, numbers: dict[Combination, int]
) -> IntArray:
    """Count the combinations of schools per run, of rows with several schools.

    Args:
        run: per row its run.
        home: per row its home school.
        row: per further school of a row the row, ascending.
        other: the further school, beside `row`.
        numbers: the numbers of the combinations so far; new ones are added.
    """
    rows, first, sizes = np.unique(row, return_index=True, return_counts=True)
    schools = np.full((len(rows), 1 + int(sizes.max(initial=0))), -1, dtype=np.int64)
    schools[:, 0] = home[rows]
    position = np.repeat(np.arange(len(rows)), sizes)
    schools[position, 1 + np.arange(len(row)) - first[position]] = other
    distinct, which = np.unique(schools, axis=0, return_inverse=True)
    lookup = [
        numbers.setdefault(tuple(dict.fromkeys(school for school in combination if school >= 0)), len(numbers))
        for combination in distinct.tolist()
    ]
    return _count_pairs(run[rows], np.array(lookup, dtype=np.int64)[which.reshape(-1)])
