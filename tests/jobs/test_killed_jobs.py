"""kill -9 of the driver at any moment of `release --publish`: old or new, never half; then run again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.conftest import INTERPRETED

from .conftest import Platform, spark_options

NAME = ("--project", "leergroei", "--publish")
MOMENTS = ["records:", "staged", "verified:", "committed:"]
"""Lines of progress behind which the driver is killed."""


@pytest.fixture(scope="module")
def published(one_spark: SparkSession, published_once: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A copy that all of these tests change in turn."""
    assert one_spark
    home = tmp_path_factory.mktemp("killed") / "platform"
    shutil.copytree(published_once.home, home, symlinks=True)
    return Platform(home)


@pytest.fixture(scope="module")
def first_rows(published: Platform) -> polars.DataFrame:
    """What readers had before anything was killed."""
    release, frame = rows(published)
    assert release == "leergroei-1"
    return frame


def rows(platform: Platform) -> tuple[str, polars.DataFrame]:
    """What a reader gets now: the release's id and the rows."""
    path = str(platform.zones.published_table("leergroei"))
    frame = polars.read_delta(path)
    return DeltaTable(path).metadata().configuration["cohort.release"], frame.sort(frame.columns)


def drivers(group: int) -> list[int]:
    """The JVMs and Pythons of a submitted job: every process below the script."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents = _ancestors(int(path.name))
                command = (path / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            if group in parents and b"org.apache.spark.deploy.SparkSubmit" in command:
                found.append(int(path.name))
    return found


def _ancestors(process: int) -> set[int]:
    seen: set[int] = set()
    while process > 1:
        status = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        process = int(status[1])
        seen.add(process)
    return seen


def kill_job(platform: Platform, moment: str, job: str, *arguments: str) -> None:
    """Run a job and kill its driver with signal 9 as soon as it says `moment`."""
    with subprocess.Popen(
        platform.command(job, *arguments, "--", *spark_options(INTERPRETED)),
        env=platform.environment(),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if moment in line:
                victims = drivers(running.pid)
                assert victims, "no driver found"
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                break
        running.stderr.read()
    assert running.returncode != 0


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_kill_the_table_is_old_or_new(published: Platform, first_rows: polars.DataFrame, moment: str) -> None:
    before, _ = rows(published)
    kill_job(published, moment, "release", *NAME)
    after, frame = rows(published)
    assert frame.equals(first_rows)
    if moment != "committed:":
        assert after == before


def test_after_all_kills_running_again_succeeds_and_leaves_one_release(
    published: Platform, first_rows: polars.DataFrame
) -> None:
    done = published.run("release", *NAME)
    assert done.code == 0, done.stderr
    last, new = rows(published)
    assert last == f"leergroei-{done.record['release']}"
    assert new.equals(first_rows)
    assert not published.zones.staging("leergroei").exists()
    remembered = [path.name for path in published.zones.release_snapshots("leergroei").iterdir()]
    assert remembered == [str(done.record["release"])]
    states = [r["state"] for r in published.run("status").record["projects"][0]["releases"]]
    assert states.count("PUBLISHED") == 1
    assert states[-1] == "PUBLISHED"
    table = DeltaTable(str(published.zones.published_table("leergroei")))
    current = {Path(uri).name for uri in table.file_uris()}
    assert {path.name for path in published.zones.published_table("leergroei").glob("*.parquet")} == current
