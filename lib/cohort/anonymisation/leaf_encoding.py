"""Leaf numbers: the position of a value among the leaves of its column's hierarchy, as Spark columns.

`pupil_records` encodes values before its shuffle and decodes them after it, so that no text is shuffled. Nothing here
runs a Spark action.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import DeclaredBands, DeclaredColumn
from cohort.data_states import UNLISTED_LEAF, make_local_frame
from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc import UNKNOWN_VALUE, Hierarchy

CODE_BITS, LEAF_BITS = 19, 15
"""The bits of a shuffled number: of a result, and of an attribute."""
UNLISTED_CODE, UNLISTED_ATTRIBUTE = 2**CODE_BITS - 1, 2**LEAF_BITS - 1
"""The shuffled number of a value that is not in the hierarchy: of a result, and of an attribute."""
NULL_LEAF = 2**LEAF_BITS - 2
"""The shuffled number of a null attribute. It is above every leaf: of two equally late rows the higher number wins."""

WHOLE_NUMBER = "^-?[0-9]{1,9}$"
MAX_COMPARED_LEAVES = 64
"""A hierarchy with up to this many values is compared value by value; one with more (postal codes) is joined."""


def match_leaf(value: Column, hierarchy: Hierarchy, otherwise: int) -> Column:
    """The leaf number of a value, by comparing it with each value of the hierarchy except `onbekend`.

    Args:
        value: a text column.
        hierarchy: the hierarchy of the column.
        otherwise: the number for null and for a value that is not in the hierarchy.
    """
    number = F.when(F.lit(False), F.lit(otherwise))
    for text, leaf in _values_with_leaf(hierarchy):
        number = number.when(value == text, F.lit(leaf))
    return number.otherwise(F.lit(otherwise))


def join_long_hierarchies(
    rows: DataFrame, columns: Sequence[DeclaredColumn], hierarchies: Mapping[str, Hierarchy]
) -> DataFrame:
    """Join the leaf numbers of attributes whose hierarchies are too long to compare; `encode_attribute` reads them."""
    for column in columns:
        if _is_joined(column, hierarchies[column.name]):
            value = f"_leaf_{column.name}"
            listed = _values_with_leaf(hierarchies[column.name])
            leaves = make_local_frame(rows.sparkSession, f"{value} string, {_leaf_column(column)} int", listed)
            rows = rows.join(F.broadcast(leaves), _attribute_text(column) == F.col(value), "left")
    return rows


def encode_attribute(column: DeclaredColumn, hierarchy: Hierarchy) -> Column:
    """The shuffled number of an attribute of one row: a leaf number, UNLISTED_ATTRIBUTE or NULL_LEAF.

    Args:
        column: a declared column with an attribute; the frame comes from `join_long_hierarchies`.
        hierarchy: the hierarchy of the column.
    """
    value = _attribute_text(column)
    if column.bands is not None:
        leaf = find_declared_band(
            _attribute_number(column), column.bands, 1, bands_per_step=4 if column.born == "quarter" else 1
        )
    elif _is_joined(column, hierarchy):
        leaf = F.col(_leaf_column(column))
    else:
        leaf = match_leaf(value, hierarchy, UNLISTED_ATTRIBUTE)
    return F.when(value.isNull(), F.lit(NULL_LEAF)).otherwise(F.coalesce(leaf, F.lit(UNLISTED_ATTRIBUTE)))


def decode_attribute(number: Column, hierarchy: Hierarchy) -> Column:
    """The leaf number of an attribute, from its shuffled number; null is `onbekend`."""
    unknown = F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))
    leaf = F.when(number == UNLISTED_ATTRIBUTE, F.lit(UNLISTED_LEAF)).otherwise(number)
    return F.when(number == NULL_LEAF, unknown).otherwise(leaf).cast("int")


def decode_level(number: Column, hierarchy: Hierarchy) -> Column:
    """The leaf number of a level (`niveau_AE`, `niveau_IV`), from its shuffled number; null is `onbekend`."""
    leaf = F.when(number == UNLISTED_CODE, F.lit(UNLISTED_LEAF)).otherwise(number)
    return F.coalesce(leaf, F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))).cast("int")


def band_points(points: Column, unit: int, column: DeclaredColumn, hierarchy: Hierarchy) -> Column:
    """The leaf number of the band `[n·step, (n+1)·step)` of a score; null is `onbekend`.

    Args:
        points: the score times `unit`, as a whole number.
        unit: 100 for scores with two decimals, else 1.
        column: the declared column.
        hierarchy: its hierarchy.

    Raises:
        ConfigurationRefused: a hierarchy whose leaves are not bands of the column's step (exit code 10).
    """
    unknown = F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))
    if column.bands is not None:
        width = column.bands.step * unit
        band = F.coalesce(find_declared_band(points, column.bands, width), F.lit(UNLISTED_LEAF))
        return F.when(points.isNull(), unknown).otherwise(band)
    step = column.step or 1
    lowest, leaves = _leaves_of_bands(column.name, step, hierarchy)
    position = F.floor(points / (step * unit)).cast("int") - lowest
    inside = F.when((position >= 0) & (position < len(leaves)), F.get(F.array(*map(F.lit, leaves)), position))
    return F.when(points.isNull(), unknown).otherwise(F.coalesce(inside, F.lit(UNLISTED_LEAF)))


def find_declared_band(number: Column, bands: DeclaredBands, width: int, *, bands_per_step: int = 1) -> Column:
    """The leaf number of the declared band of a whole number; null for null and outside closed ends.

    Args:
        number: a whole-number column.
        bands: the declared bands.
        width: the width of one band in the unit of `number`, for example 2000 hundredths of a point.
        bands_per_step: the number of bands in one step, for example 4 quarters in a year.

    from = 0, to = 60, step = 20, above = true; in hundredths
    -1 → null    0, 1999 → 0    2000 → 1    6000, 500000 → 3
    """
    first, inner = bands.from_ // bands.step * bands_per_step, (bands.to - bands.from_) // bands.step * bands_per_step
    band = F.floor(number / width).cast("int") - first
    band = F.greatest(band, F.lit(-1)) if bands.below else band
    band = F.least(band, F.lit(inner)) if bands.above else band
    return F.when((band >= -int(bands.below)) & (band < inner + bands.above), band + int(bands.below))


def _leaves_of_bands(name: str, step: int, hierarchy: Hierarchy) -> tuple[int, list[int]]:
    """The number of the lowest band, and the leaf numbers of the bands from there; UNLISTED_LEAF for a missing band."""
    form = re.compile(r"(-?\d+)" if step == 1 else r"(-?\d+) tot (-?\d+)")
    leaf_of_band: dict[int, int] = {}
    has_other_leaf = False
    for number, leaf in enumerate(hierarchy.leaves):
        match = form.fullmatch(leaf)
        if match and int(match[1]) % step == 0 and (step == 1 or int(match[2]) - int(match[1]) == step):
            leaf_of_band[int(match[1]) // step] = number
        elif leaf != UNKNOWN_VALUE:
            has_other_leaf = True
    if has_other_leaf or not leaf_of_band:
        raise ConfigurationRefused(
            describe_problem(
                f"bands of {step}",
                example=str(step) if step == 1 else f"{step} tot {2 * step}",
                found="another leaf" if has_other_leaf else "none",
                where=f"the hierarchy of {name}",
                do="Correct the file or the column's step",
            )
        )
    lowest, highest = min(leaf_of_band), max(leaf_of_band)
    return lowest, [leaf_of_band.get(band, UNLISTED_LEAF) for band in range(lowest, highest + 1)]


def _attribute_text(column: DeclaredColumn) -> Column:
    return F.col(str(column.attribute)) if column.born is None else _birth_period(column.born)


def _birth_period(period: str) -> Column:
    date = F.col("geboortedatum")
    year = F.year(date)
    if period == "year":
        return year.cast("string")
    if period == "quarter":
        return F.concat(year.cast("string"), F.lit("-K"), F.quarter(date).cast("string"))
    first = F.when(F.month(date) >= 8, year).otherwise(year - 1)
    return F.concat(first.cast("string"), F.lit("/"), F.lpad(((first + 1) % 100).cast("string"), 2, "0"))


def _attribute_number(column: DeclaredColumn) -> Column:
    """The whole number by which an attribute is banded: its value, a year, the first year of a cohort, or a quarter."""
    if column.born is None:
        text = F.col(str(column.attribute))
        # Spark throws and catches an exception for each text that is no number: they are kept from the cast.
        return F.when(text.rlike(WHOLE_NUMBER), text.try_cast("int"))
    year = F.year("geboortedatum")
    if column.born == "cohort":
        return F.when(F.month("geboortedatum") >= 8, year).otherwise(year - 1)
    return year if column.born == "year" else year * 4 + F.quarter("geboortedatum") - 1


def _values_with_leaf(hierarchy: Hierarchy) -> list[tuple[str, int]]:
    """Each value with its leaf number; `onbekend` is not a value."""
    return [(text, leaf) for text, leaf in hierarchy.leaf_numbers.items() if text != UNKNOWN_VALUE]


def _is_joined(column: DeclaredColumn, hierarchy: Hierarchy) -> bool:
    return column.bands is None and len(hierarchy.leaf_numbers) > MAX_COMPARED_LEAVES


def _leaf_column(column: DeclaredColumn) -> str:
    return f"_place_{column.name}"
