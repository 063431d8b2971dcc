"""Rules for the cells of one table: counts, contributors, shares, means, percentiles, groups."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from cohort.agreements import OutputThresholds
from cohort.output_checking.checks.check_context import CheckContext
from cohort.output_checking.checks.part_finding import PartFinding, found, look
from cohort.output_checking.checks.pupil_sets import PublishedRows
from cohort.output_checking.checks.table_cells import CountedCell
from cohort.output_checking.checks.table_reading import ReadTable, decimals_of, read_number
from cohort.output_checking.checks.text_rules import names_few_pupils
from cohort.output_checking.request_declaration import DeclaredFile, TableColumn

_ROUNDING = Decimal("1e-9")
"""What binary fractions of spreadsheets may differ."""
_PERCENTILE_METHODS: tuple[Any, ...] = (
    "linear",
    "hazen",
    "weibull",
    "median_unbiased",
    "inverted_cdf",
    "lower",
    "higher",
)
"""Programs differ in how they take a percentile; each lies between the least and the largest of these."""
_EXTREME_HEADING = re.compile(
    r"(?<![a-z])(min|max|minimum|maximum|whiskers?|snorharen|snor|outliers?|uitschieters?|range|bereik)(?![a-z])"
)


class _Figure(NamedTuple):
    """A figure as it is written."""

    column: TableColumn
    value: Decimal
    decimals: int
    place: str


def check_counts(cells: list[CountedCell], thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find counts of few pupils, and counts that the published table does not give."""
    for cell in cells:
        if cell.printed is None:
            continue
        base = cell.column.rounded_to
        fewest = thresholds.small_hidden_to + 1 if base >= 5 else thresholds.pupils
        if 0 < cell.count < fewest or 0 < cell.printed < fewest - (base if base >= 5 else 0):
            yield found("SMALL_COUNT", cell.place, pupils=fewest)
        exact = cell.printed == cell.count if base == 1 else abs(cell.printed - cell.count) < base
        if not exact or cell.printed % base:
            yield found("COUNT_DIFFERS", cell.place)


def check_written_figures(file: DeclaredFile, table: ReadTable, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    """Find cells that should hold a figure and do not, and words where only declared ones may stand."""
    for number, column in enumerate(file.columns, start=1):
        is_words = column.role in ("dimension", "label", "min", "max")
        if not is_words and _EXTREME_HEADING.search(column.name.casefold()):
            yield found("MINIMUM_OR_MAXIMUM", f"column {number}")
    for number, texts in enumerate(table.rows):
        words_with_digits = {
            digits
            for column, text in zip(file.columns, texts, strict=True)
            if column.role == "dimension"
            for digits in re.findall("[0-9]+", text)
        }
        for column, text in zip(file.columns, texts, strict=True):
            place = table.place(number, column.name)
            if column.role == "label" and names_few_pupils(text, thresholds):
                yield found("SMALL_COUNT", place, pupils=thresholds.pupils)
            if column.role == "label":
                if not set(re.findall("[0-9]+", text)) <= words_with_digits:
                    yield look("LABEL_WITH_DIGITS", place)
            elif column.role != "dimension" and text not in file.hidden:
                value = read_number(text, file.decimal_mark)
                if value is None or (
                    column.role in ("count", "schools", "largest", "second") and (value < 0 or value % 1)
                ):
                    yield found("NOT_A_FIGURE", place)


def check_contributors(
    file: DeclaredFile, table: ReadTable, cells: list[CountedCell], thresholds: OutputThresholds
) -> Iterator[PartFinding]:
    """Find cells of few schools, or in which one school or two dominate."""
    counts = {cell.row: cell.count for cell in cells}
    for number, texts in enumerate(table.rows):
        given = {
            column.role: (read_number(text, file.decimal_mark), table.place(number, column.name))
            for column, text in zip(file.columns, texts, strict=True)
            if column.role in ("schools", "largest", "second")
        }
        schools, place = given.get("schools", (None, ""))
        if schools is not None and 0 < schools < thresholds.schools:
            yield found("FEW_SCHOOLS", place, schools=thresholds.schools)
        largest, place = given.get("largest", (None, ""))
        pupils = counts.get(number, 0)
        if largest is None or not pupils:
            continue
        if largest > pupils:
            yield found("COUNT_DIFFERS", place)
        elif largest > thresholds.largest_school_share * pupils:
            yield found("DOMINANCE", place, percent=int(thresholds.largest_school_share * 100))
        if schools is not None and largest * schools < pupils:
            yield found("COUNT_DIFFERS", place)
        second, place = given.get("second", (None, ""))
        if second is not None and (second > largest or largest + second > pupils):
            yield found("COUNT_DIFFERS", place)
        if second is not None and pupils - largest - second < thresholds.p_percent * largest:
            yield found("P_PERCENT", place, percent=int(thresholds.p_percent * 100))


def check_figures(
    file: DeclaredFile, table: ReadTable, rows: PublishedRows, cells: list[CountedCell], thresholds: OutputThresholds
) -> Iterator[PartFinding]:
    """Check every mean, standard deviation, share, percentile, minimum and maximum with its base."""
    bases = {(cell.row, cell.column.name): cell for cell in cells}
    for number, texts in enumerate(table.rows):
        for column, text in zip(file.columns, texts, strict=True):
            value = None if text in file.hidden else read_number(text, file.decimal_mark)
            if column.base is None or value is None:
                continue
            base, place = bases[number, column.base], table.place(number, column.name)
            if base.printed is None:
                yield found("FIGURE_WITHOUT_BASE", place)
            figure = _Figure(column, value, decimals_of(text, file.decimal_mark), place)
            check = _check_share if column.role == "share" else _check_score_figure
            yield from check(figure, base, rows, thresholds)


def _check_score_figure(
    figure: _Figure, base: CountedCell, rows: PublishedRows, thresholds: OutputThresholds
) -> Iterator[PartFinding]:
    column, place, of = figure.column, figure.place, str(figure.column.of)
    known = base.pupils & rows.select({}, of)
    n = int(known.sum())
    if column.role in ("min", "max") or (column.percentile is not None and column.percentile in (0, 100)):
        yield found("MINIMUM_OR_MAXIMUM", place)
    elif column.role == "percentile":
        q = Fraction(column.percentile or 0) / 100
        if n * min(q, 1 - q) < thresholds.pupils:
            yield found("PERCENTILE_OF_FEW", place, pupils=int(-(-thresholds.pupils // min(q, 1 - q))))
    elif n < thresholds.degrees_of_freedom + 1:
        yield found("MEAN_OF_FEW", place, pupils=thresholds.degrees_of_freedom + 1)
    if 0 < base.count - n < thresholds.pupils:
        yield found("BASE_OF_OTHERS", place, pupils=thresholds.pupils)
    numbers = rows.numbers(of)
    if numbers is None or not n:
        return
    values = numbers[known]
    if column.role == "sd" and n > 1 and float(values.std()) == 0:
        yield found("ALL_EQUAL", place)
    expected = _expected_figures(column, values)
    written, tolerance = float(figure.value), 0.51 * 10**-figure.decimals + 1e-9
    if column.role == "percentile":
        candidates = [
            float(np.percentile(values, float(column.percentile or 0), method=m)) for m in _PERCENTILE_METHODS
        ]
        if not min(candidates) - tolerance <= written <= max(candidates) + tolerance:
            yield found("FIGURE_DIFFERS", place)
    if expected and not any(abs(written - figure) <= tolerance for figure in expected):
        yield found("FIGURE_DIFFERS", place)


def _expected_figures(column: TableColumn, values: np.ndarray) -> list[float]:
    if column.role == "mean":
        return [float(values.mean())]
    if column.role == "sum":
        return [float(values.sum())]
    if column.role == "sd" and len(values) > 1:
        return [float(values.std(ddof=1)), float(values.std())]
    return []


def _check_share(
    figure: _Figure, base: CountedCell, rows: PublishedRows, thresholds: OutputThresholds
) -> Iterator[PartFinding]:
    column, place = figure.column, figure.place
    pupils = base.pupils & rows.select({}, column.of)
    n = int(pupils.sum())
    numerator = int((pupils & rows.select({str(column.of): frozenset(column.level or [])})).sum())
    share = figure.value / 100 if column.percent else figure.value
    edge = thresholds.smallest_share
    if n < thresholds.pupils or share < edge or share > 1 - edge:
        yield found("SHARE_AT_THE_EDGE", place, percent=int(edge * 100))
    if 0 < numerator < thresholds.pupils or 0 < n - numerator < thresholds.pupils:
        yield found("SHARE_GIVES_FEW", place, pupils=thresholds.pupils)
    decimals = figure.decimals + (2 if column.percent else 0)
    if not n or abs(share - Decimal(numerator) / n) > Decimal("0.51") * Decimal(10) ** -decimals + _ROUNDING:
        yield found("FIGURE_DIFFERS", place)


def check_groups(file: DeclaredFile, cells: list[CountedCell], context: CheckContext) -> Iterator[PartFinding]:
    """Find groups all of whose pupils, or nearly all, have one value of a column; and cells of no pupil."""
    for column in file.columns_of("dimension"):
        lines: dict[object, list[CountedCell]] = defaultdict(list)
        for cell in cells:
            if str(column.column) in cell.selection and cell.printed is not None:
                rest = tuple(sorted((k, tuple(sorted(v))) for k, v in cell.selection.items() if k != column.column))
                lines[rest, cell.column.name].append(cell)
        sensitive = column.column in context.sensitive_columns
        for line in lines.values():
            yield from _check_line(line, sensitive, context.thresholds)


def _check_line(line: list[CountedCell], sensitive: bool, thresholds: OutputThresholds) -> Iterator[PartFinding]:
    disjoint = np.sum([cell.pupils for cell in line], axis=0)
    total = sum(cell.count for cell in line)
    if len(line) < 2 or not total or int(disjoint.max()) > 1:
        return
    for cell in line:
        if cell.count == total:
            yield found("FULL_CELL", cell.place) if sensitive else look("FULL_CELL", cell.place)
        elif sensitive and cell.count > thresholds.group_disclosure * total:
            yield found("GROUP_DISCLOSURE", cell.place, percent=int(thresholds.group_disclosure * 100))
        if cell.count == 0:
            yield found("ZERO_CELL", cell.place) if sensitive else look("ZERO_CELL", cell.place)
