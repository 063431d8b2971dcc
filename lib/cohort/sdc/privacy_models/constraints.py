"""What every released class must satisfy, as values that compose.

A school here is whoever knows its own pupils: where boards are known they are counted as the schools, since a
board knows the pupils of all of its schools, and what holds for it holds for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Protocol

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray

_FINEST_SHARE = 1_000_000
"""Shares are compared in whole numbers; a denominator up to this one cannot overflow an int64."""


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """What constraints look at, one entry per class.

    Takes: the number of pupils; the number of distinct home schools; the number of pupils of whom the
    largest school delivered a value that is shown. Without schools nobody is known to be elsewhere: 0
    schools, and a largest one with all pupils. Sensitive values are not among them: no search sees them.
    """

    pupils: IntArray
    schools: IntArray
    largest: IntArray


class ClassConstraint(Protocol):
    """A rule for one class, such that more schools or a smaller largest school never breaks it.

    Two classes that satisfy it satisfy it together, so classes that show the same values may be joined.
    `survives_merging`: a class that satisfies it still does so after *any* other class was joined to it. Only
    such a rule lets a search conclude from one level vector to the finer ones.
    """

    survives_merging: ClassVar[bool]

    @property
    def needs_schools(self) -> bool: ...

    @property
    def fewest(self) -> int:
        """A class of fewer pupils certainly fails."""

    def holds(self, counts: ClassCounts) -> BoolArray: ...


@dataclass(frozen=True)
class KAnonymity:
    """At least k pupils show exactly the same values: k-anonymity (Samarati and Sweeney, 1998)."""

    k: int
    survives_merging: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _refuse_unless_at_least(1, self.k, "number of pupils per class (k)", example="10")

    @property
    def needs_schools(self) -> bool:
        return False

    @property
    def fewest(self) -> int:
        return self.k

    def holds(self, counts: ClassCounts) -> BoolArray:
        return counts.pupils >= self.k

    def __str__(self) -> str:
        return f"at least {self.k} pupils"


@dataclass(frozen=True)
class SchoolDiversity:
    """The pupils of a class have at least m distinct home schools: k-anonymity counted in schools, so
    that the school, too, hides in a crowd (DESIGN § 2, promise 3)."""

    m: int
    survives_merging: ClassVar[bool] = True

    def __post_init__(self) -> None:
        _refuse_unless_at_least(1, self.m, "number of schools per class (m)", example="5")

    @property
    def needs_schools(self) -> bool:
        return self.m > 1

    @property
    def fewest(self) -> int:
        return self.m

    def holds(self, counts: ClassCounts) -> BoolArray:
        if not self.needs_schools:
            return np.ones(len(counts.pupils), dtype=np.bool_)
        return counts.schools >= self.m

    def __str__(self) -> str:
        return f"at least {self.m} schools"


@dataclass(frozen=True, init=False)
class SchoolDominance:
    """No school delivered values of more than this part of the class: the dominance rule of
    statistical disclosure control (Hundepool et al., 2012, (n,k)-dominance with n = 1).

    Takes: the limit, for example `"1/2"` or `0.5`; a float counts as the decimals it is written with.
    It does not survive merging: a class without a dominant school may be joined by one that has one.
    """

    limit: Fraction
    survives_merging: ClassVar[bool] = False

    def __init__(self, limit: Fraction | float | str) -> None:
        exact = parse_share(limit, "largest share of one school")
        if exact == 0:
            raise ConfigurationRefused(_share_problem("largest share of one school", "zero"))
        object.__setattr__(self, "limit", exact)

    @property
    def needs_schools(self) -> bool:
        return self.limit < 1

    @property
    def fewest(self) -> int:
        return 1

    def holds(self, counts: ClassCounts) -> BoolArray:
        return counts.largest * self.limit.denominator <= counts.pupils * self.limit.numerator

    def __str__(self) -> str:
        return f"at most {self.limit} of the pupils from one school"


@dataclass(frozen=True)
class KWithoutLargestSchool:
    """At least this many pupils are left when the largest school takes its own away: what that school,
    which knows its own pupils, still faces (the p % rule's coalition of one, for counts)."""

    k_others: int
    survives_merging: ClassVar[bool] = True

    def __post_init__(self) -> None:
        what = "number of pupils besides those of the largest school (k_others)"
        _refuse_unless_at_least(0, self.k_others, what, example="5")

    @property
    def needs_schools(self) -> bool:
        return self.k_others > 0

    @property
    def fewest(self) -> int:
        return self.k_others

    def holds(self, counts: ClassCounts) -> BoolArray:
        return counts.pupils - counts.largest >= self.k_others

    def __str__(self) -> str:
        return f"at least {self.k_others} pupils besides those of the largest school"


def classes_satisfying_all(constraints: Sequence[ClassConstraint], counts: ClassCounts) -> BoolArray:
    """Which classes have pupils and satisfy every constraint."""
    satisfied = counts.pupils > 0
    for constraint in constraints:
        satisfied &= constraint.holds(counts)
    return satisfied


def minimum_class_size(constraints: Sequence[ClassConstraint]) -> int:
    """The size under which a class certainly fails."""
    return max((rule.fewest for rule in constraints), default=1)


def parse_share(value: Fraction | float | str, what: str) -> Fraction:
    """A part of a whole, exactly as it was written.

    Takes: a fraction or decimal number from 0 to 1, and what it is, for the refusal.
    Refuses: anything else, and a number that cannot be written with six decimals or as a small fraction.
    """
    exact = parse_exact_number(value)
    if exact is None:
        raise ConfigurationRefused(_share_problem(what, "something else"))
    if not 0 <= exact <= 1 or exact.denominator > _FINEST_SHARE:
        raise ConfigurationRefused(_share_problem(what, str(value)))
    return exact


def parse_exact_number(value: Fraction | float | str) -> Fraction | None:
    """A number as it is written; nothing where it is none. A float counts as its decimals."""
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        return None


def _share_problem(what: str, found: str) -> str:
    return describe_problem(
        f"a {what} between 0 and 1, of at most six decimals",
        example="`0.5` or `1/3`",
        found=found,
        where="the constraints",
        do="Write it as a fraction or a short decimal number",
    )


def whole_number_problems(
    least: int, value: object, what: str, *, example: str, where: str = "the constraints"
) -> list[str]:
    """What is wrong with a threshold that must be a whole number: nothing, or one sentence."""
    if not isinstance(value, bool) and isinstance(value, int) and value >= least:
        return []
    whole = f"a whole {what} of at least {least}"
    return [describe_problem(whole, example=example, found=str(value), where=where, do="Correct the threshold")]


def _refuse_unless_at_least(least: int, value: object, what: str, *, example: str) -> None:
    if problems := whole_number_problems(least, value, what, example=example):
        raise ConfigurationRefused(*problems)
