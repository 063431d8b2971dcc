"""The rules that say which cells must be hidden, and how far the interval of a hidden cell must reach.

Every rule is a value with its definition and source. A rule gives per cell whether it is primary, and the protection
below and above that it asks for; the strictest protection of all rules holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cohort.cell_suppression.cell_contributors import CellCounts, Contributors, Numbers


@dataclass(frozen=True, eq=False)
class Protection:
    """How far an attacker's interval of each cell must reach below and above its count; 0 where nothing is asked."""

    below: Numbers
    above: Numbers

    @property
    def primary(self) -> Numbers:
        """Which cells must be hidden."""
        return (self.below > 0) | (self.above > 0)


class CellRule(Protocol):
    """A rule on cells."""

    def protect(self, counts: CellCounts) -> Protection:
        """How far the interval of each cell must reach."""


@dataclass(frozen=True)
class FewPupils:
    """A count of at least one and fewer than `pupils` is primary.

    The interval must reach from 0 to `pupils`, so that nobody can say that there are few, nor that there are any
    (minimum frequency rule; ESSnet handbook on statistical disclosure control, ch. 4).
    """

    pupils: int

    def protect(self, counts: CellCounts) -> Protection:
        n = counts.pupils
        few = (n > 0) & (n < self.pupils)
        return Protection(np.where(few, n, 0.0), np.where(few, self.pupils - n, 0.0))


@dataclass(frozen=True)
class FewContributors:
    """A cell with pupils of fewer than `schools` schools is primary: whoever knows a school would know its pupils."""

    schools: int
    boards: int = 1

    def protect(self, counts: CellCounts) -> Protection:
        occupied = counts.pupils > 0
        few = occupied & ((counts.schools.count < self.schools) | (counts.boards.count < self.boards))
        return _protect_largest(counts.schools, few, 0.0)


@dataclass(frozen=True)
class LargestShare:
    """A cell of which one school, or one board, has a larger share than `share` is primary (dominance, k = 1)."""

    share: float

    def protect(self, counts: CellCounts) -> Protection:
        parts = [_protect_largest(kind, _exceeds(kind, counts.pupils, self.share), 0.0) for kind in _kinds(counts)]
        return combine_protections(parts)


@dataclass(frozen=True)
class PPercent:
    """A cell is primary when the second contributor can estimate the largest to within `p` of it.

    With n₁ and n₂ pupils of the two largest, it can when n − n₁ − n₂ < p·n₁; the interval must then reach ⌈p·n₁⌉ −
    (n − n₁ − n₂) below and above (p % rule; ESSnet handbook, 4.2.2). The weight of a school is its number of pupils.
    """

    p: float

    def protect(self, counts: CellCounts) -> Protection:
        return combine_protections([self._protect(kind, counts.pupils) for kind in _kinds(counts)])

    def _protect(self, kind: Contributors, n: Numbers) -> Protection:
        largest = kind.largest()
        first, second = largest.first, largest.second
        sensitive = (n > 0) & (n - first - second < self.p * first - 1e-9)
        return _protect_largest(kind, sensitive, self.p)


def combine_protections(parts: list[Protection]) -> Protection:
    """The strictest protection of several rules, cell by cell."""
    return Protection(
        np.maximum.reduce([part.below for part in parts]), np.maximum.reduce([part.above for part in parts])
    )


def protect_cells(counts: CellCounts, rules: list[CellRule]) -> Protection:
    """Apply all rules; what is asked below is at most the count itself, because no count is under 0."""
    protection = combine_protections([rule.protect(counts) for rule in rules])
    return Protection(np.minimum(protection.below, counts.pupils), protection.above)


def _protect_largest(kind: Contributors, cells: Numbers, p: float) -> Protection:
    largest = kind.largest()
    first, second = largest.first, largest.second
    n = np.asarray(kind.pupils.sum(axis=1)).ravel()
    need = np.where(cells, np.maximum(np.ceil(p * first - 1e-9) - (n - first - second), 1.0), 0.0)
    return Protection(need, need)


def _exceeds(kind: Contributors, n: Numbers, share: float) -> Numbers:
    return (n > 0) & (kind.largest().first > share * n + 1e-9)


def _kinds(counts: CellCounts) -> tuple[Contributors, Contributors]:
    return counts.schools, counts.boards
