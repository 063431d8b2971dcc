"""The error of a noisy figure by theory: what it keeps to in half of all draws, and in 95 of 100.

The error of a count depends on nothing but the request. That of a mean depends on the number of pupils and the mean
themselves; beside a published figure it is therefore computed from the noisy ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.differential_privacy.noise_distribution import NoiseDistribution, Numbers, find_distribution
from cohort.differential_privacy.noise_request import NoiseRequest, refuse_request

MEDIAN, OFTEN = 0.5, 0.95
STRATA, HALVINGS = 201, 40
CELLS_AT_ONCE = 1000


@dataclass(frozen=True)
class NoiseError:
    """The absolute error of a figure, in its own unit.

    Args:
        median: what it keeps to in half of all draws.
        often: what it keeps to in 95 of 100.
    """

    median: float
    often: float


def describe_error(
    request: NoiseRequest, *, parts: int = 1, pupils: float | None = None, mean: float | None = None
) -> NoiseError:
    """Describe the error of one figure of a request, before or after it is drawn.

    Args:
        request: for counts or for means.
        parts: how many cells are added to the figure.
        pupils: for means, the number of pupils of the figure; without it, the smallest cell.
        mean: for means, the mean in points; without it, the end of the scale, where the error is largest.
    """
    if request.bounds is None:
        return describe_count_error(request, parts)
    number = float(request.smallest_cell or 1) if pupils is None else pupils
    away = request.bounds.half_range if mean is None else mean - request.bounds.middle
    median, often = describe_mean_errors(request, parts, np.array([number]), np.array([away]))
    return NoiseError(float(median[0]), float(often[0]))


def describe_count_error(request: NoiseRequest, parts: int) -> NoiseError:
    """Describe the error of a sum of noisy counts, also of those that means were divided by."""
    counts = find_distribution(request.count_scale, parts, request.mechanism == "geometric")
    return NoiseError(counts.absolute_quantile(MEDIAN), counts.absolute_quantile(OFTEN))


def describe_mean_errors(request: NoiseRequest, parts: int, pupils: Numbers, away: Numbers) -> tuple[Numbers, Numbers]:
    """The errors of many means that are made of equally many cells.

    Args:
        request: for means.
        parts: how many cells are added to each figure.
        pupils: the number of pupils of each.
        away: each mean's distance from the middle of the scale, in points.

    Returns:
        What each error keeps to in half of all draws, and in 95 of 100, in points.
    """
    counts = find_distribution(request.count_scale, parts, request.mechanism == "geometric")
    sums = find_distribution(request.sum_scale, parts, False)
    median, often = np.empty(len(pupils)), np.empty(len(pupils))
    for start in range(0, len(pupils), CELLS_AT_ONCE):
        some = slice(start, start + CELLS_AT_ONCE)
        median[some] = _solve(counts, sums, pupils[some], away[some], MEDIAN)
        often[some] = _solve(counts, sums, pupils[some], away[some], OFTEN)
    return median, often


def require_useful(request: NoiseRequest) -> NoiseError:
    """Refuse a table of which a cell would be too wrong to be of use, before anything is spent.

    Raises:
        ConfigurationRefused: the error is over the declared limit (exit code 10).
    """
    error = describe_error(request)
    if error.often > float(request.largest_error):
        unit = "pupils" if request.bounds is None else "points"
        raise refuse_request(
            f"an error of at most {request.largest_error} {unit} in 95 of 100 cells of {request.identifier}",
            "a table of fewer and larger cells, or a larger epsilon",
            f"{error.often:.3g} {unit} (median {error.median:.3g}), epsilon {request.epsilon} per {request.unit.kind}",
            "Leave the table out, make its cells larger, or spend more epsilon on it",
        )
    return error


def _solve(
    counts: NoiseDistribution, sums: NoiseDistribution, pupils: Numbers, away: Numbers, share: float
) -> npt.NDArray[np.float64]:
    """Halve an interval until the error is found that a share of all draws keeps to.

    The error is (s - away * n) / (pupils + n) with the noise s of the sum and n of the count.
    """
    noise = counts.strata(STRATA)[None, :]
    divisor = np.abs(pupils[:, None] + noise)
    shift = away[:, None] * noise
    low = np.zeros(len(pupils))
    high = (np.abs(away) + sums.step * 200 * 50) / np.maximum(np.abs(pupils), 1) * 1000 + 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        reach = middle[:, None] * divisor
        within = (sums.cumulative(shift + reach) - sums.cumulative(shift - reach)).mean(axis=1)
        enough = within >= share
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return (low + high) / 2
