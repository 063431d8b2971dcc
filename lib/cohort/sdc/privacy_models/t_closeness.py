"""How far the sensitive values of a class may lie from those of the whole cohort."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.privacy_models.constraints import parse_share
from cohort.sdc.privacy_models.l_diversity import SensitiveValueCounts

_WHAT = "distance to the cohort's sensitive values (t)"
_ROOM = 1 << 62


@dataclass(frozen=True, init=False)
class TCloseness(ABC):
    """The sensitive values of a class are at most t away from those of the whole cohort: t-closeness (Li, Li
    and Venkatasubramanian, 2007).

    Takes: t from 0 to 1, for example `"1/5"` or `0.2`; a float counts as the decimals it is written with.

    Two classes that satisfy it do so together, as each of the distances is convex: that of the joined class
    is at most the mean of theirs. It does not survive merging with any class: the joined class may be one of
    a single value.
    """

    t: Fraction

    def __init__(self, t: Fraction | float | str) -> None:
        object.__setattr__(self, "t", parse_share(t, _WHAT))

    def holds(self, counts: SensitiveValueCounts) -> BoolArray:
        return self._near(counts) if self.t < 1 else np.ones(len(counts.values), dtype=np.bool_)

    @abstractmethod
    def _near(self, counts: SensitiveValueCounts) -> BoolArray:
        """Whether each class is near enough, by the distance of its kind."""


class EqualDistanceTCloseness(TCloseness):
    """Closeness with all values equally far apart: D = ½ Σ |p_i − q_i|, p the class's and q the cohort's part
    of value i.
    """

    def _near(self, counts: SensitiveValueCounts) -> BoolArray:
        apart = _apart(counts, widest=2)
        # D · n · N = ½ Σ |n_i · N − N_i · n|
        near: BoolArray = np.abs(apart).sum(axis=1) <= _part(self.t, counts, times=2)
        return near

    def __str__(self) -> str:
        return f"sensitive values at most {self.t} (equal distance) from the cohort's"


class OrderedDistanceTCloseness(TCloseness):
    """Closeness where values have an order, so that the highest is further from the lowest than from the
    next: the earth mover's distance on equally spaced values, D = 1/(m − 1) · Σ_i |Σ_{j ≤ i} (p_j − q_j)|
    for m values. The order is that of the values' places; values that nobody has count as places too.
    """

    def _near(self, counts: SensitiveValueCounts) -> BoolArray:
        steps = max(counts.values.shape[1] - 1, 0)
        apart = _apart(counts, widest=max(steps, 2))
        # D · n · N · (m − 1) = Σ_i |Σ_{j ≤ i} (n_j · N − N_j · n)|; the last sum is 0.
        near: BoolArray = np.abs(apart.cumsum(axis=1)).sum(axis=1) <= _part(self.t, counts, times=steps)
        return near

    def __str__(self) -> str:
        return f"sensitive values at most {self.t} (ordered distance) from the cohort's"


def _apart(counts: SensitiveValueCounts, *, widest: int) -> IntArray:
    """(p_i − q_i) · n · N in whole numbers, `[class, value]`.

    Takes: how many times n · N a sum of them can come to.
    Refuses (as a defect): a cohort for which that is no int64 (a thousand million pupils and two values).
    """
    values, overall = counts.values, counts.overall
    total = int(overall.sum())
    if widest * total * total >= _ROOM:
        raise ValueError("the cohort is too large for its sensitive values to be compared in whole numbers")
    apart: IntArray = values * total - values.sum(axis=1, keepdims=True) * overall
    return apart


def _part(t: Fraction, counts: SensitiveValueCounts, *, times: int) -> IntArray:
    """The whole part of t · times · n · N per class, without ever leaving an int64."""
    whole = counts.values.sum(axis=1) * (int(counts.overall.sum()) * times)
    many, few = np.divmod(whole, t.denominator)
    part: IntArray = many * t.numerator + few * t.numerator // t.denominator
    return part
