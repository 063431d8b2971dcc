"""The columns of a released file, with the bounds of bands as numbers where an option asks for them.

In go labels; out come labels, and beside each of a typed column its lower and its upper bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import Coding
from cohort.sdc.numeric import list_band_bounds, parse_band_label


def bound_names(column: str) -> tuple[str, str]:
    """The names of the columns with the lower and the upper bound of a typed column."""
    return f"{column}_van", f"{column}_tot"


def require_band_labels(coding: Coding, typed: Sequence[str]) -> None:
    """Check that every label of the typed columns is one of a band.

    Raises:
        ConfigurationRefused: a hierarchy with other labels; all columns at once (exit code 10).
    """
    problems = [
        describe_problem(
            "bands, single whole numbers, `*` and `onbekend` as labels of a typed column",
            example="`20 tot 40`, `7`, `tot 0`, `300 en hoger`",
            found="others",
            where=f"the hierarchy of column {hierarchy.name}",
            do="Leave the column out of --typed, or name its bands so",
        )
        for hierarchy in coding.hierarchies
        if hierarchy.name in typed
        and any(parse_band_label(label) is None for level in hierarchy.labels for label in level)
    ]
    if problems:
        raise ConfigurationRefused(*problems)


@dataclass(frozen=True)
class ReleasedColumns:
    """The columns of a released file.

    Args:
        names: the columns with labels, in their order.
        typed: which of them are followed by their bounds.
    """

    names: tuple[str, ...]
    typed: tuple[str, ...] = ()

    @property
    def names_with_bounds(self) -> list[str]:
        """All columns, bounds included."""
        return [n for name in self.names for n in (name, *(bound_names(name) if name in self.typed else ()))]

    def add_bounds(self, row: Sequence[str]) -> list[str | int | None]:
        """Return a row with the bounds of its typed labels beside them."""
        values: list[str | int | None] = []
        for name, label in zip(self.names, row, strict=True):
            values.append(label)
            if name in self.typed:
                values += [bounds[0] for bounds in list_band_bounds([label])]
        return values

    def make_table(self, rows: Sequence[Sequence[str]]) -> pa.Table:
        """Make a table of rows: labels as text, bounds as whole numbers."""
        columns: dict[str, pa.Array[Any]] = {}
        for place, name in enumerate(self.names):
            labels = [row[place] for row in rows]
            columns[name] = pa.array(labels, pa.string())
            if name in self.typed:
                bounds = zip(bound_names(name), list_band_bounds(labels), strict=True)
                columns |= {bound: pa.array(numbers, pa.int32()) for bound, numbers in bounds}
        return pa.table(columns)
