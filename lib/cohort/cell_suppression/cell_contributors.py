"""Who contributes to each cell: pupils per school and per board, and sums of scores.

In: the smallest counts, one per combination of leaves and school. Out: per cell its pupils, its schools and boards, and
the matrices of pupils per cell and contributor. A school and a board are attackers who know their own column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from cohort.cell_suppression.linked_cells import LinkedCells

SCHOOL_COLUMN, BOARD_COLUMN, PUPILS_COLUMN = "school", "board", "pupils"
Numbers = np.ndarray


@dataclass(frozen=True, eq=False)
class LargestContributors:
    """Of every cell the pupils of its largest contributor, those of the largest of another group, and the group."""

    first: Numbers
    second: Numbers
    group: Numbers


@dataclass(frozen=True, eq=False)
class Contributors:
    """The contributors of one kind to every cell.

    Args:
        names: the contributors, in the order of the columns.
        pupils: pupils per cell and contributor.
    """

    names: tuple[str, ...]
    pupils: sp.csr_matrix

    @property
    def count(self) -> Numbers:
        """How many contributors each cell has."""
        return np.diff(self.pupils.indptr).astype(np.float64)

    def largest(self, groups: Numbers | None = None) -> LargestContributors:
        """Find the largest contributor of each cell, and the largest one of another group than its own.

        Args:
            groups: the group of each contributor; left out, each is a group of its own.
        """
        matrix = self.pupils
        group = np.arange(matrix.shape[1]) if groups is None else groups
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        order = np.lexsort((matrix.indices, -matrix.data, rows))
        rows, values, owners = rows[order], matrix.data[order], group[matrix.indices[order]]
        first, second = np.zeros(matrix.shape[0]), np.zeros(matrix.shape[0])
        owner = np.full(matrix.shape[0], -1)
        occupied, at = np.unique(rows, return_index=True)
        first[occupied], owner[occupied] = values[at], owners[at]
        others = owners != owner[rows]
        with_second, at = np.unique(rows[others], return_index=True)
        second[with_second] = values[others][at]
        return LargestContributors(first, second, owner)


@dataclass(frozen=True, eq=False)
class CellCounts:
    """What every cell counts.

    Args:
        pupils: pupils per cell.
        schools: the schools that contribute.
        boards: the boards that contribute.
        board_of_school: the place of the board of each school.
        sums: sums of scores per cell, by the name of their column.
    """

    pupils: Numbers
    schools: Contributors
    boards: Contributors
    board_of_school: Numbers
    sums: Mapping[str, Numbers]


@dataclass(frozen=True, eq=False)
class Contributions:
    """The smallest counts of one selection of pupils.

    Args:
        rows: a column per variable with the code of a leaf, `school`, `board`, `pupils`, and sums of scores; a row per
            combination of leaves and school.
        population: the leaves, by variable, that all of its pupils have one of; of a variable that is neither here
            nor a column they have any.
    """

    rows: pa.Table
    population: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has_cells(self, cells: LinkedCells) -> Numbers:
        """Which cells can be counted from these rows: all of their pupils are here, and what divides them."""
        able = np.ones(len(cells.keys), dtype=bool)
        for place, variable in enumerate(cells.variables):
            own = variable.total
            if variable.name in self.population:
                own = variable.node(self.population[variable.name])
            nodes = [key[place] for key in cells.keys]
            if variable.name in self.rows.column_names:
                able &= np.fromiter((node & ~own == 0 for node in nodes), dtype=bool, count=len(nodes))
            else:
                able &= np.fromiter((node == own for node in nodes), dtype=bool, count=len(nodes))
        return able


class UncountedCells(ValueError):
    """No selection has all pupils of some cells, and what divides them."""


class DifferingCounts(ValueError):
    """Two selections count one cell differently."""


def count_cells(cells: LinkedCells, contributions: Sequence[Contributions], sums: Sequence[str] = ()) -> CellCounts:
    """Count every cell, from the first selection that can.

    Args:
        cells: the cells.
        contributions: the selections: those of earlier editions first, so that what was published is not counted anew.
        sums: further columns to add up, each from the first selection that can and has it; elsewhere they are 0.

    Raises:
        UncountedCells: no selection can count some cells.
        DifferingCounts: two selections count a cell differently: one has other pupils, or only part of them.
    """
    left, parts = np.ones(len(cells.keys), dtype=bool), []
    pupils = np.zeros(len(cells.keys))
    totals = {name: np.zeros(len(cells.keys)) for name in sums}
    without = {name: left.copy() for name in sums}
    for own in contributions:
        able = own.has_cells(cells)
        part = _count_selection(cells, np.flatnonzero(able), own.rows, sums)
        counted = np.asarray(part.by_school.sum(axis=1)).ravel()
        if np.abs(counted - pupils)[able & ~left].max(initial=0.0) > 0.5:
            raise DifferingCounts
        parts.append(part.keep(able & left))
        for name in set(sums) & set(own.rows.column_names):
            totals[name] = np.where(able & without[name], part.sums[name], totals[name])
            without[name] &= ~able
        pupils = np.where(able & left, counted, pupils)
        left &= ~able
    if left.any():
        raise UncountedCells(cells.describe(int(np.flatnonzero(left)[0])))
    schools = tuple(sorted({school for part in parts for school in part.board_of}))
    board_of = {school: board for part in parts for school, board in part.board_of.items()}  # the newest one
    boards = tuple(sorted(set(board_of.values())))
    places = {board: place for place, board in enumerate(boards)}
    by_school = sum((part.widen(schools) for part in parts), sp.csr_matrix((len(cells.keys), len(schools))))
    of_school = np.array([places[board_of[school]] for school in schools], dtype=np.int64)
    join = sp.csr_matrix((np.ones(len(schools)), (np.arange(len(schools)), of_school)), (len(schools), len(boards)))
    by_board = (by_school @ join).tocsr()
    for matrix in (by_school, by_board):
        matrix.sum_duplicates()
    return CellCounts(
        pupils=np.asarray(by_school.sum(axis=1)).ravel(),
        schools=Contributors(schools, by_school),
        boards=Contributors(boards, by_board),
        board_of_school=of_school,
        sums=totals,
    )


@dataclass(frozen=True, eq=False)
class _SelectionCounts:
    """What one selection counts of its own cells; every other cell is empty."""

    schools: tuple[str, ...]
    board_of: dict[str, str]
    by_school: sp.csr_matrix
    sums: dict[str, Numbers]

    def keep(self, chosen: Numbers) -> _SelectionCounts:
        """The counts of some cells alone; every other cell is empty."""
        by_school = (sp.diags(chosen.astype(np.float64)) @ self.by_school).tocsr()
        by_school.eliminate_zeros()
        return replace(self, by_school=by_school)

    def widen(self, schools: Sequence[str]) -> sp.csr_matrix:
        """The counts with a column for each of more schools."""
        places = {school: place for place, school in enumerate(schools)}
        matrix = self.by_school.tocoo()
        columns = np.array([places[school] for school in self.schools], dtype=np.int64)[matrix.col]
        return sp.csr_matrix((matrix.data, (matrix.row, columns)), shape=(matrix.shape[0], len(schools)))


def _count_selection(cells: LinkedCells, places: Numbers, rows: pa.Table, sums: Sequence[str]) -> _SelectionCounts:
    present = [number for number, variable in enumerate(cells.variables) if variable.name in rows.column_names]
    leaves = np.zeros((len(rows), len(cells.variables)), dtype=np.int64)
    for number in present:
        leaves[:, number] = _number_leaves(cells, number, rows)
    atoms, atom_of_row = np.unique(leaves, axis=0, return_inverse=True)
    atom_of_row = atom_of_row.reshape(-1)
    members = _find_atoms_of_cells(cells, places, present, atoms)
    encoded = rows[SCHOOL_COLUMN].cast(pa.string()).combine_chunks().dictionary_encode()
    schools, codes = tuple(str(name) for name in encoded.dictionary.to_pylist()), encoded.indices.to_numpy()
    pupils = rows[PUPILS_COLUMN].to_numpy().astype(np.float64)
    by_atom = sp.csr_matrix((pupils, (atom_of_row, codes)), shape=(len(atoms), len(schools)))
    totals = {}
    for name in sums:
        values = rows[name].to_numpy().astype(np.float64) if name in rows.column_names else np.zeros(len(rows))
        totals[name] = members @ np.bincount(atom_of_row, weights=values, minlength=len(atoms))
    return _SelectionCounts(schools, _find_boards(rows), (members @ by_atom).tocsr(), totals)


def _find_boards(rows: pa.Table) -> dict[str, str]:
    """Find the board of every school.

    Raises:
        ValueError: a school with two boards, which is a defect of the caller.
    """
    pairs = rows.select([SCHOOL_COLUMN, BOARD_COLUMN]).group_by([SCHOOL_COLUMN, BOARD_COLUMN]).aggregate([])
    names = zip(pairs[SCHOOL_COLUMN].to_pylist(), pairs[BOARD_COLUMN].to_pylist(), strict=True)
    board_of = {str(school): str(board) for school, board in names}
    if len(board_of) != len(pairs):
        raise ValueError("a school with two boards")
    return board_of


def _number_leaves(cells: LinkedCells, place: int, rows: pa.Table) -> Numbers:
    variable = cells.variables[place]
    numbers = {leaf: number for number, leaf in enumerate(variable.leaves)}
    encoded = rows[variable.name].cast(pa.string()).combine_chunks().dictionary_encode()
    try:
        lookup = np.array([numbers[str(leaf)] for leaf in encoded.dictionary.to_pylist()], dtype=np.int64)
    except KeyError:
        raise ValueError(f"a leaf of {variable.name} that the variable has not") from None
    return lookup[encoded.indices.to_numpy()] if len(lookup) else np.zeros(0, dtype=np.int64)


def _find_atoms_of_cells(cells: LinkedCells, places: Numbers, present: Sequence[int], atoms: Numbers) -> sp.csr_matrix:
    """Find which combinations of leaves lie in some cells, by the variables that are present.

    Cells that divide the same variables are looked at together, one variable at a time.
    """
    by_divided: dict[tuple[int, ...], list[int]] = {}
    for place in places.tolist():
        key = cells.keys[place]
        divided = tuple(number for number in present if key[number] != cells.variables[number].total)
        by_divided.setdefault(divided, []).append(place)
    rows, columns = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for divided, own_places in by_divided.items():
        own_rows, own_columns = _join_cells(cells, own_places, divided, atoms)
        rows.append(own_rows)
        columns.append(own_columns)
    row, column = np.concatenate(rows), np.concatenate(columns)
    return sp.csr_matrix((np.ones(len(row)), (row, column)), shape=(len(cells.keys), len(atoms)))


def _join_cells(
    cells: LinkedCells, places: Sequence[int], divided: Sequence[int], atoms: Numbers
) -> tuple[Numbers, Numbers]:
    """Join cells that divide the same variables with the combinations of leaves that lie in them."""
    if not divided:
        return np.full(len(atoms), places[0]), np.arange(len(atoms))
    prefix_of_cell = np.zeros(len(places), dtype=np.int64)
    atom, prefix = np.arange(len(atoms)), np.zeros(len(atoms), dtype=np.int64)
    for variable in divided:
        nodes = sorted({cells.keys[place][variable] for place in places})
        number = {node: code for code, node in enumerate(nodes)}
        of_cell = np.array([number[cells.keys[place][variable]] for place in places])
        combined = prefix_of_cell * len(nodes) + of_cell
        known, prefix_of_cell = np.unique(combined, return_inverse=True)
        holders = [
            [code for code, node in enumerate(nodes) if node >> leaf & 1]
            for leaf in range(len(cells.variables[variable].leaves))
        ]
        counts = np.array([len(own) for own in holders])
        starts, flat = (
            np.concatenate([[0], np.cumsum(counts)]),
            np.array([c for own in holders for c in own], dtype=np.int64),
        )
        leaf = atoms[atom, variable]
        repeats = counts[leaf]
        within = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        node = flat[np.repeat(starts[leaf], repeats) + within]
        atom = np.repeat(atom, repeats)
        combined = np.repeat(prefix, repeats) * len(nodes) + node
        at = np.searchsorted(known, combined)
        at[at == len(known)] = 0
        kept = known[at] == combined
        atom, prefix = atom[kept], at[kept]
    return np.array(places)[_first_places(prefix_of_cell)][prefix], atom


def _first_places(prefix_of_cell: Numbers) -> Numbers:
    """The place of the cell of every prefix; cells have different keys, so each prefix has one."""
    order = np.empty(len(prefix_of_cell), dtype=np.int64)
    order[prefix_of_cell] = np.arange(len(prefix_of_cell))
    return order
