"""The risk of re-identification, against a count by hand of the pupils compatible with each released record."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.drawn_recoding import DrawnRecoding, draw_recoding, random_cohort

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.risk.compatible_pupils import count_compatible_pupils
from cohort.sdc.risk.reidentification_risk import POPULATION_ASSUMPTION, AttackerRisk, ReidentificationRisk


def count_risk_by_hand(case: DrawnRecoding, k: int) -> ReidentificationRisk:
    """The risk, counted record by record from the labels."""
    released = [record for record in case.records if record is not None]
    sizes = Counter(released)
    population = {record: sum(case.is_compatible(record, pupil) for pupil in case.pupils) for record in sizes}
    number = max(len(released), 1)
    by_record = sum(1 / population[record] for record in released) / number
    by_pupil = len(sizes) / max(sum(population.values()), 1)
    return ReidentificationRisk(
        k,
        AttackerRisk(
            max((1 / size for size in sizes.values()), default=0),
            sum(1 / sizes[record] for record in released) / number,
            sum(1 / sizes[record] > 1 / k for record in released) / number,
        ),
        AttackerRisk(
            max((1 / crowd for crowd in population.values()), default=0),
            max(by_record, by_pupil),
            sum(1 / population[record] > 1 / k for record in released) / number,
        ),
        by_record,
        len(case.pupils),
    )


def list_figures(risk: ReidentificationRisk) -> list[float]:
    attacks = risk.prosecutor, risk.journalist
    told = [figure for attack in attacks for figure in (attack.highest, attack.mean, attack.at_risk)]
    return [risk.k, risk.marketer, risk.population_pupils, *told]


def measure_risk(case: DrawnRecoding, k: int = 3) -> ReidentificationRisk:
    return ReidentificationRisk.from_recoding(case.histogram, case.recoding, k)


def test_pupils_of_other_classes_and_suppressed_pupils_can_be_compatible_with_a_class() -> None:
    #   3 I j at (0, 0); 1 I m + 2 II m at (1, 1) show I-II *, which all six lie under; IV j is suppressed
    case = draw_recoding("3 I j A\n1 I m A\n2 II m A\n1 IV j A", (0, 0), (1, 1), k=3)
    risk = measure_risk(case, k=4)

    assert count_compatible_pupils(case.histogram, case.recoding).tolist() == [3, 6]
    assert risk.prosecutor == AttackerRisk(1 / 3, 2 / 6, 1)
    assert risk.journalist == AttackerRisk(1 / 3, pytest.approx((3 / 3 + 3 / 6) / 6), 3 / 6)
    assert risk.marketer == risk.journalist.mean
    assert (risk.population_pupils, risk.population) == (7, POPULATION_ASSUMPTION)


def test_a_suppressed_pupil_counts_in_the_population_of_a_class_it_could_be_in() -> None:
    everybody = draw_recoding("4 I j A", (0, 0), single=True)
    risk = measure_risk(replace(everybody, always_suppressed=frozenset({0})), k=4)

    assert (risk.prosecutor.highest, risk.journalist.highest) == (1 / 3, 1 / 4)
    assert (risk.prosecutor.at_risk, risk.journalist.at_risk) == (1, 0)


def test_in_a_global_recoding_a_class_is_its_own_population() -> None:
    risk = measure_risk(draw_recoding("4 I j A\n3 II j A\n1 III m A\n5 IV m A", (0, 0), k=3))

    assert risk.prosecutor == risk.journalist
    assert risk.marketer == pytest.approx(risk.prosecutor.mean)


@pytest.mark.parametrize("seed", range(16))
def test_the_risk_equals_a_count_by_hand(seed: int) -> None:
    case = random_cohort(seed)

    assert list_figures(measure_risk(case)) == pytest.approx(list_figures(count_risk_by_hand(case, 3)))


def test_the_risk_is_0_where_nothing_is_released() -> None:
    risk = measure_risk(draw_recoding("1 I j A\n1 IV m B", (0, 0)))

    assert (risk.prosecutor, risk.journalist, risk.marketer) == (AttackerRisk(0, 0, 0), AttackerRisk(0, 0, 0), 0)


def test_the_document_names_the_assumed_population() -> None:
    told = json.loads(json.dumps(measure_risk(random_cohort(2)).as_dict()))

    assert told["population"].startswith("the whole cohort that was looked at, suppressed pupils included")
    assert set(told["journalist"]) == {"highest", "mean", "at_risk"}


@pytest.mark.parametrize("k", [0, -3, 2.5, True])
def test_refuses_a_threshold_that_is_no_whole_number_of_pupils(k: Any) -> None:
    with pytest.raises(ConfigurationRefused, match=r"to measure risk by .* of at least 1"):
        measure_risk(random_cohort(0), k)
