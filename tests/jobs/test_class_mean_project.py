"""A project that shows class means, through every job that touches its table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from deltalake import DeltaTable

from .conftest import Done, Platform

NAME = ("--project", "leergroei")
STEPS = {
    "release": ("release", *NAME, "--publish"),
    "export": ("export", *NAME, "--format", "sav,dta,parquet,csv"),
    "verify": ("verify", *NAME, "--deep"),
    "twin": ("twin", *NAME, "--format", "csv"),
    "status": ("status",),
    "register": ("register",),
}


@pytest.fixture(scope="module")
def done(copied: Any) -> tuple[Platform, dict[str, Done]]:
    """Every job in order, on a project whose scores of the end of the year show their class means."""
    platform: Platform = copied()
    agreed = platform.config / "projects" / "leergroei.toml"
    head, *columns = agreed.read_text(encoding="utf-8").split("[[columns]]")
    columns = [
        f'{one.rstrip()}\nshow = "mean"\n\n'
        if any(f'name = "{name}"' in one for name in ("rekenen_E", "lezen_E"))
        else one
        for one in columns
    ]
    agreed.write_text("[[columns]]".join([head, *columns]), encoding="utf-8")
    return platform, {label: platform.run(*step) for label, step in STEPS.items()}


def test_every_job_ends_in_0(done: tuple[Platform, dict[str, Done]]) -> None:
    assert {label: (one.code, one.stderr if one.code else "") for label, one in done[1].items()} == dict.fromkeys(
        STEPS, (0, "")
    )


def test_the_table_shows_means_within_their_labels(done: tuple[Platform, dict[str, Done]]) -> None:
    rows = DeltaTable(str(done[0].zones.published_table("leergroei"))).to_pyarrow_table().to_pandas()
    for name in ("rekenen_E", "lezen_E"):
        shown = rows[rows[f"{name}_gemiddelde"].notna() & rows[f"{name}_van"].notna() & rows[f"{name}_tot"].notna()]
        assert len(shown) > len(rows) / 2
        assert (shown[f"{name}_gemiddelde"].astype(float) >= shown[f"{name}_van"] - 5).all()
        assert (shown[f"{name}_gemiddelde"].astype(float) <= shown[f"{name}_tot"] + 5).all()


def test_the_report_computes_with_means_and_their_covariance(done: tuple[Platform, dict[str, Done]]) -> None:
    report = json.loads((done[0].zones.exact_reports("leergroei") / "report-1.json").read_bytes())
    after = {one["column"]: one["mean_after"] for one in report["utility"]["scores"]}
    assert {"middles", "means", "means_and_covariance"} <= {estimate["estimator"] for estimate in after["rekenen_E"]}
    assert report["utility"]["advised_estimator"] == "means_and_covariance"
