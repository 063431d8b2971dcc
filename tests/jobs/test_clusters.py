"""Jobs on real clusters, with nothing shared between machines but the root on HDFS."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.conftest import INTERPRETED
from tests.services.hdfs import HdfsService, ServiceMissing
from tests.services.standalone import SPARK_HOME, run_standalone
from tests.services.yarn import run_yarn

from cohort.storage import StoragePath

from .conftest import Done, Platform, spark_options
from .stored_platforms import HdfsPlatform, put_on_hdfs

NAME = ("--project", "leergroei")
SMALL = ("--conf", "spark.driver.memory=1g", "--conf", "spark.executor.memory=768m", "--conf", "spark.executor.cores=1")


@pytest.fixture(scope="module")
def platform(
    one_spark: SparkSession, hdfs: HdfsService, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> HdfsPlatform:
    return put_on_hdfs(taken_in, tmp_path_factory.mktemp("cluster-platform"), hdfs, one_spark)


@pytest.fixture(scope="module")
def master(platform: HdfsPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone cluster; its secret stands in a private file of the configuration, not among the arguments."""
    secret = secrets.token_hex(16)
    settings = platform.config / "spark-defaults.conf"
    settings.write_text(
        f"{settings.read_text(encoding='utf-8')}\nspark.authenticate.secret {secret}\n", encoding="utf-8"
    )
    settings.chmod(0o600)
    try:
        with run_standalone(tmp_path_factory.mktemp("standalone"), secret) as address:
            yield address
    except ServiceMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def yarn(hdfs: HdfsService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the configuration of a YARN cluster on the same HDFS."""
    try:
        with run_yarn(hdfs, tmp_path_factory.mktemp("yarn")) as settings:
            yield settings
    except ServiceMissing as missing:
        pytest.skip(str(missing))


def submit(platform: HdfsPlatform, master: str, job: str, *arguments: str) -> Done:
    return platform.submit(job, *arguments, "--", "--master", master, *SMALL)


def rows(path: str) -> polars.DataFrame:
    frame = polars.from_arrow(DeltaTable(path).to_pyarrow_table())
    assert isinstance(frame, polars.DataFrame)
    return frame.sort(frame.columns)


def test_a_standalone_cluster_takes_in_and_publishes_the_rows_of_one_machine(
    platform: HdfsPlatform, master: str, published_once: Platform
) -> None:
    taken = submit(platform, master, "ingest")
    assert taken.code == 0, taken.stderr
    assert taken.record["new"] == 40
    released = submit(platform, master, "release", *NAME, "--publish")
    assert released.code == 0, released.stderr
    published = rows(str(platform.stored.published_table("leergroei")))
    assert published.height
    assert published.equals(rows(str(published_once.zones.published_table("leergroei"))))


def test_yarn_makes_and_verifies_the_next_release_from_executors_of_its_own(
    platform: HdfsPlatform, master: str, yarn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the release of the standalone cluster, which the next one is nested in."""
    assert master
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.setenv(name, str(yarn))
    own = ("--conf", f"spark.yarn.jars=local:{SPARK_HOME}/jars/*", "--conf", "spark.yarn.am.memory=512m")
    released = platform.submit("release", *NAME, "--", "--master", "yarn", "--num-executors", "2", *SMALL, *own)
    assert released.code == 0, released.stderr
    assert released.record["state"] == "VERIFIED"
    assert released.record["release"] == 2


CLUSTER = ("--", "--master", "yarn", "--deploy-mode", "cluster")
ON_YARN = (
    *("--conf", f"spark.yarn.jars=local:{SPARK_HOME}/jars/*", "--num-executors", "1"),
    *spark_options({f"spark.{role}.extraJavaOptions": "-XX:TieredStopAtLevel=1" for role in ("driver", "executor")}),
    *spark_options(INTERPRETED),
)
NO_REPORT, DELIVERIES = 75, 4


@dataclass(frozen=True)
class ClusterModePlatform(HdfsPlatform):
    """A platform whose jobs run with their drivers on a node of YARN.

    Args:
        yarn: the folder of YARN's configuration.
    """

    yarn: Path

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "HADOOP_CONF_DIR": str(self.yarn)}

    def stored_mode(self, path: StoragePath) -> int:
        status = self.service.admin.getFileStatus(self.service.path(str(path).removeprefix(self.service.address)))
        return int(status.getPermission().toShort())

    def submit_to_cluster(self, job: str, *arguments: str) -> Done:
        return self.submit(job, *arguments, *CLUSTER, *ON_YARN, *SMALL)


@pytest.fixture(scope="module")
def remote(
    one_spark: SparkSession, hdfs: HdfsService, taken_in: Platform, yarn: Path, tmp_path_factory: pytest.TempPathFactory
) -> ClusterModePlatform:
    """A root with a few deliveries that nobody took in; the key folder is an absolute path, locks end after seconds."""
    made = put_on_hdfs(taken_in, tmp_path_factory.mktemp("cluster-mode"), hdfs, one_spark)
    made.change("conf/platform.toml", 'dir = "../keys"', f'dir = "{made.keys}"')
    made.change("conf/platform.toml", "lease_seconds = 60", "lease_seconds = 4")
    delivered = (path for path in made.stored.deliveries.rglob("*") if path.is_file())
    for file in sorted(delivered)[DELIVERIES:]:
        file.unlink()
    return ClusterModePlatform(made.home, made.address, made.session, made.service, yarn)


def run_until_it_runs(remote: ClusterModePlatform, end: Callable[[subprocess.Popen[str]], None]) -> Done:
    """Submit an intake to the cluster, and end it in some way as soon as its driver runs."""
    command = remote.command("ingest", *CLUSTER, *ON_YARN, *SMALL)
    with subprocess.Popen(
        command, env=remote.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        said = list(_until(running.stderr, " is RUNNING"))
        end(running)
        said += running.stderr.readlines()
        stdout = running.stdout.read()
    return Done(running.returncode, stdout, "".join(said))


def test_a_killed_driver_leaves_no_report(remote: ClusterModePlatform) -> None:
    def kill(_: object) -> None:
        drivers = drivers_of(remote.address)
        assert drivers, "a driver runs, or this test kills nothing"
        for driver in drivers:
            os.kill(driver, signal.SIGKILL)

    killed = run_until_it_runs(remote, kill)
    assert (killed.code, killed.stdout) == (NO_REPORT, ""), killed.stderr
    last = killed.stderr.splitlines()[-1]
    assert "Expected the report of the driver in restricted/reports/" in last
    assert "run the same job again" in last


def test_an_interrupted_submit_stops_the_application(remote: ClusterModePlatform) -> None:
    interrupted = run_until_it_runs(remote, lambda running: running.terminate())
    assert interrupted.code == NO_REPORT, interrupted.stderr
    assert re.search(r"submit: stopping application_\d+_\d+", interrupted.stderr)
    assert drivers_of(remote.address) == []


def test_the_next_run_recovers_and_prints_its_record(remote: ClusterModePlatform) -> None:
    time.sleep(5)
    again = remote.submit_to_cluster("ingest")
    assert again.code == 0, again.stderr
    assert again.record["new"] == DELIVERIES


def _until(lines: IO[str], text: str) -> Iterator[str]:
    for line in lines:
        yield line
        if text in line:
            return
    raise AssertionError(f"no line said{text}")


def drivers_of(root: str) -> list[int]:
    """The JVM of every driver in a container whose job was given a root."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"org.apache.spark.deploy.yarn.ApplicationMaster" in words and root.encode() in words:
                found.append(int(folder.name))
    return found


def test_a_job_in_cluster_mode_prints_what_it_prints_in_client_mode(remote: ClusterModePlatform) -> None:
    here, there = remote.run("status"), remote.submit_to_cluster("status")
    assert (there.code, here.code) == (0, 0), there.stderr
    assert there.record == here.record
    assert re.search(r"submit: application_\d+_\d+ is RUNNING", there.stderr)
    reports = list(remote.stored.run_reports.glob("*.json"))
    assert {oct(remote.stored_mode(path)) for path in reports} == {"0o600"}


def test_a_refusal_on_the_node_of_the_driver_arrives_with_its_exit_code(remote: ClusterModePlatform) -> None:
    job = ("publish", *NAME, "--release", "7", "--approved-by", "A. Jansen")
    here, there = remote.run(*job), remote.submit_to_cluster(*job)
    assert (there.code, here.code) == (15, 15), there.stderr
    assert there.record == here.record
    assert here.record["refused"][0] in there.stderr


def test_a_node_without_the_key_folder_is_refused(remote: ClusterModePlatform, tmp_path: Path) -> None:
    config = tmp_path / "conf"
    shutil.copytree(remote.config, config)
    text = (config / "platform.toml").read_text(encoding="utf-8")
    (config / "platform.toml").write_text(text.replace(str(remote.keys), str(tmp_path / "keys")), encoding="utf-8")
    refused = remote.submit_to_cluster("release", *NAME, "--config", str(config))
    assert refused.code == 13
    assert "Expected the key folder on every node that may run the driver" in refused.stderr
    assert not (tmp_path / "keys").exists()


REFUSED_HERE = {
    "a local root": (("status", "--root", "data"), 2, "Expected a root that every node of the cluster sees"),
    "a key": (("key", *NAME, "--create"), 2, "Expected a key that is made where you see into which folder"),
    "a register elsewhere": (("register", "--out", "site"), 2, "Expected a register under the root"),
    "a root that is not there": (("status", "--root", "{root}-none"), 2, "Expected a folder on a store"),
    "an unknown option": (("status", "--unknown"), 2, "unrecognized arguments"),
}


@pytest.mark.parametrize("case", REFUSED_HERE)
def test_what_cannot_work_in_cluster_mode_is_refused_before_anything_is_begun(
    remote: ClusterModePlatform, case: str
) -> None:
    job, code, sentence = REFUSED_HERE[case]
    refused = remote.submit_to_cluster(*(word.format(root=remote.address) for word in job))
    assert refused.code == code, refused.stderr
    assert sentence in refused.stderr
    assert "application_" not in refused.stderr


def test_keys_beside_the_configuration_are_refused_because_they_never_travel(
    platform: HdfsPlatform, yarn: Path
) -> None:
    refused = ClusterModePlatform(
        platform.home, platform.address, platform.service, platform.session, yarn
    ).submit_to_cluster("status")
    assert refused.code == 10
    assert "Expected the absolute path of a key folder" in refused.stderr


@pytest.mark.parametrize("master", ["local[2]", "spark://127.0.0.1:7077"])
def test_a_cluster_that_runs_no_drivers_of_python_is_refused(remote: ClusterModePlatform, master: str) -> None:
    refused = remote.submit("status", "--", "--master", master, "--conf", "spark.submit.deployMode=cluster")
    assert refused.code == 2
    assert "Expected a cluster that runs drivers of Python" in refused.stderr


def test_yarn_without_its_configuration_is_refused(
    remote: ClusterModePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    without = HdfsPlatform(remote.home, remote.address, remote.session, remote.service)
    refused = without.submit("status", *CLUSTER)
    assert refused.code == 2
    assert "HADOOP_CONF_DIR" in refused.stderr


def test_an_application_that_the_cluster_does_not_take_is_told_so(remote: ClusterModePlatform) -> None:
    refused = remote.submit("status", *CLUSTER, *ON_YARN, *SMALL, "--queue", "no_such_queue")
    assert refused.code == NO_REPORT
    assert "Nothing was begun" in refused.stderr, refused.stderr
    assert "(org.apache.hadoop.yarn.exceptions.YarnException" in refused.stderr
