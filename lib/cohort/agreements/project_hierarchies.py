"""The generalisation hierarchies of a project's columns, from a file or from declared bands.

In: the project and the folder of hierarchy files. Out: a hierarchy per column, checked against the codes that
ingestion accepts: a code without a leaf would stop a release as soon as one pupil has it. A release, the comparison
with other projects and `status` load hierarchies here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from cohort.agreements.catalogue import Catalogue, CatalogueTest
from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.agreements.selected_results import SelectedResult
from cohort.foundation import CODE_LISTS, CodeList, ConfigurationRefused, describe_problem
from cohort.sdc import EdgeNotation, Hierarchy, NumericBands, make_band_edges

LABEL_START = re.compile(r"-?[0-9]+")
"""The number with which the label of a band begins: `20` of `20 tot 40`, `2013` of `2013/14`."""
MAX_CODES_NAMED = 12
"""A message names up to this many missing codes, and then how many more there are."""


def load_hierarchies(project: Project, folder: Path) -> dict[str, Hierarchy]:
    """Load the hierarchy of every column.

    Args:
        project: the declaration of the project.
        folder: the folder of hierarchy files.

    Returns:
        The hierarchies, by column name.

    Raises:
        ConfigurationRefused: a hierarchy file or bands that are not valid, a code that ingestion accepts and that has
            no leaf, a level or a labelled value that the hierarchy does not have; of all columns at once (exit code
            10).
    """
    hierarchies, problems = dict[str, Hierarchy](), list[str]()
    for column in project.columns:
        try:
            hierarchies[column.name] = load_hierarchy(column, folder)
        except ConfigurationRefused as refusal:
            problems += refusal.problems
        else:
            problems += _find_missing_codes(column, project, hierarchies[column.name])
            problems += _find_level_problems(column, project, hierarchies[column.name])
            problems += _find_label_problems(column, project, hierarchies[column.name])
    if problems:
        raise ConfigurationRefused(*problems)
    return hierarchies


def find_uncovered_scores(project: Project, hierarchies: Mapping[str, Hierarchy], catalogue: Catalogue) -> list[str]:
    """Find the columns whose bands do not cover every score that ingestion accepts of their tests.

    Args:
        project: the declaration of the project.
        hierarchies: its hierarchies, by column name.
        catalogue: the tests, each with its lowest and highest score.

    Returns:
        A sentence per column.
    """
    problems = []
    for column in project.columns:
        score_range = find_accepted_range(column, catalogue)
        if score_range is None or (column.difference is not None and column.bands is None):
            continue  # a hierarchy file has no open ends for differences that hardly occur; `status` checks for them
        low, high = find_band_bounds(column, hierarchies[column.name])
        if (low is not None and score_range[0] < low) or (high is not None and score_range[1] >= high):
            span = f"from {score_range[0]:f} up to and including {score_range[1]:f}"
            problems.append(
                describe_problem(
                    f"bands for every score that toetsen.csv allows ({span})",
                    example="bands = { from = 0, to = 300, step = 20, widths = [40], above = true }",
                    found=f"bands from {low} up to, not including, {high}",
                    where=f"column {column.name} of projects/{project.name}.toml",
                    do="Declare more bands or open ends (below = true, above = true), or correct toetsen.csv",
                )
            )
    return problems


def find_band_bounds(column: DeclaredColumn, hierarchy: Hierarchy) -> tuple[int | None, int | None]:
    """Find the lower bound and the exclusive upper bound of the bands of a numeric column; None for an open end."""
    if column.bands is not None:
        return _outer_bounds(column.bands)
    starts = [int(begin[0]) for leaf in hierarchy.leaves if (begin := LABEL_START.match(leaf))]
    return (min(starts), max(starts) + (column.step or 1)) if starts else (0, 0)


def load_hierarchy(column: DeclaredColumn, folder: Path) -> Hierarchy:
    """Load the hierarchy of one column from its file, or make it from its declared bands.

    Raises:
        ConfigurationRefused: a hierarchy file or bands that are not valid (exit code 10).
    """
    if column.bands is None:
        return Hierarchy.from_file(folder / f"{column.hierarchy}.csv", column.name)
    return make_band_hierarchy(column, column.bands)


def make_band_hierarchy(column: DeclaredColumn, bands: DeclaredBands) -> Hierarchy:
    """Make the hierarchy of a column from bands, its declared ones or others.

    Raises:
        ConfigurationRefused: a level that leaves a single band (exit code 10).
    """
    unit = 4 if column.born == "quarter" else 1
    notation: EdgeNotation = "quarter" if column.born == "quarter" else "number"
    return NumericBands(
        column.name,
        make_band_edges(column.name, bands.from_ * unit, bands.to * unit, bands.step),
        widths=tuple(width * unit for width in bands.widths),
        level_edges=tuple(tuple(edge * unit for edge in edges) for edges in bands.edges),
        open_below=bands.below,
        open_above=bands.above,
        edge_notation="cohort" if column.born == "cohort" else notation,
    ).hierarchy()


def _find_missing_codes(column: DeclaredColumn, project: Project, hierarchy: Hierarchy) -> Iterator[str]:
    """Find the codes that ingestion accepts and that have no leaf, and the leaves that are other spellings of them."""
    name = _code_list_of(column)
    if name is None:
        return
    codes: Sequence[str] = CODE_LISTS[name].codes
    if name == "jaargroep" and project.population.jaargroep is not None:
        codes = [code for code in codes if code in project.population.jaargroep]
    codes_with_leaf = _codes_with_leaf(column, hierarchy)
    missing = [code for code in codes if code not in codes_with_leaf]
    if not missing:
        return
    spellings = CODE_LISTS[name].spellings
    written = {spellings.get(leaf.strip()): leaf for leaf in hierarchy.leaves}
    instead = [f"`{code}` where it has `{written[code]}`" for code in missing if code in written]
    more = f" and {len(missing) - MAX_CODES_NAMED:,} more" if len(missing) > MAX_CODES_NAMED else ""
    where = f"hierarchies/{column.hierarchy}.csv" if column.bands is None else "its bands"
    add = "Add a row for each" if column.bands is None else "Widen the bands, or open their ends"
    yield describe_problem(
        f"a leaf for every code of {name} that intake accepts",
        example=f"`{codes[0]}`",
        found=f"none for {', '.join(f'`{code}`' for code in missing[:MAX_CODES_NAMED])}{more}",
        where=f"{where} (column {column.name} of {project.name})",
        do=f"Write {', '.join(instead[:MAX_CODES_NAMED])}" if instead else add,
    )


def _codes_with_leaf(column: DeclaredColumn, hierarchy: Hierarchy) -> Collection[str]:
    """The codes that have a leaf; for declared bands, the codes of the column's list that lie in a band."""
    if column.bands is None:
        return hierarchy.leaf_numbers.keys()
    name = _code_list_of(column)
    values = CODE_LISTS[name].codes if name is not None else ()
    low, high = _outer_bounds(column.bands)
    return {v for v in values if (low is None or int(v) >= low) and (high is None or int(v) < high)}


def _find_level_problems(column: DeclaredColumn, project: Project, hierarchy: Hierarchy) -> Iterator[str]:
    """Find a lowest or highest level that the hierarchy does not have."""
    top = hierarchy.height - 1
    highest = top if column.highest_level is None else column.highest_level
    if not column.lowest_level <= highest <= top:
        yield describe_problem(
            f"levels from 0 to {top}, the lowest not above the highest",
            example="lowest_level = 0",
            found=f"lowest_level = {column.lowest_level} and highest_level = {highest}",
            where=f"column {column.name} of projects/{project.name}.toml",
            do="Correct the levels, or add one to the hierarchy or bands",
        )


def _find_label_problems(column: DeclaredColumn, project: Project, hierarchy: Hierarchy) -> Iterator[str]:
    """Find labels for values that the hierarchy does not have."""
    values = {label for level in hierarchy.labels for label in level}
    unknown = [value for value in column.value_labels if value not in values]
    if unknown:
        yield describe_problem(
            "labels for values of the hierarchy alone",
            example=f"`{hierarchy.leaves[0]}`",
            found=", ".join(f"`{value}`" for value in unknown[:MAX_CODES_NAMED]),
            where=f"value_labels of column {column.name} of projects/{project.name}.toml",
            do="Correct the value, or remove its label",
        )


def find_code_list(column: DeclaredColumn) -> CodeList | None:
    """Find the code list of a column's values, if it has one."""
    name = _code_list_of(column)
    return None if name is None else CODE_LISTS[name]


def _code_list_of(column: DeclaredColumn) -> str | None:
    """The name of the code list of a column's values, or None."""
    if column.attribute in CODE_LISTS:
        return column.attribute
    return column.result.value if column.result is not None and not column.numeric else None


def find_accepted_range(column: DeclaredColumn, catalogue: Catalogue) -> tuple[Decimal, Decimal] | None:
    """Find the lowest and highest ability score, or difference of two, that intake accepts; None for other values."""
    if not column.numeric or column.results[0].value != "vaardigheidsscore":
        return None
    ranges = [_range_of_result(result, catalogue.tests) for result in column.results]
    if None in ranges:
        return None
    complete = [one for one in ranges if one is not None]
    if column.difference is None:
        return complete[0]
    (first_low, first_high), (last_low, last_high) = complete
    return last_low - first_high, last_high - first_low


def _range_of_result(result: SelectedResult, tests: Sequence[CatalogueTest]) -> tuple[Decimal, Decimal] | None:
    matching = [
        test
        for test in tests
        if (test.domein, test.schaal) == (result.domein, result.schaal) and test.moment in (None, result.moment)
    ]
    return (min(t.lowest for t in matching), max(t.highest for t in matching)) if matching else None


def _outer_bounds(bands: DeclaredBands) -> tuple[int | None, int | None]:
    return (None if bands.below else bands.from_), (None if bands.above else bands.to)
