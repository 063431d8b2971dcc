"""Made-up pupil numbers (PGN) that pass the checks of real ones.

A burgerservicenummer abcdefghi is valid when (9a+8b+7c+6d+5e+4f+3g+2h-i) mod 11 is 0; an onderwijsnummer begins with 10
and leaves 5. So the first eight digits determine the ninth, and distinct first eight digits give distinct numbers. A
made-up number may happen to be a real one: nothing made from these numbers may be joined to real data.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

PupilNumbers = npt.NDArray[np.int64]

ONDERWIJS_SHARE = 0.01
"""The share of pupils without a burgerservicenummer."""

_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2)
_RESIDUES = 16
# Numbers that a school could type to get past a mandatory field: no pupil has one.
_FILLER_HEADS = np.array([n * 11_111_111 for n in range(10)] + [12_345_678, 11_122_233, 98_765_432])


class NumberRange(IntEnum):
    """The cohort that a number is made for.

    The first eight digits modulo 16 are 0 for NLSCHOOLS and 1 to 15 for SYNTHETIC, so no two cohorts share a number.
    """

    NLSCHOOLS = 0
    SYNTHETIC = 1


def draw_pupil_numbers(rng: np.random.Generator, count: int, number_range: NumberRange) -> PupilNumbers:
    """Draw distinct valid pupil numbers in random order.

    Returns:
        Whole numbers below 10^9; about one in ten has a leading zero as nine digits, and one in a hundred is an
        onderwijsnummer.
    """
    onderwijs = round(count * ONDERWIJS_SHARE)
    bsn = _draw_distinct(rng, count - onderwijs, (0, 100_000_000), remainder=0, number_range=number_range)
    own = _draw_distinct(rng, onderwijs, (10_000_000, 11_000_000), remainder=5, number_range=number_range)
    return rng.permutation(np.concatenate([bsn, own]))


def format_pupil_numbers(numbers: PupilNumbers) -> list[str]:
    """The numbers as nine digits."""
    return [f"{number:09d}" for number in numbers.tolist()]


def with_wrong_check_digit(numbers: PupilNumbers) -> PupilNumbers:
    """The numbers with the last digit one higher (9 becomes 0): the sum changes, so none passes."""
    last = numbers % 10
    return np.where(last == 9, numbers - 9, numbers + 1)


def _draw_distinct(
    rng: np.random.Generator, count: int, heads: tuple[int, int], remainder: int, number_range: NumberRange
) -> PupilNumbers:
    numbers = np.empty(0, dtype=np.int64)
    while numbers.size < count:
        head = rng.integers(heads[0] // _RESIDUES, heads[1] // _RESIDUES, size=count + count // 4 + 16)
        head = head * _RESIDUES
        if number_range is NumberRange.SYNTHETIC:
            head = head + rng.integers(1, _RESIDUES, size=head.size)
        numbers = np.unique(np.concatenate([numbers, _append_check_digit(head, remainder)]))
    return rng.permutation(numbers)[:count]


def _append_check_digit(heads: PupilNumbers, remainder: int) -> PupilNumbers:
    heads = heads[~np.isin(heads, _FILLER_HEADS)]
    total = np.zeros_like(heads)
    for place, weight in enumerate(reversed(_WEIGHTS)):
        total += weight * (heads // 10**place % 10)
    check = (total - remainder) % 11
    return (heads * 10 + check)[check < 10]
