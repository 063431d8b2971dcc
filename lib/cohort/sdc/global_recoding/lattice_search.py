"""All choices of levels, and the search for the cheapest that is anonymous.

The search is exact. Every level vector has a bound: the score it would have if no more were suppressed than
is known to be inevitable. The search takes the vector with the lowest bound and climbs from it, to find the
coarsest vector that shows it cannot be the best; for that one shows it of the most others, too. It ends when
no bound is below the best score found. Only where it has tried as many vectors as it may, or where there are
more than can be listed, its answer is not proven, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from cohort.sdc.global_recoding.greedy_descent import GreedyDescent
from cohort.sdc.global_recoding.lattice_frontier import BOUND_SLACK, LatticeFrontier
from cohort.sdc.global_recoding.node_evaluation import NodeEvaluator
from cohort.sdc.model.coding import Coding, LevelVector
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.class_constraints import ClassConstraint
from cohort.sdc.privacy_models.feasibility import no_recoding_refusal, refuse_infeasible_search, resolve_level_bounds
from cohort.sdc.privacy_models.thresholds import parse_share
from cohort.sdc.utility.loss import WeightedLoss
from cohort.sdc.utility.objectives import bound_at_levels

MAX_ENUMERATED_NODES = 30_000_000
"""Up to so many level vectors are listed, in some 250 MB."""

_MANY_NODES = 100_000
"""From here on a good candidate is sought first, so that the search can pass over more."""

_ROUNDS, _MORE_ROUNDS = 5, 50
"""Rounds of that, and of the search that has nothing else."""


def search_global_recoding(
    histogram: Histogram,
    coding: Coding,
    constraints: Sequence[ClassConstraint],
    *,
    objective: str,
    suppression_limit: Fraction | float | str,
    weights: Sequence[float] | None = None,
    minimum: LevelVector | None = None,
    maximum: LevelVector | None = None,
    most_tries: int | None = None,
) -> Recoding:
    """Finds the level vector of least cost whose classes satisfy all constraints.

    Takes: the cohort, its coding, the constraints; what to make small (`geometric` or `mean` loss,
    `class-size`, `discernibility`, `entropy`); the part of the pupils that may be suppressed (1 for no
    limit); weights per column; the lowest and highest level per column; how many level vectors may be
    tried (unless it is said, as many as take about half a minute).
    Gives: the optimum; of several of equal cost the one with the fewest classes (larger crowds for the
    same loss), then the first in the order of the level vectors. `search` says whether it is `proven`, and
    the `bound` under which no recoding can be.
    Refuses: another objective, levels outside the hierarchies, constraints on schools in data without; as
    `NotAnonymous`, a cohort for which no vector was found that makes it anonymous.
    """
    limit = parse_share(suppression_limit, "part of the pupils that may be suppressed")
    low, high = resolve_level_bounds(coding, minimum, maximum)
    weighed = WeightedLoss.of("mean", coding.columns, weights)
    refuse_infeasible_search(histogram, constraints, limit)
    trials = NodeEvaluator(histogram, coding, constraints, objective, weighed, limit, most_tries)
    nodes = _count_nodes(low, high)
    if nodes > _MANY_NODES:
        GreedyDescent(trials, low, high).run(_ROUNDS)
        low, high = _narrow_levels(trials, low, high)
    if _count_nodes(low, high) <= MAX_ENUMERATED_NODES:
        bound = branch_and_bound(trials, low, high)
    else:
        GreedyDescent(trials, low, high).run(_MORE_ROUNDS)
        bound = bound_at_levels(trials.everywhere, low)
    if trials.best is None:
        raise no_recoding_refusal(histogram.pupils, constraints, limit)
    proven = bound > trials.score + BOUND_SLACK
    lowest = trials.best.price.value if proven else trials.value(bound)
    return trials.recoding(trials.best, {"proven": proven, "nodes": nodes, "bound": lowest})


def branch_and_bound(trials: NodeEvaluator, low: LevelVector, high: LevelVector) -> float:
    """Tries level vectors until the best candidate is known to be the best there is.

    Gives: the score that no vector still open can be under; where it is not above that of the best candidate,
    no more vectors could be tried.
    """
    frontier = LatticeFrontier(low, high, trials.everywhere)
    while not trials.spent and (chain := frontier.chain(trials.score)):
        out = _bisect_chain(trials, frontier, chain)
        if out:
            frontier.rule_out(_coarsen_pruned_node(trials, frontier, chain[0], out, high))
    return frontier.lowest()[0]


def _bisect_chain(trials: NodeEvaluator, frontier: LatticeFrontier, chain: Sequence[LevelVector]) -> LevelVector | None:
    """Halves towards the coarsest vector of a chain that shows its finest one cannot be the best.

    Gives: that vector, if it does so because too many pupils must be suppressed.
    """
    out = None
    first, last = 0, len(chain)
    while first < last and not trials.spent:
        middle = (first + last) // 2
        if frontier.may_be_best(chain[middle], trials.score):
            trial = trials.attempt(chain[middle], trials.score)
            if trial.out:
                out = chain[middle]
            else:
                frontier.learn(chain[middle], trial.finer, trial.coarser, trials.score)
        if out != chain[middle] and frontier.may_be_best(chain[0], trials.score):
            last = middle
        else:
            first = middle + 1
    return out


def _coarsen_pruned_node(
    trials: NodeEvaluator, frontier: LatticeFrontier, finest: LevelVector, out: LevelVector, high: LevelVector
) -> LevelVector:
    """Coarsens a vector that is out, column by column, as long as it stays so and that shows anything new."""
    for column, highest in enumerate(high):
        while out[column] < highest and not trials.spent:
            coarser = (*out[:column], out[column] + 1, *out[column + 1 :])
            if not frontier.any_open(finest, coarser, column, trials.score) or not trials.rules_out(coarser):
                break
            out = coarser
    return out


def _narrow_levels(trials: NodeEvaluator, low: LevelVector, high: LevelVector) -> tuple[LevelVector, LevelVector]:
    """Leaves out the levels of a column that are too fine, or too dear, whatever those of the others."""
    lowest = list(low)
    for column, level in enumerate(low):
        while level < high[column] and trials.rules_out((*high[:column], level, *high[column + 1 :])):
            level += 1
        lowest[column] = level
    least = bound_at_levels(trials.everywhere, tuple(lowest))
    highest = []
    for score, first, last in zip(trials.everywhere, lowest, high, strict=True):
        while last > first and least - float(score[first]) + float(score[last]) > trials.score + BOUND_SLACK:
            last -= 1
        highest.append(last)
    return tuple(lowest), tuple(highest)


def _count_nodes(low: LevelVector, high: LevelVector) -> int:
    return prod(last - first + 1 for first, last in zip(low, high, strict=True))
