"""The equivalence classes at one choice of levels, counted in pupils.

This is the inner step of every search, so it works for its speed: small numbers of classes are
counted in a table, and only what can be in a large enough class is ever sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from cohort.sdc.model.arrays import BoolArray, FloatArray, IntArray
from cohort.sdc.model.coding import CodeMask

_PIECE_BITS = 13
_PIECE = (1 << _PIECE_BITS) - 1
"""Codes are read in pieces of so many bits, by tables that stay in the processor's cache."""

_HASH = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, odd: spreads numbers evenly (Knuth, volume 3, § 6.4)."""


@dataclass(frozen=True, eq=False)
class EquivalenceClasses:
    """The classes at one choice of levels.

    Takes: the class of each distinct code, 0 for codes in classes too small to be told apart; the
    pupils per class (none for 0, nor for numbers that nobody has); the classes of enough pupils.
    """

    class_of_code: IntArray
    pupils: IntArray
    large_enough: BoolArray


@dataclass(frozen=True, eq=False)
class ClassSelection:
    """Some of the classes of a grouping."""

    classes: EquivalenceClasses
    flags: BoolArray

    def narrow(self, flags: BoolArray) -> ClassSelection:
        """Those of these classes, which may be all of them."""
        return self if np.array_equal(flags, self.flags) else ClassSelection(self.classes, flags)

    @cached_property
    def pupils(self) -> IntArray:
        """The pupils of each."""
        return self.classes.pupils[self.flags]

    @cached_property
    def contains_code(self) -> BoolArray:
        """Which of the distinct codes are in them."""
        return self.flags[self.classes.class_of_code]

    @cached_property
    def distinct_codes(self) -> IntArray:
        """How many distinct codes are in each."""
        return np.bincount(self.classes.class_of_code, minlength=len(self.flags))[self.flags]


class DistinctCodes:
    """Pupils per distinct code, laid out to be grouped many times.

    Takes: the distinct codes `[word, code]` and the number of pupils with each, at least one code.
    """

    def __init__(self, codes: IntArray, pupils: IntArray) -> None:
        self.codes = codes
        self.pupils: FloatArray = pupils.astype(np.float64)
        self.total = int(pupils.sum())
        self._pieces = [
            (word, shift, (codes[word] >> shift) & _PIECE)
            for word in range(len(codes))
            for shift in range(0, int(codes[word].max()).bit_length(), _PIECE_BITS)
        ]
        # Class numbers of so few bits are counted in a table; others are thinned out, then sorted.
        self._table_bits = max(8, codes.shape[1].bit_length() + 1)

    def form_classes(self, mask: CodeMask, k: int, most_suppressed: int) -> EquivalenceClasses | None:
        """Groups everybody by the code under a mask.

        Takes: the mask, the fewest pupils a class may have, the most pupils that may be suppressed.
        Gives: nothing where more pupils are in classes under k; then so they are in every finer
        grouping.
        """
        classes = self._classes(mask, k, most_suppressed)
        if classes is None:
            return None
        pupils = _sum_by_class(classes, self.pupils)
        pupils[0] = 0
        large = pupils >= k
        if self.total - int(pupils[large].sum()) > most_suppressed:
            return None
        return EquivalenceClasses(classes, pupils, large)

    def _classes(self, mask: CodeMask, k: int, most_suppressed: int) -> IntArray | None:
        if sum(word.bit_count() for word in mask) <= self._table_bits:
            return self._squeezed(mask)
        masked = mask_codes(self.codes, mask)
        # A hash bucket holds whole classes: what lies in one under k pupils is in classes under k.
        buckets = hash_codes(masked, self._table_bits)
        kept = (_sum_by_class(buckets, self.pupils) >= k)[buckets]
        if self.total - int(self.pupils[kept].sum()) > most_suppressed:
            return None
        classes = np.zeros(len(masked), dtype=np.int64)
        classes[kept] = np.unique(masked[kept], return_inverse=True)[1] + 1
        return classes

    def _squeezed(self, mask: CodeMask) -> IntArray:
        """The bits of every code that the mask keeps, moved together, plus 1."""
        classes = np.ones(self.codes.shape[1], dtype=np.int64)
        moved = 0
        for word, shift, piece in self._pieces:
            kept = (mask[word] >> shift) & _PIECE
            if kept:
                classes += np.take(_squeezing(kept) << moved, piece)
                moved += kept.bit_count()
        return classes


def mask_codes(codes: IntArray, mask: CodeMask) -> IntArray:
    """One number per record, equal where the masked codes are equal.

    Of a single word it is the masked code itself. Of several words it is a mixture of 64 bits, which two
    different codes share with a chance of 2^-64: who releases classes made by it looks at them once more.
    """
    mixed: IntArray = codes[0] & mask[0]
    for word, kept in zip(codes[1:], mask[1:], strict=True):
        high = (mixed.view(np.uint64) + np.uint64(1)) * _HASH
        high ^= high >> np.uint64(29)
        mixed = ((high * _HASH) ^ (word & kept).view(np.uint64)).view(np.int64)
    return mixed


@lru_cache(maxsize=256)
def _squeezing(kept: int) -> IntArray:
    """For every value of a piece, its bits that are kept, moved together."""
    return _compress_bits(np.arange(_PIECE + 1), kept)


def _compress_bits(values: IntArray, mask: int) -> IntArray:
    """The bits of each value that a mask keeps, moved together: 0b1101 under 0b1011 is 0b101."""
    result = np.zeros_like(values)
    source = target = 0
    while rest := mask >> source:
        if rest & 1:
            result |= ((values >> source) & 1) << target
            target += 1
        source += 1
    return result


def hash_codes(values: IntArray, bits: int) -> IntArray:
    return ((values.view(np.uint64) * _HASH) >> np.uint64(64 - bits)).view(np.int64)


def _sum_by_class(places: IntArray, counts: FloatArray) -> IntArray:
    """The sum of the counts at each place; float64 holds whole numbers exactly up to 2^53."""
    return np.bincount(places, counts).astype(np.int64)
