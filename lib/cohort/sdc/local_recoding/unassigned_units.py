"""The few pupils for whom no class was found: each joins one that is there, or is suppressed."""

from __future__ import annotations

import numpy as np

from cohort.sdc.local_recoding.search_space import UNASSIGNED, ClassAssignment, LocalSearchSpace
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.privacy_models.class_constraints import classes_satisfying_constraints

_PAIRS = 20_000_000
"""So many pairs of a leftover and a class are looked at, in whole leftovers; where there are more, the rules
do not suit the data, and joining would only spread the harm."""
_TRIED = 20
"""Classes tried for a leftover, those first where the total loss rises least."""
_SUPPRESSED = 1.0
"""The loss of a suppressed pupil: one who would cost more by joining is suppressed."""


def reassign_unassigned_units(space: LocalSearchSpace, assigned: ClassAssignment) -> None:
    """Lets leftovers join classes, as long as every rule holds and the total loss rises by less than 1 each.

    Takes: classes that meet every rule, which are added to. Leftovers come in the order of the units.
    """
    left = np.flatnonzero(assigned.class_of == UNASSIGNED)
    if not len(left) or not assigned.classes:
        return
    left = left[: max(1, _PAIRS // assigned.classes)]
    kept = np.flatnonzero(assigned.class_of >= 0)
    seed = np.zeros(assigned.classes, dtype=np.int64)
    seed[assigned.class_of[kept]] = kept
    pupils = np.bincount(assigned.class_of[kept], space.histogram.counts[kept], minlength=assigned.classes)
    levels = space.common_levels(assigned.class_of, assigned.classes)
    costs = space.class_costs(levels, seed)
    for unit in left.tolist():
        joint = _joint_levels(space, levels, seed, unit)
        able = (joint <= np.array(space.high)).all(axis=1)
        dearer = np.where(able, space.class_costs(np.minimum(joint, np.array(space.high, np.int8)), seed), np.inf)
        own = float(space.histogram.counts[unit])
        rise = np.where(able, pupils * (dearer - costs) + own * dearer, np.inf)
        tried = np.argsort(rise, kind="stable")[:_TRIED]
        for chosen in tried[rise[tried] < _SUPPRESSED * own].tolist():
            members = np.append(np.flatnonzero(assigned.class_of == chosen), unit)
            if _satisfies_constraints(space, members):
                assigned.class_of[unit] = chosen
                levels[chosen], costs[chosen] = joint[chosen], dearer[chosen]
                pupils[chosen] += own
                break


def _joint_levels(
    space: LocalSearchSpace, levels: np.ndarray[tuple[int, ...], np.dtype[np.int8]], seed: IntArray, unit: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    """The levels of each class once the unit has joined it; one above the highest where it cannot."""
    joint = levels.copy()
    for column, hierarchy in enumerate(space.coding.hierarchies):
        theirs, own = space.leaves[column, seed], space.leaves[column, unit]
        for level in range(hierarchy.height):
            group = hierarchy.groups(level)
            apart = group[theirs] != group[own]
            joint[apart, column] = np.maximum(joint[apart, column], level + 1)
    return joint


def _satisfies_constraints(space: LocalSearchSpace, members: IntArray) -> bool:
    if not space.looks_further:
        return True
    part = space.histogram.part(members)
    return bool(classes_satisfying_constraints(part, np.zeros(len(members), dtype=np.int64), 1, space.rules)[0])
