"""What a school reads of its delivery: every sentence, in both languages, with nouns that fit the counts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cohort.delivery_formats.file_reason_codes import FILE_REASONS
from cohort.foundation.errors import StateRefused
from cohort.ingestion import feedback, run_marker, volume_anomalies
from cohort.ingestion.feedback_document import FeedbackDetails
from cohort.results.ledger import DELIVERY_REJECTED, DELIVERY_TAKEN, Ledger, LedgerEntry
from cohort.storage.zone_paths import StorageZones

MOST = Decimal("0.1")
LINES = {"PGN_INVALID": [3, 9]}


def entry(**changed: Any) -> LedgerEntry:
    values = {
        "sha256": "ab" * 32,
        "name": "a.csv",
        "levering_nr": 7,
        "batch": 1,
        "brin": "10AA",
        "received": "2026-11-23T12:00:00",
        "status": DELIVERY_TAKEN,
        "reason": None,
        "delivered": 12,
        "accepted": 12,
        "quarantined": 0,
        "objected": 0,
        "mended": 0,
        "codes": {},
    }
    return LedgerEntry(**(values | changed))


def rejected(reason: str, **changed: Any) -> LedgerEntry:
    return entry(status=DELIVERY_REJECTED, reason=reason, accepted=0, quarantined=12, **changed)


def written(folder: Path, delivered: LedgerEntry, lines: dict[str, list[int]]) -> tuple[dict[str, Any], str]:
    zones = StorageZones(folder)
    feedback.write_feedback(zones, delivered, FeedbackDetails(lines), MOST)
    path = zones.school_feedback(delivered.brin or feedback.UNKNOWN_SCHOOL) / f"{delivered.levering_nr}"
    return json.loads(path.with_suffix(".json").read_text()), path.with_suffix(".txt").read_text()


@pytest.mark.parametrize(
    ("delivered", "lines", "sentences"),
    [
        (entry(), {}, ["12 rijen geleverd, 12 aangenomen", "12 rows delivered, 12 accepted"]),
        (entry(delivered=1, accepted=1), {}, ["1 rij geleverd", "1 row delivered"]),
        (
            entry(accepted=11, quarantined=1, codes={"PGN_INVALID": 1}),
            {"PGN_INVALID": [3]},
            ["PGN_INVALID: 1 rij: het leerlingnummer", "PGN_INVALID: 1 row: the pupil number", "Regels: 3."],
        ),
        (
            entry(accepted=10, quarantined=2, codes={"PGN_INVALID": 2}),
            LINES,
            ["PGN_INVALID: 2 rijen", "PGN_INVALID: 2 rows", "Lines: 3, 9."],
        ),
        (entry(mended=1), {}, ["Bij 1 leerlingnummer zijn", "Of 1 pupil number lost"]),
        (entry(mended=2), {}, ["Bij 2 leerlingnummers zijn", "Of 2 pupil numbers lost"]),
        (
            entry(replaced={1: 1}, withdrawn={1: 2}),
            {},
            ["1 resultaat vervangen, 2 ingetrokken", "1 result replaced, 2 withdrawn"],
        ),
        (entry(warnings={"TWO_SCHOOLS": 1}), {}, ["Let op, TWO_SCHOOLS: 1 leerling: de", "1 pupil: the pupil"]),
        (entry(warnings={"DATE_OUTSIDE_YEAR": 2}), {}, ["DATE_OUTSIDE_YEAR: 2 rijen: de", "2 rows: the"]),
        (
            entry(warnings={"HALVED": 40}),
            {},
            ["HALVED: 40 rijen in de vorige levering; dit", "HALVED: 40 rows in the delivery before; this"],
        ),
        (
            rejected("TOO_MANY_REFUSED"),
            {},
            ["er is meer dan 10 % van de rijen geweigerd", "more than 10 % of the rows were refused"],
        ),
        (
            rejected("SEVERAL_SCHOOLS"),
            {"SEVERAL_SCHOOLS": [4, 5]},
            ["meer dan één school", "Regels: 4, 5.", "Lines: 4, 5."],
        ),
        (rejected("FILE_NAME"), {}, ["aan het begin. Geef", "at its beginning. Give"]),
        (rejected("ROSTER_MISSING"), {}, ["wacht: er is geen leerlinglijst", "is waiting: there is no roster"]),
    ],
)
def test_a_sentence_names_count_unit_and_lines(
    tmp_path: Path, delivered: LedgerEntry, lines: dict[str, list[int]], sentences: list[str]
) -> None:
    _, text = written(tmp_path, delivered, lines)
    assert [sentences for sentences in sentences if sentences not in text] == []


@pytest.mark.parametrize("reason", sorted(FILE_REASONS))
def test_every_rejection_reads_as_sentences(tmp_path: Path, reason: str) -> None:
    values, text = written(tmp_path, rejected(reason), {})
    assert not {mark for mark in ("..", "{", "}", "None") if mark in text}
    assert values["status"] == (
        "WAITING" if reason in ("ROSTER_MISSING", "PERMISSION_OLDER", "UNREADABLE") else "REJECTED"
    )
    assert values["rejected"]["betekenis"] in text
    assert values["rejected"]["what_to_do"] in text


def sizes(*files: dict[str, Any]) -> list[dict[str, int]]:
    """The warnings of files of one school and supplier, the first of them taken in before."""
    rows = [
        entry(levering_nr=n, accepted=f["delivered"], **({"slices": {"2024-2025 M rekenen": 1}} | f))
        for n, f in enumerate(files)
    ]
    return [delivered.warnings for delivered in volume_anomalies.add_volume_warnings(rows[1:], Ledger(tuple(rows[:1])))]


E = {"2024-2025 E rekenen": 1}


@pytest.mark.parametrize(
    ("files", "warnings"),
    [
        ([{"delivered": 40}, {"delivered": 20, "slices": E}], [{"HALVED": 40}]),
        ([{"delivered": 40}, {"delivered": 21, "slices": E}], [{}]),
        ([{"delivered": 40}, {"delivered": 80, "slices": E}], [{"DOUBLED": 40}]),
        ([{"delivered": 40}, {"delivered": 10, "replaced": {0: 10}, "withdrawn": {0: 30}}], [{"HALVED": 40}]),
        ([{"delivered": 40}, {"delivered": 1, "replaced": {0: 1}}], [{}]),  # a correction
        ([{"delivered": 40}, {"delivered": 10}], [{}]),  # another part of the same period
        (
            [{"delivered": 40}, {"delivered": 1, "replaced": {0: 1}}, {"delivered": 38, "slices": E}],
            [{}, {}],  # held against the delivery, not against the correction
        ),
        ([{"delivered": 40}, {"delivered": 10, "supplier": "other", "slices": E}], [{}]),
    ],
)
def test_a_delivery_is_compared_with_the_last_comparable_one(
    files: list[dict[str, Any]], warnings: list[dict[str, int]]
) -> None:
    assert sizes(*files) == warnings


def test_feedback_of_a_run_that_does_not_count_is_removed(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    feedback.sweep_uncounted_feedback(zones, 6)
    for number in (6, 7, 70):
        written(tmp_path, entry(levering_nr=number), {})
    (zones.school_feedback("10AA") / "gebruik.json").write_text("{}")
    feedback.sweep_uncounted_feedback(zones, 6)
    expected_files = {path.name for path in zones.school_feedback("").rglob("*") if path.is_file()}
    assert expected_files == {"gebruik.json", "6.json", "6.txt"}


def test_a_feedback_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, entry(), {})

    def shut(_: Path, *, onerror: Callable[[OSError], None]) -> list[Any]:
        onerror(PermissionError())
        return []

    monkeypatch.setattr(os, "walk", shut)
    with pytest.raises(StateRefused, match="feedback/"):
        feedback.sweep_uncounted_feedback(StorageZones(tmp_path), 6)


def test_a_run_that_did_not_complete_is_noticed_by_the_next(tmp_path: Path) -> None:
    zones, stored = StorageZones(tmp_path), Ledger((entry(),))
    assert not run_marker.begin_run(zones, Ledger()), "nothing was ever run"
    run_marker.complete_run(zones, stored)
    assert run_marker.begin_run(zones, stored)
    assert not run_marker.begin_run(zones, stored), "the run between was cut off"
    run_marker.complete_run(zones, stored)
    assert not run_marker.begin_run(zones, Ledger()), "an older ledger was put back"
    zones.intake_completed.write_bytes(b"\xff")
    assert not run_marker.begin_run(zones, stored)
