"""What the constraints say of the classes: who may be released.

Schools are counted exactly only for the classes that a cheap count, which can only be too strict,
does not clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cohort.recoding.classes import CodeCounts, Grouping, hashed
from cohort.recoding.constraints import ClassCounts, Constraint, all_hold
from cohort.recoding.histogram import Histogram
from cohort.recoding.tally import tally, tally_schools

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
        codes = histogram.codes
        changes = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
        begins = np.concatenate(([True], changes))
        starts = np.flatnonzero(begins)
        self.by_code = CodeCounts(codes[:, starts], np.add.reduceat(histogram.counts, starts))
        self.code_of_unit: Numbers = np.cumsum(begins) - 1
        self._histogram = histogram
        self._code_of_other = self.code_of_unit[histogram.other_units]
        self._bucket = hashed(histogram.schools.astype(np.int64), 6)
        self._other_bucket = hashed(histogram.other_schools.astype(np.int64), 6)
        self._counts = histogram.counts.astype(np.float64)
        self._other_counts = self._counts[histogram.other_units]

    def judge(self, grouping: Grouping, constraints: Sequence[Constraint]) -> Verdict:
        """Tries the constraints on every class of a grouping of `by_code`."""
        pupils, large = grouping.pupils, grouping.large
        schools, largest = np.zeros_like(pupils), pupils.copy()
        counts = ClassCounts(pupils, schools, largest)
        if any(rule.needs_values for rule in constraints):
            counts = self._exactly(grouping, constraints)
        elif large.any() and any(rule.needs_schools for rule in constraints):
            schools[large], largest[large] = self._bounded(grouping.classes, large)
            doubtful = large & ~all_hold(constraints, counts)
            if doubtful.any():
                schools[doubtful], largest[doubtful] = self._exact(grouping.classes, doubtful)
        lasting = all_hold([rule for rule in constraints if rule.survives_merging], counts)
        return Verdict(all_hold(constraints, counts), lasting)

    def _exactly(self, grouping: Grouping, constraints: Sequence[Constraint]) -> ClassCounts:
        """Everything that the rules look at; classes too small to be told apart have nobody."""
        of_unit = grouping.classes[self.code_of_unit]
        counts = tally(self._histogram, of_unit, len(grouping.pupils), constraints)
        return replace(counts, pupils=grouping.pupils)

    def _bounded(self, classes: Numbers, chosen: Flags) -> tuple[Numbers, Numbers]:
        """At least so many schools and at most so large a largest one: schools counted in buckets."""
        number, count = _renumbered(chosen)
        width = max(3, min(6, (_MOST_SCHOOL_CELLS // count).bit_length() - 1))
        first_cell = number[classes] << width
        # One row of cells too many, for the classes that were not chosen.
        shape = (count + 1, 1 << width)
        cell = first_cell[self.code_of_unit] + (self._bucket >> (6 - width))
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
        of_unit = number[classes][self.code_of_unit]
        return tally_schools(self._histogram, of_unit, count)


def _renumbered(chosen: Flags) -> tuple[Numbers, int]:
    """Numbers the chosen classes from 0, and gives all others the number after the last."""
    count = int(np.count_nonzero(chosen))
    number = np.full(len(chosen), count, dtype=np.int64)
    number[chosen] = np.arange(count)
    return number, count
