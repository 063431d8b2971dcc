"""Which classes show their sensitive values, decided after the search, which never sees them.

A search that refused groups because of their values would tell of the groups that it refused to whoever knows
the other columns of everybody (minimality: Wong, Fu, Wang and Pei, 2007). So classes are made without the
values. Afterwards a class that breaks a rule shows `onbekend` for all of its pupils; and because that too
tells that it broke one, further classes which break none are blanked with it, chosen by an order that the
values play no part in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation.errors import NotAnonymous, describe_problem
from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.privacy_models.l_diversity import (
    LDiversityWithoutAnySchool,
    SensitiveValueConstraint,
    SensitiveValueCounts,
    ValueDominance,
)

_ROUNDING = 1e-9
"""What a mean of shares may be off by, as it is a float."""


@dataclass(frozen=True, eq=False)
class SensitiveSuppression:
    """The classes that show no sensitive value, and why.

    Takes, a flag per class: whether it breaks a rule; whether it is blanked as a cover; whether it was
    blanked in the release before, or lost a consent.
    """

    failed: BoolArray
    covers: BoolArray
    before: BoolArray

    @property
    def classes(self) -> BoolArray:
        """Every class that shows `onbekend` instead of its values."""
        blanked: BoolArray = self.failed | self.covers | self.before
        return blanked

    def counts(self, pupils: npt.NDArray[np.int64]) -> dict[str, int]:
        """Pupils with a value, of how many it is shown and of how many not, and how many are in covers."""
        blanked = self.classes
        return {
            "known": int(pupils.sum()),
            "shown": int(pupils[~blanked].sum()),
            "blanked": int(pupils[blanked].sum()),
            "covers": int(pupils[self.covers].sum()),
        }


def decide_sensitive_suppression(
    counts: SensitiveValueCounts,
    rules: Sequence[SensitiveValueConstraint],
    limit: Fraction,
    order: IntArray,
    before: BoolArray | None = None,
    gone: SensitiveValueCounts | None = None,
) -> SensitiveSuppression:
    """Decide which classes are blanked.

    Takes: the pupils with a value, counted by class; the rules; the largest share that one value may have
    among them; the place of each class in the order that covers are drawn in; the classes that must be
    blanked whatever they show; where a release before this one is known, the pupils who left each class
    since: what a difference of the two releases would show, so it keeps the same rules but that on groups.
    Gives: covers, drawn until the largest value has on average at most `limit` of a blanked class, by pupils
    and by classes; at least one, where a class failed.
    Refuses: rules under which no class could show its values (exit code 14); never where a release before is
    known, since objections do not wait for it: nothing is shown then.
    """
    there = counts.pupils > 0
    none = np.zeros(len(there), dtype=np.bool_)
    fixed = none if before is None else before & there
    failed = there & ~classes_satisfying_value_constraints(rules, counts)
    if gone is not None:
        of_values = [rule for rule in rules if not isinstance(rule, LDiversityWithoutAnySchool)]
        failed |= there & (gone.pupils > 0) & ~classes_satisfying_value_constraints(of_values, gone)
    failed &= ~fixed
    least = int(failed.any())
    covers = _covers(counts, there & ~failed & ~fixed, failed | fixed, limit, order, least)
    found = SensitiveSuppression(failed, covers, fixed)
    if before is None and there.any() and not (there & ~found.classes).any():
        raise _no_values_released(rules)
    return found


def classes_satisfying_value_constraints(
    rules: Sequence[SensitiveValueConstraint], counts: SensitiveValueCounts
) -> BoolArray:
    """Which classes satisfy every rule."""
    satisfied = np.ones(len(counts.values), dtype=np.bool_)
    for rule in rules:
        satisfied &= rule.holds(counts)
    return satisfied


def strictest_value_share(rules: Sequence[SensitiveValueConstraint]) -> Fraction:
    """The strictest limit on the share of one value among the rules; 1 where there is none."""
    limits = [rule.limit for rule in rules if isinstance(rule, ValueDominance)]
    return min(limits, default=Fraction(1))


def require_enough_values(pupils: int, least: int, column: str) -> None:
    """Refuse a sensitive column of which too few pupils have a value (exit code 14).

    So few make classes of their own that nearly everything else about them would have to be hidden.
    """
    if pupils < least:
        raise NotAnonymous(
            describe_problem(
                f"at least {least} pupils with a value of the sensitive column",
                example="a larger population",
                found="fewer",
                where=f"column {column}",
                do="Leave the column out, or wait until more pupils have a value or consent",
            )
        )


def _no_values_released(rules: Sequence[SensitiveValueConstraint]) -> NotAnonymous:
    """The refusal of a sensitive column that no class could show."""
    return NotAnonymous(
        describe_problem(
            "classes whose sensitive values may be shown: " + ", ".join(str(rule) for rule in rules),
            example="classes of several values, none of them too frequent",
            found="none",
            where="the classes that the search made",
            do="Leave the sensitive column out, raise k, or show fewer other columns",
        )
    )


def _covers(
    counts: SensitiveValueCounts, free: BoolArray, blanked: BoolArray, limit: Fraction, order: IntArray, least: int
) -> BoolArray:
    """The first classes in order that make the blanked ones unremarkable: all, where no number is enough."""
    candidates = np.flatnonzero(free)
    candidates = candidates[np.argsort(order[candidates], kind="stable")]
    pupils, top = counts.pupils, counts.values.max(axis=1, initial=0)
    share = top / np.maximum(pupils, 1)

    def with_covers(amounts: npt.NDArray[Any]) -> Any:
        """The sum over the blanked classes and 0, 1, 2 … of the candidates."""
        return np.concatenate(([0], np.cumsum(amounts[candidates]))) + amounts[blanked].sum()

    mean_of_classes = with_covers(share) <= (float(limit) - _ROUNDING) * with_covers(np.ones(len(free)))
    mean_of_pupils = with_covers(top) * limit.denominator <= with_covers(pupils) * limit.numerator
    enough = (mean_of_classes | ~blanked.any()) & mean_of_pupils
    enough[:least] = False
    number = int(np.argmax(enough)) if enough.any() else len(candidates)
    covers = np.zeros_like(free)
    covers[candidates[:number]] = True
    return covers
