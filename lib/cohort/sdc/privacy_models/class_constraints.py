"""Counts per equivalence class, and the interface of the constraints that the searches put on classes.

A search counts the pupils and schools of its classes here and asks which classes satisfy every constraint. The
constraints themselves are in `k_anonymity`, `school_diversity` and `dominance`. None of them sees a sensitive value.

A school stands for anybody who knows its own pupils. Where boards of schools are known, boards are counted as the
schools: a board knows the pupils of all of its schools, and what holds for the board holds for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from cohort.sdc.model import BoolArray, Histogram, IntArray


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """What constraints look at, one entry per class.

    In data without schools every class has 0 schools, and its largest school has all of its pupils.

    Args:
        pupils: the number of pupils.
        schools: the number of distinct home schools.
        largest_school: the pupils of whom the largest school delivered a released value.
    """

    pupils: IntArray
    schools: IntArray
    largest_school: IntArray


class ClassConstraint(Protocol):
    """A privacy model that an equivalence class must satisfy before it is released.

    Two classes that satisfy it also satisfy it when merged, so classes with equal released values can be joined.
    More schools, or a smaller largest school, never break it.

    `is_monotonic`: a class that satisfies it still does after *any* other class is merged with it (monotonic with
    generalisation, in the terms of ARX). Only such a constraint lets a search conclude from one level vector to the
    finer ones.
    """

    is_monotonic: ClassVar[bool]

    @property
    def needs_schools(self) -> bool: ...

    @property
    def minimum_class_size(self) -> int:
        """A class of fewer pupils certainly fails."""

    def satisfied_by(self, counts: ClassCounts) -> BoolArray:
        """Whether each class satisfies the constraint."""


def classes_satisfying_all(constraints: Sequence[ClassConstraint], counts: ClassCounts) -> BoolArray:
    """Which classes have pupils and satisfy every constraint."""
    satisfied = counts.pupils > 0
    for constraint in constraints:
        satisfied &= constraint.satisfied_by(counts)
    return satisfied


def minimum_class_size(constraints: Sequence[ClassConstraint]) -> int:
    """The size under which a class certainly fails one of the constraints."""
    return max((constraint.minimum_class_size for constraint in constraints), default=1)


def count_classes(
    histogram: Histogram, class_of: IntArray, classes: int, constraints: Sequence[ClassConstraint]
) -> ClassCounts:
    """Count the pupils of every class, and its schools where a constraint needs them.

    Args:
        class_of: per unit of the histogram its class from 0; `classes` or −1 for a unit in no class.
        classes: how many classes there are.
    """
    class_or_none = np.where(class_of < 0, classes, class_of)
    pupils = np.bincount(class_or_none, histogram.counts.astype(np.float64), minlength=classes + 1)
    pupils = pupils[:classes].astype(np.int64)
    schools, largest = np.zeros(classes, np.int64), pupils.copy()
    if any(constraint.needs_schools for constraint in constraints):
        schools, largest = count_schools_by_class(histogram, class_or_none, classes)
    return ClassCounts(pupils, schools, largest)


def classes_satisfying_constraints(
    histogram: Histogram, class_of: IntArray, classes: int, constraints: Sequence[ClassConstraint]
) -> BoolArray:
    """Which classes have pupils and satisfy every constraint, counted exactly from the units (see `count_classes`)."""
    return classes_satisfying_all(constraints, count_classes(histogram, class_of, classes, constraints))


def count_schools_by_class(histogram: Histogram, class_of: IntArray, classes: int) -> tuple[IntArray, IntArray]:
    """Count the schools of each class exactly.

    Args:
        class_of: per unit its class from 0, or `classes` for a unit in no class.

    Returns:
        Per class the number of distinct home schools, and the pupils of the school that delivered for most of them.
    """
    unit = np.flatnonzero(class_of < classes)
    pair = np.flatnonzero(class_of[histogram.other_units] < classes)
    ids = np.concatenate((histogram.schools[unit], histogram.other_schools[pair])).astype(np.int64)
    schools, largest = np.zeros(classes, np.int64), np.zeros(classes, np.int64)
    if not len(ids):
        return schools, largest
    # A cell is a class and a school, packed in one number.
    width = int(ids.max() + 1).bit_length()
    other_unit = histogram.other_units[pair]
    packed = (np.concatenate((class_of[unit], class_of[other_unit])) << width) | (ids + 1)
    cells, cell_of_entry = np.unique(packed, return_inverse=True)
    is_home = np.zeros(len(cells), dtype=np.bool_)
    is_home[cell_of_entry[: len(unit)]] = True
    delivered = np.concatenate((histogram.counts[unit], histogram.counts[other_unit]))
    class_of_cell = cells >> width
    schools += np.bincount(class_of_cell[is_home], minlength=classes)
    first_cell = np.flatnonzero(np.diff(class_of_cell, prepend=-1))
    pupils_in_cell = np.bincount(cell_of_entry, delivered.astype(np.float64)).astype(np.int64)
    largest[class_of_cell[first_cell]] = np.maximum.reduceat(pupils_in_cell, first_cell)
    return schools, largest
