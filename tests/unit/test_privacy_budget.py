"""The ledger of the privacy budget: what is spent, when nothing more is drawn, and what a kill costs."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.drawn_environment import CONF, make_environment

from cohort.agreements import platform
from cohort.agreements.environment import Environment
from cohort.differential_privacy import budget_ledger, noisy_figures
from cohort.differential_privacy.contributions import Contributions
from cohort.differential_privacy.noise_request import NoiseRequest, PrivacyUnit, ScoreBounds
from cohort.differential_privacy.noisy_figures import (
    draw_noisy_counts,
    draw_noisy_means,
    total_noisy_counts,
    total_noisy_means,
)
from cohort.differential_privacy.population_overlap import largest_total, populations_meet
from cohort.foundation.errors import ConfigurationRefused, StateRefused
from cohort.storage.locks import PRIVACY_BUDGET_LOCK, hold_lock
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
SCALE = ScoreBounds(0, 15_000)
CELLS = ("noord", "oost", "zuid", "west")
PUPILS = np.array([400, 300, 0, 5000], np.int64)
GIVEN = Contributions(np.arange(4), PUPILS)
SCORES = Contributions(np.arange(4), PUPILS, sums=PUPILS * 8_000)


def request(name: str = "leerlingen/1/regio", **other: Any) -> NoiseRequest:
    declared: dict[str, Any] = {
        "identifier": name,
        "cells": CELLS,
        "unit": PrivacyUnit("pupil", 1),
        "epsilon": Decimal("0.4"),
        "mechanism": "geometric",
        "school_years": ("2024-2025",),
        "population": {},
        "largest_error": Decimal(1000),
    }
    return NoiseRequest(**declared | other)


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    shipped = platform.load_platform(CONF)
    limits = shipped.publications.model_copy(update={"epsilon_per_pupil_year": Decimal(1)})
    return make_environment(StorageZones(tmp_path), shipped.model_copy(update={"publications": limits}), NOW)


def opendp() -> None:
    pytest.importorskip("opendp", reason="opendp (the extra `noise`) is not installed")


def spent(environment: Environment) -> list[tuple[str, Decimal]]:
    ledger = budget_ledger.read_ledger(environment.zones)
    return [(entry.identifier, entry.epsilon_of_pupil) for entry in ledger.entries]


def test_a_spending_is_written_with_whose_and_when(environment: Environment) -> None:
    asked = request(population={"jaargroep": frozenset({"8", "7"})}, unit=PrivacyUnit("school", 30))
    entry = budget_ledger.spend_budget(environment, asked)
    assert budget_ledger.read_ledger(environment.zones).entries == [entry]
    assert (entry.unit, entry.epsilon, entry.epsilon_of_pupil) == ("school", Decimal("0.4"), Decimal("0.8"))
    assert (entry.population, entry.spent_at, entry.spent_by) == ({"jaargroep": ["7", "8"]}, NOW, "tester")


def test_what_passes_the_limit_is_refused_and_leaves_no_trace(environment: Environment) -> None:
    budget_ledger.spend_budget(environment, request("a"))
    budget_ledger.spend_budget(environment, request("b"))
    with pytest.raises(StateRefused, match=r"found 1\.2: 0\.8 spent before, 0\.4 for c in") as refusal:
        draw_noisy_counts(environment, request("c"), GIVEN)
    assert "one pupil in 2024-2025" in str(refusal.value)
    assert spent(environment) == [("a", Decimal("0.4")), ("b", Decimal("0.4"))]
    assert not list(environment.zones.differential_privacy.glob("figures/*"))


def test_the_limit_itself_may_be_spent_and_no_rest_is_lost_to_rounding(environment: Environment) -> None:
    for number in range(10):
        budget_ledger.spend_budget(environment, request(str(number), epsilon=Decimal("0.1")))
    with pytest.raises(StateRefused):
        budget_ledger.spend_budget(
            environment, request("more", epsilon=Decimal("0.000001"), largest_error=Decimal(10**9))
        )


def test_every_school_year_has_its_own_budget(environment: Environment) -> None:
    budget_ledger.spend_budget(environment, request("a", epsilon=Decimal(1)))
    budget_ledger.spend_budget(environment, request("b", epsilon=Decimal(1), school_years=("2025-2026",)))
    with pytest.raises(StateRefused) as refusal:
        budget_ledger.spend_budget(environment, request("c", school_years=("2023-2024", "2024-2025", "2025-2026")))
    assert len(refusal.value.problems) == 2


def test_measures_tables_and_publications_add_up(environment: Environment) -> None:
    opendp()
    draw_noisy_counts(environment, request("leerlingen/1/regio/aantal"), GIVEN)
    draw_noisy_means(environment, request("leerlingen/1/regio/rekenen", bounds=SCALE, smallest_cell=50), SCORES)
    with pytest.raises(StateRefused):
        draw_noisy_counts(environment, request("scholen/3/regio/aantal"), GIVEN)


def test_a_school_counts_twice_for_its_pupils(environment: Environment) -> None:
    with pytest.raises(StateRefused, match=r"found 1\.2: 0 spent before, 1\.2 for"):
        budget_ledger.spend_budget(environment, request(unit=PrivacyUnit("school", 30), epsilon=Decimal("0.6")))


def node(*leaves: str, of: str = "jaargroep") -> dict[str, frozenset[str]]:
    return {of: frozenset(leaves)}


def test_populations_without_a_pupil_in_common_do_not_add_up(environment: Environment) -> None:
    budget_ledger.spend_budget(environment, request("7", population=node("7"), epsilon=Decimal("0.7")))
    budget_ledger.spend_budget(environment, request("8", population=node("8"), epsilon=Decimal("0.7")))
    budget_ledger.spend_budget(environment, request("both", population=node("7", "8"), epsilon=Decimal("0.3")))
    with pytest.raises(StateRefused):
        budget_ledger.spend_budget(environment, request("girls", population=node("2", of="geslacht")))
    budget_ledger.spend_budget(environment, request("6", population=node("6"), epsilon=Decimal(1)))


@pytest.mark.parametrize(
    ("population", "total"),
    [
        ({}, "0.9"),
        (node("7"), "0.7"),
        (node("8"), "0.9"),
        (node("6"), "0.2"),
        (node("7", "8"), "0.9"),
        (node("1", of="geslacht"), "0.7"),
        (node("2", of="geslacht"), "0.9"),
    ],
    ids=str,
)
def test_the_largest_total_of_one_pupil(population: dict[str, frozenset[str]], total: str) -> None:
    before = [({}, Decimal("0.2")), (node("7"), Decimal("0.5")), (node("8") | node("2", of="geslacht"), Decimal("0.7"))]
    assert largest_total(population, before) == Decimal(total)


def test_too_many_combinations_are_bounded_from_above() -> None:
    many = [(node(*map(str, range(40)), of=f"v{n}"), Decimal("0.1")) for n in range(4)]
    divided = [(node(leaf), Decimal("0.5")) for leaf in "78"]
    assert largest_total({}, divided) == Decimal("0.5")
    assert largest_total({}, [*many, *divided]) == Decimal("1.4"), "0.9 exactly, and never less than that"


def test_populations_meet_unless_a_variable_divides_them() -> None:
    assert populations_meet({}, node("7"))
    assert populations_meet(node("7"), node("1", of="geslacht"))
    assert not populations_meet(node("7") | node("1", of="geslacht"), node("8") | node("1", of="geslacht"))


# --- drawn once ----------------------------------------------------------------------------------------------------


def test_the_same_request_gives_the_same_figures_and_spends_once(environment: Environment) -> None:
    opendp()
    first = draw_noisy_counts(environment, request(), GIVEN)
    again = draw_noisy_counts(environment, request(), Contributions(np.arange(4), PUPILS + 17))
    assert again.counts.tolist() == first.counts.tolist()
    assert len(spent(environment)) == 1
    assert (Path(str(environment.zones.privacy_budget_ledger)).stat().st_mode & 0o77) == 0


def test_the_same_means_are_given_again(environment: Environment) -> None:
    opendp()
    asked = request(bounds=SCALE, smallest_cell=50)
    first, again = (draw_noisy_means(environment, asked, SCORES) for _ in range(2))
    np.testing.assert_array_equal(first.means, again.means)
    np.testing.assert_array_equal(first.doubled_sums, again.doubled_sums)
    assert len(spent(environment)) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"epsilon": Decimal("0.1")},
        {"cells": ("oost", "noord", "zuid", "west")},
        {"population": node("8")},
        {"mechanism": "laplace"},
        {"unit": PrivacyUnit("pupil", 2)},
        {"school_years": ("2023-2024",)},
    ],
    ids=str,
)
def test_another_request_under_the_same_identifier_is_refused(environment: Environment, other: dict[str, Any]) -> None:
    opendp()
    draw_noisy_counts(environment, request(), GIVEN)
    with pytest.raises(StateRefused, match="Make it a new edition"):
        draw_noisy_counts(environment, request(**other), GIVEN)
    assert len(spent(environment)) == 1


class KilledError(BaseException):
    """Stands for the end of the process."""


def kill(*_: object, **__: object) -> None:
    raise KilledError


@pytest.mark.parametrize("step", ["add_whole_noise", "NoisyFiguresDocument"])
def test_a_kill_after_the_spending_loses_budget_never_privacy(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    opendp()
    with monkeypatch.context() as patched:
        patched.setattr(noisy_figures, step, kill)
        with pytest.raises(KilledError):
            draw_noisy_counts(environment, request(), GIVEN)
    assert len(spent(environment)) == 1
    draw_noisy_counts(environment, request(), GIVEN)
    assert spent(environment) == [(request().identifier, Decimal("0.4"))] * 2


def test_a_kill_at_the_limit_is_not_drawn_again(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    opendp()
    asked = request(epsilon=Decimal("0.6"))
    with monkeypatch.context() as patched:
        patched.setattr(noisy_figures, "add_whole_noise", kill)
        with pytest.raises(KilledError):
            draw_noisy_counts(environment, asked, GIVEN)
    with pytest.raises(StateRefused, match=r"found 1\.2: 0\.6 spent before"):
        draw_noisy_counts(environment, asked, GIVEN)


def test_a_kill_before_the_ledger_is_written_draws_nothing(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    opendp()
    with monkeypatch.context() as patched:
        patched.setattr(budget_ledger, "write_json_document", kill)
        patched.setattr(noisy_figures, "add_whole_noise", lambda *_: pytest.fail("noise before the spending"))
        with pytest.raises(KilledError):
            draw_noisy_counts(environment, request(), GIVEN)
    assert spent(environment) == []


def useless(environment: Environment) -> None:
    draw_noisy_counts(environment, request(largest_error=Decimal(2)), GIVEN)


def outside(environment: Environment) -> None:
    scores = Contributions(np.arange(4), PUPILS, sums=PUPILS * 20_000)
    draw_noisy_means(environment, request(bounds=SCALE, smallest_cell=50), scores)


@pytest.mark.parametrize("attempt", [useless, outside])
def test_what_is_refused_spends_nothing(environment: Environment, attempt: Callable[[Environment], None]) -> None:
    opendp()
    with pytest.raises(ConfigurationRefused):
        attempt(environment)
    assert spent(environment) == []


def test_two_runs_do_not_draw_at_once(environment: Environment) -> None:
    opendp()
    with hold_lock(environment.zones.locks, PRIVACY_BUDGET_LOCK), pytest.raises(StateRefused, match="no other run"):
        draw_noisy_counts(environment, request(), GIVEN)
    assert spent(environment) == []


def ledger_gone(ledger: Path) -> None:
    ledger.unlink()


def ledger_cut(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[:-20])


def ledger_emptied(ledger: Path) -> None:
    ledger.write_text("{}", encoding="utf-8")


def ledger_with_more(ledger: Path) -> None:
    ledger.write_text(json.dumps({"entries": [], "reset": True}), encoding="utf-8")


@pytest.mark.parametrize("harm", [ledger_gone, ledger_cut, ledger_emptied, ledger_with_more])
def test_a_harmed_ledger_stops_everything(environment: Environment, harm: Callable[[Path], None]) -> None:
    opendp()
    draw_noisy_counts(environment, request(), GIVEN)
    harm(Path(str(environment.zones.privacy_budget_ledger)))
    with pytest.raises(StateRefused, match="Put it back from a copy"):
        draw_noisy_counts(environment, request(), GIVEN)


def test_harmed_figures_are_not_drawn_again(environment: Environment) -> None:
    opendp()
    draw_noisy_counts(environment, request(), GIVEN)
    (figures,) = Path(str(environment.zones.differential_privacy), "figures").iterdir()
    figures.write_text("{", encoding="utf-8")
    with pytest.raises(StateRefused, match="the stored figures of leerlingen/1/regio"):
        draw_noisy_counts(environment, request(), GIVEN)
    assert len(spent(environment)) == 1


# --- figures -------------------------------------------------------------------------------------------------------


def test_counts_are_near_and_totals_are_sums_of_noisy_parts(environment: Environment) -> None:
    opendp()
    asked = request(epsilon=Decimal(1))
    drawn = draw_noisy_counts(environment, asked, GIVEN)
    assert np.abs(drawn.counts - PUPILS).max() < 60
    totals = total_noisy_counts(asked, drawn, [[0, 1], [2, 3], [0, 1, 2, 3]])
    assert totals.counts.tolist() == [drawn.counts[:2].sum(), drawn.counts[2:].sum(), drawn.counts.sum()]
    assert totals.error_often[2] > totals.error_often[0] > drawn.error_often[0] == 3
    with pytest.raises(ValueError, match="not of other totals"):
        total_noisy_counts(asked, totals, [[0, 1]])
    for group in ([], [0, 0]):
        with pytest.raises(ValueError, match="each once"):
            total_noisy_counts(asked, drawn, [group])


def test_means_of_small_cells_are_not_given_and_others_are_near(environment: Environment) -> None:
    opendp()
    asked = request(epsilon=Decimal(1), bounds=SCALE, smallest_cell=100)
    drawn = draw_noisy_means(environment, asked, SCORES)
    assert np.isnan(drawn.means).tolist() == [False, False, True, False]
    assert np.isnan(drawn.error_often).tolist() == [False, False, True, False]
    given = ~np.isnan(drawn.means)
    assert (np.abs(drawn.means[given] - 80) < 10 * drawn.error_often[given]).all()
    assert drawn.error_median[3] < drawn.error_median[0]
    total = total_noisy_means(asked, drawn, [[0, 1, 2, 3]])
    assert total.means[0] == pytest.approx(75 + drawn.doubled_sums.sum() / 200 / drawn.counts.counts.sum())


def test_a_request_of_the_other_kind_is_a_defect(environment: Environment) -> None:
    with pytest.raises(ValueError, match="is for means"):
        draw_noisy_counts(environment, request(bounds=SCALE, smallest_cell=5), SCORES)
    with pytest.raises(ValueError, match="has bounds"):
        draw_noisy_means(environment, request(), GIVEN)
