"""What touches many rows is compiled whole, intake and release: no generated method is over the JVM's limit."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_project import CONF
from tests.unit.drawn_results import COLUMNS, Row, drawn, frame, hierarchy, project

from cohort.agreements import catalogue, platform
from cohort.agreements.container_limits import ContainerLimits
from cohort.agreements.project import Project
from cohort.anonymisation import pupil_records, search_input
from cohort.anonymisation.pseudonymisation import pseudonymise_pupils
from cohort.data_states import local_frames
from cohort.data_states.schemas import AcceptedResults, ConsentedResults
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.delivered_file import DeliveryKind
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.erasure import excluded_pupils
from cohort.ingestion import validated_rows
from cohort.ingestion.run_context import IngestionContext
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis import instruction_filter, objection_filter
from cohort.legal_basis.consent_register import ConsentedPupils
from cohort.legal_basis.instruction_register import InstructedSchools
from cohort.legal_basis.number_changes import NumberChanges
from cohort.legal_basis.objections_in_force import Objections
from cohort.sdc.model.coding import Coding
from cohort.storage.zone_paths import StorageZones

FORMATS = format_declarations.load_delivery_formats(CONF)
LARGEST_METHOD = 8000
"""Bytes of a method that the JVM still compiles, as `spark.sql.codegen.hugeMethodLimit` says it to Spark."""
STAGES = ("delivered values", "typed values", "codes in their canonical spelling", "rules", "columns of the batch")
"""What is compiled apart; a format with another notation than the canonical one has a stage more."""


NOT_REPEATED = ("niveau", "beste")
"""Levels, which a project shows once."""


def _repeated(declared: Row, number: int) -> Row:
    """A column of the same kind under another name."""
    return declared if number == 0 else declared | {"name": f"{declared['name']}{number}"}


@pytest.fixture
def planned_once(spark: SparkSession) -> Iterator[SparkSession]:
    """Plans with stages of generated code; an adaptive plan would show them only once it is carried out."""
    settings = {
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "true",
        "spark.sql.codegen.factoryMode": "FALLBACK",
    }
    before = {name: str(spark.conf.get(name)) for name in settings}
    for name, value in settings.items():
        spark.conf.set(name, value)
    yield spark
    for name, value in before.items():
        spark.conf.set(name, value)


def _with_an_objector(rows: DataFrame, _: Objections) -> DataFrame:
    listed = [("123456782", ["alles"])]
    schema = excluded_pupils.EXCLUDED_PUPILS_SCHEMA
    return excluded_pupils.mark_excluded_rows(rows, local_frames.make_local_frame(rows.sparkSession, schema, listed))


@pytest.mark.parametrize("with_lists", [False, True])
@pytest.mark.parametrize("name", sorted(FORMATS.declared))
def test_the_one_pass_over_delivered_rows_is_compiled_whole(
    planned_once: SparkSession, tmp_path: Path, name: str, with_lists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = FORMATS[name]
    header = {column: written for written, column in declared.columns.items()}
    lines = [declared.delimiter.join(header.values()), declared.delimiter.join("1" * len(header))]
    (tmp_path / "one.csv").write_text("\n".join(lines), encoding="utf-8")
    recognition = RecognitionContext(tmp_path, tmp_path / "work", FORMATS, ContainerLimits(9, 10**6, 10**7, 100))
    (file,) = recognise_deliveries(tmp_path / "one.csv", recognition)
    assert (file.delivery_kind, file.format, file.rejection) == (DeliveryKind.TEXT, name, None)
    context = IngestionContext(
        StorageZones(tmp_path),
        platform.load_platform(CONF),
        catalogue.load_catalogue(CONF),
        FORMATS,
        Objections(()),
        NumberChanges(),
        dt.datetime(2026, 9, 1, tzinfo=dt.UTC),
        ConsentedPupils(frozenset({("123456782", "sociaal")} if with_lists else ())),
    )
    if with_lists:
        monkeypatch.setattr(excluded_pupils, "mark_rows_of_listed_pupils", _with_an_objector)
    rows = validated_rows.validate_new_rows(planned_once, context, [(1, file)])
    sizes = _largest_methods(planned_once, rows)
    assert len(sizes) == len(STAGES) + (not declared.has_canonical_notation)
    assert max(sizes) <= LARGEST_METHOD, sizes


ONE_OF_EACH_KIND = project()
MANY_COLUMNS = project(
    [_repeated(one, n) for n in range(3) for one in COLUMNS if n == 0 or one["name"] not in NOT_REPEATED]
)
"""Thirty-two columns: more than any project has."""


@pytest.mark.parametrize("declared", [ONE_OF_EACH_KIND, MANY_COLUMNS], ids=["one of each kind", "32 columns"])
def test_the_stages_of_a_release_are_compiled_whole(planned_once: SparkSession, declared: Project) -> None:
    trees = {one.name: hierarchy(one.name.rstrip("0123456789")) for one in declared.columns}
    schools = InstructedSchools({"10AA": (True, frozenset())})
    rows = AcceptedResults(frame(planned_once, drawn(1, "waarde\n35")))
    key, nobody = ProjectKey(os.urandom(32)), Objections(())
    instructed = instruction_filter.mark_instructed_rows(rows, schools)
    records = pupil_records.make_pupil_records(ConsentedResults(instructed), declared, trees)
    admitted = objection_filter.mark_objectors(records, rows, nobody, declared)
    pseudonymous = pseudonymise_pupils(admitted, key, ["10AA"])
    coding = Coding(tuple(trees[one.name] for one in declared.quasi_identifiers))
    sizes = _largest_methods(planned_once, search_input.encode_pupils(pseudonymous, declared, coding))
    assert len(sizes) > 3
    assert max(sizes) <= LARGEST_METHOD, sizes


def _largest_methods(spark: SparkSession, frame: DataFrame) -> list[int]:
    """Per stage of generated code the bytes of its largest method."""
    jvm: Any = spark._jvm
    debug = getattr(getattr(jvm.org.apache.spark.sql.execution.debug, "package$"), "MODULE$")
    stages = debug.codegenStringSeq(frame._jdf.queryExecution().executedPlan())
    return [stages.apply(i)._3().maxMethodCodeSize() for i in range(stages.size())]
