"""The tables of editions as the shapes of the search: this edition's, and those of everything published before.

A variable of the search has the leaves of all editions; a node is the same set of leaves wherever it stands. So a cell
that several editions show is one cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cohort.cell_suppression import CellKey, CellVariable, TableShape, VariableTree
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.publication_documents import Measure, PublicationDocument, PublishedTable, VariableHierarchy


@dataclass(frozen=True)
class MeasureCells:
    """The cells behind one measure of one table.

    Args:
        table: the table.
        measure: the measure.
        base: the shape of the cells whose pupils the figure counts.
        numerator: of a share, the shape of the cells of its numerator.
    """

    table: PublishedTable
    measure: Measure
    base: TableShape
    numerator: TableShape | None


def name_tree(document: PublicationDocument, hierarchy: str) -> str:
    """Name the tree of a hierarchy of an edition."""
    return f"{document.publication}/{document.edition}/{hierarchy}"


def make_cell_variables(documents: Sequence[PublicationDocument]) -> tuple[CellVariable, ...]:
    """Make the variables of all editions together.

    Args:
        documents: the documents of the editions.
    """
    leaves: dict[str, dict[str, None]] = {}
    trees: dict[str, list[VariableTree]] = {}
    for document in documents:
        for variable in document.variables:
            leaves.setdefault(variable.name, {}).update(dict.fromkeys(variable.leaves))
            own = trees.setdefault(variable.name, [])
            own.extend(
                VariableTree(name_tree(document, hierarchy.name), read_parents(hierarchy))
                for hierarchy in variable.hierarchies
            )
    return tuple(CellVariable(name, tuple(own), tuple(trees[name])) for name, own in leaves.items())


def make_cell_key(
    document: PublicationDocument, variables: Sequence[CellVariable], nodes: Mapping[str, str]
) -> CellKey:
    """Make the cell of some nodes of an edition; of every other variable its pupils have any leaf of the edition."""
    leaves = {variable.name: variable.leaves for variable in document.variables}
    for name, code in nodes.items():
        leaves[name] = find_leaves(document, name, code)
    return tuple(
        variable.node(leaves[variable.name]) if variable.name in leaves else variable.total for variable in variables
    )


def list_measure_cells(document: PublicationDocument) -> Iterator[MeasureCells]:
    """List the cells behind every measure of every table of an edition."""
    population = {variable.name: variable.leaves for variable in document.variables}
    for table in document.tables:
        axes = {axis.variable: name_tree(document, axis.hierarchy) for axis in table.axes}
        for measure in table.measures:
            base = {name: find_leaves(document, name, code) for name, code in measure.base.items()}
            numerator = {name: find_leaves(document, name, code) for name, code in measure.numerator.items()}
            yield MeasureCells(
                table,
                measure,
                _make_shape(document, table, axes, {**population, **base}, "base"),
                _make_shape(document, table, axes, {**population, **base, **numerator}, "numerator")
                if numerator
                else None,
            )


def find_leaves(document: PublicationDocument, variable: str, code: str) -> tuple[str, ...]:
    """Find the leaves under a node of a variable, in whichever of its hierarchies has it.

    Raises:
        ConfigurationRefused: the variable has no such node (exit code 10).
    """
    for hierarchy in next(own.hierarchies for own in document.variables if own.name == variable):
        if any(node.code == code for node in hierarchy.nodes):
            return list_leaves(hierarchy, code)
    raise ConfigurationRefused(
        describe_problem(
            f"a value that {variable} has",
            example=next(own.leaves[0] for own in document.variables if own.name == variable),
            found="another",
            where=f"a share of publications/{document.publication}.toml",
            do="Correct it",
        )
    )


def list_leaves(hierarchy: VariableHierarchy, code: str) -> tuple[str, ...]:
    """List the leaves under a node of a hierarchy."""
    children = [node.code for node in hierarchy.nodes if node.parent == code]
    if not children:
        return (code,)
    return tuple(leaf for child in children for leaf in list_leaves(hierarchy, child))


def read_parents(hierarchy: VariableHierarchy) -> dict[str, str]:
    """Read the code of the node above, by the code of every node but the total."""
    return {node.code: node.parent for node in hierarchy.nodes if node.parent is not None}


def _make_shape(
    document: PublicationDocument,
    table: PublishedTable,
    axes: Mapping[str, str],
    fixed: Mapping[str, tuple[str, ...]],
    kind: str,
) -> TableShape:
    name = f"{document.publication}/{document.edition}/{table.name}/{kind}"
    return TableShape(name, axes, {variable: leaves for variable, leaves in fixed.items() if variable not in axes})
