"""Records rebuilt from drawn results with `deep`; and what a published table still allows to check."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.unit import drawn_release as drawn
from tests.unit.drawn_release import COLUMNS, MOVER, Row, Stage, mac, result, subject

from cohort import delta
from cohort.agreements.project import Project
from cohort.data_states import schemas
from cohort.verification.findings import VerificationResult
from cohort.verification.hierarchy_reader import read_hierarchy_paths
from cohort.verification.permission_reader import read_usage_permissions
from cohort.verification.published_table_verification import published_table_properties, verify_published_table
from cohort.verification.record_rebuild_check import check_rebuilt_records, rebuild_records
from cohort.verification.verification_subject import PublishedTable, VerificationSubject

JAN, FEB = dt.date(2025, 1, 10), dt.date(2025, 2, 10)


def table_of(spark: SparkSession, path: Path, rows: list[Row]) -> Path:
    """The rows as they lie in `restricted/results`."""
    frame = spark.createDataFrame(rows, schemas.RESULTS_SCHEMA)  # type: ignore[type-var]
    delta.create_table(
        spark, path, schemas.RESULTS_SCHEMA, drawn.platform().tables, partitioned_by=schemas.RESULTS_PARTITION
    )
    delta.append_rows(frame, path, "batch 1")
    return path


@pytest.fixture(scope="module")
def results_at(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table_of(one_spark, tmp_path_factory.mktemp("restricted") / "results", drawn.results())


def check_deep(spark: SparkSession, checked: VerificationSubject) -> list[tuple[str, int]]:
    hierarchies = read_hierarchy_paths(checked.project, checked.hierarchies)
    stage = delta.read_table(spark, checked.table)
    findings = check_rebuilt_records(spark, checked, stage, hierarchies, read_usage_permissions(checked))
    return [(finding.sentence, finding.count) for finding in findings]


def test_values_that_are_not_ancestors_of_the_true_leaf_are_found(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    stage = Stage()
    stage.rows[1]["rekenen_M"] = "40 tot 80"
    stage.rows[3]["groei"] = "10 tot 20"
    stage.rows[2]["niveau"] = "II"
    stage.rows[4]["geslacht"] = "2"
    stage.rows[5]["cohort"] = "2013/14"
    stage.rows[6]["cohort"] = "onbekend"
    ((sentence, count),) = check_deep(spark, subject(tmp_path, results_at, stage))
    assert count == 6
    assert f"({', '.join(COLUMNS)})" in sentence


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"_school": mac("brin|10AA"), "_others": [mac("brin|10AB")]}, "the home school, the other schools"),
        ({"_others": None}, "the other schools"),
    ],
)
def test_wrong_schools_that_only_the_records_show_are_found(
    spark: SparkSession, tmp_path: Path, results_at: Path, cells: Row, what: str
) -> None:
    stage = Stage()
    stage.rows[MOVER].update(cells)
    ((sentence, count),) = check_deep(spark, subject(tmp_path, results_at, stage))
    assert count == 1
    assert f"({what})" in sentence


def test_a_staged_pupil_of_two_schools_is_found_when_such_pupils_are_set_aside(
    spark: SparkSession, tmp_path: Path, results_at: Path
) -> None:
    drawn_subject = subject(tmp_path, results_at, project=drawn.project(two_schools="set-aside"))
    ((sentence, count),) = check_deep(spark, drawn_subject)
    assert count == 1
    assert "set aside" in sentence


def one_column(several: str, **source: Any) -> Project:
    """A project that shows rekenen in the middle of the year, and perhaps one thing more."""
    shown = {
        "domein": "rekenen",
        "schooljaar": "2024-2025",
        "moment": "M",
        "schaal": "RW",
        "value": "vaardigheidsscore",
        "several": several,
    }
    columns = [drawn.column("rekenen_M", "banden", result=shown, step=20)]
    columns += [drawn.column("meer", **source)] if source else []
    return drawn.project(columns=columns)


@pytest.mark.parametrize(
    ("several", "leaf", "home", "others"),
    [
        ("latest", "20 tot 40", "10AC", []),
        ("first", "0 tot 20", "10AC", ["10AB"]),
        ("highest", "60 tot 80", "10AC", ["10AA"]),
    ],
)
def test_of_several_results_the_rule_picks_one(
    spark: SparkSession, tmp_path: Path, several: str, leaf: str, home: str, others: list[str]
) -> None:
    rows = [
        result(1, "10AA", "rekenen", "M", "10.00", peildag=JAN),
        result(1, "10AB", "rekenen", "M", "19.99", peildag=JAN, levering_nr=1),
        result(1, "10AA", "rekenen", "M", "79.99", peildag=JAN, levering_nr=2),
        result(1, "10AC", "rekenen", "M", "20.00", peildag=FEB, levering_nr=1),
    ]
    rows[0]["levering_nr"] = 1
    drawn_subject = subject(tmp_path, table_of(spark, tmp_path / "results", rows), project=one_column(several))
    hierarchies = read_hierarchy_paths(drawn_subject.project, drawn_subject.hierarchies)
    (record,) = rebuild_records(spark, drawn_subject, hierarchies, read_usage_permissions(drawn_subject)).collect()
    assert hierarchies["rekenen_M"].leaves[record["_leaf_rekenen_M"]] == leaf
    assert record.home == home
    assert sorted({*record.schools} - {home}) == others


@pytest.mark.parametrize(
    ("source", "days", "leaf"),
    [
        ({"attribute": "geboortedatum", "born": "year"}, [dt.date(2014, 12, 31)], "2014"),
        ({"attribute": "geboortedatum", "born": "quarter"}, [dt.date(2014, 7, 1)], "2014-K3"),
        ({"attribute": "geboortedatum", "born": "cohort"}, [dt.date(2014, 7, 31)], "2013/14"),
        ({"attribute": "geboortedatum", "born": "cohort"}, [dt.date(2014, 8, 1)], "2014/15"),
        ({"attribute": "geboortedatum", "born": "year"}, [dt.date(2014, 1, 1), dt.date(2013, 1, 1)], "2013"),
        ({"attribute": "geboortedatum", "born": "year"}, [dt.date(2014, 1, 1), None], "onbekend"),
        ({"attribute": "geboortedatum", "born": "year"}, [dt.date(1999, 1, 1)], None),
    ],
)
def test_an_attribute_is_the_newest_one_and_at_a_tie_the_last_of_its_file(
    spark: SparkSession, tmp_path: Path, source: Row, days: list[dt.date | None], leaf: str | None
) -> None:
    rows = [result(1, "10AA", "rekenen", "M", "10.00", geboortedatum=day) for day in days]
    drawn_subject = subject(
        tmp_path,
        table_of(spark, tmp_path / "results", rows),
        project=one_column("latest", hierarchy="geboren", **source),
    )
    leaves = ["2014", "2013", "2014-K3", "2013/14", "2014/15"]
    (drawn_subject.hierarchies / "geboren.csv").write_bytes("".join(f"{x};*\n" for x in leaves).encode())
    hierarchies = read_hierarchy_paths(drawn_subject.project, drawn_subject.hierarchies)
    (record,) = rebuild_records(spark, drawn_subject, hierarchies, read_usage_permissions(drawn_subject)).collect()
    place = record["_leaf_meer"]
    assert (hierarchies["meer"].leaves[place] if place >= 0 else None) == leaf


def published(spark: SparkSession, folder: Path, own: Project) -> Path:
    """The drawn stage without its control columns, as `publish` writes it."""
    stage = delta.read_table(spark, Stage().write(folder / "stage")).select(*COLUMNS)
    table = folder / "table"
    rows = stage.repartition(2, *COLUMNS).sortWithinPartitions(*COLUMNS)
    delta.replace_table(rows, table, published_table_properties(own, "proef-1"), "proef-1", drawn.platform().tables)
    return table


def test_a_published_table_is_checked_as_far_as_its_files_allow(spark: SparkSession, tmp_path: Path) -> None:
    own, hierarchies = drawn.project(), drawn.write_hierarchies(tmp_path / "hierarchies")
    table = published(spark, tmp_path, own)

    def verify(**changes: Any) -> VerificationResult:
        drawn_table = PublishedTable(own, drawn.platform(), table, "proef-1", 60, hierarchies)
        return verify_published_table(spark, dataclasses.replace(drawn_table, **changes))

    def codes(**changes: Any) -> frozenset[str]:
        return verify(**changes).codes

    result = verify()
    assert result.findings == ()
    assert "SCHOOLS" not in result.checked
    assert len(result.not_repeated) == 2
    assert codes(released_rows=61) == {"SUMS"}
    assert codes(release_id="proef-2") == {"COMMIT", "PROPERTIES"}
    assert codes(platform=drawn.platform(k=31)) == {"K"}
    assert codes(project=drawn.project(ends=dt.date(2028, 1, 1))) == {"PROPERTIES"}
    fewer = delta.read_table(spark, table).where(F.col("geslacht") == "1").limit(9).coalesce(1)
    delta.replace_table(fewer, table, published_table_properties(own, "proef-2"), "proef-2", drawn.platform().tables)
    delta.vacuum_table(table)
    assert codes(released_rows=9, release_id="proef-2") == {"K"}
