"""What a search makes small, and what the classes at one level vector tell about all finer and coarser ones.

Every objective is searched through its *score*, a number that grows with it. Losses and entropy are sums over
the columns, which only grow with the levels and with the pupils suppressed. Class size and discernibility
know no columns: there the classes themselves bound what finer and coarser ones can reach. In these formulas
N is the number of all pupils, E a released class, sup the number of suppressed pupils.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, log
from typing import Protocol

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, FloatArray
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.equivalence_classes import ClassSelection, DistinctCodes
from cohort.sdc.utility.entropy import EntropyByLevel
from cohort.sdc.utility.loss import ColumnLosses, LeafCounts, WeightedLoss

ScoreBound = list[FloatArray] | float
"""A score that no vector in a range can be under: a sum over the columns by level, or one number."""
NO_BOUND = float("-inf")

_DIGITS = 12
"""Scores that are equal to this many decimals count as equal."""


@dataclass(frozen=True)
class ObjectiveValue:
    """What releasing some classes costs.

    Takes: the score, comparable with bounds; what decides between recodings, exact where the objective is of
    whole numbers; the objective itself.
    """

    score: float
    rank: float
    value: float


class SearchObjective(Protocol):
    """An objective, as the search needs it."""

    def everywhere(self) -> list[FloatArray]:
        """A bound for every level vector, known beforehand."""

    def finer(self, lasting: ClassSelection) -> ScoreBound:
        """A bound for a level vector and every finer one, whose classes lie in these."""

    def coarser(self, large: ClassSelection) -> float:
        """A bound for a level vector and every coarser one, given all its classes of k pupils."""

    def price(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue: ...

    def value(self, score: float) -> float:
        """The objective at a score."""


def bound_at_levels(bound: ScoreBound, levels: LevelVector) -> float:
    """What a bound says of one level vector."""
    if isinstance(bound, float):
        return bound
    return sum(float(score[level]) for score, level in zip(bound, levels, strict=True))


def make_search_objective(
    kind: str, weights: WeightedLoss, coding: Coding, cohort: DistinctCodes, k: int
) -> SearchObjective:
    """The objective of a name, for one cohort.

    Takes: the name, the weights of the columns (class size and discernibility know none), the fewest pupils a
    class can have.
    Refuses: another name.
    """
    marginals = LeafCounts(coding, cohort.codes, cohort.pupils)
    if kind in ("geometric", "mean"):
        return LossObjective(kind, weights, coding, marginals)
    if kind == "entropy":
        return EntropyObjective(weights, coding, marginals)
    if kind == "class-size":
        return ClassSizeObjective(coding, cohort, marginals, k)
    if kind == "discernibility":
        return DiscernibilityObjective(coding, cohort, marginals, k)
    raise ConfigurationRefused(
        describe_problem(
            "an objective by name",
            example="`geometric`, `mean`, `class-size`, `discernibility` or `entropy`",
            found="another name",
            where="the recoding's objective",
            do="Name one of the five",
        )
    )


class _OfColumns:
    """An objective whose score is a sum over the columns, given who is released."""

    _last: tuple[ClassSelection, list[FloatArray]] | None = None

    def scores(self, released: BoolArray) -> list[FloatArray]:
        """Takes: the distinct codes that are released. Gives: per column the score by level."""
        raise NotImplementedError

    def value(self, score: float) -> float:
        raise NotImplementedError

    def finer(self, lasting: ClassSelection) -> ScoreBound:
        return self._scores_of(lasting)

    def coarser(self, large: ClassSelection) -> float:  # noqa: ARG002 - the protocol's name
        return NO_BOUND

    def price(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:
        score = bound_at_levels(self._scores_of(released), levels)
        return ObjectiveValue(score, round(score, _DIGITS), self.value(score))

    def _scores_of(self, chosen: ClassSelection) -> list[FloatArray]:
        """Those of the last classes are asked for again where all that last are released."""
        if self._last is None or self._last[0] is not chosen:
            self._last = chosen, self.scores(chosen.contains_code)
        return self._last[1]


class LossObjective(_OfColumns):
    """Mean or geometric loss; the formulas stand in `loss`."""

    def __init__(self, kind: str, weights: WeightedLoss, coding: Coding, marginals: LeafCounts) -> None:
        self._objective = WeightedLoss(kind, weights.weights)
        self._costs, self._codes = ColumnLosses(coding, marginals), marginals.codes

    def everywhere(self) -> list[FloatArray]:
        return self.scores(np.ones(self._codes, dtype=np.bool_))

    def scores(self, released: BoolArray) -> list[FloatArray]:
        return self._objective.scores(self._costs.losses(released))

    def value(self, score: float) -> float:
        return expm1(score) if self._objective.kind == "geometric" else score


class EntropyObjective(_OfColumns):
    """Non-uniform entropy; the formula stands in `entropy`. A column counts with its weight, set so that the
    mean of all weights is 1. The score is the number of bits per pupil and column."""

    def __init__(self, weights: WeightedLoss, coding: Coding, marginals: LeafCounts) -> None:
        self._bits, self._columns = EntropyByLevel(coding, marginals), coding.columns
        self._parts = [weight / sum(weights.weights) / self._bits.pupils for weight in weights.weights]

    def everywhere(self) -> list[FloatArray]:
        return self._weighted(self._bits.generalised)

    def scores(self, released: BoolArray) -> list[FloatArray]:
        gone = self._bits.suppressed(released)
        both = zip(self._bits.generalised, gone, strict=True)
        return self._weighted([bits + more for bits, more in both])

    def value(self, score: float) -> float:
        return score * self._bits.pupils * self._columns

    def _weighted(self, bits: list[FloatArray]) -> list[FloatArray]:
        return [part * column for part, column in zip(self._parts, bits, strict=True)]


class _OfClasses:
    """An objective of the sizes of the classes alone. Its score is a logarithm, so that it is bounded by a
    sum over the columns: there are no more classes than combinations of values."""

    def __init__(self, coding: Coding, cohort: DistinctCodes, marginals: LeafCounts, k: int) -> None:
        self._cohort, self._k, self._pupils = cohort, max(k, 1), cohort.total
        self._values = [
            np.array([len(np.unique(tree.groups(level)[at_leaf > 0])) for level in range(tree.height)])
            for tree, at_leaf in zip(coding.hierarchies, marginals.everybody, strict=True)
        ]

    def everywhere(self) -> list[FloatArray]:
        first, *rest = [-np.log(values) for values in self._values]
        return [first + log(self._pupils), *rest]


class ClassSizeObjective(_OfClasses):
    """Average class size, N / (|E| + 1 if any pupil is suppressed): the suppressed are one more class
    (LeFevre, DeWitt and Ramakrishnan, 2006; as ARX counts it). The score is its logarithm."""

    def finer(self, lasting: ClassSelection) -> ScoreBound:
        """A class is split into at most one class per k pupils, and per distinct code."""
        parts = np.minimum(lasting.pupils // self._k, lasting.distinct_codes)
        return self._score(int(parts.sum()) + 1)

    def coarser(self, large: ClassSelection) -> float:
        """A coarser class holds a large one, or k of the pupils in small ones."""
        left = self._pupils - int(large.pupils.sum())
        return self._score(len(large.pupils) + left // self._k + 1)

    def price(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:  # noqa: ARG002 - the protocol's name
        classes = len(released.pupils) + (int(released.pupils.sum()) < self._pupils)
        return ObjectiveValue(self._score(classes), -classes, self._pupils / classes)

    def value(self, score: float) -> float:
        return exp(score)

    def _score(self, classes: int) -> float:
        return log(self._pupils / classes)


class DiscernibilityObjective(_OfClasses):
    """Discernibility, Σ|E|² + sup · N: every pupil pays the number of those it cannot be told from (Bayardo
    and Agrawal, 2005). The score is the logarithm of what a pupil pays on average."""

    def __init__(self, coding: Coding, cohort: DistinctCodes, marginals: LeafCounts, k: int) -> None:
        super().__init__(coding, cohort, marginals, k)
        alike = cohort.pupils.astype(np.int64)
        self._least = alike * np.maximum(alike, self._k)

    def finer(self, lasting: ClassSelection) -> ScoreBound:
        """Who is released pays k, and those with the same code; the others pay N."""
        gone = self._pupils - int(lasting.pupils.sum())
        return self._score(int(self._least[lasting.contains_code].sum()) + gone * self._pupils)

    def coarser(self, large: ClassSelection) -> float:
        """Who is in a large class pays that class, the others at least k."""
        left = self._pupils - int(large.pupils.sum())
        return self._score(int(large.pupils @ large.pupils) + left * min(self._k, self._pupils))

    def price(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:  # noqa: ARG002 - the protocol's name
        gone = self._pupils - int(released.pupils.sum())
        paid = int(released.pupils @ released.pupils) + gone * self._pupils
        return ObjectiveValue(self._score(paid), paid, paid)

    def value(self, score: float) -> float:
        return exp(score) * self._pupils

    def _score(self, paid: int) -> float:
        return log(paid / self._pupils)
