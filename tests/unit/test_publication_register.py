"""Publications in the register: every edition with its state and files; of a withdrawn one no file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from tests.unit.drawn_editions import REGION, make_document, make_table
from tests.unit.test_publication_documents import make_record

from cohort.foundation import StateRefused
from cohort.publication_documents import EditionApproval, EditionEvent, EditionState, make_public_edition_record
from cohort.storage import StorageZones, write_json_document
from cohort.transparency import render_register

CONTENT = b"regio;maat;waarde;status\n"
MOVES = {
    EditionState.PUBLISHED: [EditionState.PUBLISHED],
    EditionState.SUPERSEDED: [EditionState.PUBLISHED, EditionState.SUPERSEDED],
    EditionState.WITHDRAWN: [EditionState.PUBLISHED, EditionState.WITHDRAWN],
}


def publish(zones: StorageZones, edition: int, state: EditionState, reason: str | None = None) -> None:
    document = make_document([REGION], [make_table("t", [REGION])]).model_copy(update={"edition": edition})
    events = [
        EditionEvent(state=s, at=f"2026-12-0{n}T09:00:00+01:00", by="J. Jansen") for n, s in enumerate(MOVES[state], 1)
    ]
    events[-1] = events[-1].model_copy(update={"reason": reason})
    approval = EditionApproval(principal="P. de Vries", key_fingerprint="SHA256:x", at="2026-12-01", second_person=True)
    changes = {
        "events": tuple(events),
        "approval": approval,
        "files": {"t.cells.csv": hashlib.sha256(CONTENT).hexdigest()},
    }
    record = make_record(edition, state).model_copy(update=changes)
    public = make_public_edition_record(record, document)
    path = zones.public_records / "publications" / "leerlingen" / f"{edition}.json"
    write_json_document(path, public.model_dump(mode="json"), public=True)
    if state is not EditionState.WITHDRAWN:
        folder = zones.published_edition("leerlingen", edition)
        folder.mkdir(parents=True)
        (folder / "t.cells.csv").write_bytes(CONTENT)


@pytest.fixture
def zones(tmp_path: Path) -> StorageZones:
    zones = StorageZones(tmp_path)
    publish(zones, 1, EditionState.WITHDRAWN, "een fout in de schoollijst")
    publish(zones, 2, EditionState.SUPERSEDED)
    publish(zones, 3, EditionState.PUBLISHED)
    return zones


def render(zones: StorageZones) -> dict[str, bytes]:
    return render_register(zones.public_records, zones.root / "publications")


def test_every_edition_is_listed_and_a_withdrawn_one_has_no_files(zones: StorageZones) -> None:
    files = render(zones)
    assert [path for path in files if path.startswith("publications/")] == [
        "publications/leerlingen/2/t.cells.csv",
        "publications/leerlingen/3/t.cells.csv",
    ]
    for path, words in (
        ("publication/leerlingen.html", "ingetrokken"),
        ("en/publication/leerlingen.html", "withdrawn"),
    ):
        page: Any = html.fromstring(files[path])
        assert words in page.text_content()
        assert "een fout in de schoollijst" in page.text_content()
        links = [link for link in page.xpath("//a/@href") if "publications/" in link]
        top = "../" * path.count("/")
        assert links == [f"{top}publications/leerlingen/{number}/t.cells.csv" for number in (3, 2)]
    assert 'href="publication/leerlingen.html"' in files["index.html"].decode()


def test_the_register_names_no_person_and_no_exact_count(zones: StorageZones) -> None:
    text = b"".join(render(zones).values()).decode()
    assert "de Vries" not in text
    assert "Jansen" not in text
    assert '"pupils": 100' not in text


def test_register_json_has_every_edition(zones: StorageZones) -> None:
    register = json.loads(render(zones)["register.json"])
    (publication,) = register["publications"]
    assert [edition["state"] for edition in publication["editions"]] == ["WITHDRAWN", "SUPERSEDED", "PUBLISHED"]
    assert register["processing"] == []


@pytest.mark.parametrize("broken", ["changed", "missing"])
def test_a_file_that_is_not_that_of_its_record_stops_the_register(zones: StorageZones, broken: str) -> None:
    file = zones.published_edition("leerlingen", 3) / "t.cells.csv"
    file.unlink() if broken == "missing" else file.write_bytes(b"x")  # type: ignore[func-returns-value]
    with pytest.raises(StateRefused, match=r"publications/leerlingen/3/t\.cells\.csv"):
        render(zones)


def test_the_record_of_another_edition_stops_the_register(zones: StorageZones) -> None:
    folder = zones.public_records / "publications" / "leerlingen"
    (folder / "4.json").write_bytes((folder / "3.json").read_bytes())
    with pytest.raises(StateRefused, match="another publication or edition"):
        render(zones)


def test_an_edition_that_was_never_public_has_no_public_record() -> None:
    document = make_document([REGION], [make_table("t", [REGION])])
    with pytest.raises(ValueError, match="never public"):
        make_public_edition_record(make_record(1, EditionState.AUDITED), document)
