"""The verifier on a pseudonymous release: its pseudonyms are the keyed ones, its classes those agreed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_pseudonyms as pseudonymous
from tests.unit import drawn_release as drawn
from tests.unit.drawn_pseudonyms import pupil, row, school
from tests.unit.drawn_release import Row, Stage

from cohort import delta
from cohort.data_states import schemas
from cohort.keys import project_keys
from cohort.verification.findings import VerificationResult
from cohort.verification.pseudonym_check import (
    PseudonymCounts,
    check_pseudonym_columns,
    check_pseudonyms,
    count_pseudonyms,
)
from cohort.verification.published_table_verification import (
    check_excluded_pupils,
    verify_published_table,
    verify_rights,
)
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import PublishedTable

Edit = Callable[[list[Row]], None]
KEY = project_keys.ProjectKey(drawn.SECRET)


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn.write_results(one_spark, tmp_path_factory.mktemp("restricted") / "results")


def show(place: int, **cells: object) -> Edit:
    return lambda rows: rows[place].update(cells)


def nothing(rows: list[Row]) -> None:
    del rows


def count_drawn(folder: Path, edit: Edit, **changes: Any) -> PseudonymCounts:
    stage = pseudonymous.stage(**changes)
    edit(stage.rows)
    files = sorted(stage.write(folder / "stage").glob("*.parquet"))
    return count_pseudonyms(files, drawn.COLUMNS, control=stage.control)


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        pytest.param(nothing, {}, id="as drawn"),
        pytest.param(show(5, pupil=pupil(6)), {"PSEUDONYM": 1}, id="another pupil's"),
        pytest.param(show(5, school=school("10AD")), {"PSEUDONYM": 1}, id="another school's"),
        pytest.param(show(5, pupil=pupil(5).upper()), {"PSEUDONYM": 1}, id="capitals"),
        pytest.param(show(5, pupil=None), {"PSEUDONYM": 1}, id="none"),
        pytest.param(show(5, school=drawn.SCHOOLS[0]), {"PSEUDONYM": 1}, id="a school as it is"),
        pytest.param(show(5, pupil=drawn.bsn(5)), {"PSEUDONYM": 1}, id="a number as it is"),
    ],
)
def test_pseudonyms_are_the_hexadecimal_of_the_control_columns(
    tmp_path: Path, edit: Edit, expected: dict[str, int]
) -> None:
    counts = count_drawn(tmp_path, edit)
    assert {f.code: f.count for f in check_pseudonyms(counts) if f.code != "ORDER"} == expected


def test_equal_records_stand_in_the_order_of_their_pupils(tmp_path: Path) -> None:
    assert check_pseudonyms(count_drawn(tmp_path, nothing)) == []
    rows = sorted((row(n) for n in range(0, 60, 2)), key=lambda held: held["pupil"], reverse=True)
    counts = count_pseudonyms(
        sorted(pseudonymous.stage(*rows, sort=False).write(tmp_path / "other").glob("*.parquet")),
        drawn.COLUMNS,
        control=True,
    )
    assert [(f.code, f.count) for f in check_pseudonyms(counts)] == [("ORDER", 29)]


def test_a_pupil_who_is_published_twice_is_found(tmp_path: Path) -> None:
    counts = count_drawn(tmp_path, show(7, pupil=pupil(5)), control=False)
    assert [f.code for f in check_pseudonyms(counts) if f.code != "ORDER"] == ["PUPIL_TWICE"]


@pytest.mark.parametrize(
    ("names", "own", "is_found"),
    [
        (["geslacht"], drawn.project(), False),
        (["geslacht", "pupil"], drawn.project(), True),
        (["geslacht", "School"], drawn.project(), True),
        (["geslacht", "pupil", "school"], pseudonymous.project(), False),
        (["geslacht", "pupil"], pseudonymous.project(), True),
    ],
)
def test_pseudonym_columns_are_required_in_a_pseudonymous_release_and_refused_in_any_other(
    names: list[str], own: Any, is_found: bool
) -> None:
    assert bool(check_pseudonym_columns(names, own)) == is_found


@pytest.mark.parametrize("name", ["pupil", "school"])
def test_no_project_gives_that_name_to_a_column_of_its_own(name: str) -> None:
    columns = pseudonymous.project().model_dump()["columns"]
    columns[0]["name"] = name
    with pytest.raises(ValueError, match="identify nobody"):
        pseudonymous.project(columns=columns)


def test_a_valid_stage_has_no_finding_and_the_checksum_of_what_is_published(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    subject = pseudonymous.subject(tmp_path, results_at)
    result = verify_stage(spark, subject, deep=True)
    assert result.findings == ()
    shown = delta.read_table(spark, subject.table).select(*drawn.COLUMNS, *schemas.PSEUDONYM_COLUMNS)
    assert result.checksum == delta.checksum_rows(shown)


def test_a_stage_of_the_other_class_is_found_both_ways(spark: SparkSession, tmp_path: Path, results_at: Path) -> None:
    with_pseudonyms = verify_stage(spark, drawn.subject(tmp_path / "a", results_at, pseudonymous.stage()))
    assert {"SCHEMA", "PSEUDONYM", "IDENTIFYING_COLUMN"} == with_pseudonyms.codes
    without = verify_stage(spark, pseudonymous.subject(tmp_path / "b", results_at, Stage()))
    assert {"SCHEMA", "PSEUDONYM"} == without.codes


def test_pseudonyms_of_another_pupil_and_other_numbers_are_found_in_a_stage(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    rows = [row(n) for n in range(60)]
    rows[5]["pupil"] = pupil(6)
    result = verify_stage(spark, pseudonymous.subject(tmp_path / "a", results_at, pseudonymous.stage(*rows)))
    assert "PSEUDONYM" in result.codes
    rows = [row(n, niveau="nr 12345672") for n in range(60)]
    subject = pseudonymous.subject(
        tmp_path / "b", results_at, pseudonymous.stage(*rows), labels={"niveau": "nr 12345672;*\n"}
    )
    assert verify_stage(spark, subject).codes == {"LOOKS_LIKE_PUPIL"}


def test_a_published_pseudonymous_table_is_checked_for_its_schools_too(spark: SparkSession, tmp_path: Path) -> None:
    own, table = pseudonymous.project(), tmp_path / "table"
    hierarchies = drawn.write_hierarchies(tmp_path / "hierarchies")
    pseudonymous.published(spark, tmp_path, table, own)

    drawn_table = PublishedTable(own, drawn.platform(), table, "proef-1", 60, hierarchies, KEY, drawn.TODAY)

    def verify(**changes: Any) -> VerificationResult:
        return verify_published_table(spark, dataclasses.replace(drawn_table, **changes))

    result = verify()
    assert result.findings == ()
    assert {"SCHOOLS", "SHARE", "OTHERS", "PSEUDONYM", "PUPIL_TWICE"} <= {*result.checked}
    assert result.checksum == delta.checksum_rows(delta.read_table(spark, table))
    assert delta.read_protocol_and_properties(table)[1]["cohort.personal_data"] == "true"
    assert verify(platform=drawn.platform(m=7)).codes == {"SCHOOLS"}
    assert verify(platform=drawn.platform(k_others=26)).codes == {"OTHERS"}
    drawn.write_schools(tmp_path, {"10AA": "1", "10AB": "1", "10AC": "2 1", "10AD": "1"})
    assert verify().codes == {"BOARDS", "BOARD_SHARE"}
    with pytest.raises(TypeError, match="without its key"):
        verify(key=None)
    assert "PROPERTIES" in verify(project=drawn.project()).codes


def test_published_pupils_who_may_not_be_in_the_table_by_the_lists_of_today_are_found(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    own, table = pseudonymous.project(), tmp_path / "table"
    pseudonymous.published(spark, tmp_path, table, own)
    subject = dataclasses.replace(pseudonymous.subject(tmp_path, results_at), table=table)
    assert verify_rights(spark, subject) == []
    drawn.write_list(tmp_path / "objections", [f"{drawn.bsn(n)};;2026-01-01;;alles" for n in (7, 8)])
    assert [(f.code, f.count) for f in verify_rights(spark, subject)] == [("OBJECTOR", 2)]
    pseudonymous.instruct(tmp_path, drawn.SCHOOLS[1:])
    assert [f.code for f in verify_rights(spark, subject)] == ["OBJECTOR", "INSTRUCTION"]
    assert check_excluded_pupils(spark, table, KEY, {drawn.bsn(61)}) == []
    (finding,) = check_excluded_pupils(spark, table, KEY, {drawn.bsn(7), drawn.bsn(61)})
    assert (finding.code, finding.count) == ("OBJECTOR", 1)
