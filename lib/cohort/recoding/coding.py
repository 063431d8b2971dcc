"""All columns of a record in one number, so that generalising a record is one bit mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.errors import ConfigurationRefused, expected
from cohort.recoding.hierarchy import Hierarchy

MOST_BITS = 63
"""A code is a non-negative int64, the widest whole number that Spark, Arrow and numpy share."""

_TABLE = 1 << 20
"""Paths below this are looked up in a table instead of being searched."""

Codes = npt.NDArray[np.int64]
Levels = tuple[int, ...]


@dataclass(frozen=True)
class Coding:
    """The paths of all columns side by side in one int64, the first column in the highest bits.

        geslacht  leerjaar                       level vector (1, 0)
        path 1    path 011      code 1_011       mask         0_111     class code 0_011

    Takes: one hierarchy per quasi-identifier, in the order of the release.
    Refuses: no column, and more bits than an int64 holds.
    """

    hierarchies: tuple[Hierarchy, ...]

    def __post_init__(self) -> None:
        if not self.hierarchies:
            raise ConfigurationRefused(
                expected(
                    "at least one quasi-identifier",
                    example="geslacht",
                    found="none",
                    where="the columns of the release",
                    do="Declare which columns are quasi-identifying",
                )
            )
        if self.bits > MOST_BITS:
            widest = sorted(self.hierarchies, key=lambda hierarchy: -hierarchy.bits)[:3]
            named = ", ".join(f"{hierarchy.name} ({hierarchy.bits} bits)" for hierarchy in widest)
            raise ConfigurationRefused(
                expected(
                    f"quasi-identifiers of at most {MOST_BITS} bits together",
                    example="eight columns of 30 values in three levels (40 to 56 bits)",
                    found=f"{self.bits} bits, which is not supported yet",
                    where="the columns of the release",
                    do=f"Select fewer columns or give the widest fewer values: {named}",
                )
            )

    @property
    def bits(self) -> int:
        return sum(hierarchy.bits for hierarchy in self.hierarchies)

    @property
    def heights(self) -> Levels:
        """The number of levels of every column."""
        return tuple(hierarchy.height for hierarchy in self.hierarchies)

    @property
    def shifts(self) -> tuple[int, ...]:
        """How far each column's path is moved to the left."""
        widths = [hierarchy.bits for hierarchy in self.hierarchies]
        return tuple(sum(widths[column + 1 :]) for column in range(len(widths)))

    def column_codes(self, column: int) -> Codes:
        """What a leaf of a column (by position) adds to the record's code.

        Gives: an array by leaf index; the code of a record is the sum over its columns.
        """
        return self.hierarchies[column].paths << self.shifts[column]

    def mask(self, levels: Sequence[int]) -> int:
        """The bits that remain when every column is generalised to its level."""
        return sum(hierarchy.mask(level) << shift for hierarchy, shift, level in self._columns(levels))

    def column_paths(self, codes: Codes, column: int) -> Codes:
        """The path that one column has in each code."""
        return (codes >> self.shifts[column]) & ((1 << self.hierarchies[column].bits) - 1)

    def leaves_of(self, codes: Codes) -> npt.NDArray[np.int64]:
        """The leaf index of every column, `[record, column]`.

        Refuses (as a defect): a code that no combination of leaves has.
        """
        return np.stack([self.leaf_of(codes, c) for c in range(len(self.hierarchies))], axis=1)

    def leaf_of(self, codes: Codes, column: int) -> npt.NDArray[np.int64]:
        """The leaf index of one column in each code."""
        return _positions(self.column_paths(codes, column), self.hierarchies[column].paths)

    def labels(self, codes_masked: Codes, levels: Sequence[int]) -> list[npt.NDArray[np.str_]]:
        """The released labels of class codes, an array per column.

        Takes: codes, masked by `mask(levels)` or not, and the levels they are released at.
        """
        released = []
        for column, (hierarchy, _, level) in enumerate(self._columns(levels)):
            mask = hierarchy.mask(level)
            position = _positions(self.column_paths(codes_masked, column) & mask, hierarchy.paths & mask)
            released.append(np.array(hierarchy.labels[level], dtype=np.str_)[position])
        return released

    def _columns(self, levels: Sequence[int]) -> list[tuple[Hierarchy, int, int]]:
        return list(zip(self.hierarchies, self.shifts, levels, strict=True))


def _positions(paths: Codes, known: Codes) -> npt.NDArray[np.int64]:
    """The position in `known` of the first leaf with each path."""
    highest = int(known.max())
    if highest < _TABLE:
        table = np.full(highest + 1, -1, dtype=np.int64)
        table[known[::-1]] = np.arange(len(known))[::-1]
        found = table[np.minimum(paths, highest)]
        right = found >= 0
        right &= paths <= highest
    else:
        distinct, first = np.unique(known, return_index=True)
        place = np.minimum(np.searchsorted(distinct, paths), len(distinct) - 1)
        found = first[place].astype(np.int64)
        right = distinct[place] == paths
    if not right.all():
        raise ValueError("a code holds a path that its hierarchy does not have")
    return found
