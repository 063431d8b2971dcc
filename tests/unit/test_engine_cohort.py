"""The generated cohort of the engine benchmark, and its measurements."""

from __future__ import annotations

from math import prod

import numpy as np

from cohort.sdc.model.coding import Coding
from cohorts import bench_engine
from cohorts.engine_cohort import generate_engine_cohort

PUPILS = 20_000


def column(coding: Coding, codes: np.ndarray, name: str) -> np.ndarray:
    names = [tree.name for tree in coding.hierarchies]
    return coding.column_leaves(codes, names.index(name))


def test_seven_columns_of_two_to_five_levels_have_about_four_thousand_level_vectors() -> None:
    coding, codes, schools = generate_engine_cohort(PUPILS)

    assert coding.heights == (2, 5, 5, 3, 3, 3, 3)
    assert prod(coding.heights) == 4_050
    assert codes.shape == (1, PUPILS)
    assert len(np.unique(schools)) == PUPILS // 100


def test_the_same_seed_draws_the_same_cohort_and_another_seed_another() -> None:
    first, again, other = (
        generate_engine_cohort(PUPILS, 1),
        generate_engine_cohort(PUPILS, 1),
        generate_engine_cohort(PUPILS, 2),
    )

    assert np.array_equal(first[1], again[1])
    assert np.array_equal(first[2], again[2])
    assert not np.array_equal(first[1], other[1])


def test_a_school_lies_in_one_municipality_and_has_one_denomination() -> None:
    coding, codes, schools = generate_engine_cohort(PUPILS)

    for name in ("gemeente", "denominatie"):
        of_school = set(zip(schools.tolist(), column(coding, codes, name).tolist(), strict=True))
        assert len(of_school) == len(np.unique(schools))


def test_pupils_of_more_educated_parents_reach_higher_levels() -> None:
    coding, codes, _ = generate_engine_cohort(PUPILS)
    education, level = column(coding, codes, "opleiding_ouders"), column(coding, codes, "niveau")

    reached = [level[education == step].mean() for step in range(6)]
    assert reached == sorted(reached, reverse=True)  # level I, the best, is the first


def test_a_measurement_has_the_result_the_time_and_the_memory() -> None:
    measurement = bench_engine.measure_search("global", PUPILS)

    assert measurement["proven"]
    assert measurement["nodes"] == 4_050
    assert measurement["suppressed"] <= 0.04 * PUPILS
    assert measurement["peak_mb"] >= measurement["generator_mb"] > 0
    assert measurement["total_s"] >= 0
