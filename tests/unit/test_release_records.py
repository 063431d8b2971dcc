"""States of releases and their allowed moves, proved complete; records written whole or not at all."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
from tests.unit.drawn_records import BASELINE, make_release_record

from cohort.foundation.errors import StateRefused
from cohort.release_records import record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ALLOWED_MOVES, ProjectState, ReleaseState
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

ALL = list(itertools.product(ReleaseState, ReleaseState))
ALLOWED = [(here, there) for here, there in ALL if there in ALLOWED_MOVES[here]]


def record(state: ReleaseState = ReleaseState.STAGED, number: int = 1) -> ReleaseRecord:
    return make_release_record("proef", number, state, counts={"pupils_records": 60})


def test_every_state_has_its_moves_and_every_move_ends_in_a_state() -> None:
    assert set(ALLOWED_MOVES) == set(ReleaseState)
    assert all(target in ALLOWED_MOVES for targets in ALLOWED_MOVES.values() for target in targets)


def test_every_state_is_reached_from_staged_and_can_be_destroyed() -> None:
    reached, new = {ReleaseState.STAGED}, {ReleaseState.STAGED}
    while new:
        new = {there for here in new for there in ALLOWED_MOVES[here]} - reached
        reached |= new
    assert reached == set(ReleaseState)
    assert all(
        ReleaseState.DESTROYED in ALLOWED_MOVES[state] for state in ReleaseState if state is not ReleaseState.DESTROYED
    )


def test_destroyed_is_final_and_no_state_moves_to_itself() -> None:
    assert ALLOWED_MOVES[ReleaseState.DESTROYED] == frozenset()
    assert [state for state in ReleaseState if state in ALLOWED_MOVES[state]] == []


def test_nothing_is_published_that_was_not_verified() -> None:
    assert [here for here, there in ALLOWED if there is ReleaseState.PUBLISHED] == [ReleaseState.VERIFIED]
    assert [here for here, there in ALLOWED if there is ReleaseState.VERIFIED] == [ReleaseState.STAGED]


@pytest.mark.parametrize(("here", "there"), ALLOWED, ids=lambda state: str(state))
def test_an_allowed_move_keeps_the_fields_and_adds_the_changes(here: ReleaseState, there: ReleaseState) -> None:
    moved = record(here).moved(there, version=3)
    assert (moved.state, moved.id) == (there, "proef-1")
    assert (moved.counts.made(), moved.version) == ({"pupils_records": 60}, 3)


@pytest.mark.parametrize(("here", "there"), [move for move in ALL if move not in ALLOWED], ids=lambda s: str(s))
def test_any_other_move_is_refused(here: ReleaseState, there: ReleaseState) -> None:
    with pytest.raises(StateRefused, match=f"found one that is {here} in release 1 of proef") as refused:
        record(here).moved(there)
    assert refused.value.exit_code == 15


def test_noted_changes_fields_and_not_the_state() -> None:
    noted = record(ReleaseState.PUBLISHED).noted(settled=True)
    assert (noted.state, noted.settled) == (ReleaseState.PUBLISHED, True)


def test_a_saved_record_is_loaded_by_its_number_or_as_the_newest(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    for number in (2, 10, 1):
        record_store.save_release_record(zones, record(ReleaseState.PUBLISHED, number))
    (tmp_path / "restricted/records/proef/destruction.json").write_text("{}")
    assert [found.release for found in record_store.load_release_records(zones, "proef")] == [1, 2, 10]
    assert record_store.find_release_record(zones, "proef", 2) == record(ReleaseState.PUBLISHED, 2)
    assert record_store.find_release_record(zones, "proef", None).release == 10


@pytest.mark.parametrize(
    ("number", "told"), [(1, "no release of proef"), (None, "no release of proef"), (7, "none of that number")]
)
def test_a_release_that_was_never_made_is_refused(tmp_path: Path, number: int | None, told: str) -> None:
    if number == 7:
        record_store.save_release_record(StorageZones(tmp_path), record())
    with pytest.raises(StateRefused, match=told):
        record_store.find_release_record(StorageZones(tmp_path), "proef", number)


@pytest.mark.parametrize("state", [ProjectState.OPEN, ProjectState.DESTROYING, ProjectState.DESTROYED])
def test_a_projects_state_follows_from_its_journal_and_certificate(tmp_path: Path, state: ProjectState) -> None:
    zones = StorageZones(tmp_path)
    if state is not ProjectState.OPEN:
        json_documents.write_json_document(release_states.destruction_journal_path(zones, "proef"), {})
    if state is ProjectState.DESTROYED:
        json_documents.write_json_document(release_states.certificate_path(zones, "proef"), {})
    assert release_states.project_state(zones, "proef") is state
    if state is ProjectState.OPEN:
        release_states.require_open_project(zones, "proef")
        return
    with pytest.raises(StateRefused, match=f"found one that is {state}"):
        release_states.require_open_project(zones, "proef")


def test_a_write_that_fails_leaves_the_record_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "deep" / "1.json"
    json_documents.write_json_document(file, {"n": 1})

    def full(_: int) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        json_documents.write_json_document(file, {"n": 2, "more": "x" * 10_000})
    assert [path.name for path in file.parent.iterdir()] == ["1.json"]
    assert json.loads(file.read_text()) == {"n": 1}


def test_a_reader_never_sees_half_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "1.json"
    json_documents.write_json_document(file, {"n": 1})
    seen = []
    real = Path.replace

    def watched(fresh: Path, target: Path) -> Path:
        seen.append((json_documents.read_json_document(target), json_documents.read_json_document(fresh)))
        return real(fresh, target)

    monkeypatch.setattr(Path, "replace", watched)
    json_documents.write_json_document(file, {"n": 2})
    assert seen == [({"n": 1}, {"n": 2})]
    assert json_documents.read_json_document(file) == {"n": 2}


def test_a_record_of_an_earlier_version_is_loaded_and_written_back_with_the_same_keys(tmp_path: Path) -> None:
    zones, file = StorageZones(tmp_path), tmp_path / "restricted/records/proef/1.json"
    document = {"project": "proef", "release": 1, "state": "PUBLISHED", **BASELINE, "checksum": [22, "abc"]}
    json_documents.write_json_document(file, document)

    loaded = record_store.find_release_record(zones, "proef", 1)
    record_store.save_release_record(zones, loaded)

    assert (loaded.schools, loaded.intruders, loaded.version, loaded.withdrawals) == (None, None, None, ())
    assert not loaded.compared_with_published
    assert json_documents.read_json_document(file) == document


def test_a_first_release_was_compared_with_no_published_one() -> None:
    first = make_release_record(before=None)
    assert (first.compared_with_published, first.nested_in) == (True, None)
    assert first.document()["before"] is None


def test_a_release_that_was_not_verified_has_no_checksum() -> None:
    with pytest.raises(ValueError, match="has no checksum"):
        _ = record().verified_checksum


@pytest.mark.parametrize("text", ["{", "[]", '{"project": "proef", "release": 1, "state": "STAGED", "levels": {}}'])
def test_a_record_that_cannot_be_read_is_refused_by_its_file_and_its_number_stays_readable(
    text: str, tmp_path: Path
) -> None:
    zones = StorageZones(tmp_path)
    record_store.save_release_record(zones, record(ReleaseState.STAGED, 2))
    (zones.exact_records / "proef" / "1.json").write_text(text, encoding="utf-8")
    with pytest.raises(StateRefused, match=r"restricted/records/proef/1\.json"):
        record_store.load_release_records(zones, "proef")
    assert [number for number, _ in record_store.read_release_states(zones, "proef")] == [1, 2]
    assert record_store.read_release_states(zones, "proef")[1] == (2, "STAGED")


def test_the_linked_releases_of_a_record_of_the_first_waves_load_and_are_written_back_as_they_were(
    tmp_path: Path,
) -> None:
    first = {"assumption": "a", "sampled": 3, "smallest": 1, "quantiles": {"50": 2}, "k": 10, "fewer_than_k": 0}
    file = StorageZones(tmp_path).exact_records / "proef" / "1.json"
    json_documents.write_json_document(file, {**record().document(), "linked": first})
    (loaded,) = record_store.load_release_records(StorageZones(tmp_path), "proef")
    assert loaded.document()["linked"] == first
