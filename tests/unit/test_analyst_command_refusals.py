"""Refusals of the analyst's command: one clear sentence for each problem, and nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_analyst_folder import COLUMNS, K3, K25, RECORDS, AnalystFolder, make_analyst_folder

from cohort.foundation.errors import EXIT_DEFECT, ConfigurationRefused
from cohort.sdc.cli import file_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.k_anonymity import KAnonymity

SECRET = "900123456"
Change = Callable[[AnalystFolder], tuple[str, ...]]


@pytest.fixture
def analyst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AnalystFolder:
    return make_analyst_folder(tmp_path, capsys)


def with_changed_file(name: str, old: str, new: str, *extra: str) -> Change:
    """The baseline with one text of one file replaced, and other with_options where some are given."""

    def change(analyst: AnalystFolder) -> tuple[str, ...]:
        analyst.change(name, old, new)
        return extra or K3

    return change


def with_options(*extra: str) -> Change:
    return lambda _: extra


def without_hierarchy_file(analyst: AnalystFolder) -> tuple[str, ...]:
    (analyst.home / "trees" / "niveau.csv").unlink()
    return K3


def with_records(text: str, *extra: str) -> Change:
    def write(analyst: AnalystFolder) -> tuple[str, ...]:
        analyst.data.write_text(text, encoding="utf-8")
        return extra or K3

    return write


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (with_changed_file("data.csv", "j;II;", f"j;{SECRET};"), 14, "1 others in 1 records in column niveau"),
        (with_changed_file("data.csv", ";III;", "; III;"), 14, "1 of them would be listed without the blanks"),
        (with_changed_file("data.csv", "D;m", ";m", *K3, "--schools", "brin", "--m", "2"), 14, "a school in every"),
        (with_changed_file("trees/niveau.csv", "II;I-II;*", "II;I-II;~"), 10, "one value at level 2"),
        (with_changed_file("trees/niveau.csv", "II;I-II;*", "II;;*"), 10, "an empty one"),
        (with_changed_file("trees/niveau.csv", "II;I-II;*", "II;I-II"), 10, "3 labels in every row"),
        (with_changed_file("trees/niveau.csv", "II;I-II;*\nIII", "III"), 14, "1 others in 1 records in column niveau"),
        (without_hierarchy_file, 10, "a hierarchy file for column niveau"),
        (with_options("--columns", "geslagt,niveau", "--k", "3"), 10, "Write `geslacht` if that is meant"),
        (with_options("--columns", "geslacht,geslacht", "--k", "3"), 10, "column `geslacht` once"),
        (with_options("--columns", "", "--k", "3"), 10, "at least one column"),
        (with_options("--k", "3"), 10, "at least one column"),
        (with_changed_file("data.csv", "brin;geslacht;niveau", "niveau;geslacht;niveau"), 10, "column `niveau` once"),
        (with_options(*COLUMNS, "--k", "8"), 14, "at least 8 records"),
        (with_options(*COLUMNS, "--k", "0"), 10, "number of pupils per class (k) of at least 1"),
        (with_options(*COLUMNS), 10, "the fewest records of a class"),
        (with_options(*K3, "--schools", "brin", "--m", "5"), 14, "records of at least 5 schools"),
        (with_options(*K3, "--schools", "brin"), 10, "a rule for this column"),
        (with_options(*K3, "--m", "2"), 10, "--schools COLUMN"),
        (with_options(*K3, "--schools", "brinn", "--m", "2"), 10, "Write `brin` if that is meant"),
        (with_options(*K3, "--typed", "brin"), 10, "a name of --columns"),
        (with_options(*K3, "--typed", "niveau"), 10, "bands, single whole numbers, `*` and `onbekend` as labels"),
        (
            with_options("--columns", "niveau,niveau_van", "--k", "3", "--typed", "niveau"),
            10,
            "no column with the name of a bound",
        ),
        (with_options(*K25, "--sensitive", "advies", "--l", "2", "--t", "0.5"), 10, "found --l and --t"),
        (with_options(*K3, "--sensitive", "advies"), 10, "a rule for this column"),
        (with_options(*K3, "--sensitive", "niveau", "--l", "2"), 10, "apart from --columns"),
        (with_options(*K3, "--sensitive", "advies", "--l", "2", "--ordered"), 10, "a distance of ordered values"),
        (with_options(*K25, "--sensitive", "advies", "--t", "0.5", "--ordered"), 10, "values with an order"),
        (with_options(*K3, "--sensitive", "advies", "--t", "0.5"), 10, "k of at least 25 with a distance"),
        (with_options(*K3, "--sensitive", "advies", "--l", "2"), 14, "at least 200 pupils with a value"),
        (with_options(*K3, "--least-known", "9"), 10, "--sensitive COLUMN"),
        (with_options(*K3, "--l", "2"), 10, "--sensitive COLUMN"),
        (with_options(*K3, "--recoding", "local", "--objective", "entropy"), 10, "a loss that adds up"),
        (with_options(*K3, "--limit", "4"), 10, "between 0 and 1"),
        (with_options(*K3, "--limit", ""), 10, "between 0 and 1"),
        (with_options(*K3, "--schools", "brin", "--max-share", "half"), 10, "largest share of one school"),
        (with_options(*K3, "--weights", "niveau"), 10, "a column and its number"),
        (with_options(*K3, "--weights", "niveaus=2"), 10, "Write `niveau` if that is meant"),
        (with_options(*K3, "--weights", "niveau=-1"), 10, "weights of 0 or more"),
        (with_options(*K3, "--lowest", "niveau=3"), 10, "levels from 0 to 2"),
        (with_options(*K3, "--lowest", "niveau=2", "--highest", "niveau=1"), 10, "lowest not above the highest"),
        (with_options(*K3, "--highest", "niveau=0"), 14, "a recoding in which every class has at least 3 pupils"),
        (with_options(*K3, "--pattern", "hierarchy.csv"), 10, "where the column's name stands"),
        (with_options(*K3, "--hierarchies", "nowhere"), 10, "a folder of hierarchy files"),
        (with_options(*K3, "--data", "nowhere.csv"), 10, "cannot be read"),
        (with_options(*K3, "--out", "no/where.csv"), 10, "a file in a folder that exists"),
        (with_records("brin;geslacht;niveau\nA;j;I;x\n"), 10, "3 fields in every row"),
        (with_records("brin;geslacht;niveau\n"), 14, "records under the header"),
        (with_records("brin;geslacht;niveau\nA;j;I\n", *K3), 14, "at least 3 records"),
        (with_records("", *K3), 10, "cannot be read"),
    ],
)
def test_each_problem_is_reported_in_one_sentence_without_a_value(
    analyst: AnalystFolder, change: Change, code: int, sentence: str
) -> None:
    outcome = analyst.run(*change(analyst))

    assert outcome.code == outcome.document["exit_code"] == code
    assert re.fullmatch(r"Expected .*, for example .*; found .* in .*\. .*\.", outcome.sentence)
    assert sentence in outcome.sentence
    assert outcome.sentence in outcome.progress
    assert SECRET not in outcome.progress
    assert not analyst.out.exists()


def test_the_output_file_is_never_the_input_file(analyst: AnalystFolder) -> None:
    (analyst.home / "link.csv").symlink_to(analyst.data)
    for name in ("data.csv", "link.csv", "trees/../data.csv"):
        outcome = analyst.run(*K3, out=name)

        assert (outcome.code, "a file of its own" in outcome.sentence) == (ConfigurationRefused.exit_code, True)
    assert analyst.data.read_text(encoding="utf-8") == RECORDS


@pytest.mark.parametrize("name", ["out.csv", "data.csv"])
def test_the_trace_is_neither_the_output_nor_the_input_file(analyst: AnalystFolder, name: str) -> None:
    outcome = analyst.run(*K3, "--trace", str(analyst.home / name))

    assert (outcome.code, "a file of its own" in outcome.sentence) == (ConfigurationRefused.exit_code, True)
    assert not analyst.out.exists()


def test_a_hierarchy_file_is_not_overwritten(analyst: AnalystFolder) -> None:
    outcome = analyst.run(*K3, out="trees/niveau.csv")

    assert (outcome.code, "the hierarchy of niveau" in outcome.sentence) == (ConfigurationRefused.exit_code, True)


def test_all_wrong_options_are_reported_at_once(analyst: AnalystFolder) -> None:
    outcome = analyst.run("--columns", "niveau", "--m", "2", "--l", "2", "--limit", "x")

    assert outcome.code == ConfigurationRefused.exit_code
    assert len(outcome.document["refused"]) == 4


@pytest.mark.parametrize("extra", [("--k", "vijf"), ("--recoding", "both"), ("--objective", "profit"), ("--kk", "3")])
def test_an_unknown_option_exits_with_code_2(analyst: AnalystFolder, extra: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        analyst.run(*K3, *extra)

    assert ended.value.code == 2


@pytest.mark.parametrize("kind", ["global", "local"])
def test_classes_that_break_a_constraint_are_never_written(
    analyst: AnalystFolder, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = f"search_{kind}_recoding"
    honest_search = getattr(file_search, name)

    def careless_search(histogram: Histogram, request: RecodingRequest) -> Any:
        return honest_search(histogram, replace(request, constraints=[KAnonymity(1)]))

    monkeypatch.setattr(file_search, name, careless_search)

    outcome = analyst.run(*K3, "--recoding", kind)

    assert (outcome.code, outcome.document["defect"]) == (EXIT_DEFECT, "ValueError")
    assert not analyst.out.exists()


def test_a_defect_is_reported_by_its_location_without_a_value(
    analyst: AnalystFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(file_search, "search_global_recoding", fail)
    outcome = analyst.run(*K3)

    assert (outcome.code, outcome.document["defect"]) == (EXIT_DEFECT, "KeyError")
    assert "recoding_run.py:" in outcome.progress
    assert SECRET not in outcome.progress + json.dumps(outcome.document)
