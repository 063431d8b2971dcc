"""Bands of a numeric column, as a generalisation hierarchy: each band is a leaf, and levels join neighbouring bands.

A project declares the bands, or `quantiles` derives them from the values of the cohort. Out come a `Hierarchy` and the
leaf number of every value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.model import UNKNOWN_VALUE, BoolArray, Hierarchy, Int32Array, IntArray

EdgeNotation = Literal["number", "cohort", "quarter"]
"""How an edge is written: as a number (2013), a school year (2013/14), or a quarter counted from year 0 (2013-K1)."""

MAX_BANDS = 10_000
_TOP_LABEL = "*"


def make_band_edges(column: str, lowest: int, highest: int, step: int) -> tuple[int, ...]:
    """The edges of bands of one width, as a project declares a numeric column.

    Raises:
        ConfigurationRefused: the step is under 1, the lowest or highest value is no multiple of it, or there would be
            more than `MAX_BANDS` bands.
    """
    numbers = (lowest, highest, step)
    if not all(map(_is_whole, numbers)) or step < 1 or lowest % step or highest % step:
        raise ConfigurationRefused(
            _problem(
                column,
                "a lowest and a highest value that are multiples of a step of at least 1",
                example="0, 400 and 20",
                found=", ".join(map(str, numbers)),
                do="Correct the lowest value, the highest value or the step",
            )
        )
    if (highest - lowest) // step > MAX_BANDS:
        raise ConfigurationRefused(_too_many_bands(column, (highest - lowest) // step))
    return tuple(range(lowest, highest + 1, step))


@dataclass(frozen=True)
class NumericBands:
    """Bands `[edge, next edge)` of a column, and how many neighbours each further level joins.

        edges 0, 20, 40, 60; joins 2; open above

        value   leaf          level 1       level 2
        0       0 tot 20      0 tot 40      *
        20      20 tot 40     0 tot 40      *
        59,9    40 tot 60     40 en hoger   *
        60      60 en hoger   40 en hoger   *

    A band of width 1 is labelled with its number. Bands are joined from the lowest on, so the last value of a level may
    cover fewer of them. With `widths` instead of `joins` a level has the edges that are multiples of its width; then
    its values begin at the same numbers wherever the lowest band begins, and the first and last may be narrower. With
    `level_edges` it has the edges that are listed for it, for example those of quantiles.

    Args:
        name: the name of the column.
        edges: whole numbers, ascending.
        joins: per level above the leaves, how many values of the level below make one value.
        open_below: whether there is a band for the values below the first edge.
        open_above: whether there is a band for the values from the last edge on.
        widths: per level above the leaves, the width of its values; instead of `joins`.
        edge_notation: how an edge is written.
        level_edges: per level above the leaves, the edges between its values, all among those of the level below;
            instead of `joins` and `widths`.

    Raises:
        ConfigurationRefused: other edges, fewer than two bands or more than `MAX_BANDS`, a level that joins fewer than
            two values or has a single value (the top `*` is added anyway), an edge of a level that the one below lacks.
    """

    name: str
    edges: tuple[int, ...]
    joins: tuple[int, ...] = ()
    open_below: bool = False
    open_above: bool = False
    widths: tuple[int, ...] = ()
    edge_notation: EdgeNotation = "number"
    level_edges: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        problems = list(self._edge_problems()) or list(self._level_problems())
        if problems:
            raise ConfigurationRefused(*problems)

    @property
    def _inner_edges(self) -> tuple[int, ...]:
        """The edges with a band on either side."""
        return self.edges[0 if self.open_below else 1 : len(self.edges) if self.open_above else -1]

    @property
    def count(self) -> int:
        """The number of bands."""
        return len(self.edges) - 1 + self.open_below + self.open_above

    def hierarchy(self, *, with_unknown: bool = True) -> Hierarchy:
        """The bands as a hierarchy with the top `*`.

        Args:
            with_unknown: whether null can occur; then `onbekend` is the last leaf, which only the top includes.
        """
        unknown = (UNKNOWN_VALUE,) if with_unknown else ()
        levels = []
        for borders in self._levels():
            named = ((self._label(low, high), high - low) for low, high in pairwise(borders))
            levels.append((*(label for label, bands in named for _ in range(bands)), *unknown))
        levels.append((_TOP_LABEL,) * (self.count + len(unknown)))
        return Hierarchy(self.name, tuple(levels))

    def leaf_numbers(self, values: IntArray, *, has_value: BoolArray | None = None, unit: int = 1) -> Int32Array:
        """The leaf number of each value.

        Args:
            values: whole numbers of which `unit` make one (unit 100: values in hundredths).
            has_value: which of them are not null; None for all.

        Returns:
            The number of the band; for null that of `onbekend`, which follows the bands.

        Raises:
            NotAnonymous: values lie outside the edges at an end that is not open; the message says how many values,
                never which (exit code 14).
        """
        edges = np.array(self.edges, dtype=np.int64) * unit
        band = np.searchsorted(edges, values, side="right") - 1 + self.open_below
        outside = (band < 0) | (band >= self.count)
        if has_value is not None:
            band = np.where(has_value, band, self.count)
            outside &= has_value
        if outside.any():
            raise NotAnonymous(
                _problem(
                    self.name,
                    "only values that lie in a band",
                    example=f"from {self.edges[0]} up to, not including, {self.edges[-1]}",
                    found=f"others in {np.count_nonzero(outside)} records",
                    do="Add bands, or declare that the ends are open",
                )
            )
        return band.astype(np.int32)

    def _levels(self) -> Iterator[list[int]]:
        """Per level the borders of its values, as positions between the bands: 0 is below the first band."""
        borders = list(range(self.count + 1))
        yield borders
        for join in self.joins:
            borders = [*borders[:-1:join], borders[-1]]
            yield borders
        for width in self.widths:
            inside = range(1, self.count)
            multiples = [border for border in inside if self.edges[border - self.open_below] % width == 0]
            yield [0, *multiples, self.count]
        for listed in self.level_edges:
            inside = range(1, self.count)
            yield [0, *(border for border in inside if self.edges[border - self.open_below] in listed), self.count]

    def _label(self, low: int, high: int) -> str:
        """The label of the bands between two borders."""
        if self.open_above and high == self.count:
            return f"{self._edge(self.edges[low - self.open_below])} en hoger"
        upper = self.edges[high - self.open_below]
        if self.open_below and low == 0:
            return f"tot {self._edge(upper)}"
        lower = self.edges[low - self.open_below]
        if self.edge_notation == "quarter":
            if upper - lower == 1:
                return f"{lower // 4}-K{lower % 4 + 1}"
            if upper - lower == 4:
                return self._edge(lower)
        return self._edge(lower) if upper - lower == 1 else f"{self._edge(lower)} tot {self._edge(upper)}"

    def _edge(self, edge: int) -> str:
        """An edge in its notation; an edge between quarters is written as a year."""
        if self.edge_notation == "cohort":
            return f"{edge}/{(edge + 1) % 100:02d}"
        return str(edge // 4 if self.edge_notation == "quarter" else edge)

    def _edge_problems(self) -> Iterator[str]:
        ascending = all(map(_is_whole, self.edges)) and all(a < b for a, b in pairwise(self.edges))
        if not self.edges or not ascending:
            yield _problem(
                self.name,
                "whole edges in ascending order",
                example="0, 20, 40",
                found="others" if self.edges else "none",
                do="Correct the edges",
            )
        elif self.count < 2:
            yield _problem(
                self.name,
                "at least two bands",
                example="0 tot 20 and 20 tot 40",
                found=str(self.count),
                do="Give more edges, or open an end",
            )
        elif self.count > MAX_BANDS:
            yield _too_many_bands(self.name, self.count)

    def _level_problems(self) -> Iterator[str]:
        below = self._inner_edges
        for level, listed in enumerate(self.level_edges, start=1):
            if not listed or list(listed) != sorted(set(listed)) or not set(listed) <= set(below):
                found, do = "others", "Take edges of the level below, in ascending order and at least one"
                yield self._level_problem(level, "to have edges of the level below between its values", found, do)
                return
            below = listed
        for level, borders in enumerate(list(self._levels())[1:] if self.widths else (), start=1):
            if len(borders) < 3:
                found, do = "one", "Leave the width out: the top `*` includes all"
                yield self._level_problem(level, "to leave at least two bands", found, do)
                return
        bands = self.count
        for level, join in enumerate(self.joins, start=1):
            if not _is_whole(join) or join < 2:
                found, do = str(join), "Join two or more, or leave the level out"
                yield self._level_problem(level, "to join at least two neighbours", found, do)
                return
            bands = -(-bands // join)
            if bands < 2:
                found, do = "one", "Leave the level out: the top `*` includes all"
                yield self._level_problem(level, "to leave at least two bands", found, do)
                return

    def _level_problem(self, level: int, what: str, found: str, do: str) -> str:
        return _problem(self.name, f"level {level} {what}", example="2", found=found, do=do)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _too_many_bands(name: str, count: int) -> str:
    do = "Choose wider bands"
    return _problem(name, f"at most {MAX_BANDS:,} bands", example="20", found=f"{count:,}", do=do)


def _problem(name: str, what: str, *, example: str, found: str, do: str) -> str:
    return describe_problem(what, example=example, found=found, where=f"the bands of column {name}", do=do)
