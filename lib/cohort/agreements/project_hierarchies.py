"""The hierarchies of a project's columns, from a file or from declared bands, held to what intake accepts.

Called before a release, by the comparison with other projects and by `status`. A code that intake accepts and
that a hierarchy lacks is refused here, when it is loaded: at the release it would stop everybody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from cohort.agreements.catalogue import Catalogue, CatalogueTest
from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.project import Project
from cohort.agreements.selected_results import SelectedResult
from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.numeric.bands import EdgeNotation, NumericBands

LABEL_START = re.compile(r"-?[0-9]+")
"""What a band's label begins with: `20` of `20 tot 40`, `2013` of `2013/14`."""
MAX_CODES_NAMED = 12
"""So many missing codes are named, and then how many more there are."""


def load_hierarchies(project: Project, folder: Path) -> dict[str, Hierarchy]:
    """Every column's hierarchy, by column name.

    Args:
        project: what was agreed.
        folder: the folder of hierarchy files.
    Raises:
        ConfigurationRefused: what `Hierarchy.load` and `Bands` refuse, and codes that intake accepts and that
            a hierarchy lacks, of all columns at once (exit code 10).
    """
    found, problems = dict[str, Hierarchy](), list[str]()
    for column in project.columns:
        try:
            found[column.name] = _of(column, folder)
        except ConfigurationRefused as refusal:
            problems += refusal.problems
        else:
            problems += _lacking(column, project, found[column.name])
            problems += _levels_beyond(column, project, found[column.name])
    if problems:
        raise ConfigurationRefused(*problems)
    return found


def find_uncovered_scores(project: Project, hierarchies: Mapping[str, Hierarchy], catalogue: Catalogue) -> list[str]:
    """A sentence per column whose bands do not hold every score that intake accepts of its tests.

    Args:
        project, hierarchies: what was agreed, and what `load` gave.
        catalogue: the tests, each with its lowest and its highest score.
    """
    told = []
    for column in project.columns:
        accepted = _accepted(column, catalogue)
        if accepted is None or (column.difference is not None and column.bands is None):
            continue  # a file has no open ends for differences that hardly occur: `status` looks for them
        low, high = find_band_bounds(column, hierarchies[column.name])
        if (low is not None and accepted[0] < low) or (high is not None and accepted[1] >= high):
            span = f"from {accepted[0]:f} up to and including {accepted[1]:f}"
            told.append(
                describe_problem(
                    f"bands for every score that toetsen.csv allows ({span})",
                    example="bands = { from = 0, to = 300, step = 20, widths = [40], above = true }",
                    found=f"bands from {low} up to, not including, {high}",
                    where=f"column {column.name} of projects/{project.name}.toml",
                    do="Declare more bands or open ends (below = true, above = true), or correct toetsen.csv",
                )
            )
    return told


def find_band_bounds(column: DeclaredColumn, hierarchy: Hierarchy) -> tuple[int | None, int | None]:
    """From which value a numeric column has bands, and before which they end; None where an end is open."""
    if column.bands is not None:
        return _open(column.bands)
    starts = [int(begin[0]) for leaf in hierarchy.leaves if (begin := LABEL_START.match(leaf))]
    return (min(starts), max(starts) + (column.step or 1)) if starts else (0, 0)


def map_codes_to_leaves(column: DeclaredColumn, hierarchy: Hierarchy) -> Mapping[str, int]:
    """The leaf of each code of an attribute or level; for bands with open ends, of the codes of its list."""
    if column.bands is None:
        return hierarchy.leaf_numbers
    name = _code_list_of(column)
    values = CODE_LISTS[name].codes if name is not None else ()
    low, high = _open(column.bands)
    inside = [v for v in values if (low is None or int(v) >= low) and (high is None or int(v) < high)]
    return dict.fromkeys(inside, 0)


def _of(column: DeclaredColumn, folder: Path) -> Hierarchy:
    bands = column.bands
    if bands is None:
        return Hierarchy.from_file(folder / f"{column.hierarchy}.csv", column.name)
    unit = 4 if column.born == "quarter" else 1
    written: EdgeNotation = "quarter" if column.born == "quarter" else "number"
    return NumericBands.with_step(
        column.name,
        bands.from_ * unit,
        bands.to * unit,
        bands.step,
        widths=tuple(width * unit for width in bands.widths),
        open_below=bands.below,
        open_above=bands.above,
        written="cohort" if column.born == "cohort" else written,
    ).hierarchy()


def _lacking(column: DeclaredColumn, project: Project, hierarchy: Hierarchy) -> Iterator[str]:
    """Codes that intake accepts and that are no leaf; and what to write instead of another spelling."""
    name = _code_list_of(column)
    if name is None:
        return
    codes: Sequence[str] = CODE_LISTS[name].codes
    if name == "jaargroep" and project.population.jaargroep is not None:
        codes = [code for code in codes if code in project.population.jaargroep]
    leaves = map_codes_to_leaves(column, hierarchy)
    missing = [code for code in codes if code not in leaves]
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


def _levels_beyond(column: DeclaredColumn, project: Project, hierarchy: Hierarchy) -> Iterator[str]:
    """Levels that a column is held to and that its hierarchy does not have."""
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


def _code_list_of(column: DeclaredColumn) -> str | None:
    """The code list that a column's values come from."""
    if column.attribute in CODE_LISTS:
        return column.attribute
    return column.result.value if column.result is not None and not column.numeric else None


def _accepted(column: DeclaredColumn, catalogue: Catalogue) -> tuple[Decimal, Decimal] | None:
    """The lowest and highest skill score, or difference of two, that intake accepts for a column."""
    if not column.numeric or column.results[0].value != "vaardigheidsscore":
        return None
    ranges = [_range(result, catalogue.tests) for result in column.results]
    if None in ranges:
        return None
    known = [one for one in ranges if one is not None]
    if column.difference is None:
        return known[0]
    (first_low, first_high), (last_low, last_high) = known
    return last_low - first_high, last_high - first_low


def _range(result: SelectedResult, tests: Sequence[CatalogueTest]) -> tuple[Decimal, Decimal] | None:
    meant = [
        test
        for test in tests
        if (test.domein, test.schaal) == (result.domein, result.schaal) and test.moment in (None, result.moment)
    ]
    return (min(t.lowest for t in meant), max(t.highest for t in meant)) if meant else None


def _open(bands: DeclaredBands) -> tuple[int | None, int | None]:
    return (None if bands.below else bands.from_), (None if bands.above else bands.to)
