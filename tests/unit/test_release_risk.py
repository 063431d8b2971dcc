"""Limits on the risk of a release: each is broken by a figure over it and by nothing else."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from tests.unit.drawn_recoding import draw_recoding

from cohort.foundation.errors import ConfigurationRefused
from cohort.sdc.global_recoding.lattice_search import search_global_recoding
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.privacy_models.k_anonymity import KAnonymity
from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.downcoding_risk import DowncodingRisk, downcoding_attack
from cohort.sdc.risk.inference_risk import InferenceRisk
from cohort.sdc.risk.rate_comparison import Rate, RateComparison
from cohort.sdc.risk.release_risk import ReleaseRisk, RiskLimits, measure_release_risk

NOTHING_GAINED = RateComparison(Rate(500, 1_000), Rate(500, 1_000))
ATTRIBUTES_GAIN = RateComparison(Rate(6_000, 10_000), Rate(5_800, 10_000))
ALL_BUT_ONE_GAINS = RateComparison(Rate(6_000, 10_000), Rate(5_000, 10_000))
RISK = ReleaseRisk(
    downcoding=DowncodingRisk(
        cells=900, classes=40, marginal=0.25, informed=0.28, gain_interval=(0.02, 0.04), ceiling=0.4, sure=0.2,
        sure_right=0.95, newly_sure=0.06, newly_sure_right=Rate(38, 54),
    ),
    inference=InferenceRisk(
        columns=("geslacht", "niveau"),
        attributes=("geslacht",),
        all_but_one_known={"geslacht": NOTHING_GAINED, "niveau": ALL_BUT_ONE_GAINS},
        attributes_only={"niveau": ATTRIBUTES_GAIN},
        singling_out=NOTHING_GAINED,
        linkability=NOTHING_GAINED,
        link_candidates=100,
        mean_losses=(0.1, 0.1),
    ),
)  # fmt: skip

#    limit              figure that it is held against                code                        column
FIGURES = [
    ("attributes_only", ATTRIBUTES_GAIN.interval[1], "INFERENCE_ATTRIBUTES_ONLY", "niveau"),
    ("all_but_one_known", ALL_BUT_ONE_GAINS.interval[1], "INFERENCE_ALL_BUT_ONE", "niveau"),
    ("downcoding_gain", 0.04, "DOWNCODING_GAIN", None),
    ("sure_cells", 0.06, "SURE_CELLS", None),
    ("sure_cells_right", Rate(38, 54).interval[0], "SURE_CELLS_RIGHT", None),
]


def test_the_baseline_keeps_every_limit() -> None:
    assert RISK.broken_limits(RiskLimits()) == ()
    assert {name for name, *_ in FIGURES} == {field.name for field in fields(RiskLimits)}


@pytest.mark.parametrize(("limit", "figure", "code", "column"), FIGURES)
def test_a_limit_refuses_what_is_over_it(limit: str, figure: float, code: str, column: str | None) -> None:
    assert RISK.broken_limits(replace(RiskLimits(), **{limit: figure})) == ()
    (broken,) = RISK.broken_limits(replace(RiskLimits(), **{limit: figure - 1e-6}))
    assert (broken.code, broken.column, broken.found, broken.limit) == (code, column, figure, figure - 1e-6)
    assert broken.sentence.startswith("Expected ")
    assert f"found {100 * figure:.2f}" in broken.sentence


def test_all_broken_limits_are_told_at_once_and_fit_in_json() -> None:
    limits = RiskLimits(0, 0, 0, 0, 0)
    document = json.loads(json.dumps(RISK.as_dict(limits), allow_nan=False))
    assert [broken["code"] for broken in document["broken_limits"]] == [
        "INFERENCE_ATTRIBUTES_ONLY", "INFERENCE_ALL_BUT_ONE", "INFERENCE_ALL_BUT_ONE", "DOWNCODING_GAIN",
        "SURE_CELLS", "SURE_CELLS_RIGHT",
    ]  # fmt: skip
    assert document["limits"]["attributes_only"] == 0
    assert document["inference"]["all_but_one_known"]["niveau"]["difference"] == pytest.approx(0.1)


@pytest.mark.parametrize("value", [None, float("nan"), -0.01, 1.01, True, "0.05"])
@pytest.mark.parametrize("name", [field.name for field in fields(RiskLimits)])
def test_a_limit_is_a_share_and_cannot_be_left_out(name: str, value: object) -> None:
    with pytest.raises(ConfigurationRefused, match=f"risk limit `{name}`"):
        RiskLimits(**{name: value})  # type: ignore[arg-type]


def test_inference_that_cannot_be_measured_breaks_a_limit_even_where_all_is_allowed() -> None:
    case = draw_recoding("3 I j A\n3 IV m A", (0, 0))
    request = RecodingRequest(case.coding, [KAnonymity(5)], objective="mean", suppression_limit=1)
    cohort = AttackedCohort.from_histogram(
        case.histogram, case.coding, lambda half: search_global_recoding(half, request)
    )
    risk = measure_release_risk(downcoding_attack(case.histogram, case.recoding), cohort, ("niveau",))
    assert risk.inference is None
    (broken,) = risk.broken_limits(RiskLimits(1, 1, 1, 1, 1))
    assert (broken.code, broken.found) == ("INFERENCE_NOT_MEASURED", None)
    assert risk.as_dict(RiskLimits())["inference"] is None


def test_a_cohort_too_small_to_measure_breaks_the_limits() -> None:
    """Nothing is gained, but that cannot be known from twenty pupils."""
    few = RateComparison(Rate(10, 20), Rate(10, 20))
    assert RISK.inference is not None
    risk = replace(RISK, inference=replace(RISK.inference, attributes_only={"niveau": few}))
    assert [broken.code for broken in risk.broken_limits(RiskLimits())] == ["INFERENCE_ATTRIBUTES_ONLY"]
    assert np.isclose(few.difference, 0)
