"""Evaluation of single nodes of the lattice, with what each proves about all finer and coarser nodes.

In goes a level vector; out comes its cost as a candidate, if it satisfies the request, and bounds for other nodes.
Conclusions about finer nodes are valid because a class that fails a constraint which survives merging consists of finer
classes that fail it too. So a node that must suppress too many pupils prunes all finer nodes, and any other node
bounds their scores by what it suppresses. Branch and bound and greedy descent call this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf
from typing import Any

import numpy as np

from cohort.sdc.global_recoding.constraint_checker import ConstraintChecker
from cohort.sdc.global_recoding.lattice_frontier import BOUND_SLACK, LevelVectorSet
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model import (
    SUPPRESSED_CLASS,
    ClassSelection,
    EquivalenceClasses,
    FloatArray,
    Histogram,
    LevelVector,
    Recoding,
    mask_codes,
)
from cohort.sdc.privacy_models import classes_satisfying_constraints, minimum_class_size
from cohort.sdc.utility import NO_BOUND, ObjectiveValue, ScoreBound, bound_at_levels, make_search_objective

_WORK_BUDGET = 5_000_000_000
"""The work of about half a minute, in codes grouped to evaluate nodes."""
_WORK_PER_NODE = 15_000
"""The fixed work of evaluating a node, in codes."""
_WORK_PER_CODE = 4
"""The work per code of a node that is evaluated to the end, not given up early."""


@dataclass(frozen=True)
class CandidateNode:
    """A level vector that satisfies the request once its failing classes are suppressed, with its cost."""

    levels: LevelVector
    price: ObjectiveValue
    classes: int

    @property
    def rank(self) -> tuple[float, int, LevelVector]:
        """The order of candidates: lowest cost, then fewest classes (larger crowds), then lowest levels."""
        return self.price.rank, self.classes, self.levels


@dataclass(frozen=True, eq=False)
class NodeEvaluation:
    """What the evaluation of a node proves.

    Args:
        exceeds_limit: whether the node, and so every finer one, must suppress too many pupils.
        finer_bound: a lower bound of the score of the node and every finer one.
        coarser_bound: a lower bound of the score of the node and every coarser one.
        candidate: the node as a candidate, if it satisfies the request and may be the best.
    """

    exceeds_limit: bool
    finer_bound: ScoreBound = NO_BOUND
    coarser_bound: float = NO_BOUND
    candidate: CandidateNode | None = None


class NodeEvaluator:
    """Evaluates the nodes of one cohort's lattice for one request, and remembers the best candidate.

    Args:
        histogram: a cohort of at least one pupil.
        request: constraints, objective, suppression limit and weights.
        max_nodes: how many nodes may be evaluated; None is as many as take about half a minute.

    Attributes:
        initial_bounds: a lower bound of every node's score before any evaluation: per column a score by level.
        best: the best candidate so far.
        evaluated: how many nodes were evaluated.
    """

    def __init__(self, histogram: Histogram, request: RecodingRequest, *, max_nodes: int | None = None) -> None:
        self._histogram, self._request = histogram, request
        self._weights = request.weighted_loss("mean")
        self._checker = ConstraintChecker(histogram)
        self._cohort = self._checker.distinct_codes
        self._max_suppressed = floor(request.max_suppressed_share * histogram.pupils)
        self._k = minimum_class_size(request.constraints)
        self._objective = make_search_objective(request.objective, self._weights, request.coding, self._cohort, self._k)
        self.initial_bounds: list[FloatArray] = self._objective.bounds_everywhere()
        self.best: CandidateNode | None = None
        self.evaluated, self._max_nodes, self._work = 0, max_nodes, 0
        top = tuple(height - 1 for height in request.coding.heights)
        self._over_limit, self._within_limit = LevelVectorSet(top), LevelVectorSet(top)

    @property
    def best_score(self) -> float:
        """The score of the best candidate so far; infinite where there is none."""
        return self.best.price.score if self.best else inf

    @property
    def budget_spent(self) -> bool:
        """Whether no more nodes may be evaluated."""
        if self._max_nodes is None:
            return self._work >= _WORK_BUDGET
        return self.evaluated >= self._max_nodes

    def evaluate(self, levels: LevelVector, max_score: float) -> NodeEvaluation:
        """Evaluate a node: group its classes, check the constraints, compute its cost and its bounds.

        Args:
            levels: the node.
            max_score: a score above which a candidate is of no use; the constraints are then not checked.
        """
        classes = self._group_within_budget(levels)
        if classes is None:
            return self._mark_over_limit(levels)
        self._work += _WORK_PER_CODE * len(classes.class_of_code)
        large = ClassSelection(classes, classes.large_enough)
        finer, coarser = self._objective.bound_finer(large), self._objective.bound_coarser(large)
        if bound_at_levels(finer, levels) > max_score + BOUND_SLACK:
            return NodeEvaluation(False, finer, coarser)
        satisfied = self._checker.check(classes, self._request.constraints)
        lasting = large.narrow(satisfied.of_monotonic_constraints)
        if self._suppresses_too_many(lasting):
            return self._mark_over_limit(levels)
        self._within_limit.add(levels)
        finer = self._objective.bound_finer(lasting)
        released = lasting.narrow(satisfied.of_all_constraints)
        if not len(released.pupils) or self._suppresses_too_many(released):
            return NodeEvaluation(False, finer, coarser)
        candidate = CandidateNode(levels, self._objective.evaluate(levels, released), len(released.pupils))
        if self.best is None or candidate.rank < self.best.rank:
            self.best = candidate
        return NodeEvaluation(False, finer, coarser, candidate)

    def exceeds_limit(self, levels: LevelVector) -> bool:
        """Whether a node, and so every finer one, must suppress too many pupils; evaluates it where that is unknown."""
        if self._within_limit.any_finer_or_equal(levels):
            return False
        if self.known_to_exceed_limit(levels):
            return True
        classes = self._group_within_budget(levels)
        if classes is not None:
            satisfied = self._checker.check(classes, self._request.constraints)
            if not self._suppresses_too_many(ClassSelection(classes, satisfied.of_monotonic_constraints)):
                self._within_limit.add(levels)
                return False
        return self._mark_over_limit(levels).exceeds_limit

    def known_to_exceed_limit(self, levels: LevelVector) -> bool:
        """Whether the nodes evaluated so far already prove that a node must suppress too many pupils."""
        return self._over_limit.any_coarser_or_equal(levels)

    def make_recoding(self, best: CandidateNode, facts: dict[str, Any]) -> Recoding:
        """The recoding at a candidate node, with the facts of the search.

        Raises:
            ValueError: a class does not satisfy every constraint when it is counted once more (a defect).
        """
        request = self._request
        classes = self._group(best.levels)
        if classes is None:
            raise ValueError("a node that was a candidate exceeds the suppression limit")
        satisfied = self._checker.check(classes, request.constraints)
        released = satisfied.of_all_constraints[classes.class_of_code][self._checker.code_of_unit]
        masked = mask_codes(self._histogram.codes[:, released], request.coding.mask(best.levels))
        distinct, class_of_released = np.unique(masked, return_inverse=True)
        class_of = np.full(self._histogram.units, SUPPRESSED_CLASS, dtype=np.int64)
        class_of[released] = class_of_released
        if not classes_satisfying_constraints(self._histogram, class_of, len(distinct), request.constraints).all():
            raise ValueError("a class of the best node does not satisfy every constraint")
        levels = np.tile(np.array(best.levels, dtype=np.int8), (len(distinct), 1))
        facts = {"kind": "global", **facts, "tried": self.evaluated, "objective": best.price.value}
        return Recoding.from_units(self._histogram, request.coding, class_of, levels, self._weights, facts)

    def objective_value(self, score: float) -> float:
        """The objective at a score."""
        return self._objective.value_at_score(score)

    def _group_within_budget(self, levels: LevelVector) -> EquivalenceClasses | None:
        self.evaluated += 1
        self._work += _WORK_PER_NODE + self._cohort.codes.shape[1]
        return self._group(levels)

    def _group(self, levels: LevelVector) -> EquivalenceClasses | None:
        return self._cohort.form_classes(self._request.coding.mask(levels), self._k, self._max_suppressed)

    def _mark_over_limit(self, levels: LevelVector) -> NodeEvaluation:
        self._over_limit.add(levels)
        return NodeEvaluation(exceeds_limit=True)

    def _suppresses_too_many(self, released: ClassSelection) -> bool:
        return self._cohort.total - int(released.pupils.sum()) > self._max_suppressed
