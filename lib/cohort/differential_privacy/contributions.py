"""What the schools contribute to the cells of a table, and how a school's contribution is clipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cohort.differential_privacy.noise_request import NoiseRequest, ScoreBounds
from cohort.foundation import ConfigurationRefused, describe_problem

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Contributions:
    """Counts and sums, a row per cell, or per cell and school.

    Args:
        cells: the place of the cell in the request's `cells`.
        pupils: the number of pupils.
        sums: the sum of their scores, in hundredths of a point, each score held to the bounds (`clamp_scores`).
        schools: the school of each row, as any number; needed for the unit school.
    """

    cells: Whole
    pupils: Whole
    sums: Whole | None = None
    schools: Whole | None = None


@dataclass(frozen=True)
class CellTotals:
    """What the cells hold after clipping.

    Args:
        pupils: per cell.
        doubled: per cell, the sum of twice the distance of each score from the middle of the scale, in hundredths.
        clipped_pupils: pupils left out because their school has too many; exact, never published.
    """

    pupils: Whole
    doubled: Whole | None
    clipped_pupils: int


def clamp_scores(scores: Whole, bounds: ScoreBounds) -> tuple[Whole, int]:
    """Hold scores to the declared bounds.

    Args:
        scores: in hundredths of a point.
        bounds: of the scale.

    Returns:
        The scores, and how many were outside.
    """
    held = np.clip(scores, bounds.lowest, bounds.highest)
    return held, int(np.count_nonzero(held != scores))


def total_cells(request: NoiseRequest, contributions: Contributions) -> CellTotals:
    """Add contributions per cell, those of a school clipped where it is the unit.

    Raises:
        ValueError: arrays that do not fit each other or the request, a defect of the caller.
        ConfigurationRefused: a sum that shows scores outside the declared bounds (exit code 10).
    """
    _require_fitting(request, contributions)
    cells, pupils = contributions.cells.astype(np.int64), contributions.pupils.astype(np.int64)
    doubled = None if request.bounds is None else _centre(request.bounds, contributions)
    clipped = 0
    if request.unit.kind == "school" and contributions.schools is not None:
        pupils, doubled, clipped = _clip(contributions.schools, pupils, doubled, request.unit.contributions)
    return CellTotals(
        _add_up(cells, pupils, len(request.cells)),
        None if doubled is None else _add_up(cells, doubled, len(request.cells)),
        clipped,
    )


def _require_fitting(request: NoiseRequest, given: Contributions) -> None:
    arrays = [given.pupils, *(array for array in (given.sums, given.schools) if array is not None)]
    if any(len(array) != len(given.cells) for array in arrays):
        raise ValueError("the arrays of contributions have different lengths")
    if len(given.cells) and (given.cells.min() < 0 or given.cells.max() >= len(request.cells)):
        raise ValueError("a contribution to a cell that the request does not name")
    if any(array.dtype.kind not in "iu" for array in (given.cells, *arrays)) or (given.pupils < 0).any():
        raise ValueError("contributions are whole numbers, and pupils at least 0")
    if (request.bounds is None) != (given.sums is None):
        raise ValueError("sums belong to a request with bounds, and to no other")
    if request.unit.kind == "school" and given.schools is None:
        raise ValueError("the unit school needs the school of every row")


def _centre(bounds: ScoreBounds, given: Contributions) -> Whole:
    pupils, sums = given.pupils.astype(np.int64), np.asarray(given.sums, dtype=np.int64)
    if ((sums < pupils * bounds.lowest) | (sums > pupils * bounds.highest)).any():
        raise ConfigurationRefused(
            describe_problem(
                "scores within the declared bounds",
                example="0 to 150 points",
                found="a sum of scores that only scores outside can have",
                where="the scale of the publication",
                do="Declare the ends of the scale, and hold every score to them before adding",
            )
        )
    return 2 * sums - pupils * (bounds.lowest + bounds.highest)


def _clip(schools: Whole, pupils: Whole, doubled: Whole | None, most: int) -> tuple[Whole, Whole | None, int]:
    """Keep at most so many pupils of each school, in proportion over its rows.

    What is kept depends on the school's own rows alone, so that one school changes no other's contribution.
    """
    kept, own = pupils.copy(), None if doubled is None else doubled.copy()
    _, school = np.unique(schools, return_inverse=True)
    totals = np.bincount(school, weights=pupils).astype(np.int64)
    order = np.argsort(school, kind="stable")
    ends = np.cumsum(np.bincount(school))
    for number in np.flatnonzero(totals > most):
        rows = order[ends[number - 1] if number else 0 : ends[number]]
        shares = pupils[rows] * most
        kept[rows] = shares // totals[number]
        left = most - int(kept[rows].sum())
        largest = np.argsort(-(shares % totals[number]), kind="stable")[:left]
        kept[rows[largest]] += 1
        if own is not None:
            for row in rows[pupils[rows] > 0]:
                size = abs(int(own[row])) * int(kept[row]) // int(pupils[row])
                own[row] = size if own[row] >= 0 else -size
    return kept, own, int(pupils.sum() - kept.sum())


def _add_up(cells: Whole, values: Whole, number: int) -> Whole:
    totals = np.zeros(number, dtype=np.int64)
    np.add.at(totals, cells, values)
    return totals
