"""Settings of a plain file compared by the analyst's command, and the page that shows them."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.drawn_analyst_folder import COLUMNS, AnalystFolder, make_analyst_folder
from tests.unit.drawn_browser import CHROMIUM, browser

from cohort.comparison_page import page_texts
from cohort.comparison_page.page_texts import PageLanguage
from cohort.sdc.cli.varied_options import VariedSetting

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = """
[[settings]]
name = "k 2"
k = 2
recoding = "local"

[[settings]]
name = "<b>sex</b>"
columns = ["geslacht"]

[[settings]]
name = "too strict"
k = 50
"""


@pytest.fixture
def analyst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    folder = make_analyst_folder(tmp_path, capsys)
    (folder.home / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


def vary(analyst: AnalystFolder, *options: str) -> tuple[str, ...]:
    out = str(analyst.home / "page.html")
    return (*COLUMNS, "--k", "3", "--vary", str(analyst.home / "settings.toml"), "--out", out, *options)


def test_figures_are_those_of_a_run_with_the_setting(analyst: AnalystFolder) -> None:
    compared = {one["setting"]: one for one in analyst.run(*vary(analyst)).document["settings"]}

    alone = analyst.run(*COLUMNS, "--k", "2", "--recoding", "local").document
    local = compared["k 2"]
    assert local["released"] == alone["released"]
    assert local["classes"] == alone["classes"]["number"]
    assert {column["column"]: column["loss"] for column in local["columns"]} == alone["losses"]["columns"]
    assert local["intruders"] == alone["risk"]["intruders"]
    assert local["metrics"] == alone["metrics"]

    sex = compared["<b>sex</b>"]
    assert [(column["column"], column["left_out"]) for column in sex["columns"]] == [
        ("geslacht", False),
        ("niveau", True),
    ]
    assert sex["mean_compared_loss"] == pytest.approx((0 + 1) / 2), "of a column left out all is lost"


def test_a_setting_without_a_recoding_stands_beside_the_others(analyst: AnalystFolder) -> None:
    outcome = analyst.run(*vary(analyst))
    assert outcome.code == 0
    refused = outcome.document["settings"][2]
    assert "at least 50 records" in refused["refused"][0]
    assert refused["refused"][0] in (analyst.home / "page.html").read_text(encoding="utf-8")


def test_no_record_is_released_and_both_files_are_private(analyst: AnalystFolder) -> None:
    before = {path.name for path in analyst.home.iterdir()}
    analyst.run(*vary(analyst))
    made = {path.name for path in analyst.home.iterdir()} - before
    assert made == {"page.html", "page.jsonl"}
    for name in made:
        assert stat.S_IMODE((analyst.home / name).stat().st_mode) == 0o600


def test_the_lines_are_the_document(analyst: AnalystFolder) -> None:
    document = analyst.run(*vary(analyst)).document
    lines = (analyst.home / "page.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == document["settings"]


def test_the_page_has_every_figure_of_the_table_in_both_languages(analyst: AnalystFolder) -> None:
    document = analyst.run(*vary(analyst)).document
    page = (analyst.home / "page.html").read_text(encoding="utf-8")
    halves = re.findall(r'<main lang="(nl|en)".*?</main>', page, re.DOTALL)
    assert halves == ["nl", "en"]
    for code, half in zip(halves, re.findall(r"<main .*?</main>", page, re.DOTALL), strict=True):
        language = PageLanguage(code)
        for one in document["settings"]:
            if "classes" in one:
                assert f">{language.percent(one['mean_compared_loss'])}</td>" in half
                assert f">{language.chance(one['intruders']['stranger']['left_at_least'])}</td>" in half
                for column in one["columns"]:
                    assert column["left_out"] or f">{language.percent(column['compared_loss'])}</td>" in half
    assert "<b>sex</b>" not in page, "text of a file is escaped"
    assert "<script" not in page


def test_every_text_is_there_in_both_languages_with_the_same_placeholders() -> None:
    for key, (dutch, english) in page_texts.TEXTS.items():
        assert dutch, key
        assert english, key
        assert sorted(re.findall(r"%\(\w+\)s", dutch)) == sorted(re.findall(r"%\(\w+\)s", english)), key


def test_the_problems_of_all_settings_are_told_at_once(analyst: AnalystFolder) -> None:
    (analyst.home / "settings.toml").write_text(
        '[[settings]]\nname = "a"\nweights = { leeftijd = 2 }\n[[settings]]\nname = "b"\nm = 3\n', encoding="utf-8"
    )
    outcome = analyst.run(*vary(analyst))
    assert outcome.code == 10
    assert [problem.partition(":")[0] for problem in outcome.document["refused"]] == ["Setting `a`", "Setting `b`"]


@pytest.mark.parametrize("text", ['[[settings]]\nname = "a"\nkk = 3\n', "settings = []\n", "settings"])
def test_a_file_that_is_no_list_of_settings_is_refused(analyst: AnalystFolder, text: str) -> None:
    (analyst.home / "settings.toml").write_text(text, encoding="utf-8")
    outcome = analyst.run(*vary(analyst))
    assert outcome.code == 10
    assert "settings.toml" in outcome.sentence


def test_a_page_needs_the_name_of_a_page_and_no_trace(analyst: AnalystFolder) -> None:
    options = vary(analyst, "--out", str(analyst.home / "released.csv"), "--trace", str(analyst.home / "t.csv"))
    outcome = analyst.run(*options)
    assert outcome.code == 10
    page, trace = outcome.document["refused"]
    assert "does not end with .html" in page
    assert "--trace" in trace


def test_every_option_that_a_setting_may_change_is_applied(analyst: AnalystFolder) -> None:
    assert set(VariedSetting.model_fields) == {
        *("name", "columns", "k", "m", "max_share", "k_others", "limit", "recoding", "objective"),
        *("weights", "lowest", "highest"),
    }
    (analyst.home / "settings.toml").write_text(
        '[[settings]]\nname = "all"\nk = 2\nlimit = 0.5\nrecoding = "global"\nobjective = "mean"\n'
        "weights = { niveau = 2 }\nlowest = { niveau = 1 }\nhighest = { geslacht = 0 }\n",
        encoding="utf-8",
    )
    (one,) = analyst.run(*vary(analyst)).document["settings"]
    options = ("--limit", "0.5", "--objective", "mean", "--weights", "niveau=2", "--lowest", "niveau=1")
    alone = analyst.run(*COLUMNS, "--k", "2", *options, "--highest", "geslacht=0").document
    assert one["release_loss"] == {"mean": alone["losses"]["mean"], "geometric": alone["losses"]["geometric"]}
    assert one["agreed"]["objective"] == "mean"


def test_the_command_of_the_manual_makes_a_page(tmp_path: Path) -> None:
    manual = (PROJECT / "docs" / "disclosure-analyst.md").read_text(encoding="utf-8")
    (block,) = [one for one in re.findall(r"```sh\n(.*?)```", manual, re.DOTALL) if "--vary" in one]
    command = block.replace("\\\n", " ").replace("build/", f"{tmp_path}/")
    _, _, *arguments = shlex.split(command)
    environment = {**os.environ, "PYTHONPATH": "lib"}
    subprocess.run([sys.executable, *arguments], cwd=PROJECT, env=environment, capture_output=True, check=True)
    settings = [json.loads(line) for line in (tmp_path / "vergelijking.jsonl").read_text().splitlines()]
    assert [one["setting"] for one in settings] == ["as asked", "local", "without language"]
    assert (settings[0]["suppressed"], settings[1]["suppressed"]) == (1, 0), "as the worked example has it"
    assert (tmp_path / "vergelijking.html").is_file()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine: see .ci/run")
@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_in_a_browser(analyst: AnalystFolder, tmp_path: Path, width: int) -> None:
    analyst.run(*vary(analyst))
    address = (analyst.home / "page.html").as_uri()
    with browser(tmp_path / "chromium") as chromium:
        chromium.open(address, width)
        assert chromium.console_messages() == []
        loaded = [url for url in chromium.requested_addresses() if not url.startswith("data:")]
        assert loaded == [address]
        seen = "getComputedStyle(document.querySelector('main.{}')).display"
        assert (chromium.evaluate(seen.format("nl")), chromium.evaluate(seen.format("en"))) == ("block", "none")
        chromium.evaluate("document.querySelector('#choose-en').click()")
        assert (chromium.evaluate(seen.format("nl")), chromium.evaluate(seen.format("en"))) == ("none", "block")
        assert chromium.evaluate("document.documentElement.scrollWidth") == width
        clipped = """[...document.querySelectorAll('main.en svg')].flatMap(svg => [...svg.querySelectorAll('text')]
            .filter(text => text.getBoundingClientRect().right > svg.getBoundingClientRect().right + 0.5))
            .map(text => text.textContent)"""
        assert chromium.evaluate(clipped) == []
