"""What intake keeps of special-category results: for which pupils, and until when."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_legal_basis import write_consents
from tests.unit.drawn_project import BASELINE, CONF, SENSITIVE, Toml, write_project_file

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.agreements.catalogue import Catalogue
from cohort.delivery_formats import format_declarations
from cohort.foundation.errors import ConfigurationRefused
from cohort.ingestion import pipeline
from cohort.legal_basis import eligibility, number_changes, objections_in_force
from cohort.legal_basis.consent_register import NO_CONSENTED_PUPILS, ConsentedPupils
from cohort.legal_basis.objections_in_force import Objections
from cohort.release_records import release_states
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
A, B = "111222333", "123456782"
IQ: Toml = {
    "domein": "intelligentie",
    "schooljaar": "2024-2025",
    "moment": "E",
    "schaal": "NLS-IQ",
    "value": "niveau_IV",
    "several": "latest",
}


def declared(**changes: object) -> Toml:
    """A project that shows an IQ on a legal ground, and ends on 2027-01-01."""
    own = copy.deepcopy(BASELINE) | changes
    shown_column = SENSITIVE | {"name": "iq", "result": IQ, "legal_ground": "AVG art. 9 lid 2 onder a"}
    shown_column["constraint"] = SENSITIVE["constraint"] | {"distinct": 3}
    return own | {"columns": [*own["columns"], shown_column]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "projects").mkdir()
    write_project_file(tmp_path, declared())
    lines = [f"{pgn};intelligentie;proef;2026-01-01;2026-12-31;" for pgn in (A, B)]
    write_consents(tmp_path, lines, TODAY)
    return tmp_path


def load_known_catalogue() -> Catalogue:
    return catalogue.load_catalogue(CONF)


def kept_pupils(root: Path, objections_today: Objections | None = None, today: dt.date = TODAY) -> set[str]:
    declared_platform = platform.load_platform(CONF)
    consented = eligibility.consented_pupils_of_live_projects(
        StorageZones(root), declared_platform, root, today, load_known_catalogue(), objections_today or Objections()
    )
    assert {kind for _, kind in consented.pairs} <= {"intelligentie"}
    return {pgn for pgn, _ in consented.pairs}


def test_values_are_kept_for_pupils_who_consent_to_a_live_project(root: Path) -> None:
    assert kept_pupils(root) == {A, B}


@pytest.mark.parametrize("scope", ["alles", "domein:intelligentie", "project:proef"])
def test_an_objection_overrides_a_consent(root: Path, scope: str) -> None:
    assert kept_pupils(root, Objections(barred_numbers={scope: frozenset({A})})) == {B}


def test_an_objection_to_another_project_does_not_override_a_consent(root: Path) -> None:
    assert kept_pupils(root, Objections(barred_numbers={"project:ander": frozenset({A})})) == {A, B}


def test_a_project_that_ended_keeps_nothing(root: Path) -> None:
    write_project_file(root, declared(ends=TODAY - dt.timedelta(days=1)))
    assert kept_pupils(root) == set()


def test_a_project_that_is_destroyed_keeps_nothing(root: Path) -> None:
    json_documents.write_json_document(release_states.certificate_path(StorageZones(root), "proef"), {})
    assert release_states.project_state(StorageZones(root), "proef") is not release_states.ProjectState.OPEN
    assert kept_pupils(root) == set()


def test_a_project_that_shows_no_special_result_keeps_nothing(root: Path) -> None:
    write_project_file(root, BASELINE)
    assert kept_pupils(root) == set()


def test_a_project_that_cannot_be_read_is_refused(root: Path) -> None:
    """Without it nobody knows what may be kept, and what is emptied is gone."""
    (root / "projects" / "proef.toml").write_text("name = 'proef'\n")
    with pytest.raises(ConfigurationRefused):
        kept_pupils(root)


def ingest_with_consent(spark: SparkSession, zones: StorageZones, consented: ConsentedPupils) -> dict[str, bool]:
    """Takes in; gives per pupil whether the level of its IQ is there."""
    intake = pipeline.IngestionContext(
        zones,
        platform.load_platform(CONF),
        load_known_catalogue(),
        format_declarations.load_delivery_formats(CONF),
        objections_in_force.Objections(),
        number_changes.NumberChanges(),
        NOW,
        consented,
    )
    pipeline.ingest_deliveries(spark, intake, lambda _: None)
    rows = delta.read_table(spark, zones.results).where("domein = 'intelligentie'").collect()
    return {row.pgn: row.vaardigheidsscore is not None for row in rows}


def test_ingestion_suppresses_values_without_consent_and_later_those_whose_consent_ended(
    spark: SparkSession, tmp_path: Path
) -> None:
    zones = StorageZones(tmp_path)
    zones.deliveries.mkdir()
    school = min(load_known_catalogue().schools)
    header = "brin;schooljaar;pgn;toetscode;toetsversie;afnamedatum;vaardigheidsscore"
    lines = [f"{school};2024-2025;{pgn};NLS-IQ;1;2025-05-20;12,5" for pgn in (A, B)]
    (zones.deliveries / "iq.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    assert ingest_with_consent(spark, zones, ConsentedPupils(frozenset({(A, "intelligentie")}))) == {A: True, B: False}
    assert ingest_with_consent(spark, zones, NO_CONSENTED_PUPILS) == {A: False, B: False}
