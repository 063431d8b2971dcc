"""Numbers, sums and products of scores by subgroup: all that the figures of usefulness are computed from.

Before: the exact scores, summed in one Spark pass as whole numbers, so that neither order nor partition changes a
figure; no row of a pupil reaches the driver. After: the middles of the released bands, by class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.data_states import EXACT_SCORES, SCHOOL_CONTROL, break_codegen
from cohort.sdc import (
    UNKNOWN_VALUE,
    Coding,
    FloatArray,
    Hierarchy,
    IntArray,
    LabelBounds,
    Recoding,
    parse_band_label,
    word_column,
)

MOST_GROUPS = 12
"""An attribute is divided at its finest level with at most so many values."""
SCHOOL = "_school_hash"
_PATTERN, _PUPILS, _SET = "_pattern", "_pupils", "_set"

Scores = tuple[tuple[str, int, float | None], ...]
"""The columns of scores: name, what a point is multiplied by, and the width of a leaf."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """The values of an attribute that subgroups are made of.

    Args:
        column: the column, by position among the quasi-identifiers.
        name: its name.
        level: the level of its hierarchy.
        hierarchy: its hierarchy.
    """

    column: int
    name: str
    level: int
    hierarchy: Hierarchy

    @classmethod
    def choose(cls, column: int, hierarchy: Hierarchy, lowest: int) -> Grouping | None:
        """The finest level with few values; None where only one value is left."""
        for level in range(lowest, hierarchy.height):
            groups = len(set(hierarchy.labels[level]))
            if 1 < groups <= MOST_GROUPS:
                return cls(column, hierarchy.name, level, hierarchy)
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        """The values, in the order of the leaves."""
        return tuple(dict.fromkeys(self.hierarchy.labels[self.level]))

    @property
    def unknown(self) -> int:
        """The number of the value `onbekend`; -1 where it has none of its own."""
        return self.labels.index(UNKNOWN_VALUE) if UNKNOWN_VALUE in self.labels else -1

    def of_leaves(self, leaves: IntArray) -> IntArray:
        """The value of each leaf, by number; -1 for `onbekend`."""
        groups = self.hierarchy.groups(self.level)[leaves].astype(np.int64)
        return np.where(groups == self.unknown, -1, groups)

    def of_classes(self, recoding: Recoding) -> IntArray:
        """The value that each class shows, by number; -1 where its label does not say which."""
        groups = self.of_leaves(recoding.leaves[:, self.column].astype(np.int64))
        return np.where(recoding.levels[:, self.column] <= self.level, groups, -1)


@dataclass(frozen=True, eq=False)
class ScoreMoments:
    """Cells of pupils: those with the same values of some attributes and with the same scores known.

    Args:
        values: by attribute the number of the value of each cell, -1 where it is not known.
        known: whether each score is known, `[cell, score]`.
        pupils: the number of pupils of each cell.
        sums: the sum of each score, `[cell, score]`; 0 where it is not known.
        products: the sums of the products of two scores, `[cell, score, score]`.
    """

    values: Mapping[str, IntArray]
    known: Any
    pupils: FloatArray
    sums: FloatArray
    products: FloatArray

    def with_scores(self, scores: Iterable[int]) -> ScoreMoments:
        """The cells in which all of these scores are known."""
        return self.where(self.known[:, list(scores)].all(axis=1))

    def where(self, kept: Any) -> ScoreMoments:
        """Some of the cells."""
        return ScoreMoments(
            {name: values[kept] for name, values in self.values.items()},
            self.known[kept],
            self.pupils[kept],
            self.sums[kept],
            self.products[kept],
        )

    @property
    def count(self) -> float:
        """The number of pupils."""
        return float(self.pupils.sum())

    def mean(self, score: int) -> float:
        """The mean of a score that all cells know."""
        return float(self.sums[:, score].sum() / self.count)

    def covariance(self, first: int, second: int) -> float:
        """The covariance of two scores that all cells know, with n - 1."""
        n = self.count
        product = self.products[:, first, second].sum() - self.sums[:, first].sum() * self.sums[:, second].sum() / n
        return float(product / (n - 1))


@dataclass(frozen=True, eq=False)
class ExactMoments:
    """The exact scores, summed.

    Args:
        by_attributes: the cells by the attributes that they are divided by; no attributes: all pupils.
        by_school: the cells by school; the number of a school says nothing.
    """

    by_attributes: Mapping[tuple[str, ...], ScoreMoments]
    by_school: ScoreMoments


def sum_exact_scores(
    pupils: DataFrame, coding: Coding, units: Sequence[int], divisions: Sequence[tuple[Grouping, ...]]
) -> ExactMoments:
    """Sum the exact scores of all pupils who may be used, in one Spark action.

    Args:
        pupils: the pupils, cached, with the words of their code and EXACT_SCORES.
        coding: the coding of the quasi-identifiers.
        units: what a point of each score is multiplied by to be a whole number.
        divisions: the attributes by which pupils are divided, each division by itself; one is empty.
    """
    groupings = {grouping.name: grouping for division in divisions for grouping in division}
    columns = {name: f"_by{number}" for number, name in enumerate(groupings)}
    scores = [F.get(F.col(EXACT_SCORES), F.lit(place)).cast("bigint") for place in range(len(units))]
    pattern = sum((F.when(score.isNotNull(), 2**place).otherwise(0) for place, score in enumerate(scores)), F.lit(0))
    rows = pupils.select(
        *(_path_at_level(coding, grouping).alias(columns[name]) for name, grouping in groupings.items()),
        F.xxhash64(SCHOOL_CONTROL).alias(SCHOOL),
        pattern.cast("int").alias(_PATTERN),
        *(F.coalesce(score, F.lit(0).cast("bigint")).alias(f"s{place}") for place, score in enumerate(scores)),
    )
    sets = [[_PATTERN, *(columns[grouping.name] for grouping in division)] for division in divisions]
    sets.append([_PATTERN, SCHOOL])
    pairs = list(combinations_with_replacement(range(len(units)), 2))
    keys = [_PATTERN, SCHOOL, *columns.values()]
    table: Any = (
        break_codegen(rows)
        .groupingSets(sets, *keys)
        .agg(
            F.grouping_id().alias(_SET),
            F.count(F.lit(1)).alias(_PUPILS),
            *(F.sum(f"s{place}").alias(f"sum{place}") for place in range(len(units))),
            *(F.sum(F.col(f"s{i}") * F.col(f"s{j}")).alias(f"product{i}_{j}") for i, j in pairs),
        )
        .toArrow()
    )
    found = _read_cells(table, units)
    number_of_set = table[_SET].to_numpy().astype(np.int64)
    by_attributes = {}
    for division, names in zip(divisions, sets, strict=False):
        chosen = number_of_set == _grouping_id(keys, names)
        values = {
            grouping.name: _values_of_paths(
                table[columns[grouping.name]].filter(pa.array(chosen)).to_numpy(), coding, grouping
            )
            for grouping in division
        }
        by_attributes[tuple(grouping.name for grouping in division)] = _cells(found, chosen, values)
    chosen = number_of_set == _grouping_id(keys, sets[-1])
    schools = np.unique(table[SCHOOL].filter(pa.array(chosen)).to_numpy(), return_inverse=True)[1]
    return ExactMoments(by_attributes, _cells(found, chosen, {SCHOOL: schools.astype(np.int64)}))


def read_middles(
    recoding: Recoding, columns: Sequence[int], scores: Scores, groupings: Sequence[Grouping]
) -> ScoreMoments:
    """Read the released classes as a researcher does who takes the middles of bands.

    A score whose label states no bound counts as missing, as does an attribute whose label does not say its value. Of
    a band with one open end the middle is taken of a band as wide as a leaf.

    Args:
        recoding: the released classes.
        columns: the columns of scores, by position among the quasi-identifiers.
        scores: their names, units and widths.
        groupings: the attributes.
    """
    middles = np.stack(
        [
            np.array([_middle(parse_band_label(label), unit, width) for label in recoding.labels[column].tolist()])
            for column, (_, unit, width) in zip(columns, scores, strict=True)
        ],
        axis=1,
    ).astype(np.float64)
    known = ~np.isnan(middles)
    values = np.where(known, middles, 0.0)
    pupils = recoding.pupils.astype(np.float64)
    return ScoreMoments(
        {grouping.name: grouping.of_classes(recoding) for grouping in groupings},
        known,
        pupils,
        values * pupils[:, np.newaxis],
        values[:, :, np.newaxis] * values[:, np.newaxis, :] * pupils[:, np.newaxis, np.newaxis],
    )


@dataclass(frozen=True, eq=False)
class ShownMeans:
    """The class means that a release shows, in points.

    Args:
        means: the mean of each score, `[class, score]`; not a number where a class shows none.
        within: the pooled covariance within classes that holds for each class, `[class, score, score]`, not a number
            where there is none, as of every pair with a score that shows no mean; None where the release shows no
            covariance.
    """

    means: FloatArray
    within: FloatArray | None = None


def read_means(
    recoding: Recoding, shown: ShownMeans, groupings: Sequence[Grouping], *, with_covariance: bool
) -> ScoreMoments:
    """Read the released classes as a researcher does who takes the means of classes.

    With the covariance each class of n pupils adds n − 1 times the covariance to the products of its scores; where it
    has none, its scores count as missing.

    Args:
        recoding: the released classes.
        shown: the means.
        groupings: the attributes.
        with_covariance: whether the pooled covariance is added.
    """
    known, within = ~np.isnan(shown.means), shown.within
    if with_covariance and within is not None:
        known &= ~np.isnan(np.diagonal(within, axis1=1, axis2=2))
    values, pupils = np.where(known, shown.means, 0.0), recoding.pupils.astype(np.float64)
    products = values[:, :, np.newaxis] * values[:, np.newaxis, :] * pupils[:, np.newaxis, np.newaxis]
    if with_covariance and within is not None:
        both = known[:, :, np.newaxis] & known[:, np.newaxis, :]
        products += np.where(both, within, 0.0) * (pupils - 1)[:, np.newaxis, np.newaxis]
    return ScoreMoments(
        {grouping.name: grouping.of_classes(recoding) for grouping in groupings},
        known,
        pupils,
        values * pupils[:, np.newaxis],
        products,
    )


def band_ends(bounds: LabelBounds | None, width: float | None) -> tuple[float, float] | None:
    """Both ends of a band; a band with one open end is taken to be as wide as a leaf. None where there is no end."""
    if bounds is None or (bounds.lower is None and bounds.upper is None):
        return None
    lower, upper = bounds.lower, bounds.upper
    if lower is None:
        return float(upper or 0) - (width or 1), float(upper or 0)
    return float(lower), float(lower) + (width or 1) if upper is None else float(upper)


def _middle(bounds: LabelBounds | None, unit: int, width: float | None) -> float:
    """The middle of the scores in a band: the largest one is a unit under its upper end."""
    ends = band_ends(bounds, width)
    return float("nan") if ends is None else (ends[0] + ends[1] - 1 / unit) / 2


def _path_at_level(coding: Coding, grouping: Grouping) -> Column:
    mask = coding.hierarchies[grouping.column].mask(grouping.level) << coding.shifts[grouping.column]
    return F.col(word_column(coding.column_words[grouping.column])).bitwiseAND(F.lit(mask))


def _values_of_paths(paths: Any, coding: Coding, grouping: Grouping) -> IntArray:
    mask = coding.hierarchies[grouping.column].mask(grouping.level) << coding.shifts[grouping.column]
    of_leaves = coding.column_codes(grouping.column) & mask
    distinct, first = np.unique(of_leaves, return_index=True)
    return grouping.of_leaves(first[np.searchsorted(distinct, paths.astype(np.int64))])


def _grouping_id(keys: Sequence[str], names: Sequence[str]) -> int:
    """Spark's number of a grouping set: a bit per key, the first the highest, 1 where the set does not have the key."""
    return sum((key not in names) << place for place, key in enumerate(reversed(keys)))


def _read_cells(table: Any, units: Sequence[int]) -> dict[str, Any]:
    """The cells of all sets together, in points."""
    number = len(units)
    pattern = table[_PATTERN].to_numpy().astype(np.int64)
    products = np.empty((len(pattern), number, number))
    for i, j in combinations_with_replacement(range(number), 2):
        products[:, i, j] = products[:, j, i] = table[f"product{i}_{j}"].to_numpy() / (units[i] * units[j])
    sums = np.stack([table[f"sum{place}"].to_numpy() / units[place] for place in range(number)], axis=1)
    known = (pattern[:, np.newaxis] >> np.arange(number)) & 1 == 1
    return {"known": known, "pupils": table[_PUPILS].to_numpy().astype(np.float64), "sums": sums, "products": products}


def _cells(found: Mapping[str, Any], chosen: Any, values: Mapping[str, IntArray]) -> ScoreMoments:
    """The cells of one set, in an order of their own: that of rows of Spark is not fixed."""
    cells = ScoreMoments(values, *(found[name][chosen] for name in ("known", "pupils", "sums", "products")))
    order = np.lexsort([*(cells.known[:, place] for place in range(cells.known.shape[1])), *values.values()])
    return cells.where(order)
