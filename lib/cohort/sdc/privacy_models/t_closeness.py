"""t-closeness: how far the sensitive values of a class may lie from those of the whole cohort.

Source: Li, Li and Venkatasubramanian (2007), t-Closeness: Privacy beyond k-anonymity and l-diversity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cohort.sdc.model import BoolArray, IntArray
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.thresholds import parse_share

_LARGEST_SUM = 1 << 62


@dataclass(frozen=True, init=False)
class TCloseness(ABC):
    """The distribution of the sensitive values of a class is at most t away from that of the whole cohort.

    The subclasses are the distances. Below, p_i and q_i are the shares of value i in the class and in the cohort, n
    and N their pupils, n_i and N_i those with value i. All comparisons are exact, in whole numbers.

    Two classes that satisfy it satisfy it when merged, since the distances are convex. It is not monotonic: the
    merged class can have a single value.

    Args:
        t: from 0 to 1, for example `"1/5"` or `0.2`; a float counts as the decimals it prints with.

    Raises:
        ConfigurationRefused: t is no such number, or has more than six decimals.
    """

    t: Fraction

    def __init__(self, t: Fraction | float | str) -> None:
        object.__setattr__(self, "t", parse_share(t, "distance to the cohort's sensitive values (t)"))

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        if self.t == 1:
            return np.ones(len(counts.pupils_by_value), dtype=np.bool_)
        return self._within_distance(counts)

    @abstractmethod
    def _within_distance(self, counts: SensitiveValueCounts) -> BoolArray:
        """Whether each class is at a distance of at most t."""


class EqualDistanceTCloseness(TCloseness):
    """t-closeness with all values equally far apart: D = ½ Σ |p_i − q_i|, the total variation distance."""

    def _within_distance(self, counts: SensitiveValueCounts) -> BoolArray:
        differences = _scaled_differences(counts, largest_multiple=2)
        # 2 · D · n · N = Σ |n_i · N − N_i · n|
        within: BoolArray = np.abs(differences).sum(axis=1) <= _scaled_limit(self.t, counts, multiple=2)
        return within

    def __str__(self) -> str:
        return f"sensitive values at most {self.t} (equal distance) from the cohort's"


class OrderedDistanceTCloseness(TCloseness):
    """t-closeness for ordered values: the earth mover's distance on m equally spaced values.

    D = 1/(m − 1) · Σ_i |Σ_{j ≤ i} (p_j − q_j)|. The values are ordered by their numbers; a value that nobody has
    still takes its place in the order.
    """

    def _within_distance(self, counts: SensitiveValueCounts) -> BoolArray:
        steps = max(counts.pupils_by_value.shape[1] - 1, 0)
        differences = _scaled_differences(counts, largest_multiple=max(steps, 2))
        # D · n · N · (m − 1) = Σ_i |Σ_{j ≤ i} (n_j · N − N_j · n)|; the last of the inner sums is 0.
        moved = np.abs(differences.cumsum(axis=1)).sum(axis=1)
        within: BoolArray = moved <= _scaled_limit(self.t, counts, multiple=steps)
        return within

    def __str__(self) -> str:
        return f"sensitive values at most {self.t} (ordered distance) from the cohort's"


def _scaled_differences(counts: SensitiveValueCounts, *, largest_multiple: int) -> IntArray:
    """(p_i − q_i) · n · N in whole numbers, `[class, value]`.

    Args:
        largest_multiple: the multiple of n · N that a sum of them can reach.

    Raises:
        ValueError: that sum does not fit an int64: a thousand million pupils and two values (a defect).
    """
    values, cohort = counts.pupils_by_value, counts.cohort_pupils
    total = int(cohort.sum())
    if largest_multiple * total * total >= _LARGEST_SUM:
        raise ValueError("the cohort is too large for its sensitive values to be compared in whole numbers")
    differences: IntArray = values * total - values.sum(axis=1, keepdims=True) * cohort
    return differences


def _scaled_limit(t: Fraction, counts: SensitiveValueCounts, *, multiple: int) -> IntArray:
    """The whole part of t · multiple · n · N per class, computed without leaving an int64."""
    scale = counts.pupils * (int(counts.cohort_pupils.sum()) * multiple)
    quotient, remainder = np.divmod(scale, t.denominator)
    limit: IntArray = quotient * t.numerator + remainder * t.numerator // t.denominator
    return limit
