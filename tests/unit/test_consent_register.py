"""Consents as lists give them: whose hold, every refusal; the verifier reads the same by code of its own."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit import drawn_levels
from tests.unit.drawn_legal_basis import write_consents
from tests.unit.drawn_levels import special
from tests.unit.drawn_release import bsn

from cohort.agreements.project import Project
from cohort.foundation.errors import RightsRefused
from cohort.legal_basis import consent_register
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.legal_basis.number_changes import NumberChanges
from cohort.verification import consent_check as verified

TODAY = dt.date(2026, 3, 1)
A, B, OLD = bsn(0), bsn(1), bsn(50)
CHANGES = NumberChanges(newest_numbers={OLD: A})

VOCABULARY = ListVocabulary((), {"proef", "ander"}, (), {"spelling", "iq"})


def line(
    pgn: str = A,
    since: str = "2026-01-01",
    until: str = "2026-12-31",
    withdrawn: str = "",
    kind: str = "spelling",
    project: str = "proef",
) -> str:
    return f"{pgn};{kind};{project};{since};{until};{withdrawn}"


def load(root: Path) -> consent_register.ConsentRegister:
    return consent_register.load_consent_register(root / "consents", 31, TODAY, CHANGES, VOCABULARY)


HOLDS: dict[str, tuple[list[str], bool]] = {
    "in its time": ([line()], True),
    "from today": ([line(since="2026-03-01")], True),
    "from tomorrow": ([line(since="2026-03-02")], False),
    "until today": ([line(until="2026-03-01")], True),
    "until yesterday": ([line(until="2026-02-28")], False),
    "withdrawn today": ([line(withdrawn="2026-03-01")], False),
    "to be withdrawn": ([line(withdrawn="2026-03-02")], True),
    "withdrawn in another list": ([line(), line(withdrawn="2026-02-01")], False),
    "given again": ([line(withdrawn="2026-02-01"), line(since="2026-02-02")], True),
    "under an old number": ([line(OLD)], True),
    "withdrawn under an old number": ([line(), line(OLD, withdrawn="2026-02-01")], False),
    "with a lost zero": ([line(f" {A} ")], True),
    "for another project": ([line(project="ander")], False),
    "for another category": ([line(kind="iq")], False),
}


@pytest.mark.parametrize(("lines", "holds"), HOLDS.values(), ids=list(HOLDS))
def test_which_consents_are_in_force_and_the_verifier_agrees(tmp_path: Path, lines: list[str], holds: bool) -> None:
    for n, one in enumerate([*lines, line(B)]):
        write_consents(tmp_path, [one], TODAY, f"lijst{n}")
    given = load(tmp_path).consented_pupils(special())
    both = {(A, "spelling"), (OLD, "spelling")} if holds else set()
    assert given.pairs == {(B, "spelling"), *both}
    by_verifier = verified.read_consenting_pupils(tmp_path / "consents", special(), 31, TODAY, CHANGES.newest_numbers)
    assert by_verifier == {(B, "spelling"), *({(A, "spelling")} if holds else set())}


def test_a_project_without_a_special_column_needs_no_consent(tmp_path: Path) -> None:
    assert load(tmp_path).consented_pupils(drawn_levels.project()) is consent_register.NO_CONSENTED_PUPILS


@pytest.mark.parametrize(
    ("lines", "message"),
    [(None, "found no list"), ([], "found none in force"), ([line(until="2026-02-01")], "none in force")],
)
def test_a_special_column_without_a_consent_is_refused(tmp_path: Path, lines: list[str] | None, message: str) -> None:
    if lines is not None:
        write_consents(tmp_path, lines, TODAY)
    with pytest.raises(RightsRefused, match=message) as refused:
        load(tmp_path).consented_pupils(special())
    assert refused.value.exit_code == 17


BROKEN = {
    "no number": (line("123456789"), "a pupil number that passes its proof"),
    "another category": (line(kind="rekenen"), "the domain of a test marked bijzonder"),
    "another project": (line(project="elders"), "a project that there is"),
    "no first day": (line(since=""), "nothing in vanaf"),
    "no last day": (line(until=""), "nothing in tot"),
    "ended before it began": (line(until="2025-12-31"), "a last day not before the first"),
    "no date": (line(withdrawn="gisteren"), "a date in ingetrokken_op"),
}


@pytest.mark.parametrize(("broken", "message"), BROKEN.values(), ids=list(BROKEN))
def test_every_invalid_line_is_refused_without_its_number(tmp_path: Path, broken: str, message: str) -> None:
    write_consents(tmp_path, [line(), broken], TODAY)
    with pytest.raises(RightsRefused) as refused:
        load(tmp_path)
    (problem,) = refused.value.problems
    assert message in problem
    assert "consents/actief.csv line 3" in problem
    assert broken.split(";")[0] not in problem


def test_no_repr_shows_a_pupil_number(tmp_path: Path) -> None:
    write_consents(tmp_path, [line(), line(B)], TODAY)
    register = load(tmp_path)
    text = f"{register!r} {register.consented_pupils(special())!r} {register.consents!r}"
    assert not any(number in text for number in (A, B, OLD))


def test_the_digest_changes_when_a_consent_begins_or_ends(tmp_path: Path) -> None:
    write_consents(tmp_path, [line(), line(B, until="2026-03-01")], TODAY)
    zone, today = tmp_path / "consents", TODAY
    days = [
        consent_register.load_consent_register(zone, 31, today + dt.timedelta(n), CHANGES, VOCABULARY).consented_pupils(
            special()
        )
        for n in (0, 0, 1)
    ]
    assert days[0].digest == days[1].digest != days[2].digest


@pytest.mark.parametrize(
    "wrong", [{"role": "quasi-identifying", "constraint": None}, {"constraint": {"largest_value": Decimal("0.8")}}]
)
def test_a_legal_ground_requires_a_sensitive_column_with_l_diversity_or_t_closeness(wrong: dict[str, object]) -> None:
    text = special().model_dump(exclude_unset=True)
    assert Project.model_validate(text) == special()
    column = text["columns"][2] | wrong
    text["columns"][2] = {key: value for key, value in column.items() if value is not None}
    with pytest.raises(ValueError, match="l-diversity or t-closeness"):
        Project.model_validate(text)
