"""The public record has the named fields, with hidden or rounded counts, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.drawn_project import CONF
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_register import CODEBOOK
from tests.unit.drawn_release import platform, project

from cohort.agreements import platform as platforms
from cohort.agreements.project import load_project
from cohort.release_records import public_agreement, public_record
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones
from cohort.transparency import register_documents

SCHOOLS = [f"{number:02d}AB" for number in range(23)]


def exact(**changes: Any) -> ReleaseRecord:
    """The exact record of a published release, with all that is restricted in it."""
    known: dict[str, Any] = {
        "class": "anonymous",
        "version": 3,
        "published": "2026-11-23 12:00:00+00:00",
        "expires": "2027-01-01",
        "made_by": "maker",
        "approved_by": "A. Jansen",
        "thresholds": {"k": "10"},
        "recoding": {"kind": "local"},
        "codebook": CODEBOOK,
        "loss": {"mean": 0.12345},
        "counts": {
            "pupils_records": 62,
            "pupils_released": 53,
            "pupils_objected": 7,
            "pupils_suppressed": 0,
            "pupils_withdrawn": 8,
            "pupils_without_instruction": 2,
        },
        "objections": [
            {"list": "12ZZ", "source": "school 12ZZ", "date": "2026-11-01", "in_force": 1},
            {"list": "landelijk", "source": "centraal", "date": "2026-11-20", "in_force": 6},
        ],
        "objections_digest": "d" * 64,
        "batches": [1, 2],
        "schools": SCHOOLS,
        "agreed": public_agreement.make_public_agreement(project()),
    }
    return make_release_record("proef", 1, ReleaseState.PUBLISHED, **(known | changes))


def public_document(**changes: Any) -> dict[str, Any]:
    """The public record as everybody reads it."""
    document: dict[str, Any] = json.loads(
        json.dumps(public_record.make_public_record(platform(), exact(**changes)).document())
    )
    return document


def test_counts_are_hidden_up_to_seven_and_rounded_to_five_above() -> None:
    counts = public_document()["counts"]

    assert counts == {
        "pupils_records": 60,
        "pupils_released": 55,
        "pupils_objected": None,
        "pupils_suppressed": None,
        "pupils_withdrawn": 10,
        "pupils_without_instruction": None,
        "schools": 25,
    }


@pytest.mark.parametrize(
    "added",
    [
        {"consents_digest": "4321"},
        {"findings": [{"code": "4321", "sentence": "4321", "count": 4321}]},
        {"instructions": [{"list": "4321", "source": "4321", "date": "4321"}]},
    ],
    ids=["a digest", "findings", "instructions"],
)
def test_restricted_fields_of_the_exact_record_stay_out_of_the_public_one(added: dict[str, Any]) -> None:
    assert "4321" not in json.dumps(public_document(**added))


@pytest.mark.parametrize(
    "added",
    [{"counts": {"pupils_released": 53, "pupils_consented": 4321}}, {"consents": {"in_force": 4321}}],
    ids=["a count", "consents"],
)
def test_an_exact_record_with_a_key_that_nobody_declared_is_refused(added: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        exact(**added)


def test_no_school_and_no_person_is_in_the_public_record() -> None:
    told = json.dumps(public_document())

    assert not [brin for brin in [*SCHOOLS, "12ZZ"] if brin in told]
    assert "maker" not in told
    assert "Jansen" not in told


def test_of_the_lists_of_objections_only_their_dates_are_public() -> None:
    told = public_document()["objections"]

    assert told == {"oldest_list": "2026-11-01", "newest_list": "2026-11-20"}


def test_the_public_agreement_has_purpose_and_reasons_but_not_the_group_of_readers() -> None:
    agreed = project(readers="geheime-groep")
    told = public_agreement.make_public_agreement(agreed).model_dump(mode="json")

    assert told["question"] == agreed.question
    assert [column["why"] for column in told["columns"]] == [column.why for column in agreed.columns]
    assert "geheime-groep" not in json.dumps(told)


@pytest.mark.parametrize("name", ["leergroei", "nlschools"])
def test_the_register_can_read_the_public_record_of_every_shipped_project(name: str) -> None:
    shipped = load_project(CONF, name, platforms.load_platform(CONF))
    told = public_document(agreed=public_agreement.make_public_agreement(shipped))

    read = register_documents.RegisterRelease.model_validate(told)

    assert read.agreed is not None
    assert [column.name for column in read.agreed.columns] == shipped.column_names
    assert [len(column.source.at) for column in read.agreed.columns] == [len(c.results) for c in shipped.columns]


def test_a_superseded_release_has_its_new_state_in_its_public_record(tmp_path: Path) -> None:
    zones = StorageZones(tmp_path)
    public_record.write_public_record(zones, platform(), exact())
    before = json_documents.read_json_document(zones.public_records / "proef" / "1.json")

    public_record.mark_public_record_superseded(zones, exact().moved(ReleaseState.SUPERSEDED))

    after = json_documents.read_json_document(zones.public_records / "proef" / "1.json")
    assert (before["state"], after["state"]) == ("PUBLISHED", "SUPERSEDED")
    assert {**after, "state": "PUBLISHED"} == before


def test_the_public_agreement_is_written_before_anything_is_published(tmp_path: Path) -> None:
    public_agreement.write_public_agreement(
        StorageZones(tmp_path), "proef", public_agreement.make_public_agreement(project())
    )

    assert [path.name for path in (tmp_path / "records" / "proef").iterdir()] == ["agreement.json"]


LIMITS = {"k": "10", "m": "5", "max_share": "0.5", "k_others": "6"}


def test_intruder_figures_are_the_agreed_limits_and_never_the_measured_ones() -> None:
    came_out = {"stranger": {"left_at_least": 4321}, "board": {"left_at_least": 4321}}
    told = public_document(thresholds=LIMITS, intruders=came_out)

    assert told["faced"] == {
        "stranger": 10,
        "knows_1_other": 9,
        "knows_2_others": 8,
        "knows_3_others": 7,
        "school": 6,
        "board": 6,
    }
    assert "4321" not in json.dumps(told)
    assert register_documents.RegisterRelease.model_validate(told).faced == told["faced"]


@pytest.mark.parametrize("changes", [{}, {"intruders": {}, "class": "pseudonymous"}])
def test_no_intruder_figures_for_an_older_or_a_pseudonymous_release(changes: dict[str, Any]) -> None:
    assert public_document(thresholds=LIMITS, **changes)["faced"] == {}
