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

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.global_recoding import lattice_search
from cohort.sdc.local_recoding.cluster_search import search_clusters
from cohort.sdc.local_recoding.level_sweep import count_level_vectors, enumerate_level_vectors, sweep_level_vectors
from cohort.sdc.local_recoding.merge_cost import MergeCosts
from cohort.sdc.local_recoding.reclustering import recluster_classes
from cohort.sdc.local_recoding.search_space import ClassAssignment, LocalSearchSpace
from cohort.sdc.local_recoding.unassigned_units import reassign_unassigned_units
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint, classes_satisfying_constraints
from cohort.sdc.privacy_models.feasibility import no_recoding_refusal, refuse_infeasible_search, resolve_level_bounds
from cohort.sdc.privacy_models.thresholds import parse_share
from cohort.sdc.utility.loss import WeightedLoss

MAX_SWEPT_VECTORS = 50_000
"""Up to so many level vectors are all swept over."""
_SEED = 20_261_124
_POLISHED = 300_000
"""Units times rounds of polish."""
_MOST_POLISHED = 200_000
"""Above so many units a round takes longer than the whole sweep, for a few thousandths of the loss."""
_SMALL = 2_000
"""Up to so many units, and few level vectors, the best global recoding is tried too."""


def search_local_recoding(
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[ClassConstraint],
    *,
    objective: str,
    suppression_limit: Fraction | float | str,
    weights: Sequence[float] | None = None,
    minimum: LevelVector | None = None,
    maximum: LevelVector | None = None,
) -> Recoding:
    """Finds classes, each with levels of its own, that satisfy all constraints at a low loss.

    Takes: as the global search, with the objective `mean` or `geometric`; at losses as small as those of
    local recodings the two agree, and the search makes the mean loss small. A unit of the histogram is never
    split, so every pupil is best a unit of its own.
    Gives: the recoding; pupils for whom no class is found are suppressed.
    Refuses: what the global search refuses, another objective; as `NotAnonymous`, when more pupils would be
    suppressed than allowed.
    """
    limit = parse_share(suppression_limit, "part of the pupils that may be suppressed")
    if objective not in ("mean", "geometric"):
        raise ConfigurationRefused(
            describe_problem(
                "the objective `mean` or `geometric` for local recoding",
                example="mean",
                found="another",
                where="the recoding's objective",
                do="Choose one of the two, or global recoding",
            )
        )
    goal = WeightedLoss.of(objective, coding.columns, weights)
    low, high = resolve_level_bounds(coding, minimum, maximum)
    refuse_infeasible_search(histogram, constraints, limit)
    space = LocalSearchSpace.of(histogram, coding, constraints, goal, low, high)
    assigned, facts = _assign_classes(space)
    if not classes_satisfying_constraints(histogram, assigned.class_of, assigned.classes, constraints).all():
        raise ValueError("a class that was found to satisfy every constraint does not")
    levels = space.common_levels(assigned.class_of, assigned.classes)
    found = Recoding.of(histogram, coding, assigned.class_of, levels, goal, facts)
    if histogram.units <= _SMALL and facts["nodes"] <= MAX_SWEPT_VECTORS:
        found = _cheaper_of_local_and_global(found, histogram, coding, constraints, objective, weights, low, high)
    if found.suppressed > floor(limit * histogram.pupils) or not found.classes:
        raise no_recoding_refusal(histogram.pupils, constraints, limit)
    return found


def _assign_classes(space: LocalSearchSpace) -> tuple[ClassAssignment, dict[str, Any]]:
    """Every unit its class, and what is told of the search."""
    chance = np.random.default_rng(_SEED)
    units = space.histogram.units
    assigned = ClassAssignment.nobody(units)
    vectors = count_level_vectors(space)
    near: MergeCosts | None = None
    if vectors <= MAX_SWEPT_VECTORS:
        way = "sweep"
        sweep_level_vectors(space, assigned, enumerate_level_vectors(space))
    else:
        way, near = "clusters", MergeCosts.of(space)
        search_clusters(space, near, assigned, chance)
    assigned.renumber()
    rounds = min(10, _POLISHED // max(units, 1)) if units <= _MOST_POLISHED else 0
    if rounds and (space.histogram.counts == 1).all():
        recluster_classes(space, near or MergeCosts.of(space), assigned, chance, rounds)
    reassign_unassigned_units(space, assigned)
    return assigned, {"kind": "local", "proven": False, "way": way, "nodes": vectors, "polish": rounds}


def _cheaper_of_local_and_global(
    found: Recoding,
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[ClassConstraint],
    objective: str,
    weights: Sequence[float] | None,
    low: LevelVector,
    high: LevelVector,
) -> Recoding:
    """The recoding found, or the best global one without suppression where that costs less."""
    try:
        plain = lattice_search.search_global_recoding(
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
