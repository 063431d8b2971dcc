"""Dominance rules: no single school, and no single sensitive value, makes up too much of a class."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from cohort.sdc.model import BoolArray
from cohort.sdc.privacy_models.class_constraints import ClassCounts
from cohort.sdc.privacy_models.sensitive_constraints import SensitiveValueCounts
from cohort.sdc.privacy_models.thresholds import parse_positive_share


@dataclass(frozen=True, init=False)
class SchoolDominance:
    """No school delivered released values of more than `limit` of the pupils of a class.

    Source: (n, k)-dominance with n = 1 (Hundepool et al., 2012, Statistical Disclosure Control, chapter 4). It is not
    monotonic: a class without a dominant school can be merged with one that has one.

        class  pupils  largest school   limit 1/2
        p      10      5                satisfied
        q      11      6                fails

    Args:
        limit: above 0 and at most 1, for example `"1/2"` or `0.5`; a float counts as the decimals it prints with.

    Raises:
        ConfigurationRefused: the limit is no such number, or has more than six decimals.
    """

    limit: Fraction
    is_monotonic: ClassVar[bool] = False

    def __init__(self, limit: Fraction | float | str) -> None:
        object.__setattr__(self, "limit", parse_positive_share(limit, "largest share of one school"))

    @property
    def needs_schools(self) -> bool:
        return self.limit < 1

    @property
    def minimum_class_size(self) -> int:
        return 1

    def satisfied_by(self, counts: ClassCounts) -> BoolArray:
        return counts.largest_school * self.limit.denominator <= counts.pupils * self.limit.numerator

    def __str__(self) -> str:
        return f"at most {self.limit} of the pupils from one school"


@dataclass(frozen=True, init=False)
class ValueDominance:
    """No sensitive value has more than `limit` of the pupils of a class.

    Otherwise who is known to be in the class is known to have the value (group disclosure: Hundepool et al., 2012).
    It is (α, k)-anonymity with the same α for all values (Wong, Li, Fu and Wang, 2006). A usual limit is 90 %.

    Two classes that satisfy it satisfy it together: max(a + b) ≤ max a + max b. It is not monotonic: {5, 5} merged
    with {0, 90} fails.

    Args:
        limit: above 0 and at most 1, for example `"9/10"` or `0.9`; a float counts as the decimals it prints with.

    Raises:
        ConfigurationRefused: the limit is no such number, or has more than six decimals.
    """

    limit: Fraction

    def __init__(self, limit: Fraction | float | str) -> None:
        object.__setattr__(self, "limit", parse_positive_share(limit, "largest share of one sensitive value"))

    def satisfied_by(self, counts: SensitiveValueCounts) -> BoolArray:
        largest = counts.pupils_by_value.max(axis=1, initial=0)
        satisfied: BoolArray = largest * self.limit.denominator <= counts.pupils * self.limit.numerator
        return satisfied

    def __str__(self) -> str:
        return f"at most {self.limit} of the pupils with one sensitive value"
