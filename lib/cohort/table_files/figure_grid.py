"""A table as people read it: rows by one or more axes, columns by the last axis and the measures.

In: the document and the cells of one table. Out: the same figures in rows and columns, for spreadsheets and pages.
Every figure of the table stands in it once; cells that lack one, or have one too many, are a defect.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cohort.publication_documents import (
    Measure,
    PublicationDocument,
    PublishedTable,
    TableAxis,
    TidyCell,
    VariableHierarchy,
)

MOST_COLUMNS = 24
"""With more columns than this the last axis stands in the rows too."""


@dataclass(frozen=True)
class GridNode:
    """A node of an axis: its code, its name in a language, and how many nodes stand above it."""

    code: str
    name: str
    depth: int


@dataclass(frozen=True)
class GridAxis:
    """An axis of a table: the name of its variable and its nodes, each before those under it."""

    name: str
    nodes: tuple[GridNode, ...]


@dataclass(frozen=True)
class GridColumn:
    """A column of figures: the node of the last axis, None where that stands in the rows, and the measure."""

    node: GridNode | None
    measure: Measure


@dataclass(frozen=True)
class GridRow:
    """A row: its nodes, and its figures by column, None where hidden."""

    nodes: tuple[GridNode, ...]
    figures: tuple[str | None, ...]


@dataclass(frozen=True)
class FigureGrid:
    """A table in rows and columns.

    Args:
        table: the table.
        language: the language of its names, `nl` or `en`.
        row_axes: the axes of the rows.
        column_axis: the axis of the columns, None where the columns are the measures alone.
        columns: the columns.
        rows: the rows.
    """

    table: PublishedTable
    language: str
    row_axes: tuple[GridAxis, ...]
    column_axis: GridAxis | None
    columns: tuple[GridColumn, ...]
    rows: tuple[GridRow, ...]

    def name_measure(self, measure: Measure) -> str:
        """The name of a measure."""
        return str(getattr(measure.label, self.language))

    def name_column(self, column: GridColumn) -> str:
        """The name of a column in one text."""
        if column.node is None:
            return self.name_measure(column.measure)
        if len(self.table.measures) == 1:
            return column.node.name
        return f"{column.node.name}: {self.name_measure(column.measure)}"

    @property
    def figures(self) -> Iterator[str | None]:
        """Every figure."""
        return itertools.chain.from_iterable(row.figures for row in self.rows)


def make_figure_grid(
    document: PublicationDocument, table: PublishedTable, cells: Sequence[TidyCell], language: str
) -> FigureGrid:
    """Put the figures of a table in rows and columns.

    Raises:
        ValueError: the cells are not those of the table: a defect.
    """
    axes = tuple(read_axis(document, axis, language) for axis in table.axes)
    across = len(axes) > 1 and len(axes[-1].nodes) * len(table.measures) <= MOST_COLUMNS
    row_axes, column_axis = (axes[:-1], axes[-1]) if across else (axes, None)
    nodes: Sequence[GridNode | None] = column_axis.nodes if column_axis is not None else (None,)
    columns = tuple(GridColumn(node, measure) for node in nodes for measure in table.measures)
    figures = _index_figures(axes, table, cells)
    rows = tuple(
        GridRow(row, tuple(figures[_key(row, column)] for column in columns))
        for row in itertools.product(*(axis.nodes for axis in row_axes))
    )
    return FigureGrid(table, language, row_axes, column_axis, columns, rows)


def read_axis(document: PublicationDocument, axis: TableAxis, language: str) -> GridAxis:
    """Read an axis: its nodes from the total down, two of one name with their codes behind it."""
    variable = next(one for one in document.variables if one.name == axis.variable)
    hierarchy = next(one for one in variable.hierarchies if one.name == axis.hierarchy)
    names = Counter(getattr(node.label, language) for node in hierarchy.nodes)
    nodes = []
    for code, depth in walk_nodes(hierarchy):
        name = str(next(getattr(node.label, language) for node in hierarchy.nodes if node.code == code))
        nodes.append(GridNode(code, name if names[name] == 1 else f"{name} ({code})", depth))
    return GridAxis(str(getattr(variable.label, language)), tuple(nodes))


def walk_nodes(hierarchy: VariableHierarchy, parent: str | None = None, depth: int = 0) -> Iterator[tuple[str, int]]:
    """List the codes of a hierarchy with their depths, each before those under it."""
    for node in hierarchy.nodes:
        if node.parent == parent:
            yield node.code, depth
            yield from walk_nodes(hierarchy, node.code, depth + 1)


def _key(row: tuple[GridNode, ...], column: GridColumn) -> tuple[tuple[str, ...], str]:
    nodes = row if column.node is None else (*row, column.node)
    return tuple(node.code for node in nodes), column.measure.name


def _index_figures(
    axes: tuple[GridAxis, ...], table: PublishedTable, cells: Sequence[TidyCell]
) -> dict[tuple[tuple[str, ...], str], str | None]:
    figures = {(cell.nodes, cell.measure): cell.value for cell in cells}
    expected = {
        (nodes, measure.name)
        for nodes in itertools.product(*([node.code for node in axis.nodes] for axis in axes))
        for measure in table.measures
    }
    if len(figures) != len(cells) or figures.keys() != expected:
        raise ValueError(f"the cells of {table.name} are not one figure for each of its cells and measures")
    return figures
