"""Who contributes to each cell: pupils per school and per board, and sums of scores.

In: the smallest counts, one per combination of leaves and school. Out: per cell its pupils, its schools and boards, and
the matrices of pupils per cell and contributor. A school and a board are attackers who know their own column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def count_cells(cells: LinkedCells, contributions: pa.Table, sums: Sequence[str] = ()) -> CellCounts:
    """Count every cell.

    Args:
        cells: the cells.
        contributions: a column per variable with the code of a leaf, `school`, `board`, `pupils`, and the columns
            named in `sums`; one row per combination of leaves and school.
        sums: further columns to add up.
    """
    leaves = np.stack([_number_leaves(cells, place, contributions) for place in range(len(cells.variables))], axis=1)
    atoms, atom_of_row = np.unique(leaves, axis=0, return_inverse=True)
    atom_of_row = atom_of_row.reshape(-1)
    members = _find_atoms_of_cells(cells, atoms)
    pupils = contributions[PUPILS_COLUMN].to_numpy().astype(np.float64)

    def per(column: str) -> Contributors:
        encoded = contributions[column].combine_chunks().dictionary_encode()
        names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
        by_atom = sp.csr_matrix((pupils, (atom_of_row, codes)), shape=(len(atoms), len(names)))
        matrix = (members @ by_atom).tocsr()
        matrix.sum_duplicates()
        return Contributors(tuple(names), matrix)

    def total(values: Numbers) -> Numbers:
        return members @ np.bincount(atom_of_row, weights=values, minlength=len(atoms))

    schools, boards = per(SCHOOL_COLUMN), per(BOARD_COLUMN)
    return CellCounts(
        pupils=total(pupils),
        schools=schools,
        boards=boards,
        board_of_school=_find_boards(contributions, schools.names, boards.names),
        sums={name: total(contributions[name].to_numpy().astype(np.float64)) for name in sums},
    )


def _find_boards(contributions: pa.Table, schools: Sequence[str], boards: Sequence[str]) -> Numbers:
    pairs = contributions.select([SCHOOL_COLUMN, BOARD_COLUMN]).group_by([SCHOOL_COLUMN, BOARD_COLUMN]).aggregate([])
    board_of = dict(zip(pairs[SCHOOL_COLUMN].to_pylist(), pairs[BOARD_COLUMN].to_pylist(), strict=True))
    if len(board_of) != len(pairs):
        raise ValueError("a school with two boards")
    places = {board: place for place, board in enumerate(boards)}
    return np.array([places[board_of[school]] for school in schools], dtype=np.int64)


def _number_leaves(cells: LinkedCells, place: int, contributions: pa.Table) -> Numbers:
    variable = cells.variables[place]
    numbers = {leaf: number for number, leaf in enumerate(variable.leaves)}
    encoded = contributions[variable.name].cast(pa.string()).combine_chunks().dictionary_encode()
    try:
        lookup = np.array([numbers[leaf] for leaf in encoded.dictionary.to_pylist()], dtype=np.int64)
    except KeyError:
        raise ValueError(f"a leaf of {variable.name} that the variable has not") from None
    return lookup[encoded.indices.to_numpy()] if len(lookup) else np.zeros(0, dtype=np.int64)


def _find_atoms_of_cells(cells: LinkedCells, atoms: Numbers) -> sp.csr_matrix:
    """Find which combinations of leaves lie in each cell: for each set of divided variables, one variable at a time."""
    totals = [variable.total for variable in cells.variables]
    by_divided: dict[tuple[bool, ...], list[int]] = {}
    for place, key in enumerate(cells.keys):
        divided = tuple(node != total for node, total in zip(key, totals, strict=True))
        by_divided.setdefault(divided, []).append(place)
    rows, columns = [], []
    for divided, places in by_divided.items():
        own_rows, own_columns = _join_cells(
            cells, places, [p for p, is_divided in enumerate(divided) if is_divided], atoms
        )
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
