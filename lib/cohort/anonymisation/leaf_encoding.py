"""A value as the number of its leaf: its place in the hierarchy that its column is generalised by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.declared_columns import DeclaredColumn as Declared
from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.hierarchy import UNKNOWN_VALUE, Hierarchy
from cohort.states import local_frames
from cohort.states.schemas import UNLISTED_LEAF

CODE_BITS, LEAF_BITS = 19, 15
"""How wide a number is on its way through the shuffle: of a result, of an attribute."""
UNLISTED_CODE, UNLISTED_ATTRIBUTE = 2**CODE_BITS - 1, 2**LEAF_BITS - 1
"""On that way: a value that the hierarchy does not have, for which there is no release."""
NULL_LEAF = 2**LEAF_BITS - 2
"""On that way: null. Higher than every leaf, since of two equally late rows the higher number is shown."""

MAX_COMPARED_LEAVES = 64
"""Values are compared with so many leaves one by one; where there are more (postcodes), they are joined."""


def match_leaf(value: Column, hierarchy: Hierarchy, otherwise: int) -> Column:
    """The leaf number of a value, by comparing it with each leaf; `onbekend` is nobody's value.

    Gives: a number; `otherwise` for what the hierarchy does not have and for null.
    """
    found = F.when(F.lit(False), F.lit(otherwise))
    for leaf, place in _named(hierarchy):
        found = found.when(value == leaf, F.lit(place))
    return found.otherwise(F.lit(otherwise))


def join_long_hierarchies(
    rows: DataFrame, columns: Sequence[Declared], hierarchies: Mapping[str, Hierarchy]
) -> DataFrame:
    """The rows, with what `of_attribute` needs where a hierarchy has too many leaves to spell out."""
    for column in columns:
        if _looked_up(column, hierarchies[column.name]):
            leaf = f"_leaf_{column.name}"
            listed = _named(hierarchies[column.name])
            known = local_frames.make_local_frame(rows.sparkSession, f"{leaf} string, {_place(column)} int", listed)
            rows = rows.join(F.broadcast(known), _text(column) == F.col(leaf), "left")
    return rows


def encode_attribute(column: Declared, hierarchy: Hierarchy) -> Column:
    """The leaf number of an attribute on one row, as it goes through the shuffle.

    Takes: a column of a frame that `looked_up` gave.
    """
    value = _text(column)
    if column.bands is not None:
        found = find_declared_band(_number(column), column.bands, 1, per=4 if column.born == "quarter" else 1)
    elif _looked_up(column, hierarchy):
        found = F.col(_place(column))
    else:
        found = match_leaf(value, hierarchy, UNLISTED_ATTRIBUTE)
    return F.when(value.isNull(), F.lit(NULL_LEAF)).otherwise(F.coalesce(found, F.lit(UNLISTED_ATTRIBUTE)))


def decode_attribute(number: Column, hierarchy: Hierarchy) -> Column:
    """The leaf number of an attribute, from the number that came through the shuffle."""
    unknown = F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))
    known = F.when(number == UNLISTED_ATTRIBUTE, F.lit(UNLISTED_LEAF)).otherwise(number)
    return F.when(number == NULL_LEAF, unknown).otherwise(known).cast("int")


def decode_level(number: Column, hierarchy: Hierarchy) -> Column:
    """The leaf number of a level, from the number that came through the shuffle; null is `onbekend`."""
    known = F.when(number == UNLISTED_CODE, F.lit(UNLISTED_LEAF)).otherwise(number)
    return F.coalesce(known, F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))).cast("int")


def band_points(points: Column, unit: int, column: Declared, hierarchy: Hierarchy) -> Column:
    """The leaf number of the band `[n·step, (n+1)·step)` that points fall in; null is `onbekend`.

    Takes: whole points times `unit`.
    Refuses: a hierarchy whose leaves are no bands of the column's step (exit code 10).
    """
    unknown = F.lit(hierarchy.leaves.index(UNKNOWN_VALUE))
    if column.bands is not None:
        width = column.bands.step * unit
        band = F.coalesce(find_declared_band(points, column.bands, width), F.lit(UNLISTED_LEAF))
        return F.when(points.isNull(), unknown).otherwise(band)
    step = column.step or 1
    base, places = _bands(column.name, step, hierarchy)
    place = F.floor(points / (step * unit)).cast("int") - base
    inside = F.when((place >= 0) & (place < len(places)), F.get(F.array(*map(F.lit, places)), place))
    return F.when(points.isNull(), unknown).otherwise(F.coalesce(inside, F.lit(UNLISTED_LEAF)))


def find_declared_band(number: Column, bands: DeclaredBands, width: int, *, per: int = 1) -> Column:
    """The leaf of the declared band that a whole number falls in; null for null and outside closed ends.

    Takes: how many of these whole numbers one band holds (2000 hundredths of a point), and how many bands
    there are to a step (4 quarters to a year).

    from = 0, to = 60, step = 20, above = true; in hundredths
    -1 → null    0, 1999 → 0    2000 → 1    6000, 500000 → 3
    """
    first, inner = bands.from_ // bands.step * per, (bands.to - bands.from_) // bands.step * per
    band = F.floor(number / width).cast("int") - first
    band = F.greatest(band, F.lit(-1)) if bands.below else band
    band = F.least(band, F.lit(inner)) if bands.above else band
    return F.when((band >= -int(bands.below)) & (band < inner + bands.above), band + int(bands.below))


def _bands(name: str, step: int, hierarchy: Hierarchy) -> tuple[int, list[int]]:
    """The lowest band's number, and the bands' leaf numbers from there (−1: no such leaf)."""
    form = re.compile(r"(-?\d+)" if step == 1 else r"(-?\d+) tot (-?\d+)")
    found: dict[int, int] = {}
    wrong = False
    for place, leaf in enumerate(hierarchy.leaves):
        match = form.fullmatch(leaf)
        if match and int(match[1]) % step == 0 and (step == 1 or int(match[2]) - int(match[1]) == step):
            found[int(match[1]) // step] = place
        elif leaf != UNKNOWN_VALUE:
            wrong = True
    if wrong or not found:
        raise ConfigurationRefused(
            describe_problem(
                f"bands of {step}",
                example=str(step) if step == 1 else f"{step} tot {2 * step}",
                found="another leaf" if wrong else "none",
                where=f"the hierarchy of {name}",
                do="Correct the file or the column's step",
            )
        )
    return min(found), [found.get(band, UNLISTED_LEAF) for band in range(min(found), max(found) + 1)]


def _text(column: Declared) -> Column:
    return F.col(str(column.attribute)) if column.born is None else _born(column.born)


def _born(by: str) -> Column:
    date = F.col("geboortedatum")
    year = F.year(date)
    if by == "year":
        return year.cast("string")
    if by == "quarter":
        return F.concat(year.cast("string"), F.lit("-K"), F.quarter(date).cast("string"))
    first = F.when(F.month(date) >= 8, year).otherwise(year - 1)
    return F.concat(first.cast("string"), F.lit("/"), F.lpad(((first + 1) % 100).cast("string"), 2, "0"))


def _number(column: Declared) -> Column:
    """What bands of an attribute count: its own number, years, first years of cohorts, quarters."""
    if column.born is None:
        return F.expr(f"try_cast({column.attribute} as int)")
    year = F.year("geboortedatum")
    if column.born == "cohort":
        return F.when(F.month("geboortedatum") >= 8, year).otherwise(year - 1)
    return year if column.born == "year" else year * 4 + F.quarter("geboortedatum") - 1


def _named(hierarchy: Hierarchy) -> list[tuple[str, int]]:
    """Each value with its leaf; `onbekend` is nobody's value."""
    return [(text, place) for text, place in hierarchy.leaf_numbers.items() if text != UNKNOWN_VALUE]


def _looked_up(column: Declared, hierarchy: Hierarchy) -> bool:
    return column.bands is None and len(hierarchy.leaf_numbers) > MAX_COMPARED_LEAVES


def _place(column: Declared) -> str:
    return f"_place_{column.name}"
