"""The motivated intruder test, against a comparison by hand of every released record with every pupil."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.unit.drawn_recoding import NIVEAU, DrawnRecoding, Levels, Pupil, draw_recoding, random_cohort
from tests.unit.test_reidentification_risk import count_risk_by_hand, list_figures

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.model.coding import Coding
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.model.information_loss import WeightedLoss
from cohort.sdc.model.recoding import Recoding
from cohort.sdc.risk import motivated_intruder
from cohort.sdc.risk.motivated_intruder import IntruderSearch
from cohort.sdc.risk.reidentification_risk import ReidentificationRisk


def compatible_pupils(case: DrawnRecoding, target: Pupil) -> list[Pupil]:
    """The pupils whose released record could be the target's."""
    pairs = zip(case.pupils, case.records, strict=True)
    return [pupil for pupil, record in pairs if case.is_compatible(record, target)]


def count_candidates_without_school(case: DrawnRecoding, target: Pupil) -> int:
    """Candidates less those of the school that has most of them, of all schools but the target's own."""
    found = compatible_pupils(case, target)
    strangers = {school for pupil in case.pupils for school in pupil.schools} - target.schools
    own = [sum(school in pupil.schools for pupil in found) for school in strangers]
    return len(found) - max(own, default=0)


def count_linked_candidates(first: DrawnRecoding, second: DrawnRecoding, place: int) -> int:
    """The pupils in the same releases of whom every record that is there could be the target's."""
    target, mine = first.pupils[place], (first.records[place], second.records[place])
    number = 0
    for one, two in zip(first.records, second.records, strict=True):
        if (one is None) == (mine[0] is None) and (two is None) == (mine[1] is None):
            number += (one is None or first.is_compatible(one, target)) and (
                two is None or second.is_compatible(two, target)
            )
    return number


def released_positions(*cases: DrawnRecoding) -> list[int]:
    """The places of the pupils who are in any of the releases."""
    return [p for p in range(len(cases[0].pupils)) if any(case.records[p] is not None for case in cases)]


def summarise_by_hand(numbers: Sequence[int], k: int) -> tuple[Any, ...]:
    """The summary of candidates per pupil, by its definition."""
    ascending = sorted(numbers)
    quantiles = tuple(
        (percent, min(n for n in ascending if sum(m <= n for m in ascending) * 100 >= percent * len(ascending)))
        for percent in (1, 5, 25, 50, 75, 95)
        if ascending
    )
    fewer = sum(number < k for number in numbers)
    return len(numbers), min(numbers, default=None), quantiles, fewer


def summary_of(found: IntruderSearch) -> tuple[Any, ...]:
    return found.sampled, found.smallest, found.quantiles, found.fewer_than_k


def recode_again(case: DrawnRecoding, vectors: tuple[Levels, ...], k: int = 3) -> DrawnRecoding:
    """A second recoding of the same cohort."""
    return replace(case, vectors=vectors, k=k, always_suppressed=frozenset())


def test_a_record_is_a_candidate_when_the_pupil_is_compatible_with_it() -> None:
    #   who is I j could be in the class of I j, or among the three who show I-II *; the others only there
    case = draw_recoding("2 I j A\n1 I m A\n1 II m A\n1 II j A\n1 IV m A", (0, 0), (1, 1))
    found = motivated_intruder.simulate_stranger(case.histogram, case.recoding, 4)

    assert case.records == [("I", "j")] * 2 + [("I-II", "*")] * 3 + [None]
    assert summary_of(found) == summarise_by_hand([5, 5, 3, 3, 3], 4)
    assert (found.smallest, found.fewer_than_k) == (3, 3)


def test_a_school_excludes_all_pupils_it_delivered_for() -> None:
    #   five show I j: 2 A, 1 B that C also delivered for, 1 C, 1 D. For a pupil of A the school C takes 2.
    case = draw_recoding("2 I j A\n1 I j B C\n1 I j C\n1 I j D", (0, 0))
    found = motivated_intruder.simulate_school(case.histogram, case.recoding, 4)

    #      A  A  B (not its own C: A takes 2)  C (A takes 2)  D (A or C takes 2)
    assert summary_of(found) == summarise_by_hand([3, 3, 3, 3, 3], 4)
    assert count_candidates_without_school(case, case.pupils[2]) == 3


def test_a_school_of_the_pupil_is_no_intruder() -> None:
    case = draw_recoding("4 I j A\n1 I j B", (0, 0))
    found = motivated_intruder.simulate_school(case.histogram, case.recoding, 4)

    assert summary_of(found) == summarise_by_hand([4, 4, 4, 4, 1], 4)  # B takes one from A's; A takes four from B's


def test_linking_two_releases_leaves_fewer_candidates() -> None:
    #            first     second
    #   2 I  j   I-II j    I *      seen together: the two
    #   1 II j   I-II j    –        alone in the first only
    #   1 I  m   –         I *      alone in the second only
    case = draw_recoding("2 I j A\n1 II j A\n1 I m A", (1, 0))
    second = recode_again(case, ((0, 1),))
    found = motivated_intruder.simulate_linked_releases(case.histogram, case.recoding, second.recoding, 2)

    assert summary_of(found) == summarise_by_hand([2, 2, 1, 1], 2)
    assert motivated_intruder.simulate_stranger(case.histogram, case.recoding, 2).smallest == 3
    assert motivated_intruder.simulate_stranger(case.histogram, second.recoding, 2).smallest == 3


@pytest.mark.parametrize("seed", range(16))
def test_every_intruder_finds_the_candidates_counted_by_hand(seed: int) -> None:
    case = random_cohort(seed)
    second = recode_again(case, case.vectors[::-1])
    histogram, recoding = case.histogram, case.recoding
    targets = [case.pupils[place] for place in released_positions(case)]

    assert summary_of(motivated_intruder.simulate_stranger(histogram, recoding, 5)) == summarise_by_hand(
        [len(compatible_pupils(case, target)) for target in targets], 5
    )
    assert summary_of(motivated_intruder.simulate_school(histogram, recoding, 3)) == summarise_by_hand(
        [count_candidates_without_school(case, target) for target in targets], 3
    )
    assert summary_of(
        motivated_intruder.simulate_linked_releases(histogram, recoding, second.recoding, 5)
    ) == summarise_by_hand(
        [count_linked_candidates(case, second, place) for place in released_positions(case, second)], 5
    )


def test_a_release_linked_with_itself_leaves_the_same_candidates() -> None:
    case = random_cohort(5)
    alone = motivated_intruder.simulate_stranger(case.histogram, case.recoding, 4)

    assert summary_of(
        motivated_intruder.simulate_linked_releases(case.histogram, case.recoding, case.recoding, 4)
    ) == summary_of(alone)


def recoding_of_two_words() -> DrawnRecoding:
    """Pupils who differ in the third column only, which stands in the second word of their codes."""
    steps = range(23)
    stair = tuple(tuple(f"0-{s}" if leaf <= s else str(leaf) for leaf in steps) for s in steps)
    pupils = tuple(Pupil((0, 0, place % 9), home=place % 4) for place in range(30))
    trees = tuple(Hierarchy(f"trap{column}", stair) for column in range(3))
    return DrawnRecoding(trees, pupils, ((0, 0, 0), (0, 22, 5)), k=4)


def test_codes_of_several_words_are_compared_in_all_of_them() -> None:
    case = recoding_of_two_words()
    numbers = [len(compatible_pupils(case, case.pupils[place])) for place in released_positions(case)]

    assert (case.coding.words, case.recoding.classes, case.recoding.suppressed) == (2, 4, 9)
    assert summary_of(motivated_intruder.simulate_stranger(case.histogram, case.recoding, 10)) == summarise_by_hand(
        numbers, 10
    )
    found = ReidentificationRisk.from_recoding(case.histogram, case.recoding, 5)
    assert list_figures(found) == pytest.approx(list_figures(count_risk_by_hand(case, 5)))


def test_batches_of_any_size_give_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    case = random_cohort(7)
    second = recode_again(case, ((0, 0, 0),), k=1)

    def everything() -> list[IntruderSearch]:
        return [
            motivated_intruder.simulate_stranger(case.histogram, case.recoding, 4),
            motivated_intruder.simulate_school(case.histogram, case.recoding, 4),
            motivated_intruder.simulate_linked_releases(case.histogram, case.recoding, second.recoding, 4),
        ]

    at_once = everything()
    monkeypatch.setattr(motivated_intruder, "CELLS_PER_BATCH", 1)
    assert everything() == at_once


def test_a_sample_is_drawn_by_its_seed_and_not_by_the_order_of_the_rows() -> None:
    case = random_cohort(8, pupils=200)
    turned = replace(case, pupils=case.pupils[::-1])
    sampled = motivated_intruder.simulate_stranger(case.histogram, case.recoding, 4, pupils=40)

    assert sampled.sampled == 40
    assert motivated_intruder.simulate_stranger(turned.histogram, turned.recoding, 4, pupils=40) == sampled
    seeds = {
        motivated_intruder.simulate_stranger(case.histogram, case.recoding, 4, pupils=10, seed=s).quantiles
        for s in range(9)
    }
    assert len(seeds) > 1


def test_no_pupil_is_sampled_twice_however_many_pupils_a_unit_has() -> None:
    #   all but one of 41 pupils: the 20 of II in any case at least 19 times
    case = draw_recoding("21 I j A\n20 II j A", (0, 0))
    found = motivated_intruder.simulate_stranger(case.histogram, case.recoding, 21, pupils=40)

    assert found.sampled == 40
    assert found.fewer_than_k in (19, 20)


def test_nobody_is_sampled_where_nothing_is_released() -> None:
    case = draw_recoding("1 I j A\n1 IV m B", (0, 0))
    found = motivated_intruder.simulate_school(case.histogram, case.recoding, 4)

    assert summary_of(found) == (0, None, (), 0)
    assert summary_of(
        motivated_intruder.simulate_linked_releases(case.histogram, case.recoding, case.recoding, 4)
    ) == summary_of(found)


def test_the_document_states_the_assumption() -> None:
    case = random_cohort(2)
    found = motivated_intruder.simulate_linked_releases(case.histogram, case.recoding, case.recoding, 4)
    document = json.loads(json.dumps(found.as_dict()))

    assert "can tell which two records are of the same pupil" in document["assumption"]
    assert list(document["quantiles"]) == ["1%", "5%", "25%", "50%", "75%", "95%"]


@pytest.mark.parametrize("k", [0, 1.5])
@pytest.mark.parametrize("pupils", [0, -1, 2.5])
def test_refuses_wrong_thresholds_and_samples_in_one_refusal(k: Any, pupils: Any) -> None:
    case = random_cohort(0)

    with pytest.raises(ConfigurationRefused, match=r"to measure risk by[^$]*to look for"):
        motivated_intruder.simulate_stranger(case.histogram, case.recoding, k, pupils=pupils)


def test_refuses_a_school_as_intruder_in_data_without_schools() -> None:
    coding = Coding((NIVEAU,))
    histogram = Histogram.from_pupils(coding.encode([np.array([0, 0])]))
    goal = WeightedLoss.for_columns("mean", 1)
    recoding = Recoding.from_units(histogram, coding, np.zeros(1, np.int64), np.zeros((1, 1), np.int64), goal, {})

    assert motivated_intruder.simulate_stranger(histogram, recoding, 2).smallest == 2
    with pytest.raises(ConfigurationRefused, match="Expected schools in the data for an intruder"):
        motivated_intruder.simulate_school(histogram, recoding, 2)
