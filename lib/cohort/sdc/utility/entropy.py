"""Non-uniform entropy: how many bits it takes to restore the exact values of a recoding.

Per column it is the sum of two parts, and both only grow (De Waal and Willenborg, 1999; counted as ARX counts it):

- Σ over all pupils of log2(n(value at its level) / n(exact value)), with n counted over all pupils. It grows with the
  level.
- Σ over the suppressed pupils of −log2(n_sup(value at that level) / sup), with n_sup counted over the sup suppressed
  pupils. It grows with every suppressed pupil, since its derivative to n_sup(value) is log2(sup / n_sup(value)).

`objectives` minimises it; `metrics` reports it for any recoding.
"""

from __future__ import annotations

import numpy as np

from cohort.sdc.model import BoolArray, Coding, FloatArray, IntArray
from cohort.sdc.utility.column_losses import LeafCounts


class EntropyByLevel:
    """The entropy of every column at every level, for any set of released codes.

    Attributes:
        generalised: per column, by level, the bits lost by generalisation, which do not depend on who is suppressed.
        pupils: the number of pupils.
    """

    def __init__(self, coding: Coding, leaf_counts: LeafCounts) -> None:
        self._leaf_counts = leaf_counts
        # All values of all columns and levels get one range of numbers: `value` is that of `leaf` at a level.
        value, leaf, first_value, leaves = [], [], [0], 0
        for tree in coding.hierarchies:
            for level in range(tree.height):
                groups = tree.groups(level)
                value.append(groups + first_value[-1])
                leaf.append(np.arange(len(groups)) + leaves)
                first_value.append(first_value[-1] + int(groups.max()) + 1)
            leaves += len(tree.leaves)
        self._value, self._leaf, self._first_value = np.concatenate(value), np.concatenate(leaf), np.array(first_value)
        self._column_ends = np.cumsum(coding.heights)[:-1]
        self.pupils = int(leaf_counts.all_pupils[0].sum())
        # Σ n·log2(n(value) / n(exact)) = Σ n·log2(N / n(exact)) − Σ n·log2(N / n(value))
        remaining = self._bits_by_level(leaf_counts.all_pupils, self.pupils)
        self.generalised = [bits[0] - bits for bits in remaining]

    def suppressed(self, released: BoolArray) -> list[FloatArray]:
        """Per column, by level, the bits lost by suppression when only these of the distinct codes are released."""
        _, suppressed, number = self._leaf_counts.split_by_release(released)
        return self._bits_by_level(suppressed, number)

    def _bits_by_level(self, pupils: list[IntArray], total: int) -> list[FloatArray]:
        """Per column, by level, Σ n·log2(total / n) over the values, n being the pupils with the value.

        Args:
            pupils: per column the pupils with each leaf.
            total: the sum of the pupils of a column.
        """
        n = np.bincount(self._value, np.concatenate(pupils)[self._leaf], minlength=self._first_value[-1])
        bits = n * np.log2(max(total, 1) / np.maximum(n, 1.0))
        by_level: FloatArray = np.add.reduceat(bits, self._first_value[:-1])
        return np.split(by_level, self._column_ends)
