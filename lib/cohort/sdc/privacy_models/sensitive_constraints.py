"""Counts of sensitive values per class, and the interface of the constraints on them.

The constraints are in `l_diversity`, `t_closeness` and `dominance`; `sensitive_suppression` applies them after a
search. They look only at pupils whose value may be released: a pupil without a value (`onbekend`) is in another class.
No search sees these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cohort.sdc.model import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class SchoolValueCounts:
    """Pupils per class, school and sensitive value, one entry per combination that occurs.

    A school here is a school or a board of schools: either knows its own pupils. A pupil of several of them is
    counted at each.

    Args:
        classes: the class of each entry.
        schools: the number of its school or board.
        values: the number of its sensitive value.
        pupils: how many pupils there are, at least 1.

    Raises:
        ValueError: the arrays differ in length, or an entry has no pupil (a defect of the caller).
    """

    classes: IntArray
    schools: IntArray
    values: IntArray
    pupils: IntArray

    def __post_init__(self) -> None:
        lengths = {len(self.classes), len(self.schools), len(self.values), len(self.pupils)}
        if len(lengths) > 1 or (len(self.pupils) and self.pupils.min() < 1):
            raise ValueError("the arrays of school value counts differ in length, or a combination has no pupil")


@dataclass(frozen=True, eq=False)
class SensitiveValueCounts:
    """The pupils with a sensitive value, counted per class and value.

    Args:
        pupils_by_value: `[class, value]`.
        cohort_pupils: per value the pupils of the whole cohort, also those who are suppressed.
        by_school: the same counts per school, where schools are known.
    """

    pupils_by_value: IntArray
    cohort_pupils: IntArray
    by_school: SchoolValueCounts | None = None

    @property
    def pupils(self) -> IntArray:
        """The pupils with a value, per class."""
        pupils: IntArray = self.pupils_by_value.sum(axis=1)
        return pupils


class SensitiveValueConstraint(Protocol):
    """A privacy model for the sensitive values of one class; two classes that satisfy it satisfy it when merged."""

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        """Whether each class satisfies the constraint."""


def classes_satisfying_value_constraints(
    constraints: Sequence[SensitiveValueConstraint], counts: SensitiveValueCounts
) -> BoolArray:
    """Which classes satisfy every constraint on their sensitive values."""
    satisfied = np.ones(len(counts.pupils_by_value), dtype=np.bool_)
    for constraint in constraints:
        satisfied &= constraint.satisfied_by(counts)
    return satisfied
