"""The uses of a school's results, in the school's own folder; what it says outlives the project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_register import AGREED, CERTIFICATE

from cohort.release import contributors
from cohort.release_records import record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import file_operations, json_documents
from cohort.storage.zone_paths import StorageZones
from cohort.transparency import public_register, school_uses


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones[Path]:
    return StorageZones(tmp_path)


def record(
    zones: StorageZones[Path], project: str, number: int, state: ReleaseState, *schools: str, **changes: Any
) -> ReleaseRecord:
    facts = {
        "class": "anonymous",
        "expires": "2027-12-31",
        "schools": list(schools),
        "version": number,
        "agreed": AGREED | {"question": f"De vraag van {project}?"},
        "counts": {"pupils_released": 4321},
    }
    made = make_release_record(project, number, state, **(facts | changes))
    record_store.save_release_record(zones, made)
    return made


def told(zones: StorageZones[Path], school: str) -> dict[str, str]:
    """The state of each project, as the file of a school says it."""
    file = zones.school_feedback(school) / "gebruik.json"
    if not file.exists():
        return {}
    return {use["project"]: use["state"] for use in json.loads(file.read_text(encoding="utf-8"))["uses"]}


#   project     release  state        schools
TABLE = [
    ("groei", 1, ReleaseState.SUPERSEDED, "01AA", "02BB"),
    ("groei", 2, ReleaseState.PUBLISHED, "01AA", "03CC"),
    ("taal", 1, ReleaseState.PUBLISHED, "02BB"),
    ("half", 1, ReleaseState.VERIFIED, "01AA"),
    ("nee", 1, ReleaseState.REFUSED, "01AA"),
]


@pytest.fixture
def used(zones: StorageZones[Path]) -> StorageZones[Path]:
    for project, number, state, *brins in TABLE:
        published = state in (ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED)
        record(zones, project, number, state, *brins, **({} if published else {"version": None}))
    return zones


def test_a_school_reads_of_the_projects_that_show_its_results(used: StorageZones[Path]) -> None:
    assert school_uses.write_school_uses(used) == {"schools": 3, "changed": 3}

    assert told(used, "01AA") == {"groei": "published"}
    assert told(used, "02BB") == {"groei": "no_longer", "taal": "published"}
    assert told(used, "03CC") == {"groei": "published"}


def test_a_use_has_question_period_class_and_state_and_no_number(used: StorageZones[Path]) -> None:
    school_uses.write_school_uses(used)

    file = json.loads((used.school_feedback("02BB") / "gebruik.json").read_text(encoding="utf-8"))["uses"][0]
    assert file == {
        "project": "groei",
        "question": "De vraag van groei?",
        "starts": "2026-01-01",
        "ends": "2027-12-31",
        "class": "anonymous",
        "state": "no_longer",
    }
    page = (used.school_feedback("02BB") / "gebruik.html").read_text(encoding="utf-8")
    for expected in ("De vraag van taal?", "1 januari 2026 tot en met 31 december 2027", "no longer in use"):
        assert expected in page
    assert "4321" not in page
    assert not [brin for brin in ("01AA", "03CC") if brin in page]


def test_a_second_run_changes_nothing_and_a_changed_page_is_written_again(used: StorageZones[Path]) -> None:
    school_uses.write_school_uses(used)
    (used.school_feedback("01AA") / "gebruik.html").write_text("overwritten", encoding="utf-8")

    assert school_uses.write_school_uses(used) == {"schools": 3, "changed": 1}
    assert school_uses.write_school_uses(used) == {"schools": 3, "changed": 0}


def destroyed(zones: StorageZones[Path], project: str) -> None:
    """Leave of a project what a destruction leaves: its open records and the certificate."""
    file_operations.remove_tree(zones.exact_records / project)
    json_documents.write_json_document(
        release_states.certificate_path(zones, project), CERTIFICATE | {"project": project}
    )


def test_a_destroyed_project_stays_listed_and_a_begun_destruction_is_listed(used: StorageZones[Path]) -> None:
    school_uses.write_school_uses(used)
    destroyed(used, "groei")
    json_documents.write_json_document(release_states.destruction_journal_path(used, "taal"), {"events": []})
    school_uses.write_school_uses(used)

    assert told(used, "01AA") == {"groei": "destroyed"}
    assert told(used, "02BB") == {"groei": "destroyed", "taal": "ending"}
    assert "vernietigd" in (used.school_feedback("01AA") / "gebruik.html").read_text(encoding="utf-8")


def test_a_use_without_a_record_is_removed(used: StorageZones[Path]) -> None:
    school_uses.write_school_uses(used)
    (used.school_feedback("03CC") / "12.json").write_text("{}", encoding="utf-8")
    file_operations.remove_tree(used.exact_records / "groei")

    assert school_uses.write_school_uses(used)["schools"] == 1
    assert [path.name for path in used.school_feedback("03CC").iterdir()] == ["12.json"]


BAD_DAY = dict.fromkeys(("question", "class", "state")) | {"starts": "ooit", "ends": "2027-01-01"}
NOT_AS_WRITTEN = {
    "no JSON": "{",
    "a list": "[]",
    "a number": '{"uses": 3}',
    "not UTF-8": "\udcff",
    "another folder": '{"uses": [{"project": "../../elders"}]}',
    "no day": json.dumps({"uses": [{"project": "weg", **BAD_DAY}]}),
}


@pytest.mark.parametrize("content", NOT_AS_WRITTEN.values(), ids=NOT_AS_WRITTEN)
def test_an_invalid_file_is_written_anew(used: StorageZones[Path], content: str) -> None:
    destroyed(used, "weg")
    school_uses.write_school_uses(used)
    (used.school_feedback("01AA") / "gebruik.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    school_uses.write_school_uses(used)

    assert told(used, "01AA") == {"groei": "published"}


def test_a_school_with_withdrawn_rows_reads_that_its_results_are_no_longer_in_use(zones: StorageZones[Path]) -> None:
    made = record(zones, "baan", 1, ReleaseState.PUBLISHED, "01AA", "02BB")
    without_schools = contributors.record_without_schools(contributors.record_without_schools(made, {"09ZZ"}), {"02BB"})
    record_store.save_release_record(zones, without_schools)
    school_uses.write_school_uses(zones)

    assert (told(zones, "01AA"), told(zones, "02BB")) == ({"baan": "published"}, {"baan": "no_longer"})
    assert without_schools.schools == ("01AA",)


def test_markup_in_a_question_is_escaped(zones: StorageZones[Path]) -> None:
    record(zones, "proef", 1, ReleaseState.PUBLISHED, "01AA", agreed=AGREED | {"question": "<script>x</script>"})
    school_uses.write_school_uses(zones)

    page = (zones.school_feedback("01AA") / "gebruik.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script" not in page


def test_an_older_record_without_schools_or_agreement_is_read(zones: StorageZones[Path]) -> None:
    facts = {"class": "anonymous", "expires": "2027-01-01", "version": 0}
    record_store.save_release_record(zones, make_release_record("oud", 1, ReleaseState.PUBLISHED, **facts))
    record(zones, "half", 1, ReleaseState.PUBLISHED, "01AA", agreed=None)
    school_uses.write_school_uses(zones)

    assert told(zones, "01AA") == {"half": "published"}
    assert "Onderzoek half" in (zones.school_feedback("01AA") / "gebruik.html").read_text(encoding="utf-8")


def test_no_school_is_on_the_site(used: StorageZones[Path]) -> None:
    school_uses.write_school_uses(used)
    json_documents.write_json_document(used.public_records / "groei" / "agreement.json", AGREED)

    everything = b"".join(public_register.render_register(used.public_records).values())

    assert b"groei" in everything
    assert not [brin for brin in (b"01AA", b"02BB", b"03CC") if brin in everything]


def test_an_unreadable_file_stops_the_run_and_stays_as_it_is(
    used: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    school_uses.write_school_uses(used)
    before = told(used, "01AA")
    real = json_documents.read_json_document

    def fails(path: Path) -> dict[str, Any]:
        if path.name == school_uses.USES_FILE:
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(json_documents, "read_json_document", fails)
        with pytest.raises(OSError, match="Input/output error"):
            school_uses.write_school_uses(used)
    assert told(used, "01AA") == before
