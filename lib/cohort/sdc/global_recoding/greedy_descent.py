"""Good level vectors in a lattice too large to be searched at once.

From the coarsest vector down, as long as it costs less; then exchanges, one column finer and another
coarser. Then again and again from the best one with half of its columns at the top, brought down in an order
drawn by lot from a fixed seed. Nothing proves the outcome the best.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import numpy as np

from cohort.sdc.global_recoding.node_evaluation import CandidateNode, NodeEvaluator
from cohort.sdc.model.coding import LevelVector
from cohort.sdc.utility.objectives import bound_at_levels

_SEED = 20_141_124


class GreedyDescent:
    """A search for good candidates between the lowest and the highest levels."""

    def __init__(self, trials: NodeEvaluator, low: LevelVector, high: LevelVector) -> None:
        self._trials, self._low, self._high = trials, low, high
        self._candidates: dict[LevelVector, CandidateNode | None] = {}

    def run(self, rounds: int) -> None:
        """Improves the best candidate of the trials, in at most so many rounds."""
        chance = np.random.default_rng(_SEED)
        self._exchanged(self._down(self._high))
        for _ in range(rounds):
            if self._trials.best is None or self._trials.spent:
                return
            raised = set(chance.permutation(len(self._high))[: (len(self._high) + 1) // 2].tolist())
            start = tuple(
                top if column in raised else level
                for column, (level, top) in enumerate(zip(self._trials.best.levels, self._high, strict=True))
            )
            steps = [c for c, level in enumerate(start) for _ in range(level - self._low[c])]
            self._exchanged(self._down_by(start, chance.permutation(steps).tolist()))

    def _down(self, levels: LevelVector) -> CandidateNode | None:
        """Always the step down that leads to the best candidate; until there is one, any that may do."""
        best = self._candidate(levels)
        while True:
            steps = [_with_level(levels, c, level - 1) for c, level in enumerate(levels) if level > self._low[c]]
            found = [candidate for candidate in map(self._candidate, steps) if candidate]
            better = min(found, key=lambda candidate: candidate.rank, default=None)
            if better and (best is None or better.rank < best.rank):
                best, levels = better, better.levels
            elif best or not (steps := [step for step in steps if not self._trials.known_out(step)]):
                return best
            else:
                levels = min(steps, key=lambda step: (bound_at_levels(self._trials.everywhere, step), step))

    def _down_by(self, levels: LevelVector, steps: list[int]) -> CandidateNode | None:
        """The steps down in the order given, each if it leads to a better candidate."""
        best = self._candidate(levels)
        for column in steps:
            finer = _with_level(levels, column, max(levels[column] - 1, self._low[column]))
            found = self._candidate(finer)
            if found and (best is None or found.rank < best.rank):
                best, levels = found, finer
        return best

    def _exchanged(self, best: CandidateNode | None) -> None:
        """Exchanges levels as long as one of them leads to a better candidate."""
        while best:
            score, levels, rank = best.price.score, best.levels, best.rank
            bound = {near: bound_at_levels(self._trials.everywhere, near) for near in self._near(levels)}
            promising = sorted((least, near) for near, least in bound.items() if least <= score)
            found = (self._candidate(near) for _, near in promising)
            best = next((candidate for candidate in found if candidate and candidate.rank < rank), None)

    def _near(self, levels: LevelVector) -> Iterator[LevelVector]:
        """Vectors that are finer in one column, coarser in one, or both."""
        for raised, level in enumerate(levels):
            for higher in range(level, self._high[raised] + 1):
                coarser = _with_level(levels, raised, higher)
                yield coarser
                for lowered, high in enumerate(levels):
                    if lowered != raised:
                        for lower in range(self._low[lowered], high):
                            yield _with_level(coarser, lowered, lower)

    def _candidate(self, levels: LevelVector) -> CandidateNode | None:
        """A level vector as a candidate, if it is one; it is tried at most once."""
        if levels not in self._candidates and not self._trials.spent:
            out = self._trials.known_out(levels)
            self._candidates[levels] = None if out else self._trials.attempt(levels, inf).candidate
        return self._candidates.get(levels)


def _with_level(levels: LevelVector, column: int, level: int) -> LevelVector:
    return (*levels[:column], level, *levels[column + 1 :])
