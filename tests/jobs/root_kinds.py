"""The kinds of stores that the tests of kills and of two drivers run on; a new kind is one more function here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from .conftest import Platform
from .stored_platforms import put_on_hdfs, put_on_s3
from .whole_way import RootKind

LEASE_SECONDS = 4
DELIVERED_ZONES = ("deliveries", "objections", "instructions")


def make_kind(name: str, request: pytest.FixtureRequest) -> RootKind:
    """One kind of store; the test is skipped with the reason where the store cannot be started."""
    return KINDS[name](request)


def _local(request: pytest.FixtureRequest) -> RootKind:
    del request
    return RootKind("local", _put_in_folder)


def _put_in_folder(source: Platform, folder: Path) -> Platform:
    made = Platform(folder / "platform")
    for name in ("conf", "keys", *(f"root/{zone}" for zone in DELIVERED_ZONES)):
        shutil.copytree(source.home / name, made.home / name)
    return made


def _hdfs(request: pytest.FixtureRequest) -> RootKind:
    service, session = request.getfixturevalue("hdfs"), request.getfixturevalue("one_spark")
    assert isinstance(session, SparkSession)

    def put(source: Platform, folder: Path) -> Platform:
        made = put_on_hdfs(source, folder, service, session)
        made.change("conf/platform.toml", "lease_seconds = 60", f"lease_seconds = {LEASE_SECONDS}")
        return made

    return RootKind("hdfs", put, LEASE_SECONDS + 1)


def _s3(request: pytest.FixtureRequest) -> RootKind:
    service, session = request.getfixturevalue("s3"), request.getfixturevalue("one_spark")
    assert isinstance(session, SparkSession)

    def put(source: Platform, folder: Path) -> Platform:
        made = put_on_s3(source, folder, service, session)
        made.change("conf/platform.toml", "lease_seconds = 60", f"lease_seconds = {LEASE_SECONDS}")
        made.change("conf/platform.toml", 'way = "policy"', 'way = "owner"')  # as the other kinds have it
        return made

    return RootKind("s3a", put, LEASE_SECONDS + 1)


KINDS = {"local": _local, "hdfs": _hdfs, "s3a": _s3}
