"""Ingestion of one folder of deliveries: each file whole or not at all, sums that close, feedback without values."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.delivery_formats import RecognitionContext, format_declarations
from cohort.ingestion import completeness, discovery, pipeline
from cohort.legal_basis import number_changes, objections_in_force
from cohort.results import ledger
from cohort.results.ledger import LedgerEntry
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
PLATFORM, KNOWN = platform.load_platform(CONF), catalogue.load_catalogue(CONF)
FORMATS = format_declarations.load_delivery_formats(CONF)
SCHOOLS = sorted(KNOWN.schools)[:3]
HEADER = "brin;schooljaar;pgn;jaargroep;geslacht;toetscode;afnamedatum;vaardigheidsscore"
NUMBERS = ["111222333", "123456782", "063138219", "003389261", "101222331"]


def row(number: str = "111222333", school: str = SCHOOLS[0], **other: str) -> str:
    cells = {
        "brin": school,
        "schooljaar": "2024-2025",
        "pgn": number,
        "jaargroep": "7",
        "geslacht": "1",
        "toetscode": "REK-M7",
        "afnamedatum": "2025-01-20",
        "vaardigheidsscore": "87,3",
        **other,
    }
    return ";".join(cells.values())


BROKEN = {
    "PGN_INVALID": row("111222334"),
    "PGN_FILLER": row("000000000"),
    "PGN_MISSING": row(""),
    "TEST_UNKNOWN": row(toetscode="REK-X"),
    "DATE_INVALID": row(afnamedatum="20-01-2025"),
    "DATE_OUTSIDE_YEAR": row(afnamedatum="2025-08-01"),
    "YEAR_INVALID": row(schooljaar="2024-2026"),
    "YEAR_GROUP_INVALID": row(jaargroep="9"),
    "SEX_INVALID": row(geslacht="m"),
    "SCORE_MISSING": row(vaardigheidsscore=""),
    "SCORE_NOT_A_NUMBER": row(vaardigheidsscore="87.3"),
    "SCORE_OUT_OF_RANGE": row(vaardigheidsscore="2000"),
    "ROW_BROKEN": row() + ";8;9",
    "BRIN_INVALID": row(school="9zZZ"),
    "BRIN_UNKNOWN": row(school="00AA"),
}
"""One row per rule, with one thing broken; in the order of the lines of the second school's file."""


def deliver(zones: StorageZones[Path], name: str, *rows: str) -> None:
    (zones.deliveries / name).write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")


def _of_another_school(place: int, line: str) -> str:
    """The same row, of the second school and of a day of its own: two rows of one result would conflict."""
    return line.replace(SCHOOLS[0], SCHOOLS[1]).replace("2025-01-20", f"2025-02-{place:02d}")


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones[Path]:
    where = StorageZones(tmp_path)
    where.deliveries.mkdir()
    deliver(where, "a.csv", *(row(n) for n in NUMBERS), row("12345672"), row(), row("108184876", geslacht="2"))
    good = [row("100252333", SCHOOLS[1], toetscode=f"REK-{m}{g}") for m in "ME" for g in range(3, 9)]
    fill = [row("100252333", SCHOOLS[1], toetscode=f"SP-{m}{g}") for m in "ME" for g in range(3, 9)]
    deliver(
        where,
        "b.csv",
        *good,
        *fill,
        *(_of_another_school(place, line) for place, line in enumerate(BROKEN.values(), 1)),
    )
    deliver(where, "c.csv", row(), row("123456782", SCHOOLS[2]))
    deliver(where, "d.csv", row("111222333", "00AA"))
    return where


def take_in(
    spark: SparkSession,
    zones: StorageZones[Path],
    blocked: frozenset[str] = frozenset(),
    megabytes: int = 256,
    warned: str | None = None,
) -> dict[str, Any]:
    containers = PLATFORM.intake.containers.model_copy(update={"megabytes_per_member": megabytes})
    rules = PLATFORM.intake.rules.model_copy(update={warned: "warn"} if warned else {})
    generous = PLATFORM.intake.model_copy(update={"max_refused_share": 1, "containers": containers, "rules": rules})
    lists = objections_in_force.Objections(barred_numbers={"alles": blocked})
    intake = pipeline.IngestionContext(
        zones,
        PLATFORM.model_copy(update={"intake": generous}),
        KNOWN,
        FORMATS,
        lists,
        number_changes.NumberChanges(),
        NOW,
    )
    return pipeline.ingest_deliveries(spark, intake, lambda _: None)


def test_every_rule_refuses_its_row_and_the_sums_close(spark: SparkSession, zones: StorageZones[Path]) -> None:
    record = take_in(spark, zones, frozenset({"063138219"}))
    assert record["codes"] == {**dict.fromkeys(BROKEN, 1), "BRIN_UNKNOWN": 2, "DUPLICATE": 1}
    assert record["rejected"] == {"SEVERAL_SCHOOLS": 1, "SCHOOL_UNKNOWN": 1}
    rows = record["rows"]
    assert rows["delivered"] == rows["accepted"] + rows["quarantined"] + rows["objected"]
    assert (rows["objected"], rows["mended"]) == (1, 1)
    stored = delta.read_table(spark, zones.results).select("pgn").collect()
    assert len(stored) == rows["accepted"]
    assert {r.pgn for r in stored} == {*NUMBERS, "012345672", "108184876", "100252333"} - {"063138219"}

    # feedback: the lines of the broken rows, and nothing of a pupil
    feedback = json.loads(next((zones.root / "feedback" / SCHOOLS[1]).glob("*.json")).read_text())
    lines = {code: reason["lines"] for code, reason in feedback["codes"].items()}
    assert lines == {code: [26 + place] for place, code in enumerate(BROKEN)}
    for file in (zones.root / "feedback").rglob("*.*"):
        text = re.sub(r"[0-9a-f]{64}", "", file.read_text())
        assert not any(number in text for number in (*NUMBERS, "111222334", "87,3", "87.3"))

    # the same files again, and one of them under another name: nothing changes
    deliver(zones, "again.csv", *(zones.deliveries / "c.csv").read_text().splitlines()[1:])
    second_record = take_in(spark, zones)
    assert (second_record["new"], second_record["rows"]["delivered"]) == (0, 0)
    assert delta.read_table(spark, zones.results).count() == rows["accepted"]
    assert not zones.scratch.exists()


def test_a_refused_row_with_another_school_year_stops_no_run_where_dates_outside_their_year_are_warned_of(
    spark: SparkSession, zones: StorageZones[Path]
) -> None:
    for file in zones.deliveries.iterdir():
        file.unlink()
    deliver(zones, "99ZZ.csv", row(NUMBERS[1]), row(NUMBERS[0]).replace("2024-2025", "24-25"))
    record = take_in(spark, zones, warned="date_outside_year")
    assert record["codes"] == {"YEAR_INVALID": 1}
    assert record["rows"]["accepted"] == 1


def test_a_file_over_the_limit_stops_no_other_and_is_taken_in_when_the_limit_is_raised(
    spark: SparkSession, zones: StorageZones[Path]
) -> None:
    rows = [row(number, SCHOOLS[2]) for number in NUMBERS[:2]]
    deliver(zones, "large.csv", *rows, *[" " * 1023] * 1024)
    first = take_in(spark, zones, megabytes=1)
    assert first["rejected"] == {"SEVERAL_SCHOOLS": 1, "SCHOOL_UNKNOWN": 1, "FILE_TOO_LARGE": 1}
    documents = [json.loads(file.read_text()) for file in (zones.root / "feedback" / "onbekend").glob("*.json")]
    assert "FILE_TOO_LARGE" in str(documents)
    assert take_in(spark, zones, megabytes=1)["new"] == 0
    raised = take_in(spark, zones)
    assert (raised["new"], raised["rows"]["accepted"], raised["rejected"]) == (1, 2, {})


def test_a_run_killed_before_the_ledger_is_repeated_without_trace(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append_to_ledger", killed)
        with pytest.raises(Killed):
            take_in(spark, zones)
    assert ledger.read_counted_batches(zones.ledger) == ()
    record = take_in(spark, zones)
    assert delta.read_table(spark, zones.results).count() == record["rows"]["accepted"]
    assert ledger.read_counted_batches(zones.ledger) == (1,)


def test_a_run_killed_after_the_ledger_still_tells_every_school_year_that_lacks_schools(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(zones, "earlier.csv", row(schooljaar="2023-2024", jaargroep="6", afnamedatum="2024-01-20"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(completeness, "write_missing_schools", killed)
        with pytest.raises(KeyboardInterrupt):
            take_in(spark, zones)
    record = take_in(spark, zones)
    assert record["new"] == 0
    missing = json.loads((zones.exact_records / "completeness.json").read_text())["missing"]
    assert {name.split(" ")[0] for name in missing} == {"2023-2024", "2024-2025"}


def test_a_run_killed_within_a_commit_leaves_nothing_that_the_next_one_keeps(
    spark: SparkSession, zones: StorageZones[Path]
) -> None:
    take_in(spark, zones)
    random = "0b5dbb8a-8c9d-4a1e-9a53-0c8b1f1f2d11"
    left = [
        *(table / "_delta_log" / f".00000000000000000000.crc.{random}.tmp" for table in (zones.results, zones.ledger)),
        zones.quarantine / "_delta_log" / f"_commit_{random}.json.tmp#1",
        zones.ledger / f"part-00000-{random}-c000.snappy.parquet",
    ]
    for file in left:
        file.write_bytes(b"half of it")
    zones.intake_completed.unlink()
    take_in(spark, zones)
    assert [file.name for file in left if file.exists()] == []


def test_a_folder_that_cannot_be_read_stops_no_other_file(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(zones, "99ZZ.csv", row())
    (zones.deliveries / "loop").symlink_to(zones.deliveries / "loop")
    closed, list_folder = zones.deliveries / "closed", os.scandir
    closed.mkdir()

    def refusing(folder: str | Path | int) -> Any:
        if not isinstance(folder, int) and Path(folder) == closed:
            raise PermissionError
        return list_folder(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    record = take_in(spark, zones)
    sent = len([*zones.deliveries.glob("*.csv")])
    assert (record["unreadable"], record["taken"] + sum(record["rejected"].values())) == (2, sent)


def test_executors_recognise_files_as_the_driver_does(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (zones.deliveries / "e.csv").write_bytes(b"PK\x03\x04")
    limits = PLATFORM.intake.containers.container_limits()
    context = RecognitionContext(zones.deliveries, zones.scratch / "received", FORMATS, limits)
    by_driver = discovery.discover_deliveries(spark, context, ledger.Ledger())
    monkeypatch.setattr(discovery, "EXECUTOR_BYTES", 1)
    assert discovery.discover_deliveries(spark, context, ledger.Ledger()) == by_driver
    assert [file.rejection for _, file in by_driver.new_files] == [None, None, None, None, "CONTAINER_BROKEN"]


def test_an_entry_whose_sums_do_not_close_is_a_defect() -> None:
    with pytest.raises(AssertionError, match="do not close"):
        LedgerEntry("", "", 1, 1, None, "", "TAKEN", None, 3, 1, 1, 0, 0, {})


def test_the_ledger_has_the_fields_of_an_entry_in_their_order() -> None:
    assert [field.name for field in dataclasses.fields(LedgerEntry)] == ledger.LEDGER_SCHEMA.names
