"""Which classes of a node satisfy the constraints, counted as cheaply as the answer allows.

In goes a grouping of the distinct codes of one cohort; out come flags per class. Schools are counted exactly only for
the classes that a cheaper count in hash buckets, which can only be too strict, does not clear. `node_evaluation` calls
it for every node; the final recoding is counted once more, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cohort.sdc.model import BoolArray, DistinctCodes, EquivalenceClasses, FloatArray, Histogram, IntArray, hash_codes
from cohort.sdc.privacy_models import ClassConstraint, ClassCounts, classes_satisfying_all, count_schools_by_class

_MAX_TABLE_CELLS = 1 << 21
"""Cells of the table of pupils per class and school bucket."""
_MAX_BUCKET_BITS, _MIN_BUCKET_BITS = 6, 3
"""Schools are counted in 8 to 64 buckets, fewer where there are many classes."""


@dataclass(frozen=True, eq=False)
class SatisfiedClasses:
    """Which classes satisfy the constraints, as flags over all classes of a grouping.

    Args:
        of_all_constraints: the classes that satisfy every constraint and may be released.
        of_monotonic_constraints: the classes that satisfy every constraint which survives merging, and so will any
            class of a coarser node that contains them.
    """

    of_all_constraints: BoolArray
    of_monotonic_constraints: BoolArray


@dataclass(frozen=True, eq=False)
class _BucketedSchools:
    """Per unit its home school's bucket and its pupils; per further school of a unit its code, bucket and pupils."""

    home_bucket: IntArray
    home_pupils: FloatArray
    other_code: IntArray
    other_bucket: IntArray
    other_pupils: FloatArray


class ConstraintChecker:
    """A histogram laid out so that constraints can be checked on many groupings of it.

    Args:
        histogram: a cohort of at least one pupil.

    Attributes:
        distinct_codes: the distinct codes with their pupils, which nodes are grouped from.
        code_of_unit: the index of each unit's code among the distinct codes.
    """

    def __init__(self, histogram: Histogram) -> None:
        codes = histogram.codes
        starts_code = np.ones(histogram.units, dtype=np.bool_)
        starts_code[1:] = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
        starts = np.flatnonzero(starts_code)
        self.distinct_codes = DistinctCodes(codes[:, starts], np.add.reduceat(histogram.counts, starts))
        self.code_of_unit: IntArray = np.cumsum(starts_code) - 1
        self._histogram = histogram

    def check(self, classes: EquivalenceClasses, constraints: Sequence[ClassConstraint]) -> SatisfiedClasses:
        """Check the constraints on every class of enough pupils of a grouping of `distinct_codes`."""
        large = classes.large_enough
        pupils = classes.pupils[large]
        counts = ClassCounts(pupils, np.zeros_like(pupils), pupils)
        if len(pupils) and any(rule.needs_schools for rule in constraints):
            schools, largest = self._count_schools_in_buckets(classes.class_of_code, large)
            doubtful = ~classes_satisfying_all(constraints, ClassCounts(pupils, schools, largest))
            if doubtful.any():
                exact = self._count_schools_exactly(classes.class_of_code, _expand_flags(large, doubtful))
                schools[doubtful], largest[doubtful] = exact
            counts = ClassCounts(pupils, schools, largest)
        lasting = classes_satisfying_all([rule for rule in constraints if rule.is_monotonic], counts)
        return SatisfiedClasses(
            _expand_flags(large, classes_satisfying_all(constraints, counts)), _expand_flags(large, lasting)
        )

    def _count_schools_in_buckets(self, class_of_code: IntArray, chosen: BoolArray) -> tuple[IntArray, IntArray]:
        """Count schools in hash buckets.

        Returns:
            Per chosen class a lower bound of its number of schools and an upper bound of its largest school.
        """
        count = int(np.count_nonzero(chosen))
        bits = max(_MIN_BUCKET_BITS, min(_MAX_BUCKET_BITS, (_MAX_TABLE_CELLS // count).bit_length() - 1))
        narrowed_by = _MAX_BUCKET_BITS - bits
        # One row more than there are chosen classes, for all others.
        first_cell = _number_chosen(chosen)[class_of_code] << bits
        cells = (count + 1) << bits
        bucketed = self._bucketed_schools
        cell = first_cell[self.code_of_unit] + (bucketed.home_bucket >> narrowed_by)
        pupils = np.bincount(cell, bucketed.home_pupils, minlength=cells).reshape(count + 1, -1)
        schools = (pupils > 0).sum(axis=1)
        if len(bucketed.other_code):
            cell = first_cell[bucketed.other_code] + (bucketed.other_bucket >> narrowed_by)
            pupils = pupils + np.bincount(cell, bucketed.other_pupils, minlength=cells).reshape(count + 1, -1)
        return schools[:count], pupils.max(axis=1).astype(np.int64)[:count]

    @cached_property
    def _bucketed_schools(self) -> _BucketedSchools:
        histogram = self._histogram
        pupils = histogram.counts.astype(np.float64)
        others = histogram.other_units
        return _BucketedSchools(
            hash_codes(histogram.schools.astype(np.int64), _MAX_BUCKET_BITS),
            pupils,
            self.code_of_unit[others],
            hash_codes(histogram.other_schools.astype(np.int64), _MAX_BUCKET_BITS),
            pupils[others],
        )

    def _count_schools_exactly(self, class_of_code: IntArray, chosen: BoolArray) -> tuple[IntArray, IntArray]:
        """Per chosen class the number of distinct home schools and the pupils of its largest school."""
        class_of_unit = _number_chosen(chosen)[class_of_code][self.code_of_unit]
        return count_schools_by_class(self._histogram, class_of_unit, int(np.count_nonzero(chosen)))


def _number_chosen(chosen: BoolArray) -> IntArray:
    """Number the chosen classes from 0 and give all others the number after the last."""
    count = int(np.count_nonzero(chosen))
    number = np.full(len(chosen), count, dtype=np.int64)
    number[chosen] = np.arange(count)
    return number


def _expand_flags(chosen: BoolArray, flags: BoolArray) -> BoolArray:
    """BoolArray of the chosen classes as flags of all classes, False for the others."""
    expanded = np.zeros_like(chosen)
    expanded[chosen] = flags
    return expanded
