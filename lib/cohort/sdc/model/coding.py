"""The quasi-identifiers of a record encoded in one or a few whole numbers.

A column's value is encoded as its path in the hierarchy of the column, coarsest level in the highest bits. So
generalising a record to any level vector is one bitwise AND per number, and two records are in the same equivalence
class exactly when their masked codes are equal. Spark encodes the rows with the same numbers (`column_codes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.hierarchy import Hierarchy

WORD_BITS = 63
"""A word of a code is a non-negative int64, the widest whole number that Spark, Arrow and numpy share."""

_MAX_TABLE_SIZE = 1 << 20
"""Paths below this are looked up in a table instead of being searched."""

LevelVector = tuple[int, ...]
"""One level per column: a node of the lattice of generalisations."""

CodeMask = tuple[int, ...]
"""The bits of a code that a level vector keeps, one number per word."""


@dataclass(frozen=True)
class Coding:
    """The paths of all columns side by side, the first column in the highest bits of the first word.

        geslacht  leerjaar                       level vector (1, 0)
        path 1    path 011      code 1_011       mask         0_111     class code 0_011

    A column that does not fit into what is left of the 63 bits of a word begins the next word.

    Args:
        hierarchies: one per quasi-identifier, in the order of the release.

    Raises:
        ConfigurationRefused: there is no column.
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
        """The number of columns."""
        return len(self.hierarchies)

    @property
    def bits(self) -> int:
        """The number of bits that all paths take together."""
        return sum(hierarchy.bits for hierarchy in self.hierarchies)

    @cached_property
    def column_words(self) -> tuple[int, ...]:
        """The word, by number, that contains each column's path."""
        words, used = [], 0
        for hierarchy in self.hierarchies:
            used_in_word = used % WORD_BITS
            if used_in_word and used_in_word + hierarchy.bits > WORD_BITS:
                used += WORD_BITS - used_in_word
            words.append(used // WORD_BITS)
            used += hierarchy.bits
        return tuple(words)

    @property
    def words(self) -> int:
        """How many words the code of a record has."""
        return self.column_words[-1] + 1

    @property
    def heights(self) -> LevelVector:
        """The number of levels of every column."""
        return tuple(hierarchy.height for hierarchy in self.hierarchies)

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """How many bits each column's path is shifted to the left within its word."""
        shifts, used = [0] * self.columns, [0] * self.words
        for column in reversed(range(self.columns)):
            word = self.column_words[column]
            shifts[column] = used[word]
            used[word] += self.hierarchies[column].bits
        return tuple(shifts)

    def column_codes(self, column: int) -> IntArray:
        """What each leaf of a column adds to the word of a record.

        Args:
            column: the column, by position.

        Returns:
            An array by leaf number; a word of a record is the sum over the columns that it contains.
        """
        return self.hierarchies[column].paths << self.shifts[column]

    def encode(self, leaves: Sequence[npt.NDArray[np.integer]] | npt.NDArray[np.integer]) -> IntArray:
        """Encode records.

        Args:
            leaves: the leaf number, `[column, record]`.

        Returns:
            The codes, `[word, record]`.
        """
        codes = np.zeros((self.words, len(leaves[0])), dtype=np.int64)
        for column, leaf in enumerate(leaves):
            codes[self.column_words[column]] += self.column_codes(column)[leaf]
        return codes

    def mask(self, levels: Sequence[int]) -> CodeMask:
        """The bits of a code that remain when every column is generalised to its level."""
        masks = [0] * self.words
        for column, level in enumerate(levels):
            masks[self.column_words[column]] += self.hierarchies[column].mask(level) << self.shifts[column]
        return tuple(masks)

    def column_paths(self, codes: IntArray, column: int) -> IntArray:
        """The path of one column in each record of `codes[word, record]`."""
        bits = (1 << self.hierarchies[column].bits) - 1
        paths: IntArray = (codes[self.column_words[column]] >> self.shifts[column]) & bits
        return paths

    def decode(self, codes: IntArray) -> npt.NDArray[np.int32]:
        """Decode records to the leaf number of every column, `[column, record]`.

        Raises:
            ValueError: no combination of leaves has this code (a defect).
        """
        return np.stack([self.column_leaves(codes, c).astype(np.int32) for c in range(self.columns)])

    def column_leaves(self, codes: IntArray, column: int) -> IntArray:
        """Decode one column of the records to leaf numbers; raises as `decode` does."""
        return _find_positions(self.column_paths(codes, column), self.hierarchies[column].paths)


def _find_positions(paths: IntArray, leaf_paths: IntArray) -> IntArray:
    """The position of each path in `leaf_paths`; raises ValueError for a path that is not there."""
    highest = int(leaf_paths.max())
    if highest < _MAX_TABLE_SIZE:
        table = np.full(highest + 1, -1, dtype=np.int64)
        table[leaf_paths] = np.arange(len(leaf_paths))
        positions = table[np.minimum(paths, highest)]
        exists = (positions >= 0) & (paths <= highest)
    else:
        order = np.argsort(leaf_paths)
        rank = np.minimum(np.searchsorted(leaf_paths[order], paths), len(leaf_paths) - 1)
        positions = order[rank]
        exists = leaf_paths[positions] == paths
    if not exists.all():
        raise ValueError("a code contains a path that its hierarchy does not have")
    return positions
