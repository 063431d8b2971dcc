"""What the constraints say of the classes: who may be released.

Schools are counted exactly only for the classes that a cheap count, which can only be too strict,
does not clear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cohort.sdc.model.arrays import BoolArray, FloatArray, IntArray
from cohort.sdc.model.equivalence_classes import DistinctCodes, EquivalenceClasses, hash_codes
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import (
    ClassConstraint,
    ClassCounts,
    classes_satisfying_all,
    count_schools_by_class,
)

_MOST_SCHOOL_CELLS = 1 << 21


@dataclass(frozen=True, eq=False)
class SatisfiedClasses:
    """What the constraints say of the classes of a grouping.

    Takes: the classes that may be released, and those that satisfy every constraint which survives
    merging, and so will in any coarser grouping.
    """

    satisfied: BoolArray
    lasting: BoolArray


class ConstraintChecker:
    """A histogram laid out to be judged many times.

    Takes: a histogram with at least one pupil.
    Gives: `by_code`, the pupils per distinct code.
    """

    def __init__(self, histogram: Histogram) -> None:
        codes = histogram.codes
        begins = np.ones(histogram.units, dtype=np.bool_)
        begins[1:] = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
        starts = np.flatnonzero(begins)
        self.by_code = DistinctCodes(codes[:, starts], np.add.reduceat(histogram.counts, starts))
        self.code_of_unit: IntArray = np.cumsum(begins) - 1
        self._histogram = histogram

    def judge(self, grouping: EquivalenceClasses, constraints: Sequence[ClassConstraint]) -> SatisfiedClasses:
        """Tries the constraints on every class of enough pupils of a grouping of `by_code`."""
        large = grouping.large
        pupils = grouping.pupils[large]
        counts = ClassCounts(pupils, np.zeros_like(pupils), pupils)
        if len(pupils) and any(rule.needs_schools for rule in constraints):
            schools, largest = self._bounded(grouping.classes, large)
            doubtful = ~classes_satisfying_all(constraints, ClassCounts(pupils, schools, largest))
            if doubtful.any():
                schools[doubtful], largest[doubtful] = self._exact(grouping.classes, _within(large, doubtful))
            counts = ClassCounts(pupils, schools, largest)
        lasting = classes_satisfying_all([rule for rule in constraints if rule.is_monotonic], counts)
        return SatisfiedClasses(_within(large, classes_satisfying_all(constraints, counts)), _within(large, lasting))

    def _bounded(self, classes: IntArray, chosen: BoolArray) -> tuple[IntArray, IntArray]:
        """At least so many schools and at most so large a largest one: schools counted in buckets."""
        count = int(np.count_nonzero(chosen))
        width = max(3, min(6, (_MOST_SCHOOL_CELLS // count).bit_length() - 1))
        first_cell = _renumbered(chosen)[classes] << width
        # One row of cells too many, for the classes that were not chosen.
        shape = (count + 1, 1 << width)
        bucket, counts, others = self._in_buckets
        cell = first_cell[self.code_of_unit] + (bucket >> (6 - width))
        pupils = np.bincount(cell, counts, minlength=shape[0] * shape[1]).reshape(shape)
        schools = (pupils > 0).sum(axis=1)
        if others is not None:
            code, bucket, counts = others
            cell = first_cell[code] + (bucket >> (6 - width))
            pupils = pupils + np.bincount(cell, counts, minlength=shape[0] * shape[1]).reshape(shape)
        return schools[:count], pupils.max(axis=1).astype(np.int64)[:count]

    @cached_property
    def _in_buckets(self) -> tuple[IntArray, FloatArray, tuple[IntArray, IntArray, FloatArray] | None]:
        """Per unit the school's bucket and the pupils; per further school the code, bucket, pupils."""
        known = self._histogram
        counts = known.counts.astype(np.float64)
        bucket = hash_codes(known.schools.astype(np.int64), 6)
        if not len(known.other_units):
            return bucket, counts, None
        further = hash_codes(known.other_schools.astype(np.int64), 6)
        return bucket, counts, (self.code_of_unit[known.other_units], further, counts[known.other_units])

    def _exact(self, classes: IntArray, chosen: BoolArray) -> tuple[IntArray, IntArray]:
        """The number of distinct home schools and the pupils of the largest school."""
        of_unit = _renumbered(chosen)[classes][self.code_of_unit]
        return count_schools_by_class(self._histogram, of_unit, int(np.count_nonzero(chosen)))


def _renumbered(chosen: BoolArray) -> IntArray:
    """Numbers the chosen classes from 0, and gives all others the number after the last."""
    count = int(np.count_nonzero(chosen))
    number = np.full(len(chosen), count, dtype=np.int64)
    number[chosen] = np.arange(count)
    return number


def _within(chosen: BoolArray, flags: BoolArray) -> BoolArray:
    """Flags of the chosen classes as flags of all classes."""
    among = np.zeros_like(chosen)
    among[chosen] = flags
    return among
