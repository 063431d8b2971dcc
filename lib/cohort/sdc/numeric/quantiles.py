"""Bands of a numeric column from quantiles of the cohort's own values, with boundaries that may be published.

In go the values and home schools of the pupils; out come `NumericBands` of which no boundary discloses the value of a
few pupils.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.model import BoolArray, IntArray
from cohort.sdc.numeric.bands import NumericBands
from cohort.sdc.privacy_models import refuse_wrong_whole_numbers

MAX_QUANTILE_GROUPS = 100


@dataclass(frozen=True)
class QuantileBands:
    """Bands of about equally many pupils, with boundaries that are safe to publish.

        groups 2, step 10, min_pupils 3, min_schools 2

        value   3  4  8 | 12 13 17 | 21 22 25 29
        school  A  B  A |  B  A  B |  A  B  A  B        tot 20, 20 en hoger

    A boundary is a multiple of the step, so it depends on counts per step and not on an exact value. At least
    `min_pupils` pupils of `min_schools` schools have values within one step of it, and as many on either side. Both
    ends are open, so no lowest or highest value is published. Each band has at least `min_pupils` pupils of
    `min_schools` schools, or is joined to its smaller neighbour.

    Source: Bond, Brandt and de Wolf (2015), Guidelines for the checking of output based on microdata research: a
    percentile is safe where the group around it is large.

    Args:
        groups: the number of bands aimed at, from 2 to `MAX_QUANTILE_GROUPS`.
        step: the distance between possible boundaries, in points.
        min_pupils: the fewest pupils of a band.
        min_schools: the fewest home schools of a band.
        joins: how many neighbours each further level joins, as for `NumericBands`. A level that would have a single
            value is left out, since the number of bands depends on the cohort.

    Raises:
        ConfigurationRefused: for other numbers, all at once.
    """

    groups: int
    step: int
    min_pupils: int
    min_schools: int
    joins: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers(
            [
                (2, self.groups, "number of quantile groups", "5"),
                (1, self.step, "step of the boundaries", "10"),
                (1, self.min_pupils, "number of pupils per band", "100"),
                (1, self.min_schools, "number of schools per band", "5"),
                *((2, join, "number of neighbours that a level joins", "2") for join in self.joins),
            ],
            where="the quantiles",
        )
        if self.groups > MAX_QUANTILE_GROUPS:
            what, do = f"at most {MAX_QUANTILE_GROUPS} quantile groups", "Choose fewer"
            found, where = str(self.groups), "the quantiles"
            raise ConfigurationRefused(describe_problem(what, example="5", found=found, where=where, do=do))

    def compute_bands(
        self,
        name: str,
        values: IntArray,
        schools: npt.NDArray[np.integer],
        *,
        has_value: BoolArray | None = None,
        unit: int = 1,
    ) -> NumericBands:
        """Compute the bands of a cohort, open at both ends; the order of the pupils plays no part.

        Args:
            name: the name of the column.
            values: per pupil the value, in whole numbers of which `unit` make one point.
            schools: per pupil the number of the home school.
            has_value: which values are not null; None for all.

        Raises:
            NotAnonymous: no boundary divides the cohort in two bands that satisfy the minimums (exit code 14).
        """
        if has_value is not None:
            values, schools = values[has_value], schools[has_value]
        cells = np.floor_divide(values, self.step * unit)
        homes = np.unique(schools, return_inverse=True)[1].reshape(-1).astype(np.int64)
        borders = self._join_small_bands(self._choose_borders(cells, homes), cells, homes)
        if not len(borders):
            raise _no_safe_boundary(name, len(values), self.min_pupils, self.min_schools)
        edges = tuple(int(border) * self.step for border in borders)
        return NumericBands(name, edges, self._usable_joins(len(edges) + 1), open_below=True, open_above=True)

    def _choose_borders(self, cells: IntArray, homes: IntArray) -> IntArray:
        """The safe borders between cells that are nearest to the quantiles; of two equally near ones the lower."""
        occupied, pupils = np.unique(cells, return_counts=True)
        borders = np.unique(np.concatenate((occupied, occupied + 1)))
        cumulated = np.concatenate(([0], np.cumsum(pupils)))
        below = cumulated[np.searchsorted(occupied, borders)]
        # The cells on both sides of a border: all values within one step of it.
        first, last = np.searchsorted(occupied, borders - 1), np.searchsorted(occupied, borders + 1)
        pupils_near = cumulated[last] - cumulated[first]
        is_safe = np.minimum(pupils_near, np.minimum(below, len(cells) - below)) >= self.min_pupils
        is_safe &= _schools_around(borders, cells, homes) >= self.min_schools
        is_safe &= _schools_on_either_side(borders, cells, homes) >= self.min_schools
        safe: IntArray = borders[is_safe]
        if not len(safe):
            return safe
        ranks = np.arange(1, self.groups) * len(cells)
        nearest = {int(np.abs(below[is_safe] * self.groups - rank).argmin()) for rank in ranks}
        return safe[sorted(nearest)]

    def _join_small_bands(self, borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
        """The borders that remain when every band that is too small is joined to its smaller neighbour.

        The smallest band goes first; of two equal neighbours the lower one is chosen. Every border has enough pupils
        on either side, so the outer bands are large enough and at least two bands remain.
        """
        table = np.zeros((len(borders) + 1, int(homes.max(initial=-1)) + 1), dtype=np.int64)
        np.add.at(table, (np.searchsorted(borders, cells, side="right"), homes), 1)
        while len(borders):
            pupils = table.sum(axis=1)
            small = (pupils < self.min_pupils) | (np.count_nonzero(table, axis=1) < self.min_schools)
            if not small.any():
                break
            band = min(np.flatnonzero(small).tolist(), key=lambda at: (pupils[at], at))
            beside = [at for at in (band - 1, band + 1) if 0 <= at < len(pupils)]
            low = min(band, min(beside, key=lambda at: (pupils[at], at)))
            table[low] += table[low + 1]
            table, borders = np.delete(table, low + 1, axis=0), np.delete(borders, low)
        return borders

    def _usable_joins(self, bands: int) -> tuple[int, ...]:
        joins = []
        for join in self.joins:
            bands = -(-bands // join)
            if bands < 2:
                break
            joins.append(join)
        return tuple(joins)


def _schools_around(borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
    """For each border the number of schools with values in the two cells beside it."""
    if not len(cells):
        return np.zeros(len(borders), dtype=np.int64)
    schools = int(homes.max()) + 1
    above = np.searchsorted(borders, cells)
    pairs = np.unique(np.concatenate((above, above + 1)) * schools + np.tile(homes, 2))
    return np.bincount(pairs // schools, minlength=len(borders))


def _schools_on_either_side(borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
    """For each border the number of schools with values below it or from it on, whichever is less."""
    schools = int(homes.max(initial=-1)) + 1
    lowest, highest = np.full(schools, cells.max(initial=0)), np.full(schools, cells.min(initial=0))
    np.minimum.at(lowest, homes, cells)
    np.maximum.at(highest, homes, cells)
    under = np.searchsorted(np.sort(lowest), borders)
    return np.minimum(under, schools - np.searchsorted(np.sort(highest), borders))


def _no_safe_boundary(name: str, pupils: int, fewest: int, schools: int) -> NotAnonymous:
    rounded = "at most 7" if pupils <= 7 else f"about {5 * round(pupils / 5):,}"
    return NotAnonymous(
        describe_problem(
            f"at least two bands of {fewest} pupils from {schools} schools, with a boundary that has as many near it",
            example="a boundary in the middle of the cohort",
            found=f"none for {rounded} pupils with a value",
            where=f"the quantiles of column {name}",
            do="Choose a larger step, declare the bands yourself, or select more pupils",
        )
    )
