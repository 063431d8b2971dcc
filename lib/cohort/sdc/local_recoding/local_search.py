"""Local recoding: each class has levels of its own, which costs far less than one level for a whole column.

Which way is taken depends on the number of level vectors alone. Few: a sweep over all of them. Many: clusters
by the loss itself. Either way near classes are then polished, in rounds that depend on the number of pupils,
and leftovers join a class or are suppressed. Where the cohort is small, the best global recoding is tried
too, and taken where it costs less. The search is exact about the constraints and a heuristic about the loss.
Its chances come from a fixed seed and its units stand in the order of their values, so the same cohort gives
the same recoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, expected
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.local_recoding.cluster_search import climb
from cohort.sdc.local_recoding.level_sweep import all_vectors, count_vectors, sweep
from cohort.sdc.local_recoding.merge_cost import Nearness
from cohort.sdc.local_recoding.reclustering import polish
from cohort.sdc.local_recoding.search_space import Assigned, Space
from cohort.sdc.local_recoding.unassigned_units import settle
from cohort.sdc.model.coding import Coding, Levels
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_counts import satisfied
from cohort.sdc.privacy_models.constraints import Constraint, share
from cohort.sdc.privacy_models.feasibility import levels_between, none_found, refuse_impossible
from cohort.sdc.utility.loss import Objective

FEW_VECTORS = 50_000
"""Up to so many level vectors are all swept over."""
_SEED = 20_261_124
_POLISHED = 300_000
"""Units times rounds of polish."""
_MOST_POLISHED = 200_000
"""Above so many units a round takes longer than the whole sweep, for a few thousandths of the loss."""
_SMALL = 2_000
"""Up to so many units, and few level vectors, the best global recoding is tried too."""


def search(
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[Constraint],
    *,
    objective: str,
    suppression_limit: Fraction | float | str,
    weights: Sequence[float] | None = None,
    minimum: Levels | None = None,
    maximum: Levels | None = None,
) -> Recoding:
    """Finds classes, each with levels of its own, that satisfy all constraints at a low loss.

    Takes: as the global search, with the objective `mean` or `geometric`; at losses as small as those of
    local recodings the two agree, and the search makes the mean loss small. A unit of the histogram is never
    split, so every pupil is best a unit of its own.
    Gives: the recoding; pupils for whom no class is found are suppressed.
    Refuses: what the global search refuses, another objective; as `NotAnonymous`, when more pupils would be
    suppressed than allowed.
    """
    limit = share(suppression_limit, "part of the pupils that may be suppressed")
    if objective not in ("mean", "geometric"):
        raise ConfigurationRefused(
            expected(
                "the objective `mean` or `geometric` for local recoding",
                example="mean",
                found="another",
                where="the recoding's objective",
                do="Choose one of the two, or global recoding",
            )
        )
    goal = Objective.of(objective, coding.columns, weights)
    low, high = levels_between(coding, minimum, maximum)
    refuse_impossible(histogram, constraints, limit)
    space = Space.of(histogram, coding, constraints, goal, low, high)
    assigned, facts = _assign(space)
    if not satisfied(histogram, assigned.class_of, assigned.classes, constraints).all():
        raise ValueError("a class that was found to satisfy every constraint does not")
    levels = space.common_levels(assigned.class_of, assigned.classes)
    found = Recoding.of(histogram, coding, assigned.class_of, levels, goal, facts)
    if histogram.units <= _SMALL and facts["nodes"] <= FEW_VECTORS:
        found = _cheaper(found, histogram, coding, constraints, objective, weights, low, high)
    if found.suppressed > floor(limit * histogram.pupils) or not found.classes:
        raise none_found(histogram.pupils, constraints, limit)
    return found


def _assign(space: Space) -> tuple[Assigned, dict[str, Any]]:
    """Every unit its class, and what is told of the search."""
    chance = np.random.default_rng(_SEED)
    units = space.histogram.units
    assigned = Assigned.nobody(units)
    vectors = count_vectors(space)
    near: Nearness | None = None
    if vectors <= FEW_VECTORS:
        way = "sweep"
        sweep(space, assigned, all_vectors(space))
    else:
        way, near = "clusters", Nearness.of(space)
        climb(space, near, assigned, chance)
    assigned.renumber()
    rounds = min(10, _POLISHED // max(units, 1)) if units <= _MOST_POLISHED else 0
    if rounds and (space.histogram.counts == 1).all():
        polish(space, near or Nearness.of(space), assigned, chance, rounds)
    settle(space, assigned)
    return assigned, {"kind": "local", "proven": False, "way": way, "nodes": vectors, "polish": rounds}


def _cheaper(
    found: Recoding,
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[Constraint],
    objective: str,
    weights: Sequence[float] | None,
    low: Levels,
    high: Levels,
) -> Recoding:
    """The recoding found, or the best global one without suppression where that costs less."""
    try:
        plain = lattice_search.search(
            histogram,
            coding,
            constraints,
            objective=objective,
            suppression_limit=0,
            weights=weights,
            minimum=low,
            maximum=high,
        )
    except NotAnonymous:
        return found
    losses = [getattr(one.loss, objective) for one in (plain, found)]
    better = losses[0] < losses[1] or not found.classes
    return replace(plain, search={**found.search, "way": "global"}) if better else found
