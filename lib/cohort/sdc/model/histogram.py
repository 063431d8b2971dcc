"""The histogram of a cohort: pupils counted per code and home school.

It is all that a search sees of a cohort, so the cost of a search depends on the number of distinct records and not on
the number of columns that are released with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.sdc.model.arrays import BoolArray, Int32Array, IntArray, position_in_group
from cohort.sdc.model.coding import Coding

NO_SCHOOL = -1
"""The school of every pupil in data without schools."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Pupils counted per unit: the pupils with the same code and the same home school.

    A pupil counts at the home school for the number of schools of a class. For the largest school a pupil counts at
    every school that delivered a released value: the home school and any further ones. A pupil with further schools is
    a unit of its own.

        pupil  code  home  further          unit  codes schools counts    other_units other_schools
        p      7     A     –                0     7     A       1         1           C
        q      7     A     C          →     1     7     A       1
        r      7     B     –                2     7     B       2
        s      7     B     –

    Args:
        codes: the codes of the units, `[word, unit]`; units are ordered by code and school.
        schools: the home school of each unit, or `NO_SCHOOL` for all of them.
        counts: the number of pupils of each unit, at least 1.
        other_units: the unit of each pair of a unit and a further school.
        other_schools: the further school of each pair.
        unit_of_pupil: for each pupil, in the order they were counted, its unit.

    Raises:
        ValueError: the arrays differ in length, a count is under 1, or some units have a school and others have none
            (a defect).
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
        """Count pupils. Nothing but `unit_of_pupil` depends on their order.

        Args:
            codes: the code of each pupil, `[word, pupil]`, or `[pupil]` where it is one word.
            schools: the number of each pupil's home school; None in data without schools.
            others: the position of a pupil and a further school, for each pair; a pupil's schools all differ.
            single: whether every pupil becomes a unit of its own.

        Raises:
            ValueError: there are not as many schools as codes (a defect).
        """
        codes = np.atleast_2d(np.asarray(codes, dtype=np.int64))
        pupils = codes.shape[1]
        homes = np.full(pupils, NO_SCHOOL, np.int32) if schools is None else np.asarray(schools, np.int32)
        if pupils != len(homes):
            raise ValueError("every code needs its school")
        other_pupils, other_schools = others or (np.empty(0, np.int64), np.empty(0, np.int32))
        other_schools = np.asarray(other_schools, np.int32)
        has_others = np.zeros(pupils, dtype=np.bool_)
        has_others[other_pupils] = True
        sort_keys = [*codes, homes]
        if has_others.any():
            sort_keys += _keys_of_further_schools(other_pupils, other_schools, has_others)
        order = _sort_by_keys(sort_keys)
        starts_unit = np.ones(pupils, dtype=np.bool_) if single else has_others[order]
        starts_unit[:1] = True
        for key in sort_keys:
            starts_unit[1:] |= key[order[1:]] != key[order[:-1]]
        starts = np.flatnonzero(starts_unit)
        unit_of_pupil = np.empty(pupils, dtype=np.int64)
        unit_of_pupil[order] = np.cumsum(starts_unit) - 1
        first_pupil = order[starts]
        return cls(
            codes[:, first_pupil],
            homes[first_pupil],
            np.diff(np.append(starts, pupils)).astype(np.int64),
            *_sort_pairs(unit_of_pupil[other_pupils], other_schools),
            unit_of_pupil,
        )

    @property
    def units(self) -> int:
        """The number of units."""
        return len(self.counts)

    @property
    def pupils(self) -> int:
        """The number of pupils."""
        return int(self.counts.sum())

    @property
    def has_schools(self) -> bool:
        """Whether the schools of the pupils are known."""
        return bool(self.units) and int(self.schools[0]) != NO_SCHOOL

    def leaves(self, coding: Coding) -> Int32Array:
        """The leaf number of every column, `[column, unit]`."""
        return coding.decode(self.codes)

    def subset(self, units: IntArray) -> Histogram:
        """The histogram of some of the units, in the order given; `unit_of_pupil` then numbers these units."""
        if not len(self.other_units):
            other_units, other_schools = self.other_units, self.other_schools
        else:
            first = self._first_pair_of_unit[units]
            number = self._first_pair_of_unit[units + 1] - first
            other_units = np.repeat(np.arange(len(units)), number)
            other_schools = self.other_schools[np.repeat(first, number) + position_in_group(number)]
        return Histogram(
            self.codes[:, units],
            self.schools[units],
            self.counts[units],
            other_units,
            other_schools,
            np.arange(len(units)),
        )

    @cached_property
    def _first_pair_of_unit(self) -> IntArray:
        """For each unit, where its further schools begin among the pairs."""
        return np.searchsorted(self.other_units, np.arange(self.units + 1))


def _sort_by_keys(keys: Sequence[npt.NDArray[np.integer]]) -> IntArray:
    """The order by several keys, the first key first; packed into one number where they fit."""
    widths = [int(key.max(initial=0) + 2).bit_length() for key in keys]
    if sum(widths) > 63:
        return np.lexsort(keys[::-1])
    packed = np.zeros(len(keys[0]), dtype=np.int64)
    for key, width in zip(keys, widths, strict=True):
        packed = (packed << width) | (key.astype(np.int64) + 1)
    return np.argsort(packed, kind="stable")


def _keys_of_further_schools(
    pupils: IntArray, schools: Int32Array, has_others: BoolArray
) -> list[npt.NDArray[np.integer]]:
    """Two sort keys per pupil: the lowest of its further schools, and a number mixed from all of them.

    They give pupils with further schools an order that does not depend on the order in which they were delivered.
    """
    lowest = np.full(len(has_others), np.iinfo(np.int32).max, dtype=np.int32)
    mixed = np.zeros(len(has_others), dtype=np.int64)
    np.minimum.at(lowest, pupils, schools)
    np.add.at(mixed, pupils, schools.astype(np.int64) ** 2 + 1)
    lowest[~has_others] = -1
    return [lowest, mixed]


def _sort_pairs(units: IntArray, schools: Int32Array) -> tuple[IntArray, Int32Array]:
    order = np.lexsort((schools, units))
    return units[order].astype(np.int64), schools[order]
