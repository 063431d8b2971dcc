"""The chance of each kind of intruder to pick a pupil's record, from the counts of the classes alone.

The analyst's report measures it for every class; a release record derives bounds from the smallest counts of the
release, which may be published.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cohort.sdc.model import IntArray

KNOWN_CLASSMATES = (1, 2, 3)
"""How many other pupils of the class an intruder may know, as a parent of several children at the school does."""


@dataclass(frozen=True)
class IntruderChance:
    """The chance that one kind of intruder, who knows every released value of a pupil, picks the pupil's record.

    The intruder excludes the records that it knows to be of other pupils. Where a whole class is known the chance is 1.

    Args:
        left_at_least: the fewest records of a class that remain.
        chance_at_most: the highest chance to pick the right one.
        mean: the mean chance over the records.
        over: the share of the records with a chance over 1/k.
    """

    left_at_least: int
    chance_at_most: float
    mean: float
    over: float

    @classmethod
    def from_counts(cls, pupils: IntArray, remaining: IntArray, k: int) -> IntruderChance:
        """The chance, from the pupils of each class and how many of them remain to the intruder."""
        if not len(pupils):
            return cls(0, 0.0, 0.0, 0.0)
        remaining, released = np.maximum(remaining, 0), int(pupils.sum())
        chance = 1 / np.maximum(remaining, 1)
        mean = float((pupils * chance).sum() / released)
        over = int(pupils[remaining < k].sum()) / released
        return cls(int(remaining.min()), float(chance.max()), mean, over)


def measure_intruder_chances(
    pupils: IntArray, k: int, *, school: IntArray | None = None, board: IntArray | None = None
) -> dict[str, dict[str, Any]]:
    """The chance of each kind of intruder, since no single figure is true for all of them.

    Args:
        pupils: the pupils of each class.
        k: a chance over 1/k is too high.
        school: per class the pupils known to the school that knows most of them; None without schools.
        board: the same of boards; None without boards.

    Returns:
        An `IntruderChance` as a dictionary for a stranger; for somebody who knows one, two or three other pupils of
        the class (a parent of several); and for a school and a board that delivered nothing of the pupil and know
        their own pupils.
    """
    excluded = {"stranger": np.zeros_like(pupils)}
    excluded |= {_knows_others(number): np.full_like(pupils, number) for number in KNOWN_CLASSMATES}
    by_group = {"school": school, "board": board}
    excluded |= {intruder: largest for intruder, largest in by_group.items() if largest is not None}
    return {
        intruder: asdict(IntruderChance.from_counts(pupils, pupils - number, k))
        for intruder, number in excluded.items()
    }


def bound_intruder_chances(
    smallest_class: int, without_largest_school: int, without_largest_board: int
) -> dict[str, dict[str, Any]]:
    """The fewest remaining records and the highest chance of each kind of intruder, from three counts of a release.

    Args:
        smallest_class: the pupils of the smallest class.
        without_largest_school: the fewest pupils of a class that remain without those of its largest school.
        without_largest_board: the same without its largest board.
    """
    remaining = {"stranger": smallest_class}
    remaining |= {_knows_others(number): smallest_class - number for number in KNOWN_CLASSMATES}
    remaining |= {"school": without_largest_school, "board": without_largest_board}
    return {
        intruder: {"left_at_least": max(number, 0), "chance_at_most": round(1 / max(number, 1), 4)}
        for intruder, number in remaining.items()
    }


def _knows_others(number: int) -> str:
    return f"knows_{number}_other{'s' * (number > 1)}"
