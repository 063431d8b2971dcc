"""Noise: its theory against draws of OpenDP, what the mechanisms are given, and how schools are clipped."""

from __future__ import annotations

import builtins
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from cohort.differential_privacy import contributions, figure_errors, mechanisms, noise_distribution
from cohort.differential_privacy.contributions import Contributions, clamp_scores, total_cells
from cohort.differential_privacy.noise_request import NoiseRequest, PrivacyUnit, ScoreBounds
from cohort.foundation.errors import ConfigurationRefused

PUPIL, SCHOOL = PrivacyUnit("pupil", 1), PrivacyUnit("school", 30)
SCALE = ScoreBounds(0, 15_000)
DRAWS = 20_000


def request(**other: Any) -> NoiseRequest:
    declared: dict[str, Any] = {
        "identifier": "leerlingen/1/regio",
        "cells": ("a", "b", "c"),
        "unit": PUPIL,
        "epsilon": Decimal("0.5"),
        "mechanism": "geometric",
        "school_years": ("2024-2025",),
        "population": {},
        "largest_error": Decimal(1000),
    }
    return NoiseRequest(**declared | other)


def means(**other: Any) -> NoiseRequest:
    return request(bounds=SCALE, smallest_cell=50, **other)


def quantiles(errors: np.ndarray[Any, Any]) -> tuple[float, float]:
    return float(np.quantile(np.abs(errors), 0.5)), float(np.quantile(np.abs(errors), 0.95))


def draw(asked: NoiseRequest, number: int = DRAWS) -> np.ndarray[Any, Any]:
    pytest.importorskip("opendp", reason="opendp (the extra `noise`) is not installed")
    add = mechanisms.add_whole_noise if asked.mechanism == "geometric" else mechanisms.add_laplace_noise
    share = asked.epsilon if asked.bounds is None else asked.epsilon / 2
    return np.asarray(add(np.zeros(number, np.int64), asked.unit.contributions, share), dtype=np.float64)


@pytest.mark.parametrize("mechanism", ["laplace", "geometric"])
@pytest.mark.parametrize(("unit", "epsilon"), [(PUPIL, "0.05"), (SCHOOL, "1"), (PrivacyUnit("pupil", 3), "0.1")])
@pytest.mark.parametrize("parts", [1, 4, 9])
def test_the_measured_error_of_counts_is_that_of_theory(
    mechanism: Any, unit: PrivacyUnit, epsilon: str, parts: int
) -> None:
    asked = request(mechanism=mechanism, unit=unit, epsilon=Decimal(epsilon))
    noise = draw(asked, 10_000 * parts).reshape(parts, -1).sum(axis=0)
    told = figure_errors.describe_error(asked, parts=parts)
    assert quantiles(noise) == pytest.approx(
        (told.median, told.often), rel=0.1, abs=1 if mechanism == "geometric" else 0
    )


@pytest.mark.parametrize("epsilon", ["0.1", "1"])
@pytest.mark.parametrize(("unit", "pupils"), [(PUPIL, 60), (PUPIL, 4000), (SCHOOL, 4000), (SCHOOL, 200)])
@pytest.mark.parametrize("mean", [75.0, 110.0, 150.0])
def test_the_measured_error_of_means_is_that_of_theory(
    epsilon: str, unit: PrivacyUnit, pupils: int, mean: float
) -> None:
    asked = means(unit=unit, epsilon=Decimal(epsilon), mechanism="laplace")
    counts = pupils + draw(asked)
    reach = unit.contributions * (SCALE.highest - SCALE.lowest)
    exact = np.full(DRAWS, round((mean - SCALE.middle) * 200) * pupils, np.int64)
    sums = mechanisms.add_whole_noise(exact, reach, asked.epsilon / 2)
    errors = SCALE.middle + sums / 200 / counts - mean
    told = figure_errors.describe_error(asked, pupils=pupils, mean=mean)
    assert quantiles(errors) == pytest.approx((told.median, told.often), rel=0.1)


def test_the_closed_forms_of_one_noise() -> None:
    laplace = noise_distribution.NoiseDistribution(7.0, 1, whole=False)
    assert laplace.absolute_quantile(0.5) == pytest.approx(7 * math.log(2), rel=0.01)
    assert laplace.absolute_quantile(0.95) == pytest.approx(7 * math.log(20), rel=0.01)
    whole = noise_distribution.NoiseDistribution(1.0, 1, whole=True)
    assert (whole.absolute_quantile(0.5), whole.absolute_quantile(0.95)) == (1, 3)
    ratio = math.exp(-1)
    assert float(whole.cumulative(np.array([-0.5]))[0]) == pytest.approx(ratio / (1 + ratio))
    assert float(whole.cumulative(np.array([0.0]))[0]) == pytest.approx(1 / (1 + ratio))


def test_the_sum_of_many_noises_is_nearly_normal() -> None:
    many = noise_distribution.NoiseDistribution(2.0, 400, whole=True)
    assert many.absolute_quantile(0.95) == pytest.approx(1.96 * math.sqrt(2 * 400) * 2, rel=0.02)


@pytest.mark.parametrize(("unit", "epsilon"), [(PUPIL, "0.1"), (SCHOOL, "0.3"), (SCHOOL, "7")])
def test_the_library_proves_that_no_more_than_epsilon_is_spent(
    unit: PrivacyUnit, epsilon: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip("opendp.prelude", reason="opendp (the extra `noise`) is not installed")
    made, make = [], library.m.make_laplace
    monkeypatch.setattr(library.m, "make_laplace", lambda *given: made.append(make(*given)) or made[-1])
    mechanisms.add_whole_noise(np.zeros(2, np.int64), unit.contributions, Decimal(epsilon))
    whole = made[-1]
    mechanisms.add_laplace_noise(np.zeros(2, np.int64), unit.contributions, Decimal(epsilon))
    laplace = made[-1]
    assert Decimal(whole.map(unit.contributions)) <= Decimal(epsilon)
    assert Decimal(laplace.map(float(unit.contributions))) <= Decimal(epsilon)
    assert whole.map(unit.contributions) == pytest.approx(float(epsilon), rel=1e-6), "and not much less either"


def test_two_draws_differ() -> None:
    first, second = draw(request(epsilon=Decimal("0.01")), 50), draw(request(epsilon=Decimal("0.01")), 50)
    assert (first != second).any()


def test_without_the_library_the_refusal_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("opendp"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationRefused, match=r"Install the extra `noise`: pip install 'cohort\[noise\]'"):
        mechanisms.load_library()


# --- what is of no use is refused ----------------------------------------------------------------------------------


def test_counts_of_schools_in_small_cells_are_refused_with_the_figure() -> None:
    asked = request(unit=PrivacyUnit("school", 64), epsilon=Decimal(1), largest_error=Decimal(50))
    with pytest.raises(ConfigurationRefused, match=r"found 19[0-9] pupils \(median 4[45]\), epsilon 1 per school"):
        figure_errors.require_useful(asked)
    figure_errors.require_useful(request(epsilon=Decimal(1), largest_error=Decimal(3)))


def test_means_of_schools_are_refused_by_region_and_denomination_not_in_the_nation() -> None:
    regional = means(unit=SCHOOL, epsilon=Decimal(1), largest_error=Decimal(5), mechanism="laplace")
    with pytest.raises(ConfigurationRefused, match="points"):
        figure_errors.require_useful(regional)
    national = request(
        unit=SCHOOL,
        epsilon=Decimal(1),
        largest_error=Decimal(5),
        mechanism="laplace",
        bounds=SCALE,
        smallest_cell=166_231,
    )
    assert figure_errors.require_useful(national).often < 0.2


@pytest.mark.parametrize(
    "other",
    [
        {"epsilon": Decimal(0)},
        {"epsilon": Decimal("-1")},
        {"epsilon": Decimal("NaN")},
        {"epsilon": Decimal("Infinity")},
        {"epsilon": Decimal("0.0000001")},
        {"largest_error": Decimal(0)},
        {"mechanism": "gauss"},
        {"identifier": ""},
        {"cells": ()},
        {"cells": ("a", "a")},
        {"school_years": ()},
        {"school_years": ("2024-2025", "2024-2025")},
        {"population": {"jaargroep": frozenset()}},
        {"bounds": SCALE},
        {"smallest_cell": 10},
        {"bounds": SCALE, "smallest_cell": 0},
    ],
    ids=str,
)
def test_a_request_that_means_nothing_is_refused(other: dict[str, Any]) -> None:
    request()
    with pytest.raises(ConfigurationRefused):
        request(**other)


def test_units_and_scales_that_mean_nothing_are_refused() -> None:
    for make in (lambda: PrivacyUnit("pupil", 0), lambda: PrivacyUnit("class", 1), lambda: ScoreBounds(5, 5)):
        with pytest.raises(ConfigurationRefused):
            make()


# --- contributions -------------------------------------------------------------------------------------------------


def rows(*lines: tuple[int, ...]) -> Contributions:
    cells, schools, pupils, sums = (np.array(column, np.int64) for column in zip(*lines, strict=True))
    return Contributions(cells, pupils, sums, schools)


def test_cells_are_added_and_an_empty_cell_is_there() -> None:
    totals = total_cells(means(), rows((0, 1, 2, 20_000), (0, 2, 1, 5_000), (2, 1, 1, 0)))
    assert totals.pupils.tolist() == [3, 0, 1]
    assert totals.doubled is not None
    assert totals.doubled.tolist() == [50_000 - 45_000, 0, -15_000]
    assert totals.clipped_pupils == 0


def test_a_school_counts_for_at_most_its_number_of_pupils_in_proportion() -> None:
    unit = PrivacyUnit("school", 10)
    totals = total_cells(means(unit=unit), rows((0, 7, 30, 450_000), (1, 7, 10, 0), (1, 8, 10, 0)))
    assert totals.pupils.tolist() == [8, 2 + 10, 0]
    assert totals.doubled is not None
    assert totals.doubled.tolist() == [8 * 15_000, -2 * 15_000 + -15_000 * 10, 0]
    assert totals.clipped_pupils == 30


def test_one_school_more_changes_the_totals_by_at_most_what_the_noise_hides() -> None:
    """Neighbouring data: with and without one school, drawn at random."""
    random = np.random.default_rng(20)
    unit = PrivacyUnit("school", 12)
    asked = means(unit=unit, cells=tuple("abcdefgh"))
    for _ in range(300):
        number = int(random.integers(1, 30))
        cells, schools = random.integers(0, 8, number), random.integers(0, 4, number)
        pupils = random.integers(0, 25, number)
        scores = np.array([random.integers(0, 15_001, int(n)).sum() for n in pupils], np.int64)
        left = schools != 0
        with_it = total_cells(asked, Contributions(cells, pupils, scores, schools))
        without = total_cells(asked, Contributions(cells[left], pupils[left], scores[left], schools[left]))
        assert np.abs(with_it.pupils - without.pupils).sum() <= 12
        assert with_it.doubled is not None
        assert without.doubled is not None
        assert np.abs(with_it.doubled - without.doubled).sum() <= 12 * 15_000


def test_scores_outside_the_bounds_are_refused_where_the_sum_shows_them() -> None:
    with pytest.raises(ConfigurationRefused, match="only scores outside can have") as refusal:
        total_cells(means(), rows((0, 1, 2, 30_001)))
    assert "30001" not in str(refusal.value)
    held, outside = clamp_scores(np.array([-5, 0, 15_000, 15_001], np.int64), SCALE)
    assert (held.tolist(), outside) == ([0, 0, 15_000, 15_000], 2)


@pytest.mark.parametrize(
    "given",
    [
        Contributions(np.array([3]), np.array([1])),
        Contributions(np.array([-1]), np.array([1])),
        Contributions(np.array([0]), np.array([-1])),
        Contributions(np.array([0]), np.array([1, 2])),
        Contributions(np.array([0]), np.array([1.5])),
        Contributions(np.array([0]), np.array([1]), sums=np.array([5])),
    ],
)
def test_arrays_that_do_not_fit_are_a_defect(given: Contributions) -> None:
    with pytest.raises(ValueError, match=r"contribution|sums"):
        contributions.total_cells(request(), given)


def test_the_unit_school_needs_schools() -> None:
    with pytest.raises(ValueError, match="needs the school"):
        total_cells(request(unit=SCHOOL), Contributions(np.array([0]), np.array([1])))
