"""Tables of the rows of a published anonymous release: its columns are the variables, and every row is one pupil.

A row whose label is a node stands under that node as "not divided further", so that the leaves divide all rows. Every
row stands in a class of the release, with at least k pupils of at least m schools who show the same; so a table by
released columns says nothing that the release does not say. No school is known of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Environment, LabelText, Project, Publication, load_hierarchies, load_project
from cohort.cell_suppression import count_cells, link_tables
from cohort.delta import read_table
from cohort.foundation import ConfigurationRefused, NotAnonymous, StateRefused, describe_problem
from cohort.publication_documents import TOTAL_NODE, HierarchyNode, LabelledText, TableVariable, VariableHierarchy
from cohort.publications.cell_figures import CountedEdition, list_printed_cells
from cohort.publications.earlier_editions import make_contributions
from cohort.publications.edition_rows import Cells, EditionRows, list_tables
from cohort.publications.publication_variables import FLAT, TOTAL_LABEL
from cohort.publications.table_shapes import make_cell_variables
from cohort.release_records import ReleaseRecord, find_published_record
from cohort.sdc import Hierarchy

REST = LabelledText(nl="niet verder ingedeeld", en="not divided further")


def find_release(environment: Environment, publication: Publication) -> tuple[Project, ReleaseRecord]:
    """Find the published release that a publication counts.

    Raises:
        ConfigurationRefused: a project whose rows cannot be counted: pseudonymous ones, other school years, columns
            that it does not release or that are sensitive; all problems at once (exit code 10).
        StateRefused: the project has no published release (15).
    """
    name = str(publication.project)
    project = load_project(environment.config, name, environment.platform)
    problems = _find_problems(publication, project)
    if problems:
        raise ConfigurationRefused(*problems)
    record = find_published_record(environment.zones, name)
    if record is None:
        raise StateRefused(
            describe_problem(
                "a project with a published release",
                example="one after publish",
                found="none",
                where=f"project {name}",
                do="Publish its release first",
            )
        )
    return project, record


def _find_problems(publication: Publication, project: Project) -> list[str]:
    where = f"publications/{publication.name}.toml"
    released = {column.name for column in project.quasi_identifiers}
    unknown = sorted({str(variable.column) for variable in publication.variables} - released)
    checks = [
        (project.is_pseudonymous, "the rows of an anonymous release", "leergroei", "a pseudonymous project"),
        (
            sorted(project.population.schooljaar) != sorted(publication.population.schooljaar)
            or project.population.jaargroep != publication.population.jaargroep,
            "the population of the project",
            f"schooljaar = {sorted(project.population.schooljaar)}",
            "another",
        ),
        (
            bool(unknown),
            "columns that the project releases and that are not sensitive",
            min(released),
            ", ".join(unknown),
        ),
    ]
    return [
        describe_problem(expected, example=example, found=found, where=where, do="Correct the declaration")
        for is_wrong, expected, example, found in checks
        if is_wrong
    ]


def count_release_rows(
    spark: SparkSession, environment: Environment, publication: Publication
) -> tuple[tuple[TableVariable, ...], pa.Table, ReleaseRecord]:
    """Count the rows of the release that a publication names.

    Args:
        spark: the session.
        environment: the surroundings of the run.
        publication: the declaration, with rows = "release".

    Returns:
        The variables; the counts, a row per combination of leaves, without a school; and the record of the release.

    Raises:
        ConfigurationRefused, StateRefused: what `find_release` refuses (exit codes 10, 15).
    """
    project, record = find_release(environment, publication)
    hierarchies = load_hierarchies(project, environment.hierarchies)
    names = [str(variable.column) for variable in publication.variables]
    rows = read_table(spark, environment.zones.published_table(project.name))
    counted: pa.Table = rows.groupBy(*names).agg(F.count(F.lit(1)).alias("pupils")).toArrow()
    labels = {name: {str(value) for value in counted[name].unique().to_pylist()} for name in names}
    variables = tuple(
        _make_variable(variable.name, variable.label, project, hierarchies[name], labels[name])
        for variable, name in zip(publication.variables, names, strict=True)
    )
    leaves = {
        variable.name: pa.array([_name_leaf(hierarchies[name], str(value)) for value in counted[name].to_pylist()])
        for variable, name in zip(publication.variables, names, strict=True)
    }
    nobody = pa.nulls(len(counted), pa.string())
    table = pa.table({**leaves, "school": nobody, "board": nobody, "pupils": counted["pupils"].combine_chunks()})
    return variables, table.sort_by([(variable.name, "ascending") for variable in publication.variables]), record


def print_release_cells(rows: EditionRows, least: int) -> Cells:
    """Print every cell of a release's rows; each is a union of classes.

    Args:
        rows: the counts.
        least: the fewest pupils that a printed cell may have.

    Raises:
        NotAnonymous: a cell with fewer pupils, which no class of a verified release has (exit code 14).
    """
    variables = make_cell_variables([rows.document])
    cells = link_tables(variables, list(list_tables(rows.document)))
    counts = count_cells(cells, [make_contributions(rows.document, _name_nobody(rows.contributors))])
    shown = counts.pupils[cells.shown]
    if ((shown > 0) & (shown < least)).any():
        raise NotAnonymous(
            describe_problem(
                f"cells of no or at least {least} rows",
                example="classes of the release, each whole",
                found="smaller ones",
                where=f"the table of project {rows.document.project}",
                do="Verify the release with verify",
            )
        )
    return list_printed_cells(CountedEdition(rows.document, cells, counts), lambda _: False)


def _name_nobody(rows: pa.Table) -> pa.Table:
    """Give rows without a school one that is nobody's, so that they can be counted."""
    nobody = pa.array([""] * len(rows), pa.string())
    for name in ("school", "board"):
        rows = rows.set_column(rows.schema.get_field_index(name), name, nobody)
    return rows


def _name_leaf(hierarchy: Hierarchy, label: str) -> str:
    """The leaf of a row: its label, or what stands for rows that the release divides no further."""
    return label if label in hierarchy.leaves else f"{label} ({REST.nl})"


def _make_variable(
    name: str, label: LabelText, project: Project, hierarchy: Hierarchy, labels: set[str]
) -> TableVariable:
    texts = next(column.value_labels for column in project.columns if column.name == name)

    def text(code: str) -> LabelledText:
        return LabelledText(nl=texts[code].nl, en=texts[code].en) if code in texts else LabelledText(nl=code, en=code)

    parents, rests = _read_tree(hierarchy, labels)
    nodes = [HierarchyNode(code=TOTAL_NODE, parent=None, label=TOTAL_LABEL)]
    nodes += [HierarchyNode(code=code, parent=parent, label=text(code)) for code, parent in parents.items()]
    nodes += [HierarchyNode(code=code, parent=parent, label=REST) for code, parent in rests.items()]
    leaves = [code for code in (*hierarchy.leaves, *rests) if code in parents or code in rests]
    return TableVariable(
        name=name,
        label=LabelledText(nl=label.nl, en=label.en),
        leaves=tuple(leaves),
        hierarchies=(VariableHierarchy(name=FLAT, nodes=tuple(nodes)),),
    )


def _read_tree(hierarchy: Hierarchy, labels: set[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Read the tree of a hierarchy, with a further leaf under each node that rows show themselves.

    Returns:
        The node above each node and leaf; and above each further leaf. A node with one leaf is that leaf.
    """
    parents: dict[str, str] = {}
    for place, leaf in enumerate(hierarchy.leaves):
        path: Sequence[str] = list(dict.fromkeys(level[place] for level in reversed(hierarchy.labels)))
        path = [TOTAL_NODE, *(label for label in path if label != TOTAL_NODE)]
        for above, node in pairwise(path):
            parents.setdefault(node, above)
        parents.setdefault(leaf, path[-1] if path[-1] != leaf else TOTAL_NODE)
    rests = {
        f"{label} ({REST.nl})": label
        for label in sorted(labels)
        if label not in hierarchy.leaves and (label == TOTAL_NODE or label in parents)
    }
    return parents, rests
