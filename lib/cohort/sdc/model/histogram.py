"""How many pupils of which schools show the same values: all that the search ever sees of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.arrays import Int32Array, IntArray
from cohort.sdc.model.coding import Coding

NO_SCHOOL = -1
"""The school of everybody in data that knows no schools."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Pupils counted per unit: equal codes and home school.

    The home school is the one a pupil counts at for the number of schools. For the shares a pupil counts at
    every school that delivered a value shown: the home school and the further ones. A pupil with further
    schools is a unit of its own.

        pupil  code  home  further          unit  codes schools counts    other_units other_schools
        p      7     A     –                0     7     A       1         1           C
        q      7     A     C          →     1     7     A       1
        r      7     B     –                2     7     B       2
        s      7     B     –

    Takes: `codes[word, unit]`, and per unit its school and how many pupils it is; pairs of a unit and a
    further school; for each pupil, as they came, its unit. Units are in the order of code and school.
    Refuses (as a defect): arrays that do not belong together, a count under one, some without a school.
    """

    codes: IntArray
    schools: Int32Array
    counts: IntArray
    other_units: IntArray
    other_schools: Int32Array
    unit_of_pupil: IntArray = field(repr=False)

    def __post_init__(self) -> None:
        lengths = {self.codes.shape[1], len(self.schools), len(self.counts)}
        if len(lengths) > 1 or len(self.other_units) != len(self.other_schools):
            raise ValueError("the arrays of a histogram differ in length")
        if self.units and (self.counts.min() < 1 or self.codes.min() < 0 or self.schools.min() < NO_SCHOOL):
            raise ValueError("codes and schools are not negative, and counts are at least one")
        without_school = self.schools == NO_SCHOOL
        if (without_school.any() and not without_school.all()) or (self.other_schools == NO_SCHOOL).any():
            raise ValueError("either every pupil has a school or nobody has")

    @classmethod
    def from_pupils(
        cls,
        codes: IntArray,
        schools: Int32Array | None = None,
        *,
        others: tuple[IntArray, Int32Array] | None = None,
        single: bool = False,
    ) -> Histogram:
        """Counts pupils; the order in which they come plays no part in anything but `unit_of`.

        Takes: a code per pupil (`[word, pupil]`, or one word's array); the number of the home school; pairs
        of a pupil (by place) and a further school, which differ from each other and from the home school;
        whether every pupil is to be a unit of its own.
        """
        codes = np.atleast_2d(np.asarray(codes, dtype=np.int64))
        pupils = codes.shape[1]
        homes = np.full(pupils, NO_SCHOOL, np.int32) if schools is None else np.asarray(schools, np.int32)
        if pupils != len(homes):
            raise ValueError("every code needs its school")
        other_pupils, other_schools = others or (np.empty(0, np.int64), np.empty(0, np.int32))
        moved = np.zeros(pupils, dtype=np.bool_)
        moved[other_pupils] = True
        first, second = _first_others(other_pupils, np.asarray(other_schools, np.int32), pupils, moved)
        keys = [*codes, homes, *([first, second] if moved.any() else [])]
        order = _sorted(keys)
        alone = moved[order] if not single else np.ones(pupils, dtype=np.bool_)
        begins = alone.copy()
        begins[:1] = True
        for key in keys:
            begins[1:] |= key[order[1:]] != key[order[:-1]]
        starts = np.flatnonzero(begins)
        unit_of = np.empty(pupils, dtype=np.int64)
        unit_of[order] = np.cumsum(begins) - 1
        chosen = order[starts]
        return cls(
            codes[:, chosen],
            homes[chosen],
            np.diff(np.append(starts, pupils)).astype(np.int64),
            *_ordered_pairs(unit_of[other_pupils], np.asarray(other_schools, np.int32)),
            unit_of,
        )

    @property
    def units(self) -> int:
        return len(self.counts)

    @property
    def pupils(self) -> int:
        return int(self.counts.sum())

    @property
    def has_schools(self) -> bool:
        return bool(self.units) and int(self.schools[0]) != NO_SCHOOL

    def leaves(self, coding: Coding) -> npt.NDArray[np.int32]:
        """The leaf index of every column, `[column, unit]`."""
        return coding.decode(self.codes)

    def subset(self, units: IntArray) -> Histogram:
        """The histogram of some of the units, in the order given; a pupil of it is one of its units."""
        if not len(self.other_units):
            other_units, other_schools = self.other_units, self.other_schools
        else:
            first = self._first_other[units]
            number = self._first_other[units + 1] - first
            other_units = np.repeat(np.arange(len(units)), number)
            within = np.arange(len(other_units)) - np.repeat(np.cumsum(number) - number, number)
            other_schools = self.other_schools[np.repeat(first, number) + within]
        return Histogram(
            self.codes[:, units],
            self.schools[units],
            self.counts[units],
            other_units,
            other_schools,
            np.arange(len(units)),
        )

    @cached_property
    def _first_other(self) -> IntArray:
        """For each unit where its further schools begin among the pairs."""
        return np.searchsorted(self.other_units, np.arange(self.units + 1))


def _sorted(keys: Sequence[npt.NDArray[np.integer]]) -> IntArray:
    """The order by several keys, the first one first; packed into one number where they fit."""
    widths = [int(key.max(initial=0) + 2).bit_length() for key in keys]
    if sum(widths) > 63:
        return np.lexsort(keys[::-1])
    packed = np.zeros(len(keys[0]), dtype=np.int64)
    for key, width in zip(keys, widths, strict=True):
        packed = (packed << width) | (key.astype(np.int64) + 1)
    return np.argsort(packed, kind="stable")


def _first_others(
    pupils: IntArray, schools: Int32Array, number: int, moved: npt.NDArray[np.bool_]
) -> tuple[Int32Array, IntArray]:
    """For each pupil the lowest of its further schools and a mixture of all: the order among movers."""
    lowest = np.full(number, np.iinfo(np.int32).max, dtype=np.int32)
    mixed = np.zeros(number, dtype=np.int64)
    np.minimum.at(lowest, pupils, schools)
    np.add.at(mixed, pupils, schools.astype(np.int64) ** 2 + 1)
    lowest[~moved] = -1
    return lowest, mixed


def _ordered_pairs(units: IntArray, schools: Int32Array) -> tuple[IntArray, Int32Array]:
    order = np.lexsort((schools, units))
    return units[order].astype(np.int64), schools[order]
