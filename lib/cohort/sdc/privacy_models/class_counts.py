"""The counts that constraints look at, taken exactly from the units of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.constraints import ClassConstraint, ClassCounts, classes_satisfying_all


def count_classes(
    histogram: Histogram, class_of: IntArray, classes: int, constraints: Sequence[ClassConstraint]
) -> ClassCounts:
    """Counts every class for the constraints given.

    Takes: for each unit its class, from 0, or `classes` or −1 for a unit in none; how many classes there are.
    Gives: pupils always; schools and the largest one where a rule asks.
    """
    counted = histogram.counts.astype(np.float64)
    of = np.where(class_of < 0, classes, class_of)
    pupils = np.bincount(of, counted, minlength=classes + 1)[:classes].astype(np.int64)
    schools, largest = np.zeros(classes, np.int64), pupils.copy()
    if any(rule.needs_schools for rule in constraints):
        schools, largest = count_schools_by_class(histogram, of, classes)
    return ClassCounts(pupils, schools, largest)


def classes_satisfying_constraints(
    histogram: Histogram, class_of: IntArray, classes: int, constraints: Sequence[ClassConstraint]
) -> BoolArray:
    """Which classes have pupils and meet every constraint."""
    return classes_satisfying_all(constraints, count_classes(histogram, class_of, classes, constraints))


def count_schools_by_class(histogram: Histogram, of: IntArray, classes: int) -> tuple[IntArray, IntArray]:
    """Per class the number of distinct home schools, and the pupils of the school that delivered for most."""
    unit = np.flatnonzero(of < classes)
    pair = np.flatnonzero(of[histogram.other_units] < classes)
    ids = np.concatenate((histogram.schools[unit], histogram.other_schools[pair])).astype(np.int64)
    schools, largest = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    if not len(ids):
        return schools, largest
    width = int(ids.max() + 1).bit_length()
    other = histogram.other_units[pair]
    cells, place = np.unique((np.concatenate((of[unit], of[other])) << width) | (ids + 1), return_inverse=True)
    at_home = np.zeros(len(cells), dtype=np.bool_)
    at_home[place[: len(unit)]] = True
    delivered = np.concatenate((histogram.counts[unit], histogram.counts[other]))
    of_cell = cells >> width
    schools += np.bincount(of_cell[at_home], minlength=classes)
    first = np.flatnonzero(np.diff(of_cell, prepend=-1))
    sums = np.bincount(place, delivered.astype(np.float64)).astype(np.int64)
    largest[of_cell[first]] = np.maximum.reduceat(sums, first)
    return schools, largest
