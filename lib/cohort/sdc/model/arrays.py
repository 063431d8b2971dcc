"""Array types of the engine, and the few operations on grouped arrays that several modules need.

Everything in `cohort.sdc` works on numpy arrays without loops over pupils. The comments of the other modules name
the axes in square brackets: `[class, column]`, `[word, code]`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, made odd (Knuth, The Art of Computer Programming, volume 3, section 6.4)."""


def hash_codes(values: IntArray, bits: int) -> IntArray:
    """Multiplicative hash of each value to a bucket number of `bits` bits, evenly spread."""
    return ((values.view(np.uint64) * _HASH_FACTOR) >> np.uint64(64 - bits)).view(np.int64)


def hash_pairs(values: IntArray, more: IntArray) -> IntArray:
    """One 64-bit hash per pair of values; two different pairs collide with a chance of about 2^-64."""
    high = (values.view(np.uint64) + np.uint64(1)) * _HASH_FACTOR
    high ^= high >> np.uint64(29)
    return ((high * _HASH_FACTOR) ^ more.view(np.uint64)).view(np.int64)


def sum_by_group(
    groups: npt.NDArray[np.integer], counts: npt.NDArray[np.number], number_of_groups: int = 0
) -> IntArray:
    """Sum whole numbers per group.

    Args:
        groups: the group of each entry, from 0.
        counts: a whole number per entry; they are summed as float64, which is exact up to 2^53.
        number_of_groups: the length of the result at least, for groups without an entry.
    """
    return np.bincount(groups, counts, minlength=number_of_groups).astype(np.int64)


def position_in_group(sizes: IntArray) -> IntArray:
    """The running number, from 0, of each entry within its group, for groups that stand one after the other.

    sizes 2, 3   →   0, 1, 0, 1, 2
    """
    ends = np.cumsum(sizes)
    positions: IntArray = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - sizes, sizes)
    return positions


class RowsByKey:
    """An index of a table that is sorted by a key, such as the class.

    Args:
        keys: the key of each row, ascending.
        number_of_keys: one more than the largest key.
    """

    def __init__(self, keys: IntArray, number_of_keys: int) -> None:
        self._begins = np.searchsorted(keys, np.arange(number_of_keys + 1))

    def rows(self, keys: IntArray) -> IntArray:
        """The row numbers of some keys, key by key."""
        first, lengths = self._begins[keys], self._begins[keys + 1] - self._begins[keys]
        rows: IntArray = np.repeat(first, lengths) + position_in_group(lengths)
        return rows
