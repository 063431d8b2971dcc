"""Downcoding: guesses of the exact values behind generalised ones, with and without knowing how the search works.

In go the histogram that was searched and its recoding; out comes how often the best guess is right. The local search
takes the cheapest classes first, with every pupil who fits. So a combination of values that a cheaper class shows is
nearly never in a dearer one, and whoever knows the algorithm can rule it out. The figures are exact, for restricted
records.

Sources: Cohen (2022), Attacks on deidentification's defenses, for downcoding; Wong, Fu, Wang and Pei (2007),
Minimality attack in privacy preserving data publishing, for what knowing the algorithm tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import BoolArray, FloatArray, Histogram, IntArray, Recoding, WeightedLoss, record_losses
from cohort.sdc.risk.inference_attack import ATTACK_SEED
from cohort.sdc.risk.release_density import leaves_under_labels

SURE_POSTERIOR = 0.9
"""A guess with at least this posterior probability is one that the intruder is sure of."""
ATTACKED_CLASSES = 8_000
"""At most so many classes with a generalised value are attacked; they are drawn where there are more."""

_COMPLETIONS = 64
"""Combinations of exact values drawn per class."""
_WEIGHT_OF_EXCLUDED = 0.03
"""What a combination that a cheaper class shows still counts: leftovers of the sweep join dearer classes."""
_WEIGHT_OF_MARGINAL = 1e-9
"""Keeps every value under a label possible, and decides between values that were drawn equally often."""
_SLACK = 1e-9
"""Costs closer than this are equal."""
_RESAMPLES = 400
_CELLS_PER_BATCH = 1 << 20
"""Pairs of classes, or of a completion and a class, that are compared at once."""


@dataclass(frozen=True)
class DowncodingRisk:
    """How often the exact value behind a generalised one is guessed right.

    A cell is a released value of a pupil under whose label two or more values of the cohort occur. Shares are of cells.

    Args:
        cells: how many cells were guessed.
        classes: of how many classes they are.
        marginal: the share guessed right as the most frequent value of the cohort under the label.
        informed: the share guessed right by an intruder who knows the algorithm too.
        gain_interval: the 95 % interval of informed less marginal.
        ceiling: the share that is right if the most frequent value of each class is known: no guess is better.
        sure: the share of cells that the informed intruder guesses with a posterior probability of 0.9 or more.
        sure_right: the share of those that is right; None where there are none.
        newly_sure: the share of cells that are sure and whose marginal guess is not, since a value that nine in ten
            pupils have is sure without any release.
        newly_sure_right: the share of those that is right; None where there are none.
    """

    cells: int
    classes: int
    marginal: float
    informed: float
    gain_interval: tuple[float, float]
    ceiling: float
    sure: float
    sure_right: float | None
    newly_sure: float
    newly_sure_right: float | None

    @property
    def gain(self) -> float:
        """What knowing the algorithm adds to the share guessed right."""
        return self.informed - self.marginal

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        return {
            "cells": self.cells,
            "classes": self.classes,
            "marginal": round(self.marginal, 6),
            "informed": round(self.informed, 6),
            "gain": round(self.gain, 6),
            "interval": [round(end, 6) for end in self.gain_interval],
            "ceiling": round(self.ceiling, 6),
            "sure": round(self.sure, 6),
            "sure_right": _round_share(self.sure_right),
            "newly_sure": round(self.newly_sure, 6),
            "newly_sure_right": _round_share(self.newly_sure_right),
        }


def downcoding_attack(
    histogram: Histogram,
    recoding: Recoding,
    *,
    weights: Sequence[float] | None = None,
    population_of_unit: IntArray | None = None,
    seed: int = ATTACK_SEED,
    classes: int = ATTACKED_CLASSES,
) -> DowncodingRisk:
    """Guess the exact values behind the generalised ones of a release.

    1. The marginal guess is the most frequent value of the cohort under the label.
    2. The informed intruder draws combinations of exact values for each class from the marginals, counts those that a
       cheaper class shows 0.03 times, and guesses the value that the rest has most often.
    3. The interval of the gain is that of the percentiles of resampled classes (bootstrap; Efron, 1979).

    Args:
        histogram: the histogram that was searched.
        recoding: the result of the search, with the class of every unit.
        weights: the weights of the columns in the search, which order classes by cost; equal where they are None.
        population_of_unit: per unit the number of its population, where populations were searched separately and a
            reader can tell them apart; a class of one population then rules out nothing in the other.
        seed: draws classes, combinations and resamples; the same seed gives the same figures.
        classes: at most so many classes are attacked.

    Raises:
        ConfigurationRefused: no class may be attacked, or another number of weights than of columns.
        ValueError: the recoding does not have the class of every unit (a defect).
    """
    _refuse_wrong_input(histogram, recoding, classes)
    rng = np.random.default_rng(seed)
    populations = np.zeros(histogram.units, dtype=np.int64) if population_of_unit is None else population_of_unit
    attack = _DowncodingAttack(histogram, recoding, populations, _class_costs(recoding, weights))
    attacked = attack.draw_classes(classes, rng)
    if not len(attacked):
        return DowncodingRisk(0, 0, 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, None, 0.0, None)
    return _summarise(attack.guess(attacked, rng), rng)


@dataclass(frozen=True, eq=False)
class _Guesses:
    """Per attacked class the cells, and how many of them each way of guessing has right."""

    cells: FloatArray
    marginal: FloatArray
    informed: FloatArray
    ceiling: FloatArray
    sure: FloatArray
    sure_right: FloatArray
    newly_sure: FloatArray
    newly_sure_right: FloatArray

    @classmethod
    def none(cls, classes: int) -> _Guesses:
        return cls(*(np.zeros(classes) for _ in range(8)))


class _DowncodingAttack:
    """The released classes as the intruder sees them, and the exact values to check the guesses.

    A class whose pupils are of several populations counts as one class for each.
    """

    def __init__(
        self, histogram: Histogram, recoding: Recoding, population_of_unit: IntArray, cost_of_class: FloatArray
    ) -> None:
        self._recoding, self._coding = recoding, recoding.coding
        leaves = histogram.leaves(self._coding)
        self._marginals: list[FloatArray] = [
            np.bincount(leaf, histogram.counts, minlength=len(hierarchy.leaves)).astype(np.float64)
            for leaf, hierarchy in zip(leaves, self._coding.hierarchies, strict=True)
        ]
        released = np.flatnonzero(recoding.class_of >= 0)
        populations = int(population_of_unit.max(initial=0)) + 1
        packed = recoding.class_of[released].astype(np.int64) * populations + population_of_unit[released]
        distinct, self._class_of_unit = np.unique(packed, return_inverse=True)
        self._class, self._population = distinct // populations, distinct % populations
        self._leaf_of_unit, self._counts = leaves[:, released], histogram.counts[released]
        self._cost = cost_of_class[self._class]
        self._codes = self._coding.encode(list(recoding.leaves[self._class].T))
        self._masks = _class_masks(recoding)[:, self._class]
        self._generalised = self._find_generalised()

    def draw_classes(self, number: int, rng: np.random.Generator) -> IntArray:
        """Classes with a generalised value, in order; drawn at random where there are more than the number."""
        candidates = np.flatnonzero(self._generalised.any(axis=0))
        if len(candidates) > number:
            candidates = np.sort(rng.choice(candidates, number, replace=False))
        return candidates

    def guess(self, attacked: IntArray, rng: np.random.Generator) -> _Guesses:
        """Guess the generalised values of some classes, and count what is right."""
        guesses = _Guesses.none(len(attacked))
        size = max(_CELLS_PER_BATCH // max(len(self._class), 1), 1)
        truth = self._count_exact_values(attacked)
        for begin in range(0, len(attacked), size):
            batch = slice(begin, begin + size)
            priors = self._priors(attacked[batch])
            completions = self._draw_completions(attacked[batch], priors, rng)
            excluded = self._shown_by_cheaper_class(attacked[batch], completions)
            weights = np.where(excluded, _WEIGHT_OF_EXCLUDED, 1.0)
            weights /= weights.sum(axis=1, keepdims=True)
            for column, prior in enumerate(priors):
                posterior = _weigh_leaves(completions[column], weights, prior)
                cells = self._generalised[column, attacked[batch]]
                _count_right(guesses, batch, cells, (prior, posterior, truth[column][batch]))
        return guesses

    def _find_generalised(self) -> BoolArray:
        """Which values of which classes are cells, `[column, class]`."""
        return np.stack(
            [
                (leaves_under_labels(self._recoding, column) & (marginal > 0)).sum(axis=1) > 1
                for column, marginal in enumerate(self._marginals)
            ]
        )[:, self._class]

    def _count_exact_values(self, attacked: IntArray) -> list[FloatArray]:
        """Per column the pupils of each attacked class with each leaf, `[class, leaf]`."""
        place = np.full(len(self._class), -1, dtype=np.int64)
        place[attacked] = np.arange(len(attacked))
        place_of_unit = place[self._class_of_unit]
        units = np.flatnonzero(place_of_unit >= 0)
        tables = []
        for column, marginal in enumerate(self._marginals):
            cell = place_of_unit[units] * len(marginal) + self._leaf_of_unit[column, units]
            table = np.bincount(cell, self._counts[units], minlength=len(attacked) * len(marginal))
            tables.append(table.reshape(len(attacked), len(marginal)).astype(np.float64))
        return tables

    def _priors(self, classes: IntArray) -> list[FloatArray]:
        """Per column the marginal under the label of each class, `[class, leaf]`."""
        priors = []
        for column, marginal in enumerate(self._marginals):
            weights = np.where(leaves_under_labels(self._recoding, column, self._class[classes]), marginal, 0.0)
            priors.append(weights / weights.sum(axis=1, keepdims=True))
        return priors

    def _draw_completions(self, classes: IntArray, priors: list[FloatArray], rng: np.random.Generator) -> IntArray:
        """Exact records for each class, `[column, class, completion]`, stratified in each generalised column."""
        shape = len(classes), _COMPLETIONS
        completions = np.empty((len(priors), *shape), dtype=np.int64)
        for column, prior in enumerate(priors):
            completions[column] = prior.argmax(axis=1)[:, np.newaxis]
            rows = np.flatnonzero(self._generalised[column, classes])
            strata = (np.arange(_COMPLETIONS) + rng.random((len(rows), _COMPLETIONS))) / _COMPLETIONS
            drawn = rng.permuted(strata, axis=1)
            cumulative = np.cumsum(prior[rows], axis=1)
            cumulative /= cumulative[:, -1:]
            # One ascending array of all classes: that of the class in row r lies between r and r + 1.
            row = np.arange(len(rows))[:, np.newaxis]
            position = np.searchsorted((cumulative + row).ravel(), drawn + row, side="right")
            completions[column, rows] = np.minimum(position - row * prior.shape[1], prior.shape[1] - 1)
        return completions

    def _shown_by_cheaper_class(self, classes: IntArray, completions: IntArray) -> BoolArray:
        """Whether a cheaper class of the same population shows each completion, `[class, completion]`."""
        columns, number = completions.shape[0], len(classes)
        codes = self._coding.encode(completions.reshape(columns, -1)).reshape(self._coding.words, number, _COMPLETIONS)
        shown = np.zeros((number, _COMPLETIONS), dtype=np.bool_)
        for rows, cheaper in self._pairs_with_cheaper(classes):
            shows = np.ones((len(rows), _COMPLETIONS), dtype=np.bool_)
            for code, mask, released in zip(codes, self._masks, self._codes, strict=True):
                differing = (code[rows] ^ released[cheaper, np.newaxis]) & mask[cheaper, np.newaxis]
                shows &= differing == 0
            firsts = np.flatnonzero(np.diff(rows, prepend=-1))
            shown[rows[firsts]] |= np.logical_or.reduceat(shows, firsts, axis=0)
        return shown

    def _pairs_with_cheaper(self, classes: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
        """Pairs of a class, by its row, and a cheaper one with values in common, in pieces; rows ascend."""
        possible = self._cost < self._cost[classes, np.newaxis] - _SLACK
        possible &= self._population == self._population[classes, np.newaxis]
        for mask, code in zip(self._masks, self._codes, strict=True):
            differing = code ^ code[classes, np.newaxis]
            differing &= mask
            differing &= mask[classes, np.newaxis]
            possible &= differing == 0
        rows, cheaper = np.nonzero(possible)
        size = _CELLS_PER_BATCH // _COMPLETIONS
        for begin in range(0, len(rows), size):
            yield rows[begin : begin + size], cheaper[begin : begin + size]


def _weigh_leaves(completions: IntArray, weights: FloatArray, prior: FloatArray) -> FloatArray:
    """The posterior of each leaf of a column, `[class, leaf]`, from the weights of the completions."""
    classes, leaves = prior.shape
    cell = np.arange(classes)[:, np.newaxis] * leaves + completions
    posterior = np.bincount(cell.ravel(), weights.ravel(), minlength=classes * leaves).reshape(classes, leaves)
    posterior = np.where(prior > 0, posterior + _WEIGHT_OF_MARGINAL * prior, 0.0)
    normalised: FloatArray = posterior / posterior.sum(axis=1, keepdims=True)
    return normalised


def _count_right(
    guesses: _Guesses, batch: slice, cells: BoolArray, tables: tuple[FloatArray, FloatArray, FloatArray]
) -> None:
    """Add one column of a batch of classes to the guesses.

    Args:
        guesses: the counts so far.
        batch: the places of the classes.
        cells: which of the classes have a cell in the column.
        tables: prior, posterior and pupils, `[class, leaf]`.
    """
    prior, posterior, truth = tables
    rows = np.arange(len(truth))
    best = posterior.argmax(axis=1)
    informed, pupils = truth[rows, best] * cells, truth.sum(axis=1) * cells
    sure = posterior[rows, best] >= SURE_POSTERIOR
    newly_sure = sure & (prior.max(axis=1) < SURE_POSTERIOR)
    guesses.cells[batch] += pupils
    guesses.marginal[batch] += truth[rows, prior.argmax(axis=1)] * cells
    guesses.informed[batch] += informed
    guesses.ceiling[batch] += truth.max(axis=1) * cells
    guesses.sure[batch] += pupils * sure
    guesses.sure_right[batch] += informed * sure
    guesses.newly_sure[batch] += pupils * newly_sure
    guesses.newly_sure_right[batch] += informed * newly_sure


def _summarise(guesses: _Guesses, rng: np.random.Generator) -> DowncodingRisk:
    cells, classes = guesses.cells.sum(), len(guesses.cells)
    gained = guesses.informed - guesses.marginal
    gains = np.empty(_RESAMPLES)
    for number in range(_RESAMPLES):
        resampled = rng.integers(0, classes, classes)
        gains[number] = gained[resampled].sum() / guesses.cells[resampled].sum()
    low, high = np.quantile(gains, (0.025, 0.975))
    sure, newly_sure = guesses.sure.sum(), guesses.newly_sure.sum()
    return DowncodingRisk(
        cells=int(cells),
        classes=classes,
        marginal=float(guesses.marginal.sum() / cells),
        informed=float(guesses.informed.sum() / cells),
        gain_interval=(float(low), float(high)),
        ceiling=float(guesses.ceiling.sum() / cells),
        sure=float(sure / cells),
        sure_right=float(guesses.sure_right.sum() / sure) if sure else None,
        newly_sure=float(newly_sure / cells),
        newly_sure_right=float(guesses.newly_sure_right.sum() / newly_sure) if newly_sure else None,
    )


def _round_share(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _class_costs(recoding: Recoding, weights: Sequence[float] | None) -> FloatArray:
    """The loss of one record of each class, by which the search orders classes."""
    parts = WeightedLoss.for_columns("mean", recoding.coding.columns, weights).normalised_weights
    costs = np.zeros(recoding.classes)
    for column, (hierarchy, part) in enumerate(zip(recoding.coding.hierarchies, parts, strict=True)):
        costs += part * record_losses(hierarchy)[recoding.levels[:, column], recoding.leaves[:, column]]
    return costs


def _class_masks(recoding: Recoding) -> IntArray:
    """The bits that the labels of each class determine, `[word, class]`."""
    vectors, vector_of_class = np.unique(recoding.levels, axis=0, return_inverse=True)
    masks = np.array([recoding.coding.mask(vector.tolist()) for vector in vectors], dtype=np.int64)
    by_class: npt.NDArray[np.int64] = masks.T[:, vector_of_class.reshape(-1)]
    return by_class


def _refuse_wrong_input(histogram: Histogram, recoding: Recoding, classes: int) -> None:
    if len(recoding.class_of) != histogram.units:
        raise ValueError("the recoding has no class for every unit of the histogram")
    if classes < 1:
        raise ConfigurationRefused(
            describe_problem(
                "at least one class to attack",
                example=f"{ATTACKED_CLASSES:,}",
                found=str(classes),
                where="the downcoding attack",
                do="Allow more classes",
            )
        )
