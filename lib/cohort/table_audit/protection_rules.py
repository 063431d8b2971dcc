"""Which cells a rule hides and how far their intervals must reach, by the auditor's own reading of the rules.

- Pupils: a count from 1 to `pupils` − 1 is hidden; its interval reaches up to `pupils`, and as far down, at most to 0.
- Schools: fewer than `schools` schools or boards, or one of them has more than `max_share` of the pupils.
- p %: the others than the two largest have less than p % of the largest (ESSnet handbook, 4.2). The interval reaches
  what is missing of that, at least 1, both ways; p % of the largest against a school without pupils in the cell, and p
  % of the largest other school against one with pupils there.
- Distribution of a sensitive variable: no value has more than `largest_value_share` of its row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from cohort.publication_documents import PublishedRules

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Largest:
    """Of every cell the largest contributor, its pupils, and those of the largest one of another group."""

    first: Array
    second: Array
    group: Array


@dataclass(frozen=True, eq=False)
class CellNeeds:
    """How far the interval of every cell must reach below and above its count; 0 where no rule hides it."""

    below: Array
    above: Array

    @property
    def protected(self) -> Array:
        """Which cells a rule hides."""
        return (self.below > 0) | (self.above > 0)

    def and_also(self, other: CellNeeds) -> CellNeeds:
        """The needs of both."""
        return CellNeeds(np.maximum(self.below, other.below), np.maximum(self.above, other.above))


def find_largest(counts: sp.csr_matrix, groups: Array) -> Largest:
    """Find the largest contributor of every cell and the largest of another group.

    Args:
        counts: pupils per cell and contributor.
        groups: the group of every contributor.
    """
    cells = counts.shape[0]
    first, second, group = np.zeros(cells), np.zeros(cells), np.full(cells, -1)
    for cell in range(cells):
        own = slice(counts.indptr[cell], counts.indptr[cell + 1])
        values, owners = counts.data[own], groups[counts.indices[own]]
        if len(values):
            largest = int(np.argmax(values))
            first[cell], group[cell] = values[largest], owners[largest]
            second[cell] = values[owners != owners[largest]].max(initial=0.0)
    return Largest(first, second, group)


def protect_small_counts(pupils: Array, least: int) -> CellNeeds:
    """Protect counts of few pupils: their interval has every number from 0 to the least that is printed."""
    few = (pupils > 0) & (pupils < least)
    return CellNeeds(np.where(few, pupils, 0.0), np.where(few, least - pupils, 0.0))


def protect_contributors(pupils: Array, counts: sp.csr_matrix, rules: PublishedRules) -> CellNeeds:
    """Protect cells of few or unequal contributors of one kind: schools, or boards."""
    largest = find_largest(counts, np.arange(counts.shape[1]))
    number = np.diff(counts.indptr)
    rest = pupils - largest.first - largest.second
    share = rules.p_percent / 100
    dominated = (number < rules.schools) | (largest.first > rules.max_share * pupils + 1e-9)
    estimated = rest < share * largest.first - 1e-9
    missing = np.maximum(np.ceil(share * largest.first - 1e-9) - rest, 1.0)
    need = np.where((pupils > 0) & (dominated | estimated), np.where(estimated, missing, 1.0), 0.0)
    return CellNeeds(np.minimum(need, pupils), need)


def protect_cells(pupils: Array, schools: sp.csr_matrix, boards: sp.csr_matrix, rules: PublishedRules) -> CellNeeds:
    """Protect cells by all rules on counts."""
    needs = protect_small_counts(pupils, rules.pupils)
    for counts in (schools, boards):
        if counts.shape[1]:
            needs = needs.and_also(protect_contributors(pupils, counts, rules))
    return needs
