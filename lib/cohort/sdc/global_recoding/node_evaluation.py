"""One level vector tried: what it costs, and what it shows of all finer and coarser ones.

What a trial shows holds for the finer vectors because a class that fails a constraint which survives merging
consists of finer classes that fail it. So a vector that must suppress too much rules out all finer ones, and
one that need not bounds them by what it suppresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf
from typing import Any

import numpy as np

from cohort.sdc.global_recoding.constraint_checker import ConstraintChecker
from cohort.sdc.global_recoding.lattice_frontier import BOUND_SLACK, LevelVectorSet
from cohort.sdc.model.arrays import FloatArray
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.equivalence_classes import ClassSelection, EquivalenceClasses, mask_codes
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import SUPPRESSED_CLASS, Recoding
from cohort.sdc.privacy_models.class_constraints import (
    ClassConstraint,
    classes_satisfying_constraints,
    minimum_class_size,
)
from cohort.sdc.utility.loss import WeightedLoss
from cohort.sdc.utility.objectives import NO_BOUND, ObjectiveValue, ScoreBound, bound_at_levels, make_search_objective

_AFFORDABLE = 5_000_000_000
"""The work of about half a minute, in codes that are grouped to try a vector."""
_AT_LEAST, _THROUGH = 15_000, 4
"""What a trial takes in any case, and what one takes per code in whom too many are not soon seen."""


@dataclass(frozen=True)
class CandidateNode:
    """A level vector that will do, with what it costs when the failing classes are suppressed."""

    levels: LevelVector
    price: ObjectiveValue
    classes: int

    @property
    def rank(self) -> tuple[float, int, LevelVector]:
        """Of equal costs the fewest classes (larger crowds for the same loss), then the first in order."""
        return self.price.rank, self.classes, self.levels


@dataclass(frozen=True, eq=False)
class NodeEvaluation:
    """What a level vector shows.

    Takes: whether it, and so every finer one, must suppress too many pupils; if not, bounds for every finer
    and every coarser one; the vector as a candidate, if it is one and may be the best.
    """

    out: bool
    finer: ScoreBound = NO_BOUND
    coarser: float = NO_BOUND
    candidate: CandidateNode | None = None


class NodeEvaluator:
    """One cohort under one set of constraints and one objective, and what the vectors tried show of others.

    Takes: a histogram of at least one pupil, its coding, the constraints, the objective by name, the weights
    of the columns, the part of the pupils that may be suppressed, the most vectors that may be tried.
    Gives: `everywhere`, a bound for every level vector, as a score of each column by level; `best`, the best
    candidate so far; `tried`.
    """

    def __init__(
        self,
        histogram: Histogram,
        coding: Coding,
        constraints: Sequence[ClassConstraint],
        objective: str,
        weights: WeightedLoss,
        limit: Fraction,
        most: int | None = None,
    ) -> None:
        self._histogram, self._coding, self._constraints = histogram, coding, constraints
        self._weights, self._population = weights, ConstraintChecker(histogram)
        self._all = self._population.by_code
        self._most_suppressed = floor(limit * histogram.pupils)
        self._k = minimum_class_size(constraints)
        self._goal = make_search_objective(objective, weights, coding, self._all, self._k)
        self.everywhere: list[FloatArray] = self._goal.everywhere()
        self.best: CandidateNode | None = None
        self.tried, self._most, self._work = 0, most, 0
        top = tuple(height - 1 for height in coding.heights)
        self._out, self._fine = LevelVectorSet(top), LevelVectorSet(top)

    @property
    def score(self) -> float:
        """The best score so far."""
        return self.best.price.score if self.best else inf

    @property
    def spent(self) -> bool:
        """Whether no more vectors may be tried."""
        return self._work >= _AFFORDABLE if self._most is None else self.tried >= self._most

    def attempt(self, levels: LevelVector, worth: float) -> NodeEvaluation:
        """Tries a level vector.

        Takes: the score above which a candidate is of no use.
        """
        grouping = self._tried(levels)
        if grouping is None:
            return self._ruled_out(levels)
        self._work += _THROUGH * len(grouping.classes)
        large = ClassSelection(grouping, grouping.large)
        finer, coarser = self._goal.finer(large), self._goal.coarser(large)
        if bound_at_levels(finer, levels) > worth + BOUND_SLACK:
            return NodeEvaluation(False, finer, coarser)
        verdict = self._population.judge(grouping, self._constraints)
        lasting = large.narrowed(verdict.lasting)
        if self._too_many(lasting):
            return self._ruled_out(levels)
        self._fine.add(levels)
        finer = self._goal.finer(lasting)
        released = lasting.narrowed(verdict.satisfied)
        if not len(released.pupils) or self._too_many(released):
            return NodeEvaluation(False, finer, coarser)
        found = CandidateNode(levels, self._goal.price(levels, released), len(released.pupils))
        if self.best is None or found.rank < self.best.rank:
            self.best = found
        return NodeEvaluation(False, finer, coarser, found)

    def rules_out(self, levels: LevelVector) -> bool:
        """Whether a level vector, and so every finer one, must suppress too many pupils."""
        if self._fine.any_below(levels):
            return False
        if self.known_out(levels):
            return True
        grouping = self._tried(levels)
        if grouping is not None:
            verdict = self._population.judge(grouping, self._constraints)
            if not self._too_many(ClassSelection(grouping, verdict.lasting)):
                self._fine.add(levels)
                return False
        return self._ruled_out(levels).out

    def known_out(self, levels: LevelVector) -> bool:
        """The same, as far as it follows from the vectors tried."""
        return self._out.any_above(levels)

    def recoding(self, best: CandidateNode, facts: dict[str, Any]) -> Recoding:
        """The outcome of a search.

        Refuses (as a defect): a class that does not satisfy every constraint when it is counted once more.
        """
        grouping = self._grouped(best.levels)
        if grouping is None:
            raise ValueError("a level vector that was found to do does not")
        verdict = self._population.judge(grouping, self._constraints)
        released = verdict.satisfied[grouping.classes][self._population.code_of_unit]
        masked = mask_codes(self._histogram.codes[:, released], self._coding.mask(best.levels))
        classes, place = np.unique(masked, return_inverse=True)
        class_of = np.full(self._histogram.units, SUPPRESSED_CLASS, dtype=np.int64)
        class_of[released] = place
        if not classes_satisfying_constraints(self._histogram, class_of, len(classes), self._constraints).all():
            raise ValueError("a class that was found to satisfy every constraint does not")
        levels = np.tile(np.array(best.levels, dtype=np.int8), (len(classes), 1))
        told = {"kind": "global", **facts, "tried": self.tried, "objective": best.price.value}
        return Recoding.of(self._histogram, self._coding, class_of, levels, self._weights, told)

    def value(self, score: float) -> float:
        """The objective at a score."""
        return self._goal.value(score)

    def _tried(self, levels: LevelVector) -> EquivalenceClasses | None:
        self.tried += 1
        self._work += _AT_LEAST + self._all.codes.shape[1]
        return self._grouped(levels)

    def _grouped(self, levels: LevelVector) -> EquivalenceClasses | None:
        return self._all.group(self._coding.mask(levels), self._k, self._most_suppressed)

    def _ruled_out(self, levels: LevelVector) -> NodeEvaluation:
        self._out.add(levels)
        return NodeEvaluation(out=True)

    def _too_many(self, released: ClassSelection) -> bool:
        return self._all.total - int(released.pupils.sum()) > self._most_suppressed
