"""Reading, typing and judging are compiled whole, for every format: no step copies a row for the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_project import CONF

from cohort.agreements import catalogue
from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.delivered_file import DeliveryKind
from cohort.delivery_formats.file_recognition import RecognitionContext, recognise_deliveries
from cohort.ingestion import row_validation, text_scan
from cohort.states import materialised_frames

FORMATS = format_declarations.load_delivery_formats(CONF)
LARGEST = 8000
"""Bytes of a method that the JVM still compiles, as `spark.sql.codegen.hugeMethodLimit` says it to Spark."""
STAGES = ("what was sent", "typed")
JUDGED = ("codes in their canonical spelling", "rules", "what is kept of a row")
OTHERWISE_WRITTEN = ("what was sent", "the canonical way of writing", "typed")


@pytest.fixture
def planned_once(spark: SparkSession) -> Iterator[SparkSession]:
    """An adaptive plan shows its stages only when it is carried out."""
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    yield spark
    spark.conf.set("spark.sql.adaptive.enabled", "true")


@pytest.mark.parametrize("name", sorted(FORMATS.declared))
def test_reading_and_typing_are_compiled_whole(planned_once: SparkSession, tmp_path: Path, name: str) -> None:
    declared = FORMATS[name]
    header = {column: written for written, column in declared.columns.items()}
    lines = [declared.delimiter.join(header.values()), declared.delimiter.join("1" * len(header))]
    (tmp_path / "one.csv").write_text("\n".join(lines), encoding="utf-8")
    context = RecognitionContext(tmp_path, tmp_path / "work", FORMATS, ContainerLimits(9, 10**6, 10**7, 100))
    (file,) = recognise_deliveries(tmp_path / "one.csv", context)
    assert (file.delivery_kind, file.format, file.rejection) == (DeliveryKind.TEXT, name, None)
    delivered = text_scan.scan_text_files(planned_once, [(1, file)], FORMATS)
    tests_and_schools = catalogue.load_catalogue(CONF)
    typed = materialised_frames.break_codegen(row_validation.type_rows(delivered, tests_and_schools, {}))
    validated = row_validation.validate_rows(delivered, tests_and_schools, dt.date(2026, 9, 1), {})
    stages = len(STAGES if declared.has_canonical_notation else OTHERWISE_WRITTEN)
    sizes = _largest_methods(planned_once, typed)
    assert len(sizes) == stages
    assert max(sizes) <= LARGEST, sizes
    sizes = _largest_methods(planned_once, validated)
    assert len(sizes) == stages + len(JUDGED)
    assert max(sizes) <= LARGEST, sizes


def _largest_methods(spark: SparkSession, frame: DataFrame) -> list[int]:
    """Per stage of generated code the bytes of its largest method."""
    jvm: Any = spark._jvm
    debug = getattr(getattr(jvm.org.apache.spark.sql.execution.debug, "package$"), "MODULE$")
    stages = debug.codegenStringSeq(frame._jdf.queryExecution().executedPlan())
    return [stages.apply(i)._3().maxMethodCodeSize() for i in range(stages.size())]
