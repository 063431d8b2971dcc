"""What only S3 has: commits by conditional put, the bucket's policy, what a bucket keeps of removed objects."""

from __future__ import annotations

import datetime as dt
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from tests.services.hdfs import ServiceMissing
from tests.services.s3 import (
    PLATFORM_USER,
    READER,
    STRANGER,
    S3Service,
    begin_upload,
    copy_to,
    keep_versions,
    lock_object,
    run_moto,
)

from cohort import delta
from cohort.foundation.errors import UsageRefused
from cohort.storage import StoragePath, open_storage_root, probe_root, remove_tree, s3_store
from cohort.storage.bucket_policy import reader_statements
from cohort.storage.hadoop_files import HadoopFiles
from cohort.storage.s3_client import S3Client
from cohort.storage.s3_store import S3Store
from cohort.storage.s3_survivors import MARKERS, UPLOADS, VERSIONS, find_s3_survivors, remove_s3_survivor
from cohort.storage.zone_paths import StorageZones

from .test_store_contract import make_bucket_root

NOW = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)


@pytest.fixture
def root(s3: S3Service, one_spark: SparkSession, tmp_path: Path) -> StoragePath:
    return make_bucket_root(s3, one_spark, tmp_path.name)


@pytest.fixture
def store(root: StoragePath) -> S3Store:
    made = getattr(root, "store", None)
    assert isinstance(made, S3Store)
    return made


def test_the_first_start_tries_the_bucket(root: StoragePath) -> None:
    zones = StorageZones(root)
    zones.restricted.mkdir()
    probe_root(zones, NOW)
    assert zones.store_document.is_file()


def test_a_log_store_that_overwrites_is_refused(root: StoragePath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_store, "LOG_STORE_SETTING", "spark.delta.logStore.none.impl")
    zones = StorageZones(root)
    zones.restricted.mkdir()
    with pytest.raises(UsageRefused, match="a root on which a version of a table is committed once"):
        probe_root(zones, NOW)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("fs.s3a.secret.key", "geheim", r"a secret among the settings in fs\.s3a\.secret\.key"),
        ("fs.s3a.proxy.password", "geheim", "a secret among the settings"),
        ("fs.s3a.acl.default", "AuthenticatedRead", "objects that the bucket's policy alone opens"),
        ("fs.s3a.encryption.algorithm", "CSE-KMS", "an encryption that every reader can undo"),
        ("fs.s3a.accesspoint.arn", "arn:aws:s3:eu-west-1:1:accesspoint/x", "a bucket whose own policy decides"),
    ],
)
def test_a_setting_that_could_open_or_hide_something_is_refused(
    root: StoragePath, store: S3Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: str
) -> None:
    real = store.files.setting
    monkeypatch.setattr(HadoopFiles, "setting", lambda _, asked: value if asked == name else real(asked))
    with pytest.raises(UsageRefused, match=found) as refused:
        s3_store.require_safe_settings(store.files)
    assert "geheim" not in str(refused.value)
    assert root


def test_another_log_store_than_the_projects_is_refused_at_every_start(
    root: StoragePath, one_spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_store, "LOG_STORE", "io.delta.storage.S3SingleDriverLogStore")
    with pytest.raises(UsageRefused, match="the log store of the project"):
        open_storage_root(str(root), lambda: one_spark)


def test_secrets_that_spark_copied_are_no_setting_of_the_session_any_more(
    store: S3Store, one_spark: SparkSession
) -> None:
    assert store.files.variable("AWS_SECRET_ACCESS_KEY")
    settings = one_spark.sparkContext._jsc.hadoopConfiguration()  # type: ignore[attr-defined]
    assert [settings.get(name) for name in ("fs.s3a.access.key", "fs.s3a.secret.key")] == [None, None]


def test_a_bucket_whose_policy_opens_a_zone_is_refused(root: StoragePath, store: S3Store) -> None:
    zones = StorageZones(root)
    zones.restricted.mkdir()
    store.client.write_policy(everything_to(store.client.bucket, PLATFORM_USER, STRANGER))
    with pytest.raises(UsageRefused, match="a root on which what is closed stays closed to others"):
        probe_root(zones, NOW)


def everything_to(bucket: str, *principals: str) -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Alles",
                "Effect": "Allow",
                "Principal": {"AWS": [*principals]},
                "Action": "s3:*",
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
            }
        ],
    }


def test_a_bucket_that_anybody_reads_is_open_whatever_the_platform_calls_its_own(
    root: StoragePath, store: S3Store
) -> None:
    (root / "restricted").mkdir()
    (root / "restricted" / "1.json").write_bytes(b"x")
    assert not store.is_open_to_others(root / "restricted")
    policy = everything_to(store.client.bucket, PLATFORM_USER)
    anybody = {**policy["Statement"][0], "Sid": "Ieder", "Principal": "*"}  # type: ignore[index]
    store.client.write_policy({**policy, "Statement": [*policy["Statement"], anybody]})  # type: ignore[misc]
    assert store.client.can_anyone_read("cohort/restricted/1.json")
    assert store.client.can_anyone_list("cohort/restricted/")
    assert store.is_open_to_others(root / "restricted")


@pytest.mark.parametrize("readers", ["niemand-van-hier", "*", "a*", "111122223333", "arn:aws:iam::111122223333:root"])
def test_readers_whom_a_policy_cannot_name_are_told_before_anything_is_published(store: S3Store, readers: str) -> None:
    assert store.check_readers(READER) is None
    assert store.check_readers(readers) is not None
    assert reader_statements(store.client.read_policy()) == []


def test_a_platform_that_does_not_name_itself_would_lock_itself_out(
    root: StoragePath, store: S3Store, one_spark: SparkSession
) -> None:
    nameless = open_storage_root(str(root), lambda: one_spark, own_principals=("iemand",)).root
    refused = getattr(nameless, "store").check_readers(READER)  # noqa: B009 - a path of this store alone has it
    assert "platform_principals does not name its own user" in refused
    assert store.client.read_policy() == {}


def test_a_statement_for_readers_is_what_is_left_of_a_table(root: StoragePath, store: S3Store) -> None:
    table = root / "projects" / "leergroei"
    store.open_to_readers(table, READER)
    (found,) = store.find_survivors([table]).found
    assert found.kind == "statement of the bucket's policy"
    store.remove_survivor(found)
    assert store.find_survivors([table]).found == ()
    assert not store.is_open_to_others(table)


def test_two_changes_of_the_policy_at_once_lose_neither(root: StoragePath, store: S3Store) -> None:
    tables = [root / "projects" / name for name in ("a", "b", "c", "d")]
    for table in tables:
        table.mkdir(parents=True)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda table: store.open_to_readers(table, READER), tables))
    assert [store.is_open_to_others(table) for table in tables] == [True] * 4


def test_of_two_drivers_that_commit_one_version_one_is_told_that_the_other_was_first(
    root: StoragePath, store: S3Store
) -> None:
    """The race of Delta's own log store, made deterministic: another driver commits between its look and its write."""
    table = root / "restricted" / "tabel"
    deltalake.write_deltalake(str(table), pa.table({"n": [0]}), storage_options=store.table_options())
    log_store = store.files.log_store(s3_store.LOG_STORE_SETTING)
    version = f"{table}/_delta_log/{1:020d}.json"
    assert store.files.commit_by(log_store, version, '{"commitInfo":{"txnId":"a"}}')
    assert not store.files.commit_by(log_store, version, '{"commitInfo":{"txnId":"b"}}')
    assert store.files.commit_by(log_store, version, '{"commitInfo":{"txnId":"a"}}'), "its own, sent again"
    assert not store.files.commit_by(log_store, version, '{"commitInfo":{}}'), "without a token nothing is its own"


def test_rows_of_four_writers_at_once_are_all_kept(spark: SparkSession, root: StoragePath, store: S3Store) -> None:
    table = root / "restricted" / "tabel"
    deltalake.write_deltalake(str(table), pa.table({"n": pa.array([-1])}), storage_options=store.table_options())
    begin = threading.Barrier(4)

    def write(writer: int) -> None:
        begin.wait()
        for n in range(3):
            if writer % 2:
                delta.append_rows(spark.range(1).selectExpr(f"{writer * 10 + n}L AS n"), table, "one more")
            else:
                rows = pa.table({"n": pa.array([writer * 10 + n])})
                deltalake.write_deltalake(str(table), rows, mode="append", storage_options=store.table_options())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    kept = delta.read_table(spark, table).collect()
    assert sorted(row.n for row in kept) == [-1, 0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]


@pytest.fixture
def kept(one_spark: SparkSession, root: StoragePath, store: S3Store) -> S3Client:
    """A bucket that keeps versions, with a removed table, of which one object had been replaced, and another one."""
    keep_versions(one_spark, store.client.bucket)
    table = root / "projects" / "leergroei"
    for content in (b"1", b"2"):
        (table / "a").write_bytes(content)
    (table / "b").write_bytes(b"1")
    remove_tree(table)
    (root / "projects" / "leergroei2").mkdir(parents=True)
    (root / "projects" / "leergroei2" / "d").write_bytes(b"1")
    (root / "projects" / "leergroei2" / "d").unlink()
    return store.client


def test_a_bucket_with_versions_shows_what_was_removed_and_loses_it(
    root: StoragePath, store: S3Store, kept: S3Client
) -> None:
    table = root / "projects" / "leergroei"
    kinds = [survivor.kind for survivor in store.find_survivors([table]).found]
    assert kinds == [MARKERS, VERSIONS]
    for survivor in store.find_survivors([table]).found:
        store.remove_survivor(survivor)
    assert store.find_survivors([table]).found == ()
    assert list(kept.list_versions("cohort/projects/leergroei/")) == []
    assert store.find_survivors([root / "projects" / "leergroei2"]).found, "of another project nothing was removed"


def test_an_upload_that_never_ended_is_found_and_its_parts_are_removed(
    one_spark: SparkSession, root: StoragePath, store: S3Store
) -> None:
    begin_upload(one_spark, store.client.bucket, "cohort/staging/leergroei/1.parquet")
    (found,) = store.find_survivors([root / "staging" / "leergroei"]).found
    assert (found.kind, found.place) == (UPLOADS, f"{root}/staging/leergroei")
    store.remove_survivor(found)
    assert store.find_survivors([root / "staging" / "leergroei"]).found == ()


def test_a_locked_version_stays_and_is_found_again(one_spark: SparkSession, s3: S3Service) -> None:
    address = s3.make_bucket(f"op-slot-{NOW.timestamp():.0f}", lock=True)
    HadoopFiles(one_spark, f"{address}/cohort").make_folder(f"{address}/cohort")
    root = open_storage_root(f"{address}/cohort", lambda: one_spark, own_principals=(PLATFORM_USER,)).root
    store = getattr(root, "store", None)
    assert isinstance(store, S3Store)
    table = root / "projects" / "leergroei"
    (table / "a").write_bytes(b"1")
    lock_object(one_spark, store.client.bucket, "cohort/projects/leergroei/a")
    (table / "a").unlink()
    for survivor in store.find_survivors([table]).found:
        store.remove_survivor(survivor)
    assert [survivor.kind for survivor in store.find_survivors([table]).found] == [MARKERS, VERSIONS]
    assert not (table / "a").exists(), "without its marker the locked version would be back"


@pytest.fixture
def copied(s3: S3Service, one_spark: SparkSession) -> Iterator[tuple[S3Client, str]]:
    """A bucket of moto's, and the name of the one that it is copied to."""
    try:
        with run_moto() as endpoint:
            S3Service(endpoint).use_in(one_spark)
            names = [f"{name}-{time.time_ns()}" for name in ("eerste", "kopie")]
            for name in names:
                urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT")).close()
            keep_versions(one_spark, names[0])
            keep_versions(one_spark, names[1])
            copy_to(one_spark, *names)
            yield S3Client(HadoopFiles(one_spark, f"s3a://{names[0]}/"), names[0]), names[1]
    except ServiceMissing as missing:
        pytest.skip(str(missing))
    finally:
        s3.use_in(one_spark)


def test_a_copy_in_another_bucket_is_found_as_long_as_it_is_there(
    one_spark: SparkSession, copied: tuple[S3Client, str]
) -> None:
    client, copy = copied
    folder = "cohort/projects/leergroei"
    search = find_s3_survivors(client, [folder])
    assert search.found == ()
    assert "buckets that the bucket is copied to" in search.asked
    files = HadoopFiles(one_spark, f"s3a://{copy}/")
    files.write(f"s3a://{copy}/{folder}/1.parquet", b"een rij", None)
    (found,) = find_s3_survivors(client, [folder]).found
    assert (found.kind, found.place) == ("copy in another bucket", f"s3a://{copy}/{folder}")
    remove_s3_survivor(client, found)
    assert find_s3_survivors(client, [folder]).found == (found,), "another bucket is not the platform's to change"


def test_a_server_that_lets_everybody_in_is_refused(copied: tuple[S3Client, str], one_spark: SparkSession) -> None:
    address = f"s3a://{copied[0].bucket}/cohort"
    HadoopFiles(one_spark, address).make_folder(f"{address}/restricted")
    zones = open_storage_root(address, lambda: one_spark)
    with pytest.raises(UsageRefused, match="a root on which what is closed stays closed to others"):
        probe_root(zones, NOW)
