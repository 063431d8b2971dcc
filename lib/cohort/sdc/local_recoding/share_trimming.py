"""Classes in which one school is too large: only so many of its pupils are taken that its share fits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from cohort.sdc.model.arrays import BoolArray, IntArray
from cohort.sdc.model.equivalence_classes import hash_codes
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.class_constraints import (
    ClassConstraint,
    classes_satisfying_all,
    count_classes,
    minimum_class_size,
)
from cohort.sdc.privacy_models.dominance import SchoolDominance


def trim_dominant_schools(
    histogram: Histogram, groups: IntArray, number: int, rules: Sequence[ClassConstraint], failing: BoolArray
) -> BoolArray:
    """Which units of failing groups meet every rule together, once the largest school gave some away.

    Takes: the units and their groups from 0; which groups fail. With a limit f and o pupils of other schools
    the largest may keep f/(1−f) · o of its own. Which ones depends on their values, never on their order.
    Gives: a flag per unit; none of a group that still fails.
    """
    limit = min((rule.limit for rule in rules if isinstance(rule, SchoolDominance)), default=Fraction(1))
    kept = np.zeros(len(groups), dtype=np.bool_)
    units = np.flatnonzero(failing[groups])
    if limit == 1 or not len(units) or not histogram.has_schools:
        return kept
    group, school = groups[units], histogram.schools[units].astype(np.int64)
    count = histogram.counts[units]
    width = int(school.max() + 1).bit_length()
    cells, place = np.unique((group << width) | school, return_inverse=True)
    sums = np.bincount(place, count).astype(np.int64)
    of_cell = cells >> width
    largest = np.zeros(number, np.int64)
    np.maximum.at(largest, of_cell, sums)
    pupils = np.bincount(group, count, minlength=number).astype(np.int64)
    others = pupils - largest
    may_keep = others * limit.numerator // (limit.denominator - limit.numerator)
    mendable = (may_keep < largest) & (others + may_keep >= minimum_class_size(rules))
    # The first cell of the largest size is the group's largest school; a tie means nothing is to be trimmed.
    dominant = (sums == largest[of_cell]) & mendable[of_cell]
    gives = dominant[place]
    order = np.lexsort((units, hash_codes(histogram.codes[0, units], 32), place))
    running = np.cumsum(np.where(gives, count, 0)[order])
    before = running - np.where(gives, count, 0)[order]
    starts = np.flatnonzero(np.diff(place[order], prepend=-1))
    base = np.repeat(before[starts], np.diff(np.append(starts, len(order))))
    within = np.empty(len(units), dtype=np.int64)
    within[order] = running - base
    stays = mendable[group] & (~gives | (within <= may_keep[group]))
    chosen = units[stays]
    if len(chosen):
        fine = classes_satisfying_all(rules, count_classes(histogram.part(chosen), groups[chosen], number, rules))
        kept[chosen[fine[groups[chosen]]]] = True
    return kept
