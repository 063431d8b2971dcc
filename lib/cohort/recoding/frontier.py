"""The level vectors that may still be the best, each with a bound under its score."""

from __future__ import annotations

from math import inf

import numpy as np

from cohort.recoding.coding import Levels
from cohort.recoding.loss import Floats

SLACK = 2e-12
"""Bounds are sums of rounded numbers: only what lies further above the best than this is out."""


class Frontier:
    """One bound per level vector, in an array with one axis per column.

    Takes: the lowest and highest level per column, and the score of each column by level when
    nobody is suppressed.
    A vector that has been tried or ruled out has an infinite bound.
    """

    def __init__(self, low: Levels, high: Levels, scores: list[Floats]) -> None:
        self._low = low
        self._bounds = _summed_over_columns(
            [score[first : last + 1] for score, first, last in zip(scores, low, high, strict=True)]
        )
        self.nodes = self._bounds.size

    def may_be_best(self, levels: Levels, best: float) -> bool:
        """Whether a vector has not been tried or ruled out, and could still equal the best score."""
        return self._open(self._place(levels), best)

    def chain(self, best: float) -> list[Levels]:
        """From the vector of lowest bound upwards, each step to the neighbour of lowest bound.

        Gives: only vectors that could beat or equal the best score so far; none when there are no more.
        """
        place = tuple(int(i) for i in np.unravel_index(self._bounds.argmin(), self._bounds.shape))
        chain: list[Levels] = []
        while self._open(place, best):
            chain.append(tuple(at + first for at, first in zip(place, self._low, strict=True)))
            above = [
                (*place[:column], at + 1, *place[column + 1 :])
                for column, at in enumerate(place)
                if at + 1 < self._bounds.shape[column]
            ]
            if not above:
                break
            place = min(above, key=lambda node: (self._bounds[node], node))
        return chain

    def rule_out(self, levels: Levels) -> None:
        self._bounds[self._box(levels)] = inf

    def learn(self, levels: Levels, scores: list[Floats]) -> None:
        """Raises the bounds below a vector that was tried to the scores with its inevitable suppression."""
        box = self._bounds[self._box(levels)]
        below = [
            score[first : level + 1] for score, first, level in zip(scores, self._low, levels, strict=True)
        ]
        np.maximum(box, _summed_over_columns(below), out=box)
        self._bounds[self._place(levels)] = inf

    def _open(self, place: tuple[int, ...], best: float) -> bool:
        return bool(self._bounds[place] < inf and self._bounds[place] <= best + SLACK)

    def _place(self, levels: Levels) -> Levels:
        return tuple(level - first for level, first in zip(levels, self._low, strict=True))

    def _box(self, levels: Levels) -> tuple[slice, ...]:
        return tuple(slice(0, at + 1) for at in self._place(levels))


def _summed_over_columns(scores: list[Floats]) -> Floats:
    """A score for every combination of levels, one axis per column."""
    total: Floats = np.zeros((1,) * len(scores))
    for column, score in enumerate(scores):
        total = total + score.reshape([-1 if axis == column else 1 for axis in range(len(scores))])
    return total
