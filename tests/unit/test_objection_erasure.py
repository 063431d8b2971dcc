"""Objections applied to what is there: results, refused rows, stages, raw files; receipts and killed runs."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_environment import make_environment
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import bsn, write_list

from cohort import delta
from cohort.agreements import catalogue, platform
from cohort.delivery_formats import format_declarations
from cohort.delta import vacuum_files
from cohort.destruction import byte_search
from cohort.erasure import objection_erasure, objection_receipts, raw_file_erasure
from cohort.foundation.errors import ObjectionsRefused
from cohort.ingestion import pipeline
from cohort.legal_basis import number_changes, objections_in_force
from cohort.release_records import record_store
from cohort.release_records.release_states import ReleaseState
from cohort.results import erasure_journal, ledger
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones

CONF = Path(__file__).resolve().parents[2] / "conf"
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
PLATFORM, KNOWN = platform.load_platform(CONF), catalogue.load_catalogue(CONF)
FORMATS = format_declarations.load_delivery_formats(CONF)
HERE, THERE = sorted(KNOWN.schools)[:2]
HEADER = "brin;schooljaar;pgn;toetscode;afnamedatum;vaardigheidsscore"
PUPILS = [bsn(n) for n in range(12)]
"""0 … 7 are at one school, 6 … 11 at the other; 1, 2 and 3 have refused rows, too."""


def read_rows(table: Path) -> list[dict[str, Any]]:
    """The rows of a table, read without Spark."""
    rows: list[dict[str, Any]] = deltalake.DeltaTable(table).to_pyarrow_table().to_pylist()
    return rows


@dataclass
class Root:
    """A storage root, what of its lists is written, and the jobs that are run on it."""

    spark: SparkSession
    zones: StorageZones[Path]
    share: str = "1"
    of_school: str = "1"
    always: int = 0
    now: dt.datetime = NOW

    def deliver(self, name: str, school: str, *rows: str) -> None:
        lines = [HEADER, *(f"{school};2024-2025;{row}" for row in rows), ""]
        (self.zones.deliveries / name).write_text("\n".join(lines), encoding="utf-8")

    def listed(self, *lines: str, name: str = "lijst", **expected: Any) -> None:
        facts = {"polarity": "block", "source": name, "date": self.now.date(), "declared_empty": True} | expected
        write_list(self.zones.objections, lines, **facts)

    def clear(self) -> None:
        shutil.rmtree(self.zones.objections, ignore_errors=True)

    @property
    def platform_declaration(self) -> platform.Platform:
        platform_declaration = PLATFORM
        limits = platform_declaration.objections.model_copy(
            update={
                "max_erased_share": Decimal(self.share),
                "always_erased": self.always,
                "max_erased_share_of_school": Decimal(self.of_school),
            }
        )
        taking = platform_declaration.intake.model_copy(update={"max_refused_share": 1})
        return platform_declaration.model_copy(update={"objections": limits, "intake": taking})

    def load(self, *confirmed: str) -> objections_in_force.Objections:
        zone, today = self.zones.objections, self.now.date()
        return objections_in_force.load_objections(
            zone, self.platform_declaration.objections, today, KNOWN.domains(), confirmed
        )

    def ingest(self) -> dict[str, Any]:
        changes = number_changes.load_number_changes(self.zones.number_changes, self.now.date())
        intake = pipeline.IngestionContext(
            self.zones, self.platform_declaration, KNOWN, FORMATS, self.load(), changes, self.now
        )
        return pipeline.ingest_deliveries(self.spark, intake, lambda _: None)

    def objections(self, *confirmed: str) -> dict[str, Any]:
        return objection_erasure.apply_objections(
            self.spark, make_environment(self.zones, self.platform_declaration, self.now), KNOWN, self.load(*confirmed)
        ).document()

    def rows(self) -> str:
        """Which results there are of whom: `0rs` has rekenen and spelling, `…*` at the second school."""
        domains_by_pupil: dict[str, str] = {}
        for row in sorted(read_rows(self.zones.results), key=lambda row: str(row["domein"])):
            name = f"{PUPILS.index(row['pgn'])}{'*' if row['brin'] == THERE else ''}"
            domains_by_pupil[name] = domains_by_pupil.get(name, "") + row["domein"][0]
        return " ".join(f"{name}{domains}" for name, domains in sorted(domains_by_pupil.items()))

    def refused(self) -> list[str]:
        return sorted(" ".join(row["codes"]) for row in read_rows(self.zones.quarantine))

    def files(self) -> set[str]:
        return {path.name for path in self.zones.deliveries.rglob("*") if path.is_file()}

    def accounting_balances(self) -> bool:
        recorded = ledger.read_ledger(self.zones.ledger).current_row_count()
        return len(read_rows(self.zones.results)) + erasure_journal.count_erased_rows(self.zones) == recorded

    def holding(self, n: int) -> set[str]:
        """The zones in which a pupil's number still stands, looked for in everything decoded."""
        zones = ("restricted/results", "restricted/quarantine", "deliveries", "feedback", "staging")
        present_rows = [self.zones.root / zone for zone in zones]
        found = byte_search.search_files([z for z in present_rows if z.exists()], {"number": PUPILS[n].encode()}).hits
        return {hit.path.relative_to(self.zones.root).parts[-2] for hit in found}


def row(n: int, test: str = "REK-M7", score: str = "87,3") -> str:
    return f"{PUPILS[n]};{test};2025-01-20;{score}"


EVERYTHING = "0rs 1rs 10*r 11*r 2rs 3rs 4rs 5rs 6rs 6*r 7rs 7*r 8*r 9*r"


def without(*pupils: int) -> str:
    """Everything but what there was of some pupils."""
    gone = {str(n) for n in pupils}
    return " ".join(one for one in EVERYTHING.split() if one.rstrip("rs*") not in gone)


@pytest.fixture(scope="module")
def taken_in(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Root:
    made = Root(one_spark, StorageZones(tmp_path_factory.mktemp("erasure")))
    made.zones.deliveries.mkdir()
    every = [row(n, test) for n in range(8) for test in ("REK-M7", "SP-M7")]
    broken = f"x;{PUPILS[3]};REK-M7;2025-01-20;1;2;3"  # the number stands in another column
    made.deliver("a.csv", HERE, *every, row(1, "REK-X"), row(2, "SP-M6", "87.3"), broken)
    made.deliver("b.csv", THERE, *(row(n) for n in range(6, 12)))
    made.listed(name="niemand")
    made.ingest()
    made.clear()
    assert made.rows() == EVERYTHING
    return made


@pytest.fixture
def root(taken_in: Root, spark: SparkSession, tmp_path: Path) -> Root:
    shutil.copytree(taken_in.zones.root, tmp_path / "root")
    return Root(spark, StorageZones(tmp_path / "root"))


def line(n: int, scope: str = "alles", school: str = "") -> str:
    return f"{PUPILS[n]};{school};2026-09-01;;{scope}"


def test_what_a_killed_ingestion_left_goes_before_anything_else(root: Root) -> None:
    left = root.zones.scratch / "1" / "rows.csv"
    left.parent.mkdir(parents=True)
    left.write_text(PUPILS[6], encoding="utf-8")
    root.listed(line(6, school=THERE))
    root.objections()
    assert not root.zones.scratch.exists()


def test_an_objector_is_erased_everywhere_and_the_school_gets_a_receipt(root: Root) -> None:
    root.listed(line(6, school=THERE), f"{bsn(77)};{THERE};2026-09-01;;alles", f"7;{THERE};2026-09-01;;alles")
    record = root.objections()
    assert root.rows() == without(6)
    assert record["erased"] == {"results": 3, "quarantine": 0, "stages": 0, "files": 2}
    (expected,) = record["lists"]
    assert (expected["applied"], expected["unmatched"], expected["invalid"]) == (1, 1, 1)
    assert root.holding(6) == set()
    assert root.accounting_balances()
    receipt = json.loads((root.zones.school_feedback(THERE) / "bezwaren-lijst0.json").read_text())
    assert (receipt["applied"], receipt["unmatched_lines"], receipt["invalid_lines"]) == (1, [3], [4])
    text = (root.zones.school_feedback(THERE) / "bezwaren-lijst0.txt").read_text()
    assert "Regels in de lijst: 4." in text
    assert not any(number in text + str(receipt) for number in (*PUPILS, bsn(77)))
    again = root.objections()
    assert again["erased"] == {"results": 0, "quarantine": 0, "stages": 0, "files": 0}
    assert again["lists"][0]["applied"] == 1, "it was applied, and still is"


@pytest.mark.parametrize(
    ("case", "lines", "rows", "refused", "files"),
    [
        (
            "to a domain: its results, a refused row of an unknown test, a line that is no row",
            [line(n, "domein:rekenen") for n in (1, 2, 3)],
            EVERYTHING.replace("1rs", "1s").replace("2rs 3rs", "2s 3s"),
            ["SCORE_NOT_A_NUMBER"],
            {"b.csv"},
        ),
        ("to everything: every refused row, too", [line(n) for n in (1, 2, 3)], without(1, 2, 3), [], {"b.csv"}),
        (
            "to a project: other projects may use it",
            [line(1, "project:proef")],
            EVERYTHING,
            ["ROW_BROKEN", "SCORE_NOT_A_NUMBER", "TEST_UNKNOWN"],
            {"a.csv", "b.csv"},
        ),
    ],
)
def test_the_scope_of_an_objection_decides_what_is_erased(
    case: str, lines: list[str], rows: str, refused: list[str], files: set[str], root: Root
) -> None:
    root.listed(*lines)
    root.objections()
    assert (root.rows(), root.refused(), root.files()) == (rows, refused, files), case
    assert root.accounting_balances()


def test_pupils_of_an_opt_in_school_who_are_not_on_its_list_are_erased_at_every_school(root: Root) -> None:
    root.listed(*(line(n) for n in range(7)), polarity="allow", schools=[HERE])
    root.objections()
    assert root.rows() == without(7)
    assert root.accounting_balances()
    # what another school delivers of that pupil later is not kept either, though no row is left to tell
    root.deliver("c.csv", THERE, row(7, "SP-M7"), row(8, "SP-M7"))
    record = root.ingest()
    assert (record["rows"]["objected"], record["rows"]["accepted"]) == (1, 1)
    assert root.holding(7) == set()


def test_deliveries_of_an_opt_in_school_wait_for_a_list_that_is_as_recent(root: Root) -> None:
    root.now += dt.timedelta(days=1)
    root.listed(*(line(n) for n in range(8)), polarity="allow", schools=[HERE], date=NOW.date())
    root.deliver("c.csv", HERE, row(0, "SP-M6"), row(9, "SP-M6"))
    assert root.ingest()["rejected"] == {"PERMISSION_OLDER": 1}
    assert root.ingest()["rejected"] == {}, "it is told once"
    root.clear()
    root.listed(*(line(n) for n in range(8)), polarity="allow", schools=[HERE])
    rows = root.ingest()["rows"]
    assert (rows["accepted"], rows["objected"]) == (1, 1)
    root.clear()
    root.listed(*(line(n) for n in range(8)), polarity="allow", schools=[HERE], date=NOW.date())
    with pytest.raises(ObjectionsRefused, match="on or after the deliveries of its schools"):
        root.objections()


@pytest.mark.parametrize(
    ("case", "share", "of_school", "always", "expected"),
    [
        ("of all pupils", "0.1", "1", 0, "at most 10% of all pupils"),
        ("of one school's", "1", "0.2", 0, "at most 20% of one school's pupils"),
    ],
)
def test_a_list_over_an_impact_limit_erases_nothing_until_it_is_confirmed(
    case: str, share: str, of_school: str, always: int, expected: str, root: Root
) -> None:
    root.share, root.of_school, root.always = share, of_school, always
    root.listed(line(0), name="klein")
    root.listed(line(1), line(2), name="groot")
    before = sorted(path for path in root.zones.root.rglob("*") if "locks" not in path.parts)
    with pytest.raises(ObjectionsRefused, match=expected) as refusal:
        root.objections()
    assert refusal.value.exit_code == 12
    assert "--confirm lijst2" in str(refusal.value), case
    assert "lijst0" not in str(refusal.value)
    assert before == sorted(path for path in root.zones.root.rglob("*") if "locks" not in path.parts)
    root.objections("lijst2")
    assert root.rows() == without(0, 1, 2)


def test_a_list_of_the_wrong_polarity_does_not_empty_the_first_delivery(spark: SparkSession, tmp_path: Path) -> None:
    root = Root(spark, StorageZones(tmp_path), of_school="0.4", always=1)
    root.zones.deliveries.mkdir()
    root.deliver("a.csv", HERE, *(row(n) for n in range(8)))
    root.listed(*(line(n) for n in range(4)))
    with pytest.raises(ObjectionsRefused, match="of all pupils"):
        root.ingest()
    assert not root.zones.objection_registry.exists(), "what was refused is not remembered"
    left = [file for file in root.zones.results.rglob("*.parquet") if "_delta_log" not in file.parts]
    assert left == [], "no row of a run that was refused stays in the results"
    root.clear()
    root.listed(line(0))
    assert root.ingest()["rows"]["objected"] == 1
    assert root.files() == set(), "the file that held an objector's row goes after the run"


def test_an_objection_under_an_old_number_erases_after_a_later_change_too(root: Root) -> None:
    root.listed(f"{bsn(50)};;2026-09-01;;alles")
    root.objections()
    assert root.rows() == EVERYTHING
    root.zones.number_changes.mkdir()
    (root.zones.number_changes / "duo.toml").write_text("file = 'duo.csv'\ndate = 2026-11-23\nsource = 'DUO'\n")
    (root.zones.number_changes / "duo.csv").write_text(f"{bsn(50)};{PUPILS[4]};2026-09-01\n")
    root.clear()
    root.listed()
    root.objections()
    assert root.rows() == without(4)


@pytest.mark.parametrize("case", ["a new file of a known objector", "a new objector in a known file"])
def test_a_raw_file_that_a_killed_run_did_not_reach_is_removed_by_the_next(
    case: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.listed(f"{bsn(77)};{HERE};2026-09-01;;alles")
    root.ingest()
    if case == "a new file of a known objector":
        root.deliver("c.csv", HERE, f"{bsn(77)};REK-M7;2025-01-20;80")
    else:
        root.clear()
        root.listed(*(line(n, school=HERE) for n in (3, 9)))
    before = root.files()
    with monkeypatch.context() as patch:
        patch.setattr(raw_file_erasure, "erase_raw_files", raise_killed)
        with pytest.raises(Killed):
            root.ingest()
    assert root.files() == before
    root.ingest()
    assert root.files() == ({"a.csv", "b.csv"} if case == "a new file of a known objector" else set())


FEW = os.environ.get("HYPOTHESIS_PROFILE", "few") == "few"


class Killed(BaseException):
    pass


def raise_killed(*_: object) -> None:
    raise Killed


def steps() -> Iterator[tuple[str, Any, str, bool]]:
    """Where a run is killed: before or after each thing that changes what is there."""
    for module, name in (
        (delta, "delete_matching_rows"),
        (vacuum_files, "vacuum_table"),
        (json_documents, "write_json_document"),
        (objections_in_force, "record_objections"),
        (raw_file_erasure, "erase_raw_files"),
        (objection_receipts, "write_objection_receipts"),
        (delta, "delete_equal_rows"),
    ):
        for after in (False, True):
            yield f"{'after' if after else 'before'} {name}", module, name, after


def kill(root: Root, patches: pytest.MonkeyPatch, module: Any, name: str, after: bool) -> bool:
    """Run it until it is killed before or after that step; False where it did not come to the step."""
    own = getattr(module, name)

    def killed(*arguments: Any, **more: Any) -> None:
        if after:
            own(*arguments, **more)
        raise Killed

    with patches.context() as patch:
        patch.setattr(module, name, killed)
        try:
            root.objections()
        except Killed:
            return True
    return False


def ended_well(root: Root) -> None:
    root.objections()
    assert root.rows() == without(1, 3, 6)
    assert (root.refused(), root.files()) == (["SCORE_NOT_A_NUMBER"], set())
    assert erasure_journal.count_erased_rows(root.zones) == 7
    assert root.holding(6) == root.holding(1) == set()
    receipt = json.loads((root.zones.school_feedback(HERE) / "bezwaren-lijst0.json").read_text())
    assert (receipt["applied"], receipt["unmatched"]) == (3, 0)


def test_runs_killed_at_each_step_in_turn_end_in_the_same_state(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    root.listed(*(line(n, school=HERE) for n in (1, 3, 6)))
    reached_steps = [
        case for case, module, name, after in steps() if after and kill(root, monkeypatch, module, name, after)
    ]
    assert len(reached_steps) >= 5, reached_steps
    ended_well(root)


@pytest.mark.skipif(FEW, reason="one by one with HYPOTHESIS_PROFILE=many; in turn they run always")
@pytest.mark.parametrize(("case", "module", "name", "after"), list(steps()), ids=[s[0] for s in steps()])
def test_a_run_killed_at_any_step_ends_in_the_same_state_when_repeated(
    case: str, module: Any, name: str, after: bool, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    root.listed(*(line(n, school=HERE) for n in (1, 3, 6)))
    assert kill(root, monkeypatch, module, name, after), case
    ended_well(root)


def test_only_outdated_stages_are_removed_and_only_outdated_projects_are_due(root: Root) -> None:
    root.listed(line(0))
    before = root.load()
    zones, domains = root.zones, {"lezer": ["lezen"], "rekenaar": ["rekenen"]}
    for name, used in domains.items():
        facts = {"domains": used, "barred_digest": before.digest_for_project(name, used)}
        record_store.save_release_record(zones, make_release_record(name, 1, ReleaseState.PUBLISHED, **facts))
        record_store.save_release_record(zones, make_release_record(name, 2, ReleaseState.VERIFIED, **facts))
        zones.staged_release(name, 2).mkdir(parents=True)
    zones.staged_release("lezer", 9).mkdir()
    assert root.objections()["due"] == []
    assert not zones.staged_release("lezer", 9).exists(), "of no record"
    root.clear()
    root.listed(line(0), line(1, "domein:rekenen"))
    record = root.objections()
    assert (record["due"], record["erased"]["stages"]) == (["rekenaar"], 1)
    assert not zones.staged_release("rekenaar", 2).exists()
    assert record_store.find_release_record(zones, "rekenaar", 2).state is ReleaseState.REFUSED
    assert (record_store.find_release_record(zones, "lezer", 2).state, zones.staged_release("lezer", 2).exists()) == (
        ReleaseState.VERIFIED,
        True,
    )
