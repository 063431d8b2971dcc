"""The model of a twin: figures about columns and pairs of columns, and about no row.

It is all that a twin is drawn from. `table_figures` takes it from a published anonymous table, rounded like all shown
counts; `agreement_figures` makes it up from the agreement. Nothing in it depends on more than two columns at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from cohort.sdc import UNKNOWN_VALUE
from cohort.twin.twin_columns import EVERYTHING_VALUE, FloatArray, IntArray, TwinColumn

FeatureKind = Literal["value", "unknown", "generalised"]
FEWEST_ROWS = 50
"""A correlation over fewer rows is not told: it would be chance. Nor is a twin fitted to a mean of fewer."""


@dataclass(frozen=True)
class Feature:
    """What a correlation is about: the value of an ordered column where one is shown, or that none is shown, and why.

    `scores` has a number for each label of the column, with mean 0 and variance 1; not a number where the label says
    nothing of the feature.
    """

    column: str
    kind: FeatureKind
    scores: FloatArray


@dataclass(frozen=True)
class TwinFigures:
    """Means of features per label of the unordered columns, and correlations of features; not a number if not told."""

    means: Mapping[str, FloatArray]
    """By unordered column, an array `[label, feature]`."""
    correlations: FloatArray

    def rounded(self) -> TwinFigures:
        """The figures in hundredths, so that none tells of one row."""
        return TwinFigures({name: values.round(2) for name, values in self.means.items()}, self.correlations.round(2))


@dataclass(frozen=True)
class PairOfColumns:
    """An unordered column that is drawn after another: a weight for each pair of labels, `[parent's, its own]`."""

    parent: str
    weights: FloatArray


@dataclass(frozen=True)
class TwinModel:
    """Everything that a twin is drawn from.

    Args:
        columns: the columns.
        weights: for each label of a column its share of the rows, by column.
        pairs: for each unordered column but the first of a tree the one that it depends on, in the order of drawing.
        features: the features of the ordered columns.
        figures: what is told of them.
    """

    columns: tuple[TwinColumn, ...]
    weights: Mapping[str, FloatArray]
    pairs: Mapping[str, PairOfColumns]
    features: tuple[Feature, ...]
    figures: TwinFigures


def make_features(columns: tuple[TwinColumn, ...], weights: Mapping[str, FloatArray]) -> tuple[Feature, ...]:
    """Make the features of all ordered columns that vary."""
    features = [feature for column in columns if column.ordered for feature in _features_of(column, weights)]
    return tuple(feature for feature in features if np.nanmax(feature.scores) > np.nanmin(feature.scores))


def standardise(scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Shift and scale scores of labels, so that over the weights their mean is 0 and their variance 1."""
    known = ~np.isnan(scores) & (weights > 0)
    if not known.any():
        return np.zeros_like(scores)
    share = weights[known] / weights[known].sum()
    mean = float(share @ scores[known])
    deviation = float(np.sqrt(share @ (scores[known] - mean) ** 2))
    return (scores - mean) / deviation if deviation > 0 else np.where(np.isnan(scores), np.nan, 0.0)


def _features_of(column: TwinColumn, weights: Mapping[str, FloatArray]) -> Iterator[Feature]:
    own = weights[column.name]
    yield Feature(column.name, "value", standardise(column.positions, own))
    kinds: tuple[tuple[FeatureKind, str], ...] = (("unknown", UNKNOWN_VALUE), ("generalised", EVERYTHING_VALUE))
    for kind, label in kinds:
        code = column.code_of(label)
        if code is not None and own[code] > 0:
            yield Feature(column.name, kind, standardise((np.arange(len(own)) == code).astype(np.float64), own))


class FigureCounts:
    """Sums from which the figures of rows are computed; rows may be added in parts."""

    def __init__(self, features: tuple[Feature, ...], unordered: tuple[TwinColumn, ...]) -> None:
        self._features, self._unordered = features, unordered
        size = len(features)
        self._rows, self._sums = np.zeros((size, size)), np.zeros((size, size))
        self._squares, self._products = np.zeros((size, size)), np.zeros((size, size))
        self._group_rows = {one.name: np.zeros((len(one.labels), size)) for one in unordered}
        self._group_sums = {one.name: np.zeros((len(one.labels), size)) for one in unordered}

    def add(self, codes: Mapping[str, IntArray]) -> None:
        """Add rows, as the code of each row by column."""
        if not self._features:
            return
        values = np.column_stack([feature.scores[codes[feature.column]] for feature in self._features])
        known = ~np.isnan(values)
        shown, filled = known.astype(np.float64), np.where(known, values, 0.0)
        self._rows += shown.T @ shown
        self._sums += filled.T @ shown
        self._squares += (filled**2).T @ shown
        self._products += filled.T @ filled
        for column in self._unordered:
            own = codes[column.name]
            for place in range(len(self._features)):
                labels = len(column.labels)
                self._group_rows[column.name][:, place] += np.bincount(own, shown[:, place], labels)
                self._group_sums[column.name][:, place] += np.bincount(own, filled[:, place], labels)

    def figures(self, fewest_in_group: int = 1) -> TwinFigures:
        """The figures of all rows that were added.

        Args:
            fewest_in_group: the mean of a group with fewer rows is not told.
        """
        means = {}
        for name, rows in self._group_rows.items():
            told = rows >= max(fewest_in_group, 1)
            means[name] = np.where(told, self._group_sums[name] / np.maximum(rows, 1), np.nan)
        return TwinFigures(means, self._correlate())

    def _correlate(self) -> FloatArray:
        rows = np.maximum(self._rows, 1)
        mean, mean_other = self._sums / rows, self._sums.T / rows
        variance = self._squares / rows - mean**2
        product = np.sqrt(np.maximum(variance * variance.T, 0))
        told = (self._rows >= FEWEST_ROWS) & (product > 1e-9)
        covariance = self._products / rows - mean * mean_other
        correlations: FloatArray = np.where(told, covariance / np.maximum(product, 1e-9), np.nan)
        for first, one in enumerate(self._features):
            for second, other in enumerate(self._features):
                if one.column == other.column and first != second:
                    correlations[first, second] = np.nan  # a value is shown where it is neither unknown nor wide
        return correlations


def normal_quantile(share: float) -> float:
    """The quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(share)
