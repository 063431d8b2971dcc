"""Jobs on real clusters, with nothing shared between machines but the root on HDFS."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import polars
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from tests.services.hdfs import HdfsService, ServiceMissing
from tests.services.standalone import SPARK_HOME, run_standalone
from tests.services.yarn import run_yarn

from .conftest import Done, Platform
from .test_hdfs_root import HdfsPlatform, put_on_hdfs

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
def yarn(platform: HdfsPlatform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the configuration of a YARN cluster on the same HDFS."""
    try:
        with run_yarn(platform.service, tmp_path_factory.mktemp("yarn")) as settings:
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


def test_cluster_mode_is_refused_before_anything_is_begun(platform: HdfsPlatform) -> None:
    refused = platform.submit("status", "--", "--master", "yarn", "--deploy-mode", "cluster")
    assert refused.code == 2
    assert "Expected client mode" in refused.stderr
