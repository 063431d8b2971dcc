"""What a global search minimises, and the lower bounds that let it prove an optimum.

Every objective is searched by its *score*, a number that grows with the objective. Information loss and entropy are
sums over the columns, which only grow with the levels and with the pupils suppressed. Average class size and
discernibility do not depend on columns; there the classes at one level vector bound what finer and coarser vectors can
reach. In the formulas N is the number of all pupils, E a released class, sup the number of suppressed pupils.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, log
from typing import Literal, Protocol

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import BoolArray, ClassSelection, Coding, DistinctCodes, FloatArray, LevelVector, WeightedLoss
from cohort.sdc.utility.column_losses import ColumnLosses, LeafCounts
from cohort.sdc.utility.entropy import EntropyByLevel

ObjectiveName = Literal["geometric", "mean", "class-size", "discernibility", "entropy"]
"""Every objective of a global search, by its name in settings."""

ScoreBound = list[FloatArray] | float
"""A lower bound of the scores of a set of level vectors: per column a part by level, to be summed, or one number."""

NO_BOUND = float("-inf")

_SCORE_DECIMALS = 12
"""Scores that are equal to this many decimals count as equal."""


@dataclass(frozen=True)
class ObjectiveValue:
    """What releasing a set of classes costs.

    Args:
        score: comparable with bounds.
        rank: decides between recodings; exact where the objective is of whole numbers.
        value: the objective itself.
    """

    score: float
    rank: float
    value: float


class SearchObjective(Protocol):
    """An objective as a global search uses it."""

    def bounds_everywhere(self) -> list[FloatArray]:
        """A lower bound for every level vector, known before the search: per column a part by level."""

    def bound_finer(self, lasting: ClassSelection) -> ScoreBound:
        """A lower bound for a level vector and every finer one, whose released classes all lie within `lasting`."""

    def bound_coarser(self, large: ClassSelection) -> float:
        """A lower bound for a level vector and every coarser one, from all its classes of at least k pupils."""

    def evaluate(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:
        """The cost of releasing these classes and suppressing everybody else."""

    def value_at_score(self, score: float) -> float:
        """The objective at a score."""


def bound_at_levels(bound: ScoreBound, levels: LevelVector) -> float:
    """The bound for one level vector."""
    if isinstance(bound, float):
        return bound
    return sum(float(score[level]) for score, level in zip(bound, levels, strict=True))


def make_search_objective(
    name: str, weights: WeightedLoss, coding: Coding, cohort: DistinctCodes, k: int
) -> SearchObjective:
    """The objective with this name, for one cohort.

    Args:
        name: one of `ObjectiveName`.
        weights: the weights of the columns; class size and discernibility ignore them.
        k: the fewest pupils that a class can have.

    Raises:
        ConfigurationRefused: for another name.
    """
    leaf_counts = LeafCounts(coding, cohort.codes, cohort.pupils)
    if name in ("geometric", "mean"):
        return LossObjective(WeightedLoss(name, weights.weights), coding, leaf_counts)
    if name == "entropy":
        return EntropyObjective(weights, coding, leaf_counts)
    if name == "class-size":
        return ClassSizeObjective(coding, cohort, leaf_counts, k)
    if name == "discernibility":
        return DiscernibilityObjective(coding, cohort, leaf_counts, k)
    raise ConfigurationRefused(
        describe_problem(
            "an objective by name",
            example="`geometric`, `mean`, `class-size`, `discernibility` or `entropy`",
            found="another name",
            where="the recoding's objective",
            do="Name one of the five",
        )
    )


class _ColumnObjective:
    """An objective whose score is a sum over the columns, once it is known which codes are released."""

    _last: tuple[ClassSelection, list[FloatArray]] | None = None

    def scores(self, released: BoolArray) -> list[FloatArray]:
        """Per column the score by level, when these of the distinct codes are released."""
        raise NotImplementedError

    def value_at_score(self, score: float) -> float:
        raise NotImplementedError

    def bound_finer(self, lasting: ClassSelection) -> ScoreBound:
        return self._scores_of(lasting)

    def bound_coarser(self, large: ClassSelection) -> float:  # noqa: ARG002 - the protocol's name
        return NO_BOUND

    def evaluate(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:
        score = bound_at_levels(self._scores_of(released), levels)
        return ObjectiveValue(score, round(score, _SCORE_DECIMALS), self.value_at_score(score))

    def _scores_of(self, classes: ClassSelection) -> list[FloatArray]:
        """The scores, remembered for the last selection: it is asked for twice where all its classes are released."""
        if self._last is None or self._last[0] is not classes:
            self._last = classes, self.scores(classes.contains_code)
        return self._last[1]


class LossObjective(_ColumnObjective):
    """Mean or geometric information loss; the formulas are in `model.information_loss`."""

    def __init__(self, weighted_loss: WeightedLoss, coding: Coding, leaf_counts: LeafCounts) -> None:
        self._weighted_loss = weighted_loss
        self._column_losses, self._codes = ColumnLosses(coding, leaf_counts), leaf_counts.number_of_codes

    def bounds_everywhere(self) -> list[FloatArray]:
        return self.scores(np.ones(self._codes, dtype=np.bool_))

    def scores(self, released: BoolArray) -> list[FloatArray]:
        return self._weighted_loss.scores(self._column_losses.losses(released))

    def value_at_score(self, score: float) -> float:
        return expm1(score) if self._weighted_loss.kind == "geometric" else score


class EntropyObjective(_ColumnObjective):
    """Non-uniform entropy; the formula is in `entropy`.

    The weights of the columns are scaled to a mean of 1. The score is the number of bits per pupil and column.
    """

    def __init__(self, weights: WeightedLoss, coding: Coding, leaf_counts: LeafCounts) -> None:
        self._entropy, self._columns = EntropyByLevel(coding, leaf_counts), coding.columns
        self._parts = [weight / self._entropy.pupils for weight in weights.normalised_weights]

    def bounds_everywhere(self) -> list[FloatArray]:
        return self._weighted(self._entropy.generalised)

    def scores(self, released: BoolArray) -> list[FloatArray]:
        suppressed = self._entropy.suppressed(released)
        parts = zip(self._entropy.generalised, suppressed, strict=True)
        return self._weighted([by_generalisation + by_suppression for by_generalisation, by_suppression in parts])

    def value_at_score(self, score: float) -> float:
        return score * self._entropy.pupils * self._columns

    def _weighted(self, bits: list[FloatArray]) -> list[FloatArray]:
        return [part * column for part, column in zip(self._parts, bits, strict=True)]


class _ClassObjective:
    """An objective of the sizes of the classes alone.

    Its score is a logarithm, so that a sum over the columns bounds it: there are no more classes than combinations
    of values.
    """

    def __init__(self, coding: Coding, cohort: DistinctCodes, leaf_counts: LeafCounts, k: int) -> None:
        self._cohort, self._k, self._pupils = cohort, max(k, 1), cohort.total
        self._occurring_values = [
            np.array([len(np.unique(tree.groups(level)[pupils > 0])) for level in range(tree.height)])
            for tree, pupils in zip(coding.hierarchies, leaf_counts.all_pupils, strict=True)
        ]

    def bounds_everywhere(self) -> list[FloatArray]:
        first, *rest = [-np.log(values) for values in self._occurring_values]
        return [first + log(self._pupils), *rest]


class ClassSizeObjective(_ClassObjective):
    """Average class size, N / (|E| + 1 if any pupil is suppressed): the suppressed pupils are one more class.

    Source: LeFevre, DeWitt and Ramakrishnan (2006), as ARX counts it. The score is its logarithm.
    """

    def bound_finer(self, lasting: ClassSelection) -> ScoreBound:
        """A class is split into at most one class per k pupils, and at most one per distinct code."""
        parts = np.minimum(lasting.pupils // self._k, lasting.distinct_codes)
        return self._score(int(parts.sum()) + 1)

    def bound_coarser(self, large: ClassSelection) -> float:
        """Every coarser class contains a large class, or k of the pupils in small classes."""
        in_small_classes = self._pupils - int(large.pupils.sum())
        return self._score(len(large.pupils) + in_small_classes // self._k + 1)

    def evaluate(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:  # noqa: ARG002 - the protocol's name
        classes = len(released.pupils) + (int(released.pupils.sum()) < self._pupils)
        return ObjectiveValue(self._score(classes), -classes, self._pupils / classes)

    def value_at_score(self, score: float) -> float:
        return exp(score)

    def _score(self, classes: int) -> float:
        return log(self._pupils / classes)


class DiscernibilityObjective(_ClassObjective):
    """Discernibility, Σ|E|² + sup · N: every pupil pays the number of pupils with the same released record.

    Source: Bayardo and Agrawal (2005). The score is the logarithm of what a pupil pays on average.
    """

    def __init__(self, coding: Coding, cohort: DistinctCodes, leaf_counts: LeafCounts, k: int) -> None:
        super().__init__(coding, cohort, leaf_counts, k)
        same_code = cohort.pupils.astype(np.int64)
        self._least_paid = same_code * np.maximum(same_code, self._k)

    def bound_finer(self, lasting: ClassSelection) -> ScoreBound:
        """A released pupil pays at least k and at least the pupils with the same code; the others pay N."""
        suppressed = self._pupils - int(lasting.pupils.sum())
        return self._score(int(self._least_paid[lasting.contains_code].sum()) + suppressed * self._pupils)

    def bound_coarser(self, large: ClassSelection) -> float:
        """A pupil in a large class pays at least that class, the others at least k."""
        in_small_classes = self._pupils - int(large.pupils.sum())
        return self._score(int(large.pupils @ large.pupils) + in_small_classes * min(self._k, self._pupils))

    def evaluate(self, levels: LevelVector, released: ClassSelection) -> ObjectiveValue:  # noqa: ARG002 - the protocol's name
        suppressed = self._pupils - int(released.pupils.sum())
        paid = int(released.pupils @ released.pupils) + suppressed * self._pupils
        return ObjectiveValue(self._score(paid), paid, paid)

    def value_at_score(self, score: float) -> float:
        return exp(score) * self._pupils

    def _score(self, paid: int) -> float:
        return log(paid / self._pupils)
