"""The whole way on a real HDFS: the same rows as on a local root, readers who are let in and out, survivors found."""

from __future__ import annotations

import datetime as dt
import getpass
import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any

import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.services.hdfs import READER, READERS_GROUP, STRANGER, HdfsService

from cohort.storage import INGESTION_LOCK, StoragePath, hold_lock, store_of, walk_folder

from .conftest import Done, Platform
from .stored_platforms import HdfsPlatform, put_on_hdfs, set_agreed, set_period
from .test_killed_jobs import kill_job

NAME = ("--project", "leergroei")


@pytest.fixture(scope="module")
def platform(
    one_spark: SparkSession, hdfs: HdfsService, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> HdfsPlatform:
    """What schools sent, on HDFS; nothing was taken in."""
    made = put_on_hdfs(taken_in, tmp_path_factory.mktemp("hdfs-platform"), hdfs, one_spark)
    made.change("conf/platform.toml", 'way = "owner"', 'way = "group"')
    set_agreed(made, readers=f'"{READERS_GROUP}"')
    return made


@pytest.fixture(scope="module")
def done(platform: HdfsPlatform) -> dict[str, Done]:
    """Every job in order; the release by real spark-submit, the others in this process."""
    steps = {
        "ingest": ("ingest",),
        "ingest again": ("ingest",),
        "objections": ("objections",),
        "publish": ("publish", *NAME, "--release", "1", "--approved-by", "A. Jansen"),
        "export": ("export", *NAME, "--format", "sav,dta,parquet,csv"),
        "twin": ("twin", *NAME),
        "verify deep": ("verify", *NAME, "--deep"),
        "status": ("status",),
        "register": ("register",),
    }
    done = {}
    for label, step in steps.items():
        if label == "publish":
            done["release"] = platform.submit("release", *NAME)
        done[label] = platform.run(*step)
    return done


def read_table(path: StoragePath) -> polars.DataFrame:
    frame = polars.from_arrow(DeltaTable(str(path)).to_pyarrow_table())
    assert isinstance(frame, polars.DataFrame)
    return frame.sort(frame.columns)


def test_every_job_ends_in_0(done: dict[str, Done]) -> None:
    for label, one in done.items():
        assert one.code == 0, (label, one.stderr)
    assert (done["ingest"].record["new"], done["ingest again"].record["new"]) == (40, 0)


def test_the_published_rows_are_those_of_a_local_root(
    platform: HdfsPlatform, done: dict[str, Done], published_once: Platform
) -> None:
    assert done
    rows = read_table(platform.stored.published_table("leergroei"))
    assert rows.height
    assert rows.equals(read_table(published_once.zones.published_table("leergroei")))


def test_exported_files_are_whole_and_open_to_the_readers(platform: HdfsPlatform, done: dict[str, Done]) -> None:
    folder = platform.stored.research_files("leergroei")
    exported = {file["name"]: file["sha256"] for file in done["export"].record["files"]}
    assert len(exported) == 5
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in exported} == exported
    names = {path.name for path in folder.iterdir()}
    assert names - exported.keys() == {f"leergroei-1.codebook.{end}" for end in ("json", "xml", "nl.html", "en.html")}
    assert done["export"].record["why_not"] == []


def test_everybody_may_read_the_twin(platform: HdfsPlatform, done: dict[str, Done]) -> None:
    folder = platform.stored.twin("leergroei")
    written = {file["name"]: file["sha256"] for file in done["twin"].record["files"]}
    assert len(written) == 5
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in written} == written
    assert read_table(platform.stored.twin_table("leergroei")).height == done["twin"].record["rows"]
    for path in (folder, *folder.iterdir(), platform.stored.twin_table("leergroei")):
        assert store_of(path).is_open_to_others(path), path.name


def test_the_first_start_wrote_down_what_the_store_can_do(platform: HdfsPlatform, done: dict[str, Done]) -> None:
    assert done
    document = json.loads(platform.stored.store_document.read_bytes())
    assert document["kind"] == "hdfs"
    assert len(document["tried"]) == 4


def test_nobody_else_enters_what_is_private(platform: HdfsPlatform, done: dict[str, Done]) -> None:
    assert done
    for zone in ("restricted", "deliveries", "objections", "instructions", "feedback"):
        status = platform.service.admin.getFileStatus(platform.service.path(platform.place + f"/{zone}"))
        assert status.getPermission().toOctal() == 700, zone
    reader = walk_as(platform, STRANGER)
    assert not [path for path in reader if "/restricted/" in path or "/deliveries/" in path or "/feedback/" in path]


def walk_as(platform: HdfsPlatform, user: str) -> list[str]:
    """Every file that a user can list below the root."""
    script = (
        "import sys\nfrom deltalake.fs import DeltaStorageHandler\nfrom pyarrow import fs\n"
        "files, found = fs.PyFileSystem(DeltaStorageHandler(sys.argv[1])), []\n"
        "pending = ['']\n"
        "while pending:\n"
        "    try:\n"
        "        infos = files.get_file_info(fs.FileSelector(pending.pop()))\n"
        "    except Exception:\n"
        "        continue\n"
        "    found += [info.path for info in infos]\n"
        "    pending += [info.path for info in infos if info.type == fs.FileType.Directory]\n"
        "print('\\n'.join(found))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, platform.address],
        env={**os.environ, "HADOOP_USER_NAME": user},
        capture_output=True,
        text=True,
        check=False,
    )
    return [f"/{path}" for path in ran.stdout.split("\n")]


def test_readers_are_in_during_the_period_and_out_before_and_after(
    platform: HdfsPlatform, done: dict[str, Done]
) -> None:
    assert done
    rows = str(read_table(platform.stored.published_table("leergroei")).height)
    for starts, ends, reader in ((3, 9, "refused"), (-3, 9, rows), (-9, -3, "refused"), (-3, 9, rows)):
        set_period(platform, starts, ends)
        checked = platform.run("access")
        assert checked.code == 0, checked.stderr
        assert (platform.read_as(READER), platform.read_as(STRANGER)) == (reader, "refused")


def test_an_access_list_that_somebody_set_does_not_keep_a_closed_table_open(
    platform: HdfsPlatform, done: dict[str, Done]
) -> None:
    assert done
    store, place = platform.service, platform.place
    permission = store.jvm.org.apache.hadoop.fs.permission
    entries = permission.AclEntry.parseAclSpec(f"user:{STRANGER}:r-x", True)
    for folder in ("", "/_delta_log"):
        store.admin.modifyAclEntries(store.path(f"{place}/projects/leergroei{folder}"), entries)
    set_period(platform, 3, 9)
    assert platform.run("access").code == 0
    assert (platform.read_as(STRANGER), platform.read_as(READER)) == ("refused", "refused")
    mask = permission.AclEntry.parseAclSpec(f"user:{STRANGER}:r-x,mask::---", True)
    for folder in ("", "/_delta_log"):  # hidden behind a mask, until somebody gives the group its bits
        store.admin.modifyAclEntries(store.path(f"{place}/projects/leergroei{folder}"), mask)
    set_period(platform, -3, 9)
    assert platform.run("access").code == 0
    assert platform.read_as(STRANGER) == "refused"
    assert platform.read_as(READER) != "refused"


def test_a_late_objection_takes_its_pupil_out_and_a_new_release_shows_it(
    platform: HdfsPlatform, done: dict[str, Done]
) -> None:
    assert done
    today, zones = dt.date.today(), platform.stored
    delivered = next(zones.deliveries.rglob("*.csv")).read_text(encoding="utf-8").splitlines()
    header = next(sep for sep in ";,\t" if sep in delivered[0])
    columns = delivered[0].split(header)
    number = delivered[1].split(header)[next(i for i, name in enumerate(columns) if name.strip('"').lower() == "pgn")]
    (zones.objections / "laat.csv").write_bytes(
        f"pgn;brin;vanaf;ingetrokken_op;bereik\n{number};;{today};;alles\n".encode()
    )
    (zones.objections / "laat.toml").write_bytes(
        f'file = "laat.csv"\npolarity = "block"\ndate = {today}\nsource = "laat"\n'
        "max_age_days = 31\ndeclared_empty = false\n".encode()
    )
    applied = platform.run("objections")
    assert applied.code == 0, applied.stderr
    left = polars.from_arrow(DeltaTable(str(zones.results)).to_pyarrow_table(columns=["pgn"]))
    assert isinstance(left, polars.DataFrame)
    assert number not in left["pgn"].to_list()
    again = platform.run("release", *NAME, "--publish")
    assert again.code == 0, again.stderr
    assert platform.read_as(READER) != "refused"


def plant_snapshot(platform: HdfsPlatform) -> str:
    place = platform.place
    platform.service.admin.allowSnapshot(platform.service.path(place))
    platform.service.admin.createSnapshot(platform.service.path(place), "nachtelijk")
    return f"{platform.address}/.snapshot/nachtelijk"


def plant_trash(platform: HdfsPlatform) -> str:
    """What `hdfs dfs -rm -r` of a project's staging folder leaves with the platform's user."""
    user, place = getpass.getuser(), platform.place
    service = platform.service
    trash = f"/user/{user}/.Trash/Current{place}/staging"
    service.admin.mkdirs(service.path(f"{trash}/leergroei1764500000000/1"))
    out = service.admin.create(service.path(f"{trash}/leergroei1764500000000/1/part-0.parquet"))
    out.close()
    folder = service.path(f"/user/{user}")
    while True:
        service.admin.setOwner(folder, user, "cohort")
        listed = [status for status in service.admin.listStatus(folder) if status.isDirectory()]
        if not listed:
            break
        folder = listed[0].getPath()
    return f"{service.address}{trash}/leergroei1764500000000"


def test_survivors_are_found_named_and_removed_and_the_certificate_says_what_was_asked(
    platform: HdfsPlatform, done: dict[str, Done]
) -> None:
    assert done
    planted = {"snapshot": plant_snapshot(platform), "trash": plant_trash(platform)}
    refused = platform.run("destroy", *NAME, "--confirm", "leergroei")
    assert refused.code == 16, refused.stderr
    for kind, place in planted.items():
        assert f"found it in a {kind} in {place}" in refused.stderr
    assert platform.read_as(READER) == "refused"
    platform.service.admin.setOwner(platform.service.path(platform.place), getpass.getuser(), "cohort")
    destroyed = platform.run("destroy", *NAME, "--confirm", "leergroei", "--survivors", "remove")
    assert destroyed.code == 0, destroyed.stderr
    certificate: dict[str, Any] = destroyed.record
    assert certificate["survivors"] == ["snapshots of every folder above", "trash of every user"]
    assert "copies outside this store" in certificate["cannot_see"]
    admin, path = platform.service.admin, platform.service.path
    assert not admin.exists(path(planted["trash"].removeprefix(platform.service.address)))
    assert not admin.exists(path(planted["snapshot"].removeprefix(platform.service.address)))
    zones = platform.stored
    assert not zones.published_table("leergroei").exists()
    names = [path.name for folder, _, files in walk_folder(zones.root) for path in map(folder.__truediv__, files)]
    assert "certificate.json" in names
    assert platform.run("destroy", *NAME).code == 15


@pytest.fixture(scope="module")
def killed(
    one_spark: SparkSession, hdfs: HdfsService, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> HdfsPlatform:
    """Another root, whose locks end after some seconds."""
    made = put_on_hdfs(taken_in, tmp_path_factory.mktemp("hdfs-killed"), hdfs, one_spark)
    made.change("conf/platform.toml", "lease_seconds = 60", "lease_seconds = 4")
    return made


@pytest.mark.parametrize("moment", ["deliveries:", "quality:", "results:"])
def test_a_killed_intake_keeps_its_lock_for_a_while_and_leaves_nothing_half(killed: HdfsPlatform, moment: str) -> None:
    kill_job(killed, moment, "ingest")
    assert killed.run("ingest").code == 15, "its lock is still there"
    time.sleep(5)


def test_after_the_kills_intake_gives_what_it_gives_unhurt(killed: HdfsPlatform, done: dict[str, Done]) -> None:
    time.sleep(5)
    again = killed.run("ingest")
    assert again.code == 0, again.stderr
    expected = done["ingest"].record
    assert again.record["rows"] == expected["rows"]
    stored = DeltaTable(str(killed.stored.results)).to_pyarrow_table(columns=["pgn"])
    assert stored.num_rows == expected["rows"]["accepted"]
    properties = DeltaTable(str(killed.stored.results)).metadata().configuration
    assert properties["cohort.fence"].startswith("lock taken over at ")
    assert not killed.stored.scratch.exists()


def test_while_one_run_holds_the_lock_another_is_refused(killed: HdfsPlatform) -> None:
    with hold_lock(killed.stored.locks, INGESTION_LOCK):
        for job in ("ingest", "objections"):
            refused = killed.run(job)
            assert refused.code == 15
            assert "Expected no other run on _intake" in refused.stderr
