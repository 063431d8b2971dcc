"""Statistics that researchers compute from scores, from sums and products alone: before and after a release.

In: cells of `score_moments`. Out: means, standard deviations, correlations, effect sizes, regressions, intraclass
correlations, with the standard error of each on the exact scores. Pure functions; no Spark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from cohort.report_figures.score_moments import SCHOOL, ScoreMoments
from cohort.sdc import FloatArray


@dataclass(frozen=True)
class Figure:
    """A figure with its standard error; the error is None where it cannot be told."""

    value: float
    standard_error: float | None


def score_mean(cells: ScoreMoments, score: int) -> Figure | None:
    """The mean of a score: its standard error is s/√n."""
    known = cells.with_scores([score])
    if known.count < 2:
        return None
    return Figure(known.mean(score), sqrt(max(known.covariance(score, score), 0.0) / known.count))


def score_deviation(cells: ScoreMoments, score: int) -> Figure | None:
    """The standard deviation of a score: its standard error is s/√(2(n − 1))."""
    known = cells.with_scores([score])
    if known.count < 2:
        return None
    deviation = sqrt(max(known.covariance(score, score), 0.0))
    return Figure(deviation, deviation / sqrt(2 * (known.count - 1)))


def score_correlation(cells: ScoreMoments, first: int, second: int) -> Figure | None:
    """The correlation of two scores: its standard error is (1 − r²)/√(n − 1)."""
    known = cells.with_scores([first, second])
    if known.count < 3:
        return None
    variances = known.covariance(first, first) * known.covariance(second, second)
    if variances <= 0:
        return None
    correlation = known.covariance(first, second) / sqrt(variances)
    return Figure(correlation, (1 - correlation**2) / sqrt(known.count - 1))


def subgroup_effect(cells: ScoreMoments, score: int, attribute: str, value: int) -> Figure | None:
    """The mean of a subgroup less that of all others whose value is known, by the standard deviation of both.

    Its standard error is √(1/n₁ + 1/n₂ + d²/(2(n₁ + n₂))) (Hedges and Olkin, 1985).
    """
    known = cells.with_scores([score])
    known = known.where(known.values[attribute] >= 0)
    inside = known.values[attribute] == value
    group, rest = known.where(inside), known.where(~inside)
    if min(group.count, rest.count) < 1 or known.count < 3:
        return None
    variance = known.covariance(score, score)
    if variance <= 0:
        return None
    effect = (group.mean(score) - rest.mean(score)) / sqrt(variance)
    error = sqrt(1 / group.count + 1 / rest.count + effect**2 / (2 * known.count))
    return Figure(effect, error)


@dataclass(frozen=True)
class Regression:
    """Coefficients by term, and the degrees of freedom."""

    coefficients: dict[str, Figure]
    degrees_of_freedom: int


def fit_regression(
    cells: ScoreMoments,
    outcome: int,
    scores: dict[str, int],
    dummies: dict[str, tuple[str, int]],
    attributes: Sequence[str],
) -> Regression | None:
    """Fit a regression by least squares on the pupils of whom every value is known.

    Args:
        cells: the cells.
        outcome: the outcome, by position among the scores.
        scores: the predictors that are scores, by term.
        dummies: the predictors that are values of attributes, by term.
        attributes: all attributes of the regression: where one is not known the pupil is left out.

    Returns:
        The coefficients with their standard errors; None where they are not determined.
    """
    known = cells.with_scores([outcome, *scores.values()])
    complete = np.ones(len(known.pupils), dtype=np.bool_)
    for name in attributes:
        complete &= known.values[name] >= 0
    known = known.where(complete)
    if known.count < 2:
        return None
    cross, terms = (
        _cross_products(known, [outcome, *scores.values()], list(dummies.values())),
        len(scores) + len(dummies),
    )
    degrees = int(known.count) - terms - 1
    design, target, total = cross[1:, 1:], cross[1:, 0], cross[0, 0]
    scale = np.sqrt(np.diag(design))
    if degrees < 1 or not (scale > 0).all():
        return None
    correlation = design / np.outer(scale, scale)
    if np.linalg.cond(correlation) > 1e10:
        return None
    solution = np.linalg.solve(correlation, target / scale) / scale
    residual = max(float(total - solution @ target), 0.0) / degrees
    inverse = np.linalg.inv(correlation) / np.outer(scale, scale)
    errors = np.sqrt(residual * np.diag(inverse))
    names = [*scores, *dummies]
    figures = {name: Figure(float(b), float(e)) for name, b, e in zip(names, solution, errors, strict=True)}
    return Regression(figures, degrees)


def _cross_products(cells: ScoreMoments, scores: Sequence[int], dummies: Sequence[tuple[str, int]]) -> FloatArray:
    """Sums of products of deviations from the means: of the scores, then of the dummies."""
    n = cells.count
    flags = np.stack(
        [np.zeros(len(cells.pupils)), *((cells.values[name] == value).astype(np.float64) for name, value in dummies)]
    )[1:]
    sums, products = cells.sums[:, list(scores)], cells.products[:, list(scores)][:, :, list(scores)]
    totals = np.concatenate([sums.sum(axis=0), flags @ cells.pupils])
    raw = np.block([[products.sum(axis=0), (flags @ sums).T], [flags @ sums, (flags * cells.pupils) @ flags.T]])
    deviations: FloatArray = raw - np.outer(totals, totals) / n
    return deviations


@dataclass(frozen=True)
class SchoolVariance:
    """How much of the variance of a score lies between schools.

    Args:
        correlation: the intraclass correlation.
        design_factor: by what a standard error that ignores schools must be multiplied.
        schools: how many schools there are.
    """

    correlation: float
    design_factor: float
    schools: int


def school_variance(by_school: ScoreMoments, score: int) -> SchoolVariance | None:
    """The intraclass correlation of schools, by one-way analysis of variance (Donner, 1986).

    With B and W the mean squares between and within J schools of n_j pupils, N in all:
    n₀ = (N − Σ n_j²/N)/(J − 1), ρ = (B − W)/(B + (n₀ − 1)·W), not under 0; the design factor is √(1 + (n₀ − 1)·ρ).
    """
    known = by_school.with_scores([score])
    if not len(known.pupils):
        return None
    number = known.values[SCHOOL]
    width = int(number.max()) + 1
    pupils = np.bincount(number, known.pupils, minlength=width)
    sums = np.bincount(number, known.sums[:, score], minlength=width)[pupils > 0]
    pupils = pupils[pupils > 0]
    schools, n = len(pupils), float(pupils.sum())
    if schools < 2 or n <= schools:
        return None
    grand = sums.sum() / n
    between = float((pupils * (sums / pupils - grand) ** 2).sum())
    total = float(known.products[:, score, score].sum() - n * grand**2)
    mean_between, mean_within = between / (schools - 1), max(total - between, 0.0) / (n - schools)
    size = (n - float((pupils**2).sum()) / n) / (schools - 1)
    whole = mean_between + (size - 1) * mean_within
    correlation = max((mean_between - mean_within) / whole, 0.0) if whole > 0 else 0.0
    return SchoolVariance(correlation, sqrt(1 + max(size - 1, 0.0) * correlation), schools)
