"""One Spark per test run, on a scratch folder of its own; few examples per property unless asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pyspark.sql import SparkSession
from tests.jvm_lookups import remember_lookups
from tests.patches import PatchesAcrossModules
from tests.services import s3 as s3_service
from tests.services.hdfs import HdfsService, ServiceMissing, run_hdfs
from tests.services.s3 import S3Service, run_s3

from cohort import delta
from cohort.agreements.platform import load_platform
from cohort.results import ledger, results_store
from cohort.storage.zone_paths import StorageZones

PROJECT = Path(__file__).resolve().parents[1]
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]

settings.register_profile("few", max_examples=25, deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.register_profile("many", max_examples=200, deadline=None, suppress_health_check=SLOW_IS_FINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))


LONG_FIRST = (
    "ingestion_over_time",
    "random_kills",
    "two_drivers",
    "clusters",
    "s3_root",
    "hdfs_root",
    "wheel",
    "killed_jobs",
    "nested_release",
    "mutations",
    "all_jobs_in_order",
    "store_contract",
    "s3_store",
    "preview",
    "objection_erasure",
    "release_pipeline",
    "verifier_stage",
    "nested_sensitive_values",
    "ingestion",
    "publication",
    "pseudonymous_project",
    "row_withdrawal",
    "objections_after_publication",
    "supersession",
    "ingestion_properties",
    "ways_to_object",
    "verifier_sensitive_values",
    "real_delivery_faults",
    "failed_verification",
    "refusals",
)
"""Files of half a minute and more, the longest first: no process has one left while the other has nothing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = [name for name in LONG_FIRST if not list((PROJECT / "tests").rglob(f"test_{name}.py"))]
    if missing:
        raise pytest.UsageError(f"LONG_FIRST names files that do not exist: {', '.join(missing)}")
    order = {f"test_{name}.py": place for place, name in enumerate(LONG_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def pytest_configure(config: pytest.Config) -> None:
    """With encryption on, pyspark hands data over a socket that it leaves to the collector to close."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")
    # A drawn release is large; hypothesis shows it in full only where it fails
    config.addinivalue_line("filterwarnings", "ignore:Generating overly large repr")


INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
}
"""Thousands of plans on a few rows each: compiling a plan costs more than interpreting it.

Jobs through real spark-submit (`tests/jobs`) and `test_generated_code_size` run compiled, as shipped;
`COHORT_TESTS_COMPILED=yes ./scripts/test` runs everything so.
"""


def shipped_settings() -> dict[str, str]:
    """The settings that every job runs with (`conf/spark-defaults.conf`)."""
    lines = (PROJECT / "conf" / "spark-defaults.conf").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    return {name: value.strip() for name, value in pairs}


@pytest.fixture(scope="session")
def one_spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """The session that all tests share. Tests ask for `spark`."""
    scratch = tmp_path_factory.mktemp("spark")
    jars = sorted((PROJECT / ".jars").glob("*.jar"))
    if not jars:
        pytest.skip("the Delta jars are not there yet: scripts/test fetches them")
    own = {
        "spark.master": "local[2]",
        "spark.jars": ",".join([*map(str, jars), *s3_jars()]),
        "spark.local.dir": str(scratch / "local"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.memory": "2g",
        "spark.driver.host": "127.0.0.1",
        "spark.databricks.delta.delta.log.cacheSize": "3",  # else the log of every table of every test stays
    }
    os.environ |= s3_service.credentials_of(s3_service.PLATFORM_USER)  # as every client finds them, in the JVM too
    os.environ["PYTHONPATH"] = str(PROJECT / "lib")  # of the executors' Python, which a zip has in a job
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_DIRS"] = own["spark.local.dir"]
    builder = SparkSession.builder.appName("tests")
    if os.environ.get("COHORT_TESTS_COMPILED") != "yes":
        own |= INTERPRETED
    for name, value in {**shipped_settings(), **own}.items():
        builder = builder.config(name, value)
    remember_lookups()
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def spark(one_spark: SparkSession) -> Iterator[SparkSession]:
    """Spark without anything that an earlier test kept."""
    yield one_spark
    one_spark.catalog.clearCache()


@pytest.fixture(scope="session")
def empty_root(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root whose tables are there and empty: copied, so that not every test has to make them.

    Ingestion into a root without tables is what `test_ingestion` and the tests of jobs begin with.
    """
    zones, retention = StorageZones(tmp_path_factory.mktemp("empty")), load_platform(PROJECT / "conf").tables
    results_store.create_results_tables(one_spark, zones, retention)
    delta.create_table(one_spark, zones.ledger, ledger.LEDGER_SCHEMA, retention)
    zones.deliveries.mkdir()
    return zones.root


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HdfsService]:
    """A real HDFS, one for all tests of this process."""
    try:
        with run_hdfs(tmp_path_factory.mktemp("hdfs")) as service:
            yield service
    except ServiceMissing as missing:
        pytest.skip(str(missing))


def s3_jars() -> list[str]:
    """The jars of S3A and of the log store; none where they cannot be fetched, and then the tests of S3 are skipped."""
    fetched = subprocess.run([PROJECT / "scripts" / "extra-jars", "s3"], capture_output=True, text=True, check=False)
    return [] if fetched.returncode else fetched.stdout.strip().split(",")


@pytest.fixture(scope="session")
def s3(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """A real S3 server, one for all tests of this process, to which the session speaks."""
    if not s3_jars():
        pytest.skip("S3 cannot be tried here: its jars cannot be fetched")
    try:
        with run_s3(tmp_path_factory.mktemp("s3")) as service:
            service.use_in(one_spark)
            yield service
    except ServiceMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def monkeypatch() -> Iterator[pytest.MonkeyPatch]:
    """Patches that reach every module that imported the name, undone after the test."""
    patches = PatchesAcrossModules()
    yield patches
    patches.undo()
