"""Local recoding: every class has levels of its own, at a far lower loss than one level for a whole column.

In goes the histogram of a cohort and a request; out comes a recoding whose classes satisfy all constraints. The search
is exact about the constraints and a heuristic about the loss:

1. Classes: a sweep over all level vectors where there are few, clusters of least merge cost where there are many.
2. Near classes are clustered again, in a number of rounds that depends on the number of units.
3. Units without a class join one, or are suppressed.
4. For a small cohort the best global recoding is tried too, and taken where it costs less.

Chance comes from a fixed seed and units stand in the order of their values, so the same cohort gives the same recoding.
"""

from __future__ import annotations

from dataclasses import replace
from math import floor
from typing import Any

import numpy as np

from cohort.foundation import ConfigurationRefused, NotAnonymous, describe_problem
from cohort.sdc.global_recoding import RecodingRequest, search_global_recoding
from cohort.sdc.local_recoding.cluster_search import search_clusters
from cohort.sdc.local_recoding.level_sweep import count_level_vectors, sweep_level_vectors
from cohort.sdc.local_recoding.merge_cost import MergeCosts
from cohort.sdc.local_recoding.reclustering import recluster_classes
from cohort.sdc.local_recoding.search_space import ClassAssignment, LocalSearchSpace
from cohort.sdc.local_recoding.unassigned_units import reassign_unassigned_units
from cohort.sdc.model import Histogram, Recoding
from cohort.sdc.privacy_models import classes_satisfying_constraints, no_recoding_refusal, refuse_infeasible_search

LOCAL_OBJECTIVES = ("mean", "geometric")
"""The objectives that local recoding can minimise."""
MAX_SWEPT_VECTORS = 50_000
"""At most this many level vectors are swept over."""
_SEED = 20_261_124
_MAX_UNIT_ROUNDS = 300_000
"""Units times rounds of reclustering, at most."""
_MAX_ROUNDS = 10
_MAX_RECLUSTERED_UNITS = 200_000
"""Above this many units a round takes longer than the whole sweep, for a few thousandths of the loss."""
_MAX_UNITS_FOR_GLOBAL = 2_000
"""Up to this many units, and few level vectors, the best global recoding is tried too."""


def search_local_recoding(histogram: Histogram, request: RecodingRequest) -> Recoding:
    """Find classes, each with levels of its own, that satisfy all constraints at a low loss.

    Args:
        histogram: the cohort. A unit of it is never split, so every pupil should be a unit of its own.
        request: as for the global search, with the objective `mean` or `geometric`. At losses as small as those of
            local recodings the two agree, and the search minimises the mean loss.

    Returns:
        The recoding; pupils for whom no class is found are suppressed.

    Raises:
        ConfigurationRefused: another objective; constraints on schools for data without schools (exit code 10).
        NotAnonymous: more pupils would be suppressed than the request allows (exit code 14).
        ValueError: a class does not satisfy every constraint when it is counted once more (a defect).
    """
    constraints, limit = request.constraints, request.max_suppressed_share
    _refuse_unsupported_objective(request.objective)
    refuse_infeasible_search(histogram, constraints, limit)
    space = LocalSearchSpace.from_request(histogram, request)
    assignment, facts = _assign_classes(space)
    if not classes_satisfying_constraints(histogram, assignment.class_of, assignment.classes, constraints).all():
        raise ValueError("a class of the local search does not satisfy every constraint")
    levels = space.common_levels(assignment.class_of, assignment.classes)
    loss = request.weighted_loss(request.objective)
    recoding = Recoding.from_units(histogram, request.coding, assignment.class_of, levels, loss, facts)
    if histogram.units <= _MAX_UNITS_FOR_GLOBAL and facts["nodes"] <= MAX_SWEPT_VECTORS:
        recoding = _cheaper_of_local_and_global(recoding, histogram, request)
    if recoding.suppressed > floor(limit * histogram.pupils) or not recoding.classes:
        raise no_recoding_refusal(histogram.pupils, constraints, limit)
    return recoding


def _refuse_unsupported_objective(objective: str) -> None:
    if objective not in LOCAL_OBJECTIVES:
        raise ConfigurationRefused(
            describe_problem(
                "the objective `mean` or `geometric` for local recoding",
                example="mean",
                found="another",
                where="the recoding's objective",
                do="Choose one of the two, or global recoding",
            )
        )


def _assign_classes(space: LocalSearchSpace) -> tuple[ClassAssignment, dict[str, Any]]:
    """Give units their classes; with them the facts of the search that the record of a release reports."""
    rng = np.random.default_rng(_SEED)
    units = space.histogram.units
    assignment = ClassAssignment.start(units)
    vectors = count_level_vectors(space)
    costs: MergeCosts | None = None
    if vectors <= MAX_SWEPT_VECTORS:
        method = "sweep"
        sweep_level_vectors(space, assignment)
    else:
        method, costs = "clusters", MergeCosts.from_space(space)
        search_clusters(space, costs, assignment, rng)
    assignment.drop_empty_classes()
    rounds = min(_MAX_ROUNDS, _MAX_UNIT_ROUNDS // max(units, 1)) if units <= _MAX_RECLUSTERED_UNITS else 0
    if rounds and (space.histogram.counts == 1).all():
        recluster_classes(space, costs or MergeCosts.from_space(space), assignment, rng, rounds)
    reassign_unassigned_units(space, assignment)
    return assignment, {"kind": "local", "proven": False, "way": method, "nodes": vectors, "polish": rounds}


def _cheaper_of_local_and_global(local: Recoding, histogram: Histogram, request: RecodingRequest) -> Recoding:
    """The local recoding, or the best global one without suppression where that costs less."""
    try:
        best_global = search_global_recoding(histogram, replace(request, suppression_limit=0))
    except NotAnonymous:
        return local
    global_loss, local_loss = (getattr(one.loss, request.objective) for one in (best_global, local))
    if global_loss < local_loss or not local.classes:
        return replace(best_global, search_facts={**local.search_facts, "way": "global"})
    return local
