"""Deliveries that a defect or the storage makes unreadable: reported, left in place, tried again by the next run."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import shutil
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, cast

import openpyxl
import pytest
from pyspark.sql import SparkSession
from tests.patches import PatchesAcrossModules
from tests.unit.drawn_deliveries import CANONIEK, ROSTER, Content, canoniek, sheet, uwlr, zipped
from tests.unit.drawn_deliveries import S as RESULT
from tests.unit.test_ingestion import NUMBERS, SCHOOLS, deliver, row, take_in

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import containers, edexml, format_declarations, text_recognition, transcripts, xlsx
from cohort.delivery_formats import uwlr as messages
from cohort.delivery_formats.delivered_file import DeliveredFile
from cohort.delivery_formats.file_recognition import RecognitionContext
from cohort.erasure import raw_file_erasure
from cohort.ingestion import transcription
from cohort.ingestion.discovery import DiscoveredFiles, discover_deliveries
from cohort.results import ledger, retention
from cohort.results.ledger import DELIVERY_REJECTED, DELIVERY_TAKEN, Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
PLANTED = "111222333"
SHEET = sheet(CANONIEK, ["2024-2025", PLANTED, "REK-M7", "2025-01-20", 87.3, "a"])
QUOTED = canoniek(f'{PLANTED};"1\n2";a')
DEFECTS: list[tuple[str, Callable[[], BaseException]]] = [
    ("OSError", lambda: OSError(errno.EIO, "Input/output error", PLANTED)),
    ("OSError", lambda: OSError(errno.ENOSPC, "No space left on device", PLANTED)),
    ("MemoryError", lambda: MemoryError(PLANTED)),
    ("KeyError", lambda: KeyError(PLANTED)),
    ("RecursionError", lambda: RecursionError(PLANTED)),
    ("UnicodeDecodeError", lambda: UnicodeDecodeError("utf-8", PLANTED.encode(), 0, 1, PLANTED)),
]
READERS: list[tuple[str, str, Content, Any, str]] = [
    # what fails        the file       its bytes                         where it is raised
    ("a text", "a.csv", canoniek(f"{PLANTED};1;a"), text_recognition, "recognise_text"),
    ("a spreadsheet", "a.xlsx", SHEET, xlsx, "read_workbook"),
    ("quotes", "a.csv", QUOTED, transcripts, "_mark_repeated_headers"),
    ("a transcript", "a.xlsx", SHEET, transcripts, "_write_transcript"),
    ("a roster", "a.xml", ROSTER, edexml, "read_roster"),
    ("a container", "a.zip", zipped(canoniek(f"{PLANTED};1;a")), containers, "unpack_container"),
    ("a member", "a.zip", zipped(canoniek(f"{PLANTED};1;a")), text_recognition, "recognise_text"),
    ("a packed sheet", "a.zip", zipped(SHEET, name="a{n}.xlsx"), xlsx, "read_workbook"),
]


def desk(root: Path, known: Ledger) -> RecognitionContext:
    limits = ContainerLimits(99, 1 << 22, 1 << 23, 200)
    (root / "deliveries").mkdir(exist_ok=True)
    return RecognitionContext(
        root / "deliveries",
        root / "work",
        format_declarations.load_delivery_formats(CONF),
        limits,
        known.settled_hashes,
    )


def received(root: Path, known: Ledger) -> DiscoveredFiles:
    return discover_deliveries(cast(SparkSession, None), desk(root, known), known)


def entered(known: Ledger, found: DiscoveredFiles) -> Ledger:
    """The ledger with a line per new file."""
    lines = [
        LedgerEntry(
            file.sha256,
            file.name,
            number,
            known.next_batch,
            None,
            "2026-01-01T00:00:00+00:00",
            DELIVERY_REJECTED if file.rejection else DELIVERY_TAKEN,
            file.rejection,
            0,
            0,
            0,
            0,
            0,
            {},
            file.delivery_kind,
            container=file.container,
        )
        for number, file in found.new_files
    ]
    return Ledger((*known.entries, *lines))


@contextmanager
def broken(module: Any, name: str, defect: Callable[[], BaseException]) -> Iterator[None]:
    def raises(*_: object, **__: object) -> NoReturn:
        raise defect()

    with PatchesAcrossModules.context() as patch:
        patch.setattr(module, name, raises)
        yield


@pytest.mark.parametrize(("kind", "defect"), DEFECTS)
@pytest.mark.parametrize(("says", "name", "content", "module", "function"), READERS)
def test_a_defect_of_a_reader_is_reported_and_the_file_tried_again(
    tmp_path: Path,
    says: str,
    name: str,
    content: Content,
    module: Any,
    function: str,
    kind: str,
    defect: Callable[[], BaseException],
) -> None:
    del says
    known = Ledger()
    place = desk(tmp_path, known).deliveries_folder / name
    place.write_bytes(content(SCHOOLS[0]))
    (place.parent / "other.csv").write_bytes(canoniek("123456782;2;b")(SCHOOLS[1]))
    with broken(module, function, defect):
        first = received(tmp_path, known)
        left = {file.name.partition("/")[0] for _, file in first.new_files if file.rejection == "UNREADABLE"}
        assert left == ({name, "other.csv"} if function == "recognise_text" else {name})
        assert len(first.new_files) == 2
        known = entered(known, first)
        again = received(tmp_path, known)
    ((what, _),) = first.defects.items()
    assert what.startswith(f"{kind} at ")
    assert ".py:" in what
    assert PLANTED not in what
    assert again.new_files == (), "no further line in any run"
    assert again.defects == first.defects, "and it is told in every run"
    after = received(tmp_path, known)
    assert after.defects == {}
    there = {file.name: file.rejection for _, file in after.new_files}
    assert set(there.values()) == {None}
    assert [one for one in there if one.startswith(name)]
    assert received(tmp_path, entered(known, after)).new_files == (), "taken in, it is settled"


@pytest.mark.parametrize(("kind", "defect"), DEFECTS[2:])
def test_a_file_that_cannot_be_read_gets_no_ledger_line(
    tmp_path: Path, kind: str, defect: Callable[[], BaseException]
) -> None:
    place = desk(tmp_path, Ledger()).deliveries_folder / "a.csv"
    place.write_bytes(canoniek(f"{PLANTED};1;a")(SCHOOLS[0]))
    with broken(hashlib, "sha256", defect):
        found = received(tmp_path, Ledger())
    assert (found.new_files, found.unreadable) == ((), 0)
    ((what, number),) = found.defects.items()
    assert what.startswith(f"{kind} at ")
    assert "file_recognition.py:" in what
    assert number == 1
    assert len(received(tmp_path, Ledger()).new_files) == 1


@pytest.mark.parametrize("where", [openpyxl, zipfile], ids=["openpyxl", "zipfile"])
def test_lack_of_memory_in_a_library_does_not_reject_the_file(tmp_path: Path, where: Any) -> None:
    place = desk(tmp_path, Ledger()).deliveries_folder / "a.xlsx"
    place.write_bytes(SHEET(SCHOOLS[0]))
    with broken(where, {"openpyxl": "load_workbook"}.get(where.__name__, "ZipFile"), MemoryError):
        found = received(tmp_path, Ledger())
    assert {file.rejection for _, file in found.new_files} <= {"UNREADABLE"}
    assert [what.partition(" at ")[0] for what in found.defects] == ["MemoryError"]


def test_results_are_tried_again_where_their_roster_may_be_an_unreadable_one(tmp_path: Path) -> None:
    folder = desk(tmp_path, Ledger()).deliveries_folder
    (folder / "roster.xml").write_bytes(ROSTER(SCHOOLS[0]))
    (folder / "results.xml").write_bytes(uwlr(f"a;{RESULT}")(SCHOOLS[0]))
    with broken(edexml, "read_roster", MemoryError):
        first = received(tmp_path, Ledger())
    assert {file.name: file.rejection for _, file in first.new_files} == dict.fromkeys(
        ("roster.xml", "results.xml"), "UNREADABLE"
    )
    assert len(first.defects) == 1
    after = received(tmp_path, entered(Ledger(), first))
    assert {file.name: file.rejection for _, file in after.new_files} == {"roster.xml": None, "results.xml": None}


def test_an_unreadable_message_does_not_affect_its_roster(tmp_path: Path) -> None:
    folder = desk(tmp_path, Ledger()).deliveries_folder
    (folder / "roster.xml").write_bytes(ROSTER(SCHOOLS[0]))
    (folder / "results.xml").write_bytes(uwlr(f"a;{RESULT}")(SCHOOLS[0]))
    with broken(messages, "read_uwlr_results", MemoryError):
        first = received(tmp_path, Ledger())
    assert {file.name: file.rejection for _, file in first.new_files} == {
        "roster.xml": None,
        "results.xml": "UNREADABLE",
    }


REASONS = [
    # first          then             a line is added
    ("UNREADABLE", "UNREADABLE", False),
    ("UNREADABLE", "EMPTY", True),
    ("FILE_NAME", "EMPTY", True),
    ("UNREADABLE", "ROSTER_MISSING", True),
    ("ROSTER_MISSING", "ROSTER_MISSING", False),
]


@pytest.mark.parametrize(("first", "then", "added"), REASONS)
def test_a_changed_reason_is_reported_and_an_equal_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, then: str, added: bool
) -> None:
    (desk(tmp_path, Ledger()).deliveries_folder / "a.csv").write_bytes(canoniek(f"{PLANTED};1;a")(SCHOOLS[0]))

    def of_text(file: DeliveredFile, *_: object, reason: str) -> DeliveredFile:
        return replace(file, rejection=reason)

    monkeypatch.setattr(text_recognition, "recognise_text", partial(of_text, reason=first))
    known = entered(Ledger(), received(tmp_path, Ledger()))
    assert [line.reason for line in known.entries] == [first]
    monkeypatch.setattr(text_recognition, "recognise_text", partial(of_text, reason=then))
    found = received(tmp_path, known)
    assert [file.rejection for _, file in found.new_files] == ([then] if added else [])
    known = entered(known, found)
    assert received(tmp_path, known).new_files == ()
    assert (known.entries[0].sha256 in known.settled_hashes) == (then == "EMPTY"), "settled by its content alone"


def test_a_file_that_was_never_read_stays_whatever_its_age_or_objections(tmp_path: Path) -> None:
    folder = desk(tmp_path, Ledger()).deliveries_folder
    (folder / "a.csv").write_bytes(canoniek(f"{PLANTED};1;a")(SCHOOLS[0]))
    (folder / "b.zip").write_bytes(zipped(canoniek("123456782;1;a"), canoniek("063138219;1;a"))(SCHOOLS[0]))
    with broken(text_recognition, "recognise_text", MemoryError):
        known = entered(Ledger(), received(tmp_path, Ledger()))
    assert {line.reason for line in known.entries} == {"UNREADABLE"}
    numbers = frozenset({PLANTED, "123456782"})
    found = received(tmp_path, known).files
    assert raw_file_erasure.erase_raw_files(folder, known, numbers, desk(tmp_path, known).limits) == 0
    late = dt.datetime(2036, 1, 1, tzinfo=dt.UTC)
    assert retention.remove_expired_deliveries(known, found, late) == 0
    known = entered(known, received(tmp_path, known))
    assert len(known.entries) == 6
    assert retention.remove_expired_deliveries(known, found, late) == 2


def test_links_to_folders_and_pipes_are_counted_as_unreadable(tmp_path: Path) -> None:
    folder = Path(str(desk(tmp_path, Ledger()).deliveries_folder))
    (tmp_path / "elsewhere").mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "nowhere.csv").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.csv")
    assert received(tmp_path, Ledger()).unreadable == 3


def _ends_its_worker(file: DeliveredFile) -> DeliveredFile:
    if file.name == "30.xlsx":
        os.kill(os.getpid(), signal.SIGKILL)
    if file.name == "40.xlsx":
        return transcription.reject_on_failure(file, partial(_raises, file))
    return replace(file, rows=int(file.name.partition(".")[0]))


def _raises(_: DeliveredFile) -> NoReturn:
    raise MemoryError(PLANTED)


def test_a_file_that_kills_an_executor_worker_does_not_stop_the_others(spark: SparkSession) -> None:
    files = [DeliveredFile(Path(f"{n}.xlsx"), f"{n}", f"{n}.xlsx") for n in range(transcription.EXECUTOR_FILES + 1)]
    done = transcription.map_files(spark, _ends_its_worker, files, transcription.mark_as_lost)
    assert [file.name for file in done] == [file.name for file in files]
    assert [file.rows for file in done if not file.rejection] == [
        n for n in range(transcription.EXECUTOR_FILES + 1) if n not in (30, 40)
    ]
    left = {file.name: str(file.defect) for file in done if file.rejection == "UNREADABLE"}
    assert set(left) == {"30.xlsx", "40.xlsx"}
    assert left["40.xlsx"].startswith("MemoryError at test_unreadable_deliveries.py:")


def test_a_run_reports_unreadable_files_and_the_next_one_takes_them_in(
    spark: SparkSession, empty_root: Path, tmp_path: Path
) -> None:
    zones = StorageZones(Path(shutil.copytree(empty_root, tmp_path / "root")))
    deliver(zones, "a.csv", *(row(number) for number in NUMBERS))
    (zones.deliveries / "b.xlsx").write_bytes(SHEET(SCHOOLS[1]))
    with broken(openpyxl, "load_workbook", lambda: MemoryError(PLANTED)):
        first, second = take_in(spark, zones), take_in(spark, zones)
    assert (first["taken"], first["rejected"], first["exit_code"]) == (1, {"UNREADABLE": 1}, 70)
    ((what, number),) = first["defects"].items()
    assert (what.split(" at ")[0], number) == ("MemoryError", 1)
    assert "xlsx.py:" in what
    assert PLANTED not in json.dumps(first)
    assert (second["new"], second["rejected"], second["exit_code"]) == (0, {}, 70), "left still, no new line"
    assert second["defects"] == first["defects"]
    assert len(ledger.read_ledger(zones.ledger).entries) == 2
    told = [json.loads(file.read_text()) for file in zones.school_feedback("onbekend").glob("*.json")]
    assert [one["status"] for one in told] == ["WAITING"]
    assert "niet van uw school" in str(told)
    third = take_in(spark, zones)
    assert (third["taken"], third["defects"], third["exit_code"]) == (1, {}, 0)
    assert tables_rows(zones) == third["rows"]["accepted"] + first["rows"]["accepted"]


def tables_rows(zones: StorageZones[Path]) -> int:
    return ledger.read_ledger(zones.ledger).current_row_count()


def test_a_file_without_read_permission_gives_the_run_an_exit_code(
    spark: SparkSession, empty_root: Path, tmp_path: Path
) -> None:
    zones = StorageZones(Path(shutil.copytree(empty_root, tmp_path / "root")))
    deliver(zones, "a.csv", *(row(number) for number in NUMBERS))
    (zones.deliveries / "linked").symlink_to(tmp_path)
    record = take_in(spark, zones)
    assert (record["taken"], record["unreadable"], record["exit_code"]) == (1, 1, 11)
