"""What the verifier reads without Spark: log, footers, order, split, values, classes."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import Row, Stage

from cohort import delta
from cohort.foundation.errors import ConfigurationRefused
from cohort.verification.accounting_check import check_accounting
from cohort.verification.class_size_check import EffectiveClassLimits, check_class_sizes, effective_class_limits
from cohort.verification.control_column_check import ControlColumnCounts
from cohort.verification.delta_log_check import (
    CommitLog,
    check_log_traces,
    check_protocol,
    check_single_commit,
    read_commit_log,
)
from cohort.verification.file_layout_check import check_file_layout
from cohort.verification.hierarchy_reader import read_hierarchy_paths_of_file
from cohort.verification.record_runs import RecordRuns, read_record_runs
from cohort.verification.released_checksum import released_checksum
from cohort.verification.released_value_check import resembles_pupil_number

Edit = Callable[[dict[str, Row]], None]


def write_stage(tmp_path: Path, edit: Edit = lambda _: None, **stage: bool) -> tuple[CommitLog, list[Path]]:
    """A drawn stage whose log was edited: its first action of each kind is given by that kind."""

    def of_actions(actions: list[Row]) -> None:
        edit({kind: action[kind] for action in reversed(actions) for kind in action})

    folder = Stage(log=of_actions, **stage).write(tmp_path / "stage")  # type: ignore[arg-type]
    log = read_commit_log(folder)
    return log, [folder / name for name in log.added_files]


def check_log(tmp_path: Path, edit: Edit = lambda _: None, **stage: bool) -> list[tuple[str, int]]:
    log, files = write_stage(tmp_path, edit, **stage)
    properties = log.last_action("metaData").get("configuration", {})
    required = delta.make_table_properties(drawn.platform().tables)
    findings = check_protocol(log.last_action("protocol"), properties, required)
    findings += check_single_commit(log, "proef-1") + check_log_traces(log, files)
    return [(finding.code, finding.count) for finding in findings]


def test_the_log_of_a_valid_stage_has_no_finding(tmp_path: Path) -> None:
    assert check_log(tmp_path) == []


def statistics(actions: dict[str, Row]) -> None:
    actions["add"]["stats"] = json.dumps({"numRecords": 30, "minValues": {"geslacht": "1"}})


def comment(actions: dict[str, Row]) -> None:
    state = json.loads(actions["metaData"]["schemaString"])
    state["fields"][0]["metadata"] = {"comment": "van 10AA"}
    actions["metaData"]["schemaString"] = json.dumps(state)


@pytest.mark.parametrize(
    ("code", "edit"),
    [
        pytest.param("PROTOCOL", lambda a: a["protocol"].update(minReaderVersion=2), id="a later reader"),
        pytest.param("PROTOCOL", lambda a: a["protocol"].update(readerFeatures=["x"]), id="a feature"),
        pytest.param("PROTOCOL", lambda a: a["protocol"].clear(), id="no protocol"),
        pytest.param("PROPERTIES", lambda a: a["metaData"]["configuration"].update(brin="x"), id="one more"),
        pytest.param("PROPERTIES", lambda a: a["metaData"]["configuration"].popitem(), id="one less"),
        pytest.param("COMMIT", lambda a: a["commitInfo"].update(userMetadata="proef-2"), id="another release"),
        pytest.param("LOG", statistics, id="statistics of a file"),
        pytest.param("LOG", comment, id="a comment on a column"),
        pytest.param("LOG", lambda a: a["add"].update(partitionValues={"brin": "x"}), id="a partition"),
        pytest.param("LOG", lambda a: a["add"].update(tags={"brin": "x"}), id="a tag"),
        pytest.param("LOG", lambda a: a["metaData"].update(partitionColumns=["x"]), id="partition columns"),
        pytest.param("LOG", lambda a: a["metaData"].update(description="van 10AA"), id="a description"),
        pytest.param("LOG", lambda a: a["commitInfo"].update(operationParameters={"predicate": "x"}), id="a predicate"),
    ],
)
def test_each_trace_of_data_in_the_log_is_found(tmp_path: Path, code: str, edit: Edit) -> None:
    assert check_log(tmp_path, edit) == [(code, 1)]


def test_minimum_and_maximum_values_in_footers_are_found(tmp_path: Path) -> None:
    assert check_log(tmp_path, footers=True) == [("LOG", len(drawn.COLUMNS) + 3)]


def test_statistics_in_the_checksum_beside_the_log_are_found(tmp_path: Path) -> None:
    folder = Stage().write(tmp_path / "stage")
    stats = json.dumps({"numRecords": 1, "nullCount": {"geslacht": 0}})
    beside = {"allFiles": [{"path": "x", "stats": stats}]}
    (folder / "_delta_log" / f"{0:020d}.crc").write_text(json.dumps(beside))
    assert [finding.code for finding in check_log_traces(read_commit_log(folder), [])] == ["LOG"]


def test_a_second_commit_is_found(tmp_path: Path) -> None:
    folder = Stage().write(tmp_path / "stage")
    (folder / "_delta_log" / f"{1:020d}.json").write_text('{"commitInfo": {"userMetadata": "proef-1"}}')
    assert [finding.code for finding in check_single_commit(read_commit_log(folder), "proef-1")] == ["COMMIT"]


def read_runs(tmp_path: Path, *files: list[str]) -> RecordRuns:
    """A table of one column, `geslacht`, in the files drawn."""
    rows = [{"geslacht": value, "file": n} for n, file in enumerate(files) for value in file]
    stage = Stage(rows=rows, columns=["geslacht"], control=False, sort=False, file_of=lambda _, r: r["file"])
    stage.write(tmp_path / "table")
    return read_record_runs(sorted((tmp_path / "table").glob("*.parquet")), ["geslacht"], control=False)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([["1", "1", "2"], ["3"]], []),
        ([["3"], ["1", "2"]], []),
        ([["1", "2", "1"]], [("ORDER", 1)]),
        ([["2", "1", "3", "2"]], [("ORDER", 2)]),
        ([["1", "2"], ["2", "3"]], [("SPLIT", 1)]),
        ([["10", "2", "é", "𝔸"]], []),
        ([["é", "z"]], [("ORDER", 1)]),
    ],
)
def test_order_and_split_as_drawn(tmp_path: Path, files: list[list[str]], expected: list[tuple[str, int]]) -> None:
    assert [(finding.code, finding.count) for finding in check_file_layout(read_runs(tmp_path, *files))] == expected


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=9), min_size=1, max_size=3))
def test_rows_and_classes_are_counted_as_in_plain_python(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]
) -> None:
    runs = read_runs(tmp_path_factory.mktemp("drawn"), *files)
    every = [value for file in files for value in file]
    assert runs.released_rows == len(every)
    assert sorted(runs.class_rows.tolist()) == sorted(every.count(value) for value in {*every})
    wrong = sum(a > b for file in files for a, b in itertools.pairwise(file))
    split = sum(sum(value in file for file in files) > 1 for value in {*every})
    counted = {finding.code: finding.count for finding in check_file_layout(runs)}
    assert counted == {c: n for c, n in (("ORDER", wrong), ("SPLIT", split)) if n}


def test_an_empty_table_has_no_finding_and_no_class(tmp_path: Path) -> None:
    runs = read_runs(tmp_path)
    limits = EffectiveClassLimits(10, 5, Fraction(1, 2), 5)
    assert check_file_layout(runs) == []
    assert check_class_sizes(runs, limits, None) == ([], {"classes": 0, "released": 0, "smallest_class": 0})
    assert released_checksum(runs) == (0, "0-0")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2013-2014", False),
        ("20 tot 40", False),
        ("1000000", False),
        ("12345678", True),
        ("nr. 012345672", True),
        ("1234.56.782", True),
        ("123 456 782", True),
        ("123 456 789", False),
    ],
)
def test_values_that_resemble_pupil_numbers(value: str, expected: bool) -> None:
    assert resembles_pupil_number(value) is expected


def test_a_missing_onbekend_leaf_is_added_below_the_single_top_label(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("1;1-2;*\n2;1-2;*\n")
    (tmp_path / "two.csv").write_text("1;a\n2;b\n")
    (tmp_path / "own.csv").write_text("1;*\nonbekend;*\n")
    assert read_hierarchy_paths_of_file(tmp_path / "one.csv").paths[-1] == ("onbekend", "onbekend", "*")
    assert read_hierarchy_paths_of_file(tmp_path / "two.csv").paths[-1] == ("onbekend", "onbekend")
    assert read_hierarchy_paths_of_file(tmp_path / "own.csv").leaves == ("1", "onbekend")


@pytest.mark.parametrize("text", ["", "1;*\n2\n"])
def test_a_hierarchy_of_unequal_lines_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(ConfigurationRefused, match="equally long lines"):
        read_hierarchy_paths_of_file(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("code", "floors"),
    [
        ("K", {"k": 31}),
        ("K", {"columns": {"geslacht": 100}}),
        ("K", {"columns": {"geboortedatum": 100}}),
        ("SCHOOLS", {"m": 7}),
        ("SHARE", {"max_share": Decimal("0.19")}),
        ("OTHERS", {"k_others": 25}),
    ],
)
def test_the_platforms_floors_apply_to_every_project(tmp_path: Path, code: str, floors: dict[str, Any]) -> None:
    _, files = write_stage(tmp_path)
    runs = read_record_runs(files, drawn.COLUMNS, control=True)
    lower = drawn.project(thresholds={"k": 2, "m": 1, "max_share": Decimal(1), "k_others": 0})
    findings, _ = check_class_sizes(runs, effective_class_limits(lower, drawn.platform(**floors)), None)
    assert {finding.code for finding in findings} == {code}


COUNTED = ControlColumnCounts(
    rows=189,
    pupils=62,
    without_instruction=0,
    excluded=1,
    staged=60,
    unknown=0,
    repeated=0,
    at_untrue_school=0,
    staged_excluded=0,
    staged_without_instruction=0,
)


def test_counts_that_add_up_have_no_finding() -> None:
    assert check_accounting(drawn.counts(), COUNTED, 60) == []


@pytest.mark.parametrize("name", sorted(drawn.counts()))
def test_each_count_that_is_off_or_missing_is_found(name: str) -> None:
    counts = drawn.counts()
    off = counts | {name: counts[name] + 1}
    missing = {other: counts[other] for other in counts if other != name}
    assert [finding.code for finding in check_accounting(off, COUNTED, 60)] == ["SUMS"]
    assert [finding.code for finding in check_accounting(missing, COUNTED, 60)] == ["SUMS"]


@pytest.mark.parametrize("name", ["rows", "pupils", "excluded"])
def test_each_count_that_differs_from_the_results_is_found(name: str) -> None:
    other = dataclasses.replace(COUNTED, **{name: 7})
    assert [finding.count for finding in check_accounting(drawn.counts(), other, 60)] == [1]
