"""What the constraints say of the classes: who may be released.

Schools are counted exactly only for the classes that a cheap count, which can only be too strict,
does not clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.recoding.classes import CodeCounts, Grouping, hashed, summed
from cohort.recoding.constraints import ClassCounts, Constraint, all_hold
from cohort.recoding.histogram import Histogram

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOST_SCHOOL_CELLS = 1 << 21


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the constraints say of the classes of a grouping.

    Takes: the classes that may be released, and those that satisfy every constraint which survives
    merging, and so will in any coarser grouping.
    """

    satisfied: Flags
    lasting: Flags


class Population:
    """A histogram laid out to be judged many times.

    Takes: a histogram with at least one pupil.
    Gives: `by_code`, the pupils per distinct code.
    """

    def __init__(self, histogram: Histogram) -> None:
        starts = np.flatnonzero(np.diff(histogram.codes, prepend=-1))
        codes = histogram.codes[starts]
        self.by_code = CodeCounts(codes, np.add.reduceat(histogram.counts, starts))
        self._histogram = histogram
        units_per_code = np.diff(np.append(starts, len(histogram.codes)))
        self._code_of_unit = np.repeat(np.arange(len(starts)), units_per_code)
        self._code_of_other = np.searchsorted(codes, histogram.other_codes)
        self._bucket = hashed(histogram.schools.astype(np.int64), 6)
        self._other_bucket = hashed(histogram.other_schools.astype(np.int64), 6)
        self._counts = histogram.counts.astype(np.float64)
        self._other_counts = histogram.other_counts.astype(np.float64)

    def judge(self, grouping: Grouping, constraints: Sequence[Constraint]) -> Verdict:
        """Tries the constraints on every class of a grouping of `by_code`."""
        pupils, large = grouping.pupils, grouping.large
        schools, largest = np.zeros_like(pupils), pupils.copy()
        counts = ClassCounts(pupils, schools, largest)
        if large.any() and any(rule.needs_schools for rule in constraints):
            schools[large], largest[large] = self._bounded(grouping.classes, large)
            doubtful = large & ~all_hold(constraints, counts)
            if doubtful.any():
                schools[doubtful], largest[doubtful] = self._exact(grouping.classes, doubtful)
        lasting = all_hold([rule for rule in constraints if rule.survives_merging], counts)
        return Verdict(all_hold(constraints, counts), lasting)

    def _bounded(self, classes: Numbers, chosen: Flags) -> tuple[Numbers, Numbers]:
        """At least so many schools and at most so large a largest one: schools counted in buckets."""
        number, count = _renumbered(chosen)
        width = max(3, min(6, (_MOST_SCHOOL_CELLS // count).bit_length() - 1))
        first_cell = number[classes] << width
        # One row of cells too many, for the classes that were not chosen.
        shape = (count + 1, 1 << width)
        cell = first_cell[self._code_of_unit] + (self._bucket >> (6 - width))
        pupils = np.bincount(cell, self._counts, minlength=shape[0] * shape[1]).reshape(shape)
        schools = (pupils > 0).sum(axis=1)
        if len(self._code_of_other):
            cell = first_cell[self._code_of_other] + (self._other_bucket >> (6 - width))
            further = np.bincount(cell, self._other_counts, minlength=shape[0] * shape[1])
            pupils = pupils + further.reshape(shape)
        return schools[:count], pupils.max(axis=1).astype(np.int64)[:count]

    def _exact(self, classes: Numbers, chosen: Flags) -> tuple[Numbers, Numbers]:
        """The number of distinct home schools and the pupils of the largest school."""
        number, count = _renumbered(chosen)
        of_code = number[classes]
        histogram = self._histogram
        unit = np.flatnonzero((of_code < count)[self._code_of_unit])
        other = np.flatnonzero((of_code < count)[self._code_of_other])
        ids = np.concatenate((histogram.schools[unit], histogram.other_schools[other]))
        width = int(ids.max()).bit_length()
        in_class = of_code[np.concatenate((self._code_of_unit[unit], self._code_of_other[other]))]
        cells, place = np.unique((in_class << width) | ids, return_inverse=True)
        at_home = np.zeros(len(cells), dtype=np.bool_)
        at_home[place[: len(unit)]] = True
        delivered = np.concatenate((self._counts[unit], self._other_counts[other]))
        class_of_cell = cells >> width
        first_cells = np.flatnonzero(np.diff(class_of_cell, prepend=-1))
        largest = np.maximum.reduceat(summed(place, delivered), first_cells)
        return np.bincount(class_of_cell[at_home], minlength=count), largest


def _renumbered(chosen: Flags) -> tuple[Numbers, int]:
    """Numbers the chosen classes from 0, and gives all others the number after the last."""
    count = int(np.count_nonzero(chosen))
    number = np.full(len(chosen), count, dtype=np.int64)
    number[chosen] = np.arange(count)
    return number, count
