"""Real S3 servers on this machine.

versitygw, built by Go, has users, signatures, and policies that bind. moto lets everybody in, and has what the other
one has not: replication to another bucket.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from tests.services.hdfs import PROJECT, ServiceMissing

from cohort.storage.hadoop_files import HadoopFiles

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
PROGRAM = PROJECT / "build" / "versitygw-1.8.0"
ADMIN, PLATFORM_USER, READER, STRANGER = "beheer", "cohort", "lezer", "vreemd"
REGION = "us-east-1"
SECONDS_TO_START = 20


def secret_of(user: str) -> str:
    """The secret of a user of the test server."""
    return f"{user}-{user}-{user}"


def credentials_of(user: str) -> dict[str, str]:
    """The environment in which every client acts as a user."""
    return {"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": secret_of(user), "AWS_REGION": REGION}


@dataclass(frozen=True)
class S3Service:
    """A running server.

    Args:
        endpoint: its address, as `http://127.0.0.1:40000`.
    """

    endpoint: str

    def make_bucket(self, name: str, *, lock: bool = False) -> str:
        """Make a bucket that belongs to the platform's user, perhaps with locks on objects; returns its address."""
        locked = ["--object-lock-enabled-for-bucket"] if lock else []
        self._admin("create-bucket", "--owner", PLATFORM_USER, "--bucket", name, *locked)
        return f"s3a://{name}"

    def add_user(self, name: str) -> None:
        """Make a user, who may do what policies let it; the platform's may make buckets, too."""
        role = "userplus" if name == PLATFORM_USER else "user"
        self._admin("create-user", "--access", name, "--secret", secret_of(name), "--role", role)

    @property
    def spark_settings(self) -> dict[str, str]:
        """The settings with which S3A speaks to this server."""
        return {
            "fs.s3a.endpoint": self.endpoint,
            "fs.s3a.endpoint.region": REGION,
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": "false",
        }

    def use_in(self, spark: SparkSession) -> None:
        """Let a session that is running speak to this server."""
        hadoop = spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[attr-defined]
        for name, value in self.spark_settings.items():
            hadoop.set(name, value)

    def _admin(self, *arguments: str) -> None:
        who = ["--access", ADMIN, "--secret", secret_of(ADMIN), "--endpoint-url", self.endpoint]
        subprocess.run([PROGRAM, "admin", *who, *arguments], check=True, capture_output=True)


def keep_versions(spark: SparkSession, bucket: str) -> None:
    """Let a bucket keep what is deleted from it."""
    files = HadoopFiles(spark, f"s3a://{bucket}/")
    model = "software.amazon.awssdk.services.s3.model"
    enabled = files.java_class(f"{model}.VersioningConfiguration").builder().status("Enabled").build()
    request = files.java_class(f"{model}.PutBucketVersioningRequest").builder().bucket(bucket)
    files.s3_client().putBucketVersioning(request.versioningConfiguration(enabled).build())


def copy_to(spark: SparkSession, bucket: str, copy: str) -> None:
    """Let a bucket be copied to another one, with everything that is written to it."""
    files = HadoopFiles(spark, f"s3a://{bucket}/")
    model = "software.amazon.awssdk.services.s3.model"
    destination = files.java_class(f"{model}.Destination").builder().bucket(f"arn:aws:s3:::{copy}").build()
    rule = files.java_class(f"{model}.ReplicationRule").builder().status("Enabled").prefix("").destination(destination)
    rules = files.java_class("java.util.List").of(rule.build())
    settings = (
        files.java_class(f"{model}.ReplicationConfiguration").builder().role("arn:aws:iam::1:role/r").rules(rules)
    )
    request = files.java_class(f"{model}.PutBucketReplicationRequest").builder().bucket(bucket)
    files.s3_client().putBucketReplication(request.replicationConfiguration(settings.build()).build())


def begin_upload(spark: SparkSession, bucket: str, key: str) -> None:
    """Begin an upload in parts, and never end it: as a writer that was killed."""
    files = HadoopFiles(spark, f"s3a://{bucket}/")
    request = files.java_class("software.amazon.awssdk.services.s3.model.CreateMultipartUploadRequest").builder()
    files.s3_client().createMultipartUpload(request.bucket(bucket).key(key).build())


def lock_object(spark: SparkSession, bucket: str, key: str) -> None:
    """Lock an object for a day, so that nobody can remove that version of it."""
    files = HadoopFiles(spark, f"s3a://{bucket}/")
    model = "software.amazon.awssdk.services.s3.model"
    until = files.java_class("java.time.Instant").now().plusSeconds(86_400)
    retention = files.java_class(f"{model}.ObjectLockRetention").builder().mode("COMPLIANCE").retainUntilDate(until)
    request = files.java_class(f"{model}.PutObjectRetentionRequest").builder().bucket(bucket).key(key)
    files.s3_client().putObjectRetention(request.retention(retention.build()).build())


@contextmanager
def run_s3(folder: Path) -> Iterator[S3Service]:
    """A running server, which ends with the block.

    Args:
        folder: a folder for its data.

    Raises:
        ServiceMissing: it cannot be built.
    """
    build_program()
    for name in ("users", "versions", "data"):
        (folder / name).mkdir()
    place = free_place()
    command: list[str | Path] = [PROGRAM, "--port", place, "--iam-dir", folder / "users", "--quiet"]
    server = subprocess.Popen(
        [*command, "posix", "--versioning-dir", folder / "versions", folder / "data"],
        env={**os.environ, "ROOT_ACCESS_KEY": ADMIN, "ROOT_SECRET_KEY": secret_of(ADMIN)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(place, server)
        service = S3Service(f"http://{place}")
        for user in (PLATFORM_USER, READER, STRANGER):
            service.add_user(user)
        yield service
    finally:
        server.terminate()
        server.wait()


@contextmanager
def run_moto() -> Iterator[str]:
    """A running server of moto, which ends with the block; gives its address.

    Raises:
        ServiceMissing: its packages cannot be fetched.
    """
    home = PROJECT / "build" / "moto"
    if not (home / "installed").exists():
        venv.create(home, clear=True, with_pip=True)
        pip: list[str | Path] = [
            home / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--require-hashes",
        ]
        lock = PROJECT / "requirements-s3-services.lock"
        if subprocess.run([*pip, "-r", lock], capture_output=True, check=False).returncode:
            raise ServiceMissing("moto cannot be started here: its packages cannot be fetched")
        (home / "installed").touch()
    place = free_place()
    host, _, port = place.partition(":")
    server = subprocess.Popen(
        [home / "bin" / "moto_server", "-H", host, "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(place, server)
        yield f"http://{place}"
    finally:
        server.terminate()
        server.wait()


def free_place() -> str:
    """A host and a port of this machine where no server listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def build_program() -> None:
    """Build the server once per checkout, by Go.

    Raises:
        ServiceMissing: Go is not there, or cannot fetch or build it.
    """
    if PROGRAM.exists():
        return
    go = shutil.which("go")
    if go is None:
        raise ServiceMissing("S3 cannot be started here: it is built by Go, which is not there")
    fresh = PROGRAM.parent / f"versitygw-{os.getpid()}"
    built = subprocess.run(
        [go, "install", VERSITYGW], env={**os.environ, "GOBIN": str(fresh)}, capture_output=True, text=True, check=False
    )
    if built.returncode:
        raise ServiceMissing("S3 cannot be started here: Go could not fetch or build it")
    (fresh / "versitygw").replace(PROGRAM)
    fresh.rmdir()


def wait_for(place: str, server: subprocess.Popen[bytes]) -> None:
    """Wait until a server takes connections.

    Raises:
        ServiceMissing: it ended, or takes none.
    """
    host, _, port = place.partition(":")
    for _ in range(SECONDS_TO_START * 10):
        if server.poll() is not None:
            break
        with socket.socket() as client:
            if client.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise ServiceMissing("S3 cannot be started here: its server ended, or takes no connections")
