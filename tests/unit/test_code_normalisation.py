"""Codes of earlier runs in another spelling: rewritten once, and refused at a release until they are."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from cohort import delta
from cohort.agreements import platform
from cohort.data_states import local_frames
from cohort.data_states.schemas import RESULTS_SCHEMA
from cohort.foundation import code_lists
from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.errors import StateRefused
from cohort.ingestion import code_normalisation
from cohort.results import results_store
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
RIGHT: dict[str, Any] = {
    "pgn": "123456782",
    "pgn_soort": "bsn",
    "brin": "99ZZ",
    "vestiging": "00",
    "schooljaar": "2024-2025",
    "toetscode": "REK-M7",
    "toetsversie": "3.0",
    "domein": "rekenen",
    "schaal": "LVS",
    "bijzonder": False,
    "afnameperiode": "M",
    "peildag": dt.date(2025, 1, 20),
    "vaardigheidsscore": Decimal("80.50"),
    "levering_nr": 1,
    "batch": 1,
}
OLD: list[tuple[dict[str, str], dict[str, str | None]]] = [
    # as it stands there                                             as it must stand there
    ({"gewicht": "0.3"}, {"gewicht": "0,3"}),
    ({"gewicht": "0,30", "ses": "05"}, {"gewicht": "0,3", "ses": "5"}),
    ({"gewicht": "?"}, {"gewicht": None}),
    ({"combinatiegroep": "ja"}, {"combinatiegroep": "1"}),
    ({"combinatiegroep": "nee", "gewicht": "1.2"}, {"combinatiegroep": "0", "gewicht": "1,2"}),
    ({"gewicht": "0", "ses": "50", "combinatiegroep": "1"}, {"gewicht": "0", "ses": "50", "combinatiegroep": "1"}),
    ({}, {}),
    ({"schooltype": "of no list"}, {"schooltype": "of no list"}),
]


@pytest.fixture
def zones(spark: SparkSession, tmp_path: Path) -> StorageZones[Path]:
    where = StorageZones(tmp_path)
    results_store.create_results_tables(spark, where, platform.load_platform(CONF).tables)
    rows = [{**RIGHT, "toetscode": f"T{number}", **old} for number, (old, _) in enumerate(OLD)]
    lines = [tuple(row.get(name) for name in RESULTS_SCHEMA.names) for row in rows]
    delta.append_rows(
        local_frames.make_local_frame(spark, RESULTS_SCHEMA, lines), where.results, "before there were code lists"
    )
    return where


def test_codes_of_earlier_runs_are_rewritten_once(spark: SparkSession, zones: StorageZones[Path]) -> None:
    with pytest.raises(StateRefused, match="canonical spelling"):
        code_normalisation.require_canonical_codes(spark, zones)
    assert code_normalisation.normalise_stored_codes(spark, zones) == 5
    code_normalisation.require_canonical_codes(spark, zones)
    stored_codes = {row.toetscode: row.asDict() for row in delta.read_table(spark, zones.results).collect()}
    assert len(stored_codes) == len(OLD)
    for number, (_, new) in enumerate(OLD):
        row = stored_codes[f"T{number}"]
        assert {name: row[name] for name in CODE_LISTS if name in row} == {
            name: new.get(name, RIGHT.get(name)) for name in CODE_LISTS if name in row
        }
        assert row["vaardigheidsscore"] == RIGHT["vaardigheidsscore"]
    commits = len(list(zones.results.glob("_delta_log/*.json")))
    assert code_normalisation.normalise_stored_codes(spark, zones) == 0
    assert len(list(zones.results.glob("_delta_log/*.json"))) == commits
    assert not any("123456782" in file.read_text() for file in zones.results.glob("_delta_log/*.json"))


def test_a_normalisation_killed_before_its_mark_is_repeated(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(json_documents, "write_json_document", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            code_normalisation.normalise_stored_codes(spark, zones)
    assert (
        code_normalisation.normalise_stored_codes(spark, zones) == 0
    )  # nothing was left to do, and now the mark says so
    assert (
        json_documents.read_json_document(zones.exact_records / "code_lists.json")["digest"]
        == code_lists.digest_code_lists()
    )


def test_changed_code_lists_are_applied_again(
    spark: SparkSession, zones: StorageZones[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_normalisation.normalise_stored_codes(spark, zones) == 5
    monkeypatch.setattr(code_lists, "digest_code_lists", lambda: "another")
    code_normalisation.require_canonical_codes(spark, zones)  # looked at, as there is no mark for these lists
    assert code_normalisation.normalise_stored_codes(spark, zones) == 0
    assert json_documents.read_json_document(zones.exact_records / "code_lists.json")["digest"] == "another"
