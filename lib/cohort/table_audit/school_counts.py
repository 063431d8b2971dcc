"""How many pupils of which school and board are in every cell, counted by the auditor.

The leaves of each variable are joined to the largest sets that no cell divides. Cells that divide the same variables
consist of the same parts: one part per combination of such sets. Counts are kept per part, and added up per cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from cohort.foundation import NotAnonymous, describe_problem
from cohort.table_audit.audit_subject import BOARD, PUPILS, SCHOOL, AuditEdition
from cohort.table_audit.cell_meanings import SCHOOL_YEAR, Mask, Meaning, MeaningSpace

Array = np.ndarray
MOST_PARTS = 500_000
"""Of more parts of one combination of variables no audit ends in a day."""


class PartSpace:
    """The parts that all cells consist of.

    Args:
        space: the variables.
        meanings: every cell of every edition.
    """

    def __init__(self, space: MeaningSpace, meanings: Iterable[Meaning]) -> None:
        self.space = space
        every = list(meanings)
        self.part_of_leaf: list[Array] = []
        self.masks: list[list[Mask]] = []
        for place, name in enumerate(space.variables):
            nodes = sorted({meaning[place] for meaning in every})
            signatures: dict[tuple[int, ...], int] = {}
            part_of_leaf = [
                signatures.setdefault(tuple(node >> leaf & 1 for node in nodes), len(signatures))
                for leaf in range(len(space.leaves[name]))
            ]
            masks = [0] * len(signatures)
            for leaf, part in enumerate(part_of_leaf):
                masks[part] |= 1 << leaf
            self.part_of_leaf.append(np.array(part_of_leaf, dtype=np.int64))
            self.masks.append(masks)

    def shape(self, divided: frozenset[int]) -> tuple[int, ...]:
        """How many parts each of the divided variables has, in the order of their places."""
        return tuple(len(self.masks[place]) for place in sorted(divided))

    def size(self, divided: frozenset[int]) -> int:
        """How many parts the cells have that divide these variables."""
        size = int(np.prod(self.shape(divided), dtype=np.int64))
        if size > MOST_PARTS:
            raise NotAnonymous(
                describe_problem(
                    f"tables whose finest parts are at most {MOST_PARTS:,}",
                    example="region by year group by sex",
                    found="more",
                    where="the tables of the edition",
                    do="Leave a variable out of a table, or use a coarser hierarchy",
                )
            )
        return size

    def parts(self, divided: frozenset[int], meaning: Meaning) -> Array:
        """The parts of a cell, as places among those of the given variables."""
        found = np.zeros(1, dtype=np.int64)
        for place in sorted(divided):
            inside = [part for part, mask in enumerate(self.masks[place]) if mask & meaning[place]]
            found = np.add.outer(found * len(self.masks[place]), np.array(inside, dtype=np.int64)).ravel()
        return found

    def meaning_of_part(self, divided: frozenset[int], part: int) -> Meaning:
        """The leaves of a part."""
        masks = list(self.space.full)
        places = np.unravel_index(part, self.shape(divided)) if divided else ()
        for place, own in zip(sorted(divided), places, strict=True):
            masks[place] = self.masks[place][int(own)]
        return tuple(masks)

    def membership(self, divided: frozenset[int], meanings: Sequence[Meaning]) -> sp.csr_matrix:
        """Which parts every cell has: a row per cell."""
        rows = [self.parts(divided, meaning) for meaning in meanings]
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
        columns = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
        return sp.csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(rows), self.size(divided)))


@dataclass(frozen=True, eq=False)
class PartCounts:
    """What the parts of some variables count.

    Args:
        divided: the variables.
        pupils: pupils per part.
        schools: pupils per part and school.
        boards: pupils per part and board.
        sums: sums per part, by column.
    """

    divided: frozenset[int]
    pupils: Array
    schools: sp.csr_matrix
    boards: sp.csr_matrix
    sums: Mapping[str, Array]


class SchoolCounts:
    """The counts of all editions.

    Args:
        parts: the parts of all cells.
        editions: the editions, the one to be published first.
    """

    def __init__(self, parts: PartSpace, editions: Sequence[AuditEdition]) -> None:
        self.parts, self.space, self.editions = parts, parts.space, editions
        self.schools = sorted({s for edition in editions for s in _names(edition.contributors, SCHOOL)})
        self.boards = sorted({s for edition in editions for s in _names(edition.contributors, BOARD)})
        self.has_schools = bool(self.schools)
        self._of_divided: dict[frozenset[int], PartCounts] = {}
        self._of_edition: dict[tuple[int, frozenset[int]], PartCounts | None] = {}
        self.order: tuple[int, ...] = (*range(1, len(editions)), 0)

    @cached_property
    def board_of_school(self) -> Array:
        """The place of the board of every school, that of the edition to be published first."""
        of: dict[str, str] = {}
        for edition in self.editions:
            pairs = edition.contributors.select([SCHOOL, BOARD]).group_by([SCHOOL, BOARD]).aggregate([])
            for school, board in zip(pairs[SCHOOL].to_pylist(), pairs[BOARD].to_pylist(), strict=True):
                of.setdefault(str(school), str(board))
        places = {board: place for place, board in enumerate(self.boards)}
        return np.array([places[of[school]] for school in self.schools], dtype=np.int64)

    def of_edition(self, edition: int, divided: frozenset[int]) -> PartCounts | None:
        """The counts of one edition; None when it does not have these variables in this detail."""
        key = (edition, divided)
        if key not in self._of_edition:
            self._of_edition[key] = self._count(edition, divided)
        return self._of_edition[key]

    def combined(self, divided: frozenset[int]) -> PartCounts:
        """The counts of all editions together: of every part those of the first published edition that has it."""
        if divided not in self._of_divided:
            self._of_divided[divided] = self._combine(divided)
        return self._of_divided[divided]

    def find_edition(self, meaning: Meaning, column: str = PUPILS) -> int | None:
        """The edition whose counts hold for a cell: the first published one with its pupils in its detail.

        Args:
            meaning: the cell.
            column: which of its counts; an edition without that score says nothing of its sums.
        """
        for number in self.order:
            within = self.space.pupils_of(number)
            has_pupils = all(own & ~other == 0 for own, other in zip(meaning, within, strict=True))
            own_counts = self.of_edition(number, self.space.divided(meaning)) if has_pupils else None
            if own_counts is not None and (column == PUPILS or column in own_counts.sums):
                return number
        return None

    def find_counted(self, divided: frozenset[int]) -> Array:
        """Find which parts some edition has in this detail; of the others nobody knows how many pupils they have."""
        within, _ = self._find_parts_of_editions(divided)
        return np.asarray(sum(within.values(), np.zeros(self.parts.size(divided), dtype=bool)))

    def _combine(self, divided: frozenset[int]) -> PartCounts:
        return self._join(divided, *self._find_parts_of_editions(divided))

    def _find_parts_of_editions(self, divided: frozenset[int]) -> tuple[dict[int, Array], dict[int, PartCounts]]:
        """Find which parts each edition has, of those with this detail, and what they count."""
        size = self.parts.size(divided)
        within: dict[int, Array] = {}
        counted: dict[int, PartCounts] = {}
        for number in self.order:
            own = self.of_edition(number, divided)
            if own is not None and self._has_everybody(number, divided):
                within[number] = np.zeros(size, dtype=bool)
                within[number][self.parts.parts(divided, self.space.pupils_of(number))] = True
                counted[number] = own
        return within, counted

    def _has_everybody(self, number: int, divided: frozenset[int]) -> bool:
        """Whether an edition has the pupils of every leaf of the variables that are not divided."""
        own, full = self.space.pupils_of(number), self.space.full
        return all(own[place] == full[place] for place in range(len(full)) if place not in divided)

    def _join(
        self, divided: frozenset[int], within: Mapping[int, Array], counted: Mapping[int, PartCounts]
    ) -> PartCounts:
        """Take every count of a part from the first edition that has it: a sum from the first one with that score."""
        size = self.parts.size(divided)
        pupils = np.zeros(size)
        schools = sp.csr_matrix((size, len(self.schools)))
        boards = sp.csr_matrix((size, len(self.boards)))
        for number, mine in _choose_first(within, counted).items():
            pick = sp.diags(mine)
            pupils += counted[number].pupils * mine
            schools, boards = schools + pick @ counted[number].schools, boards + pick @ counted[number].boards
        for matrix in (schools, boards):
            matrix.eliminate_zeros()
        sums: dict[str, Array] = {}
        for column in dict.fromkeys(name for own in counted.values() for name in own.sums):
            having = [number for number, own in counted.items() if column in own.sums]
            chosen = _choose_first(within, having)
            sums[column] = sum((counted[n].sums[column] * mine for n, mine in chosen.items()), np.zeros(size))
        return PartCounts(divided, pupils, schools.tocsr(), boards.tocsr(), sums)

    def _count(self, number: int, divided: frozenset[int]) -> PartCounts | None:
        table = self.editions[number].contributors
        part = np.zeros(table.num_rows, dtype=np.int64)
        for place in sorted(divided):
            own = self._find_parts(number, place, table)
            if own is None:
                return None
            part = part * len(self.parts.masks[place]) + own
        size = self.parts.size(divided)
        pupils = table[PUPILS].to_numpy().astype(np.float64)
        sums = {
            name: np.bincount(part, weights=_numbers(table[name]), minlength=size)
            for name in table.column_names
            if name.endswith(("_sum", "_sum_squares"))
        }
        return PartCounts(
            divided=divided,
            pupils=np.bincount(part, weights=pupils, minlength=size),
            schools=_spread(part, table[SCHOOL], pupils, self.schools, size),
            boards=_spread(part, table[BOARD], pupils, self.boards, size),
            sums=sums,
        )

    def _find_parts(self, number: int, place: int, table: pa.Table) -> Array | None:
        """The part of every row; None when the edition has not this detail."""
        name, leaves = self.space.variables[place], self.space.leaves[self.space.variables[place]]
        if name in table.column_names:
            encoded = table[name].cast(pa.string()).combine_chunks().dictionary_encode()
            places = np.array([leaves[str(leaf)] for leaf in encoded.dictionary.to_pylist()], dtype=np.int64)
            return self.parts.part_of_leaf[place][places[encoded.indices.to_numpy()]] if len(places) else places
        own = self.space.pupils_of(number)[place]
        inside = [part for part, mask in enumerate(self.parts.masks[place]) if mask & own]
        return np.full(table.num_rows, inside[0]) if len(inside) == 1 and name == SCHOOL_YEAR else None


def _choose_first(within: Mapping[int, Array], editions: Iterable[int]) -> dict[int, Array]:
    """Say for each edition which parts it is the first of some editions to have: 1 for these, 0 for others."""
    chosen: dict[int, Array] = {}
    left: Array | None = None
    for number in editions:
        free = np.ones(len(within[number]), dtype=bool) if left is None else left
        chosen[number] = (within[number] & free).astype(np.float64)
        left = free & ~within[number]
    return chosen


def _names(table: pa.Table, column: str) -> list[str]:
    return [name for name in pc.unique(table[column]).to_pylist() if name is not None]


def _numbers(column: pa.ChunkedArray[Any]) -> Array:
    values: list[Any] = column.to_pylist()
    return np.array([float(value) for value in values], dtype=np.float64)


def _spread(part: Array, column: pa.ChunkedArray[Any], pupils: Array, names: Sequence[str], size: int) -> sp.csr_matrix:
    if not names:
        return sp.csr_matrix((size, 0))
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    places = {name: place for place, name in enumerate(names)}
    lookup = np.array([places[str(name)] for name in encoded.dictionary.to_pylist()], dtype=np.int64)
    matrix = sp.coo_matrix((pupils, (part, lookup[encoded.indices.to_numpy()])), shape=(size, len(names))).tocsr()
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
