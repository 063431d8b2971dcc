"""Reassignment of the few units that no class was found for: each joins an existing class, or stays suppressed.

`local_search` calls it last. A unit joins only where every constraint is still satisfied and the total loss rises by
less than suppressing it would cost.
"""

from __future__ import annotations

import numpy as np

from cohort.sdc.local_recoding.search_space import ClassAssignment, LevelArray, LocalSearchSpace
from cohort.sdc.model import IntArray
from cohort.sdc.privacy_models import classes_satisfying_constraints

_MAX_PAIRS = 20_000_000
"""At most this many pairs of a unit and a class are considered. Where there are more, the constraints do not suit the
data, and further units joining classes would only coarsen those for everybody in them."""
_MAX_TRIES = 20
"""Classes tried for a unit, those first where the total loss rises least."""
_SUPPRESSION_LOSS = 1.0
"""The loss of a suppressed pupil: one who would cost more by joining is suppressed."""


def reassign_unassigned_units(space: LocalSearchSpace, assignment: ClassAssignment) -> None:
    """Let unassigned units join classes, in the order of the units.

    Args:
        space: the search space.
        assignment: classes that satisfy every constraint; units are added to them.
    """
    units = assignment.unassigned
    if not len(units) or not assignment.classes:
        return
    assigned = np.flatnonzero(assignment.class_of >= 0)
    members = assignment.members()
    pupils = np.bincount(assignment.class_of[assigned], space.histogram.counts[assigned], minlength=assignment.classes)
    levels = space.common_levels(assignment.class_of, assignment.classes)
    costs = space.class_costs(levels, members)
    high = np.array(space.high, np.int8)
    for unit in units[: max(1, _MAX_PAIRS // assignment.classes)].tolist():
        joint_levels = _levels_with_unit(space, levels, members, unit)
        allowed = (joint_levels <= high).all(axis=1)
        joint_costs = np.where(allowed, space.class_costs(np.minimum(joint_levels, high), members), np.inf)
        unit_pupils = float(space.histogram.counts[unit])
        rise = np.where(allowed, pupils * (joint_costs - costs) + unit_pupils * joint_costs, np.inf)
        tried = np.argsort(rise, kind="stable")[:_MAX_TRIES]
        for chosen in tried[rise[tried] < _SUPPRESSION_LOSS * unit_pupils].tolist():
            joint_members = np.append(np.flatnonzero(assignment.class_of == chosen), unit)
            if _satisfies_constraints(space, joint_members):
                assignment.class_of[unit] = chosen
                levels[chosen], costs[chosen] = joint_levels[chosen], joint_costs[chosen]
                pupils[chosen] += unit_pupils
                break


def _levels_with_unit(space: LocalSearchSpace, levels: LevelArray, members: IntArray, unit: int) -> LevelArray:
    """The levels of each class once the unit has joined it; the height of the hierarchy where no level merges them."""
    joint = levels.copy()
    for column, hierarchy in enumerate(space.coding.hierarchies):
        class_leaves, unit_leaf = space.leaves[column, members], space.leaves[column, unit]
        for level in range(hierarchy.height):
            group = hierarchy.groups(level)
            differs = group[class_leaves] != group[unit_leaf]
            joint[differs, column] = np.maximum(joint[differs, column], level + 1)
    return joint


def _satisfies_constraints(space: LocalSearchSpace, units: IntArray) -> bool:
    """Whether units satisfy every constraint as one class; without constraints on schools a larger class does."""
    if not space.has_school_constraints:
        return True
    one_class = np.zeros(len(units), dtype=np.int64)
    return bool(classes_satisfying_constraints(space.histogram.subset(units), one_class, 1, space.constraints)[0])
