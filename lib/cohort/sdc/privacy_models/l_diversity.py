"""l-diversity: how varied the sensitive values of a class must be.

Source: Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam (2007), l-Diversity: Privacy beyond k-anonymity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import BoolArray, IntArray
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.thresholds import CONSTRAINTS, parse_exact_number, refuse_wrong_whole_numbers

_LARGEST_L = 1_000_000
"""The largest l of entropy l-diversity, and the largest denominator of one."""

_ROUNDING_DOUBT = 1e-9
"""Entropies this close to log l are compared exactly; the floating-point error is about 1e-13."""

_WHOLE_NUMBERS_UP_TO = 4096
"""Classes of more pupils, in lowest terms, are compared with 60 decimals instead of whole numbers."""

_DECIMALS, _DECIMAL_DOUBT = 60, Decimal("1e-30")
"""An entropy that exceeds log l by less than the doubt, in this many decimals, counts as too small."""


@dataclass(frozen=True)
class DistinctLDiversity:
    """A class has at least l distinct sensitive values.

    The simplest form of l-diversity, named by Li, Li and Venkatasubramanian (2007).

    Args:
        diversity: l, a whole number of at least 1.

    Raises:
        ConfigurationRefused: l is no such number.
    """

    diversity: int

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers([(1, self.diversity, "number of different sensitive values per class (l)", "3")])

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        satisfied: BoolArray = np.count_nonzero(counts.pupils_by_value, axis=1) >= self.diversity
        return satisfied

    def __str__(self) -> str:
        return f"at least {self.diversity} different sensitive values"


@dataclass(frozen=True, init=False)
class EntropyLDiversity:
    """The entropy of the sensitive values of a class is at least log l, that of l equally frequent values.

    With n pupils in the class, of whom n_i have value i and p_i = n_i / n: −Σ p_i · log p_i ≥ log l. In whole numbers
    this is n^n ≥ l^n · Π n_i^n_i; classes so close to the limit that rounding could decide are compared so, or, where
    they are large, with 60 decimals. A class for which even these do not decide fails.

    Two classes that satisfy it satisfy it when merged, since entropy is concave. It is not monotonic: {5, 5} merged
    with {0, 90} has nearly a single value.

    Args:
        diversity: l, a whole or decimal number from 1; a float counts as the decimals it prints with.

    Raises:
        ConfigurationRefused: l is no such number, or has more than six decimals.
    """

    diversity: Fraction

    def __init__(self, diversity: Fraction | float | str) -> None:
        exact = parse_exact_number(diversity)
        if exact is None or not 1 <= exact <= _LARGEST_L or exact.denominator > _LARGEST_L:
            raise ConfigurationRefused(
                describe_problem(
                    "a diversity of sensitive values (l) of at least 1, of at most six decimals",
                    example="`3` or `2.5`",
                    found=str(diversity) if exact is not None else "something else",
                    where=CONSTRAINTS,
                    do="Write it as a whole or short decimal number",
                )
            )
        object.__setattr__(self, "diversity", exact)

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        values = counts.pupils_by_value
        pupils = np.maximum(values.sum(axis=1), 1)
        sum_n_log_n = (values * np.log(np.maximum(values, 1))).sum(axis=1)
        excess = np.log(pupils) - sum_n_log_n / pupils - math.log(self.diversity)
        satisfied: BoolArray = excess > 0
        doubtful = np.flatnonzero(np.abs(excess) <= _ROUNDING_DOUBT)
        if len(doubtful):
            satisfied[doubtful] = _compare_entropy_exactly(values[doubtful], self.diversity)
        return satisfied

    def __str__(self) -> str:
        return f"sensitive values as varied as {float(self.diversity):.6g} equally frequent ones"


@dataclass(frozen=True)
class LDiversityWithoutAnySchool:
    """Without the pupils of any one school, a class still has enough pupils with enough distinct sensitive values.

    A school, or board of schools, knows its own pupils; this is distinct l-diversity as it meets the others.

        class  value  school A  school B      without A                     without B
        p      I      5         3             3 with I, 2 with II: enough   5 with I: one value
               II     0         2

    Two classes that satisfy it satisfy it when merged. Without schools in the data every class satisfies it.

    Args:
        values: the fewest distinct values that remain, at least 1.
        pupils: the fewest pupils that remain, at least 0.

    Raises:
        ConfigurationRefused: either is no such whole number.
    """

    values: int
    pupils: int

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers(
            [
                (1, self.values, "number of values without any one school", "2"),
                (0, self.pupils, "number of pupils without any one school", "5"),
            ]
        )

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        satisfied = np.ones(len(counts.pupils_by_value), dtype=np.bool_)
        entries = counts.by_school
        if entries is None or not len(entries.pupils):
            return satisfied
        width = int(entries.schools.max()) + 1
        pairs, pair_of_entry = np.unique(entries.classes * width + entries.schools, return_inverse=True)
        removed_pupils = np.bincount(pair_of_entry, entries.pupils, minlength=len(pairs)).astype(np.int64)
        only_at_school = counts.pupils_by_value[entries.classes, entries.values] == entries.pupils
        removed_values = np.bincount(pair_of_entry, only_at_school, minlength=len(pairs)).astype(np.int64)
        class_of_pair = pairs // width
        remaining_values = np.count_nonzero(counts.pupils_by_value, axis=1)[class_of_pair] - removed_values
        remaining_pupils = counts.pupils[class_of_pair] - removed_pupils
        fails = (remaining_values < self.values) | (remaining_pupils < self.pupils)
        satisfied[class_of_pair[fails]] = False
        return satisfied

    def __str__(self) -> str:
        return f"{self.values} values of {self.pupils} pupils left without any one school or board"


def _compare_entropy_exactly(values: IntArray, diversity: Fraction) -> BoolArray:
    """Compare entropies with log l without rounding, once for all classes with the same proportions."""
    divisor = np.maximum(np.gcd.reduce(values, axis=1), 1)
    proportions = np.sort(values // divisor[:, None], axis=1)
    distinct, distinct_of_class = np.unique(proportions, axis=0, return_inverse=True)
    results = [_reaches_diversity([n for n in row if n], diversity) for row in distinct.tolist()]
    return np.array(results, dtype=np.bool_)[distinct_of_class.reshape(-1)]


def _reaches_diversity(pupils_by_value: list[int], diversity: Fraction) -> bool:
    """Whether the entropy of one class is at least log l."""
    total = sum(pupils_by_value)
    if total <= _WHOLE_NUMBERS_UP_TO:
        product = math.prod(n**n for n in pupils_by_value)
        return bool((total * diversity.denominator) ** total >= diversity.numerator**total * product)
    with localcontext(prec=_DECIMALS):

        def n_log_n(n: int) -> Decimal:
            return n * Decimal(n).ln()

        log_l = Decimal(diversity.numerator).ln() - Decimal(diversity.denominator).ln()
        excess = n_log_n(total) - sum(n_log_n(n) for n in pupils_by_value) - total * log_l
        return excess > _DECIMAL_DOUBT
