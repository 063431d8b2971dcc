"""Platforms whose root is on a store, HDFS or S3; their configuration and their keys are local."""

from __future__ import annotations

import datetime as dt
import getpass
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pyspark.sql import SparkSession
from tests.services.hdfs import HdfsService
from tests.services.s3 import PLATFORM_USER, READER, S3Service, credentials_of

from cohort.storage import StorageZones, open_storage_root
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.s3_store import S3Store

from .conftest import Platform, spark_options

PROJECT = "leergroei"
READ = """
import sys
from deltalake import DeltaTable
options = {"AWS_ENDPOINT_URL": sys.argv[2], "AWS_ALLOW_HTTP": "true"} if len(sys.argv) > 2 else None
try:
    print(DeltaTable(sys.argv[1], storage_options=options).to_pyarrow_table().num_rows, flush=True)
except Exception:
    print("refused", flush=True)
"""
REACH = """
import sys
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs
files = fs.PyFileSystem(DeltaStorageHandler(sys.argv[1], {"AWS_ENDPOINT_URL": sys.argv[2], "AWS_ALLOW_HTTP": "true"}))
for place in sys.argv[3:]:
    for ask in (lambda: files.get_file_info(fs.FileSelector(place, recursive=True)),
                lambda: files.open_input_file(place).read()):
        try:
            ask()
            print(place)
        except Exception:
            pass
"""


@dataclass(frozen=True)
class StoredPlatform(Platform):
    """A platform whose root is on a store.

    Args:
        address: the address of its root.
        session: the session that all tests share.
    """

    address: str
    session: SparkSession

    own_principals: ClassVar[tuple[str, ...]] = ()

    @property
    def root_argument(self) -> str:
        return self.address

    @property
    def stored(self) -> StorageZones:
        return open_storage_root(self.address, lambda: self.session, own_principals=self.own_principals)

    @property
    def published_table(self) -> str:
        """The address of the table that readers read."""
        return str(self.stored.published_table(PROJECT))


@dataclass(frozen=True)
class HdfsPlatform(StoredPlatform):
    """A platform whose root is on HDFS."""

    service: HdfsService

    @property
    def place(self) -> str:
        """The path of the root from the top of the store on."""
        return self.address.removeprefix(self.service.address)

    def read_as(self, user: str) -> str:
        """What a user gets who reads the published table: the number of rows, or `refused`."""
        return run_python(READ, self.published_table, environment={"HADOOP_USER_NAME": user})


@dataclass(frozen=True)
class S3Platform(StoredPlatform):
    """A platform whose root is in a bucket."""

    service: S3Service

    own_principals: ClassVar[tuple[str, ...]] = (PLATFORM_USER,)

    @property
    def store(self) -> S3Store:
        store = getattr(self.stored.root, "store", None)
        assert isinstance(store, S3Store)
        return store

    def command(self, job: str, *arguments: str) -> list[str]:
        settings = {f"spark.hadoop.{name}": value for name, value in self.service.spark_settings.items()}
        between = () if "--" in arguments else ("--",)
        return super().command(job, *arguments, *between, *spark_options(settings))

    def read_as(self, user: str) -> str:
        """What a user gets who reads the published table: the number of rows, or `refused`."""
        return self._as(user, READ, self.published_table, self.service.endpoint)

    def reach_as(self, user: str, *places: str) -> list[str]:
        """Which places below the root a user can list or read."""
        return self._as(user, REACH, self.address, self.service.endpoint, *places).split()

    def _as(self, user: str, script: str, *arguments: str) -> str:
        return run_python(script, *arguments, environment=credentials_of(user))


def run_python(script: str, *arguments: str, environment: dict[str, str]) -> str:
    """Run a script in a process of its own, with more variables of the environment; what it printed."""
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    return ran.stdout.strip()


def put_on_hdfs(local: Platform, folder: Path, hdfs: HdfsService, session: SparkSession) -> HdfsPlatform:
    """Make a platform with what schools sent to a local root on HDFS, and its configuration and keys in a folder."""
    address = hdfs.make_root(f"/{folder.name}/cohort", owner=getpass.getuser())
    platform = HdfsPlatform(folder / "platform", address, session, hdfs)
    put_deliveries(local, platform.home, platform.stored)
    return platform


def put_on_s3(local: Platform, folder: Path, service: S3Service, session: SparkSession) -> S3Platform:
    """Make a platform with what schools sent to a local root in a bucket; configuration and keys are in a folder."""
    bucket = service.make_bucket(folder.name.replace("_", "-").lower()[:40])
    HadoopFiles(session, f"{bucket}/cohort").make_folder(f"{bucket}/cohort")
    platform = S3Platform(folder / "platform", f"{bucket}/cohort", session, service)
    put_deliveries(local, platform.home, platform.stored)
    platform.change("conf/platform.toml", 'way = "owner"', f'way = "policy"\nplatform_principals = ["{PLATFORM_USER}"]')
    set_agreed(platform, readers=f'"{READER}"')
    return platform


def put_deliveries(local: Platform, home: Path, stored: StorageZones) -> None:
    """Copy what schools sent to a local root to another one, and configuration and keys to a folder."""
    shutil.copytree(local.config, home / "conf")
    shutil.copytree(local.keys, home / "keys")
    for zone in ("deliveries", "objections", "instructions"):
        for file in sorted(path for path in (local.root / zone).rglob("*") if path.is_file()):
            (stored.root / file.relative_to(local.root).as_posix()).write_bytes(file.read_bytes())


def set_period(platform: Platform, starts: int, ends: int) -> None:
    """Make the project run from some days before or after today to some days after or before it."""
    today = dt.date.today()
    days = {"starts": today + dt.timedelta(days=starts), "ends": today + dt.timedelta(days=ends)}
    set_agreed(platform, **{name: day.isoformat() for name, day in days.items()})


def set_agreed(platform: Platform, **values: str) -> None:
    """Replace values in the head of the project file; each is written as TOML has it."""
    file = platform.config / "projects" / f"{PROJECT}.toml"
    lines = file.read_text(encoding="utf-8").splitlines()
    changed = [next((f"{k} = {v}" for k, v in values.items() if line.startswith(f"{k} =")), line) for line in lines]
    file.write_text("\n".join(changed), encoding="utf-8")
