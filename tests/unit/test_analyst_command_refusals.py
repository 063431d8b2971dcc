"""The analysts' tool: one clear sentence for each thing that is wrong, and nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_analyst_folder import COLUMNS, K3, K25, RECORDS, Desk, laid_out

from cohort.foundation.errors import EXIT_DEFECT, ConfigurationRefused
from cohort.sdc.cli import file_search
from cohort.sdc.global_recoding.recoding_request import RecodingRequest
from cohort.sdc.model.histogram import Histogram
from cohort.sdc.privacy_models.k_anonymity import KAnonymity

SECRET = "900123456"
Break = Callable[[Desk], tuple[str, ...]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return laid_out(tmp_path, capsys)


def broken(name: str, old: str, new: str, *asked: str) -> Break:
    """The baseline with one text of one file replaced."""

    def change(desk: Desk) -> tuple[str, ...]:
        desk.change(name, old, new)
        return asked or K3

    return change


def options(*asked: str) -> Break:
    return lambda _: asked


def without_hierarchy(desk: Desk) -> tuple[str, ...]:
    (desk.home / "trees" / "niveau.csv").unlink()
    return K3


def records(text: str, *asked: str) -> Break:
    def write(desk: Desk) -> tuple[str, ...]:
        desk.data.write_text(text, encoding="utf-8")
        return asked or K3

    return write


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        (broken("data.csv", "j;II;", f"j;{SECRET};"), 14, "1 others in 1 records in column niveau"),
        (broken("data.csv", ";III;", "; III;"), 14, "1 of them would be listed without the blanks"),
        (broken("data.csv", "D;m", ";m", *K3, "--schools", "brin", "--m", "2"), 14, "a school in every"),
        (broken("trees/niveau.csv", "II;I-II;*", "II;I-II;~"), 10, "one value at level 2"),
        (broken("trees/niveau.csv", "II;I-II;*", "II;;*"), 10, "an empty one"),
        (broken("trees/niveau.csv", "II;I-II;*", "II;I-II"), 10, "3 labels in every row"),
        (broken("trees/niveau.csv", "II;I-II;*\nIII", "III"), 14, "1 others in 1 records in column niveau"),
        (without_hierarchy, 10, "a hierarchy file for column niveau"),
        (options("--columns", "geslagt,niveau", "--k", "3"), 10, "Write `geslacht` if that is meant"),
        (options("--columns", "geslacht,geslacht", "--k", "3"), 10, "column `geslacht` once"),
        (options("--columns", "", "--k", "3"), 10, "at least one column"),
        (options("--k", "3"), 10, "at least one column"),
        (broken("data.csv", "brin;geslacht;niveau", "niveau;geslacht;niveau"), 10, "column `niveau` once"),
        (options(*COLUMNS, "--k", "8"), 14, "at least 8 records"),
        (options(*COLUMNS, "--k", "0"), 10, "number of pupils per class (k) of at least 1"),
        (options(*COLUMNS), 10, "the fewest records of a class"),
        (options(*K3, "--schools", "brin", "--m", "5"), 14, "records of at least 5 schools"),
        (options(*K3, "--schools", "brin"), 10, "a rule for this column"),
        (options(*K3, "--m", "2"), 10, "--schools COLUMN"),
        (options(*K3, "--schools", "brinn", "--m", "2"), 10, "Write `brin` if that is meant"),
        (options(*K25, "--sensitive", "advies", "--l", "2", "--t", "0.5"), 10, "found --l and --t"),
        (options(*K3, "--sensitive", "advies"), 10, "a rule for this column"),
        (options(*K3, "--sensitive", "niveau", "--l", "2"), 10, "apart from --columns"),
        (options(*K3, "--sensitive", "advies", "--l", "2", "--ordered"), 10, "a distance of ordered values"),
        (options(*K25, "--sensitive", "advies", "--t", "0.5", "--ordered"), 10, "values with an order"),
        (options(*K3, "--sensitive", "advies", "--t", "0.5"), 10, "k of at least 25 with a distance"),
        (options(*K3, "--sensitive", "advies", "--l", "2"), 14, "at least 200 pupils with a value"),
        (options(*K3, "--least-known", "9"), 10, "--sensitive COLUMN"),
        (options(*K3, "--l", "2"), 10, "--sensitive COLUMN"),
        (options(*K3, "--recoding", "local", "--objective", "entropy"), 10, "a loss that adds up"),
        (options(*K3, "--limit", "4"), 10, "between 0 and 1"),
        (options(*K3, "--limit", ""), 10, "between 0 and 1"),
        (options(*K3, "--schools", "brin", "--max-share", "half"), 10, "largest share of one school"),
        (options(*K3, "--weights", "niveau"), 10, "a column and its number"),
        (options(*K3, "--weights", "niveaus=2"), 10, "Write `niveau` if that is meant"),
        (options(*K3, "--weights", "niveau=-1"), 10, "weights of 0 or more"),
        (options(*K3, "--lowest", "niveau=3"), 10, "levels from 0 to 2"),
        (options(*K3, "--lowest", "niveau=2", "--highest", "niveau=1"), 10, "lowest not above the highest"),
        (options(*K3, "--highest", "niveau=0"), 14, "a recoding in which every class has at least 3 pupils"),
        (options(*K3, "--pattern", "hierarchy.csv"), 10, "where the column's name stands"),
        (options(*K3, "--hierarchies", "nowhere"), 10, "a folder of hierarchy files"),
        (options(*K3, "--data", "nowhere.csv"), 10, "cannot be read"),
        (options(*K3, "--out", "no/where.csv"), 10, "a file in a folder that exists"),
        (records("brin;geslacht;niveau\nA;j;I;x\n"), 10, "3 fields in every row"),
        (records("brin;geslacht;niveau\n"), 14, "records under the header"),
        (records("brin;geslacht;niveau\nA;j;I\n", *K3), 14, "at least 3 records"),
        (records("", *K3), 10, "cannot be read"),
    ],
)
def test_each_thing_that_is_wrong_is_told_in_one_sentence(desk: Desk, change: Break, code: int, sentence: str) -> None:
    done = desk.run(*change(desk))

    assert done.code == done.document["exit_code"] == code
    assert re.fullmatch(r"Expected .*, for example .*; found .* in .*\. .*\.", done.sentence)
    assert sentence in done.sentence
    assert done.sentence in done.progress
    assert SECRET not in done.progress
    assert not desk.out.exists()


def test_the_output_is_never_the_input(desk: Desk) -> None:
    (desk.home / "link.csv").symlink_to(desk.data)
    for name in ("data.csv", "link.csv", "trees/../data.csv"):
        done = desk.run(*K3, out=name)

        assert (done.code, "a file of its own" in done.sentence) == (ConfigurationRefused.exit_code, True)
    assert desk.data.read_text(encoding="utf-8") == RECORDS


@pytest.mark.parametrize("place", ["out.csv", "data.csv"])
def test_the_trace_is_a_file_of_its_own(desk: Desk, place: str) -> None:
    done = desk.run(*K3, "--trace", str(desk.home / place))

    assert (done.code, "a file of its own" in done.sentence) == (ConfigurationRefused.exit_code, True)
    assert not desk.out.exists()


def test_a_hierarchy_is_not_written_over(desk: Desk) -> None:
    done = desk.run(*K3, out="trees/niveau.csv")

    assert (done.code, "the hierarchy of niveau" in done.sentence) == (ConfigurationRefused.exit_code, True)


def test_all_options_that_are_wrong_are_told_at_once(desk: Desk) -> None:
    done = desk.run("--columns", "niveau", "--m", "2", "--l", "2", "--limit", "x")

    assert done.code == ConfigurationRefused.exit_code
    assert len(done.document["refused"]) == 4


@pytest.mark.parametrize("asked", [("--k", "vijf"), ("--recoding", "both"), ("--objective", "profit"), ("--kk", "3")])
def test_what_is_no_option_is_a_matter_of_usage(desk: Desk, asked: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as ended:
        desk.run(*K3, *asked)

    assert ended.value.code == 2


@pytest.mark.parametrize("kind", ["global", "local"])
def test_nothing_is_written_that_does_not_keep_the_rules(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    name = f"search_{kind}_recoding"
    honest_search = getattr(file_search, name)

    def careless_search(histogram: Histogram, request: RecodingRequest) -> Any:
        return honest_search(histogram, replace(request, constraints=[KAnonymity(1)]))

    monkeypatch.setattr(file_search, name, careless_search)

    done = desk.run(*K3, "--recoding", kind)

    assert (done.code, done.document["defect"]) == (EXIT_DEFECT, "ValueError")
    assert not desk.out.exists()


def test_a_defect_is_told_by_its_place_and_without_a_value(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError(SECRET)

    monkeypatch.setattr(file_search, "search_global_recoding", fail)
    done = desk.run(*K3)

    assert (done.code, done.document["defect"]) == (EXIT_DEFECT, "KeyError")
    assert "recoding_run.py:" in done.progress
    assert SECRET not in done.progress + json.dumps(done.document)
