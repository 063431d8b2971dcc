"""Whatever bytes are delivered: no traceback, no file lost, sums that close, no value in any message."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import hashlib
import io
import itertools
import shutil
import zipfile
from pathlib import Path

import deltalake
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession
from tests.unit.drawn_deliveries import ROSTER, S, uwlr

from cohort.agreements import catalogue, platform
from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.file_reason_codes import FILE_REASONS, UNREADABLE
from cohort.delivery_formats.file_recognition import RecognitionContext
from cohort.delivery_formats.row_reason_codes import ROW_REASONS
from cohort.ingestion import pipeline
from cohort.ingestion.discovery import discover_deliveries
from cohort.legal_basis import number_changes, objections_in_force
from cohort.results import ledger
from cohort.results.ledger import Ledger
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
FORMATS = format_declarations.load_delivery_formats(CONF)
PLATFORM, KNOWN = platform.load_platform(CONF), catalogue.load_catalogue(CONF)
SCHOOLS = sorted(KNOWN.schools)[:3]
NAMES = sorted({name for one in FORMATS.declared.values() for name in one.columns})
WRITTEN = (
    *SCHOOLS,
    "2024-2025",
    "2024/2025",
    "111222333",
    "12345672",
    "REK-M7",
    "2025-01-20",
    "20-01-2025",
    "M",
    "80",
    "80,5",
    "80.5",
    "1.234,5",
    "9999",
    "",
    " ",
    '"',
    '""',
    '"a',
    'a"b',
    "a\nb",
    "≠1",
    "ziek",
    "1",
    "J",
)
CELLS = st.one_of(st.sampled_from(WRITTEN), st.text(max_size=8))
MARKS = st.sampled_from([";", ",", "\t", "|"])


@st.composite
def tables_of_text(draw: st.DrawFn) -> bytes:
    """A text that has something of a delivery: declared names, plausible cells, any quoting and line ends."""
    whole = draw(st.sampled_from(sorted(FORMATS.declared)))
    names = list(FORMATS[whole].columns)
    header = draw(st.one_of(st.just(names), st.lists(st.sampled_from(NAMES), max_size=12), st.permutations(names)))
    mark = draw(st.one_of(st.just(FORMATS[whole].delimiter), MARKS))
    sink = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONE]))
    writer = csv.writer(
        sink,
        delimiter=mark,
        quoting=quoting,
        escapechar="\\",
        lineterminator=draw(st.sampled_from(["\n", "\r\n", "\r"])),
    )
    writer.writerow(header)
    width = len(header) + draw(st.sampled_from([0, 0, 0, -1, 1]))
    for row in draw(st.lists(st.lists(CELLS, min_size=max(0, width), max_size=max(0, width)), max_size=6)):
        if row == [""] and quoting == csv.QUOTE_NONE:  # which csv does not write
            sink.write("\n")
        else:
            writer.writerow(row)
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]))
    return sink.getvalue().encode(encoding, errors="replace")


def _cut(content: bytes, at: float) -> bytes:
    return content[: int(len(content) * at)]


def _zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", content)
    return packed.getvalue()


TEXTS = st.one_of(tables_of_text(), st.binary(max_size=400), st.text(max_size=200).map(str.encode))
XML = st.sampled_from([ROSTER(SCHOOLS[0]), uwlr(f"a;{S}", f"z;{S}")(SCHOOLS[0])])
DAMAGED = st.builds(_cut, st.one_of(XML, TEXTS.map(_zip), TEXTS.map(gzip.compress)), st.floats(0, 1))
FILES = st.lists(st.one_of(TEXTS, XML, TEXTS.map(_zip), TEXTS.map(gzip.compress), DAMAGED), min_size=1, max_size=8)


def deliver(root: Path, contents: list[bytes], empty: Path) -> StorageZones:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(empty, root)
    zones = StorageZones(root)
    for number, content in enumerate(contents):
        (zones.deliveries / f"{number}.csv").write_bytes(content)
    return zones


@settings(max_examples=2 * settings().max_examples)  # 50, and thousands on demand
@given(FILES)
def test_every_file_is_readable_or_rejected_by_a_code(
    one_spark: SparkSession, empty_root: Path, tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    zones = deliver(tmp_path_factory.getbasetemp() / "received", contents, empty_root)
    desk = RecognitionContext(zones.deliveries, zones.scratch, FORMATS, ContainerLimits(9, 1 << 20, 1 << 21, 200))
    discovered = discover_deliveries(one_spark, desk, Ledger())
    assert discovered.unreadable == 0
    lines = {file.sha256 for _, file in discovered.new_files} | {file.container for _, file in discovered.new_files}
    assert {hashlib.sha256(content).hexdigest() for content in contents} <= lines
    for _, file in discovered.new_files:
        assert file.rejection is None or file.rejection in FILE_REASONS
        assert file.rejection != UNREADABLE, "a fault that no reader foresaw"


DRAWS = 5
"""How many drawn folders one run takes in at once: a run costs seconds, a file milliseconds."""


@settings(max_examples=settings().max_examples // DRAWS + 1)
@given(st.lists(FILES, min_size=DRAWS, max_size=DRAWS).map(lambda draws: [*itertools.chain(*draws)]))
def test_no_traceback_no_lost_file_and_sums_that_close(
    one_spark: SparkSession, empty_root: Path, tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    zones = deliver(tmp_path_factory.getbasetemp() / "taken", contents, empty_root)
    intake = pipeline.IngestionContext(
        zones,
        PLATFORM,
        KNOWN,
        FORMATS,
        objections_in_force.Objections(()),
        number_changes.NumberChanges(),
        dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC),
    )
    record = pipeline.ingest_deliveries(one_spark, intake, lambda _: None)
    rows = record["rows"]
    assert rows["delivered"] == rows["accepted"] + rows["quarantined"] + rows["objected"]
    lines = ledger.read_ledger(zones.ledger).entries
    previous = {line.sha256 for line in lines} | {line.container for line in lines}
    assert {hashlib.sha256(content).hexdigest() for content in contents} <= previous
    assert all(set(line.codes) <= set(ROW_REASONS) for line in lines)
    stored = deltalake.DeltaTable(zones.results).to_pyarrow_table().num_rows
    assert stored == rows["accepted"] - record["replaced"] - record["withdrawn"]
    assert pipeline.ingest_deliveries(one_spark, intake, lambda _: None)["new"] == 0
