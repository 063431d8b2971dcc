"""The equivalence classes at one level vector, counted in pupils.

This is the inner step of every search and is optimised for speed: small class numbers are counted in a table, and only
codes that can be in a large enough class are sorted. It counts pupils only; the other constraints are checked by
`global_recoding.constraint_checker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from cohort.sdc.model.arrays import BoolArray, FloatArray, IntArray, hash_codes, hash_pairs, sum_by_group
from cohort.sdc.model.coding import CodeMask

_PIECE_BITS = 13
_PIECE = (1 << _PIECE_BITS) - 1
"""Codes are read in pieces of this many bits, by look-up tables that stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class EquivalenceClasses:
    """The equivalence classes at one level vector.

    Args:
        class_of_code: the class of each distinct code; 0 stands for all classes too small to be told apart.
        pupils: the pupils of each class; 0 for class 0 and for numbers that no code has.
        large_enough: the classes of at least k pupils.
    """

    class_of_code: IntArray
    pupils: IntArray
    large_enough: BoolArray


@dataclass(frozen=True, eq=False)
class ClassSelection:
    """Some of the equivalence classes at one level vector.

    Args:
        classes: all classes.
        flags: which of them are selected.
    """

    classes: EquivalenceClasses
    flags: BoolArray

    def narrow(self, flags: BoolArray) -> ClassSelection:
        """A selection of these classes; the same object where all of them are selected."""
        return self if np.array_equal(flags, self.flags) else ClassSelection(self.classes, flags)

    @cached_property
    def pupils(self) -> IntArray:
        """The pupils of each selected class."""
        return self.classes.pupils[self.flags]

    @cached_property
    def contains_code(self) -> BoolArray:
        """Which of the distinct codes are in the selected classes."""
        return self.flags[self.classes.class_of_code]

    @cached_property
    def distinct_codes(self) -> IntArray:
        """How many distinct codes are in each selected class."""
        return np.bincount(self.classes.class_of_code, minlength=len(self.flags))[self.flags]


class DistinctCodes:
    """The distinct codes of a cohort with their pupils, laid out to be grouped many times.

    Args:
        codes: the distinct codes, `[word, code]`, at least one.
        pupils: the number of pupils with each code.

    Attributes:
        total: the number of all pupils.
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
        # Class numbers of at most this many bits are counted in a table; longer ones are thinned out, then sorted.
        self._table_bits = max(8, codes.shape[1].bit_length() + 1)

    def form_classes(self, mask: CodeMask, k: int, max_suppressed: int) -> EquivalenceClasses | None:
        """Form the classes of codes that are equal under a mask.

        Args:
            mask: the bits of the code that a level vector keeps.
            k: the fewest pupils of a class.
            max_suppressed: the most pupils that may be suppressed.

        Returns:
            None where more pupils are in classes under k; then this holds for every finer level vector, too.
        """
        class_of_code = self._number_classes(mask, k, max_suppressed)
        if class_of_code is None:
            return None
        pupils = sum_by_group(class_of_code, self.pupils)
        pupils[0] = 0
        large_enough = pupils >= k
        if self.total - int(pupils[large_enough].sum()) > max_suppressed:
            return None
        return EquivalenceClasses(class_of_code, pupils, large_enough)

    def _number_classes(self, mask: CodeMask, k: int, max_suppressed: int) -> IntArray | None:
        if sum(word.bit_count() for word in mask) <= self._table_bits:
            return self._compress(mask)
        masked = mask_codes(self.codes, mask)
        # A hash bucket contains whole classes: a bucket under k pupils contains only classes under k.
        buckets = hash_codes(masked, self._table_bits)
        may_be_large = (sum_by_group(buckets, self.pupils) >= k)[buckets]
        if self.total - int(self.pupils[may_be_large].sum()) > max_suppressed:
            return None
        class_of_code = np.zeros(len(masked), dtype=np.int64)
        class_of_code[may_be_large] = np.unique(masked[may_be_large], return_inverse=True)[1] + 1
        return class_of_code

    def _compress(self, mask: CodeMask) -> IntArray:
        """The bits of every code that the mask keeps, moved together, plus 1."""
        compressed = np.ones(self.codes.shape[1], dtype=np.int64)
        bits = 0
        for word, shift, piece in self._pieces:
            kept = (mask[word] >> shift) & _PIECE
            if kept:
                compressed += np.take(_compression_table(kept) << bits, piece)
                bits += kept.bit_count()
        return compressed


def mask_codes(codes: IntArray | Sequence[IntArray], mask: CodeMask) -> IntArray:
    """One number per record, equal where the masked codes are equal.

    With a single word it is the masked code itself. With several words it is a 64-bit hash, on which two different
    codes collide with a chance of about 2^-64; a search that releases classes made by it counts them again exactly.
    """
    masked: IntArray = codes[0] & mask[0]
    for word, kept in zip(codes[1:], mask[1:], strict=True):
        masked = hash_pairs(masked, word & kept)
    return masked


@lru_cache(maxsize=256)
def _compression_table(kept: int) -> IntArray:
    """For every value of a piece, its bits that are kept, moved together: 0b1101 under 0b1011 is 0b101."""
    values = np.arange(_PIECE + 1)
    compressed = np.zeros_like(values)
    source = target = 0
    while rest := kept >> source:
        if rest & 1:
            compressed |= ((values >> source) & 1) << target
            target += 1
        source += 1
    return compressed
