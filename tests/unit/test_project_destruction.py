"""A project is removed as a whole, searched for by a search that found it before, and certified."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.patches import PatchesAcrossModules
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import platform as drawn_platform

from cohort import delta
from cohort.agreements.environment import Environment
from cohort.delta.table_properties import TableRetention
from cohort.destruction import byte_search, project_destruction, project_inventory, removal_proof, search_terms
from cohort.destruction.project_inventory import ProjectInventory
from cohort.foundation.errors import DestructionIncomplete, StateRefused, UsageRefused
from cohort.keys import project_keys
from cohort.release_records import record_store, release_record, release_states
from cohort.storage import file_operations, json_documents, locks
from cohort.storage.zone_paths import StorageZones

NAME = "leergroei"
NOW = dt.datetime(2027, 12, 31, 12, tzinfo=dt.UTC)
RETENTION = TableRetention(deleted_files_hours=0, log_hours=0)
PSEUDONYM, REMEMBERED = bytes(range(100, 132)), bytes(range(200, 232))


ROWS = "SELECT * FROM VALUES ('I', 'jongen'), ('II', 'meisje') AS rows (rekenen, geslacht)"
STAGED = "SELECT 'I' AS rekenen, X'{}' AS _pupil, X'{}' AS _school, CAST(NULL AS ARRAY<BINARY>) AS _others"


@pytest.fixture(scope="module")
def made(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the project (two releases published, a third staged, a key) and a neighbour."""
    base = tmp_path_factory.mktemp("made")
    zones, folder = StorageZones(base / "root"), base / "keys"
    zones.root.mkdir()
    states = {
        1: release_states.ReleaseState.SUPERSEDED,
        2: release_states.ReleaseState.PUBLISHED,
        3: release_states.ReleaseState.STAGED,
    }
    rows = one_spark.sql(ROWS).coalesce(1)
    for name, numbers in {NAME: (1, 2, 3), "groei": (2,)}.items():
        project_keys.create_key(folder, name)
        for number in numbers:
            record_store.save_release_record(zones, make_release_record(name, number, states[number]))
            if number == 3:
                staged = one_spark.sql(STAGED.format(PSEUDONYM.hex(), bytes(32).hex())).coalesce(1)
                delta.replace_table(
                    staged, zones.staged_release(name, 3), {}, release_record.commit_note(name, 3), RETENTION
                )
            else:
                note = release_record.commit_note(name, number)
                delta.replace_table(rows, zones.published_table(name), {}, note, RETENTION)
                shown = {"release": number, "id": note, "state": states[number], "records": 15}
                json_documents.write_json_document(zones.public_records / name / f"{number}.json", shown)
        remembered = zones.release_snapshots(name) / "2" / "pupils"
        remembered.mkdir(parents=True)
        pseudonym = pa.table({"_pupil": [REMEMBERED if name == NAME else bytes(32)], "class_nr": [0]})
        pq.write_table(pseudonym, remembered / f"part-00000-{uuid.uuid4()}-c000.zstd.parquet")
        json_documents.write_json_document(remembered.parent / "memory.json", {"pupils": 1})
    for name in (NAME, "groei"):
        beside = zones.research_files(name)
        beside.mkdir(parents=True)
        (beside / f"{name}-2.csv").write_text("rekenen,geslacht\nI,jongen\nII,meisje\n", encoding="utf-8")
        (beside / f"{name}-2.sav").write_bytes(f"$FL2 {name}-2 I jongen II meisje".encode())
    for name in (NAME, "groei"):
        twin = pa.table({"rekenen": ["I", "II"], "geslacht": ["meisje", "jongen"]})
        zones.twin(name).mkdir(parents=True)
        marks = {"cohort.release": f"{name}-2-twin", "cohort.synthetic": "true"}
        delta.write_local_table(twin, zones.twin_table(name), marks, f"{name}-2-twin", RETENTION)
        (zones.twin(name) / f"{name}-2-twin.csv").write_text("rekenen,geslacht\nII,meisje\n", encoding="utf-8")
    (zones.published_table(NAME) / ".part-left-by-a-crash.tmp").write_bytes(b"half a row")
    (zones.public_records / NAME / ".2.json.77.new").write_bytes(b"{")
    (zones.deliveries / "01AB").mkdir(parents=True)
    (zones.deliveries / "01AB" / "uit.csv").write_text("brin;pgn\n", encoding="utf-8")
    (zones.root / "feedback" / "01AB").mkdir(parents=True)
    (zones.root / "feedback" / "01AB" / "uses.txt").write_text(f"{NAME}-2\n", encoding="utf-8")
    return base


class Site:
    """A root with one project to destroy, and how a job would call for it."""

    def __init__(self, spark: SparkSession, base: Path) -> None:
        self.spark, self.zones, self.keys = spark, StorageZones(base / "root"), base / "keys"
        self.environment = Environment(
            zones=self.zones,
            platform=drawn_platform(),
            config=base / "conf",
            keys=self.keys,
            now=NOW,
            operator="A. Beheerder",
        )
        self.lines: list[str] = []

    def plan(self, project: str = NAME) -> ProjectInventory:
        return project_destruction.plan_destruction(self.environment, project)

    def destroy(self, project: str = NAME, progress: Callable[[str], None] | None = None) -> dict[str, Any]:
        certificate = project_destruction.destroy_project(
            self.spark, self.environment, project, progress or self.lines.append
        )
        return certificate.model_dump(mode="json")

    def assert_gone(self) -> None:
        assert release_states.project_state(self.zones, NAME) is release_states.ProjectState.DESTROYED
        zones = self.zones
        own = (
            zones.published_table(NAME),
            zones.research_files(NAME),
            zones.twin(NAME),
            zones.staging(NAME),
            zones.release_snapshots(NAME),
            zones.exact_records / NAME,
        )
        for place in own:
            assert not os.path.lexists(place)
        assert not project_keys.key_exists(self.keys, NAME)


@pytest.fixture
def site(spark: SparkSession, made: Path, tmp_path: Path) -> Site:
    shutil.copytree(made, tmp_path / "site", symlinks=True)
    return Site(spark, tmp_path / "site")


@pytest.fixture
def no_delta(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Delta would say, from the log and the folder: one test has Delta say it, the others are fast."""

    def said(path: Path, pattern: str) -> list[str]:
        logs = sorted((path / "_delta_log").glob("*.json"))
        return [hit for log in logs for hit in re.findall(pattern, log.read_text(encoding="utf-8"))]

    def history(path: Path) -> list[delta.TableCommit]:
        notes = said(path, r'"userMetadata":"([^"]+)"')
        return [delta.TableCommit(version, note, "") for version, note in enumerate(notes)]

    monkeypatch.setattr(search_terms, "scratch_folders", lambda _: [tmp_path / "scratch"])
    monkeypatch.setattr(delta, "purge_table", lambda *_: delta.VacuumResult(0))
    monkeypatch.setattr(delta, "table_exists", lambda path: (path / "_delta_log").is_dir())
    monkeypatch.setattr(delta, "can_read_table", lambda _, path, version: path.exists() and version is None)
    monkeypatch.setattr(delta, "read_table_id", lambda path: said(path, r'"metaData":\{"id":"([^"]+)"')[-1])
    monkeypatch.setattr(delta, "read_commits", history)


def listing(root: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.lstat().st_size, p.lstat().st_mtime_ns) for p in sorted(root.rglob("*"))}


def test_a_plan_lists_what_would_be_removed_and_changes_nothing(site: Site) -> None:
    before = listing(site.zones.root.parent)
    inventory = site.plan()
    summary = inventory.summarise().model_dump(mode="json")
    assert listing(site.zones.root.parent) == before
    assert set(summary["places"]) == {
        f"projects/{NAME}",
        f"files/{NAME}",
        f"twins/{NAME}",
        f"staging/{NAME}",
        f"restricted/records/{NAME}",
        f"restricted/released/{NAME}",
    }
    assert summary["key"] is True
    assert [r["state"] for r in summary["releases"]] == ["SUPERSEDED", "PUBLISHED", "STAGED"]
    assert any(Path(item.path).name.startswith(".") for item in inventory.items)
    assert site.plan().sha256 == inventory.sha256
    assert json.loads(json.dumps(summary)) == summary


def test_a_project_that_has_nothing_but_a_twin_is_destroyed_with_proof(site: Site) -> None:
    rows = pa.table({"rekenen": ["I", "II"], "geslacht": ["meisje", "jongen"]})
    site.zones.twin("vroeg").mkdir(parents=True)
    delta.write_local_table(rows, site.zones.twin_table("vroeg"), {"cohort.synthetic": "true"}, "vroeg-twin", RETENTION)
    assert set(site.plan("vroeg").totals_by_place()) == {"twins/vroeg"}
    with locks.hold_lock(site.zones.locks, "vroeg"):
        certificate = site.destroy("vroeg")
    assert not site.zones.twin("vroeg").exists()
    assert certificate["removed"]["places"]["twins/vroeg"]["files"] == 3
    assert certificate["looked_for"]["marks"] == {search_terms.FILE_ID: 1, search_terms.TABLE_ID: 1}
    assert certificate["looked_for"]["found_after"]["marks"] == 0


def test_a_copy_of_a_twin_elsewhere_is_found(site: Site) -> None:
    copy = site.zones.root / "exports" / "twin.parquet"
    copy.parent.mkdir()
    shutil.copy(next(site.zones.twin_table(NAME).glob("*.parquet")), copy)
    with locks.hold_lock(site.zones.locks, NAME), pytest.raises(DestructionIncomplete, match=r"exports/twin\.parquet"):
        site.destroy()


def test_a_destroyed_project_is_gone_and_its_certificate_says_how_that_was_proved(site: Site) -> None:
    planned, others = site.plan(), listing(site.zones.published_table("groei"))
    with locks.hold_lock(site.zones.locks, NAME):
        certificate = site.destroy()

    site.assert_gone()
    for version in (None, 0):
        with pytest.raises(delta.TABLE_ERRORS):
            delta.read_table(site.spark, site.zones.published_table(NAME), version).count()
    assert certificate == json_documents.read_json_document(release_states.certificate_path(site.zones, NAME))
    assert certificate["removed"]["places"] == planned.summarise().model_dump(mode="json")["places"]
    assert certificate["removed"]["inventory_sha256"] == planned.sha256
    assert certificate["removed"]["versions"] == 2
    assert [r["was"] for r in certificate["removed"]["releases"]] == ["SUPERSEDED", "PUBLISHED", "STAGED"]
    proof = certificate["looked_for"]
    assert set(proof["marks"]) == {
        search_terms.FILE_ID,
        search_terms.TABLE_ID,
        search_terms.RELEASE_ID,
        search_terms.PUPIL_PSEUDONYM,
    }
    assert proof["found_before"]["marks"] == sum(proof["marks"].values())
    assert site.zones.research_files("groei").joinpath("groei-2.csv").exists()
    assert site.zones.twin("groei").joinpath("groei-2-twin.csv").exists()
    assert {"name", "bytes", "parquet"} <= set(proof["found_before"]["where"])
    assert proof["found_after"]["marks"] == 0
    assert proof["found_after"]["files"] > 0
    assert proof["listing"]["gone_after"] == proof["listing"]["files_before"] > 0
    assert certificate["confirmed"] == [{"by": "A. Beheerder", "at": "2027-12-31T12:00:00+00:00"}]
    assert [s["step"] for s in certificate["steps"]] == [
        "listed",
        "marks found",
        "emptied",
        "removed",
        "key destroyed",
        "survivors asked for",
        "looked again",
        "records closed",
    ]
    assert listing(site.zones.published_table("groei")) == others
    assert site.zones.deliveries.joinpath("01AB", "uit.csv").exists()
    assert json_documents.read_json_document(site.zones.public_records / NAME / "2.json")["state"] == "DESTROYED"
    assert sorted(p.name for p in (site.zones.public_records / NAME).iterdir()) == [
        "1.json",
        "2.json",
        "certificate.json",
    ]
    assert site.zones.exact_records.joinpath("groei", "2.json").exists()
    assert project_keys.key_exists(site.keys, "groei")


@pytest.mark.usefixtures("no_delta")
def test_certificate_and_progress_hold_no_search_term(site: Site) -> None:
    planned = site.plan()
    site.destroy()
    texts = json.dumps(
        json_documents.read_json_document(release_states.certificate_path(site.zones, NAME))
    ) + "\n".join(site.lines)
    file_ids = [file_id for item in planned.items for file_id in search_terms.UUID_TEXT.findall(item.path)]
    assert file_ids
    assert not [secret for secret in [*file_ids, PSEUDONYM.hex(), str(site.zones.root)] if secret in texts]


def test_the_rows_are_deleted_and_vacuumed_before_the_folder_goes(spark: SparkSession, site: Site) -> None:
    table = site.zones.published_table("groei")
    assert delta.purge_table(table).remaining_files == 0
    assert delta.read_table(spark, table).count() == 0
    assert spark.conf.get("spark.databricks.delta.retentionDurationCheck.enabled", "true") == "true"


@pytest.mark.usefixtures("no_delta")
def test_a_second_destruction_and_a_plan_of_it_are_refused(site: Site) -> None:
    site.destroy()
    after = listing(site.zones.root.parent)
    for again in (site.destroy, site.plan):
        with pytest.raises(StateRefused, match="one that is destroyed"):
            again()
    assert listing(site.zones.root.parent) == after


@pytest.mark.parametrize("project", ["nooitgehad", "leergroe", "leergroei2"])
def test_a_project_that_never_was_is_refused_and_leaves_nothing(project: str, site: Site) -> None:
    before = listing(site.zones.root.parent)
    for call in (site.destroy, site.plan):
        with pytest.raises(StateRefused, match="nothing of it"):
            call(project)
    assert listing(site.zones.root.parent) == before


@pytest.mark.parametrize("project", ["", ".", "..", "../root", "groei/..", "*"])
def test_a_name_that_is_a_path_is_refused(project: str, site: Site) -> None:
    before = listing(site.zones.root.parent)
    for call in (site.destroy, site.plan):
        with pytest.raises(UsageRefused):
            call(project)
    assert listing(site.zones.root.parent) == before


def test_a_project_with_only_a_key_can_be_destroyed(site: Site) -> None:
    project_keys.create_key(site.keys, "alleen_sleutel")
    site.keys.joinpath(".alleen_sleutel.77.new").write_bytes(b"left by a killed job that made the key")
    certificate = site.destroy("alleen_sleutel")
    assert certificate["removed"]["key"] is True
    assert certificate["removed"]["places"] == {}
    assert sorted(p.name for p in site.keys.iterdir()) == ["groei.key", f"{NAME}.key"]


class Killed(BaseException):
    """The process ends here."""


CUTS = [
    (project_inventory, "take_inventory"),
    (search_terms, "choose_search_terms"),
    (search_terms, "search_before_removal"),
    (delta, "purge_table"),
    (file_operations, "remove_tree"),
    (project_keys, "destroy_key"),
    (search_terms, "search_after_removal"),
    (delta, "can_read_table"),
    (record_store, "save_release_record"),
    (removal_proof, "make_certificate"),
    (project_destruction, "remove_journal"),
]


@pytest.mark.usefixtures("no_delta")
@pytest.mark.parametrize(("module", "name"), CUTS, ids=[f"{m.__name__}.{n}" for m, n in CUTS])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_destruction_is_resumed_by_the_next(module: Any, name: str, moment: str, site: Site) -> None:
    planned, real = site.plan(), getattr(module, name)

    def cut(*args: Any, **named: Any) -> Any:
        if moment == "after":
            real(*args, **named)
        raise Killed

    with PatchesAcrossModules.context() as patched:
        patched.setattr(module, name, cut)
        with pytest.raises(Killed):
            site.destroy()

    if release_states.project_state(site.zones, NAME) is release_states.ProjectState.DESTROYED and not os.path.lexists(
        site.zones.exact_records / NAME
    ):
        certificate = json_documents.read_json_document(
            release_states.certificate_path(site.zones, NAME)
        )  # killed after the last step
    else:
        certificate = site.destroy()
    site.assert_gone()
    assert certificate["removed"]["inventory_sha256"] == planned.sha256
    assert certificate["removed"]["key"] is True
    assert len(certificate["removed"]["releases"]) == 3


@pytest.mark.usefixtures("no_delta")
@pytest.mark.parametrize("step", range(1, 7))
def test_a_destruction_killed_between_two_steps_is_resumed_by_the_next(step: int, site: Site) -> None:
    planned = site.plan()

    def stop(_: str) -> None:
        site.lines.append("")
        if len(site.lines) == step:
            raise Killed

    with pytest.raises(Killed):
        site.destroy(progress=stop)
    assert site.plan().state is release_states.ProjectState.DESTROYING
    certificate = site.destroy()
    site.assert_gone()
    assert certificate["removed"]["inventory_sha256"] == planned.sha256
    assert [c["by"] for c in certificate["confirmed"]] == ["A. Beheerder"] * 2


@pytest.mark.usefixtures("no_delta")
def test_what_cannot_be_removed_is_reported_and_the_next_run_resumes(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = next(i for i in site.plan().items if i.place == f"staging/{NAME}" and i.is_data)
    real = os.unlink

    def unlink(path: Any, **where: Any) -> None:
        if os.fsdecode(path).endswith(Path(stuck.path).name):
            raise PermissionError(1, "Operation not permitted")
        real(path, **where)

    with monkeypatch.context() as held:
        held.setattr(os, "unlink", unlink)
        with pytest.raises(DestructionIncomplete, match=f"staging/{NAME}/") as refused:
            site.destroy()
    assert refused.value.exit_code == 16
    assert Path(stuck.path).name not in str(refused.value)
    assert not release_states.certificate_path(site.zones, NAME).exists()
    assert release_states.project_state(site.zones, NAME) is release_states.ProjectState.DESTROYING

    certificate = site.destroy()
    site.assert_gone()
    assert certificate["looked_for"]["listing"]["gone_after"] == certificate["looked_for"]["listing"]["files_before"]


@pytest.mark.usefixtures("no_delta")
def test_a_key_that_cannot_be_removed_is_reported(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> bool:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as held:
        held.setattr(project_keys, "destroy_key", refuse)
        held.setattr(
            file_operations,
            "remove_tree",
            lambda tree, real=file_operations.remove_tree: tree.suffix == ".key" or real(tree),
        )
        with pytest.raises(DestructionIncomplete, match="the project's key"):
            site.destroy()
    site.destroy()
    site.assert_gone()


def a_log(site: Site, marked: dict[str, str]) -> tuple[Path, bytes]:
    return site.zones.restricted / "work" / "run.log.gz", gzip.compress(marked["file"].encode())


def a_clone(site: Site, marked: dict[str, str]) -> tuple[Path, bytes]:
    log = site.zones.published_table("groei") / "_delta_log" / "00000000000000000009.json"
    return log, json.dumps({"add": {"path": f"/elsewhere/part-0-{marked['file']}.parquet"}}).encode()


def a_pseudonym(site: Site, _: dict[str, str]) -> tuple[Path, bytes]:
    return site.zones.public_records / "groei" / "findings.json", json.dumps({"pupil": PSEUDONYM.hex()}).encode()


def a_release(site: Site, _: dict[str, str]) -> tuple[Path, bytes]:
    return site.zones.restricted / "records" / "groei" / "compared.json", f'["{NAME}-2"]'.encode()


def a_copy(site: Site, marked: dict[str, str]) -> tuple[Path, bytes]:
    return site.zones.root / "exports" / "for_a_friend", Path(marked["data"]).read_bytes()


def an_export(site: Site, _: dict[str, str]) -> tuple[Path, bytes]:
    """A copy of an exported file under another name, which names neither project nor release."""
    return site.zones.root / "exports" / "rows.txt", (site.zones.research_files(NAME) / f"{NAME}-2.csv").read_bytes()


def a_renamed_export(site: Site, _: dict[str, str]) -> tuple[Path, bytes]:
    """Rows changed in an exported file, which still says which release it is."""
    return site.zones.root / "exports" / "mine.sav", f"$FL2 {NAME}-2 I jongen".encode()


@pytest.mark.usefixtures("no_delta")
@pytest.mark.parametrize("plant", [a_log, a_clone, a_pseudonym, a_release, a_copy, an_export, a_renamed_export])
def test_any_remnant_of_the_project_prevents_the_certificate(
    plant: Callable[[Site, dict[str, str]], tuple[Path, bytes]], site: Site
) -> None:
    data = next(i for i in site.plan().items if i.is_data and i.place.startswith("projects/"))
    known = {
        "file": search_terms.UUID_TEXT.findall(data.path)[-1],
        "data": str(site.zones.root / data.place / data.path),
    }
    planted, content = plant(site, known)
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_bytes(content)

    with pytest.raises(DestructionIncomplete) as refused:
        site.destroy()
    assert not release_states.certificate_path(site.zones, NAME).exists()
    assert len(refused.value.problems) == 1
    assert planted.parent.relative_to(site.zones.root).as_posix() in str(refused.value)
    assert not re.search(f"{known['file']}|{PSEUDONYM.hex()}|{re.escape(str(site.zones.root))}", str(refused.value))

    planted.unlink()
    site.destroy()
    site.assert_gone()


@pytest.mark.usefixtures("no_delta")
def test_the_scratch_folders_are_searched_too(site: Site, tmp_path: Path) -> None:
    spilled = tmp_path / "scratch" / "blockmgr-1" / "temp_shuffle"
    spilled.parent.mkdir(parents=True)
    spilled.write_bytes(b"\0\1" + PSEUDONYM + b"\2")
    with pytest.raises(DestructionIncomplete, match=r"a pseudonym in the scratch folders"):
        site.destroy()
    spilled.unlink()
    site.destroy()
    site.assert_gone()


def test_nothing_is_removed_when_the_search_does_not_find_the_terms_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = listing(site.zones.published_table(NAME))
    with monkeypatch.context() as blind:
        blind.setattr(byte_search, "search_files", lambda *_, **__: byte_search.ByteSearchResult((), 0, 0, {}, ()))
        with pytest.raises(DestructionIncomplete, match="find every mark"):
            site.destroy()
    assert listing(site.zones.published_table(NAME)) == kept
    assert project_keys.key_exists(site.keys, NAME)


@pytest.mark.usefixtures("no_delta")
def test_a_link_is_removed_and_not_followed(site: Site, tmp_path: Path) -> None:
    outside = tmp_path / "of someone else"
    outside.mkdir()
    (outside / "keep.parquet").write_bytes(b"PAR1")
    (site.zones.published_table(NAME) / "folder").symlink_to(outside)
    (site.zones.published_table(NAME) / "file.parquet").symlink_to(outside / "keep.parquet")
    site.destroy()
    site.assert_gone()
    assert (outside / "keep.parquet").read_bytes() == b"PAR1"


def test_a_place_that_is_itself_a_link_is_refused_before_anything_is_removed(site: Site, tmp_path: Path) -> None:
    table, elsewhere = site.zones.published_table(NAME), tmp_path / "another disk"
    table.rename(elsewhere)
    table.symlink_to(elsewhere)
    before = listing(site.zones.root.parent)
    with pytest.raises(DestructionIncomplete, match="a link to elsewhere"):
        site.destroy()
    assert listing(site.zones.root.parent) == before


def test_a_damaged_table_is_destroyed_like_a_sound_one(site: Site) -> None:
    for log in (site.zones.published_table(NAME) / "_delta_log").glob("*.json"):
        log.write_text("{ broken", encoding="utf-8")
    certificate = site.destroy()
    site.assert_gone()
    assert certificate["removed"]["versions"] == 0
