"""Kubernetes, as far as it can be tried without a cluster: what Spark checks before it asks the API server."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from tests.services.hdfs import HdfsService

from .conftest import PROJECT, Platform, spark_options
from .stored_platforms import HdfsPlatform, put_on_hdfs

TEMPLATES = PROJECT / "conf" / "kubernetes"
NOBODY = "k8s://https://127.0.0.1:1"
"""An API server that is not there."""
NO_REPORT = 75


@pytest.fixture(scope="module")
def platform(
    one_spark: SparkSession, hdfs: HdfsService, taken_in: Platform, tmp_path_factory: pytest.TempPathFactory
) -> HdfsPlatform:
    made = put_on_hdfs(taken_in, tmp_path_factory.mktemp("kubernetes"), hdfs, one_spark)
    hdfs.make_root(f"{made.place}-upload", owner=getpass.getuser())
    made.change("conf/platform.toml", 'dir = "../keys"', 'dir = "/etc/cohort/keys"')
    return made


def settings_of_the_page(platform: HdfsPlatform) -> dict[str, str]:
    """The settings that docs/reference/clusters.md names, with an image and an API server that are not there."""
    return {
        "spark.kubernetes.container.image": "registry.example/cohort:1",
        "spark.kubernetes.namespace": "cohort",
        "spark.kubernetes.authenticate.driver.serviceAccountName": "cohort",
        "spark.kubernetes.driver.podTemplateFile": str(TEMPLATES / "driver.yaml"),
        "spark.kubernetes.executor.podTemplateFile": str(TEMPLATES / "executor.yaml"),
        "spark.kubernetes.file.upload.path": f"{platform.address}-upload",
        "spark.kubernetes.local.dirs.tmpfs": "true",
        "spark.pyspark.python": "/opt/cohort/bin/python",
    }


def submit(platform: HdfsPlatform, settings: dict[str, str]) -> Any:
    own = ("--master", NOBODY, "--deploy-mode", "cluster", *spark_options(settings))
    return platform.submit("status", "--", *own)


@pytest.fixture(autouse=True)
def ask_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of Kubernetes would ask ten times."""
    monkeypatch.setenv("KUBERNETES_REQUEST_RETRY_BACKOFFLIMIT", "0")


def test_everything_is_accepted_up_to_the_api_server(platform: HdfsPlatform) -> None:
    refused = submit(platform, settings_of_the_page(platform))
    assert refused.code == NO_REPORT, refused.stderr
    assert "(io.fabric8.kubernetes.client.KubernetesClientException, caused by " in refused.stderr
    assert "Nothing was begun" in refused.stderr
    upload = platform.service.path(f"{platform.place}-upload")
    sent = {status.getPath().getName() for status in list_tree(platform.service.admin, upload)}
    assert {"cohort.zip", "cohort-conf.zip", "_entry.py", "_cluster_mode.py", "status.py"} <= sent
    assert not [name for name in sent if name.endswith((".key", ".properties"))]


def list_tree(files: Any, folder: Any) -> list[Any]:
    found = []
    listing = files.listFiles(folder, True)
    while listing.hasNext():
        found.append(listing.next())
    return found


def test_a_template_that_is_not_there_is_refused_before(platform: HdfsPlatform, tmp_path: Path) -> None:
    missing = {"spark.kubernetes.driver.podTemplateFile": str(tmp_path / "none.yaml")}
    refused = submit(platform, settings_of_the_page(platform) | missing)
    assert refused.code == NO_REPORT, refused.stderr
    assert "caused by java.io.FileNotFoundException)" in refused.stderr


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_only_the_driver_sees_the_keys(one_spark: SparkSession, role: str) -> None:
    """The template as the client of Spark reads it."""
    jvm: Any = one_spark._jvm
    client = jvm.io.fabric8.kubernetes.client.KubernetesClientBuilder().build()
    pod = client.pods().load(jvm.java.io.File(str(TEMPLATES / f"{role}.yaml"))).item()
    container = pod.getSpec().getContainers()[0]
    mounts = [mount.getMountPath() for mount in container.getVolumeMounts()]
    assert mounts == (["/etc/cohort/keys"] if role == "driver" else [])
    assert len(pod.getSpec().getVolumes()) == len(mounts)
    assert container.getName() == f"spark-kubernetes-{role}"
    assert pod.getSpec().getSecurityContext().getRunAsNonRoot()
    assert pod.getSpec().getSecurityContext().getFsGroup() is None
    assert not container.getSecurityContext().getAllowPrivilegeEscalation()
    client.close()
