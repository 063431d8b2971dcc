"""What a killed run was writing is removed by the next run that holds the lock of its writer, and by no other."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from tests.services.hdfs import HdfsService

from .conftest import Platform, deliver
from .stored_platforms import put_on_hdfs

OF_JOB = {
    ("ingest",): {
        "restricted/.nummerwijzigingen.json.99999.new",
        "restricted/records/.bezwaren.json.99999.new",
        "restricted/erasures/.20261130T180622032190-objections.json.99999.new",
        "restricted/objections/.321a5e5462034f6d9b4c338b.json.99999.new",
        "feedback/00GG/.bezwaren-landelijk.json.99999.new",
    },
    ("register",): {"feedback/00GG/.gebruik.json.99999.new", "feedback/00GG/.gebruik.html.99999.new"},
    ("key", "--project", "leergroei", "--create"): {
        "records/leergroei/.agreement.json.99999.new",
        "restricted/records/leergroei/.1.json.99999.new",
        "restricted/released/leergroei/1/.memory.json.99999.new",
    },
}
"""What each job removes, by the job; the root is tried before by every one of them."""


def plant(platform: Platform) -> None:
    for name in set().union(*OF_JOB.values()):
        path = platform.stored.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"half": ')


def left(platform: Platform) -> set[str]:
    root = platform.stored.root
    return {name for name in set().union(*OF_JOB.values()) if (root / name).exists()}


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    made = Platform(tmp_path_factory.mktemp("delivered"))
    deliver(made, pupils=300, schools=3)
    return made


@pytest.mark.parametrize("job", OF_JOB, ids=lambda job: job[0])
@pytest.mark.usefixtures("one_spark")
def test_a_job_removes_what_was_being_written_under_its_lock(
    delivered: Platform, tmp_path: Path, job: tuple[str, ...]
) -> None:
    platform = Platform(tmp_path / "platform")
    shutil.copytree(delivered.home, platform.home, symlinks=True)
    plant(platform)
    platform.run(*job)
    assert left(platform) == set().union(*OF_JOB.values()) - OF_JOB[job]


@pytest.mark.usefixtures("one_spark")
def test_a_first_start_that_was_killed_leaves_nothing_for_longer_than_an_hour(
    delivered: Platform, tmp_path: Path
) -> None:
    platform = Platform(tmp_path / "platform")
    shutil.copytree(delivered.home, platform.home, symlinks=True)
    restricted = platform.root / "restricted"
    restricted.mkdir()
    for number, age in ((12, 4000), (13, 0)):
        document = restricted / f".store.json.{number}.new"
        document.write_text("{")
        os.utime(document, (time.time() - age, time.time() - age))
    for name in ("probe-killed", "readers-killed", "probe-running", "readers-running"):
        path = restricted / name
        if name.startswith("probe"):
            path.mkdir()
            (path / "race-0").touch()
        else:
            path.touch()
        if name.endswith("killed"):
            os.utime(path, (time.time() - 4000, time.time() - 4000))
    platform.run("ingest")
    left = sorted(path.name for path in restricted.iterdir() if path.name.startswith(("probe-", "readers-", ".store")))
    assert left == [".store.json.13.new", "probe-running", "readers-running"]


def test_on_hdfs_too(delivered: Platform, tmp_path: Path, hdfs: HdfsService, one_spark: SparkSession) -> None:
    platform = put_on_hdfs(delivered, tmp_path, hdfs, one_spark)
    plant(platform)
    for job in OF_JOB:
        platform.run(*job)
    assert left(platform) == set()
