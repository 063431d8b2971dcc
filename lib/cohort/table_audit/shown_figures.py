"""Every figure of every table: what it counts and whether it is printed, and whether each is there exactly once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from cohort.publication_documents import Measure, PublicationDocument, PublishedTable
from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.audit_subject import AuditEdition
from cohort.table_audit.cell_meanings import Meaning, MeaningSpace

Cases = list[tuple[str, AuditCase]]


@dataclass(frozen=True)
class ShownFigure:
    """One figure of one cell.

    Args:
        edition: the number of its edition in the audit, 0 for the one to be published.
        place: its edition, table, nodes and measure, for a restricted report.
        table: its table.
        cell: what the cell itself counts.
        base: what the figure counts.
        numerator: what a share counts as its numerator; None of other figures.
        measure: its measure.
        value: what is printed; None where it is hidden.
    """

    edition: int
    place: str
    table: str
    cell: Meaning
    base: Meaning
    numerator: Meaning | None
    measure: Measure
    value: str | None

    @property
    def sort(self) -> tuple[str, tuple[str, ...], float | None, Meaning | None]:
        """What kind of figure it is; of one sort and one base there is one figure, wherever it stands."""
        return (self.measure.kind, self.measure.scores, self.measure.quantile, self.numerator)


def list_figures(edition: AuditEdition, number: int, space: MeaningSpace) -> tuple[list[ShownFigure], Cases]:
    """List the figures of an edition.

    Args:
        edition: the edition.
        number: its number in the audit.
        space: the variables of all editions.

    Returns:
        The figures, and a case for every cell that is missing, there twice or unknown.
    """
    figures: list[ShownFigure] = []
    cases: Cases = []
    for table in edition.document.tables:
        cells = edition.cells.get(table.name)
        if cells is None:
            cases.append(("TABLE_CELLS", AuditCase(f"{edition.name}: {table.name}: no readable file")))
            continue
        expected = {
            (nodes, measure.name): measure
            for nodes in list_nodes(edition.document, table)
            for measure in table.measures
        }
        seen: set[tuple[tuple[str, ...], str]] = set()
        for cell in cells:
            at = (cell.nodes, cell.measure)
            place = f"{edition.name}: {table.name}: {' × '.join(cell.nodes)}: {cell.measure}"
            if at not in expected or at in seen:
                cases.append(("TABLE_CELLS", AuditCase(place)))
                continue
            seen.add(at)
            axes = {axis.variable: node for axis, node in zip(table.axes, cell.nodes, strict=True)}
            measure = expected[at]
            numerator = space.meaning(number, axes, measure.base, measure.numerator) if measure.numerator else None
            base, whole = space.meaning(number, axes, measure.base), space.meaning(number, axes)
            figures.append(ShownFigure(number, place, table.name, whole, base, numerator, measure, cell.value))
        cases.extend(
            ("TABLE_CELLS", AuditCase(f"{edition.name}: {table.name}: {' × '.join(nodes)}: {measure}: missing"))
            for nodes, measure in expected
            if (nodes, measure) not in seen
        )
    return figures, cases


def list_nodes(document: PublicationDocument, table: PublishedTable) -> Iterator[tuple[str, ...]]:
    """List the cells of a table: all nodes of its axes by all others."""
    trees = {(variable.name, tree.name): tree for variable in document.variables for tree in variable.hierarchies}
    return itertools.product(
        *([node.code for node in trees[axis.variable, axis.hierarchy].nodes] for axis in table.axes)
    )
