"""The printed figures of an edition: from the counts, and from which cells are hidden.

A figure is printed where the cells behind it are: the pupils that it counts, and of a share its numerator.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cohort.cell_suppression import CellCounts, CellKey, LinkedCells, list_table_cells
from cohort.publication_documents import PublicationDocument, TidyCell
from cohort.publications.table_shapes import MeasureCells, list_measure_cells, name_tree

LOW_SHARE, HIGH_SHARE = 5, 95
"""A share outside these per cents is printed as below or above them, so that it gives no small numerator away."""
Numbers = np.ndarray


@dataclass(frozen=True, eq=False)
class CountedEdition:
    """The cells of an edition and what they count.

    Args:
        document: its document.
        cells: the cells of the search.
        counts: pupils and sums of scores of every cell.
        scores: pupils by leaves, score and value, for percentiles; None without.
    """

    document: PublicationDocument
    cells: LinkedCells
    counts: CellCounts
    scores: pa.Table | None = None


def list_printed_cells(
    edition: CountedEdition, is_hidden: Callable[[CellKey], bool], round_count: Callable[[CellKey], float] | None = None
) -> dict[str, list[TidyCell]]:
    """Make the cells of every table.

    Args:
        edition: the cells and counts.
        is_hidden: whether a cell is hidden.
        round_count: the count to print of a cell, where counts are rounded; left out, the exact one.

    Returns:
        The figures by table: cell by cell in the order of the axes, the measures in their order.
    """
    printed: dict[str, list[list[TidyCell]]] = {table.name: [] for table in edition.document.tables}
    for own in list_measure_cells(edition.document):
        printed[own.table.name].append(list(_print_measure(edition, own, is_hidden, round_count)))
    return {name: [cell for row in zip(*columns, strict=True) for cell in row] for name, columns in printed.items()}


def list_cell_nodes(edition: CountedEdition, own: MeasureCells) -> Iterator[tuple[tuple[str, ...], CellKey]]:
    """List the cells of a measure, with the codes of their nodes in the order of the table's axes."""
    document, variables = edition.document, edition.cells.variables
    by_name = {variable.name: variable for variable in variables}
    axes = {
        axis.variable: list(by_name[axis.variable].tree_nodes(name_tree(document, axis.hierarchy)))
        for axis in own.table.axes
    }
    order = [variable.name for variable in variables if variable.name in axes]
    for codes, key in zip(
        itertools.product(*(axes[name] for name in order)), list_table_cells(variables, own.base), strict=True
    ):
        code_of = dict(zip(order, codes, strict=True))
        yield tuple(code_of[name] for name in axes), key


def _print_measure(
    edition: CountedEdition,
    own: MeasureCells,
    is_hidden: Callable[[CellKey], bool],
    round_count: Callable[[CellKey], float] | None,
) -> Iterator[TidyCell]:
    index = edition.cells.index
    pairs = None if own.numerator is None else list_table_cells(edition.cells.variables, own.numerator)
    for number, (nodes, key) in enumerate(list_cell_nodes(edition, own)):
        above = None if pairs is None else pairs[number]
        if is_hidden(key) or (above is not None and is_hidden(above)):
            value = None
        elif round_count is not None:
            value = _format_share(round_count(above), round_count(key)) if above else f"{round_count(key):.0f}"
        else:
            value = _format_exact(edition, own, index[key], None if above is None else index[above], key)
        yield TidyCell(nodes, own.measure.name, value)


def _format_exact(edition: CountedEdition, own: MeasureCells, cell: int, above: int | None, key: CellKey) -> str:
    counts, measure = edition.counts, own.measure
    pupils = counts.pupils[cell]
    if measure.kind == "count":
        return f"{pupils:.0f}"
    if above is not None:
        return _format_share(counts.pupils[above], pupils)
    if pupils == 0:
        return "-"
    if measure.kind == "percentile":
        return f"{find_quantile(edition, measure.scores[0], measure.quantile or 0.5, key):.{measure.decimals}f}"
    means = [counts.sums[f"{score}_sum"][cell] / pupils / 100 for score in measure.scores]
    if measure.kind == "standard_deviation":
        return f"{_find_deviation(counts.sums, measure.scores[0], cell, pupils):.{measure.decimals}f}"
    return f"{means[-1] - means[0] if measure.kind == 'growth' else means[0]:.{measure.decimals}f}"


def _find_deviation(sums: Mapping[str, Numbers], score: str, cell: int, pupils: float) -> float:
    """The standard deviation of the pupils of a cell, with one degree of freedom less than pupils."""
    total, squares = sums[f"{score}_sum"][cell], sums[f"{score}_sum_squares"][cell]
    if pupils < 2:
        return 0.0
    return math.sqrt(max(squares - total * total / pupils, 0.0) / (pupils - 1)) / 100


def _format_share(numerator: float, base: float) -> str:
    if base == 0:
        return "-"
    share = 100 * numerator / base
    if share < LOW_SHARE:
        return f"<{LOW_SHARE}"
    return f">{HIGH_SHARE}" if share > HIGH_SHARE else f"{share:.0f}"


def find_quantile(edition: CountedEdition, score: str, quantile: float, key: CellKey) -> float:
    """Find a quantile of a score in a cell: the least value that at least this share of its pupils has at most."""
    if edition.scores is None:
        raise ValueError("no scores were counted")
    rows = edition.scores.filter(pc.field("score") == score)
    inside = np.ones(len(rows), dtype=bool)
    for variable, node in zip(edition.cells.variables, key, strict=True):
        if variable.name in rows.column_names and node != variable.total:
            leaves = [leaf for place, leaf in enumerate(variable.leaves) if node >> place & 1]
            inside &= np.isin(rows[variable.name].to_numpy(zero_copy_only=False), leaves)
    values, pupils = rows["value"].to_numpy()[inside], rows["pupils"].to_numpy()[inside]
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(pupils[order])
    return float(values[order][np.searchsorted(reached, quantile * reached[-1] - 1e-9)]) / 100
