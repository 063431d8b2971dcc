"""Downcoding: guesses of the exact values behind generalised ones, with and without knowing how the search works.

In go the histogram that was searched and its recoding; out comes how often the best guess is right. The local search
takes the cheapest classes first, with every pupil who fits. So a combination of values that a cheaper class shows is
nearly never in a dearer one, and whoever knows the algorithm can rule it out. The figures are exact, for restricted
records.

Sources: Cohen (2022), Attacks on deidentification's defenses, for downcoding; Wong, Fu, Wang and Pei (2007),
Minimality attack in privacy preserving data publishing, for what knowing the algorithm tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cohort.foundation import ConfigurationRefused, describe_problem
from cohort.sdc.model import FloatArray, Histogram, IntArray, Recoding, WeightedLoss, record_losses
from cohort.sdc.risk.downcoding_guesses import DowncodingGuesser, Guesses
from cohort.sdc.risk.rate_comparison import ATTACK_SEED, Rate

ATTACKED_CLASSES = 8_000
"""At most so many classes with a generalised value are attacked; they are drawn where there are more."""

_RESAMPLES = 400


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
        newly_sure_right: how many of those are right; None where there are none.
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
    newly_sure_right: Rate | None

    @property
    def gain(self) -> float:
        """What knowing the algorithm adds to the share guessed right."""
        return self.informed - self.marginal

    def as_dict(self) -> dict[str, Any]:
        """The figures for JSON."""
        right = self.newly_sure_right
        return {
            "cells": self.cells,
            "classes": self.classes,
            "marginal": round(self.marginal, 6),
            "informed": round(self.informed, 6),
            "gain": round(self.gain, 6),
            "interval": [round(end, 6) for end in self.gain_interval],
            "ceiling": round(self.ceiling, 6),
            "sure": round(self.sure, 6),
            "sure_right": None if self.sure_right is None else round(self.sure_right, 6),
            "newly_sure": round(self.newly_sure, 6),
            "newly_sure_right": None if right is None else round(right.share, 6),
            "newly_sure_right_interval": None if right is None else [round(end, 6) for end in right.interval],
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
    attack = DowncodingGuesser(histogram, recoding, populations, _class_costs(recoding, weights))
    attacked = attack.draw_classes(classes, rng)
    if not len(attacked):
        return DowncodingRisk(0, 0, 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, None, 0.0, None)
    return _summarise(attack.guess(attacked, rng), rng)


def _summarise(guesses: Guesses, rng: np.random.Generator) -> DowncodingRisk:
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
        newly_sure_right=Rate(float(guesses.newly_sure_right.sum()), int(newly_sure)) if newly_sure else None,
    )


def _class_costs(recoding: Recoding, weights: Sequence[float] | None) -> FloatArray:
    """The loss of one record of each class, by which the search orders classes."""
    parts = WeightedLoss.for_columns("mean", recoding.coding.columns, weights).normalised_weights
    costs = np.zeros(recoding.classes)
    for column, (hierarchy, part) in enumerate(zip(recoding.coding.hierarchies, parts, strict=True)):
        costs += part * record_losses(hierarchy)[recoding.levels[:, column], recoding.leaves[:, column]]
    return costs


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
