"""Which pupils of the published table a declared cell counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cohort.output_checking.request_declaration import DeclaredFile

PupilSet: TypeAlias = npt.NDArray[np.bool_]
Selection: TypeAlias = dict[str, frozenset[str]]


class PublishedRows:
    """The rows of the published table, by column and label.

    Args:
        table: one row per pupil.
    """

    def __init__(self, table: pa.Table) -> None:
        self.size = table.num_rows
        self._table = table
        self._codes: dict[str, tuple[npt.NDArray[Any], dict[str, int]]] = {}

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return list(self._table.column_names)

    def has(self, column: str) -> bool:
        """Whether it has a column."""
        return column in self._table.column_names

    def labels(self, column: str) -> dict[str, int]:
        """The labels of a column with the code of each."""
        return self._coded(column)[1]

    def codes(self, column: str) -> npt.NDArray[Any]:
        """The code of each pupil's label."""
        return self._coded(column)[0]

    def _coded(self, column: str) -> tuple[npt.NDArray[Any], dict[str, int]]:
        if column not in self._codes:
            texts = ["" if value is None else _label(value) for value in self._table.column(column).to_pylist()]
            labels = {label: code for code, label in enumerate(sorted(set(texts)))}
            self._codes[column] = (np.array([labels[text] for text in texts], dtype=np.int64), labels)
        return self._codes[column]

    def select(self, selection: Mapping[str, frozenset[str]], known_only: str | None = None) -> PupilSet:
        """The pupils whose labels are among those selected, and who have a value of one column."""
        chosen = np.ones(self.size, dtype=np.bool_)
        for column, wanted in selection.items():
            codes, labels = self._coded(column)
            chosen &= np.isin(codes, [labels[label] for label in wanted if label in labels])
        if known_only is not None:
            codes, labels = self._coded(known_only)
            chosen &= codes != labels.get("", -1)
        return chosen

    def numbers(self, column: str) -> npt.NDArray[np.float64] | None:
        """The values of a column of numbers; None where it holds labels."""
        kind = self._table.schema.field(column).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
            return None
        values = self._table.column(column).to_pylist()
        return np.array([np.nan if value is None else float(value) for value in values])


def _label(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def select_cell(file: DeclaredFile, words: Mapping[str, str]) -> Selection:
    """The labels that a row of a table selects.

    Args:
        file: the declaration.
        words: the word of each dimension in the row, by heading.
    """
    selection: Selection = {column: frozenset(labels) for column, labels in file.filters.items()}
    for column in file.columns_of("dimension"):
        word = words[column.name]
        if word == column.total or column.column is None:
            continue
        wanted = frozenset(column.values.get(word, [word]))
        selection[column.column] = wanted & selection.get(column.column, wanted)
    return selection
