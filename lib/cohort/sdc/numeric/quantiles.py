"""Bands from quantiles of the cohort's own values, such that no boundary tells about a few pupils."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.numeric.bands import NumericBands
from cohort.sdc.privacy_models.thresholds import whole_number_problems

MAX_QUANTILE_GROUPS = 100


@dataclass(frozen=True)
class QuantileBands:
    """Bands of about equally many pupils, whose boundaries are safe to publish.

        groups 2, step 10, fewest 3 of 2 schools

        value   3  4  8 | 12 13 17 | 21 22 25 29
        school  A  B  A |  B  A  B |  A  B  A  B        tot 20, 20 en hoger

    A boundary is a multiple of the step, so it is chosen by the counts per step and by no exact value. It
    stands in the crowd: at least the fewest pupils, of the fewest schools, lie within one step of it, and on
    either side. There is no lowest and no highest value, as both ends are open. Each band holds at least the
    fewest pupils of the fewest schools, or is joined to its smaller neighbour. (A percentile is as safe as
    the group around it is large: Bond, Brandt and de Wolf, 2015, guidelines for the checking of output.)

    Takes: the number of groups aimed at, from 2 to 100; the step in points; the fewest pupils and home
    schools of a band; how many neighbours each further level joins, as for `Bands`. A level that would leave
    a single band is left out, since only the cohort decides how many bands there are.
    Refuses: other numbers, all at once.
    """

    groups: int
    step: int
    min_pupils: int
    min_schools: int
    joins: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        asked = [
            (2, self.groups, "number of quantile groups", "5"),
            (1, self.step, "step of the boundaries", "10"),
            (1, self.min_pupils, "number of pupils per band", "100"),
            (1, self.min_schools, "number of schools per band", "5"),
            *((2, joined, "number of neighbours that a level joins", "2") for joined in self.joins),
        ]
        where = "the quantiles"
        problems = [
            problem
            for least, value, what, example in asked
            for problem in whole_number_problems(least, value, what, example=example, where=where)
        ]
        if not problems and self.groups > MAX_QUANTILE_GROUPS:
            what, do = f"at most {MAX_QUANTILE_GROUPS} quantile groups", "Choose fewer"
            problems = [describe_problem(what, example="5", found=str(self.groups), where=where, do=do)]
        if problems:
            raise ConfigurationRefused(*problems)

    def compute_bands(
        self,
        name: str,
        values: IntArray,
        schools: npt.NDArray[np.integer],
        *,
        known: BoolArray | None = None,
        unit: int = 1,
    ) -> NumericBands:
        """The bands of a cohort, both ends open.

        Takes: the column's name; per pupil the value, in whole numbers of which `unit` make one point, and
        the home school; which values are no null (all).
        Gives: the same bands in whatever order the pupils come.
        Refuses: a cohort that no boundary parts in two bands as they must be (exit code 14).
        """
        if known is not None:
            values, schools = values[known], schools[known]
        cells = np.floor_divide(values, self.step * unit)
        homes = np.unique(schools, return_inverse=True)[1].reshape(-1).astype(np.int64)
        borders = self._large_enough(self._chosen(cells, homes), cells, homes)
        if not len(borders):
            raise _no_two_bands(name, len(values), self.min_pupils, self.min_schools)
        edges = tuple(int(border) * self.step for border in borders)
        return NumericBands(name, edges, self._joins(len(edges) + 1), open_below=True, open_above=True)

    def _chosen(self, cells: IntArray, homes: IntArray) -> IntArray:
        """The borders between cells nearest to the quantiles, of those with a crowd around them and on either
        side; of two equally near ones the lower."""
        occupied, pupils = np.unique(cells, return_counts=True)
        borders = np.unique(np.concatenate((occupied, occupied + 1)))
        cumulated = np.concatenate(([0], np.cumsum(pupils)))
        below = cumulated[np.searchsorted(occupied, borders)]
        # The cells on both sides of a border: all values within one step of it.
        first, last = np.searchsorted(occupied, borders - 1), np.searchsorted(occupied, borders + 1)
        near = cumulated[last] - cumulated[first]
        crowded = np.minimum(near, np.minimum(below, len(cells) - below)) >= self.min_pupils
        crowded &= _schools_around(borders, cells, homes) >= self.min_schools
        crowded &= _schools_on_either_side(borders, cells, homes) >= self.min_schools
        safe: IntArray = borders[crowded]
        if not len(safe):
            return safe
        wanted = np.arange(1, self.groups) * len(cells)
        nearest = {int(np.abs(below[crowded] * self.groups - rank).argmin()) for rank in wanted}
        return safe[sorted(nearest)]

    def _large_enough(self, borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
        """The borders that remain when bands that are too small are joined, the smallest one first, to
        the smaller of their neighbours; of two equal ones the lower.

        Every border has enough on either side, so the outer bands are large enough and two are always left.
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

    def _joins(self, bands: int) -> tuple[int, ...]:
        joins = []
        for joined in self.joins:
            bands = -(-bands // joined)
            if bands < 2:
                break
            joins.append(joined)
        return tuple(joins)


def _schools_around(borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
    """For each border the number of schools in the cells on both sides of it."""
    if not len(cells):
        return np.zeros(len(borders), dtype=np.int64)
    schools = int(homes.max()) + 1
    above = np.searchsorted(borders, cells)
    pairs = np.unique(np.concatenate((above, above + 1)) * schools + np.tile(homes, 2))
    return np.bincount(pairs // schools, minlength=len(borders))


def _schools_on_either_side(borders: IntArray, cells: IntArray, homes: IntArray) -> IntArray:
    """For each border the number of schools under it or from it on, whichever is less."""
    schools = int(homes.max(initial=-1)) + 1
    lowest, highest = np.full(schools, cells.max(initial=0)), np.full(schools, cells.min(initial=0))
    np.minimum.at(lowest, homes, cells)
    np.maximum.at(highest, homes, cells)
    under = np.searchsorted(np.sort(lowest), borders)
    return np.minimum(under, schools - np.searchsorted(np.sort(highest), borders))


def _no_two_bands(name: str, pupils: int, fewest: int, schools: int) -> NotAnonymous:
    shown = "at most 7" if pupils <= 7 else f"about {5 * round(pupils / 5):,}"
    return NotAnonymous(
        describe_problem(
            f"at least two bands of {fewest} pupils from {schools} schools, parted where as many are near",
            example="a boundary in the middle of the cohort",
            found=f"none for {shown} pupils with a value",
            where=f"the quantiles of column {name}",
            do="Choose a larger step, declare the bands yourself, or select more pupils",
        )
    )
