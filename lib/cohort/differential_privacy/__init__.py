"""Differential privacy: counts and means with noise, how wrong they are, and what was spent of the privacy budget.

In: counts and sums per cell, and a request that says whose privacy, how much of it, and which error is still useful.
Out: noisy arrays with their errors. The spending is written before the noise is drawn, so that a kill loses budget and
never privacy. No Spark, no table, no seed: noise is that of OpenDP, from the operating system's randomness.

    noise_request         whose privacy, how much, and what a useful figure is
    noise_distribution    the distribution of noise, by theory
    figure_errors         the error of a noisy count or mean
    contributions         what schools contribute to cells, and its clipping
    mechanisms            noise by OpenDP
    population_overlap    which pupils two populations share
    budget_ledger         what was spent
    noisy_figures         figures drawn, stored, and drawn only once
"""

from __future__ import annotations

from cohort.differential_privacy.budget_ledger import BudgetEntry, BudgetLedger, read_ledger, spend_budget
from cohort.differential_privacy.contributions import Contributions, clamp_scores
from cohort.differential_privacy.figure_errors import NoiseError, describe_error
from cohort.differential_privacy.noise_request import NoiseRequest, PrivacyUnit, ScoreBounds
from cohort.differential_privacy.noisy_figures import (
    NoisyCounts,
    NoisyMeans,
    draw_noisy_counts,
    draw_noisy_means,
    total_noisy_counts,
    total_noisy_means,
)

__all__ = [
    "BudgetEntry",
    "BudgetLedger",
    "Contributions",
    "NoiseError",
    "NoiseRequest",
    "NoisyCounts",
    "NoisyMeans",
    "PrivacyUnit",
    "ScoreBounds",
    "clamp_scores",
    "describe_error",
    "draw_noisy_counts",
    "draw_noisy_means",
    "read_ledger",
    "spend_budget",
    "total_noisy_counts",
    "total_noisy_means",
]
