"""Suppression of sensitive values, class by class, after the search.

A search never sees the sensitive values. If it refused groups because of their values, it would tell about those
groups to anybody who knows the other columns (the minimality attack: Wong, Fu, Wang and Pei, 2007). Instead a class
that fails a constraint on its values releases `onbekend` for all of its pupils. Since that tells that the class
failed, further classes that satisfy every constraint (the covers) are suppressed with it, chosen in an order that
does not depend on the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation import NotAnonymous, describe_problem
from cohort.sdc.model import BoolArray, IntArray
from cohort.sdc.privacy_models.dominance import ValueDominance
from cohort.sdc.privacy_models.l_diversity import LDiversityWithoutAnySchool
from cohort.sdc.privacy_models.sensitive_constraints import (
    SensitiveValueConstraint,
    SensitiveValueCounts,
    classes_satisfying_value_constraints,
)

_ROUNDING = 1e-9
"""The rounding error allowed for in a mean of shares, which is a float."""


@dataclass(frozen=True, eq=False)
class SensitiveSuppression:
    """The classes that release no sensitive value, and why; a flag per class.

    Args:
        failed: the class fails a constraint.
        covers: it satisfies all constraints and is suppressed to hide which classes failed.
        before: it was suppressed in the release before, or a consent of one of its pupils ended.
    """

    failed: BoolArray
    covers: BoolArray
    previously_suppressed: BoolArray

    @property
    def classes(self) -> BoolArray:
        """Every class that releases `onbekend` instead of its values."""
        suppressed: BoolArray = self.failed | self.covers | self.previously_suppressed
        return suppressed

    def counts(self, pupils: IntArray) -> dict[str, int]:
        """The pupils with a value, those of them whose value is released and not released, and those in covers.

        Args:
            pupils: the pupils with a value, per class.
        """
        suppressed = self.classes
        return {
            "known": int(pupils.sum()),
            "shown": int(pupils[~suppressed].sum()),
            "blanked": int(pupils[suppressed].sum()),
            "covers": int(pupils[self.covers].sum()),
        }


def decide_sensitive_suppression(
    counts: SensitiveValueCounts,
    constraints: Sequence[SensitiveValueConstraint],
    limit: Fraction,
    cover_order: IntArray,
    suppressed_before: BoolArray | None = None,
    departed: SensitiveValueCounts | None = None,
) -> SensitiveSuppression:
    """Decide which classes release no sensitive value.

    Covers are added in their order until the most frequent value has on average at most `limit` of a suppressed
    class, both by pupils and by classes; at least one cover where a class failed.

    Args:
        counts: the pupils with a value, by class.
        limit: the largest share that one value may have among the suppressed classes.
        cover_order: the rank of each class in the order in which covers are chosen.
        suppressed_before: where there is an earlier release, the classes that must stay suppressed.
        departed: where there is an earlier release, the pupils who have left each class since. The difference of the
            two releases shows their values, so they must satisfy the same constraints, except
            `LDiversityWithoutAnySchool`.

    Raises:
        NotAnonymous: no class could release its values (exit code 14). Never where there is an earlier release,
            because an objection cannot wait: then no value is released.
    """
    occupied = counts.pupils > 0
    none = np.zeros(len(occupied), dtype=np.bool_)
    before = none if suppressed_before is None else suppressed_before & occupied
    failed = occupied & ~classes_satisfying_value_constraints(constraints, counts)
    if departed is not None:
        of_values = [rule for rule in constraints if not isinstance(rule, LDiversityWithoutAnySchool)]
        failed |= occupied & (departed.pupils > 0) & ~classes_satisfying_value_constraints(of_values, departed)
    failed &= ~before
    fewest_covers = int(failed.any())
    covers = _choose_covers(counts, occupied & ~failed & ~before, failed | before, limit, cover_order, fewest_covers)
    suppression = SensitiveSuppression(failed, covers, before)
    if suppressed_before is None and occupied.any() and not (occupied & ~suppression.classes).any():
        raise _no_values_released(constraints)
    return suppression


def strictest_value_share(constraints: Sequence[SensitiveValueConstraint]) -> Fraction:
    """The strictest limit of the `ValueDominance` constraints; 1 where there is none."""
    limits = [constraint.limit for constraint in constraints if isinstance(constraint, ValueDominance)]
    return min(limits, default=Fraction(1))


def require_enough_values(pupils: int, minimum: int, column: str) -> None:
    """Refuse a sensitive column of which too few pupils have a value.

    Pupils with a value are in classes of their own; for so few, nearly all of their other columns would have to be
    suppressed.

    Raises:
        NotAnonymous: fewer pupils than the minimum have a value (exit code 14).
    """
    if pupils < minimum:
        raise NotAnonymous(
            describe_problem(
                f"at least {minimum} pupils with a value of the sensitive column",
                example="a larger population",
                found="fewer",
                where=f"column {column}",
                do="Leave the column out, or wait until more pupils have a value or consent",
            )
        )


def _no_values_released(constraints: Sequence[SensitiveValueConstraint]) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            "classes whose sensitive values may be shown: " + ", ".join(map(str, constraints)),
            example="classes of several values, none of them too frequent",
            found="none",
            where="the classes that the search made",
            do="Leave the sensitive column out, raise k, or show fewer other columns",
        )
    )


def _choose_covers(
    counts: SensitiveValueCounts,
    available: BoolArray,
    suppressed: BoolArray,
    limit: Fraction,
    cover_order: IntArray,
    fewest: int,
) -> BoolArray:
    """The first available classes in order that bring the most frequent value under the limit.

    Returns:
        A flag per class; all available classes where no number of them is enough.
    """
    candidates = np.flatnonzero(available)
    candidates = candidates[np.argsort(cover_order[candidates], kind="stable")]
    pupils, most_frequent = counts.pupils, counts.pupils_by_value.max(axis=1, initial=0)
    share = most_frequent / np.maximum(pupils, 1)

    def sum_with_covers(amounts: npt.NDArray[Any]) -> Any:
        """The sum over the suppressed classes and the first 0, 1, 2 … candidates."""
        return np.concatenate(([0], np.cumsum(amounts[candidates]))) + amounts[suppressed].sum()

    classes = sum_with_covers(np.ones(len(available)))
    by_classes = sum_with_covers(share) <= (float(limit) - _ROUNDING) * classes
    by_pupils = sum_with_covers(most_frequent) * limit.denominator <= sum_with_covers(pupils) * limit.numerator
    enough = (by_classes | ~suppressed.any()) & by_pupils
    enough[:fewest] = False
    number = int(np.argmax(enough)) if enough.any() else len(candidates)
    covers = np.zeros_like(available)
    covers[candidates[:number]] = True
    return covers
