"""What the anonymous release of a project tells of the pupils of a publication: how many of a cell it has.

Whoever has the release and the table subtracts one from the other: the pupils of the cell who are not in the release.
In: the published tables of projects over one of the publication's school years. Out: per cell that both can show the
least and the most pupils that the release has of it; a row whose label is wider than the cell may be in it or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cohort.agreements import Environment, Project, Publication, load_hierarchies, load_project
from cohort.delta import read_small_table, table_exists
from cohort.publication_documents import TOTAL_NODE, PublicationDocument, PublishedTable, VariableHierarchy
from cohort.publications.table_shapes import list_leaves
from cohort.release_records import find_published_record
from cohort.sdc import Hierarchy


@dataclass(frozen=True)
class ReleasedPupils:
    """How many pupils of one cell a release has.

    Args:
        nodes: the node by variable; of every other variable the cell has all values.
        least: pupils who are certainly in the cell.
        most: pupils who may be in it.
    """

    nodes: Mapping[str, str]
    least: int
    most: int


def list_released_pupils(
    environment: Environment, publication: Publication, document: PublicationDocument
) -> tuple[ReleasedPupils, ...]:
    """List what published anonymous releases tell of the cells of a publication.

    Only a release of one of the publication's school years, and of no other, has the same pupils.

    Args:
        environment: the surroundings of the run.
        publication: the declaration.
        document: the document of the edition.

    Raises:
        ConfigurationRefused: a project with a published table whose declaration or hierarchies cannot be read (exit
            code 10): without them nobody knows what it tells.
    """
    zones = environment.zones
    released: list[ReleasedPupils] = []
    tables = zones.published_table(publication.name).parent
    for name in sorted(path.name for path in tables.iterdir()) if tables.is_dir() else ():
        if not table_exists(zones.published_table(name)) or find_published_record(zones, name) is None:
            continue
        project = load_project(environment.config, name, environment.platform)
        years = project.population.schooljaar
        if project.is_pseudonymous or len(years) > 1 or years[0] not in document.school_years:
            continue
        if len(document.school_years) > 1:
            continue
        released.extend(_read_release(environment, project, publication, document))
    return tuple(released)


def _read_release(
    environment: Environment, project: Project, publication: Publication, document: PublicationDocument
) -> Iterator[ReleasedPupils]:
    attributes = {str(variable.attribute): variable.name for variable in publication.variables}
    columns = {
        attributes[str(column.attribute)]: column.name
        for column in project.quasi_identifiers
        if column.attribute in attributes
    }
    table = read_small_table(environment.zones.published_table(project.name), list(columns.values()))
    if table is None or not columns:
        return
    counted = table.group_by(list(columns.values())).aggregate([([], "count_all")]).to_pylist()
    hierarchies = load_hierarchies(project, environment.hierarchies)
    leaves_of = {variable: _list_label_leaves(hierarchies[column]) for variable, column in columns.items()}
    for own in document.tables:
        shared = [axis.variable for axis in own.axes if axis.variable in columns]
        if shared:
            yield from _count_cells(own, shared, document, columns, counted, leaves_of)


def _list_label_leaves(hierarchy: Hierarchy) -> dict[str, frozenset[str]]:
    """The leaves that each label stands for."""
    leaves: dict[str, set[str]] = {}
    for level in hierarchy.labels:
        for leaf, label in zip(hierarchy.leaves, level, strict=True):
            leaves.setdefault(label, set()).add(leaf)
    return {label: frozenset(own) for label, own in leaves.items()}


def _count_cells(
    table: PublishedTable,
    shared: Sequence[str],
    document: PublicationDocument,
    columns: Mapping[str, str],
    counted: Sequence[Mapping[str, object]],
    leaves_of: Mapping[str, Mapping[str, frozenset[str]]],
) -> Iterator[ReleasedPupils]:
    """Count the release in the cells of a table that divide variables of the release alone."""
    trees = {axis.variable: _find_tree(document, axis.variable, axis.hierarchy) for axis in table.axes}
    combinations: list[dict[str, str]] = [{}]
    for variable in shared:
        codes = [node.code for node in trees[variable].nodes]
        combinations = [{**one, variable: code} for one in combinations for code in codes]
    for nodes in combinations:
        inside = {variable: frozenset(list_leaves(trees[variable], code)) for variable, code in nodes.items()}
        least = most = 0
        for row in counted:
            shown = {variable: leaves_of[variable].get(str(row[columns[variable]]), frozenset()) for variable in shared}
            pupils = int(str(row["count_all"]))
            certain = all(shown[variable] and shown[variable] <= inside[variable] for variable in shared)
            possible = all(not shown[variable] or shown[variable] & inside[variable] for variable in shared)
            least += pupils if certain else 0
            most += pupils if possible else 0
        yield ReleasedPupils({**{axis.variable: TOTAL_NODE for axis in table.axes}, **nodes}, least, most)


def _find_tree(document: PublicationDocument, variable: str, name: str) -> VariableHierarchy:
    own = next(one for one in document.variables if one.name == variable)
    return next(hierarchy for hierarchy in own.hierarchies if hierarchy.name == name)
