"""Noisy counts and means: drawn once per identifier, stored, and given again as they were.

Order: the spending is written, then noise is drawn, then the noisy figures are stored. After a kill in between, the
same request spends again or is refused: nobody can know whether the first figures were seen. Totals are sums of noisy
cells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict

from cohort.agreements import Environment
from cohort.differential_privacy.budget_ledger import read_ledger, require_entry, require_same_request, write_spending
from cohort.differential_privacy.contributions import Contributions, total_cells
from cohort.differential_privacy.figure_errors import describe_count_error, describe_mean_errors
from cohort.differential_privacy.mechanisms import add_laplace_noise, add_whole_noise, load_library
from cohort.differential_privacy.noise_distribution import Numbers
from cohort.differential_privacy.noise_request import NoiseRequest
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import (
    PRIVACY_BUDGET_LOCK,
    DocumentPart,
    StoragePath,
    StorageZones,
    hold_lock,
    read_model_document,
    remove_unfinished_documents,
    write_json_document,
)


class NoisyFiguresDocument(DocumentPart):
    """The noisy figures of one request, which may be given again without spending."""

    model_config = ConfigDict(json_schema_extra={"$id": "noisy-figures-1"})

    identifier: str
    """Publication, edition, table and measure."""
    request: str
    """The SHA-256 of the request."""
    counts: list[float]
    """The noisy count of each cell."""
    doubled_sums: list[int] | None
    """For means: the noisy sum of twice the distance from the middle of the scale, in hundredths, of each cell."""
    clipped_pupils: int
    """Exact number of pupils left out because their school has too many; never published."""


@dataclass(frozen=True)
class NoisyCounts:
    """Counts with noise and their errors, one per cell.

    Args:
        counts: may be below 0, which is part of the noise: set to 0 they would add up to too much.
        error_median: the absolute error that half of all draws keep to.
        error_often: the one that 95 of 100 keep to.
        parts: how many drawn cells each figure is the sum of.
        clipped_pupils: exact, for the restricted record only.
    """

    counts: Numbers
    error_median: Numbers
    error_often: Numbers
    parts: npt.NDArray[np.int64]
    clipped_pupils: int


@dataclass(frozen=True)
class NoisyMeans:
    """Means with noise and their errors, one per cell, in points.

    Args:
        means: not a number where the noisy count is under the smallest cell.
        error_median: the absolute error that half of all draws keep to.
        error_often: the one that 95 of 100 keep to.
        counts: the noisy counts that the means were divided by.
        doubled_sums: the noisy sums, as drawn.
    """

    means: Numbers
    error_median: Numbers
    error_often: Numbers
    counts: NoisyCounts
    doubled_sums: npt.NDArray[np.int64]


def draw_noisy_counts(environment: Environment, request: NoiseRequest, contributions: Contributions) -> NoisyCounts:
    """Draw counts with noise, or give those that were drawn under the same identifier.

    Args:
        environment: where the ledger and the figures stand, and the limit.
        request: without bounds.
        contributions: the pupils of each cell.

    Raises:
        ConfigurationRefused: the library is missing, or the figures would be of no use (exit code 10).
        StateRefused: the budget does not allow it, or another run is drawing (exit code 15).
        ValueError: a request for means, or arrays that do not fit, a defect of the caller.
    """
    if request.bounds is not None:
        raise ValueError("a request with bounds is for means")
    document = _draw_once(environment, request, contributions)
    return _describe_counts(request, np.array(document.counts), np.ones(len(request.cells), np.int64), document)


def draw_noisy_means(environment: Environment, request: NoiseRequest, contributions: Contributions) -> NoisyMeans:
    """Draw means with noise, or give those that were drawn under the same identifier.

    Half of epsilon goes to the counts, half to the sums; the noisy counts may be published too, at no further cost.

    Args:
        environment: where the ledger and the figures stand, and the limit.
        request: with bounds and smallest cell.
        contributions: the pupils of each cell, and the sums of their scores.

    Raises:
        ConfigurationRefused: the library is missing, the figures would be of no use, or scores are outside the bounds
            (exit code 10).
        StateRefused: the budget does not allow it, or another run is drawing (exit code 15).
        ValueError: a request for counts, or arrays that do not fit, a defect of the caller.
    """
    if request.bounds is None:
        raise ValueError("a request for means has bounds")
    document = _draw_once(environment, request, contributions)
    counts = _describe_counts(request, np.array(document.counts), np.ones(len(request.cells), np.int64), document)
    return _divide(request, counts, np.array(document.doubled_sums, dtype=np.int64))


def total_noisy_counts(request: NoiseRequest, drawn: NoisyCounts, groups: Sequence[Sequence[int]]) -> NoisyCounts:
    """Add noisy counts of cells to totals, which spends nothing.

    Args:
        request: they were drawn for.
        drawn: the counts of the cells.
        groups: the places of the cells of each total, each place once.
    """
    if (drawn.parts != 1).any():
        raise ValueError("totals are made of the cells that were drawn, not of other totals")
    parts = np.array([_count_places(group) for group in groups], dtype=np.int64)
    totals = np.array([drawn.counts[list(group)].sum() for group in groups])
    median, often = _count_errors(request, parts)
    return NoisyCounts(totals, median, often, parts, drawn.clipped_pupils)


def total_noisy_means(request: NoiseRequest, drawn: NoisyMeans, groups: Sequence[Sequence[int]]) -> NoisyMeans:
    """Make the means of totals from the noisy sums and counts of their cells, which spends nothing.

    Arguments are those of `total_noisy_counts`.
    """
    counts = total_noisy_counts(request, drawn.counts, groups)
    sums = np.array([drawn.doubled_sums[list(group)].sum() for group in groups], dtype=np.int64)
    return _divide(request, counts, sums)


def _draw_once(environment: Environment, request: NoiseRequest, contributions: Contributions) -> NoisyFiguresDocument:
    zones = environment.zones
    with hold_lock(zones.locks, PRIVACY_BUDGET_LOCK):
        remove_unfinished_documents(zones, PRIVACY_BUDGET_LOCK)
        ledger = read_ledger(zones)
        require_same_request(ledger, request)
        stored = _read_stored(zones, request)
        if stored is not None:
            require_entry(ledger, request)
            return stored
        load_library()
        totals = total_cells(request, contributions)  # every refusal comes before the spending
        write_spending(environment, request)
        share = request.epsilon if totals.doubled is None else request.epsilon / 2
        add_noise = add_whole_noise if request.mechanism == "geometric" else add_laplace_noise
        counts = add_noise(totals.pupils, request.unit.contributions, share)
        sums = None
        if totals.doubled is not None and request.bounds is not None:
            reach = request.unit.contributions * (request.bounds.highest - request.bounds.lowest)
            sums = add_whole_noise(totals.doubled, reach, share).tolist()
        document = NoisyFiguresDocument(
            identifier=request.identifier,
            request=request.digest(),
            counts=[float(count) for count in counts],
            doubled_sums=sums,
            clipped_pupils=totals.clipped_pupils,
        )
        write_json_document(_locate(zones, request), document.model_dump(mode="json"))
        return document


def _locate(zones: StorageZones, request: NoiseRequest) -> StoragePath:
    return zones.noisy_figures(hashlib.sha256(request.identifier.encode("utf-8")).hexdigest())


def _read_stored(zones: StorageZones, request: NoiseRequest) -> NoisyFiguresDocument | None:
    path = _locate(zones, request)
    if not path.exists():
        return None
    try:
        stored = read_model_document(path, NoisyFiguresDocument)
    except (OSError, ValueError):
        stored = None
    if stored is None or stored.request != request.digest() or len(stored.counts) != len(request.cells):
        raise StateRefused(
            describe_problem(
                f"the stored figures of {request.identifier}",
                example="those that were drawn for it",
                found="others, or some that cannot be read",
                where="restricted/differential_privacy/figures",
                do="Put them back from a copy, or make a new edition, which spends anew",
            )
        )
    return stored


def _describe_counts(
    request: NoiseRequest, counts: Numbers, parts: npt.NDArray[np.int64], document: NoisyFiguresDocument
) -> NoisyCounts:
    median, often = _count_errors(request, parts)
    return NoisyCounts(counts, median, often, parts, document.clipped_pupils)


def _count_errors(request: NoiseRequest, parts: npt.NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    errors = {int(number): describe_count_error(request, int(number)) for number in np.unique(parts)}
    return (
        np.array([errors[int(number)].median for number in parts]),
        np.array([errors[int(number)].often for number in parts]),
    )


def _divide(request: NoiseRequest, counts: NoisyCounts, sums: npt.NDArray[np.int64]) -> NoisyMeans:
    """Divide noisy sums by noisy counts where these are large enough, and say how wrong the means are."""
    if request.bounds is None or request.smallest_cell is None:
        raise ValueError("a request for means has bounds")
    means, median, often = (np.full(len(sums), np.nan) for _ in range(3))
    given = counts.counts >= request.smallest_cell
    reach = request.bounds.half_range
    away = np.clip(sums[given] / 200 / counts.counts[given], -reach, reach)
    means[given] = request.bounds.middle + away
    for number in np.unique(counts.parts[given]):
        some = given & (counts.parts == number)
        distances = means[some] - request.bounds.middle
        median[some], often[some] = describe_mean_errors(request, int(number), counts.counts[some], distances)
    return NoisyMeans(means, median, often, counts, sums)


def _count_places(group: Sequence[int]) -> int:
    if not group or len(set(group)) < len(group):
        raise ValueError("a total has cells, each once")
    return len(group)
