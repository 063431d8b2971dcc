"""The figures of an edition with noise: drawn for the finest cells of each table, and added up to its totals.

Every table and measure spends its part of the epsilon of the publication. Beside each figure stands the error that 95
of 100 draws keep to.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np

from cohort.agreements import Environment, NoiseSettings, Publication
from cohort.differential_privacy import (
    Contributions,
    NoiseRequest,
    PrivacyUnit,
    ScoreBounds,
    draw_noisy_counts,
    draw_noisy_means,
    total_noisy_counts,
    total_noisy_means,
)
from cohort.publication_documents import Measure, NoiseFigures, PublishedTable, TidyCell, VariableHierarchy
from cohort.publications.edition_rows import Cells, EditionRows
from cohort.publications.table_shapes import list_leaves

MECHANISM = "geometric"
ERROR_PREFIX = "error_"
"""A measure of this name is the error of the one behind it."""


@dataclass(frozen=True, eq=False)
class NoisyTable:
    """The cells of one table.

    Args:
        table: the table.
        leaves: the combinations of leaves, in the order in which figures are drawn.
        nodes: the codes of the nodes of every cell of the table.
        groups: the places of the combinations in each cell.
    """

    table: PublishedTable
    leaves: tuple[tuple[str, ...], ...]
    nodes: tuple[tuple[str, ...], ...]
    groups: tuple[tuple[int, ...], ...]


def draw_cells(environment: Environment, publication: Publication, rows: EditionRows) -> tuple[Cells, NoiseFigures]:
    """Draw the figures of an edition; the budget is spent before anything is drawn.

    Args:
        environment: where the ledger of budgets stands.
        publication: the declaration, with `[noise]`.
        rows: what is counted.

    Raises:
        ConfigurationRefused: OpenDP is missing, or the figures would be of no use (exit code 10).
        StateRefused: the budget does not allow it (15).
    """
    settings = publication.noise
    if settings is None:
        raise ValueError("a publication without noise")
    drawn = [(table, m) for table in rows.document.tables for m in table.measures if not is_error(m)]
    epsilon = (settings.epsilon / len(drawn)).quantize(Decimal("0.000001"), rounding=ROUND_DOWN)
    printed: Cells = {}
    errors: dict[str, tuple[float, float]] = {}
    for table in rows.document.tables:
        laid_out = _lay_out(table, rows)
        by_measure: dict[str, list[str]] = {}
        for measure in table.measures:
            if is_error(measure):
                continue
            request = _make_request(publication, settings, rows, laid_out, measure, epsilon)
            values, often, finest = _draw(environment, request, laid_out, rows, measure)
            by_measure[measure.name] = values
            by_measure[f"{ERROR_PREFIX}{measure.name}"] = often
            errors.update(
                dict.fromkeys((f"{table.name}/{prefix}{measure.name}" for prefix in ("", ERROR_PREFIX)), finest)
            )
        printed[table.name] = [
            TidyCell(nodes, measure.name, by_measure[measure.name][place])
            for place, nodes in enumerate(laid_out.nodes)
            for measure in table.measures
        ]
    figures = NoiseFigures(unit=settings.unit, epsilon=float(settings.epsilon), mechanism=MECHANISM, errors=errors)
    return printed, figures


def is_error(measure: Measure) -> bool:
    """Whether a measure is the error of another one."""
    return measure.name.startswith(ERROR_PREFIX)


def _lay_out(table: PublishedTable, rows: EditionRows) -> NoisyTable:
    hierarchies = [_find_hierarchy(rows, axis.variable, axis.hierarchy) for axis in table.axes]
    sides = [list_leaves(hierarchy, "*") for hierarchy in hierarchies]
    leaves = tuple(itertools.product(*sides))
    place = {combination: number for number, combination in enumerate(leaves)}
    nodes = tuple(itertools.product(*([node.code for node in hierarchy.nodes] for hierarchy in hierarchies)))
    groups = tuple(
        tuple(
            place[combination]
            for combination in itertools.product(
                *(list_leaves(hierarchy, code) for hierarchy, code in zip(hierarchies, codes, strict=True))
            )
        )
        for codes in nodes
    )
    return NoisyTable(table, leaves, nodes, groups)


def _find_hierarchy(rows: EditionRows, variable: str, name: str) -> VariableHierarchy:
    own = next(one for one in rows.document.variables if one.name == variable)
    return next(hierarchy for hierarchy in own.hierarchies if hierarchy.name == name)


def _make_request(
    publication: Publication,
    settings: NoiseSettings,
    rows: EditionRows,
    laid_out: NoisyTable,
    measure: Measure,
    epsilon: Decimal,
) -> NoiseRequest:
    document = rows.document
    is_mean = measure.kind == "mean"
    score = next((one for one in document.scores if one.name in measure.scores), None)
    population: Mapping[str, frozenset[str]] = {}
    if publication.population.jaargroep is not None:
        population = {"jaargroep": frozenset(publication.population.jaargroep)}
    return NoiseRequest(
        identifier=f"{document.publication}/{document.edition}/{laid_out.table.name}/{measure.name}",
        cells=tuple(";".join(codes) for codes in laid_out.leaves),
        unit=PrivacyUnit(settings.unit, 1 if settings.school_pupils is None else settings.school_pupils),
        epsilon=epsilon,
        mechanism="geometric",
        school_years=document.school_years,
        population=population,
        largest_error=settings.largest_mean_error if is_mean else settings.largest_error,
        bounds=ScoreBounds(score.lowest, score.highest) if is_mean and score is not None else None,
        smallest_cell=settings.smallest_mean if is_mean else None,
    )


def _draw(
    environment: Environment, request: NoiseRequest, laid_out: NoisyTable, rows: EditionRows, measure: Measure
) -> tuple[list[str], list[str], tuple[float, float]]:
    """Draw one measure: the figures and errors of all cells, and the largest errors of the finest ones."""
    contributions = _contribute(laid_out, rows, measure)
    groups: Sequence[Sequence[int]] = laid_out.groups
    if request.bounds is None:
        counts = draw_noisy_counts(environment, request, contributions)
        totals = total_noisy_counts(request, counts, groups)
        values = [f"{value:.0f}" for value in totals.counts]
        finest = counts.error_median, counts.error_often
        often = totals.error_often
    else:
        means = draw_noisy_means(environment, request, contributions)
        of_cells = total_noisy_means(request, means, groups)
        values = ["-" if np.isnan(value) else f"{value:.{measure.decimals}f}" for value in of_cells.means]
        finest = means.error_median, means.error_often
        often = of_cells.error_often
    shown = ["-" if value == "-" else f"{error:.1f}" for value, error in zip(values, often, strict=True)]
    return values, shown, (float(np.nanmax(finest[0])), float(np.nanmax(finest[1])))


def _contribute(laid_out: NoisyTable, rows: EditionRows, measure: Measure) -> Contributions:
    """The pupils, and sums of scores, of each combination of leaves and school."""
    table = rows.contributors
    names = [axis.variable for axis in laid_out.table.axes]
    place = {combination: number for number, combination in enumerate(laid_out.leaves)}
    columns = [table[name].to_pylist() for name in names]
    kept = np.ones(len(table), dtype=bool)
    for name, code in measure.base.items():
        kept &= table[name].to_numpy(zero_copy_only=False) == code
    cells = np.array([place[combination] for combination in zip(*columns, strict=True)], dtype=np.int64)
    schools = np.unique(table["school"].to_numpy(zero_copy_only=False), return_inverse=True)[1].astype(np.int64)
    sums = None
    if measure.kind == "mean":
        sums = table[f"{measure.scores[0]}_sum"].to_numpy().astype(np.int64)[kept]
    return Contributions(cells[kept], table["pupils"].to_numpy().astype(np.int64)[kept], sums, schools[kept])
