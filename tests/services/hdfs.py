"""A real HDFS on this machine: a name node and a data node of Hadoop's own MiniDFSCluster, with users and groups."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

PROJECT = Path(__file__).resolve().parents[2]
SPARK_JARS = Path(pyspark.__file__).parent / "jars"
SUPERUSER, PLATFORM_USER, READER, STRANGER = "hdfs", "cohort", "lezer", "vreemd"
READERS_GROUP = "lezers"
GROUPS_OF_USERS = ";".join(
    f"{user}={groups}"
    for user, groups in {
        PLATFORM_USER: f"cohort,{READERS_GROUP}",
        getpass.getuser(): f"cohort,{READERS_GROUP}",
        READER: READERS_GROUP,
        STRANGER: "vreemden",
        SUPERUSER: "hdfs",
    }.items()
)
SMALL_JVM = ("-Xmx768m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
SETTINGS = {
    "dfs.permissions.enabled": "true",
    "dfs.namenode.acls.enabled": "true",
    "fs.trash.interval": "60",
    "dfs.namenode.fs-limits.min-block-size": "0",
    "hadoop.user.group.static.mapping.overrides": GROUPS_OF_USERS,
}


class ServiceMissing(Exception):
    """The server cannot be started here; the message is the reason why its tests are skipped."""


@dataclass(frozen=True)
class HdfsService:
    """A running HDFS.

    Args:
        address: its address, as `hdfs://127.0.0.1:40000`.
        admin: the file system as its superuser.
        jvm: the machine that the server runs in.
    """

    address: str
    admin: Any
    jvm: Any

    def path(self, place: str) -> Any:
        """A path of Hadoop on this store."""
        return self.jvm.org.apache.hadoop.fs.Path(f"{self.address}{place}")

    def make_root(self, place: str, owner: str = PLATFORM_USER) -> str:
        """Make an empty root that belongs to a user; returns its address."""
        self.admin.mkdirs(self.path(place))
        self.admin.setOwner(self.path(place), owner, PLATFORM_USER)
        return f"{self.address}{place}"


@contextmanager
def run_hdfs(folder: Path) -> Iterator[HdfsService]:
    """A running HDFS, which ends with the block.

    Args:
        folder: a folder for its data.

    Raises:
        ServiceMissing: its jars cannot be fetched.
    """
    gateway = start_hadoop_jvm()
    try:
        jvm: Any = gateway.jvm
        settings = jvm.org.apache.hadoop.conf.Configuration()
        for name, value in {**SETTINGS, "hdfs.minidfs.basedir": str(folder)}.items():
            settings.set(name, value)
        security = jvm.org.apache.hadoop.security
        security.UserGroupInformation.setConfiguration(settings)
        security.Groups.getUserToGroupsMappingServiceWithLoadedConfiguration(settings)  # or the machine's groups count
        builder = getattr(jvm.org.apache.hadoop.hdfs, "MiniDFSCluster$Builder")(settings)
        cluster = builder.numDataNodes(1).nameNodePort(0).format(True).build()
        cluster.waitActive()
        admin = cluster.getFileSystem()
        yield HdfsService(str(admin.getUri()), admin, jvm)
        cluster.shutdown(True)
    finally:
        gateway.shutdown()


def start_hadoop_jvm() -> JavaGateway:
    """Start a JVM with Hadoop's servers on its class path, as the superuser; `shutdown` of what is returned ends it.

    Raises:
        ServiceMissing: the jars cannot be fetched.
    """
    jars = subprocess.run([PROJECT / "scripts" / "extra-jars", "hadoop-services"], capture_output=True, text=True)
    if jars.returncode:
        raise ServiceMissing(f"HDFS cannot be started here: {jars.stderr.strip().splitlines()[-1]}")
    before = os.environ.get("HADOOP_USER_NAME")
    os.environ["HADOOP_USER_NAME"] = SUPERUSER  # of the JVM that is started now
    try:
        py4j = next(SPARK_JARS.glob("py4j-*.jar"))
        port, process = launch_gateway(
            jarpath=str(py4j),
            classpath=f"{jars.stdout.strip().replace(',', ':')}:{SPARK_JARS}/*",
            javaopts=[
                f"-Dtest.build.data={tempfile.gettempdir()}/cohort-hadoop",
                "-Xmx768m",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
            ],
            die_on_exit=True,
            java_path=shutil.which("java", path=str(Path(os.environ.get("JAVA_HOME", "/"), "bin"))) or "java",
            return_proc=True,
        )
    finally:
        os.environ.pop("HADOOP_USER_NAME")
        if before is not None:
            os.environ["HADOOP_USER_NAME"] = before
    del process
    return JavaGateway(gateway_parameters=GatewayParameters(port=port, auto_convert=True))
