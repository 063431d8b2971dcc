"""A real YARN on this machine, beside the HDFS of the tests: Hadoop's own MiniYARNCluster, with one node."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from tests.services.hdfs import SETTINGS as HDFS_SETTINGS
from tests.services.hdfs import HdfsService, ServiceMissing, start_hadoop_jvm

SETTINGS = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": "99",
    "yarn.nodemanager.vmem-check-enabled": "false",
    "yarn.nodemanager.pmem-check-enabled": "false",
    "yarn.scheduler.minimum-allocation-mb": "256",
    "yarn.nodemanager.resource.memory-mb": "6144",
}
PLAIN_TOPOLOGY = {"net.topology.node.switch.mapping.impl": "org.apache.hadoop.net.ScriptBasedMapping"}
"""The cluster sets a class of its own tests, which no client has."""


@contextmanager
def run_yarn(hdfs: HdfsService, folder: Path) -> Iterator[Path]:
    """A running YARN, which ends with the block; gives the folder of its configuration, for `HADOOP_CONF_DIR`.

    Args:
        hdfs: the store of the cluster.
        folder: a folder for the configuration.

    Raises:
        ServiceMissing: it does not start.
    """
    home = hdfs.path(f"/user/{getpass.getuser()}")
    hdfs.admin.mkdirs(home)  # where a client puts what its containers need
    hdfs.admin.setOwner(home, getpass.getuser(), "cohort")
    gateway = start_hadoop_jvm()  # one of its own: when YARN stops it closes every file system of its JVM
    jvm: Any = gateway.jvm
    settings = jvm.org.apache.hadoop.yarn.conf.YarnConfiguration()
    for name, value in {**HDFS_SETTINGS, **SETTINGS, "fs.defaultFS": hdfs.address}.items():
        settings.set(name, value)
    cluster = jvm.org.apache.hadoop.yarn.server.MiniYARNCluster("cohort", 1, 1, 1)
    try:
        cluster.init(settings)
        cluster.start()
    except Py4JJavaError as failure:
        gateway.shutdown()
        raise ServiceMissing(f"YARN cannot be started here: {failure.java_exception.getClass().getName()}") from None
    try:
        started = cluster.getConfig()
        for name, value in PLAIN_TOPOLOGY.items():
            started.set(name, value)
        for name in ("core-site.xml", "yarn-site.xml"):
            out = jvm.java.io.FileOutputStream(str(folder / name))
            started.writeXml(out)
            out.close()
        yield folder
    finally:
        cluster.stop()
        gateway.shutdown()
