"""The verification of a drawn stage: no finding as it is drawn, and one finding when one thing is broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import SCHOOLS, Row, Stage, bsn, counts, mac, project, released, subject

from cohort import delta
from cohort.foundation.errors import ObjectionsRefused, StateRefused
from cohort.keys import project_keys
from cohort.verification.findings import FINDING_DEFINITIONS
from cohort.verification.stage_verification import verify_stage

Break = Callable[[list[Row]], None]


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn results as the restricted table."""
    return drawn.write_results(one_spark, tmp_path_factory.mktemp("restricted") / "results")


def stage_with(edit: Break) -> Stage:
    stage = Stage()
    edit(stage.rows)
    return stage


def show(column: str, value: str | None, *places: int) -> Break:
    """Give the rows at those places (all boys when none is named) another value."""

    def edit(rows: list[Row]) -> None:
        for n in places or range(0, 60, 2):
            rows[n][column] = value

    return edit


def put(place: int, **cells: Any) -> Break:
    return lambda rows: rows[place].update(cells)


def home_is(place: int, brin: str) -> Break:
    return put(place, _school=mac(f"brin|{brin}"))


def replace(place: int, row: Row) -> Break:
    return lambda rows: rows.__setitem__(place, row)


def test_a_valid_stage_has_no_finding(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    reported: list[str] = []
    result = verify_stage(
        spark, subject(tmp_path, results_at), deep=True, report=lambda stage, _: reported.append(stage)
    )
    assert result.findings == ()
    assert result.measures == {
        "classes": 2,
        "released": 60,
        "smallest_class": 30,
        "fewest_schools": 6,
        "largest_share": pytest.approx(6 / 30),
        "smallest_others": 24,
        "fewest_boards": 6,
        "largest_board_share": pytest.approx(6 / 30),
        "smallest_board_others": 24,
    }
    assert {*result.checked} == {*FINDING_DEFINITIONS}
    assert len(reported) == 4


def test_the_checksum_is_that_of_the_released_columns(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = subject(tmp_path, results_at)
    shown = delta.read_table(spark, drawn_subject.table).select(*drawn.COLUMNS)
    assert verify_stage(spark, drawn_subject).checksum == delta.checksum_rows(shown)


def test_a_stage_written_by_spark_has_no_finding(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = subject(tmp_path, results_at)
    rows = delta.read_table(spark, drawn_subject.table).repartition(3, *drawn.COLUMNS)
    again = tmp_path / "again"
    ordered = rows.sortWithinPartitions(*drawn.COLUMNS, "_pupil")
    delta.write_new_table(ordered, again, "proef-1", drawn_subject.platform.tables)
    assert verify_stage(spark, dataclasses.replace(drawn_subject, table=again)).findings == ()


BOYS_OF_FOUR = [n for n in range(0, 60, 2) if n < 40]
ALL_OF_A = [*range(10), 15, 25, 35, 45, 55]
NINE = [2, 4, 10, 12, 20, 22, 30, 40, 50]
IDENTIFYING = project().model_copy(
    update={"columns": [project().columns[0].model_copy(update={"name": "school"}), *project().columns[1:]]}
)


@pytest.mark.parametrize(
    ("code", "cases", "edit"),
    [
        pytest.param("K", 1, show("groei", "0 tot 10", *NINE), id="nine pupils alike"),
        pytest.param("SCHOOLS", 2, show("groei", "0 tot 10", *BOYS_OF_FOUR), id="four schools and two"),
        pytest.param("SHARE", 1, show("geslacht", "*", *ALL_OF_A), id="ten of fifteen delivered by one school"),
        pytest.param("VALUE_NULL", 1, show("geslacht", None), id="a null shown"),
        pytest.param("VALUE_NOT_IN_HIERARCHY", 1, show("niveau", "hoog"), id="a value nobody declared"),
        pytest.param("OBJECTOR", 1, replace(10, released(6) | {"_pupil": mac(f"pgn|{bsn(60)}")}), id="an objector"),
        pytest.param(
            "PUPIL_UNKNOWN", 1, put(5, _pupil=mac(f"pgn|{bsn(5)}", b"x" * 32)), id="a number under another key"
        ),
        pytest.param("PUPIL_UNKNOWN", 1, put(5, _pupil=mac(f"pgn|{bsn(5)[1:]}")), id="a number that lost a digit"),
        pytest.param("PUPIL_TWICE", 1, replace(2, released(4)), id="a pupil in another's place"),
        pytest.param("SCHOOL_UNTRUE", 1, home_is(25, SCHOOLS[0]), id="a school where the pupil never was"),
        pytest.param("SCHOOL_UNTRUE", 1, home_is(22, SCHOOLS[5]), id="a school of results not selected"),
        pytest.param("SCHOOL_UNTRUE", 1, home_is(22, SCHOOLS[4]), id="a school of a batch not vouched for"),
        pytest.param("SCHOOL_UNTRUE", 1, put(25, _school=b"x" * 32), id="a school that is none"),
        pytest.param("SCHOOL_UNTRUE", 1, put(25, _school=None), id="no school"),
        pytest.param("SCHOOL_UNTRUE", 1, put(25, _others=[mac("brin|10AA")]), id="another school untrue"),
        pytest.param("SCHOOL_UNTRUE", 1, put(25, _others=[None]), id="another school that is null"),
    ],
)
def test_each_broken_row_is_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, code: str, cases: int, edit: Break
) -> None:
    result = verify_stage(spark, subject(tmp_path, results_at, stage_with(edit)))
    assert [(f.code, f.count) for f in result.findings] == [(code, cases)]


def test_pseudonyms_of_another_key_are_all_found(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = subject(tmp_path, results_at, key=project_keys.ProjectKey(b"another key of 32 bytes as well!"))
    counts_by_code = {f.code: f.count for f in verify_stage(spark, drawn_subject).findings}
    assert counts_by_code == {"PUPIL_UNKNOWN": 60}


@pytest.mark.parametrize(
    ("code", "stage"),
    [
        pytest.param("ORDER", Stage(file_of=lambda *_: 0, sort=False), id="boys and girls by turns"),
        pytest.param("SPLIT", Stage(file_of=lambda place, _: int(place > 40)), id="girls in two files"),
    ],
)
def test_an_order_or_a_split_by_anything_else_is_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, code: str, stage: Stage
) -> None:
    assert verify_stage(spark, subject(tmp_path, results_at, stage)).codes == {code}


def test_a_count_that_is_off_is_found(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = subject(tmp_path, results_at, counts=counts(rows_current=190, rows_used=184))
    assert [(f.code, f.count) for f in verify_stage(spark, drawn_subject).findings] == [("SUMS", 1)]


@pytest.mark.parametrize(
    ("code", "label"),
    [("LOOKS_LIKE_PUPIL", "nr 12345672"), ("LOOKS_LIKE_SCHOOL", "van 99ZZ"), ("LOOKS_LIKE_SCHOOL", "van 10ab")],
)
def test_a_declared_label_that_looks_like_a_number_is_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, code: str, label: str
) -> None:
    stage, labels = stage_with(show("niveau", label)), {"niveau": f"{label};*\n"}
    assert verify_stage(spark, subject(tmp_path, results_at, stage, labels=labels)).codes == {code}


def test_a_lower_case_code_that_no_school_has_is_not_found(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    stage, labels = stage_with(show("niveau", "12de deel")), {"niveau": "12de deel;*\n"}
    assert verify_stage(spark, subject(tmp_path, results_at, stage, labels=labels)).findings == ()


def test_an_identifying_name_is_found(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    stage = Stage(columns=["school", *drawn.COLUMNS[1:]])
    for row in stage.rows:
        row["school"] = row.pop("rekenen_M")
    result = verify_stage(spark, subject(tmp_path, results_at, stage, project=IDENTIFYING))
    assert result.codes == {"IDENTIFYING_COLUMN", "PSEUDONYM"}  # `school` is the name of one too


@pytest.mark.parametrize(
    "columns", [[*drawn.COLUMNS, "gewicht"], drawn.COLUMNS[:-1], drawn.COLUMNS[::-1]], ids=["more", "less", "order"]
)
def test_another_selection_of_columns_is_found_and_nothing_else_is_checked(
    spark: SparkSession, tmp_path: Path, results_at: Path, columns: list[str]
) -> None:
    stage = Stage(columns=columns)
    for row in stage.rows:
        row["gewicht"] = "0"
    result = verify_stage(spark, subject(tmp_path, results_at, stage))
    assert result.codes == {"SCHEMA"}
    assert "K" not in result.checked


def test_a_stage_that_is_not_there_is_refused(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = dataclasses.replace(subject(tmp_path, results_at), table=tmp_path / "none")
    with pytest.raises(StateRefused, match="Make the release again"):
        verify_stage(spark, drawn_subject)


def test_a_list_that_was_removed_since_is_refused(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    drawn_subject = subject(tmp_path, results_at)
    for file in drawn_subject.objections.iterdir():
        file.unlink()
    with pytest.raises(ObjectionsRefused, match="a declared list"):
        verify_stage(spark, drawn_subject)


def test_no_pupil_of_a_school_that_is_held_back_may_be_in_the_stage(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    drawn.write_list(tmp_path / "objections", [f"{bsn(60)};;2026-01-01;;alles", "123;10AF;2026-01-01;;alles"])
    own = counts(pupils_objected=12, pupils_suppressed=-10)
    findings = verify_stage(spark, subject(tmp_path, results_at, counts=own)).findings
    assert {f.code: f.count for f in findings} == {"OBJECTOR": 11, "SUMS": 1}


def test_only_pupils_on_an_allow_list_may_stay(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    lines = [f"{bsn(n)};;2026-01-01;;alles" for n in range(62) if n not in (3, 7)]
    declared = {"schools": drawn.SCHOOLS, "source": "scholen"}
    drawn.write_list(tmp_path / "objections", lines, "allow", **declared)
    drawn.write_list(tmp_path / "objections", [f"{bsn(60)};;2026-01-01;;alles"])
    own = counts(pupils_objected=3, pupils_records=62, pupils_suppressed=-1)
    findings = verify_stage(spark, subject(tmp_path, results_at, counts=own)).findings
    assert {f.code: f.count for f in findings} == {"OBJECTOR": 2, "SUMS": 1}
