"""The pooled within-class covariance matrix of scores: what class means alone do not tell of spread and correlation.

In go sums per class and per group; out comes a rounded matrix per group that has enough pupils of enough schools. The
matrix is made of deviations from the means of the classes, summed over all classes of a group; no class has one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, log10, sqrt
from typing import Any

import numpy as np

from cohort.sdc.model import FloatArray, IntArray

LEAST_DEGREES_OF_FREEDOM = 200
"""With 200 the rounding of a variance is at least a third of what the farthest pupil of a class adds to it."""
EVERYBODY_ELSE = "*"
"""In place of the labels of a group: the classes that have no group of their own."""
Group = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class WithinClassSums:
    """Sums over the pupils of a class who have every score, in the units of the columns.

    Args:
        pupils: how many they are, by class.
        sums: of each column, `[class, column]`.
        products: of each pair of columns, `[class, pair]`, pairs in the order of `column_pairs`.
    """

    pupils: IntArray
    sums: IntArray
    products: IntArray


@dataclass(frozen=True)
class GroupContributors:
    """The pupils of a group by school board.

    Args:
        at_home: pupils by the present board of their school.
        known: pupils by every board that knows them.
    """

    at_home: Mapping[bytes, int]
    known: Mapping[bytes, int]

    def __add__(self, other: GroupContributors) -> GroupContributors:
        """Return the contributors of two groups together."""
        return GroupContributors(_add_counts(self.at_home, other.at_home), _add_counts(self.known, other.known))


@dataclass(frozen=True)
class CovarianceRule:
    """Which groups may have a matrix.

    Args:
        m: the fewest boards whose pupils are in a group.
        max_share: the largest share of the pupils that one board knows.
        least_freedom: the fewest degrees of freedom: pupils less classes.
    """

    m: int
    max_share: Fraction
    least_freedom: int = LEAST_DEGREES_OF_FREEDOM

    def allows(self, pupils: int, freedom: int, contributors: GroupContributors) -> bool:
        """Return whether a group has enough pupils, of enough boards, none of which knows too many of them."""
        return (
            freedom >= self.least_freedom
            and sum(1 for count in contributors.at_home.values() if count) >= self.m
            and max(contributors.known.values(), default=0) <= pupils * self.max_share
        )


@dataclass(frozen=True, eq=False)
class PooledCovariance:
    """The matrix of one group, in points squared.

    Args:
        group: its labels, or `EVERYBODY_ELSE` for each.
        degrees_of_freedom: pupils less classes.
        matrix: symmetric and positive semi-definite after rounding.
    """

    group: Group
    degrees_of_freedom: int
    matrix: FloatArray


def column_pairs(columns: int) -> list[tuple[int, int]]:
    """Return the pairs of columns of a symmetric matrix: `(0, 0), (0, 1), …, (1, 1), …`."""
    return [(first, second) for first in range(columns) for second in range(first, columns)]


def pool_covariances(
    sums: WithinClassSums,
    units: Sequence[int],
    classes_of_group: Mapping[Group, IntArray],
    contributors: Mapping[Group, GroupContributors],
    rule: CovarianceRule,
) -> tuple[list[PooledCovariance], int]:
    """Return the matrix of every group that may have one; the other groups are merged, and have one if they may then.

    Args:
        sums: the sums of the classes.
        units: by what a score in points was multiplied, by column.
        classes_of_group: the numbers of the classes of each group; those of `EVERYBODY_ELSE` are merged anyway.
        contributors: the pupils of each group by board.
        rule: which groups may have a matrix.

    Returns:
        The matrices, and how many pupils are in no group with one.
    """
    columns = len(units)
    everybody_else = (EVERYBODY_ELSE,) * (len(next(iter(classes_of_group), ())))
    pooled = []
    merged, merged_contributors = np.empty(0, dtype=np.int64), GroupContributors({}, {})
    for group in sorted(classes_of_group):
        classes, own = classes_of_group[group], contributors.get(group, GroupContributors({}, {}))
        alone = not group or EVERYBODY_ELSE not in group
        if alone and rule.allows(*_size(sums, classes), own):
            pooled.append(_pool(sums, units, classes, group))
        else:
            merged, merged_contributors = np.append(merged, classes), merged_contributors + own
    pupils, freedom = _size(sums, merged)
    if columns and len(merged) and rule.allows(pupils, freedom, merged_contributors):
        pooled.append(_pool(sums, units, merged, everybody_else))
        pupils = 0
    return pooled, pupils


def standard_error_step(first: float, second: float, covariance: float, freedom: int) -> float:
    """Return what an entry is rounded to: the power of ten of the first digit of its standard error; 0 for none.

    Source of the standard error: that of a covariance of normal deviations.
    """
    error = sqrt((first * second + covariance * covariance) / freedom)
    return 10.0 ** floor(log10(error)) if error > 0 else 0.0


def round_covariance(matrix: FloatArray, freedom: int) -> FloatArray:
    """Round every entry by its standard error, and keep the matrix positive semi-definite.

    Where rounding breaks that, as with scores that are nearly one another's copy, covariances are made smaller until it
    holds again.
    """
    rounded = np.zeros_like(matrix)
    for first, second in column_pairs(len(matrix)):
        step = standard_error_step(matrix[first, first], matrix[second, second], matrix[first, second], freedom)
        value = round(matrix[first, second] / step) * step if step else matrix[first, second]
        rounded[first, second] = rounded[second, first] = _tidy(value, step)
    diagonal = np.diag(np.diag(rounded))
    for shrink in (1.0, 0.999, 0.99, 0.9, 0.5):
        candidate = diagonal + (rounded - diagonal) * shrink
        if is_positive_semidefinite(candidate):
            return candidate
    return diagonal


def is_positive_semidefinite(matrix: FloatArray) -> bool:
    """Return whether no eigenvalue is negative, but for errors of floating point."""
    if not len(matrix):
        return True
    return bool(np.linalg.eigvalsh(matrix).min() >= -1e-9 * max(float(np.abs(matrix).max()), 1e-300))


def _size(sums: WithinClassSums, classes: IntArray) -> tuple[int, int]:
    """Return the pupils of classes, and their degrees of freedom."""
    pupils = sums.pupils[classes]
    return int(pupils.sum()), int(pupils.sum() - np.count_nonzero(pupils))


def _pool(sums: WithinClassSums, units: Sequence[int], classes: IntArray, group: Group) -> PooledCovariance:
    _, freedom = _size(sums, classes)
    matrix = np.zeros((len(units), len(units)))
    for place, (first, second) in enumerate(column_pairs(len(units))):
        squares = _sum_of_deviations(sums, classes, (first, second), place)
        matrix[first, second] = matrix[second, first] = float(squares / (freedom * units[first] * units[second]))
    return PooledCovariance(group, freedom, round_covariance(matrix, freedom))


def _sum_of_deviations(sums: WithinClassSums, classes: IntArray, pair: tuple[int, int], place: int) -> Fraction:
    """Return Σ (x − mean of x)(y − mean of y) over the classes, exactly: Σ xy − Σ x · Σ y / n by size of class."""
    pupils = sums.pupils[classes]
    filled = classes[pupils > 0]
    first, second = (sums.sums[filled, column].astype(object) for column in pair)
    total = Fraction(int(sums.products[filled, place].astype(object).sum())) if len(filled) else Fraction(0)
    products: Any = first * second
    sizes = sums.pupils[filled]
    for size in np.unique(sizes).tolist():
        total -= Fraction(int(products[sizes == size].sum()), size)
    return total


def _tidy(value: float, step: float) -> float:
    """Return the number without the noise of binary fractions."""
    return float(round(value, max(0, -floor(log10(step))))) if step else float(value)


def _add_counts(one: Mapping[bytes, int], other: Mapping[bytes, int]) -> dict[bytes, int]:
    return {board: one.get(board, 0) + other.get(board, 0) for board in one.keys() | other.keys()}
