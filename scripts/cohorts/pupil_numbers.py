"""Made-up pupil numbers (PGN) that pass the checks of real ones.

A burgerservicenummer abcdefghi passes when (9a+8b+7c+6d+5e+4f+3g+2h-i) mod 11 is 0; an
onderwijsnummer begins with 10 and leaves 5. So eight digits fix the ninth, and distinct heads of
eight digits give distinct numbers. By chance a made-up number is somebody's real one: nothing made
from it may be joined to real data.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

PupilNumbers = npt.NDArray[np.int64]

ONDERWIJS_SHARE = 0.01
"""The share of pupils without a burgerservicenummer."""

_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2)
_LANES = 16
# Numbers that a school could type to get past an empty field: never given to a pupil.
_FILLER_HEADS = np.array([n * 11_111_111 for n in range(10)] + [12_345_678, 11_122_233, 98_765_432])


class NumberRange(IntEnum):
    """Keeps cohorts apart: the head's remainder, so no two cohorts share a number."""

    NLSCHOOLS = 0
    SYNTHETIC = 1


def draw_pupil_numbers(rng: np.random.Generator, count: int, lane: NumberRange) -> PupilNumbers:
    """Distinct valid pupil numbers in random order.

    Gives: whole numbers below 10^9, of which about one in ten has lost a leading zero by being a
    number, and one in a hundred is an onderwijsnummer.
    """
    onderwijs = round(count * ONDERWIJS_SHARE)
    bsn = _distinct(rng, count - onderwijs, (0, 100_000_000), remainder=0, lane=lane)
    own = _distinct(rng, onderwijs, (10_000_000, 11_000_000), remainder=5, lane=lane)
    return rng.permutation(np.concatenate([bsn, own]))


def format_pupil_numbers(numbers: PupilNumbers) -> list[str]:
    """The numbers as nine digits."""
    return [f"{number:09d}" for number in numbers.tolist()]


def with_wrong_check_digit(numbers: PupilNumbers) -> PupilNumbers:
    """The numbers with the last digit one higher (9 becomes 0): the sum changes, so none passes."""
    last = numbers % 10
    return np.where(last == 9, numbers - 9, numbers + 1)


def _distinct(
    rng: np.random.Generator, count: int, heads: tuple[int, int], remainder: int, lane: NumberRange
) -> PupilNumbers:
    found = np.empty(0, dtype=np.int64)
    while found.size < count:
        head = rng.integers(heads[0] // _LANES, heads[1] // _LANES, size=count + count // 4 + 16)
        head = head * _LANES
        if lane is NumberRange.SYNTHETIC:
            head = head + rng.integers(1, _LANES, size=head.size)
        found = np.unique(np.concatenate([found, _completed(head, remainder)]))
    return rng.permutation(found)[:count]


def _completed(heads: PupilNumbers, remainder: int) -> PupilNumbers:
    heads = heads[~np.isin(heads, _FILLER_HEADS)]
    total = np.zeros_like(heads)
    for place, weight in enumerate(reversed(_WEIGHTS)):
        total += weight * (heads // 10**place % 10)
    check = (total - remainder) % 11
    return (heads * 10 + check)[check < 10]
