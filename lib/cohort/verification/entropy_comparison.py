"""Exact comparison of a class's entropy with its limit, for entropy l-diversity (Machanavajjhala et al., 2007).

Floats decide where they can. Near the limit both sides are compared by their prime factors, which are the same
only when the two are equal, and otherwise with as many decimals as it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from math import gcd, log

import numpy as np

from cohort.verification.record_runs import BoolArray, IntArray

EXACT_COMPARISON_MARGIN = 1e-9
"""Entropies nearer to their limit than this are compared exactly; floats are right to 1e-12."""


def find_low_entropy(table: IntArray, limit: Fraction) -> BoolArray:
    """Return the classes whose entropy −Σ p·log p is under log l.

    Args:
        table: pupils per `[class, value]`, every class with a pupil.
        limit: l.
    """
    pupils = table.sum(axis=1)
    weighted = (table * np.log(np.maximum(table, 1))).sum(axis=1)
    margin = np.log(pupils) - weighted / pupils - log(limit)
    is_low: BoolArray = margin < 0
    for row in np.flatnonzero(np.abs(margin) < EXACT_COMPARISON_MARGIN).tolist():
        counts = [count for count in table[row].tolist() if count]
        divisor = gcd(*counts)
        is_low[row] = not entropy_reaches_limit(tuple(sorted(count // divisor for count in counts)), limit)
    return is_low


@cache
def entropy_reaches_limit(counts: tuple[int, ...], limit: Fraction) -> bool:
    """Compare n·log n − Σ n_i·log n_i with n·log l exactly, for counts of any size."""
    pupils = sum(counts)
    powers = [(pupils, pupils), (limit.denominator, pupils), (limit.numerator, -pupils)]
    exponents: Counter[int] = Counter()
    for base, times in (*powers, *((count, -count) for count in counts)):
        for prime, exponent in _prime_factors(base):
            exponents[prime] += exponent * times
    if not any(exponents.values()):
        return True
    digits = 30
    while True:  # the sum is not zero, so some number of digits shows its sign
        with localcontext(prec=digits):
            terms = [Decimal(prime).ln() * times for prime, times in exponents.items()]
            total, magnitude = sum(terms, Decimal(0)), sum(map(abs, terms), Decimal(0))
            if abs(total) > magnitude.scaleb(4 - digits):
                return total > 0
        digits *= 2


def _prime_factors(number: int) -> Iterator[tuple[int, int]]:
    """Yield the prime factors of a number, each with its exponent."""
    factor = 2
    while factor * factor <= number:
        exponent = 0
        while number % factor == 0:
            number, exponent = number // factor, exponent + 1
        if exponent:
            yield factor, exponent
        factor += 1
    if number > 1:
        yield number, 1
