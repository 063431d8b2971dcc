"""Greedy descent with restarts: good nodes of a lattice too large for an exact search.

It descends from the coarsest node as long as the cost falls, then exchanges levels: one column finer, another coarser.
It restarts from the best node with half of its columns raised to the top and lowers them in an order drawn from a fixed
seed. The global search calls it; it leaves the best node in the evaluator and proves nothing about optimality.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np

from cohort.sdc.global_recoding.node_evaluation import CandidateNode, NodeEvaluator
from cohort.sdc.model import LevelVector
from cohort.sdc.utility import bound_at_levels

_SEED = 20_141_124


class GreedyDescent:
    """A greedy search for good candidates between the lowest and the highest levels."""

    def __init__(self, evaluator: NodeEvaluator, low: LevelVector, high: LevelVector) -> None:
        self._evaluator, self._low, self._high = evaluator, low, high
        self._candidates: dict[LevelVector, CandidateNode | None] = {}

    def run(self, rounds: int) -> None:
        """Improve the best candidate of the evaluator, with at most this many restarts."""
        rng = np.random.default_rng(_SEED)
        self._exchange_levels(self._descend(self._high))
        for _ in range(rounds):
            best = self._evaluator.best
            if best is None or self._evaluator.budget_spent:
                return
            raised = set(rng.permutation(len(self._high))[: (len(self._high) + 1) // 2].tolist())
            start = tuple(
                top if column in raised else level
                for column, (level, top) in enumerate(zip(best.levels, self._high, strict=True))
            )
            steps = [column for column, level in enumerate(start) for _ in range(level - self._low[column])]
            self._exchange_levels(self._descend_in_order(start, rng.permutation(steps).tolist()))

    def _descend(self, levels: LevelVector) -> CandidateNode | None:
        """Take the step down that leads to the best candidate, until no step improves it.

        As long as no node is a candidate, take the step of lowest bound that may lead to one.
        """
        best = self._candidate(levels)
        while True:
            steps = [_with_level(levels, c, level - 1) for c, level in enumerate(levels) if level > self._low[c]]
            candidates = [candidate for candidate in map(self._candidate, steps) if candidate]
            better = min(candidates, key=lambda candidate: candidate.rank, default=None)
            if better and (best is None or better.rank < best.rank):
                best, levels = better, better.levels
                continue
            open_steps = [step for step in steps if not self._evaluator.known_to_exceed_limit(step)]
            if best or not open_steps:
                return best
            levels = min(open_steps, key=lambda step: (bound_at_levels(self._evaluator.initial_bounds, step), step))

    def _descend_in_order(self, levels: LevelVector, steps: list[int]) -> CandidateNode | None:
        """Lower the columns in this order, keeping each step that leads to a better candidate."""
        best = self._candidate(levels)
        for column in steps:
            finer = _with_level(levels, column, max(levels[column] - 1, self._low[column]))
            candidate = self._candidate(finer)
            if candidate and (best is None or candidate.rank < best.rank):
                best, levels = candidate, finer
        return best

    def _exchange_levels(self, best: CandidateNode | None) -> None:
        """Move to a better neighbour as long as there is one, trying neighbours of low bound first."""
        while best:
            score, levels, rank = best.price.score, best.levels, best.rank
            bounds = {node: bound_at_levels(self._evaluator.initial_bounds, node) for node in self._neighbours(levels)}
            promising = sorted((bound, node) for node, bound in bounds.items() if bound <= score)
            candidates = (self._candidate(node) for _, node in promising)
            best = next((candidate for candidate in candidates if candidate and candidate.rank < rank), None)

    def _neighbours(self, levels: LevelVector) -> Iterator[LevelVector]:
        """Nodes that are finer in one column, coarser in one column, or both."""
        for raised, level in enumerate(levels):
            for higher in range(level, self._high[raised] + 1):
                coarser = _with_level(levels, raised, higher)
                yield coarser
                for lowered, high in enumerate(levels):
                    if lowered != raised:
                        for lower in range(self._low[lowered], high):
                            yield _with_level(coarser, lowered, lower)

    def _candidate(self, levels: LevelVector) -> CandidateNode | None:
        """The node as a candidate, if it is one; it is evaluated at most once, and not when the budget is spent."""
        if levels not in self._candidates and not self._evaluator.budget_spent:
            over_limit = self._evaluator.known_to_exceed_limit(levels)
            self._candidates[levels] = None if over_limit else self._evaluator.evaluate(levels, inf).candidate
        return self._candidates.get(levels)


def _with_level(levels: LevelVector, column: int, level: int) -> LevelVector:
    return (*levels[:column], level, *levels[column + 1 :])
