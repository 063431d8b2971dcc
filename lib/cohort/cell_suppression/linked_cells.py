"""The cells of linked tables and the relations between them: total = sum of parts.

Cells with the same meaning are one cell, whatever tables they stand in. Where tables divide a variable in ways that do
not nest, or count some of the pupils beside all of them, cells are added that no table shows: the parts from which the
shown ones are made. They are never printed, and an attacker can compute them like any other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy.sparse as sp

from cohort.cell_suppression.cell_variables import CellVariable, Node
from cohort.foundation import NotAnonymous, describe_problem

CellKey = tuple[Node, ...]
"""A cell: its node of every variable, in the order of the variables; the total where a table does not divide it."""
MOST_CELLS = 200_000
"""Beyond so many cells no search ends in a day; a publication that large is refused."""


@dataclass(frozen=True)
class TableShape:
    """What one table shows.

    Args:
        name: its name.
        axes: the tree by which it divides each of its variables, by the name of the variable.
        fixed: the leaves of further variables that all of its pupils have one of; of others they have any.
    """

    name: str
    axes: Mapping[str, str]
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LinkedCells:
    """The cells of all tables.

    Args:
        variables: the variables, in the order of the keys.
        keys: the cells.
        shown: which of them a table shows.
        relations: a row per relation, −1 at the total and 1 at each part.
    """

    variables: tuple[CellVariable, ...]
    keys: tuple[CellKey, ...]
    shown: np.ndarray
    relations: sp.csr_matrix

    @cached_property
    def index(self) -> dict[CellKey, int]:
        """The place of every cell."""
        return {key: place for place, key in enumerate(self.keys)}

    def describe(self, place: int) -> str:
        """Name a cell by the codes of its nodes, without the totals; for sentences about tables, not about pupils."""
        parts = [
            f"{variable.name}={variable.codes.get(node, '(a part)')}"
            for variable, node in zip(self.variables, self.keys[place], strict=True)
            if node != variable.total
        ]
        return ", ".join(parts) or "the total"


def list_table_cells(variables: Sequence[CellVariable], table: TableShape) -> list[CellKey]:
    """List the cells of one table in the order of the variables, one for every code; two may have the same leaves."""
    sides = []
    for variable in variables:
        if variable.name in table.axes:
            sides.append(list(variable.tree_nodes(table.axes[variable.name]).values()))
        elif variable.name in table.fixed:
            sides.append([variable.node(table.fixed[variable.name])])
        else:
            sides.append([variable.total])
    return list(itertools.product(*sides))


def link_tables(variables: Sequence[CellVariable], tables: Iterable[TableShape]) -> LinkedCells:
    """Make the cells of tables, with the parts that they have in common, and all relations between them.

    Raises:
        NotAnonymous: more cells than a search can have (exit code 14).
    """
    index: dict[CellKey, int] = {}
    for table in tables:
        for key in list_table_cells(variables, table):
            index.setdefault(key, len(index))
        _require_few_cells(len(index))
    shown = len(index)
    divisions = [_Divisions(variable) for variable in variables]
    grown = -1
    while grown != len(index):
        grown = len(index)
        for place, division in enumerate(divisions):
            for rest, nodes in _group_cells(index, place).items():
                for node in division.of(nodes).added:
                    index.setdefault((*rest[:place], node, *rest[place:]), len(index))
            _require_few_cells(len(index))
    rows: dict[tuple[int, ...], None] = {}
    for place, division in enumerate(divisions):
        for rest, nodes in _group_cells(index, place).items():
            for whole, parts in division.of(nodes).relations:
                cells = [index[(*rest[:place], node, *rest[place:])] for node in (whole, *parts)]
                rows.setdefault((cells[0], *sorted(cells[1:])))
    keys = tuple(index)
    return LinkedCells(tuple(variables), keys, np.arange(len(keys)) < shown, _make_matrix(list(rows), len(keys)))


@dataclass(frozen=True)
class _Division:
    """How nodes that occur together are made of each other: parts to add, and relations of a whole and its parts."""

    added: tuple[Node, ...]
    relations: tuple[tuple[Node, tuple[Node, ...]], ...]


class _Divisions:
    """The divisions of one variable, one for each set of nodes that occur together."""

    def __init__(self, variable: CellVariable) -> None:
        self._variable = variable
        self._made: dict[frozenset[Node], _Division] = {}

    def of(self, nodes: frozenset[Node]) -> _Division:
        if nodes not in self._made:
            self._made[nodes] = self._divide(nodes)
        return self._made[nodes]

    def _divide(self, nodes: frozenset[Node]) -> _Division:
        """Divide every node into nodes directly under it where they are all there, otherwise into common parts."""
        relations, divided = [], set()
        for whole, parts in self._variable.divisions:
            for node in sorted(nodes):
                own = tuple(sorted({part & node for part in parts} - {0}))
                if node & ~whole == 0 and len(own) > 1 and nodes.issuperset(own):
                    relations.append((node, own))
                    divided.add(node)
        parts_of_all = _find_common_parts(nodes)
        added: dict[Node, None] = {}
        for node in sorted(nodes - divided):
            if node in parts_of_all:
                continue
            parts = _cover(node, nodes, parts_of_all)
            relations.append((node, parts))
            added.update(dict.fromkeys(part for part in parts if part not in nodes))
        return _Division(tuple(added), tuple(dict.fromkeys(relations)))


def _find_common_parts(nodes: frozenset[Node]) -> frozenset[Node]:
    """Find the coarsest sets of leaves that every node is a union of."""
    parts: set[Node] = set()
    for node in sorted(nodes, key=int.bit_count):
        rest, cut = node, set()
        for part in parts:
            inside, outside = part & node, part & ~node
            cut |= {piece for piece in (inside, outside) if piece}
            rest &= ~part
        parts = cut | ({rest} if rest else set())
    return frozenset(parts)


def _cover(node: Node, nodes: frozenset[Node], parts: frozenset[Node]) -> tuple[Node, ...]:
    """Make a node of the largest nodes inside it that do not overlap, and of common parts for the rest."""
    chosen, rest = [], node
    inside = sorted((other for other in nodes if other != node and other & ~node == 0), key=int.bit_count, reverse=True)
    for other in inside:
        if other & ~rest == 0:
            chosen.append(other)
            rest &= ~other
    return tuple(sorted([*chosen, *(part for part in parts if part & rest)]))


def _group_cells(index: Mapping[CellKey, int], place: int) -> dict[CellKey, frozenset[Node]]:
    """Group cells that differ in one variable alone: its nodes, by the nodes of all other variables."""
    groups: dict[CellKey, set[Node]] = {}
    for key in index:
        groups.setdefault(key[:place] + key[place + 1 :], set()).add(key[place])
    return {rest: frozenset(nodes) for rest, nodes in groups.items() if len(nodes) > 1}


def _make_matrix(rows: list[tuple[int, ...]], cells: int) -> sp.csr_matrix:
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    columns = np.fromiter(itertools.chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum()))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values = np.ones(len(columns))
    values[starts[:-1]] = -1.0
    matrix = sp.csr_matrix((values, columns, starts), shape=(len(rows), cells))
    matrix.sort_indices()
    return matrix


def _require_few_cells(cells: int) -> None:
    if cells > MOST_CELLS:
        raise NotAnonymous(
            describe_problem(
                f"linked tables of at most {MOST_CELLS:,} cells",
                example="region by year group by sex",
                found="more",
                where="the tables of the publication",
                do="Leave out a variable, or use a coarser hierarchy",
            )
        )
