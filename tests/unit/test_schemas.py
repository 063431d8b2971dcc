"""The JSON schemas in `docs/schemas` are those of the documents that the jobs write."""

from __future__ import annotations

import json
import re

import pytest
from pydantic import BaseModel
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import platform

from cohort.release_records import public_record
from cohort.release_records.release_record import ReleaseRecord
from cohorts import schemas

DOCUMENTS = schemas.find_documents()


def test_the_files_are_what_is_generated_and_there_are_no_others() -> None:
    files = {file.name: file.read_text(encoding="utf-8") for file in schemas.SCHEMAS.glob("*.json")}
    assert files == schemas.render_schemas(), "run scripts/schemas"


def test_the_records_of_a_release_are_among_them() -> None:
    assert {"release-record-1", "public-release-record-1", "agreement-1", "class-snapshot-1"} <= set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document_is_named_with_its_version_and_described(name: str) -> None:
    schema = DOCUMENTS[name].model_json_schema()
    assert re.fullmatch(r"[a-z0-9-]+-[0-9]+", name)
    assert schema["$id"] == name
    assert schema["description"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_takes_a_key_that_is_not_declared(name: str) -> None:
    document: type[BaseModel] = DOCUMENTS[name]
    assert document.model_config.get("extra") == "forbid"


def test_a_record_on_disk_has_the_keys_of_its_schema() -> None:
    record = make_release_record()
    written = json.loads(json.dumps(record.document()))
    assert set(written) <= set(ReleaseRecord.model_json_schema()["properties"])
    assert ReleaseRecord.model_validate(written) == record
    public = public_record.make_public_record(platform(), record).document()
    assert set(public) == set(public_record.PublicReleaseRecord.model_json_schema()["properties"])
