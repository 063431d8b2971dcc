"""What a project file may declare of class means, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_project import BASELINE, DIFFERENCE, REKENEN, RESULT, Break, load_problems, write_project_file
from tests.unit.drawn_project import make_platform as shipped_platform

from cohort.agreements import project as projects
from cohort.agreements.class_means import default_mean_step, least_mean_step
from cohort.agreements.declared_bands import DeclaredBands

BANDS = {"from": 0, "to": 300, "step": 20, "widths": [40]}


def with_mean(*, keep_growth: bool = False, **more: Any) -> Break:
    """Change the baseline to one that shows the mean of the score; growth of the same result goes."""

    def change(declared: dict[str, Any]) -> None:
        own = {key: value for key, value in declared["columns"][REKENEN].items() if key not in ("hierarchy", "step")}
        section = {"covariance": more.pop("covariance")} if "covariance" in more else {}
        declared["columns"] = [*declared["columns"]]
        declared["columns"][REKENEN] = own | {"bands": BANDS, "show": "mean", **more}
        if not keep_growth:
            declared["columns"] = [column for column in declared["columns"] if column["name"] != "groei"]
        declared.update(section)

    return change


def load(folder: Path, change: Break) -> projects.Project:
    declared = {**BASELINE, "columns": list(BASELINE["columns"])}
    change(declared)
    write_project_file(folder, declared)
    return projects.load_project(folder, "proef", shipped_platform())


def bands(width: int) -> DeclaredBands:
    return DeclaredBands.model_validate({"from": 0, "to": width, "step": 1, "widths": [2]})


@pytest.mark.parametrize(
    ("width", "k", "least", "step"),
    [
        (300, 10, "3", "5"),
        (200, 10, "2", "2"),
        (201, 10, "2.01", "5"),
        (600, 10, "6", "10"),
        (60, 10, "0.6", "1"),
        (10, 10, "0.1", "0.1"),
        (2, 1000, "0.0002", "0.01"),
        (1000, 2, "50", "50"),
    ],
)
def test_the_default_step_is_the_least_plain_number_that_is_allowed(width: int, k: int, least: str, step: str) -> None:
    assert least_mean_step(bands(width), k) == Decimal(least)
    assert default_mean_step(bands(width), k) == Decimal(step)


def test_a_mean_is_released_behind_the_label_and_its_bounds(tmp_path: Path) -> None:
    loaded = load(tmp_path, with_mean(typed=True, covariance={"by": ["geslacht"]}))
    names = ["geslacht", "rekenen_M", "rekenen_M_van", "rekenen_M_tot", "rekenen_M_gemiddelde"]
    assert loaded.released_names[:5] == names
    assert loaded.mean_names == ["rekenen_M_gemiddelde"]
    assert loaded.mean_steps == {"rekenen_M": Decimal(5)}
    assert loaded.covariance_groups == ("geslacht",)
    assert "rekenen_M_gemiddelde" not in loaded.row_order


def test_a_declared_step_is_kept(tmp_path: Path) -> None:
    assert load(tmp_path, with_mean(mean_step=3)).mean_steps == {"rekenen_M": Decimal(3)}
    assert load(tmp_path, with_mean()).covariance_groups == ()


def two_scores_with_means(declared: dict[str, Any]) -> None:
    with_mean()(declared)
    later = declared["columns"][REKENEN] | {"name": "rekenen_E", "result": {**RESULT, "moment": "E"}}
    declared["columns"].append(later)


def test_two_scores_may_show_means(tmp_path: Path) -> None:
    assert list(load(tmp_path, two_scores_with_means).mean_steps) == ["rekenen_M", "rekenen_E"]


def mean_of_a_difference_beside_its_score(declared: dict[str, Any]) -> None:
    two_scores_with_means(declared)
    own = {key: value for key, value in declared["columns"][REKENEN].items() if key != "result"}
    declared["columns"].append(own | {"name": "groei", "difference": DIFFERENCE})


def named_like_a_mean(declared: dict[str, Any]) -> None:
    with_mean()(declared)
    declared["columns"].append({**declared["columns"][0], "name": "rekenen_M_Gemiddelde"})


@pytest.mark.parametrize(
    ("change", "wording"),
    [
        (lambda d: d["columns"][REKENEN].update(show="mean"), "show = 'mean' with a quasi-identifying score"),
        (lambda d: d["columns"][0].update(show="mean"), "show = 'mean' with a quasi-identifying score"),
        (lambda d: d["columns"][REKENEN].update(mean_step=5), "a mean_step with show = 'mean' alone"),
        (with_mean(mean_step=Decimal("2.99")), "a mean_step of at least 3,"),
        (with_mean(keep_growth=True), "the results behind a class mean in no other column"),
        (mean_of_a_difference_beside_its_score, "the results behind a class mean in no other column"),
        (lambda d: d.update(covariance={"by": []}), "[covariance] beside a column with show = 'mean' alone"),
        (with_mean(covariance={"by": ["school"]}), "quasi-identifying columns without a mean"),
        (with_mean(covariance={"by": ["rekenen_M"]}), "quasi-identifying columns without a mean"),
        (with_mean(covariance={"by": ["geslacht", "geslacht"]}), "quasi-identifying columns without a mean"),
        (named_like_a_mean, "every column once"),
    ],
    ids=[
        "a hierarchy file", "a code", "a step alone", "a step too small", "a difference of the score",
        "three means of two scores", "a section alone", "no released column", "a column with a mean", "a group twice",
        "the name of a mean",
    ],
)  # fmt: skip
def test_a_declaration_that_would_give_somebody_away_or_means_nothing_is_refused(
    tmp_path: Path, change: Break, wording: str
) -> None:
    assert any(wording in problem for problem in load_problems(tmp_path, change))
