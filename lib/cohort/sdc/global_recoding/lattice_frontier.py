"""The open nodes of the lattice, each with a lower bound of its score, and sets of nodes compared by order.

Branch and bound reads the next chain of nodes from the frontier and enters what each evaluation proves. Nothing here
evaluates a node.
"""

from __future__ import annotations

from math import inf

import numpy as np

from cohort.sdc.model import FloatArray, LevelVector
from cohort.sdc.utility import ScoreBound

BOUND_SLACK = 2e-12
"""Bounds are sums of rounded numbers: a node is closed only if its bound exceeds the best score by more than this."""

ROW_SIZE = 1 << 13
"""Bounds are read in rows of at most this many."""
_MIN_OPEN_NODES = 4
"""With fewer open nodes left to prune, another evaluation does not pay."""
_WORD_BITS = 62
_FINITE = float(np.finfo(np.float64).max)


class LatticeFrontier:
    """One lower bound per node, in an array with one axis per column.

    A node that has been evaluated or pruned has an infinite bound. Bounds only rise, so the lowest bound that a row of
    the array ever had is a bound for the row, and a row is read again only when it seems the lowest.

    Args:
        low: the lowest level per column.
        high: the highest level per column.
        scores: per column a score by level; the first bound of a node is their sum.
        row_size: how many bounds are read at once, at most.
    """

    def __init__(
        self, low: LevelVector, high: LevelVector, scores: list[FloatArray], *, row_size: int = ROW_SIZE
    ) -> None:
        self._low = low
        self._bounds = _sum_scores([s[first : last + 1] for s, first, last in zip(scores, low, high, strict=True)])
        self.nodes = self._bounds.size
        width, axis = 1, self._bounds.ndim
        while axis and width * self._bounds.shape[axis - 1] <= row_size:
            axis -= 1
            width *= self._bounds.shape[axis]
        self._rows = self._bounds.reshape(-1, width)
        self._row_bounds = self._rows.min(axis=1)

    def lowest(self) -> tuple[float, LevelVector]:
        """The lowest bound and the node that has it; of several nodes the first."""
        while True:
            row = int(self._row_bounds.argmin())
            column = int(self._rows[row].argmin())
            bound = float(self._rows[row, column])
            if bound <= self._row_bounds[row]:
                index = np.unravel_index(row * self._rows.shape[1] + column, self._bounds.shape)
                return bound, tuple(int(i) + first for i, first in zip(index, self._low, strict=True))
            self._row_bounds[row] = bound

    def is_open(self, levels: LevelVector, best_score: float) -> bool:
        """Whether a node has been neither evaluated nor pruned, and its bound does not exceed the best score."""
        return self._index_is_open(self._index(levels), best_score)

    def chain(self, best_score: float) -> list[LevelVector]:
        """The chain of open nodes from the one of lowest bound upwards, each step to the neighbour of lowest bound.

        Returns:
            Only nodes that could beat or equal the best score; an empty list when none is left.
        """
        index = self._index(self.lowest()[1])
        chain: list[LevelVector] = []
        while self._index_is_open(index, best_score):
            chain.append(tuple(level + first for level, first in zip(index, self._low, strict=True)))
            coarser = [
                (*index[:column], level + 1, *index[column + 1 :])
                for column, level in enumerate(index)
                if level + 1 < self._bounds.shape[column]
            ]
            if not coarser:
                break
            index = min(coarser, key=lambda node: (self._bounds[node], node))
        return chain

    def several_open(self, finest: LevelVector, coarsest: LevelVector, column: int, best_score: float) -> bool:
        """Whether several nodes between two, with the level of the coarsest in one column, are open."""
        box = [slice(a, b + 1) for a, b in zip(self._index(finest), self._index(coarsest), strict=True)]
        box[column] = slice(box[column].stop - 1, box[column].stop)
        open_nodes = np.count_nonzero(self._bounds[tuple(box)] <= min(best_score + BOUND_SLACK, _FINITE))
        return bool(open_nodes >= _MIN_OPEN_NODES)

    def prune(self, levels: LevelVector) -> None:
        """Close a node and all finer ones."""
        self._bounds[self._finer_box(levels)] = inf

    def raise_bounds(
        self, levels: LevelVector, finer_bound: ScoreBound, coarser_bound: float, best_score: float
    ) -> None:
        """Close an evaluated node and raise the bounds of all finer and all coarser nodes.

        Where a box of nodes is large, only bounds above the best score are entered: only they close nodes.
        """
        finer = self._bounds[self._finer_box(levels)]
        if isinstance(finer_bound, float):
            _raise_bounds(finer, finer_bound, best_score)
        else:
            scores = zip(finer_bound, self._low, levels, strict=True)
            np.maximum(finer, _sum_scores([s[first : last + 1] for s, first, last in scores]), out=finer)
        coarser = self._bounds[tuple(slice(level, None) for level in self._index(levels))]
        _raise_bounds(coarser, coarser_bound, best_score)
        self._bounds[self._index(levels)] = inf

    def _index_is_open(self, index: tuple[int, ...], best_score: float) -> bool:
        return bool(self._bounds[index] < inf and self._bounds[index] <= best_score + BOUND_SLACK)

    def _index(self, levels: LevelVector) -> LevelVector:
        return tuple(level - first for level, first in zip(levels, self._low, strict=True))

    def _finer_box(self, levels: LevelVector) -> tuple[slice, ...]:
        return tuple(slice(0, level + 1) for level in self._index(levels))


class LevelVectorSet:
    """A set of level vectors that tells whether it has one finer or coarser than another.

    A level is encoded as that many one bits, so a vector is finer than another, or equal, when it has no bit that
    the other lacks.

    Args:
        high: the highest level per column.
    """

    def __init__(self, high: LevelVector) -> None:
        self._high = high
        words = -(-sum(high) // _WORD_BITS) or 1
        self._bits, self._number = np.zeros((words, 64), dtype=np.int64), 0

    def add(self, levels: LevelVector) -> None:
        if self._number == self._bits.shape[1]:
            self._bits = np.concatenate((self._bits, np.zeros_like(self._bits)), axis=1)
        self._bits[:, self._number] = self._encode(levels)
        self._number += 1

    def any_finer_or_equal(self, levels: LevelVector) -> bool:
        """Whether one vector of the set is nowhere higher."""
        bits = ~np.array(self._encode(levels))
        members = self._bits[:, : self._number]
        return bool(((members & bits[:, None]) == 0).all(axis=0).any())

    def any_coarser_or_equal(self, levels: LevelVector) -> bool:
        """Whether one vector of the set is nowhere lower."""
        bits = np.array(self._encode(levels))
        members = self._bits[:, : self._number]
        return bool(((~members & bits[:, None]) == 0).all(axis=0).any())

    def _encode(self, levels: LevelVector) -> list[int]:
        bits = 0
        for level, height in zip(levels, self._high, strict=True):
            bits = (bits << height) | ((1 << level) - 1)
        return [(bits >> (word * _WORD_BITS)) & ((1 << _WORD_BITS) - 1) for word in range(len(self._bits))]


def _raise_bounds(box: FloatArray, bound: float, best_score: float) -> None:
    if bound > best_score + BOUND_SLACK or box.size <= ROW_SIZE:
        np.maximum(box, bound, out=box)


def _sum_scores(scores: list[FloatArray]) -> FloatArray:
    """The sum of the scores for every combination of levels, one axis per column."""
    total = scores[-1]
    for score in scores[-2::-1]:
        total = np.add.outer(score, total)
    return total
