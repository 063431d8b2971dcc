"""The guesses of the downcoding attack, class by class: from the marginals, and by an intruder who knows the algorithm.

In go the histogram, the recoding and what a record of each class costs; out come counts per class, which
`downcoding_risk` adds up. Classes are attacked in batches, so memory does not grow with the release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cohort.sdc.model import BoolArray, FloatArray, Histogram, IntArray, Recoding
from cohort.sdc.risk.release_density import leaves_under_labels

SURE_POSTERIOR = 0.9
"""A guess with at least this posterior probability is one that the intruder is sure of."""
COMPLETIONS = 128
"""Combinations of exact values drawn per class."""
_WEIGHT_OF_EXCLUDED = 0.03
"""What a combination that a cheaper class shows still counts: leftovers of the sweep join dearer classes."""
_SLACK = 1e-9
"""Costs closer than this are equal."""
_CELLS_PER_BATCH = 1 << 20
"""Pairs of classes, or of a completion and a class, that are compared at once."""


@dataclass(frozen=True, eq=False)
class Guesses:
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
    def none(cls, classes: int) -> Guesses:
        return cls(*(np.zeros(classes) for _ in range(8)))


class DowncodingGuesser:
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

    def guess(self, attacked: IntArray, rng: np.random.Generator) -> Guesses:
        """Guess the generalised values of some classes, and count what is right."""
        guesses = Guesses.none(len(attacked))
        size = max(_CELLS_PER_BATCH // max(len(self._class), 1), 1)
        truth = self._count_exact_values(attacked)
        for begin in range(0, len(attacked), size):
            batch = slice(begin, begin + size)
            priors = self._priors(attacked[batch])
            completions = self._draw_completions(attacked[batch], priors, rng)
            excluded = self.shown_by_cheaper_class(attacked[batch], completions)
            weights = np.where(excluded, _WEIGHT_OF_EXCLUDED, 1.0)
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
        shape = len(classes), COMPLETIONS
        completions = np.empty((len(priors), *shape), dtype=np.int64)
        for column, prior in enumerate(priors):
            completions[column] = prior.argmax(axis=1)[:, np.newaxis]
            rows = np.flatnonzero(self._generalised[column, classes])
            strata = (np.arange(COMPLETIONS) + rng.random((len(rows), COMPLETIONS))) / COMPLETIONS
            drawn = rng.permuted(strata, axis=1)
            cumulative = np.cumsum(prior[rows], axis=1)
            cumulative /= cumulative[:, -1:]
            # One ascending array of all classes: that of the class in row r lies between r and r + 1.
            row = np.arange(len(rows))[:, np.newaxis]
            position = np.searchsorted((cumulative + row).ravel(), drawn + row, side="right")
            completions[column, rows] = np.minimum(position - row * prior.shape[1], prior.shape[1] - 1)
        return completions

    def shown_by_cheaper_class(self, classes: IntArray, completions: IntArray) -> BoolArray:
        """Whether a cheaper class of the same population shows each completion, `[class, completion]`."""
        columns, number = completions.shape[0], len(classes)
        codes = self._coding.encode(completions.reshape(columns, -1)).reshape(self._coding.words, number, COMPLETIONS)
        shown = np.zeros((number, COMPLETIONS), dtype=np.bool_)
        for rows, cheaper in self._pairs_with_cheaper(classes):
            shows = np.ones((len(rows), COMPLETIONS), dtype=np.bool_)
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
        size = _CELLS_PER_BATCH // COMPLETIONS
        for begin in range(0, len(rows), size):
            yield rows[begin : begin + size], cheaper[begin : begin + size]


def _weigh_leaves(completions: IntArray, weights: FloatArray, prior: FloatArray) -> FloatArray:
    """The posterior of each leaf of a column, `[class, leaf]`: its prior times the mean weight of its completions.

    A leaf without a completion has the mean weight of the class. So where nothing is excluded the posterior is the
    prior, and not a sample of it.
    """
    classes, leaves = prior.shape
    cell = (np.arange(classes)[:, np.newaxis] * leaves + completions).ravel()
    drawn = np.bincount(cell, minlength=classes * leaves).reshape(classes, leaves)
    weight = np.bincount(cell, weights.ravel(), minlength=classes * leaves).reshape(classes, leaves)
    mean_weight = np.where(drawn > 0, weight / np.maximum(drawn, 1), weights.mean(axis=1, keepdims=True))
    posterior: FloatArray = prior * mean_weight
    posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


def _count_right(
    guesses: Guesses, batch: slice, cells: BoolArray, tables: tuple[FloatArray, FloatArray, FloatArray]
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


def _class_masks(recoding: Recoding) -> IntArray:
    """The bits that the labels of each class determine, `[word, class]`."""
    vectors, vector_of_class = np.unique(recoding.levels, axis=0, return_inverse=True)
    masks = np.array([recoding.coding.mask(vector.tolist()) for vector in vectors], dtype=np.int64)
    by_class: IntArray = masks.reshape(len(vectors), recoding.coding.words).T[:, vector_of_class.reshape(-1)]
    return by_class
