"""The counts per school with the leaves of the publication's variables, and the board of every school.

In: what Spark counted, by the attributes of the results, and the school list. Out: the rows that the search, the
figures and the auditor start from; they are kept with the edition. Runs on the driver, on counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cohort.agreements import Catalogue, DeclaredVariable, Publication
from cohort.foundation import NotAnonymous, describe_problem
from cohort.publication_documents import PublicationDocument, TableVariable
from cohort.publications.publication_variables import name_size_classes
from cohort.sdc import UNKNOWN_VALUE

StringColumn = Any
"""An Arrow array of text."""
SCHOOL, BOARD, PUPILS = "school", "board", "pupils"


@dataclass(frozen=True)
class SchoolFacts:
    """What is known of schools beside their pupils.

    Args:
        catalogue: the school list.
        sizes: pupils by BRIN and school year, where a variable shows the size of schools.
        today: the day on which boards are looked up.
    """

    catalogue: Catalogue
    sizes: Mapping[tuple[str, str], int]
    today: dt.date


def make_contributor_rows(
    counted: pa.Table, publication: Publication, document: PublicationDocument, schools: SchoolFacts
) -> pa.Table:
    """Give counts the columns that the document names.

    Args:
        counted: the counts, with the attributes of pupils, `schooljaar` and `brin`.
        publication: the declaration.
        document: the document of the edition.
        schools: what is known of schools.

    Returns:
        A column per variable of the document with the code of a leaf; `school`, `board`, and every column of counts and
        sums; sorted, so that the same counts are the same file.

    Raises:
        NotAnonymous: values that are no leaf of their variable (exit code 14).
    """
    attributes = {variable.name: variable for variable in publication.variables}
    columns: dict[str, Any] = {}
    for variable in document.variables:
        columns[variable.name] = _read_leaves(counted, attributes.get(variable.name), variable, schools)
    _require_leaves(columns, document.variables)
    columns[SCHOOL] = counted["brin"].combine_chunks()
    columns[BOARD] = _map(columns[SCHOOL], _find_boards(columns[SCHOOL], schools))
    sums = [name for name in counted.column_names if name == PUPILS or name.endswith(("_sum", "_sum_squares", "value"))]
    further = [name for name in ("score",) if name in counted.column_names]
    keys = [*columns, *further]
    table = pa.table({**columns, **{name: counted[name].combine_chunks() for name in (*further, *sums)}})
    group = [*keys, *(name for name in sums if name == "value")]
    added = [name for name in sums if name != "value"]
    grouped = table.group_by(group).aggregate([(name, "sum") for name in added])
    grouped = (
        grouped.rename_columns([*group, *added])
        if grouped.column_names[: len(group)] == group
        else _reorder(grouped, group, added)
    )
    return grouped.sort_by([(name, "ascending") for name in group])


def _reorder(grouped: pa.Table, group: Sequence[str], added: Sequence[str]) -> pa.Table:
    selected = grouped.select([*group, *(f"{name}_sum" for name in added)])
    return selected.rename_columns([*group, *added])


def _read_leaves(
    counted: pa.Table, declared: DeclaredVariable | None, variable: TableVariable, schools: SchoolFacts
) -> StringColumn:
    if declared is None:
        return counted[variable.name].cast(pa.string()).combine_chunks()
    attribute = str(declared.attribute)
    if attribute in ("regio", "denominatie_groep", "soort"):
        own = {brin: values[attribute] or UNKNOWN_VALUE for brin, values in schools.catalogue.school_attributes.items()}
        return _map(counted["brin"].combine_chunks(), own)
    if attribute == "schoolgrootte":
        return _classify_sizes(counted, declared.edges or [], schools.sizes)
    return counted[attribute].cast(pa.string()).combine_chunks()


def _classify_sizes(counted: pa.Table, edges: Sequence[int], sizes: Mapping[tuple[str, str], int]) -> StringColumn:
    """The size class of each row's school: by all of its pupils of that school year."""
    names = name_size_classes(edges)
    pairs = zip(counted["brin"].to_pylist(), counted["schooljaar"].to_pylist(), strict=True)
    return pa.array([names[sum(sizes[str(a), str(b)] >= e for e in edges)] for a, b in pairs], pa.string())


def _find_boards(brins: StringColumn, schools: SchoolFacts) -> dict[str, str]:
    """The board of each school; one without is a board of its own, under its own number."""
    boards = schools.catalogue.boards_on(schools.today)
    return {
        brin: boards[brin].present if brin in boards and boards[brin].present else brin
        for brin in brins.unique().to_pylist()
    }


def _map(keys: StringColumn, values: Mapping[str, str]) -> StringColumn:
    encoded = keys.dictionary_encode()
    looked_up = pa.array([values.get(key, UNKNOWN_VALUE) for key in encoded.dictionary.to_pylist()], pa.string())
    return looked_up.take(encoded.indices)


def _require_leaves(columns: Mapping[str, StringColumn], variables: Sequence[TableVariable]) -> None:
    problems = []
    for variable in variables:
        unknown = pc.invert(pc.is_in(columns[variable.name], pa.array(variable.leaves, pa.string())))
        if pc.any(unknown).as_py():
            problems.append(
                describe_problem(
                    f"values of {variable.name} that its hierarchy has",
                    example=variable.leaves[0],
                    found="others",
                    where="the results",
                    do="Add them to the hierarchy, or deliver the results again",
                )
            )
    if problems:
        raise NotAnonymous(*problems)
