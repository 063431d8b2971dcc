"""k-anonymity, as a stranger meets it and as the largest school of a class meets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cohort.sdc.model import BoolArray
from cohort.sdc.privacy_models.class_constraints import ClassCounts
from cohort.sdc.privacy_models.thresholds import refuse_wrong_whole_numbers


@dataclass(frozen=True)
class KAnonymity:
    """At least k pupils have exactly the same released quasi-identifiers.

    Source: Samarati and Sweeney (1998), Protecting privacy when disclosing information: k-anonymity and its
    enforcement through generalization and suppression.

    Args:
        k: the smallest equivalence class, at least 1.

    Raises:
        ConfigurationRefused: k is no whole number of at least 1.
    """

    k: int
    is_monotonic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        refuse_wrong_whole_numbers([(1, self.k, "number of pupils per class (k)", "10")])

    @property
    def needs_schools(self) -> bool:
        return False

    @property
    def minimum_class_size(self) -> int:
        return self.k

    def satisfied_by(self, counts: ClassCounts) -> BoolArray:
        return counts.pupils >= self.k

    def __str__(self) -> str:
        return f"at least {self.k} pupils"


@dataclass(frozen=True)
class KWithoutLargestSchool:
    """At least k_others pupils remain when the largest school takes its own pupils out of the class.

    That school knows its own pupils, so only the remaining ones hide each other from it. Source: the p % rule with a
    coalition of one, applied to counts (Hundepool et al., 2012, Statistical Disclosure Control, chapter 4).

        class  pupils  largest school   k_others 5
        p      10      5                5 remain: satisfied
        q      10      6                4 remain: fails

    Args:
        k_others: the fewest pupils of other schools, at least 0.

    Raises:
        ConfigurationRefused: k_others is no whole number of at least 0.
    """

    k_others: int
    is_monotonic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        name = "number of pupils besides those of the largest school (k_others)"
        refuse_wrong_whole_numbers([(0, self.k_others, name, "5")])

    @property
    def needs_schools(self) -> bool:
        return self.k_others > 0

    @property
    def minimum_class_size(self) -> int:
        return self.k_others

    def satisfied_by(self, counts: ClassCounts) -> BoolArray:
        return counts.pupils - counts.largest_school >= self.k_others

    def __str__(self) -> str:
        return f"at least {self.k_others} pupils besides those of the largest school"
