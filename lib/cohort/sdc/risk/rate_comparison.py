"""Rates of success of an attack, and the difference between released pupils and a control, with 95 % intervals.

In go counts of an attack; the attacks against a control half return the comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

ATTACK_SEED = 20_261_130
"""The seed of all attacks, unless the caller gives another."""

NORMAL_QUANTILE = 1.959_964
"""The 97.5 % quantile of the normal distribution: all intervals are of 95 %."""


@dataclass(frozen=True)
class Rate:
    """A share of attempts that succeeded.

    Args:
        successes: how many succeeded; an attempt that ties with others counts in part.
        attempts: how many were made, at least 1.

    Raises:
        ValueError: no attempts, or more successes than attempts (a defect).
    """

    successes: float
    attempts: int

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 <= self.successes <= self.attempts:
            raise ValueError("a rate needs at least one attempt, and no more successes than attempts")

    @property
    def share(self) -> float:
        """The share of the attempts that succeeded."""
        return self.successes / self.attempts

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval (Wilson, 1927): with p = share, z the normal quantile and n attempts

        (p + z²/2n ± z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n).
        """
        n, z, p = self.attempts, NORMAL_QUANTILE, self.share
        middle = p + z * z / (2 * n)
        half_width = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max((middle - half_width) / scale, 0.0), min((middle + half_width) / scale, 1.0)


@dataclass(frozen=True)
class RateComparison:
    """The same attack on pupils of the release and on pupils of the control, who are not in it.

    Args:
        inside: the rate among pupils of the cohort that was released.
        outside: the rate among pupils of the control.
    """

    inside: Rate
    outside: Rate

    @property
    def difference(self) -> float:
        """What being in the release adds to the rate."""
        return self.inside.share - self.outside.share

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the difference of two independent rates (Newcombe, 1998, method 10).

        With Wilson intervals (l, u) around p inside and (l', u') around p' outside:
        p − p' − √((p − l)² + (u' − p')²) to p − p' + √((u − p)² + (p' − l')²).
        """
        (low, high), (low_outside, high_outside) = self.inside.interval, self.outside.interval
        p, p_outside = self.inside.share, self.outside.share
        return (
            self.difference - sqrt((p - low) ** 2 + (high_outside - p_outside) ** 2),
            self.difference + sqrt((high - p) ** 2 + (p_outside - low_outside) ** 2),
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON, as shares."""
        return {
            "in": round(self.inside.share, 6),
            "out": round(self.outside.share, 6),
            "difference": round(self.difference, 6),
            "interval": [round(end, 6) for end in self.interval],
            "attempts": [self.inside.attempts, self.outside.attempts],
        }


def pool_comparisons(first: RateComparison, second: RateComparison) -> RateComparison:
    """One comparison from the attempts of two, such as those of the two folds of a cohort."""
    return RateComparison(_pool_rates(first.inside, second.inside), _pool_rates(first.outside, second.outside))


def _pool_rates(first: Rate, second: Rate) -> Rate:
    return Rate(first.successes + second.successes, first.attempts + second.attempts)
