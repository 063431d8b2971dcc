"""Every way to object: {earlier, later than the results} × {same, other school} × {current, old number, lost
zero} × {central list, a school's list, a list that allows}: nothing of those pupils is kept or released.
"""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from tests.unit.drawn_environment import make_environment
from tests.unit.drawn_legal_basis import admitted_results
from tests.unit.drawn_release import write_list
from tests.unit.drawn_results import column, project, result

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.destruction import byte_search
from cohort.erasure import objection_erasure
from cohort.foundation.identifiers import normalise_pgn
from cohort.ingestion import pipeline
from cohort.legal_basis import number_changes, objections_in_force
from cohort.legal_basis.objections_in_force import Objections
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
KNOWN = catalogue.load_catalogue(CONF)
HERE, THERE, ALLOWING = sorted(KNOWN.schools)[:3]
VALID = (n for n in (f"{i:09d}" for i in range(12_345_000, 12_999_999)) if normalise_pgn(n))
WAYS = list(itertools.product(("same", "other"), ("current", "old", "zero"), ("central", "school", "allow")))
SUBJECTS = {way: (next(VALID), next(VALID)) for way in WAYS}
"""Each pupil's number, and the one before it."""
CONTROLS = [next(VALID) for _ in range(4)]
PERMITTED = {how: (next(VALID), next(VALID)) for how in ("current", "old", "zero")}
FREE = {*CONTROLS, *(new for new, _ in PERMITTED.values())}
PROJECT = project([column("rekenen", step=10, result=result("rekenen", "latest"))])


def written(how: str, new: str, old: str) -> str:
    return {"current": new, "old": old, "zero": new.removeprefix("0")}[how]


def deliveries() -> dict[str, list[str]]:
    """Whose results come from which school, and under which number."""
    rows: dict[str, list[str]] = {HERE: CONTROLS[:2], THERE: CONTROLS[2:]}
    rows[ALLOWING] = [new for new, _ in PERMITTED.values()]
    for (where, how, by), (new, old) in SUBJECTS.items():
        if by == "allow":
            rows[ALLOWING] = [*rows[ALLOWING], written(how, new, old)]
        if by != "allow" and where == "same":
            rows[HERE] = [*rows[HERE], new]
        if where == "other":
            rows[THERE] = [*rows[THERE], new]
    return rows


def put_lists(zone: Path) -> None:
    listed: dict[str, list[str]] = {"central": [], "school": []}
    for (_, how, by), (new, old) in SUBJECTS.items():
        if by != "allow":
            school = HERE if by == "school" else ""
            listed[by].append(f"{written(how, new, old)};{school};2026-09-01;;alles")
    permitted = [f"{written(how, *both)};{ALLOWING};2026-09-01;;alles" for how, both in PERMITTED.items()]
    for source, lines in listed.items():
        write_list(zone, lines, source=source, date=NOW.date())
    write_list(zone, permitted, "allow", source="toestemming", schools=[ALLOWING], date=NOW.date())


class Root:
    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.zones = spark, StorageZones(folder)
        self.zones.deliveries.mkdir()
        header = "brin;schooljaar;pgn;toetscode;afnamedatum;vaardigheidsscore"
        for school, pupils in deliveries().items():
            rows = [f"{school};2024-2025;{pgn};REK-M7;2025-01-20;87,3" for pgn in pupils]
            (self.zones.deliveries / f"{school}.csv").write_text("\n".join([header, *rows, ""]))
        self.zones.number_changes.mkdir()
        changes = [f"{old};{new};2026-01-01" for new, old in (*SUBJECTS.values(), *PERMITTED.values())]
        told = "file = 'duo.csv'\ndate = 2026-11-23\nsource = 'DUO'\n"
        (self.zones.number_changes / "duo.toml").write_text(told)
        (self.zones.number_changes / "duo.csv").write_text("\n".join(["oud_pgn;nieuw_pgn;vanaf", *changes]))

    @property
    def holds(self) -> platform.Platform:
        holds = platform.load_platform(CONF)
        one = Decimal(1)
        limits = {"max_erased_share": one, "max_erased_share_of_school": one}
        return holds.model_copy(update={"objections": holds.objections.model_copy(update=limits)})

    def lists(self) -> Objections:
        today, domains = NOW.date(), KNOWN.domains()
        return objections_in_force.load_objections(self.zones.objections, self.holds.objections, today, domains)

    def ingest(self) -> dict[str, Any]:
        changes = number_changes.load_number_changes(self.zones.number_changes, NOW.date())
        known, lists = format_declarations.load_delivery_formats(CONF), self.lists()
        intake = pipeline.IngestionContext(self.zones, self.holds, KNOWN, known, lists, changes, NOW)
        return pipeline.ingest_deliveries(self.spark, intake, lambda _: None)

    def results(self) -> DataFrame:
        return delta.read_table(self.spark, self.zones.results)

    def left(self, rows: DataFrame) -> set[str]:
        return {row.pgn for row in rows.select("pgn").collect()}

    def traces(self) -> set[str]:
        """Ways of which a number is found in results, quarantine, deliveries or feedback, decoded."""
        own = self.zones
        zones = [own.results, own.quarantine, own.deliveries, own.root / "feedback"]
        named = {
            " ".join((*way, str(n))): number.encode() for way, both in SUBJECTS.items() for n, number in enumerate(both)
        }
        return set(byte_search.search_files([zone for zone in zones if zone.exists()], named).labels)


def test_objections_before_ingestion_keep_every_objector_out(spark: SparkSession, tmp_path: Path) -> None:
    root = Root(spark, tmp_path)
    put_lists(root.zones.objections)
    root.ingest()
    assert root.left(root.results()) == FREE
    assert root.traces() == set()


def test_objections_after_ingestion_erase_every_objector(spark: SparkSession, tmp_path: Path) -> None:
    root = Root(spark, tmp_path)
    write_list(root.zones.objections, [], source="niemand", date=NOW.date(), declared_empty=True)
    root.ingest()
    assert root.left(root.results()) == FREE | {new for new, _ in SUBJECTS.values()}
    assert len({label.rsplit(" ", 1)[0] for label in root.traces()}) == len(WAYS), "the search finds them"
    put_lists(root.zones.objections)
    released = admitted_results(root.results(), root.lists(), PROJECT)
    assert root.left(released) == FREE, "at a release, whether `objections` was run or not"
    objection_erasure.apply_objections(spark, make_environment(root.zones, root.holds, NOW), KNOWN, root.lists())
    assert root.left(root.results()) == FREE
    assert root.traces() == set()


@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_every_way_to_object_has_a_pupil(way: tuple[str, str, str]) -> None:
    new, old = SUBJECTS[way]
    assert normalise_pgn(new) == new
    assert normalise_pgn(new.removeprefix("0")) == new
    assert any(number in pupils for pupils in deliveries().values() for number in (new, old, new[1:]))
