"""Rosters and results ingested together: what results are joined on, what waits, what feedback says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_deliveries import LATER, OF_UWLR, ONE, ROSTER, Content, S, changed, raw, soap, uwlr, zipped

from cohort.agreements.container_limits import ContainerLimits
from cohort.delivery_formats import format_declarations
from cohort.delivery_formats.file_recognition import RecognitionContext
from cohort.ingestion import discovery
from cohort.results.ledger import Ledger

CONF = Path(__file__).resolve().parents[2] / "conf"
LIMITS = ContainerLimits(members=30, bytes_per_member=1 << 20, total_bytes=2 << 20, ratio=200)
SCHOOL = "99ZZ"
ECK = "https://ketenid.nl/1"
RESULTS = uwlr(f"a;{S}", f"b;{S}")
WITH_ECK = changed(RESULTS, ("a</leerlingid>", f"a</leerlingid><eckid>{ECK}</eckid>"))
OF_ONE_EXPORT = changed(WITH_ECK, ("<leerlingid>", "<leerlingid>#"))
ECK_ROSTER = changed(ROSTER, ("key='a'", f"key='a' eckid='{ECK}'"))
HASHED = changed(ECK_ROSTER, ("key='", "key='#"))
NARROW = changed(OF_UWLR, ("2025-01-01", "2025-02-01"), ("bsn>", "bsn_ondwnr-4>"))
OTHER_NUMBER = changed(ROSTER, ("2025-01-01", "2025-01-15"), (ONE, "999900109"))
PART = changed(
    OF_UWLR,
    ("leerlinggegevens_antwoord", "leerlingen_antwoord"),
    ("<leerlinggegevens>", "<leerlinggegevens-leerlingen>"),
    ("</leerlinggegevens>", "</leerlinggegevens-leerlingen>"),
)
FIRST = changed(PART, ("key='b'", "key='y'"))
SECOND = changed(PART, ("2025-01-01", "2025-01-15"), ("key='a'", "key='z'"))


def received(tmp_path: Path, files: dict[str, Content], newest_of: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What becomes of files that come in together, by their names."""
    folder = tmp_path / "deliveries"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content(SCHOOL))
    desk = RecognitionContext(
        folder, tmp_path / "work", format_declarations.load_delivery_formats(CONF), LIMITS, newest_numbers=newest_of
    )
    got = discovery.discover_deliveries(cast(SparkSession, None), desk, Ledger())  # of so few files no Spark is asked
    return {
        file.name: {
            "rejected": file.rejection,
            "joined": file.joined_counts,
            "warnings": file.warnings,
            "rows": file.path.read_text().count("PUPIL_") if file.joined_counts else 0,
        }
        for _, file in got.new_files
    }


def on(eckid: int, key: int) -> dict[str, int]:
    return {"eckid": eckid, "key": key}


@pytest.mark.parametrize(
    ("says", "files", "joined", "refused"),
    [
        ("by the school's own keys", {"a.xml": ROSTER}, on(0, 2), 0),
        ("a roster as UWLR has it, in an envelope", {"a.xml": soap(OF_UWLR, "utf-16")}, on(0, 2), 0),
        ("a roster in a container", {"a.zip": zipped(OF_UWLR, name="x{n}.xml")}, on(0, 2), 0),
        ("the same roster in both forms", {"a.xml": ROSTER, "b.xml": OF_UWLR}, on(0, 2), 0),
        ("two rosters that contradict each other", {"a.xml": ROSTER, "b.xml": LATER}, on(0, 0), 2),
        ("two that differ on one pupil", {"a.xml": ROSTER, "b.xml": OTHER_NUMBER}, on(0, 1), 1),
        ("a narrow set after them", {"a.xml": ROSTER, "b.xml": NARROW}, on(0, 2), 0),
        ("two parts", {"a.xml": FIRST, "b.xml": SECOND}, on(0, 2), 0),
        ("one part", {"a.xml": FIRST}, on(0, 1), 1),
        (
            "another year's roster beside it",
            {"a.xml": ROSTER, "b.xml": changed(LATER, ("2024-2025", "2023-2024"))},
            on(0, 2),
            0,
        ),
        (
            "another site's roster beside it",
            {
                "a.xml": changed(ROSTER, ("</brincode>", "</brincode><dependancecode>00</dependancecode>")),
                "b.xml": changed(LATER, ("</brincode>", "</brincode><dependancecode>01</dependancecode>")),
            },
            on(0, 2),
            0,
        ),
    ],
)
def test_results_are_joined_on_keys_that_no_roster_contradicts(
    tmp_path: Path, says: str, files: dict[str, Content], joined: dict[str, int], refused: int
) -> None:
    got = received(tmp_path, {**files, "r.xml": RESULTS}, {})["r.xml"]
    assert (got["rejected"], got["joined"], got["rows"]) == (None, joined, refused), says


@pytest.mark.parametrize(
    ("says", "roster", "results", "joined", "refused"),
    [
        ("one of two by its ECK iD", ECK_ROSTER, WITH_ECK, on(1, 1), 0),
        ("keys of one export, one with an ECK iD", HASHED, OF_ONE_EXPORT, on(1, 0), 1),
        ("the roster's keys alone of one export", HASHED, WITH_ECK, on(1, 0), 1),
        ("the results' keys alone of one export", ECK_ROSTER, OF_ONE_EXPORT, on(1, 0), 1),
        ("another width of the sign", changed(HASHED, ("#", "\uff03")), OF_ONE_EXPORT, on(1, 0), 1),
        ("results in an envelope", ECK_ROSTER, soap(WITH_ECK, "utf-16"), on(1, 1), 0),
    ],
)
def test_an_eck_id_joins_where_a_key_is_contradicted(
    tmp_path: Path, says: str, roster: Content, results: Content, joined: dict[str, int], refused: int
) -> None:
    got = received(tmp_path, {"a.xml": roster, "r.xml": results}, {})["r.xml"]
    assert (got["rejected"], got["joined"], got["rows"]) == (None, joined, refused), says


def test_a_declared_number_change_is_no_contradiction(tmp_path: Path) -> None:
    files = {"a.xml": ROSTER, "b.xml": OTHER_NUMBER, "r.xml": RESULTS}
    got = received(tmp_path, files, {ONE: "999900109"})["r.xml"]
    assert (got["joined"], got["rows"]) == (on(0, 2), 0)


@pytest.mark.parametrize(
    ("says", "files", "warnings"),
    [
        ("none", {}, {}),
        ("a roster without numbers", {"a.xml": NARROW}, {"a.xml": {"ROSTER_WITHOUT_NUMBER": 3}}),
        ("another school's", {"a.xml": changed(ROSTER, (SCHOOL, "98ZZ"))}, {"a.xml": {}}),
    ],
)
def test_results_wait_for_a_roster_with_numbers(
    tmp_path: Path, says: str, files: dict[str, Content], warnings: dict[str, dict[str, int]]
) -> None:
    got = received(tmp_path, {**files, "r.xml": RESULTS}, {})
    assert got["r.xml"]["rejected"] == "ROSTER_MISSING", says
    assert {name: got[name]["warnings"] for name in files} == warnings, says


def test_a_roster_with_single_export_keys_gives_a_warning(tmp_path: Path) -> None:
    assert received(tmp_path, {"a.xml": HASHED}, {})["a.xml"]["warnings"] == {"KEY_OF_ONE_EXPORT": 2}


@pytest.mark.parametrize(
    ("says", "content", "code"),
    [
        ("an error of a service", soap(raw("<s:Fault><faultcode>x</faultcode></s:Fault>")), "XML_NO_RECORDS"),
        ("two messages", soap(lambda school: ROSTER(school) + RESULTS(school)), "XML_SEVERAL"),
        ("a page", raw("<html/>"), "WEB_PAGE"),
        ("another document", raw("<x/>"), "XML_UNKNOWN"),
    ],
)
def test_other_messages_are_rejected_with_a_reason(tmp_path: Path, says: str, content: Content, code: str) -> None:
    assert received(tmp_path, {"a.xml": content}, {})["a.xml"]["rejected"] == code, says
