"""Locks on stores without locks of an operating system, on a real HDFS: killed, paused and racing owners."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest
from py4j.protocol import Py4JJavaError
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from tests.services.hdfs import HdfsService

from cohort.delta import fence_table, read_small_table
from cohort.delta.write_tables import commit_data_files
from cohort.foundation.errors import StateRefused
from cohort.storage import leases
from cohort.storage.hadoop_store import HadoopStore
from cohort.storage.storage_path import StoragePath
from cohort.storage.storage_root import open_storage_root
from cohort.storage.stores import store_of

PROJECT = Path(__file__).resolve().parents[2]
SECONDS = 2.0
NewRun = Callable[[], HadoopStore]


@pytest.fixture
def address(hdfs: HdfsService, tmp_path: Path) -> str:
    return hdfs.make_root(f"/{tmp_path.name}", owner=getpass.getuser())


@pytest.fixture
def new_run(one_spark: SparkSession, address: str) -> NewRun:
    """Makes the store of another run on the same root: it knows nothing of the locks of the others."""

    def make() -> HadoopStore:
        store = store_of(open_storage_root(address, lambda: one_spark, SECONDS).root)
        assert isinstance(store, HadoopStore)
        return store

    return make


def lock(store: HadoopStore, address: str, *, shared: bool = False) -> AbstractContextManager[bool]:
    root = store.path(address.removeprefix(store.address))
    return store.hold_lock(root / "locks", "_intake", shared=shared, wait=False)


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> Callable[[AbstractContextManager[bool]], None]:
    """Takes a lock as a run that is killed at once: it neither renews nor releases."""
    left = []

    def take(held: AbstractContextManager[bool]) -> None:
        with monkeypatch.context() as killed:
            killed.setattr(leases._Lease, "renew", lambda _: None)
            held.__enter__()
        left.append(held)

    return take


def test_the_lock_of_a_killed_owner_is_taken_over_when_its_lease_has_ended(
    new_run: NewRun, address: str, dies: Callable[[AbstractContextManager[bool]], None]
) -> None:
    began = time.monotonic()
    dies(lock(new_run(), address))
    with pytest.raises(BlockingIOError):
        lock(new_run(), address).__enter__()
    while True:
        try:
            with lock(new_run(), address) as taken_over:
                assert taken_over
                break
        except BlockingIOError:
            assert time.monotonic() - began < 20 * SECONDS
            time.sleep(SECONDS / 10)
    assert time.monotonic() - began >= SECONDS * 0.9
    with lock(new_run(), address) as taken_over:
        assert not taken_over


def test_who_may_change_nothing_leaves_the_abandoned_lock_to_the_next_who_may(
    new_run: NewRun, address: str, dies: Callable[[AbstractContextManager[bool]], None]
) -> None:
    dies(lock(new_run(), address))
    time.sleep(SECONDS * 1.5)
    for _ in range(2):
        with lock(new_run(), address, shared=True):
            pass
    with lock(new_run(), address) as taken_over:
        assert taken_over
    dies(lock(new_run(), address, shared=True))
    time.sleep(SECONDS * 1.5)
    with lock(new_run(), address) as taken_over:
        assert not taken_over, "a reader leaves nothing behind"


def test_a_lock_is_renewed_as_long_as_its_owner_lives(new_run: NewRun, address: str) -> None:
    owner = new_run()
    with lock(owner, address):
        ends = time.monotonic() + 3 * SECONDS
        while time.monotonic() < ends:
            with pytest.raises(BlockingIOError):
                lock(new_run(), address).__enter__()
            owner.require_lock_held()


def test_of_racing_runs_one_holds_the_lock(new_run: NewRun, address: str) -> None:
    runs = [new_run() for _ in range(4)]
    inside = threading.Semaphore(1)

    def work(run: HadoopStore) -> int:
        held = 0
        while held < 5:
            try:
                with lock(run, address):
                    assert inside.acquire(blocking=False), "two runs at once"
                    held += 1
                    inside.release()
            except BlockingIOError:
                continue
        return held

    with ThreadPoolExecutor(len(runs)) as threads:
        assert list(threads.map(work, runs)) == [5] * len(runs)


def test_who_stood_still_while_the_chain_went_on_writes_no_number_again(
    new_run: NewRun, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "KEPT_FILES", 3)
    run = new_run()
    with lock(run, address):
        pass
    slow = leases.LeaseChain(run.files, f"{address}/locks/_intake", SECONDS)
    seen = slow._read()
    for _ in range(4):
        with lock(run, address):
            pass
    assert not slow._write(seen, (leases.LeaseHolder("slow", False, time.time() + 1e6),))
    with lock(run, address) as taken_over:
        assert not taken_over


PAUSED_OWNER = """
import sys
import pyarrow as pa
from pyspark.sql import SparkSession
from cohort.delta import append_local_rows
from cohort.foundation.errors import StateRefused
from cohort.storage import hold_lock, open_storage_root, write_json_document
address, seconds = sys.argv[1], float(sys.argv[2])
start = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate
root = open_storage_root(address, start, seconds).root
with hold_lock(root / "locks", "_intake"):
    print("holds", flush=True)
    sys.stdin.readline()
    for commit in (
        lambda: append_local_rows(pa.table({"n": pa.array([2], pa.int64())}), root / "table", "late"),
        lambda: write_json_document(root / "records" / "late.json", {}),
    ):
        try:
            commit()
            print("committed", flush=True)
        except StateRefused as refused:
            print(f"refused {refused.exit_code}", flush=True)
"""


def test_a_paused_owner_that_wakes_up_commits_nothing(new_run: NewRun, address: str) -> None:
    deltalake.write_deltalake(f"{address}/table", pa.table({"n": pa.array([1], pa.int64())}))
    with subprocess.Popen(
        [sys.executable, "-c", PAUSED_OWNER, address, str(SECONDS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT / "lib")},
        start_new_session=True,
    ) as paused:
        assert paused.stdin is not None
        assert paused.stdout is not None
        assert "holds\n" in iter(paused.stdout.readline, "")
        os.killpg(paused.pid, signal.SIGSTOP)
        time.sleep(1.5 * SECONDS)
        run = new_run()
        with lock(run, address) as taken_over:
            assert taken_over
            os.killpg(paused.pid, signal.SIGCONT)
            paused.stdin.write("\n")
            paused.stdin.flush()
            assert paused.stdout.read().split("\n") == ["refused 15", "refused 15", ""]
    root: StoragePath = run.path(address.removeprefix(run.address))
    rows = read_small_table(root / "table")
    assert rows is not None
    assert rows["n"].to_pylist() == [1]
    assert not (root / "records").exists()


def test_a_commit_that_was_begun_before_the_lock_was_taken_over_fails(
    spark: SparkSession, new_run: NewRun, address: str
) -> None:
    """It passed the check of its lock, then stood still: the table itself refuses it."""
    run = new_run()
    table = run.path(address.removeprefix(run.address)) / "table"
    deltalake.write_deltalake(str(table), pa.table({"n": pa.array([1], pa.int64())}))
    begun = deltalake.DeltaTable(str(table))
    slow_row = F.udf(lambda n: time.sleep(6) or n, "long")
    late = spark.range(2, 3).select(slow_row("id").alias("n"))
    with ThreadPoolExecutor(1) as threads:
        append = threads.submit(lambda: late.write.format("delta").mode("append").save(str(table)))
        time.sleep(4)
        fence_table(table, "lock taken over")
        with pytest.raises(Exception, match=r"(?i)metadata") as refused:
            append.result()
    assert isinstance(refused.value, Py4JJavaError) or "MetadataChanged" in type(refused.value).__name__
    with pytest.raises(deltalake.exceptions.DeltaError):
        commit_data_files(table, begun, [], "late")
    rows = read_small_table(table)
    assert rows is not None
    assert rows["n"].to_pylist() == [1]


def test_what_a_killed_run_left_of_asking_for_the_time_goes_with_the_next_lock(new_run: NewRun, address: str) -> None:
    run = new_run()
    folder = run.path(address.removeprefix(run.address)) / "locks" / "_intake"
    (folder / "clock-killed").write_bytes(b"")
    time.sleep(1.2 * SECONDS)
    (folder / "clock-running").write_bytes(b"")
    with lock(run, address):
        assert [file.name for file in folder.glob("clock-*")] == ["clock-running"]


def test_a_lock_that_cannot_be_renewed_counts_as_lost(
    new_run: NewRun, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    with lock(run, address), monkeypatch.context() as away:
        away.setattr(leases.LeaseChain, "replace_holder", lambda *_: (_ for _ in ()).throw(OSError("away")))
        time.sleep(1.2 * SECONDS)
        with pytest.raises(StateRefused) as refused:
            run.require_lock_held()
    assert refused.value.exit_code == 15
