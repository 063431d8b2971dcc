"""What a project and the platform declare for the report of a release, and how a wrong declaration is refused."""

from __future__ import annotations

import copy
import datetime as dt
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.drawn_project import BASELINE

from cohort.agreements.platform import Platform
from cohort.agreements.project import Project

CONF = Path(__file__).resolve().parents[2] / "conf"
SIGNED: dict[str, Any] = {
    "code": "INFERENCE_ALL_BUT_ONE",
    "column": "geslacht",
    "figure_at_most": Decimal("0.15"),
    "reason": "Er is geen andere selectie van deze leerlingen",
    "signed_by": "A. Jansen",
    "date": dt.date(2026, 11, 30),
}


def declare(**settings: Any) -> Project:
    return Project.model_validate(copy.deepcopy(BASELINE) | settings)


def test_an_intruder_knows_every_attribute_unless_the_project_says_which() -> None:
    assert declare().known_attributes == ("geslacht", "geboren")
    assert declare(risk={"known_attributes": ["geslacht"]}).known_attributes == ("geslacht",)


def test_exceptions_and_regressions_are_read() -> None:
    agreed = declare(risk_exceptions=[SIGNED], regressions=[{"outcome": "groei", "on": ["geslacht", "rekenen_M"]}])
    assert agreed.risk_exceptions[0].figure_at_most == Decimal("0.15")
    assert agreed.regressions[0].on == ["geslacht", "rekenen_M"]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"risk": {"known_attributes": ["leeftijd"]}}, "found `leeftijd`"),
        ({"risk": {"known_attributes": ["geslacht", "geslacht"]}}, "each once"),
        (
            {"risk": {"known_attributes": ["geslacht", "rekenen_M", "groei", "geboren", "niveau"]}},
            "who knows all infers nothing",
        ),
        ({"risk_exceptions": [SIGNED | {"column": None}]}, "Expected a column with the limits on inference"),
        ({"risk_exceptions": [SIGNED | {"code": "DOWNCODING_GAIN"}]}, "Expected a column with the limits on inference"),
        ({"risk_exceptions": [SIGNED | {"column": "leeftijd"}]}, "found `leeftijd`"),
        ({"risk_exceptions": [SIGNED, SIGNED]}, "one exception per limit and column"),
        ({"risk_exceptions": [SIGNED | {"signed_by": ""}]}, "signed_by"),
        ({"risk_exceptions": [SIGNED | {"figure_at_most": Decimal("1.5")}]}, "figure_at_most"),
        ({"regressions": [{"outcome": "geslacht", "on": ["groei"]}]}, "a column of scores"),
        ({"regressions": [{"outcome": "groei", "on": ["groei"]}]}, "other columns, each once"),
        ({"regressions": [{"outcome": "groei", "on": ["niveau"]}]}, "other columns, each once"),
    ],
)
def test_a_name_that_the_project_does_not_have_is_refused(settings: dict[str, Any], found: str) -> None:
    with pytest.raises(ValidationError, match=found):
        declare(**settings)


LIMITS = ("attributes_only", "all_but_one_known", "downcoding_gain", "sure_cells", "sure_cells_right")


@pytest.mark.parametrize("name", [*LIMITS, "attempts_for_interval"])
def test_no_limit_of_the_platform_can_be_left_out(name: str) -> None:
    shipped = tomllib.loads((CONF / "platform.toml").read_text(encoding="utf-8"), parse_float=Decimal)
    assert Platform.model_validate(shipped).risk_limits.attributes_only == Decimal("0.05")
    del shipped["risk_limits"][name]
    with pytest.raises(ValidationError, match=name):
        Platform.model_validate(shipped)


def test_the_point_estimate_is_never_held_for_more_than_three_thousand_attempts() -> None:
    shipped = tomllib.loads((CONF / "platform.toml").read_text(encoding="utf-8"), parse_float=Decimal)
    shipped["risk_limits"]["attempts_for_interval"] = 10_000
    with pytest.raises(ValidationError, match="attempts_for_interval"):
        Platform.model_validate(shipped)
