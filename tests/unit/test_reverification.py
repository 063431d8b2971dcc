"""A published table that fails its verification: closed before it is said, opened only after a clean one."""

from __future__ import annotations

import datetime as dt
import grp
import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.unit import drawn_release as drawn
from tests.unit.drawn_environment import make_environment
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import COLUMNS, Stage

from cohort import delta
from cohort.access import table_access
from cohort.agreements import catalogue, project
from cohort.agreements.catalogue import Catalogue
from cohort.agreements.environment import Environment
from cohort.agreements.platform import AccessSettings, Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import ConfigurationRefused, NotAnonymous, StateRefused
from cohort.published_tables import reader_check, reverification
from cohort.published_tables.reverification import NOTHING_VERIFIED, TableVerification
from cohort.release import status
from cohort.release.release_task import ReleaseTask
from cohort.release_records import record_store, release_states
from cohort.release_records.due_actions import DueJob, DueReason
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage import json_documents
from cohort.storage.zone_paths import StorageZones
from cohort.verification import published_table_verification as verify
from cohort.verification.published_table_verification import published_table_properties

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
OURS = grp.getgrgid(os.getegid()).gr_name
Tamper = Callable[[Path], None]


@dataclass(frozen=True)
class PublishedProject:
    """A published table that its readers read, with its record."""

    spark: SparkSession
    folder: Path

    @property
    def zones(self) -> StorageZones[Path]:
        return StorageZones(self.folder / "root")

    @property
    def platform(self) -> Platform:
        way = AccessSettings.model_validate({"way": "group"})
        return drawn.platform().model_copy(update={"access": way})

    @property
    def project(self) -> Project:
        return drawn.project(readers=OURS)

    @property
    def table(self) -> Path:
        return self.zones.published_table("proef")

    @property
    def note(self) -> Path:
        return Path(str(release_states.failed_verification_path(self.zones, "proef")))

    @property
    def work(self) -> ReleaseTask:
        empty = Catalogue((), frozenset())
        return ReleaseTask(
            Environment(self.zones, self.platform, self.folder, self.folder / "keys", NOW, "wij"), empty, self.project
        )

    @property
    def record(self) -> ReleaseRecord:
        return record_store.find_release_record(self.zones, "proef", 1)

    @property
    def access(self) -> str:
        return table_access.access_state(self.zones, self.platform, "proef")

    def verify(self) -> tuple[str, ...]:
        return reverification.reverify_published_table(self.spark, self.work, None, self.record).checked

    def daily(self) -> tuple[str, int]:
        today = make_environment(self.zones, self.platform, NOW, self.folder / "conf", self.folder / "keys")
        (one,) = reader_check.check_readers(today, lambda _: None).document()["projects"]
        return one["access"], one["exit_code"]


@pytest.fixture(scope="module")
def published(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `publish` leaves it."""
    published_project = PublishedProject(one_spark, tmp_path_factory.mktemp("published"))
    own = published_project.project
    stage = delta.read_table(one_spark, Stage().write(published_project.folder / "stage")).select(*COLUMNS)
    rows = stage.repartition(2, *COLUMNS).sortWithinPartitions(*COLUMNS)
    published_project.zones.root.mkdir()
    table_access.close_table(published_project.zones, published_project.platform, "proef", "for this test", NOW)
    delta.replace_table(
        rows,
        published_project.table,
        published_table_properties(own, "proef-1"),
        "proef-1",
        published_project.platform.tables,
    )
    facts = {"checksum": [*delta.checksum_rows(stage)], "settled": True, "class": "anonymous", "version": 0}
    record_store.save_release_record(
        published_project.zones, make_release_record("proef", 1, ReleaseState.PUBLISHED, **facts)
    )
    drawn.write_hierarchies(published_project.folder / "hierarchies")
    return published_project.folder


@pytest.fixture
def published_project(
    spark: SparkSession, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PublishedProject:
    shutil.copytree(published, tmp_path / "copy")
    made = PublishedProject(spark, tmp_path / "copy")
    monkeypatch.setattr(project, "load_project", lambda *_: made.project)
    table_access.settle_access(made.zones, made.platform, made.project, NOW)
    assert made.access == "granted"
    return made


def data(table: Path) -> Path:
    return max(table.glob("*.parquet"), key=lambda file: file.stat().st_size)


def without_checksum(file: Path) -> None:
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)


def more_rows(table: Path) -> None:
    first = deltalake.DeltaTable(str(table)).to_pyarrow_table()
    deltalake.write_deltalake(str(table), first.slice(0, 1), mode="append")


def fewer_rows(table: Path) -> None:
    deltalake.DeltaTable(str(table)).delete("geslacht = '1'")


def other_values(table: Path) -> None:
    file = data(table)
    rows = pq.read_table(file)
    swapped = pa.array([{"1": "2", "2": "1"}.get(x, x) for x in rows["geslacht"].to_pylist()], pa.string())
    place = rows.schema.get_field_index("geslacht")
    pq.write_table(rows.set_column(place, rows.schema.field(place), swapped), file, write_statistics=False)
    without_checksum(file)


def one_row_twice_and_one_gone(table: Path) -> None:
    file = data(table)
    rows = pq.read_table(file)
    pq.write_table(pa.concat_tables([rows.slice(0, 1), rows.slice(0, len(rows) - 1)]), file)
    without_checksum(file)


def a_byte(table: Path) -> None:
    file = data(table)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(content)


def a_byte_without_its_checksum(table: Path) -> None:
    a_byte(table)
    without_checksum(data(table))


def half_a_file(table: Path) -> None:
    file = data(table)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    without_checksum(file)


def no_file(table: Path) -> None:
    data(table).unlink()


def no_log(table: Path) -> None:
    shutil.rmtree(table / "_delta_log")


def no_table(table: Path) -> None:
    shutil.rmtree(table)
    table.mkdir(mode=0o750)


def garbage_in_the_log(table: Path) -> None:
    (log,) = (table / "_delta_log").glob("*.json")
    log.write_text("{")
    without_checksum(log)


def a_comment_in_the_log(table: Path) -> None:
    (log,) = (table / "_delta_log").glob("*.json")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["tags"] = {"brin": "10AA"}
    log.write_text("\n".join(map(json.dumps, lines)) + "\n")
    without_checksum(log)


def an_earlier_snapshot(table: Path) -> None:
    (table / ".nfs00000001").write_bytes(data(table).read_bytes())


def a_file_beside(table: Path) -> None:
    (table / "rows.parquet").write_bytes(data(table).read_bytes())


TAMPERED: list[Tamper] = [
    more_rows,
    fewer_rows,
    other_values,
    one_row_twice_and_one_gone,
    a_byte,
    a_byte_without_its_checksum,
    half_a_file,
    no_file,
    no_log,
    no_table,
    garbage_in_the_log,
    a_comment_in_the_log,
    an_earlier_snapshot,
    a_file_beside,
]


def put_back(published_project: PublishedProject, published: Path) -> None:
    shutil.rmtree(published_project.table)
    shutil.copytree(published / "root" / "projects" / "proef", published_project.table)


def test_an_unchanged_table_stays_open(published_project: PublishedProject) -> None:
    assert "K" in published_project.verify()
    assert published_project.access == "granted"
    assert not published_project.note.exists()


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_a_table_that_was_tampered_with_is_closed_until_a_clean_verification(
    published_project: PublishedProject, published: Path, tamper: Tamper, monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper(published_project.table)
    twin = published_project.table.parent.parent / "twins" / "proef"
    twin.mkdir(parents=True)
    (twin / "proef-1-twin.csv").write_text("geslacht\n", encoding="utf-8")
    seen: list[str] = []

    def said(*problems: str) -> NotAnonymous:
        seen.append(published_project.access)
        return NotAnonymous(*problems)

    with monkeypatch.context() as patch:
        patch.setattr("cohort.published_tables.reverification.NotAnonymous", said)
        with pytest.raises(NotAnonymous) as refused:
            published_project.verify()
    assert seen == ["withdrawn"], "closed before it was said"
    assert refused.value.exit_code == 14
    assert "Nobody reads projects/proef any more. Its twin was removed." in str(refused.value)
    assert not twin.exists()
    assert "run verify" in str(refused.value)
    for _ in range(2):
        assert published_project.daily() == ("withdrawn", 14)
    put_back(published_project, published)
    assert published_project.daily() == ("withdrawn", 14), "not for its bytes, which nobody verified"
    published_project.verify()
    assert published_project.access == "withdrawn", "a verification opens nothing"
    assert published_project.daily() == ("granted", 0)


def test_a_run_killed_before_it_closed_the_table_is_finished_by_the_next_job(
    published_project: PublishedProject,
) -> None:
    child = os.fork()
    if child == 0:  # nothing in it reaches pytest or the JVM
        try:
            reverification.withdraw_access = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[attr-defined]
            failed = TableVerification(NOTHING_VERIFIED, ["K: something"])
            reverification.close_failed_table(published_project.work, published_project.record, failed)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert (published_project.access, published_project.note.exists()) == ("granted", True)
    table_access.close_unverified_tables(
        published_project.zones, published_project.platform, NOW
    )  # as every job begins
    assert published_project.access == "withdrawn"
    assert published_project.daily() == ("withdrawn", 14)


def test_a_problem_of_a_declaration_does_not_close_the_table(published_project: PublishedProject) -> None:
    (published_project.folder / "hierarchies" / "banden.csv").unlink()
    with pytest.raises(ConfigurationRefused):
        published_project.verify()
    assert (published_project.access, published_project.note.exists()) == ("granted", False)


def test_running_out_of_memory_is_a_failed_verification(
    published_project: PublishedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raises(*_: object) -> None:
        raise MemoryError("10AA")

    monkeypatch.setattr(verify, "verify_published_table", raises)
    with pytest.raises(NotAnonymous, match="MemoryError at") as refused:
        published_project.verify()
    assert "10AA" not in str(refused.value)
    assert published_project.access == "withdrawn"


def test_rows_that_are_being_withdrawn_are_not_verified(published_project: PublishedProject) -> None:
    json_documents.write_json_document(release_states.withdrawal_journal_path(published_project.zones, "proef"), {})
    with pytest.raises(StateRefused, match="being withdrawn"):
        published_project.verify()
    assert not published_project.note.exists()


def test_a_table_that_cannot_be_closed_is_reported(
    published_project: PublishedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    more_rows(published_project.table)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", refuse)
        with pytest.raises(NotAnonymous, match=r"It could not be closed: .*chmod 700"):
            published_project.verify()
    assert published_project.note.exists()


def test_a_failed_table_is_due_for_verification(
    published_project: PublishedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    json_documents.write_json_document(published_project.note, {"release": 1})
    context = status.StatusContext(published_project.work.environment, None)
    monkeypatch.setattr(catalogue, "load_catalogue", lambda _: Catalogue((), frozenset()))
    found = status.find_due_actions(context, published_project.project)
    assert found[0].as_dict() == {
        "do": "verify",
        "reasons": ["VERIFICATION_FAILED"],
        "why": "its verification failed, and nobody reads it",
    }
    assert found[0].job is DueJob.VERIFY
    assert found[0].reasons == (DueReason.VERIFICATION_FAILED,)
