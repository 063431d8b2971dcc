"""The job `preview`: settings compared on the cohort, as releases with those settings would report them."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.jobs.conftest import Platform
from tests.patches import PatchesAcrossModules

from cohort.release import stage_pipeline
from cohort.release.stage_pipeline import encode_cohort
from cohort.release_records import load_release_records

SETTINGS = """
[[settings]]
name = "k20"
thresholds = { k = 20 }

[[settings]]
name = "global"
recoding = { kind = "global", objective = "geometric" }

[[settings]]
name = "fine bands"
[settings.columns]
rekenen_M = { bands = { from = 0, to = 220, step = 10, widths = [20, 40, 80] }, weight = 2 }
thuistaal = { left_out = true }

[[settings]]
name = "wide bands"
[settings.columns]
rekenen_E = { bands = { from = 0, to = 240, step = 40, widths = [80], above = true } }
lezen_M = { lowest_level = 1 }

[[settings]]
name = "quantiles"
columns = { rekenen_M = { quantiles = { groups = 5, joins = [2] } }, lezen_E = { quantiles = { groups = 3 } } }

[[settings]]
name = "impossible"
thresholds = { k = 50000 }
recoding = { suppression_limit = 0 }

[[settings]]
name = "without reading"
[settings.columns]
lezen_M = { left_out = true }
lezen_E = { left_out = true }
"""
DECLARED_BANDS = "bands = { from = 0, to = 220, step = 20, widths = [40, 80] }"
REAL: dict[str, list[tuple[str, str, str]]] = {
    "as declared": [],
    "global": [("", 'kind = "local"', 'kind = "global"'), ("", '"mean"', '"geometric"')],
    "fine bands": [
        ("rekenen_M", DECLARED_BANDS, "bands = { from = 0, to = 220, step = 10, widths = [20, 40, 80] }\nweight = 2"),
        ("thuistaal", "", ""),
    ],
    "wide bands": [
        ("rekenen_E", DECLARED_BANDS, "bands = { from = 0, to = 240, step = 40, widths = [80], above = true }"),
        ("lezen_M", DECLARED_BANDS, f"{DECLARED_BANDS}\nlowest_level = 1"),
    ],
    "quantiles": [],
}
"""What is changed in the project file, by column (empty: its head), for a release with each setting."""


@pytest.fixture(scope="module")
def previewed(copied: Any) -> tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A platform after a preview, the job's report, and what stood there before and after."""
    platform: Platform = copied()
    (platform.home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    before = platform.listing()
    done = platform.run("preview", "--project", "leergroei", "--vary", str(platform.home / "settings.toml"))
    assert done.code == 0, done.stderr
    return platform, done.record, before, platform.listing()


def by_name(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["setting"]: one for one in report["settings"]}


def with_setting(text: str, setting: str, proposed: dict[str, str]) -> str:
    """The project file with the changes of a setting and the bands it proposed, written as an analyst would."""
    head, *columns = text.split("[[columns]]")
    for column, old, new in REAL[setting] + [(name, DECLARED_BANDS, lines) for name, lines in proposed.items()]:
        if not column:
            assert old.strip() in head
            head = head.replace(old.strip(), new.strip())
            continue
        place = next(n for n, one in enumerate(columns) if f'name = "{column}"' in one)
        if not old:
            del columns[place]
        else:
            assert old in columns[place]
            columns[place] = columns[place].replace(old, new)
    return "[[columns]]".join([head, *columns])


@pytest.mark.parametrize("setting", REAL)
def test_the_figures_are_those_that_a_release_with_the_setting_reports(
    previewed: tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]], copied: Any, setting: str
) -> None:
    figures = by_name(previewed[1])[setting]
    platform: Platform = copied()
    agreed = platform.config / "projects" / "leergroei.toml"
    agreed.write_text(with_setting(agreed.read_text(encoding="utf-8"), setting, figures["proposed"]), encoding="utf-8")

    done = platform.run("release", "--project", "leergroei")

    assert done.code == 0, done.stderr
    record = load_release_records(platform.zones, "leergroei")[-1].document()
    assert figures["released"] == record["counts"]["pupils_released"]
    assert figures["suppressed"] == record["counts"]["pupils_suppressed"]
    assert figures["classes"] == record["measures"]["classes"]
    for intruder in ("stranger", "knows_1_other", "board"):
        assert figures["intruders"][intruder]["left_at_least"] == record["intruders"][intruder]["left_at_least"]
    assert set(figures["proposed"]) == ({"rekenen_M", "lezen_E"} if setting == "quantiles" else set())
    losses = {column["column"]: column["loss"] for column in figures["columns"] if not column["left_out"]}
    assert figures["release_loss"] == pytest.approx(record["loss"])
    rounded = {name: column["loss"] for name, column in record["codebook"].items()}
    assert losses == pytest.approx(rounded, abs=0.0051), "a data dictionary has whole per cents"


def test_a_setting_without_a_recoding_stands_beside_the_others(
    previewed: tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    refused = by_name(previewed[1])["impossible"]
    assert len(refused["refused"]) >= 1
    assert "Expected" in refused["refused"][0]
    assert "classes" not in refused


def test_a_setting_that_leaves_results_out_says_how_its_pupils_are_counted(
    previewed: tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    settings = by_name(previewed[1])
    assert settings["without reading"]["notes"] == ["pupils_as_declared"]
    assert settings["fine bands"]["notes"] == []


def test_nothing_is_staged_and_nothing_is_readable_by_others(
    previewed: tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    platform, report, before, after = previewed
    new = {name for name in after if name not in before}
    changed = {name for name in before if after.get(name) != before[name]}
    assert {Path(name).name for name in new} <= {
        "preview.html",
        "preview.jsonl",
        "_leergroei.lock",
        "_intake.lock",
        "leergroei.lock",
    }
    assert {name for name in changed if "/locks/" not in name} == set()
    page = platform.root / report["page"]
    assert page.is_relative_to(platform.zones.restricted)
    for path in (page, platform.root / report["lines"], *page.parents[: len(page.parents)]):
        if path.is_relative_to(platform.zones.restricted):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_lines_and_the_page_say_what_the_report_says(
    previewed: tuple[Platform, dict[str, Any], dict[str, Any], dict[str, Any]],
) -> None:
    platform, report, _, _ = previewed
    lines = (platform.root / report["lines"]).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == report["settings"]
    page = (platform.root / report["page"]).read_text(encoding="utf-8")
    for one in report["settings"]:
        assert f">{one['setting']}</th>" in page
        if "classes" in one:
            assert f"{one['classes']:,}</td>" in page


def test_the_codes_of_the_cohort_are_made_once_for_all_settings(fresh: Platform) -> None:
    made = []

    def encode_and_count(*given: Any) -> Any:
        made.append(1)
        return encode_cohort(*given)

    (fresh.home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    with PatchesAcrossModules.context() as patched:
        patched.setattr(stage_pipeline, "encode_cohort", encode_and_count)
        done = fresh.run("preview", "--project", "leergroei", "--vary", str(fresh.home / "settings.toml"))
    assert done.code == 0, done.stderr
    assert len(done.record["settings"]) == 1 + SETTINGS.count("[[settings]]")
    assert made == [1]


def test_settings_that_no_project_could_have_are_refused_at_once_before_spark(fresh: Platform) -> None:
    (fresh.home / "settings.toml").write_text(
        """
[[settings]]
name = "weak"
thresholds = { k = 2 }
[[settings]]
name = "unknown"
columns = { rekenen = { left_out = true } }
[[settings]]
name = "no bands"
columns = { geslacht = { bands = { from = 0, to = 2, step = 1, widths = [] } } }
""",
        encoding="utf-8",
    )
    done = fresh.run(
        "preview", "--project", "leergroei", "--vary", str(fresh.home / "settings.toml"), without_spark=True
    )
    assert done.code == 10
    told = " ".join(done.record["refused"])
    assert "k >= 10" in told or "k at least 10" in told
    assert "setting `weak` of settings.toml" in told
    assert "`rekenen` in setting `unknown`" in told
    assert "geslacht" in told
