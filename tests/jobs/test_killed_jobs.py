"""kill -9 of the driver at any moment of `release --publish`: old or new, never half; then run again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars
import pytest
from deltalake import DeltaTable

from .conftest import Platform

NAME = ("--project", "leergroei", "--publish")
MOMENTS = ["records:", "staged", "verified:", "committed:"]
"""Lines of progress behind which the driver is killed."""


@pytest.fixture(scope="module")
def published(copied: Callable[[], Platform]) -> Platform:
    platform = copied()
    done = platform.submit("release", *NAME)
    assert done.code == 0, done.stderr
    return platform


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


def kill_behind(platform: Platform, moment: str) -> None:
    """Run `release --publish` and kill its driver with signal 9 as soon as it says `moment`."""
    with subprocess.Popen(
        platform.command("release", *NAME),
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


def test_after_a_kill_the_table_is_old_or_new_and_running_again_succeeds(published: Platform) -> None:
    first, old = rows(published)
    assert first == "leergroei-1"
    for moment in MOMENTS:
        before, _ = rows(published)
        kill_behind(published, moment)
        after, frame = rows(published)
        assert frame.equals(old)
        if moment != "committed:":
            assert after == before
    done = published.submit("release", *NAME)
    assert done.code == 0, done.stderr
    last, new = rows(published)
    assert last == f"leergroei-{done.record['release']}"
    assert new.equals(old)
    assert not published.zones.staging("leergroei").exists()
    remembered = [path.name for path in published.zones.release_snapshots("leergroei").iterdir()]
    assert remembered == [str(done.record["release"])]
    states = [r["state"] for r in published.submit("status").record["projects"][0]["releases"]]
    assert states.count("PUBLISHED") == 1
    assert states[-1] == "PUBLISHED"
    table = DeltaTable(str(published.zones.published_table("leergroei")))
    current = {Path(uri).name for uri in table.file_uris()}
    assert {path.name for path in published.zones.published_table("leergroei").glob("*.parquet")} == current
