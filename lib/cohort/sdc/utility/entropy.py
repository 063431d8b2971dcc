"""How many bits it takes to restore the values of a recoding: non-uniform entropy.

Per column Σ over all pupils of log2(n(value at its level) / n(original value)), n counted over all pupils
(De Waal and Willenborg, 1999), plus Σ over the suppressed of −log2(n_sup(value at that level) / sup), n_sup
counted over the suppressed pupils, of whom there are sup, as ARX counts it. Both parts only grow: the first
with the level, the second with every pupil suppressed, for its derivative to n_sup(value) is
log2(sup / n_sup(value)).
"""

from __future__ import annotations

import numpy as np

from cohort.sdc.model.arrays import BoolArray, FloatArray, IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.utility.loss import LeafCounts


class EntropyByLevel:
    """The bits of every column at every level, whoever is suppressed.

    Gives: `generalised`, the bits that are lost where nobody is suppressed; the number of `pupils`.
    """

    def __init__(self, coding: Coding, marginals: LeafCounts) -> None:
        self._marginals = marginals
        # All columns and levels side by side: for each leaf the value that it falls under.
        under, leaf, first, leaves = [], [], [0], 0
        for tree in coding.hierarchies:
            for level in range(tree.height):
                groups = tree.groups(level)
                under.append(groups + first[-1])
                leaf.append(np.arange(len(groups)) + leaves)
                first.append(first[-1] + int(groups.max()) + 1)
            leaves += len(tree.leaves)
        self._under, self._leaf, self._first = np.concatenate(under), np.concatenate(leaf), np.array(first)
        self._ends = np.cumsum(coding.heights)[:-1]
        self.pupils = int(marginals.everybody[0].sum())
        # Σ n·log2(n(value) / n(original)) = Σ n·log2(N / n(original)) − Σ n·log2(N / n(value))
        shown = self._told(marginals.everybody, self.pupils)
        self.generalised = [bits[0] - bits for bits in shown]

    def suppressed(self, released: BoolArray) -> list[FloatArray]:
        """What is lost besides, when only these of the distinct codes are released."""
        _, gone, number = self._marginals.split_by_release(released)
        return self._told(gone, number)

    def _told(self, pupils: list[IntArray], number: int) -> list[FloatArray]:
        """Per column, by level, Σ n·log2(number / n) over the values that n of the pupils have.

        Takes: the pupils per leaf of each column, of whom there are that number.
        """
        n = np.bincount(self._under, np.concatenate(pupils)[self._leaf], minlength=self._first[-1])
        bits = n * np.log2(max(number, 1) / np.maximum(n, 1.0))
        by_level: FloatArray = np.add.reduceat(bits, self._first[:-1])
        return np.split(by_level, self._ends)
