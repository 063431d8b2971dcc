"""What a class may give away of a sensitive column: no value so certain that hiding the pupil is in vain.

The rules look at the pupils whose value is shown, and at nobody else: whoever shows no value (`onbekend`) is
in another class. No search knows them; they judge the classes that a search has made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Protocol

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.privacy_models.constraints import parse_exact_number, parse_share, whole_number_problems

_MOST_DIVERSE = 1_000_000
"""The largest l, and the largest denominator of one."""

_DOUBT = 1e-9
"""Entropies this close to log l are compared again, without rounding: floats are exact to about 1e-13."""

_WHOLE_UP_TO = 4096
"""Classes of more pupils, in lowest terms, are compared with 60 decimals instead of whole numbers."""

_DIGITS, _STRICTNESS = 60, Decimal("1e-30")
"""What is not larger than l by so little that 60 decimals show it, counts as smaller."""


@dataclass(frozen=True, eq=False)
class SchoolValueCounts:
    """Whose values the pupils of a class are: pupils per class, group and value, each combination once.

    A group is a school, or a board of schools: who is in it knows its own pupils. A pupil of several groups
    stands under each of them.
    """

    classes: IntArray
    groups: IntArray
    values: IntArray
    pupils: IntArray

    def __post_init__(self) -> None:
        lengths = {len(self.classes), len(self.groups), len(self.values), len(self.pupils)}
        if len(lengths) > 1 or (len(self.pupils) and self.pupils.min() < 1):
            raise ValueError("the arrays of groups differ in length, or a combination has no pupil")


@dataclass(frozen=True, eq=False)
class SensitiveValueCounts:
    """The pupils who show a sensitive value, counted.

    Takes: the pupils per `[class, value]`; per value those of the whole cohort who have it, also those left
    out; and where schools are known, the values of their groups.
    """

    values: IntArray
    overall: IntArray
    groups: SchoolValueCounts | None = None

    @property
    def pupils(self) -> IntArray:
        """The pupils with a value, per class."""
        counted: IntArray = self.values.sum(axis=1)
        return counted


class SensitiveValueConstraint(Protocol):
    """A rule on the sensitive values of one class; two classes that satisfy it do so together."""

    def holds(self, counts: SensitiveValueCounts) -> BoolArray: ...


@dataclass(frozen=True)
class DistinctLDiversity:
    """A class holds at least l different sensitive values: distinct l-diversity, the plainest reading
    of the principle of Machanavajjhala, Kifer, Gehrke and Venkitasubramaniam (2007), named so by Li, Li and
    Venkatasubramanian (2007).
    """

    diversity: int

    def __post_init__(self) -> None:
        what = "number of different sensitive values per class (l)"
        if problems := whole_number_problems(1, self.diversity, what, example="3"):
            raise ConfigurationRefused(*problems)

    def holds(self, counts: SensitiveValueCounts) -> BoolArray:
        holds: BoolArray = np.count_nonzero(counts.values, axis=1) >= self.diversity
        return holds

    def __str__(self) -> str:
        return f"at least {self.diversity} different sensitive values"


@dataclass(frozen=True, init=False)
class EntropyLDiversity:
    """The entropy of the sensitive values of a class is at least log l, as if l values were equally
    frequent: entropy l-diversity, −Σ p·log p ≥ log l (Machanavajjhala et al., 2007).

    Takes: l, a whole or decimal number of at least 1; a float counts as the decimals it is written with.

    Two classes that satisfy it do so together, as entropy is concave: that of the joined class is at least
    the mean of theirs. It does not survive merging with any class: {5, 5} joined by {0, 90} is nearly of one
    value. In whole numbers the rule is n^n ≥ l^n · Π n_i^n_i: so classes are compared that lie so close to
    the limit that rounding could decide. Where even that would take too long, the class fails.
    """

    diversity: Fraction

    def __init__(self, diversity: Fraction | float | str) -> None:
        exact = parse_exact_number(diversity)
        if exact is None or not 1 <= exact <= _MOST_DIVERSE or exact.denominator > _MOST_DIVERSE:
            raise ConfigurationRefused(
                describe_problem(
                    "a diversity of sensitive values (l) of at least 1, of at most six decimals",
                    example="`3` or `2.5`",
                    found=str(diversity) if exact is not None else "something else",
                    where="the constraints",
                    do="Write it as a whole or short decimal number",
                )
            )
        object.__setattr__(self, "diversity", exact)

    def holds(self, counts: SensitiveValueCounts) -> BoolArray:
        values = counts.values
        pupils = np.maximum(values.sum(axis=1), 1)
        weighed = (values * np.log(np.maximum(values, 1))).sum(axis=1)
        above = np.log(pupils) - weighed / pupils - math.log(self.diversity)
        holds: BoolArray = above > 0
        doubtful = np.flatnonzero(np.abs(above) <= _DOUBT)
        if len(doubtful):
            holds[doubtful] = _exactly_as_diverse(values[doubtful], self.diversity)
        return holds

    def __str__(self) -> str:
        return f"sensitive values as varied as {float(self.diversity):.6g} equally frequent ones"


@dataclass(frozen=True, init=False)
class ValueDominance:
    """No sensitive value has more than this part of a class: who is known to be in it must not be known to
    have that value (group disclosure: Hundepool et al., 2012; (α, k)-anonymity with one α for all values:
    Wong, Li, Fu and Wang, 2006). Advice: 90 %.

    Takes: the limit, for example `"9/10"` or `0.9`; a float counts as the decimals it is written with.

    Two classes that satisfy it do so together: max(a + b) ≤ max a + max b. It does not survive merging with
    any class: {5, 5} joined by {0, 90}.
    """

    limit: Fraction

    def __init__(self, limit: Fraction | float | str) -> None:
        what = "largest share of one sensitive value"
        exact = parse_share(limit, what)
        if exact == 0:
            raise ConfigurationRefused(
                describe_problem(
                    f"a {what} above 0",
                    example="`0.9`",
                    found="zero",
                    where="the constraints",
                    do="Write it as a fraction or a short decimal number",
                )
            )
        object.__setattr__(self, "limit", exact)

    def holds(self, counts: SensitiveValueCounts) -> BoolArray:
        values = counts.values
        largest = values.max(axis=1, initial=0)
        holds: BoolArray = largest * self.limit.denominator <= values.sum(axis=1) * self.limit.numerator
        return holds

    def __str__(self) -> str:
        return f"at most {self.limit} of the pupils with one sensitive value"


@dataclass(frozen=True)
class LDiversityWithoutAnySchool:
    """When any one school, or board of schools, takes its own pupils away, a class still has so many pupils
    with so many different values: what that school still faces of the others.

        class  value  school A  school B      without A         without B
        0      I      5         3             3 I, 2 II: fine   5 I: one value
               II     0         2

    Two classes that satisfy it do so together: what is left of both is at least what is left of one.
    """

    values: int
    pupils: int

    def __post_init__(self) -> None:
        told = [
            *whole_number_problems(1, self.values, "number of values without any one school", example="2"),
            *whole_number_problems(0, self.pupils, "number of pupils without any one school", example="5"),
        ]
        if told:
            raise ConfigurationRefused(*told)

    def holds(self, counts: SensitiveValueCounts) -> BoolArray:
        satisfied = np.ones(len(counts.values), dtype=np.bool_)
        if counts.groups is None or not len(counts.groups.pupils):
            return satisfied
        of = counts.groups
        width = int(of.groups.max()) + 1
        pairs, pair = np.unique(of.classes * width + of.groups, return_inverse=True)
        taken = np.bincount(pair, of.pupils, minlength=len(pairs)).astype(np.int64)
        all_of_it = counts.values[of.classes, of.values] == of.pupils
        lost = np.bincount(pair, all_of_it, minlength=len(pairs)).astype(np.int64)
        affected = pairs // width
        distinct = np.count_nonzero(counts.values, axis=1)[affected] - lost
        fails = (distinct < self.values) | (counts.pupils[affected] - taken < self.pupils)
        satisfied[affected[fails]] = False
        return satisfied

    def __str__(self) -> str:
        return f"{self.values} values of {self.pupils} pupils left without any one school or board"


def _exactly_as_diverse(values: IntArray, diversity: Fraction) -> BoolArray:
    """The same comparison without rounding, once for all classes of equal proportions."""
    lowest = np.maximum(np.gcd.reduce(values, axis=1), 1)
    proportions = np.sort(values // lowest[:, None], axis=1)
    kinds, kind = np.unique(proportions, axis=0, return_inverse=True)
    verdicts = [_as_diverse([n for n in row if n], diversity) for row in kinds.tolist()]
    return np.array(verdicts, dtype=np.bool_)[kind.reshape(-1)]


def _as_diverse(members: list[int], diversity: Fraction) -> bool:
    total = sum(members)
    if total <= _WHOLE_UP_TO:
        alike = math.prod(n**n for n in members)
        return bool((total * diversity.denominator) ** total >= diversity.numerator**total * alike)
    with localcontext(prec=_DIGITS):

        def times_log(n: int) -> Decimal:
            return n * Decimal(n).ln()

        log = Decimal(diversity.numerator).ln() - Decimal(diversity.denominator).ln()
        above = times_log(total) - sum(times_log(n) for n in members) - total * log
        return above > _STRICTNESS
