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

from cohort.sdc.global_recoding.frontier import SLACK, Frontier
from cohort.sdc.global_recoding.greedy_descent import Descent
from cohort.sdc.global_recoding.trials import Trials
from cohort.sdc.model.coding import Coding, Levels
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.constraints import Constraint, share
from cohort.sdc.privacy_models.feasibility import levels_between, none_found, refuse_impossible
from cohort.sdc.utility.loss import Objective
from cohort.sdc.utility.objectives import at

MOST_NODES = 30_000_000
"""Up to so many level vectors are listed, in some 250 MB."""

_MANY_NODES = 100_000
"""From here on a good candidate is sought first, so that the search can pass over more."""

_ROUNDS, _MORE_ROUNDS = 5, 50
"""Rounds of that, and of the search that has nothing else."""


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
    limit = share(suppression_limit, "part of the pupils that may be suppressed")
    low, high = levels_between(coding, minimum, maximum)
    weighed = Objective.of("mean", coding.columns, weights)
    refuse_impossible(histogram, constraints, limit)
    trials = Trials(histogram, coding, constraints, objective, weighed, limit, most_tries)
    nodes = _nodes(low, high)
    if nodes > _MANY_NODES:
        Descent(trials, low, high).run(_ROUNDS)
        low, high = _narrowed(trials, low, high)
    if _nodes(low, high) <= MOST_NODES:
        bound = explore(trials, low, high)
    else:
        Descent(trials, low, high).run(_MORE_ROUNDS)
        bound = at(trials.everywhere, low)
    if trials.best is None:
        raise none_found(histogram.pupils, constraints, limit)
    proven = bound > trials.score + SLACK
    lowest = trials.best.price.value if proven else trials.value(bound)
    return trials.recoding(trials.best, {"proven": proven, "nodes": nodes, "bound": lowest})


def explore(trials: Trials, low: Levels, high: Levels) -> float:
    """Tries level vectors until the best candidate is known to be the best there is.

    Gives: the score that no vector still open can be under; where it is not above that of the best candidate,
    no more vectors could be tried.
    """
    frontier = Frontier(low, high, trials.everywhere)
    while not trials.spent and (chain := frontier.chain(trials.score)):
        out = _climb(trials, frontier, chain)
        if out:
            frontier.rule_out(_widened(trials, frontier, chain[0], out, high))
    return frontier.lowest()[0]


def _climb(trials: Trials, frontier: Frontier, chain: Sequence[Levels]) -> Levels | None:
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


def _widened(trials: Trials, frontier: Frontier, finest: Levels, out: Levels, high: Levels) -> Levels:
    """Coarsens a vector that is out, column by column, as long as it stays so and that shows anything new."""
    for column, highest in enumerate(high):
        while out[column] < highest and not trials.spent:
            coarser = (*out[:column], out[column] + 1, *out[column + 1 :])
            if not frontier.any_open(finest, coarser, column, trials.score) or not trials.rules_out(coarser):
                break
            out = coarser
    return out


def _narrowed(trials: Trials, low: Levels, high: Levels) -> tuple[Levels, Levels]:
    """Leaves out the levels of a column that are too fine, or too dear, whatever those of the others."""
    lowest = list(low)
    for column, level in enumerate(low):
        while level < high[column] and trials.rules_out((*high[:column], level, *high[column + 1 :])):
            level += 1
        lowest[column] = level
    least = at(trials.everywhere, tuple(lowest))
    highest = []
    for score, first, last in zip(trials.everywhere, lowest, high, strict=True):
        while last > first and least - float(score[first]) + float(score[last]) > trials.score + SLACK:
            last -= 1
        highest.append(last)
    return tuple(lowest), tuple(highest)


def _nodes(low: Levels, high: Levels) -> int:
    return prod(last - first + 1 for first, last in zip(low, high, strict=True))
