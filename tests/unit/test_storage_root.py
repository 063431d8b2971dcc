"""The storage root: which folders and addresses are accepted, and what is tried at the first start."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from cohort.foundation.errors import UsageRefused
from cohort.storage import posix_store, root_probe, storage_root
from cohort.storage.zone_paths import StorageZones


def no_session() -> SparkSession:
    raise AssertionError("a local root needs no session")


@pytest.mark.parametrize("name", ["plain", "with a blank", "één"])
def test_a_root_is_given_by_path_or_by_file_uri(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert storage_root.open_storage_root(str(tmp_path / name), no_session).root == tmp_path / name
    assert storage_root.open_storage_root(f"file://{tmp_path / name}", no_session).root == tmp_path / name


@pytest.mark.parametrize("mark", sorted(storage_root.MISREAD_PATH_CHARACTERS))
def test_a_root_with_characters_that_table_readers_misread_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / f"a{mark}20").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / f"a{mark}20")
    for name in (f"a{mark}20", "link"):
        with pytest.raises(UsageRefused) as refused:
            storage_root.open_storage_root(str(tmp_path / name), no_session)
        assert f"found {mark} in --root" in str(refused.value)


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageRefused, match="Expected a folder"):
        storage_root.open_storage_root(str(tmp_path / "none"), no_session)


@pytest.mark.parametrize("root", ["hdfs:///cohort", "hdfs://namenode:8020", "hdfs:cohort"])
def test_an_address_without_a_host_or_a_folder_is_refused_before_a_session_starts(root: str) -> None:
    with pytest.raises(UsageRefused, match="an address with a host and a folder"):
        storage_root.open_storage_root(root, no_session)


@pytest.mark.parametrize("mark", [*sorted(storage_root.MISREAD_PATH_CHARACTERS), "é", " ", "?", "&"])
def test_an_address_with_characters_that_table_readers_misread_is_refused(mark: str) -> None:
    with pytest.raises(UsageRefused, match="one with others, which readers of tables take for an escape"):
        storage_root.open_storage_root(f"hdfs://namenode:8020/co{mark}hort", no_session)


@pytest.mark.parametrize(
    ("root", "found"),
    [
        ("gs://bucket/cohort", "one that Spark has no jar or setting for"),
        ("abfs://container@account.dfs.core.windows.net/cohort", "one that Spark has no jar or setting for"),
        ("s3://bucket/cohort", "one that Spark has no jar or setting for"),
        ("hdfs://localhost:1/cohort", "one that does not answer"),
    ],
)
def test_a_store_that_cannot_be_opened_is_refused(spark: SparkSession, root: str, found: str) -> None:
    with pytest.raises(UsageRefused, match=found):
        storage_root.open_storage_root(root, lambda: spark)


def test_the_first_start_tries_what_the_store_can_do_and_the_next_one_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zones, now = StorageZones(tmp_path), dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
    root_probe.probe_root(zones, now)
    document = json.loads(zones.store_document.read_text(encoding="utf-8"))
    assert document == {"kind": "file", "tried": [*root_probe.PROMISES], "at": now.isoformat()}
    assert [path.name for path in zones.restricted.iterdir()] == ["store.json"]
    monkeypatch.setattr(root_probe, "PROMISES", {"nothing holds": lambda *_: False})
    root_probe.probe_root(zones, now)  # was tried


def without_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "hardlink_to", refuse)


def with_creates_that_overwrite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix_store.PosixStore, "create_once", lambda _, path, content: bool(path.write_bytes(content)))


def with_modes_that_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix_store.PosixStore, "is_open_to_others", lambda *_: True)


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        (without_hard_links, "a version of a table is committed once"),
        (with_creates_that_overwrite, "only one of several runs makes a file"),
        (with_modes_that_do_nothing, "what is closed stays closed to others"),
    ],
)
def test_a_root_that_cannot_keep_a_promise_is_refused_by_its_name_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None], promise: str
) -> None:
    zones, now = StorageZones(tmp_path), dt.datetime.now(dt.UTC)
    with monkeypatch.context() as faulty:
        fault(faulty)
        for _ in range(2):
            with pytest.raises(UsageRefused) as refused:
                root_probe.probe_root(zones, now)
            (problem,) = refused.value.problems
            assert f"a root on which {promise}" in problem
            assert not list(zones.restricted.iterdir())
    root_probe.probe_root(zones, now)
