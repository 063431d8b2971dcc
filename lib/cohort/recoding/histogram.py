"""How many pupils of which schools show the same values: all that the search ever sees of a cohort."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NO_SCHOOL = -1
"""The school of everybody in data that knows no schools."""

Codes = npt.NDArray[np.int64]
Schools = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Pupils counted per code and school.

    The home school is the one a pupil counts at for the number of schools. For the shares a pupil counts at
    every school that delivered a value shown: the home school and, in the `other_` arrays, the further ones.

        pupil  code  home  further          codes schools counts    other_codes other_schools other_counts
        p      7     A     –                7     A       2         7           C             1
        q      7     A     C          →     7     B       1
        r      7     B     –

    Takes: arrays of one length for the home schools and of one length for the further ones,
    each sorted by code, then school, without doubles.
    Refuses (as a defect): anything else, a count under one, a further school of a code nobody has.
    """

    codes: Codes
    schools: Schools
    counts: Counts
    other_codes: Codes
    other_schools: Schools
    other_counts: Counts

    def __post_init__(self) -> None:
        _refuse_disorder(self.codes, self.schools, self.counts)
        _refuse_disorder(self.other_codes, self.other_schools, self.other_counts)
        if not np.isin(self.other_codes, self.codes).all():
            raise ValueError("a further school is counted for a code that no pupil has")
        without_school = self.schools == NO_SCHOOL
        if without_school.any() and not without_school.all():
            raise ValueError("either every pupil has a school or nobody has")
        if (self.other_schools == NO_SCHOOL).any():
            raise ValueError("a further school needs a number")

    @classmethod
    def of_pupils(
        cls,
        codes: Codes,
        schools: Schools | None = None,
        other_codes: Codes | None = None,
        other_schools: Schools | None = None,
    ) -> Histogram:
        """Counts pupils; the order in which they come plays no part.

        Takes: one entry per pupil (code, number of the home school; no schools at all for plain data),
        and one entry per pupil and further school (the pupil's code, that school's number). A pupil's
        further schools differ from each other and from the home school.
        """
        if schools is None:
            schools = np.full(len(codes), NO_SCHOOL, dtype=np.int32)
        if other_codes is None or other_schools is None:
            other_codes, other_schools = np.empty(0, np.int64), np.empty(0, np.int32)
        return cls(*_tally(codes, schools), *_tally(other_codes, other_schools))

    @property
    def pupils(self) -> int:
        return int(self.counts.sum())

    @property
    def has_schools(self) -> bool:
        return bool(len(self.schools)) and int(self.schools[0]) != NO_SCHOOL


class _Tally(NamedTuple):
    codes: Codes
    schools: Schools
    counts: Counts


def _tally(codes: Codes, schools: Schools) -> _Tally:
    codes = np.asarray(codes, dtype=np.int64)
    schools = np.asarray(schools, dtype=np.int32)
    if len(codes) != len(schools):
        raise ValueError("every code needs its school")
    if len(codes) == 0:
        return _Tally(codes, schools, np.empty(0, np.int64))
    # One number for both where it fits: sorting plain int64 is many times faster than by two keys.
    width = (int(schools.max()) + 1).bit_length()
    if int(codes.max()).bit_length() + width <= 63:
        keys = np.sort((codes << width) | (schools + 1))
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        distinct = keys[starts]
        codes = distinct >> width
        schools = ((distinct & ((1 << width) - 1)) - 1).astype(np.int32)
    else:
        order = np.lexsort((schools, codes))
        codes, schools = codes[order], schools[order]
        changes = (codes[1:] != codes[:-1]) | (schools[1:] != schools[:-1])
        starts = np.flatnonzero(np.concatenate(([True], changes)))
        keys, codes, schools = codes, codes[starts], schools[starts]
    counts = np.diff(np.append(starts, len(keys))).astype(np.int64)
    return _Tally(codes, schools, counts)


def _refuse_disorder(codes: Codes, schools: Schools, counts: Counts) -> None:
    if not len(codes) == len(schools) == len(counts):
        raise ValueError("codes, schools and counts differ in length")
    if len(codes) == 0:
        return
    if codes[0] < 0 or schools.min() < NO_SCHOOL or counts.min() < 1:
        raise ValueError("codes and schools are not negative, and counts are at least one")
    rising = (codes[1:] > codes[:-1]) | ((codes[1:] == codes[:-1]) & (schools[1:] > schools[:-1]))
    if not rising.all():
        raise ValueError("the histogram is not sorted by code and school, or has doubles")
