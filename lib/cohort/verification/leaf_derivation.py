"""The verifier's own derivation of a value's leaf: from a result or an attribute, as Spark columns.

`record_rebuild_check` calls it. Shares no code with the leaf encoding of `anonymisation`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from pyspark.sql import Column
from pyspark.sql import functions as F

from cohort.agreements import NUMERIC_SCORES, DeclaredColumn, Project, SelectedResult
from cohort.verification.hierarchy_reader import QUARTERS_PER_YEAR, UNKNOWN_LEAF, HierarchyPaths, band_label


def result_value(result: SelectedResult, project: Project, hierarchies: Mapping[str, HierarchyPaths]) -> Column:
    """Return what a result is worth: a score in hundredths, a level as its position in the hierarchy."""
    if result.value in NUMERIC_SCORES:
        return (F.col(result.value) * 100).cast("long")
    column = next(column for column in project.columns if result in column.results)
    level = F.col(result.value)
    if result.value == "niveau_IV":
        level = F.when(level == "I+", "I").otherwise(level)
    hierarchy = hierarchies[column.name]
    if hierarchy.aliases:
        level = F.when(level.isin(*hierarchy.aliases), UNKNOWN_LEAF).otherwise(level)
    leaves = F.array(*map(F.lit, hierarchy.leaves))
    return F.array_position(leaves, level) - 1


def score_label(column: DeclaredColumn, chosen_values: Mapping[SelectedResult, Column]) -> Column:
    """Return the label of the band `[n·step, (n+1)·step)`, or open end, of a score or a difference of scores."""
    values = [chosen_values[result] for result in column.results]
    hundredths = values[1] - values[0] if column.difference is not None else values[0]
    step = column.step or (column.bands.step if column.bands is not None else 1)
    low = F.floor((hundredths - F.pmod(hundredths, F.lit(100 * step))) / 100).cast("long")
    single = low.cast("string")
    span = F.concat(single, F.lit(" tot "), (low + step).cast("string"))
    return _with_open_ends(column, low, single if step == 1 else span)


def attribute_label(column: DeclaredColumn) -> Column:
    """Return the label of an attribute's leaf; a school year begins on 1 August."""
    if column.born is None:
        value = F.col(str(column.attribute))
        return _with_open_ends(column, F.when(value.rlike("^-?[0-9]{1,9}$"), value.try_cast("long")), value)
    year = F.year("geboortedatum")
    if column.born == "year":
        return _with_open_ends(column, year, year.cast("string"))
    if column.born == "quarter":
        quarter = F.concat(year.cast("string"), F.lit("-K"), F.quarter("geboortedatum").cast("string"))
        return _with_open_ends(column, year, quarter)
    first_year = F.when(F.month("geboortedatum") >= 8, year).otherwise(year - 1)
    second_year = F.lpad(((first_year + 1) % 100).cast("string"), 2, "0")
    return _with_open_ends(column, first_year, F.concat(first_year.cast("string"), F.lit("/"), second_year))


def _with_open_ends(column: DeclaredColumn, number: Column, label: Column) -> Column:
    """Replace the label of a value outside the declared bands by that of the open end it lies in.

    Args:
        column: the column.
        number: the whole number (points, or a year) at which the value's leaf begins.
        label: the label of its leaf between the ends.
    """
    bands = column.bands
    if bands is None:
        return label
    unit = QUARTERS_PER_YEAR if column.born == "quarter" else 1
    if bands.below:
        lowest = band_label((-inf, bands.from_ * unit), column.born)
        label = F.when(number < bands.from_, F.lit(lowest)).otherwise(label)
    if bands.above:
        highest = band_label((bands.to * unit, inf), column.born)
        label = F.when(number >= bands.to, F.lit(highest)).otherwise(label)
    return label
