"""A record that is broken, or that names a pupil or school, stops the register; the refusal names the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_register import AGREED, CERTIFICATE, public_release, write_example_records, write_records

from cohort.foundation.errors import StateRefused
from cohort.transparency import public_register

PGN = "123456782"
"""A valid pupil number."""


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_example_records(tmp_path / "root" / "records")


BROKEN: dict[str, Callable[[Path], object]] = {
    "no JSON": lambda file: file.write_text("{"),
    "not UTF-8": lambda file: file.write_bytes(b"\xff\xfe{}"),
    "a list": lambda file: file.write_text("[]"),
    "deep": lambda file: file.write_text("[" * 100_000),
    "no state": lambda file: change(file, state=None),
    "another state": lambda file: change(file, state="STAGED"),
    "another class": lambda file: change(file, **{"class": "open"}),
    "no day": lambda file: change(file, published="2026-99-99 12:00"),
    "a count as text": lambda file: change(file, counts={"pupils_released": "many"}),
    "a loss that is none": lambda file: change(file, codebook={"a": {"loss": float("nan"), "levels": []}}),
    "another project": lambda file: change(file, project="elders"),
    "another number": lambda file: change(file, release=7),
    "a control character": lambda file: change(file, agreed={**AGREED, "question": "Hoe\u0000 dan"}),
    "half a sign": lambda file: change(file, agreed={**AGREED, "question": "Hoe\ud800 dan"}),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


def change(file: Path, **facts: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **facts}))


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_record_is_reported_in_one_sentence(records: Path, how: str) -> None:
    BROKEN[how](records / "leergroei" / "2.json")

    with pytest.raises(StateRefused) as refusal:
        public_register.render_register(records)

    assert len(refusal.value.problems) == 1
    assert "records/leergroei/2.json" in str(refusal.value)
    assert refusal.value.exit_code == 15


def test_all_broken_records_are_reported_at_once(records: Path) -> None:
    (records / "leergroei" / "1.json").write_text("{")
    (records / "rekenangst" / "certificate.json").write_text("{}")
    (records / "taalkaart" / "agreement.json").write_text("{}")

    with pytest.raises(StateRefused) as refusal:
        public_register.render_register(records)

    assert len(refusal.value.problems) == 3


@pytest.mark.parametrize("text", [f"Waarom {PGN}?", "Hoe leest 12ab niet maar 12AB wel?", "Zie 23456784."])
def test_a_record_with_a_pupil_number_or_school_code_is_refused_without_repeating_it(tmp_path: Path, text: str) -> None:
    write_records(tmp_path, "proef", r1=public_release(project="proef", agreed={**AGREED, "question": text}))

    with pytest.raises(StateRefused) as refusal:
        public_register.render_register(tmp_path)

    assert "records/proef/1.json" in str(refusal.value)
    assert not [word for word in (PGN, "12AB", "23456784") if word in str(refusal.value)]


@pytest.mark.parametrize("text", ["Groei in 2024-2025, 20 tot 40?", "AVG art. 6, 3512AB Utrecht", "sinds 20240101"])
def test_other_numbers_and_codes_are_accepted(tmp_path: Path, text: str) -> None:
    write_records(tmp_path, "proef", r1=public_release(project="proef", agreed={**AGREED, "question": text}))

    assert text in public_register.render_register(tmp_path)["project/proef.html"].decode()


def test_files_and_folders_with_other_names_are_not_read(records: Path) -> None:
    first = public_register.render_register(records)
    (records / "leergroei" / "findings.json").write_text("{")
    (records / "leergroei" / ".2.json.77.new").write_text("{")
    (records / "No Project").mkdir()
    (records / "leeg").mkdir()

    assert public_register.render_register(records) == first


def test_a_certificate_of_another_project_is_refused(records: Path) -> None:
    write_records(records, "rekenangst", certificate=CERTIFICATE | {"project": "elders"})
    with pytest.raises(StateRefused, match=r"records/rekenangst/certificate\.json"):
        public_register.render_register(records)
