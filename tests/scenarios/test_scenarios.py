"""Every scenario folder taken in: which rows are accepted, which are refused and why, to the line."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.ingestion import pipeline
from cohort.legal_basis import number_changes, objections_in_force
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

HERE = Path(__file__).resolve().parent
CONF = HERE.parents[1] / "conf"
SCENARIOS = sorted(file.parent for file in HERE.glob("*/scenario.toml"))
Lines = list[tuple[str, ...]]


@dataclass(frozen=True)
class Taken:
    """A scenario after intake."""

    folder: Path
    zones: StorageZones
    spark: SparkSession

    def expected(self, name: str) -> tuple[list[str], Lines]:
        with (self.folder / "expected" / name).open(encoding="utf-8", newline="") as file:
            header, *lines = csv.reader(file, delimiter=";")
        return header, sorted(map(tuple, lines))

    def ledger(self) -> list[Row]:
        return delta.read_table(self.spark, self.zones.ledger).collect()


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda folder: folder.name)
def taken(request: pytest.FixtureRequest, one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    folder: Path = request.param
    feedback_lines = tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))
    zones = StorageZones(tmp_path_factory.mktemp(folder.name))
    for zone in ("deliveries", "objections"):
        shutil.copytree(folder / zone, zones.root / zone)
    declared = platform.load_platform(CONF)
    limits = declared.intake.model_copy(update={"max_refused_share": Decimal(str(feedback_lines["max_refused_share"]))})
    declared = declared.model_copy(update={"intake": limits})
    now: dt.datetime = feedback_lines["now"]
    domains = catalogue.load_catalogue(folder).domains()
    lists = objections_in_force.load_objections(zones.objections, declared.objections, now.date(), domains)
    intake = pipeline.IngestionContext(
        zones,
        declared,
        catalogue.load_catalogue(folder),
        format_declarations.load_delivery_formats(CONF),
        lists,
        number_changes.NumberChanges(),
        now,
    )
    pipeline.ingest_deliveries(one_spark, intake, lambda _: None)
    return Taken(folder, zones, one_spark)


def test_what_becomes_of_every_file(taken: Taken) -> None:
    header, lines = taken.expected("files.csv")
    columns = ["name", *header[1:]]
    actual = [tuple("" if row[name] is None else str(row[name]) for name in columns) for row in taken.ledger()]
    assert sorted(actual) == lines


def test_the_rows_that_are_taken_in(taken: Taken) -> None:
    header, lines = taken.expected("results.csv")
    text = [F.coalesce(F.col(name).cast("string"), F.lit("")).alias(name) for name in header]
    actual = [tuple(row) for row in delta.read_table(taken.spark, taken.zones.results).select(*text).collect()]
    assert sorted(actual) == lines


def test_the_lines_that_are_refused_as_the_school_reads_them(taken: Taken) -> None:
    codes: dict[tuple[str, int], set[str]] = defaultdict(set)
    for row in taken.ledger():
        feedback_lines = json_documents.read_json_document(
            taken.zones.school_feedback(row.brin or "onbekend") / f"{row.levering_nr}.json"
        )
        for code, actual in feedback_lines["codes"].items():
            assert len(actual["lines"]) == actual["rows"]
            for line in actual["lines"]:
                codes[row.name, line].add(code)
    _, lines = taken.expected("quarantine.csv")
    assert dict(codes) == {(name, int(line)): set(feedback_lines.split()) for name, line, feedback_lines in lines}


def test_the_quarantine_holds_no_objector_and_nothing_of_rejected_files(taken: Taken) -> None:
    declared = platform.load_platform(CONF).objections
    blocked = objections_in_force.load_objections(
        taken.zones.objections, declared, dt.date(2025, 11, 23), ()
    ).barred_from_everything
    rows = delta.read_table(taken.spark, taken.zones.quarantine).select("pgn", "levering_nr").collect()
    read = {row.levering_nr for row in taken.ledger() if row.status == "TAKEN"}
    assert {row.levering_nr for row in rows} <= read
    assert not {row.pgn for row in rows} & blocked
