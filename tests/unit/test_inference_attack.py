"""Attacks against a control half, on releases whose outcome is plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from tests.unit.drawn_recoding import draw_recoding, random_cohort

from cohort.foundation.errors import ConfigurationRefused, NotAnonymous
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.arrays import IntArray
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.inference_risk import InferenceRisk, inference_attack
from cohort.sdc.risk.rate_comparison import RateComparison


def number_columns(*sizes: int) -> Coding:
    """Columns of that many values, each generalised to all."""
    return Coding(
        tuple(
            Hierarchy(f"kolom{place}", (tuple(str(value) for value in range(size)), ("*",) * size))
            for place, size in enumerate(sizes)
        )
    )


def release_at(coding: Coding, *levels: int) -> Callable[[Histogram], Recoding]:
    """A search that gives every column this level and suppresses nobody."""

    def search(histogram: Histogram) -> Recoding:
        label = histogram.leaves(coding) * (1 - np.array(levels, dtype=np.int64)[:, np.newaxis])
        class_of = np.unique(label, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
        by_class = np.tile(np.array(levels, dtype=np.int64), (int(class_of.max()) + 1, 1))
        goal = WeightedLoss.for_columns("mean", coding.columns)
        return Recoding.from_units(histogram, coding, class_of, by_class, goal, {})

    return search


def attack(coding: Coding, leaves: IntArray, *levels: int, **options: int) -> InferenceRisk:
    histogram = Histogram.from_pupils(coding.encode(leaves), single=True)
    cohort = AttackedCohort.from_histogram(histogram, coding, release_at(coding, *levels))
    return inference_attack(cohort, ["kolom0"], **options)


def contains_zero(rates: RateComparison) -> bool:
    low, high = rates.interval
    return low <= 0 <= high


# Each pupil has a number of its own and a colour of five, by chance: nobody can know the colour but from the release.
NUMBERED = number_columns(400, 5)
NUMBERED_LEAVES = np.stack([np.arange(400), np.random.default_rng(3).integers(0, 5, 400)])


def test_an_exact_release_gives_away_who_is_in_it() -> None:
    risk = attack(NUMBERED, NUMBERED_LEAVES, 0, 0)
    colour = risk.attributes_only["kolom1"]
    assert (colour.inside.share, colour.inside.attempts, colour.outside.attempts) == (1.0, 400, 400)
    assert colour.outside.share == pytest.approx(0.2, abs=0.1)
    assert risk.all_but_one_known["kolom1"] == colour
    assert risk.singling_out.inside.share == pytest.approx(1.0, abs=0.01)
    assert risk.singling_out.outside.successes == 0
    assert risk.linkability.inside.share > 2 * risk.linkability.outside.share
    assert risk.mean_losses == (0.0, 0.0)


def test_a_release_that_shows_nothing_gives_nothing_away() -> None:
    risk = attack(number_columns(8, 5), np.random.default_rng(4).integers(0, (8, 5), (1_000, 2)).T, 1, 1)
    differences = [
        *risk.all_but_one_known.values(),
        *risk.attributes_only.values(),
        risk.singling_out,
        risk.linkability,
    ]
    assert all(contains_zero(rates) for rates in differences)
    assert risk.linkability.inside.share == pytest.approx(1 / 100, abs=0.01)
    assert risk.mean_losses == (1.0, 1.0)


def test_what_holds_in_the_population_is_no_risk_of_the_release() -> None:
    draw = np.random.default_rng(8)
    first = draw.integers(0, 4, 2_000)
    coding, leaves = number_columns(4, 4), np.stack([first, first])
    guessed = attack(coding, leaves, 0, 0).attributes_only["kolom1"]
    assert (guessed.inside.share, guessed.outside.share, guessed.difference) == (1.0, 1.0, 0.0)


def count_pupils(histogram: Histogram) -> Counter[tuple[int, int]]:
    """Pupils by code and school."""
    pupils: Counter[tuple[int, int]] = Counter()
    units = zip(histogram.codes[0].tolist(), histogram.schools.tolist(), histogram.counts.tolist(), strict=True)
    for code, school, number in units:
        pupils[code, school] += number
    return pupils


@pytest.mark.parametrize("single", [False, True])
def test_each_half_is_released_once_and_every_pupil_is_in_one_of_them(single: bool) -> None:
    case = random_cohort(3, pupils=61)
    coding, whole = case.coding, Histogram.from_pupils(case.coding.encode(case.histogram.leaves(case.coding)), None)
    if single:
        whole = case.histogram
    seen: list[Histogram] = []

    def search(half: Histogram) -> Recoding:
        seen.append(half)
        request = RecodingRequest(coding, [KAnonymity(2)], objective="mean", suppression_limit=1)
        return search_global_recoding(half, request)

    inference_attack(AttackedCohort.from_histogram(whole, coding, search), [coding.hierarchies[0].name])
    first, second = seen
    assert abs(first.pupils - second.pupils) <= 1
    assert count_pupils(first) + count_pupils(second) == count_pupils(whole)


def test_the_same_seed_gives_the_same_figures_in_any_order_of_the_pupils() -> None:
    coding, draw = number_columns(6, 6, 6), np.random.default_rng(2)
    leaves = draw.integers(0, 6, (3, 600))
    request = RecodingRequest(coding, [KAnonymity(5)], objective="mean", suppression_limit=1)
    figures = []
    for order in (np.arange(600), draw.permutation(600)):
        histogram = Histogram.from_pupils(coding.encode(leaves[:, order]), single=True)
        cohort = AttackedCohort.from_histogram(histogram, coding, lambda half: search_local_recoding(half, request))
        figures.append(inference_attack(cohort, ["kolom0", "kolom1"]))
        assert inference_attack(cohort, ["kolom0", "kolom1"], seed=1) != figures[-1]
    assert figures[0] == figures[1]


def test_targets_bound_the_attempts() -> None:
    risk = attack(NUMBERED, NUMBERED_LEAVES, 0, 0, targets=30)
    assert risk.attributes_only["kolom1"].inside.attempts == 60
    assert risk.link_candidates == 30


def test_a_half_without_a_recoding_is_refused() -> None:
    case = draw_recoding("3 I j A\n3 IV m A", (0, 0))
    request = RecodingRequest(case.coding, [KAnonymity(5)], objective="mean", suppression_limit=1)
    cohort = AttackedCohort.from_histogram(
        case.histogram, case.coding, lambda half: search_global_recoding(half, request)
    )
    with pytest.raises(NotAnonymous):
        inference_attack(cohort, ["niveau"])


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ((), "found none"),
        (("kolom0", "kolom1"), "found all"),
        (("kleur",), "found `kleur`"),
        (("kolom0",) * 2, "times"),
    ],
)
def test_attributes_are_some_of_the_columns(attributes: tuple[str, ...], found: str) -> None:
    histogram = Histogram.from_pupils(NUMBERED.encode(NUMBERED_LEAVES), single=True)
    cohort = AttackedCohort.from_histogram(histogram, NUMBERED, release_at(NUMBERED, 0, 0))
    with pytest.raises(ConfigurationRefused, match=found):
        inference_attack(cohort, attributes)


def test_too_few_pupils_or_targets_are_refused() -> None:
    one_pupil = Histogram.from_pupils(NUMBERED.encode(NUMBERED_LEAVES[:, :1]))
    with pytest.raises(ConfigurationRefused, match="at least 2 pupils"):
        AttackedCohort.from_histogram(one_pupil, NUMBERED, release_at(NUMBERED, 0, 0))
    with pytest.raises(ConfigurationRefused, match="number of targets of at least 1"):
        attack(NUMBERED, NUMBERED_LEAVES, 0, 0, targets=0)
