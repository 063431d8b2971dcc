"""All columns of a record in a few whole numbers, so that generalising a record is one bit mask each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.hierarchy import Hierarchy

WORD_BITS = 63
"""A word is a non-negative int64, the widest whole number that Spark, Arrow and numpy share."""

_TABLE = 1 << 20
"""Paths below this are looked up in a table instead of being searched."""

LevelVector = tuple[int, ...]
CodeMask = tuple[int, ...]
"""The bits that are kept, a number per word."""


@dataclass(frozen=True)
class Coding:
    """The paths of all columns side by side, the first column in the highest bits of the first word.

        geslacht  leerjaar                       level vector (1, 0)
        path 1    path 011      code 1_011       mask         0_111     class code 0_011

    Takes: one hierarchy per quasi-identifier, in the order of the release. Columns that no longer fit into
    the 63 bits of a word begin the next one.
    Refuses: no column.
    """

    hierarchies: tuple[Hierarchy, ...]

    def __post_init__(self) -> None:
        if not self.hierarchies:
            raise ConfigurationRefused(
                describe_problem(
                    "at least one quasi-identifier",
                    example="geslacht",
                    found="none",
                    where="the columns of the release",
                    do="Declare which columns are quasi-identifying",
                )
            )

    @property
    def columns(self) -> int:
        return len(self.hierarchies)

    @property
    def bits(self) -> int:
        return sum(hierarchy.bits for hierarchy in self.hierarchies)

    @cached_property
    def column_words(self) -> tuple[int, ...]:
        """The word that each column's path stands in."""
        words, used = [], 0
        for hierarchy in self.hierarchies:
            full = used % WORD_BITS + hierarchy.bits > WORD_BITS if used % WORD_BITS else False
            if full:
                used = (used // WORD_BITS + 1) * WORD_BITS
            words.append(used // WORD_BITS)
            used += hierarchy.bits
        return tuple(words)

    @property
    def words(self) -> int:
        """How many numbers a record takes."""
        return self.column_words[-1] + 1

    @property
    def heights(self) -> LevelVector:
        """The number of levels of every column."""
        return tuple(hierarchy.height for hierarchy in self.hierarchies)

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """How far each column's path is moved to the left within its word."""
        shifts, right = [0] * self.columns, [0] * self.words
        for column in reversed(range(self.columns)):
            word = self.column_words[column]
            shifts[column] = right[word]
            right[word] += self.hierarchies[column].bits
        return tuple(shifts)

    def column_codes(self, column: int) -> IntArray:
        """What a leaf of a column (by position) adds to the record's word.

        Gives: an array by leaf index; a word of a record is the sum over the columns that stand in it.
        """
        return self.hierarchies[column].paths << self.shifts[column]

    def encode(self, leaves: Sequence[npt.NDArray[np.integer]] | npt.NDArray[np.integer]) -> IntArray:
        """The words of records.

        Takes: for each column the leaf index of every record.
        """
        codes = np.zeros((self.words, len(leaves[0])), dtype=np.int64)
        for column, leaf in enumerate(leaves):
            codes[self.column_words[column]] += self.column_codes(column)[leaf]
        return codes

    def mask(self, levels: Sequence[int]) -> CodeMask:
        """The bits that remain when every column is generalised to its level, per word."""
        masks = [0] * self.words
        for column, level in enumerate(levels):
            masks[self.column_words[column]] += self.hierarchies[column].mask(level) << self.shifts[column]
        return tuple(masks)

    def column_paths(self, codes: IntArray, column: int) -> IntArray:
        """The path that one column has in each record."""
        bits = (1 << self.hierarchies[column].bits) - 1
        paths: IntArray = (codes[self.column_words[column]] >> self.shifts[column]) & bits
        return paths

    def decode(self, codes: IntArray) -> npt.NDArray[np.int32]:
        """The leaf index of every column, `[column, record]`.

        Refuses (as a defect): a code that no combination of leaves has.
        """
        return np.stack([self.column_leaves(codes, c).astype(np.int32) for c in range(self.columns)])

    def column_leaves(self, codes: IntArray, column: int) -> IntArray:
        """The leaf index of one column in each record."""
        return _positions(self.column_paths(codes, column), self.hierarchies[column].paths)


def _positions(paths: IntArray, known: IntArray) -> IntArray:
    """The position in `known` of the leaf with each path."""
    highest = int(known.max())
    if highest < _TABLE:
        table = np.full(highest + 1, -1, dtype=np.int64)
        table[known] = np.arange(len(known))
        found = table[np.minimum(paths, highest)]
        right = found >= 0
        right &= paths <= highest
    else:
        order = np.argsort(known)
        place = np.minimum(np.searchsorted(known[order], paths), len(known) - 1)
        found = order[place]
        right = known[found] == paths
    if not right.all():
        raise ValueError("a code holds a path that its hierarchy does not have")
    return found
