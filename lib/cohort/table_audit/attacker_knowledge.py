"""What an attacker knows of the parts: rows of printed figures, reduced to the parts that are not printed themselves.

Everything is written as a difference from the truth, so that a table that fits has the sum 0 in every printed cell. A
printed cell is written with the printed cells inside it taken out, which keeps groups of hidden parts apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cohort.table_audit.cell_meanings import Meaning
from cohort.table_audit.school_counts import PartSpace

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class KnownRow:
    """A sum of parts of which the attacker knows how far it can be from the truth.

    Args:
        columns: the parts.
        signs: 1 or −1 for each of them.
        low: how far the sum can be below the truth, at most 0.
        high: how far it can be above.
    """

    columns: Array
    signs: Array
    low: float = 0.0
    high: float = 0.0


class PartColumns:
    """The parts of all largest combinations of variables, numbered through.

    Two editions of other school years may have other variables. So a cell consists of the parts of a combination only
    where some edition counts its pupils in that detail, and a combination that is part of a larger one is kept where
    the larger one has none of the pupils of a cell. Where the larger one has some of them, as of one year group, the
    rows that couple the two say what it knows of those.

    Args:
        parts: the parts.
        meanings: every cell.
        find_counted: finds which parts of a combination are counted; left out, all are.
    """

    def __init__(
        self,
        parts: PartSpace,
        meanings: Iterable[Meaning],
        find_counted: Callable[[frozenset[int]], Array] | None = None,
    ) -> None:
        self.parts, self.space = parts, parts.space
        self._find_counted = find_counted
        self._counted: dict[frozenset[int], Array | None] = {}
        self._holders: dict[Meaning, list[frozenset[int]]] = {}
        self.largest = self._find_largest(meanings)
        starts = np.concatenate([[0], np.cumsum([parts.size(own) for own in self.largest])])
        self.starts = {own: int(start) for own, start in zip(self.largest, starts, strict=False)}
        self.number = int(starts[-1])
        self._columns: dict[tuple[frozenset[int], Meaning], Array] = {}

    def holders(self, meaning: Meaning) -> list[frozenset[int]]:
        """The largest combinations whose parts a cell consists of; where it is counted in none, all that divide it."""
        if meaning not in self._holders:
            own = self.space.divided(meaning)
            dividing = [largest for largest in self.largest if own <= largest]
            whole = [one for one in dividing if self._are_counted(meaning, one).all()]
            some = [one for one in dividing if one not in whole and self.is_counted(meaning, one)]
            needed = [one for one in some if not any(self._is_coupled(meaning, one, other) for other in whole)]
            self._holders[meaning] = [*whole, *needed] or dividing
        return self._holders[meaning]

    def is_counted(self, meaning: Meaning, divided: frozenset[int]) -> bool:
        """Whether any part of a cell is counted in a combination."""
        return bool(self._are_counted(meaning, divided).any())

    def _are_counted(self, meaning: Meaning, divided: frozenset[int]) -> Array:
        """Which parts of a cell are counted in a combination."""
        if divided not in self._counted:
            counted = None if self._find_counted is None else self._find_counted(divided)
            self._counted[divided] = None if counted is None or counted.all() else counted
        counted = self._counted[divided]
        return np.ones(1, dtype=bool) if counted is None else counted[self.parts.parts(divided, meaning)]

    def _is_coupled(self, meaning: Meaning, some: frozenset[int], whole: frozenset[int]) -> bool:
        """Whether all that a combination counts of a cell is coupled to one that counts the whole cell.

        It is where every part by the variables of both is counted entirely or not at all.
        """
        shared = some & whole
        parts = [self.parts.meaning_of_part(shared, part) for part in self.parts.parts(shared, meaning)]
        return all(counted.all() or not counted.any() for counted in (self._are_counted(part, some) for part in parts))

    def _find_largest(self, meanings: Iterable[Meaning]) -> list[frozenset[int]]:
        cells: dict[frozenset[int], list[Meaning]] = {}
        for meaning in dict.fromkeys(meanings):
            cells.setdefault(self.space.divided(meaning), []).append(meaning)
        largest: list[frozenset[int]] = []
        for divided in sorted(cells, key=len, reverse=True):
            larger = [other for other in largest if divided < other]
            if any(not any(self.is_counted(cell, other) for other in larger) for cell in cells[divided]):
                largest.append(divided)
        return sorted(largest, key=sorted)

    def columns(self, meaning: Meaning, holder: frozenset[int] | None = None) -> Array:
        """The parts of a cell in one combination, the first that has it where none is given."""
        chosen = self.holders(meaning)[0] if holder is None else holder
        key = (chosen, meaning)
        if key not in self._columns:
            self._columns[key] = np.sort(self.parts.parts(chosen, meaning)) + self.starts[chosen]
        return self._columns[key]

    def describe(self, column: int) -> Meaning:
        """The leaves of a part."""
        for own in self.largest:
            if column < self.starts[own] + self.parts.size(own):
                return self.parts.meaning_of_part(own, column - self.starts[own])
        raise ValueError("no such part")


def list_known_rows(
    columns: PartColumns, bounds: Mapping[Meaning, tuple[float, float]]
) -> tuple[list[KnownRow], Array]:
    """List what the attacker knows.

    Args:
        columns: the parts.
        bounds: how far every printed cell can be from the truth; (0, 0) of one that is printed exactly.

    Returns:
        The rows, and which parts can differ from the truth at all.
    """
    exact = {meaning for meaning, (low, high) in bounds.items() if low == 0 and high == 0}
    free = np.ones(columns.number, dtype=bool)
    for meaning in exact:
        for holder in columns.holders(meaning):
            own = columns.columns(meaning, holder)
            if len(own) == 1:
                free[own] = False
    rows: dict[bytes, KnownRow] = {}
    for meaning, (low, high) in bounds.items():
        for holder in columns.holders(meaning):
            row = _reduce(columns, meaning, holder, exact)
            row = row[free[row]]
            if len(row):
                key = row.tobytes() + np.array([low, high]).tobytes()
                rows[key] = KnownRow(row, np.ones(len(row)), low, high)
    return [*rows.values(), *_couple(columns, exact, free)], free


def _reduce(columns: PartColumns, meaning: Meaning, holder: frozenset[int], exact: set[Meaning]) -> Array:
    """The parts of a cell without those of printed cells that divide it along one variable."""
    own = columns.columns(meaning, holder)
    if len(own) == 1:
        return own
    best = own
    for place in sorted(holder):
        for children in columns.space.divisions[place].get(meaning[place], ()):
            printed = [child for child in (_at(meaning, place, part) for part in children) if child in exact]
            if printed:
                taken = np.concatenate([columns.columns(child, holder) for child in printed])
                rest = np.setdiff1d(own, taken, assume_unique=True)
                if len(rest) < len(best):
                    best = rest
    return best


def _at(meaning: Meaning, place: int, mask: int) -> Meaning:
    return (*meaning[:place], mask, *meaning[place + 1 :])


def _couple(columns: PartColumns, exact: set[Meaning], free: Array) -> list[KnownRow]:
    """Rows that say that two combinations count the same pupils by the variables that they share."""
    rows = []
    for number, first in enumerate(columns.largest):
        for second in columns.largest[number + 1 :]:
            shared = first & second
            for part in range(columns.parts.size(shared)):
                meaning = columns.parts.meaning_of_part(shared, part)
                counted = columns.is_counted(meaning, first) and columns.is_counted(meaning, second)
                if meaning in exact or not counted:
                    continue
                one, other = columns.columns(meaning, first), columns.columns(meaning, second)
                own = np.concatenate([one, other])
                signs = np.concatenate([np.ones(len(one)), -np.ones(len(other))])
                kept = free[own]
                if kept.any():
                    rows.append(KnownRow(own[kept], signs[kept]))
    return rows


def share_a_row(rows: Sequence[KnownRow], number: int) -> Array:
    """Number the groups of parts that no row joins.

    Args:
        rows: the rows.
        number: how many parts there are.
    """
    lengths = np.array([len(row.columns) for row in rows], dtype=np.int64)
    place = np.repeat(np.arange(len(rows)), lengths)
    column = np.concatenate([row.columns for row in rows]) if rows else np.zeros(0, dtype=np.int64)
    graph = sp.coo_matrix((np.ones(len(column)), (place + number, column)), shape=(number + len(rows),) * 2)
    return sp.csgraph.connected_components(graph.tocsr(), directed=False)[1][:number]
