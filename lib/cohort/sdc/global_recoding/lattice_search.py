"""Global recoding: an exact branch and bound search of the generalisation lattice.

In goes the histogram of a cohort and a request; out comes the recoding at the level vector (node of the lattice) of
least cost whose classes satisfy all constraints. Every node has a lower bound: its score if no more pupils were
suppressed than is known to be inevitable. The search takes the open node of lowest bound and bisects the chain of
coarser nodes above it, to find the coarsest node that proves it cannot be the best, because that one prunes the most
other nodes. It ends when no bound is below the best score. It never reads rows, only the histogram. Only where the
budget of evaluations is spent, or where there are more nodes than can be enumerated, is the result not proven
optimal; the facts of the search say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from cohort.sdc.global_recoding.greedy_descent import GreedyDescent
from cohort.sdc.global_recoding.lattice_frontier import BOUND_SLACK, LatticeFrontier
from cohort.sdc.global_recoding.node_evaluation import NodeEvaluator
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model import Histogram, LevelVector, Recoding
from cohort.sdc.privacy_models import no_recoding_refusal, refuse_infeasible_search
from cohort.sdc.utility import bound_at_levels

MAX_ENUMERATED_NODES = 30_000_000
"""A lattice of at most this many nodes is enumerated, in some 250 MB."""

MANY_NODES = 100_000
"""From this many nodes on a greedy descent comes first: a good candidate lets branch and bound prune more."""

_DESCENT_ROUNDS, _DESCENT_ROUNDS_WITHOUT_PROOF = 5, 50
"""Rounds of greedy descent before branch and bound, and where the lattice is too large for branch and bound."""


def search_global_recoding(histogram: Histogram, request: RecodingRequest, *, max_nodes: int | None = None) -> Recoding:
    """Find the level vector of least cost whose classes satisfy all constraints.

    Args:
        histogram: the cohort.
        request: constraints, objective, suppression limit, weights and level bounds.
        max_nodes: how many level vectors may be evaluated; None is as many as take about half a minute.

    Returns:
        The optimal recoding. Among level vectors of equal cost the one with the fewest classes (larger crowds at the
        same loss), then the first in the order of the level vectors. Its `search` facts say whether it is `proven`
        optimal, and the `bound` under which no recoding can be.

    Raises:
        ConfigurationRefused: an unknown objective; constraints on schools for data without schools (exit code 10).
        NotAnonymous: no level vector was found that makes the cohort anonymous (exit code 14).
    """
    constraints, limit = request.constraints, request.max_suppressed_share
    refuse_infeasible_search(histogram, constraints, limit)
    evaluator = NodeEvaluator(histogram, request, max_nodes=max_nodes)
    low, high = request.level_bounds
    nodes = _count_nodes(low, high)
    if nodes > MANY_NODES:
        GreedyDescent(evaluator, low, high).run(_DESCENT_ROUNDS)
        low, high = narrow_levels(evaluator, low, high)
    if _count_nodes(low, high) <= MAX_ENUMERATED_NODES:
        bound = branch_and_bound(evaluator, low, high)
    else:
        GreedyDescent(evaluator, low, high).run(_DESCENT_ROUNDS_WITHOUT_PROOF)
        bound = bound_at_levels(evaluator.initial_bounds, low)
    if evaluator.best is None:
        raise no_recoding_refusal(histogram.pupils, constraints, limit)
    proven = bound > evaluator.best_score + BOUND_SLACK
    lowest = evaluator.best.price.value if proven else evaluator.objective_value(bound)
    return evaluator.make_recoding(evaluator.best, {"proven": proven, "nodes": nodes, "bound": lowest})


def branch_and_bound(evaluator: NodeEvaluator, low: LevelVector, high: LevelVector) -> float:
    """Evaluate nodes until the best candidate is proven the best there is, or the budget is spent.

    Returns:
        The lowest bound among the nodes still open. The best candidate is proven optimal where this bound lies above
        its score.
    """
    frontier = LatticeFrontier(low, high, evaluator.initial_bounds)
    while not evaluator.budget_spent and (chain := frontier.chain(evaluator.best_score)):
        pruned = _bisect_chain(evaluator, frontier, chain)
        if pruned:
            frontier.prune(_coarsen_pruned_node(evaluator, frontier, (chain[0], pruned), high))
    return frontier.lowest()[0]


def narrow_levels(evaluator: NodeEvaluator, low: LevelVector, high: LevelVector) -> tuple[LevelVector, LevelVector]:
    """Exclude the levels of a column that are too fine or too costly whatever the levels of the other columns."""
    lowest = list(low)
    for column, level in enumerate(low):
        while level < high[column] and evaluator.exceeds_limit((*high[:column], level, *high[column + 1 :])):
            level += 1
        lowest[column] = level
    least = bound_at_levels(evaluator.initial_bounds, tuple(lowest))
    highest = []
    for score, first, last in zip(evaluator.initial_bounds, lowest, high, strict=True):
        while last > first and least - float(score[first]) + float(score[last]) > evaluator.best_score + BOUND_SLACK:
            last -= 1
        highest.append(last)
    return tuple(lowest), tuple(highest)


def _bisect_chain(
    evaluator: NodeEvaluator, frontier: LatticeFrontier, chain: Sequence[LevelVector]
) -> LevelVector | None:
    """Bisect a chain for its coarsest node that proves its finest node cannot be the best.

    Returns:
        That node, if it proves so because it must suppress too many pupils; otherwise None.
    """
    pruned = None
    first, last = 0, len(chain)
    while first < last and not evaluator.budget_spent:
        middle = (first + last) // 2
        node = chain[middle]
        if frontier.is_open(node, evaluator.best_score):
            evaluation = evaluator.evaluate(node, evaluator.best_score)
            if evaluation.exceeds_limit:
                pruned = node
            else:
                bounds = evaluation.finer_bound, evaluation.coarser_bound
                frontier.raise_bounds(node, *bounds, evaluator.best_score)
        if pruned != node and frontier.is_open(chain[0], evaluator.best_score):
            last = middle
        else:
            first = middle + 1
    return pruned


def _coarsen_pruned_node(
    evaluator: NodeEvaluator, frontier: LatticeFrontier, chain_part: tuple[LevelVector, LevelVector], high: LevelVector
) -> LevelVector:
    """Coarsen a node that exceeds the suppression limit, column by column, as long as it still exceeds it.

    Args:
        evaluator: evaluates the coarser nodes.
        frontier: tells whether pruning at a coarser node would close any open node.
        chain_part: the finest node of the chain and the node that exceeds the limit.
        high: the highest levels.
    """
    finest, pruned = chain_part
    for column, highest in enumerate(high):
        while pruned[column] < highest and not evaluator.budget_spent:
            coarser = (*pruned[:column], pruned[column] + 1, *pruned[column + 1 :])
            if not frontier.several_open(finest, coarser, column, evaluator.best_score):
                break
            if not evaluator.exceeds_limit(coarser):
                break
            pruned = coarser
    return pruned


def _count_nodes(low: LevelVector, high: LevelVector) -> int:
    return prod(last - first + 1 for first, last in zip(low, high, strict=True))
