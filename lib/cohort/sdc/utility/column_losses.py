"""The information loss of every column at every level, recomputed cheaply for each set of released classes.

A global search calls this once per level vector; the formula is in `model.information_loss`.
"""

from __future__ import annotations

from math import prod

import numpy as np

from cohort.sdc.model import BoolArray, Coding, FloatArray, IntArray, extra_leaves, most_extra_leaves

_CACHED_TABLE_SIZE = 1 << 13
"""Tables of up to this many cells stay in the processor's cache."""


class LeafCounts:
    """The number of pupils per leaf of every column (the marginals of the cohort), for any subset of the codes.

    Args:
        coding: the coding of the columns.
        codes: the distinct codes, `[word, code]`.
        pupils: the number of pupils with each code.

    Attributes:
        all_pupils: per column the pupils with each leaf.
        number_of_codes: how many distinct codes there are.
    """

    def __init__(self, coding: Coding, codes: IntArray, pupils: FloatArray) -> None:
        self._pupils, self.number_of_codes = pupils, codes.shape[1]
        # Columns of few leaves are counted together, as one small table of all their combinations.
        self._tables: list[tuple[tuple[int, ...], IntArray]] = []
        for column, hierarchy in enumerate(coding.hierarchies):
            leaf, leaves = coding.column_leaves(codes, column), len(hierarchy.leaves)
            shape, cell = self._tables[-1] if self._tables else ((), leaf)
            if shape and prod(shape) * leaves <= _CACHED_TABLE_SIZE:
                self._tables[-1] = (*shape, leaves), cell * leaves + leaf
            else:
                self._tables.append(((leaves,), leaf))
        self.all_pupils = self._count(np.arange(self.number_of_codes))

    def split_by_release(self, released: BoolArray) -> tuple[list[IntArray], list[IntArray], int]:
        """Count the released and the suppressed pupils apart.

        Args:
            released: which of the distinct codes are released.

        Returns:
            Per column the released pupils with each leaf; the same of the suppressed ones; how many are suppressed.
        """
        released_is_smaller = 2 * np.count_nonzero(released) < len(released)
        counted = self._count(np.flatnonzero(released if released_is_smaller else ~released))
        rest = [total - part for total, part in zip(self.all_pupils, counted, strict=True)]
        kept, suppressed = (counted, rest) if released_is_smaller else (rest, counted)
        return kept, suppressed, int(suppressed[0].sum())

    def _count(self, codes: IntArray) -> list[IntArray]:
        """For each column the pupils with each leaf, over the codes at these positions."""
        pupils = self._pupils[codes]
        counts = []
        for shape, cell in self._tables:
            table = np.bincount(cell[codes], pupils, minlength=prod(shape))
            for leaves in shape:
                table = table.reshape(leaves, -1)
                counts.append(table.sum(axis=1))
                table = table.sum(axis=0)
        return [count.astype(np.int64) for count in counts]


class ColumnLosses:
    """The information loss of every column at every level, for any set of released codes."""

    def __init__(self, coding: Coding, leaf_counts: LeafCounts) -> None:
        self._leaf_counts = leaf_counts
        self._extra = [(extra_leaves(tree), most_extra_leaves(tree)) for tree in coding.hierarchies]

    def losses(self, released: BoolArray) -> list[FloatArray]:
        """The loss x of each column, by level.

        Args:
            released: which of the distinct codes are released; the records of all others are suppressed.
        """
        kept, _, suppressed = self._leaf_counts.split_by_release(released)
        columns = zip(self._extra, kept, strict=True)
        return [_losses_by_level(extra, most, leaf_counts, suppressed) for (extra, most), leaf_counts in columns]


def _losses_by_level(extra: IntArray, most: int, kept: IntArray, suppressed: int) -> FloatArray:
    """The loss of one column at each of its levels, from the released records per leaf and the suppressed ones."""
    records = int(kept.sum()) + suppressed
    extra_of_kept: IntArray = extra @ kept
    return (extra_of_kept + suppressed * most) / float(most * records)
