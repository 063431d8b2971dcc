"""The level vectors that may still be the best, each with a bound under its score."""

from __future__ import annotations

from math import inf

import numpy as np

from cohort.sdc.model.arrays import FloatArray
from cohort.sdc.model.coding import LevelVector
from cohort.sdc.utility.objectives import ScoreBound

BOUND_SLACK = 2e-12
"""Bounds are sums of rounded numbers: only what lies further above the best than this is out."""

_ROW = 1 << 13
"""A row of so many vectors, or somewhat fewer, is read at once."""
_SEVERAL = 4
"""For fewer vectors it does not pay to try another."""
_WORD_BITS = 62
_FINITE = float(np.finfo(np.float64).max)


class LatticeFrontier:
    """One bound per level vector, in an array with one axis per column.

    Takes: the lowest and highest level per column, and a bound for every vector, as scores of each column by
    level. A vector that has been tried or ruled out has an infinite bound. Bounds only rise, so the least one
    that a row ever had is a bound for the row, and a row is read again only when it seems the lowest.
    """

    def __init__(self, low: LevelVector, high: LevelVector, scores: list[FloatArray]) -> None:
        self._low = low
        self._bounds = _sum_scores([s[f : t + 1] for s, f, t in zip(scores, low, high, strict=True)])
        self.nodes = self._bounds.size
        width, axis = 1, self._bounds.ndim
        while axis and width * self._bounds.shape[axis - 1] <= _ROW:
            axis -= 1
            width *= self._bounds.shape[axis]
        self._rows = self._bounds.reshape(-1, width)
        self._least = self._rows.min(axis=1)

    def lowest(self) -> tuple[float, LevelVector]:
        """The lowest bound, and the vector that has it; of several the first."""
        while True:
            row = int(self._least.argmin())
            place = int(self._rows[row].argmin())
            bound = float(self._rows[row, place])
            if bound <= self._least[row]:
                at = np.unravel_index(row * self._rows.shape[1] + place, self._bounds.shape)
                return bound, tuple(int(i) + first for i, first in zip(at, self._low, strict=True))
            self._least[row] = bound

    def may_be_best(self, levels: LevelVector, best: float) -> bool:
        """Whether a vector has not been tried or ruled out, and could still equal the best score."""
        return self._open(self._place(levels), best)

    def chain(self, best: float) -> list[LevelVector]:
        """From the vector of lowest bound upwards, each step to the neighbour of lowest bound.

        Gives: only vectors that could beat or equal the best score so far; none when there are no more.
        """
        place = self._place(self.lowest()[1])
        chain: list[LevelVector] = []
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

    def any_open(self, finest: LevelVector, coarsest: LevelVector, column: int, best: float) -> bool:
        """Whether several vectors between two, with the level of the coarsest in one column, may be best."""
        box = [slice(a, b + 1) for a, b in zip(self._place(finest), self._place(coarsest), strict=True)]
        box[column] = slice(box[column].stop - 1, box[column].stop)
        return bool(np.count_nonzero(self._bounds[tuple(box)] <= min(best + BOUND_SLACK, _FINITE)) >= _SEVERAL)

    def rule_out(self, levels: LevelVector) -> None:
        """A vector and all finer ones."""
        self._bounds[self._box(levels)] = inf

    def learn(self, levels: LevelVector, finer: ScoreBound, coarser: float, best: float) -> None:
        """Raises the bounds of all vectors finer and all coarser than one that was tried.

        Takes: the best score so far; where that takes long, only bounds that lie above it are entered.
        """
        box = self._bounds[self._box(levels)]
        if isinstance(finer, float):
            _raise_bounds(box, finer, best)
        else:
            below = [s[f : t + 1] for s, f, t in zip(finer, self._low, levels, strict=True)]
            np.maximum(box, _sum_scores(below), out=box)
        _raise_bounds(self._bounds[tuple(slice(at, None) for at in self._place(levels))], coarser, best)
        self._bounds[self._place(levels)] = inf

    def _open(self, place: tuple[int, ...], best: float) -> bool:
        return bool(self._bounds[place] < inf and self._bounds[place] <= best + BOUND_SLACK)

    def _place(self, levels: LevelVector) -> LevelVector:
        return tuple(level - first for level, first in zip(levels, self._low, strict=True))

    def _box(self, levels: LevelVector) -> tuple[slice, ...]:
        return tuple(slice(0, at + 1) for at in self._place(levels))


class LevelVectorSet:
    """Level vectors of which something is known, to be asked whether one lies below or above another.

    Takes: the highest level per column. A level is as many bits as it is high, so that a vector lies below
    another, or is the same, when it has no bit that the other has not.
    """

    def __init__(self, high: LevelVector) -> None:
        self._high = high
        words = -(-sum(high) // _WORD_BITS) or 1
        self._bits, self._number = np.zeros((words, 64), dtype=np.int64), 0

    def add(self, levels: LevelVector) -> None:
        if self._number == self._bits.shape[1]:
            self._bits = np.concatenate((self._bits, np.zeros_like(self._bits)), axis=1)
        self._bits[:, self._number] = self._encoded(levels)
        self._number += 1

    def any_below(self, levels: LevelVector) -> bool:
        """Whether one of them is nowhere higher."""
        bits = ~np.array(self._encoded(levels))
        known = self._bits[:, : self._number]
        return bool(((known & bits[:, None]) == 0).all(axis=0).any())

    def any_above(self, levels: LevelVector) -> bool:
        """Whether one of them is nowhere lower."""
        bits = np.array(self._encoded(levels))
        known = self._bits[:, : self._number]
        return bool(((~known & bits[:, None]) == 0).all(axis=0).any())

    def _encoded(self, levels: LevelVector) -> list[int]:
        bits = 0
        for level, height in zip(levels, self._high, strict=True):
            bits = (bits << height) | ((1 << level) - 1)
        return [(bits >> (word * _WORD_BITS)) & ((1 << _WORD_BITS) - 1) for word in range(len(self._bits))]


def _raise_bounds(box: FloatArray, bound: float, best: float) -> None:
    if bound > best + BOUND_SLACK or box.size <= _ROW:
        np.maximum(box, bound, out=box)


def _sum_scores(scores: list[FloatArray]) -> FloatArray:
    """A score for every combination of levels, one axis per column."""
    total = scores[-1]
    for score in scores[-2::-1]:
        total = np.add.outer(score, total)
    return total
