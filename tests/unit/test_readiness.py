"""What `status` reports of a project's next release, from results and lists as they stand, without Spark."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from tests.unit import drawn_project, drawn_release
from tests.unit.drawn_legal_basis import write_declared_list, write_instructions
from tests.unit.drawn_release import SCHOOLS, TODAY

from cohort.agreements import catalogue
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.environment import Environment
from cohort.agreements.project import Project
from cohort.keys import project_keys
from cohort.legal_basis.instruction_register import INSTRUCTION_LISTS
from cohort.legal_basis.list_vocabulary import ListVocabulary
from cohort.release import readiness
from cohort.release.release_task import ReleaseTask
from cohort.results import value_ranges
from cohort.storage.zone_paths import StorageZones

Row = dict[str, Any]
RESULT: Row = {
    "brin": SCHOOLS[0],
    "vestiging": "00",
    "schooljaar": "2024-2025",
    "jaargroep": "7",
    "domein": "rekenen",
    "schaal": "RW",
    "afnameperiode": "M",
    "vaardigheidsscore": Decimal("35.00"),
    "ruwe_score": None,
    "geboortedatum": dt.date(2014, 8, 1),
    "batch": 1,
}
LATER: Row = RESULT | {"afnameperiode": "E", "vaardigheidsscore": Decimal("36.00")}
LEVEL: Row = RESULT | {"domein": "spelling", "schaal": "SP", "vaardigheidsscore": None}
STATE = pa.schema(
    [
        *((name, pa.string()) for name in value_ranges.RANGE_KEYS),
        ("vaardigheidsscore", pa.decimal128(7, 2)),
        ("ruwe_score", pa.int32()),
        ("geboortedatum", pa.date32()),
        ("batch", pa.int32()),
    ]
)
BANDS: Row = {"from": 0, "to": 80, "step": 20, "widths": [40]}


YEARS = ("2023-2024", "2024-2025")


def put(root: Path, rows: Iterable[Row], batches: tuple[int, ...] = (1,)) -> StorageZones:
    """Results as a table of batches, and a ledger that vouches for some of them."""
    zones = StorageZones(root)
    table = pa.Table.from_pylist(list(rows), schema=STATE)
    deltalake.write_deltalake(str(zones.results), table, partition_by=["batch", "schooljaar"])
    ledger = pa.table({"batch": pa.array(batches, pa.int32())})
    deltalake.write_deltalake(str(zones.ledger), ledger)
    return zones


def project(**changes: Any) -> Project:
    own = drawn_release.project()
    score = own.columns[0].model_dump(exclude_none=True) | {"bands": BANDS} | changes
    bands = DeclaredColumn.model_validate({k: v for k, v in score.items() if k not in ("hierarchy", "step")})
    return own.model_copy(update={"columns": [bands, *own.columns[1:]]})


def asked(zones: StorageZones, own: Project | None = None) -> tuple[ReleaseTask, ListVocabulary]:
    """A project that nothing stands against, unless something is changed afterwards."""
    root = zones.root
    drawn_release.write_hierarchies(root / "conf" / "hierarchies")
    if not (root / "objections").exists():
        drawn_release.write_list(root / "objections", ["999900109;;2026-01-01;;alles"])
    if not (root / "instructions").exists():
        write_instructions(root, SCHOOLS, TODAY)
    own = own or project()
    if not project_keys.key_exists(root / "keys", own.name):
        project_keys.create_key(root / "keys", own.name)
    tests = (
        catalogue.CatalogueTest("R", "1", "rekenen", None, None, "RW", Decimal(0), Decimal("79.99"), False),
        catalogue.CatalogueTest("S", "1", "spelling", None, None, "SP", Decimal(0), Decimal(500), False),
    )
    listed = Catalogue(tests, frozenset(SCHOOLS))
    known = ListVocabulary(SCHOOLS, frozenset({"proef"}), listed.domains(), frozenset())
    held = drawn_project.make_platform()
    now = dt.datetime.combine(TODAY, dt.time(12), dt.UTC)
    return ReleaseTask(Environment(zones, held, root / "conf", root / "keys", now, "wij"), listed, own), known


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "keys").mkdir(mode=0o700)
    return tmp_path


def told(root: Path, rows: Iterable[Row], **changes: Any) -> dict[str, Any]:
    zones = put(root, rows)
    own = project(**changes)
    return readiness.check_readiness(*asked(zones, own), value_ranges.read_value_ranges(zones, YEARS)).as_dict()


OK = [RESULT, LATER, LEVEL]
OUTSIDE: dict[str, tuple[list[Row], str | None]] = {
    "nothing is wrong": (OK, None),
    "a score above": ([*OK, RESULT | {"vaardigheidsscore": Decimal("80.00")}], "values above its highest"),
    "a score below": ([*OK, RESULT | {"vaardigheidsscore": Decimal("-0.01")}], "values under its lowest"),
    "just inside": ([*OK, RESULT | {"vaardigheidsscore": Decimal("35.99")}], None),
    "of another year": ([*OK, RESULT | {"vaardigheidsscore": Decimal(99), "schooljaar": "2023-2024"}], None),
    "of another year group": ([*OK, RESULT | {"vaardigheidsscore": Decimal(99), "jaargroep": "3"}], None),
    "of another moment": ([*OK, RESULT | {"vaardigheidsscore": Decimal(99), "afnameperiode": "B"}], None),
    "of a batch that does not count": ([*OK, RESULT | {"vaardigheidsscore": Decimal(99), "batch": 2}], None),
    "a difference that may be": (
        [*OK, LATER | {"vaardigheidsscore": Decimal("79.00")}],
        "differences that may lie above its highest",
    ),
    "a date of birth before": ([*OK, RESULT | {"geboortedatum": dt.date(2013, 7, 31)}], "values under its lowest"),
    "a date of birth after": ([*OK, LATER | {"geboortedatum": dt.date(2015, 8, 1)}], "values above its highest"),
}


@pytest.mark.parametrize(("rows", "sentence"), OUTSIDE.values(), ids=OUTSIDE.keys())
def test_values_outside_the_bands_are_reported_before_a_release(
    root: Path, rows: list[Row], sentence: str | None
) -> None:
    both = told(root, rows)
    doubtful = (sentence or "").startswith("differences")
    found = both["may_refuse" if doubtful else "would_refuse"]
    assert not doubtful or both["would_refuse"] == []
    assert len(found) == (sentence is not None)
    assert sentence is None or sentence in found[0]
    assert not any(digits in one for one in found for digits in ("80.00", "-0.01", "79.00", "2013", "10A"))


def test_an_open_upper_band_takes_values_above(root: Path) -> None:
    rows = [*OK, RESULT | {"vaardigheidsscore": Decimal("79.99")}]
    assert told(root, rows, bands={**BANDS, "to": 60, "above": True})["would_refuse"] == []


def test_bands_that_miss_a_score_of_the_catalogue_are_reported_without_results(root: Path) -> None:
    (found,) = told(root, OK, bands={**BANDS, "to": 60, "widths": []})["would_refuse"]
    assert "from 0 up to and including 79.99" in found


def test_problems_of_lists_key_and_hierarchies_are_reported_together(root: Path) -> None:
    zones = put(root, OK)
    asks = asked(zones)
    (root / "instructions" / "standaard.csv").write_text(";".join(INSTRUCTION_LISTS.column_names) + "\n")
    project_keys.destroy_key(root / "keys", "proef")
    (root / "conf" / "hierarchies" / "geslacht.csv").write_text("1;*\n2;*\n0;*\n")
    found = readiness.check_readiness(*asks, value_ranges.read_value_ranges(zones, YEARS)).as_dict()
    for part in ("none for `9`", "instructions/", "key"):
        assert any(part in one for one in found["would_refuse"]), part
    assert (found["left_out"], found["expires"]) == ([], [])


def test_missing_results_are_reported(root: Path) -> None:
    zones = StorageZones(root)
    (one,) = readiness.check_readiness(*asked(zones), value_ranges.read_value_ranges(zones, YEARS)).would_refuse
    assert "Run ingest first" in one


@pytest.mark.parametrize(
    ("schools", "sentence"),
    [(0, None), (3, "Results of 7 or fewer of about 20 schools"), (12, "Results of about 10 of about 20")],
)
def test_schools_without_an_instruction_are_counted_and_not_named(
    root: Path, schools: int, sentence: str | None
) -> None:
    codes = [f"{n:02d}AA" for n in range(20)]
    zones = put(root, [one | {"brin": brin} for brin in codes for one in OK])
    asks = asked(zones)
    write_declared_list(
        root / "instructions",
        INSTRUCTION_LISTS.column_names,
        [f"{brin};;anonimiseren;;;bestuur;2020-01-01;;" for brin in codes[schools:]],
        TODAY,
        "standaard",
    )
    known = ListVocabulary(codes, frozenset({"proef"}), asks[0].catalogue.domains(), frozenset())
    asks = (asks[0], known)
    found = readiness.check_readiness(*asks, value_ranges.read_value_ranges(zones, YEARS)).as_dict()
    assert found["would_refuse"] == []
    assert [one[: len(sentence or "")] for one in found["left_out"]] == ([sentence] if sentence else [])
    assert not any(brin in str(found) for brin in codes)


def test_a_site_without_an_instruction_counts_as_its_school(root: Path) -> None:
    zones = put(root, [*OK, RESULT | {"vestiging": "02"}])
    asks = asked(zones)
    lines = [f"{SCHOOLS[0]};{site};anonimiseren;;;bestuur;2020-01-01;;" for site in ("00", "01")]
    write_declared_list(root / "instructions", INSTRUCTION_LISTS.column_names, lines, TODAY, "standaard")
    assert readiness.check_readiness(*asks, value_ranges.read_value_ranges(zones, YEARS)).as_dict()["left_out"]


@pytest.mark.parametrize(("age", "left"), [(0, None), (1, 6), (7, 0), (8, "refused")])
def test_a_list_that_expires_soon_is_reported_with_its_remaining_days(
    root: Path, age: int, left: int | str | None
) -> None:
    zones = put(root, OK)
    asks = asked(zones)
    for file in (root / "objections").iterdir():
        file.unlink()
    days = {} if left is None else {"max_age_days": 7}
    drawn_release.write_list(
        root / "objections",
        ["999900109;;2026-01-01;;alles"],
        date=TODAY - dt.timedelta(days=age),
        **({"max_age_days": 99} | days),
    )
    found = readiness.check_readiness(*asks, value_ranges.read_value_ranges(zones, YEARS)).as_dict()
    if left == "refused":
        assert "at most 7 days old" in found["would_refuse"][0]
    else:
        mine = [one for one in found["expires"] if "objections/" in one]
        assert [f"used for {left} more days" in one for one in mine] == ([True] if left is not None else [])


def test_an_instruction_that_ends_soon_is_reported(root: Path) -> None:
    zones = put(root, OK)
    asks = asked(zones)
    until = TODAY + dt.timedelta(days=12)
    lines = [f"{brin};;anonimiseren;;;bestuur;2020-01-01;{until};" for brin in SCHOOLS]
    write_declared_list(root / "instructions", INSTRUCTION_LISTS.column_names, lines, TODAY, "standaard")
    found = readiness.check_readiness(*asks, value_ranges.read_value_ranges(zones, YEARS)).as_dict()
    assert "The first of the instructions in force ends in 12 days." in "".join(found["expires"])


def test_an_interrupted_ingestion_is_reported_and_is_no_defect(root: Path) -> None:
    zones = put(root, OK)
    (zones.supersession / "1").mkdir(parents=True)
    (one,) = readiness.check_readiness(*asked(zones), value_ranges.read_value_ranges(zones, YEARS)).would_refuse
    assert "Run ingest again" in one
