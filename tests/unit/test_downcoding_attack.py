"""The downcoding attack: cases by hand, and every count against released labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.drawn_recoding import DrawnRecoding, draw_recoding, random_cohort

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.local_recoding.local_search import search_local_recoding
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss, record_losses
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.risk.downcoding_guesses import COMPLETIONS, DowncodingGuesser
from cohort.sdc.risk.downcoding_risk import DowncodingRisk, downcoding_attack
from cohort.sdc.risk.release_risk import RiskLimits

# The first six are released exactly. The other four are released as (I-II, *): a combination of I and j among them is
# unlikely, since the cheaper class took every pupil who has it.
TAKEN_BY_CHEAPER_CLASS = """
    6 I  j A
    1 II j A
    1 I  m A
    2 II m A
"""


def attack(case: DrawnRecoding, **options: object) -> DowncodingRisk:
    return downcoding_attack(case.histogram, case.recoding, **options)  # type: ignore[arg-type]


def test_what_a_cheaper_class_shows_is_ruled_out() -> None:
    case = draw_recoding(TAKEN_BY_CHEAPER_CLASS, (0, 0), (1, 1), k=3)
    assert set(case.records) == {("I", "j"), ("I-II", "*")}
    # Of the cohort seven of ten are I and j: right in two of eight cells. The informed guess is II and m: six of eight.
    # P(I, j) = .49, P(I, m) = P(II, j) = .21, P(II, m) = .09; the first counts .03 times, so I has .22 and II .30.
    assert attack(case) == DowncodingRisk(
        cells=8, classes=1, marginal=0.25, informed=0.75, gain_interval=(0.5, 0.5), ceiling=0.75, sure=0.0,
        sure_right=None, newly_sure=0.0, newly_sure_right=None,
    )  # fmt: skip


def test_a_class_of_another_population_rules_out_nothing() -> None:
    case = draw_recoding(TAKEN_BY_CHEAPER_CLASS, (0, 0), (1, 1), k=3)
    population = np.where(case.histogram.counts == 6, 0, 1)
    risk = attack(case, population_of_unit=population)
    assert (risk.marginal, risk.informed, risk.gain) == (0.25, 0.25, 0.0)


def test_another_number_of_weights_than_of_columns_is_refused() -> None:
    case = draw_recoding(TAKEN_BY_CHEAPER_CLASS, (0, 0), (1, 1), k=3)
    with pytest.raises(ConfigurationRefused, match="2 weights"):
        attack(case, weights=(1.0,))


#    weights       right of twelve cells; without the algorithm 3: niveau I, geslacht j
CHEAPER_BY_WEIGHTS = [
    ((1.0, 0.001), 5),  # (I-II, *) is cheaper and has all of I and j: the class of * and j is III, 3 of 4 instead of 1
    ((0.001, 1.0), 7),  # (*, j) is cheaper and has all j: the other class is m, 4 of 4 instead of none
]


@pytest.mark.parametrize(("weights", "right"), CHEAPER_BY_WEIGHTS)
def test_weights_decide_which_class_is_cheaper(weights: tuple[float, float], right: int) -> None:
    case = draw_recoding("1 I j A\n3 III j A\n2 I m A\n2 II m A", (0, 0))
    class_of = case.histogram.leaves(case.coding)[1].astype(np.int64)
    levels, goal = np.array([[2, 0], [1, 1]]), WeightedLoss.for_columns("mean", 2, weights)
    recoding = Recoding.from_units(case.histogram, case.coding, class_of, levels, goal, {})
    risk = downcoding_attack(case.histogram, recoding, weights=weights)
    assert (risk.marginal * risk.cells, risk.informed * risk.cells) == pytest.approx((3, right))


def test_a_frequent_value_is_sure_but_not_newly_sure() -> None:
    case = draw_recoding("19 I j A\n1 II j A", (1, 0))
    risk = attack(case)
    assert (risk.sure, risk.sure_right, risk.newly_sure, risk.newly_sure_right) == (1.0, 0.95, 0.0, None)


def test_one_level_for_all_classes_gains_nothing() -> None:
    case = draw_recoding("5 I j A\n3 II j A\n4 III m A\n2 IV m A", (1, 0))
    assert attack(case).gain_interval == (0.0, 0.0)


def test_an_exact_release_has_no_cells() -> None:
    case = draw_recoding("5 I j A\n3 II j A", (0, 0))
    assert attack(case) == DowncodingRisk(0, 0, 0.0, 0.0, (0.0, 0.0), 0.0, 0.0, None, 0.0, None)


def count_by_hand(case: DrawnRecoding) -> tuple[int, int, int]:
    """The cells, and how many are right by the most frequent value of the cohort and by that of the class."""
    cells = marginal_right = most_right = 0
    for number in sorted({number for number in case.class_of if number >= 0}):
        members = [pupil for pupil, own in zip(case.pupils, case.class_of, strict=True) if own == number]
        for column, tree in enumerate(case.hierarchies):
            label = case.recoding.labels[column][number]
            leaves = [pupil.leaves[column] for pupil in case.pupils]
            occurring = [leaf for leaf in leaves if label in {row[leaf] for row in tree.labels}]
            if len(set(occurring)) > 1:
                own_leaves = [pupil.leaves[column] for pupil in members]
                cells += len(own_leaves)
                marginal_right += own_leaves.count(max(sorted(set(occurring)), key=occurring.count))
                most_right += max(own_leaves.count(leaf) for leaf in set(own_leaves))
    return cells, marginal_right, most_right


def check_counts(case: DrawnRecoding) -> None:
    cells, marginal_right, most_right = count_by_hand(case)
    risk = attack(case)
    assert risk.cells == cells
    assert risk.marginal * cells == pytest.approx(marginal_right)
    assert risk.ceiling * cells == pytest.approx(most_right)
    assert risk.informed <= risk.ceiling
    assert 0 <= risk.newly_sure <= risk.sure <= 1
    assert attack(case) == risk


@pytest.mark.parametrize("seed", range(12))
def test_counts_are_those_of_the_released_labels(seed: int) -> None:
    check_counts(random_cohort(seed))


@pytest.mark.parametrize("seed", range(12))
def test_a_completion_is_shown_if_a_cheaper_class_is_compatible_with_it(seed: int) -> None:
    case = random_cohort(seed)
    recoding = case.recoding
    costs = np.zeros(recoding.classes)
    for column, tree in enumerate(case.hierarchies):
        costs += record_losses(tree)[recoding.levels[:, column], recoding.leaves[:, column]]
    guesser = DowncodingGuesser(case.histogram, recoding, np.zeros(case.histogram.units, dtype=np.int64), costs)
    draw = np.random.default_rng(seed)
    attacked = np.arange(recoding.classes)
    completions = np.stack(
        [draw.integers(0, len(tree.leaves), (len(attacked), COMPLETIONS)) for tree in case.hierarchies]
    )
    # As in the attack, a completion lies under the labels of its class.
    for column, tree in enumerate(case.hierarchies):
        for number in attacked:
            under = [
                n for n in range(len(tree.leaves)) if recoding.labels[column][number] in {r[n] for r in tree.labels}
            ]
            completions[column, number] = draw.choice(under, COMPLETIONS)
    shown = guesser.shown_by_cheaper_class(attacked, completions)
    labels = list(zip(*(column.tolist() for column in recoding.labels), strict=True))
    for number in attacked:
        for place in range(COMPLETIONS):
            pupil = replace(case.pupils[0], leaves=tuple(completions[:, number, place].tolist()))
            cheaper = [other for other in attacked if costs[other] < costs[number] - 1e-9]
            assert shown[number, place] == any(case.is_compatible(labels[other], pupil) for other in cheaper)


def uniform_cohort(pupils: int) -> tuple[Histogram, Coding]:
    """Pupils with three columns of eight equally frequent values, which are generalised to twos, fours and all."""
    levels = [tuple(f"{width} from {leaf - leaf % width}" for leaf in range(8)) for width in (1, 2, 4, 8)]
    coding = Coding(tuple(Hierarchy(f"kolom{number}", tuple(levels)) for number in range(3)))
    leaves = np.random.default_rng(5).integers(0, 8, (3, pupils))
    return Histogram.from_pupils(coding.encode(leaves), single=True), coding


def test_classes_made_coarser_after_the_search_are_read_back() -> None:
    histogram, coding = uniform_cohort(4_000)
    request = RecodingRequest(coding, [KAnonymity(10)], objective="mean", suppression_limit="1")
    found = search_local_recoding(histogram, request)
    draw = np.random.default_rng(1)
    levels = found.levels.astype(np.int64)
    coarsened = np.flatnonzero(draw.random(found.classes) < 0.3)
    column = draw.integers(0, 3, len(coarsened))
    levels[coarsened, column] = np.minimum(levels[coarsened, column] + 1, 3)
    goal = WeightedLoss.for_columns("mean", 3)
    worse = Recoding.from_units(histogram, coding, found.class_of.astype(np.int64), levels, goal, {})

    of_search, of_worse = downcoding_attack(histogram, found), downcoding_attack(histogram, worse)

    assert of_worse.gain_interval[0] > of_search.gain_interval[1]
    assert of_search.newly_sure < RiskLimits().sure_cells < of_worse.newly_sure


def test_the_same_seed_gives_the_same_figures_and_a_sample_of_classes_agrees() -> None:
    histogram, coding = uniform_cohort(4_000)
    request = RecodingRequest(coding, [KAnonymity(20)], objective="mean", suppression_limit="1")
    found = search_local_recoding(histogram, request)
    whole = downcoding_attack(histogram, found)
    assert downcoding_attack(histogram, found) == whole
    half = downcoding_attack(histogram, found, classes=whole.classes // 2)
    assert half.classes == whole.classes // 2
    assert half.marginal == pytest.approx(whole.marginal, abs=0.05)
    with pytest.raises(ConfigurationRefused, match="at least one class"):
        downcoding_attack(histogram, found, classes=0)
