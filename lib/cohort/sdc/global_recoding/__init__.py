"""Global recoding: one level per column for the whole cohort.

recoding_request      RecodingRequest: constraints, objective, suppression limit and level bounds of any search.
lattice_search        search_global_recoding: branch and bound over the generalisation lattice.
lattice_frontier      LatticeFrontier: the open nodes with their lower bounds.
node_evaluation       NodeEvaluator: the cost of one node, and what it proves about finer and coarser nodes.
constraint_checker    ConstraintChecker: which classes of a node satisfy the constraints.
greedy_descent        GreedyDescent: good nodes of a lattice too large for an exact search.
"""

from __future__ import annotations

from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest

__all__ = ["RecodingRequest", "search_global_recoding"]
