"""The equivalence classes at one choice of levels, counted in pupils.

This is the inner step of every search, so it works for its speed: small numbers of classes are
counted in a table, and only what can be in a large enough class is ever sorted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_PIECE_BITS = 13
_PIECE = (1 << _PIECE_BITS) - 1
"""Codes are read in pieces of so many bits, by tables that stay in the processor's cache."""

_HASH = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, odd: spreads numbers evenly (Knuth, volume 3, § 6.4)."""


@dataclass(frozen=True, eq=False)
class Grouping:
    """The classes at one choice of levels.

    Takes: the class of each distinct code, 0 for codes in classes too small to be told apart; the
    pupils per class (none for 0, nor for numbers that nobody has); the classes of enough pupils.
    """

    classes: Numbers
    pupils: Numbers
    large: Flags


class CodeCounts:
    """Pupils per distinct code, laid out to be grouped many times.

    Takes: the distinct codes and the number of pupils with each, at least one code.
    """

    def __init__(self, codes: Numbers, pupils: Numbers) -> None:
        self.codes = codes
        self.pupils: Floats = pupils.astype(np.float64)
        self.total = int(pupils.sum())
        self._pieces = [
            (codes >> shift) & _PIECE for shift in range(0, int(codes.max()).bit_length(), _PIECE_BITS)
        ]
        # Class numbers of so few bits are counted in a table; others are thinned out, then sorted.
        self._table_bits = max(8, len(codes).bit_length() + 1)

    def group(self, mask: int, k: int, most_suppressed: int) -> Grouping | None:
        """Groups everybody by the code under a mask.

        Takes: the mask, the fewest pupils a class may have, the most pupils that may be suppressed.
        Gives: nothing where more pupils are in classes under k; then so they are in every finer
        grouping.
        """
        classes = self._classes(mask, k, most_suppressed)
        if classes is None:
            return None
        pupils = summed(classes, self.pupils)
        pupils[0] = 0
        large = pupils >= k
        if self.total - int(pupils[large].sum()) > most_suppressed:
            return None
        return Grouping(classes, pupils, large)

    def _classes(self, mask: int, k: int, most_suppressed: int) -> Numbers | None:
        if mask.bit_count() <= self._table_bits:
            return self._squeezed(mask)
        masked = self.codes & mask
        # A hash bucket holds whole classes: what lies in one under k pupils is in classes under k.
        buckets = hashed(masked, self._table_bits)
        kept = (summed(buckets, self.pupils) >= k)[buckets]
        if self.total - int(self.pupils[kept].sum()) > most_suppressed:
            return None
        classes = np.zeros(len(masked), dtype=np.int64)
        classes[kept] = np.unique(masked[kept], return_inverse=True)[1] + 1
        return classes

    def _squeezed(self, mask: int) -> Numbers:
        """The bits of every code that the mask keeps, moved together, plus 1."""
        classes = np.ones(len(self.codes), dtype=np.int64)
        moved = 0
        for number, piece in enumerate(self._pieces):
            kept = (mask >> (number * _PIECE_BITS)) & _PIECE
            if kept:
                classes += np.take(squeezed(np.arange(_PIECE + 1), kept) << moved, piece)
                moved += kept.bit_count()
        return classes


def squeezed(values: Numbers, mask: int) -> Numbers:
    """The bits of each value that a mask keeps, moved together: 0b1101 under 0b1011 is 0b101."""
    result = np.zeros_like(values)
    source = target = 0
    while rest := mask >> source:
        if rest & 1:
            result |= ((values >> source) & 1) << target
            target += 1
        source += 1
    return result


def hashed(values: Numbers, bits: int) -> Numbers:
    return ((values.view(np.uint64) * _HASH) >> np.uint64(64 - bits)).view(np.int64)


def summed(places: Numbers, counts: Floats) -> Numbers:
    """The sum of the counts at each place; float64 holds whole numbers exactly up to 2^53."""
    return np.bincount(places, counts).astype(np.int64)
