"""What every store must do alike: the same tests against a local folder and against a real HDFS."""

from __future__ import annotations

import getpass
import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from tests.services.hdfs import HdfsService
from tests.services.s3 import PLATFORM_USER, S3Service

from cohort import delta
from cohort.foundation.errors import StateRefused
from cohort.storage import (
    StoragePath,
    anything_exists,
    file_operations,
    hold_lock,
    lies_in,
    move_file,
    open_storage_root,
    open_text_to_read,
    open_text_to_write,
    open_to_read,
    open_to_write,
    parquet_source,
    remove_tree,
    store_of,
    walk_folder,
)
from cohort.storage.hadoop_files import HadoopFiles

TREE = ("a/1.json", "a/2.json", "a/.3.json.7.new", "b/1.json", "b/c/1.json", "b/c/é 1.parquet", "x.json", "_y.csv")
PATTERNS = (
    "*",
    "*.json",
    "*/",
    "*/*",
    "*/*/",
    "*/*.json",
    "*/*/*.parquet",
    "b/*",
    "a/.*",
    "[!_]*.json",
    "[!_]*",
    "n/*",
)
STORES = ("file", "hdfs", "s3a")


@pytest.fixture(params=STORES)
def root(request: pytest.FixtureRequest, one_spark: SparkSession, tmp_path: Path) -> StoragePath:
    """An empty root on each store."""
    if request.param == "file":
        return tmp_path
    if request.param == "s3a":
        bucket: S3Service = request.getfixturevalue("s3")
        return make_bucket_root(bucket, one_spark, tmp_path.name)
    service: HdfsService = request.getfixturevalue("hdfs")
    address = service.make_root(f"/{tmp_path.name}", owner=getpass.getuser())
    return open_storage_root(address, lambda: one_spark).root


def make_bucket_root(service: S3Service, session: SparkSession, name: str) -> StoragePath:
    """An empty root in a bucket of its own."""
    bucket = service.make_bucket(re.sub(r"[^a-z0-9-]", "-", f"{name[:30]}-{uuid.uuid4().hex[:8]}".lower()))
    hadoop = HadoopFiles(session, f"{bucket}/cohort")
    hadoop.make_folder(f"{bucket}/cohort")
    return open_storage_root(f"{bucket}/cohort", lambda: session, own_principals=(PLATFORM_USER,)).root


@pytest.fixture
def tree(root: StoragePath) -> StoragePath:
    for name in TREE:
        path = root
        for part in name.split("/"):
            path = path / part
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (root / "empty").mkdir()
    return root


@pytest.fixture
def like_pathlib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same files in a local folder, to ask `pathlib` and `os`."""
    folder = tmp_path_factory.mktemp("like")
    for name in TREE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (folder / "empty").mkdir()
    return folder


def below(path: StoragePath, top: StoragePath) -> str:
    return path.relative_to(top).as_posix()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_glob_finds_what_pathlib_finds(tree: StoragePath, like_pathlib: Path, pattern: str) -> None:
    found = sorted(below(path, tree) for path in tree.glob(pattern))
    assert found == sorted(below(path, like_pathlib) for path in like_pathlib.glob(pattern))
    assert pattern == "n/*" or found


def test_files_are_listed_and_walked_alike(tree: StoragePath, like_pathlib: Path) -> None:
    assert sorted(below(path, tree) for path in tree.rglob("*.json")) == sorted(
        below(path, like_pathlib) for path in like_pathlib.rglob("*.json")
    )
    listed = list(store_of(tree).list_files(tree))
    assert sorted(below(path, tree) for path in listed if path is not None) == sorted(TREE)
    assert None not in listed
    walked = {
        (below(folder, tree), frozenset(folders), frozenset(names)) for folder, folders, names in walk_folder(tree)
    }
    assert walked == {
        (below(folder, like_pathlib), frozenset(folders), frozenset(names))
        for folder, folders, names in walk_folder(like_pathlib)
    }
    assert sorted(path.name for path in tree.iterdir()) == sorted(path.name for path in like_pathlib.iterdir())


def test_a_walk_does_not_enter_what_its_caller_takes_away_and_tells_what_it_cannot_list(tree: StoragePath) -> None:
    seen = set()
    for folder, folders, _ in walk_folder(tree):
        seen.add(below(folder, tree))
        folders[:] = [name for name in folders if name != "b"]
    assert seen == {".", "a", "empty"}
    problems: list[OSError] = []
    assert not list(walk_folder(tree / "none", problems.append))
    assert [file_operations.path_of_error(tree, problem) for problem in problems] == [tree / "none"]


def test_a_path_is_taken_apart_and_put_together_like_one_of_pathlib(root: StoragePath) -> None:
    path = root / "feedback" / "99ZZ" / "1.json"
    assert (path.name, path.stem, path.suffix, path.parent.name) == ("1.json", "1", ".json", "99ZZ")
    assert path.with_suffix(".txt") == path.with_name("1.txt") == root / "feedback/99ZZ/1.txt"
    assert [below(one, root) for one in path.parents if lies_in(one, root)] == ["feedback/99ZZ", "feedback", "."]
    assert lies_in(path, root)
    assert not lies_in(root, path)
    assert not lies_in(Path("/elsewhere"), root)
    assert {path, root / "feedback/99ZZ/1.json"} == {path}
    assert sorted([path, root / "a"]) == [root / "a", path]
    assert not path.is_symlink()
    assert path.resolve() == root.resolve() / "feedback/99ZZ/1.json"


def test_content_is_written_and_read_back(root: StoragePath) -> None:
    path = root / "één bestand.csv"
    with open_to_write(path) as file:
        file.writelines(f"{n};é\n".encode() for n in range(100_000))
    assert path.stat().st_size == len(path.read_bytes())
    assert abs(path.stat().st_mtime - time.time()) < 300
    assert path.read_text(encoding="utf-8").startswith("0;é\n1;é\n")
    with open_to_read(path) as file:
        assert file.read(5) == b"0;\xc3\xa9\n"
        file.seek(-5, 2)
        assert file.read() == b";\xc3\xa9\n"[-5:].rjust(5, b"9")
        file.seek(0)
        assert file.readline() == b"0;\xc3\xa9\n"
    with open_text_to_write(path) as text:
        text.write("a\r\nb\n")
    with open_text_to_read(path) as text:
        assert list(text) == ["a\r\n", "b\n"]
    assert path.write_bytes(b"") == 0
    assert path.read_bytes() == b""


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (lambda root: (root / "none").read_bytes(), FileNotFoundError),
        (lambda root: (root / "none").stat(), FileNotFoundError),
        (lambda root: (root / "none").unlink(), FileNotFoundError),
        (lambda root: list((root / "none").iterdir()), FileNotFoundError),
        (lambda root: open_to_read(root / "none"), FileNotFoundError),
        (lambda root: (root / "a").mkdir(), FileExistsError),
        (lambda root: (root / "x.json").mkdir(exist_ok=True), FileExistsError),
        (lambda root: (root / "n" / "m").mkdir(), FileNotFoundError),
        (lambda root: (root / "a").rmdir(), OSError),
        (lambda root: (root / "x.json").rmdir(), NotADirectoryError),
        (lambda root: (root / "a").unlink(), OSError),
        (lambda root: list((root / "x.json").iterdir()), NotADirectoryError),
    ],
)
def test_what_cannot_be_done_is_the_error_of_os(
    tree: StoragePath, asked: Callable[[StoragePath], object], error: type[OSError]
) -> None:
    with pytest.raises(error):
        asked(tree)
    assert sorted(below(path, tree) for path in store_of(tree).list_files(tree) if path is not None) == sorted(TREE)


def test_what_is_not_there_is_no_file_and_no_folder(tree: StoragePath) -> None:
    for path in (tree / "none", tree / "none" / "at" / "all", tree / "x.json" / "below"):
        assert (path.exists(), path.is_file(), path.is_dir(), anything_exists(path)) == (False,) * 4
        assert not list(path.glob("*"))
    assert (tree / "x.json").is_file()
    assert (tree / "b").is_dir()
    (tree / "none").unlink(missing_ok=True)
    (tree / "empty").rmdir()
    assert not (tree / "empty").exists()


def test_a_tree_is_removed_whole_and_a_file_alone(tree: StoragePath) -> None:
    remove_tree(tree / "b")
    remove_tree(tree / "x.json")
    remove_tree(tree / "none")
    assert sorted(path.name for path in tree.iterdir()) == ["_y.csv", "a", "empty"]


def test_a_file_is_moved_with_its_content_and_onto_nothing(tree: StoragePath) -> None:
    move_file(tree / "x.json", tree / "a" / "4.json")
    assert (tree / "a" / "4.json").read_bytes() == b"x.json"
    assert not (tree / "x.json").exists()
    move_file(tree / "b", tree / "d")
    assert (tree / "d" / "c" / "1.json").read_bytes() == b"b/c/1.json"


def test_a_document_is_replaced_whole_while_others_read_it(root: StoragePath) -> None:
    path, store = root / "records" / "1.json", store_of(root)
    contents = [f"{n}".encode() * 2000 for n in range(10)]
    store.write_whole(path, contents[0], public=True)
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents:
        store.write_whole(path, content, public=True)
    done.set()
    reader.join()
    assert seen <= set(contents)
    assert path.read_bytes() == contents[-1]
    assert [one.name for one in path.parent.iterdir()] == ["1.json"]


def test_of_several_makers_of_a_file_one_is_told_that_it_made_it(root: StoragePath) -> None:
    store = store_of(root)
    for race in range(5):
        path = root / f"{race}"
        with ThreadPoolExecutor(6) as threads:
            won = list(threads.map(lambda n, path=path: store.create_once(path, f"{n}".encode()), range(6)))
        assert won.count(True) == 1
        assert path.read_bytes() == f"{won.index(True)}".encode()


def test_what_is_private_is_open_to_nobody_else(root: StoragePath) -> None:
    store = store_of(root)
    store.write_private(root / "feedback" / "99ZZ" / "1.txt", b"x")
    store.write_whole(root / "restricted" / "1.json", b"x")
    store.write_whole(root / "records" / "1.json", b"x", public=True)
    private = (
        *((root / "feedback"), root / "feedback" / "99ZZ", root / "feedback" / "99ZZ" / "1.txt"),
        *((root / "restricted"), root / "restricted" / "1.json"),
    )
    assert [store.is_open_to_others(path) for path in private] == [False] * 5
    assert store.is_open_to_others(root / "records" / "1.json") == (store.access_way == "group")


def test_a_tree_is_closed_with_everything_in_it(tree: StoragePath) -> None:
    store = store_of(tree)
    assert store.close_private_tree(tree / "none") == []
    assert store.close_private_tree(tree / "b") == []
    below_b = [path for folder, folders, names in walk_folder(tree / "b") for path in map(folder.__truediv__, names)]
    assert len(below_b) == 3
    assert not any(store.is_open_to_others(path) for path in (tree / "b", tree / "b" / "c", *below_b))
    assert store.is_open_to_others(tree / "a" / "1.json") == (store.access_way == "group")
    store.close_folder(tree / "a")
    assert not store.is_open_to_others(tree / "a")


def test_a_lock_is_held_by_one_or_shared(root: StoragePath) -> None:
    with hold_lock(root / "locks", "proef"):
        for shared in (False, True):
            with (
                pytest.raises(StateRefused, match="no other run on proef"),
                hold_lock(root / "locks", "proef", shared=shared),
            ):
                pass
        with hold_lock(root / "locks", "taal"):
            pass
        store_of(root).require_lock_held()
    with hold_lock(root / "locks", "proef", shared=True), hold_lock(root / "locks", "proef", shared=True):  # noqa: SIM117
        with pytest.raises(StateRefused):
            hold_lock(root / "locks", "proef").__enter__()
    with hold_lock(root / "locks", "proef"):
        pass


def test_who_waits_for_a_lock_gets_it_when_it_is_free(root: StoragePath) -> None:
    got = threading.Event()

    def wait() -> None:
        with hold_lock(root / "locks", "proef", wait=True):
            got.set()

    waiting = threading.Thread(target=wait)
    with hold_lock(root / "locks", "proef"):
        waiting.start()
        assert not got.wait(1)
    waiting.join(20)
    assert got.is_set()


def test_tables_are_read_by_all_readers_from_the_same_place(spark: SparkSession, root: StoragePath) -> None:
    table = root / "restricted" / "tabel"
    rows = pa.table({"naam": ["a", "b"], "n": pa.array([1, 2], pa.int64())})
    deltalake.write_deltalake(str(table), rows, storage_options=store_of(root).table_options())
    delta.append_rows(spark.range(3, 5).selectExpr("string(id) AS naam", "id AS n"), table, "two more")
    assert delta.table_exists(table)
    assert not delta.table_exists(root / "restricted" / "none")
    stored = delta.read_table(spark, table)
    assert sorted(row.n for row in stored.collect()) == [1, 2, 3, 4]
    small = delta.read_small_table(table)
    assert small is not None
    assert sorted(map(int, small["n"].to_pylist())) == [1, 2, 3, 4]
    files = delta.list_partition_files(table, {})
    assert sorted(files) == sorted(table / name for name in delta.list_current_names(table))
    urls = stored.select("_metadata.file_path").distinct().collect()
    assert {store_of(root).path_of_url(url.file_path) for url in urls} == set(files)
    assert sum(pq.read_metadata(parquet_source(file)).num_rows for file in files) == 4
    (table / "part-vreemd.txt").write_bytes(b"x")
    assert delta.list_foreign_files(table) == [table / "part-vreemd.txt"]
    assert delta.purge_table(table).remaining_files == 1


def test_executors_read_and_write_the_content_of_files(spark: SparkSession, root: StoragePath) -> None:
    for n in range(3):
        (root / f"{n}.csv").write_bytes(f"{n}".encode())

    def double(path: StoragePath) -> int:
        (path.parent / "made").mkdir(exist_ok=True)
        return (path.parent / "made" / path.name).write_bytes(path.read_bytes() * 2)

    paths = sorted(root.glob("*.csv"))
    assert spark.sparkContext.parallelize(paths, 2).map(double).collect() == [2, 2, 2]
    assert [path.read_bytes() for path in sorted((root / "made").iterdir())] == [b"00", b"11", b"22"]
