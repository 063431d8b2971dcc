"""Data utility: what a search minimises, and what a recoding costs the researcher.

column_losses    Information loss of every column at every level, for any set of released classes.
entropy          Non-uniform entropy of every column at every level.
objectives       The objectives of a global search, with their lower bounds.
metrics          UtilityMetrics of a recoding, by the names of the literature.
equity           EquityReport: subgroups that are suppressed or generalised more than others.
"""

from __future__ import annotations

from cohort.sdc.utility.equity import EquityReport, Subgroups
from cohort.sdc.utility.metrics import UtilityMetrics
from cohort.sdc.utility.objectives import (
    NO_BOUND,
    ObjectiveName,
    ObjectiveValue,
    ScoreBound,
    bound_at_levels,
    make_search_objective,
)

__all__ = [
    "NO_BOUND",
    "EquityReport",
    "ObjectiveName",
    "ObjectiveValue",
    "ScoreBound",
    "Subgroups",
    "UtilityMetrics",
    "bound_at_levels",
    "make_search_objective",
]
