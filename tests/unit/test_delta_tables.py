"""Delta tables: small tables read and appended to without Spark, batches, and removal of files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import deltalake
import pyarrow.parquet as pq
import pytest
from deltalake.exceptions import DeltaError
from pyspark.sql import SparkSession
from pyspark.sql.types import IntegerType, MapType, StringType, StructField, StructType
from tests.unit import drawn_release

from cohort import delta
from cohort.data_states import local_frames
from cohort.foundation.errors import DestructionIncomplete

STATE = StructType(
    [StructField("name", StringType(), False), StructField("codes", MapType(StringType(), IntegerType()), False)]
)
ROWS = [(f"{n}.csv", {"PGN_INVALID": n} if n else {}) for n in range(11)]
"""One commit each: past Delta's first checkpoint."""


def in_batch(files: list[Path], batch: int) -> list[delta.PartitionFile]:
    return [delta.PartitionFile(file, {"batch": f"{batch}"}) for file in files]


def test_copied_columns_are_the_rows_of_a_batch_with_the_columns_of_the_table(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "results"
    columns = StructType([StructField("score", IntegerType()), StructField("name", StringType())])
    state = StructType([*columns.fields, StructField("batch", IntegerType(), False)])
    delta.create_table(spark, path, state, drawn_release.platform().tables, partitioned_by=["batch"])
    rows = spark.range(1000).selectExpr("string(id) as name", "'secret' as other", "int(id) as score", "id as row")
    rows.repartition(2).write.parquet(str(tmp_path / "rows"))
    files = sorted((tmp_path / "rows").glob("*.parquet"))

    delta.append_copied_columns(spark, in_batch(files, 7), path, columns, "batch 7")

    expected = [(n, f"{n}", 7) for n in range(1000)]
    assert sorted(map(tuple, delta.read_table(spark, path).collect())) == expected
    assert sorted(map(tuple, delta.read_partitions(spark, path, state, {"batch": [7]}).collect())) == expected
    assert delta.count_batch_rows(path, [7]) == 1000
    assert delta.read_commits(path)[0].note == "batch 7"
    assert delta.list_foreign_files(path) == []
    for name in delta.list_partition_files(path, {"batch": [7]}):
        assert pq.read_schema(name).names == ["score", "name"]
        assert b"secret" not in Path(name).read_bytes()
        group = pq.read_metadata(name).row_group(0)
        assert not any(getattr(group.column(place).statistics, "has_min_max", False) for place in (0, 1))
    delta.delete_equal_rows(spark, path, delta.read_table(spark, path).where("score < 10"))
    assert delta.read_table(spark, path).count() == 990


def test_copied_batches_get_a_checkpoint_at_every_tenth_version_which_spark_reads(
    spark: SparkSession, tmp_path: Path
) -> None:
    path = tmp_path / "results"
    columns = StructType([StructField("score", IntegerType())])
    state = StructType([*columns.fields, StructField("batch", IntegerType(), False)])
    delta.create_table(spark, path, state, drawn_release.platform().tables, partitioned_by=["batch"])
    spark.range(3).selectExpr("int(id) as score").coalesce(1).write.parquet(str(tmp_path / "rows"))
    for batch in range(1, 12):
        files = in_batch(sorted((tmp_path / "rows").glob("*.parquet")), batch)
        delta.append_copied_columns(spark, files, path, columns, "x")
    checkpoints = sorted(file.name[:20] for file in (path / "_delta_log").glob("*.checkpoint*.parquet"))
    assert checkpoints == [f"{10:020d}"]
    delta.delete_equal_rows(spark, path, delta.read_table(spark, path).where("batch = 3 and score = 0"))
    assert delta.read_table(spark, path).count() == 32


def test_a_small_table_is_read_at_its_newest_version_or_is_none(spark: SparkSession, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    assert delta.read_small_table(path) is None
    delta.create_table(spark, path, STATE, drawn_release.platform().tables)
    for row in ROWS:
        delta.append_rows(local_frames.make_local_frame(spark, STATE, [row]), path, "batch 1")
    assert [*(path / "_delta_log").glob("*.checkpoint*.parquet")], "or this test sees no checkpoint"
    found = delta.read_small_table(path)
    assert found is not None
    assert {row["name"]: dict(row["codes"]) for row in found.to_pylist()} == dict(ROWS)


def test_local_rows_are_appended_without_statistics_in_a_footer(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger"
    delta.create_table(spark, path, STATE, drawn_release.platform().tables)
    before = delta.read_protocol_and_properties(path)
    for n, row in enumerate(ROWS + ROWS):
        with monkeypatch.context() as patch:
            if n == 9:
                patch.setattr(deltalake.DeltaTable, "create_checkpoint", _full)
            delta.append_local_rows(local_frames.make_arrow_table(STATE, [row]), path, f"batch {n}")
    assert delta.read_protocol_and_properties(path) == before
    assert [one.note for one in delta.read_commits(path)][:-1] == [f"batch {n}" for n in range(21, -1, -1)]
    found = delta.read_small_table(path)
    assert found is not None
    both = [(row["name"], dict(row["codes"])) for row in found.to_pylist()]
    assert sorted(both, key=str) == sorted(ROWS + ROWS, key=str)
    assert sorted(map(tuple, delta.read_table(spark, path).collect()), key=str) == sorted(ROWS + ROWS, key=str)
    log = sorted(file.name for file in (path / "_delta_log").iterdir())
    assert len([name for name in log if name.endswith(".json")]) == 23
    checkpoints = [name[:20].lstrip("0") for name in log if name.endswith(".checkpoint.parquet")]
    assert checkpoints == ["20"], "the tenth could not be written, and nobody minds"
    groups = [f.row_group(n) for f in map(pq.read_metadata, path.glob("*.parquet")) for n in range(f.num_row_groups)]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    assert len(columns) == 22 * 3
    assert not any(column.is_stats_set for column in columns)


def _full(*_: object) -> None:
    raise DeltaError("no space left")


def test_rows_of_batches_do_not_change_with_later_writes(spark: SparkSession, tmp_path: Path) -> None:
    state = StructType([StructField("name", StringType()), StructField("batch", IntegerType(), False)])
    path = tmp_path / "a b" / "results"
    delta.create_table(spark, path, state, drawn_release.platform().tables, partitioned_by=["batch"])

    def there(*batches: int) -> list[tuple[str, int]]:
        found = sorted(map(tuple, delta.read_partitions(spark, path, state, {"batch": batches}).collect()))
        assert delta.count_batch_rows(path, batches) == len(found)
        return found

    assert there() == there(1, 2) == []
    for number in range(12):  # past Delta's first checkpoint
        rows = [(f"{number}-{letter}", number) for letter in "ab"]
        delta.append_rows(local_frames.make_local_frame(spark, state, rows), path, f"batch {number}")
    assert there(3, 11, 40) == [("11-a", 11), ("11-b", 11), ("3-a", 3), ("3-b", 3)]
    before = delta.read_partitions(spark, path, state, {"batch": [3]})
    delta.replace_batch(before.where("name = '3-b'"), path, 3)
    assert there(3) == [("3-b", 3)]
    assert before.count() == 2
    delta.replace_batch(before.where("false"), path, 3)
    assert there(3) == []


def _data(path: Path) -> set[str]:
    """Everything in a table's folder but its log, checksums under the names of their files."""
    files = (file for file in path.rglob("*") if file.is_file() and "_delta_log" not in file.parts)
    return {file.name.removeprefix(".").removesuffix(".crc") for file in files}


@pytest.fixture(params=[["batch"], []], ids=["in partitions", "in one folder"])
def replaced(spark: SparkSession, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A table with a batch that was written twice, and a file that no version ever had."""
    state = StructType([StructField("name", StringType()), StructField("batch", IntegerType(), False)])
    path = tmp_path / "a b" / "results"
    delta.create_table(spark, path, state, drawn_release.platform().tables, partitioned_by=request.param)
    for number in (1, 2):
        delta.append_rows(local_frames.make_local_frame(spark, state, [(f"{number}", number)]), path, f"batch {number}")
    delta.replace_batch(local_frames.make_local_frame(spark, state, [("again", 1)]), path, 1)
    (path / ("batch=1" if request.param else "") / "killed.parquet").write_bytes(b"half a file")
    return path


def test_a_vacuum_keeps_only_what_the_current_version_needs(spark: SparkSession, replaced: Path) -> None:
    rows = sorted(map(tuple, delta.read_table(spark, replaced).collect()))
    assert _data(replaced) > delta.list_current_names(replaced)
    commits = delta.read_commits(replaced)
    assert delta.vacuum_table(replaced).remaining_files == 0
    assert _data(replaced) == delta.list_current_names(replaced)
    assert sorted(map(tuple, delta.read_table(spark, replaced).collect())) == rows == [("2", 2), ("again", 1)]
    assert delta.read_commits(replaced) == commits
    delta.append_rows(delta.read_table(spark, replaced), replaced, "Spark writes on")
    assert len(delta.read_table(spark, replaced).collect()) == 2 * len(rows)


def test_files_that_a_vacuum_cannot_remove_are_counted(replaced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = len(_data(replaced) - delta.list_current_names(replaced))

    def fails(_: Path) -> None:
        raise PermissionError

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", fails)
        assert delta.vacuum_table(replaced).remaining_files >= beside > 0
    assert delta.vacuum_table(replaced).remaining_files == 0


UUID = "1b7bce46-4ea6-4241-bba4-2fa96def54bf"
OTHERS = [
    # name                                              why it may be there
    "batch=1/.nfs0000000000178c6100000445",  # NFS, of a data file that somebody still reads
    ".nfs0000000000178c6100000446",
    "batch=1/.fuse_hidden0000001a00000001",  # the same of FUSE and sshfs
    "batch=1/.smbdeleted1",  # the same of SMB
    "batch=1/.part-00000.snappy.parquet.nfs0001",
    "batch=1/.hidden.parquet",
    "batch=1/rows.csv",
    "batch=1/part-00000",
    "batch=1/_temporary/0/task/part-00000.gz",
    "batch=1/core.4711",
    "batch=7/link",  # a link
    "_delta_log/.nfs0000000000178c6100000447",  # the log has checkpoints, and they are read too
    "_delta_log/rows.parquet",
    "_delta_log/old/00000000000000000000.json",
    "_delta_log/00000000000000000000.json.bak",
]
GOES = [
    "backup/{current}",  # a copy of a file that the table needs, elsewhere
    "batch=7/link.parquet",  # a link, and not what it leads to
    "killed.parquet",  # what a killed run left of its own
    "batch=9/.killed.parquet.crc",
    f"_delta_log/_commit_{UUID}.json.tmp",  # deltalake's, of a commit that it had begun
    f"_delta_log/.00000000000000000009.json.{UUID}.tmp",
    f"_delta_log/..00000000000000000009.json.{UUID}.tmp.crc",
    f"_delta_log/.00000000000000000010.checkpoint.parquet.{UUID}.tmp",
    "_delta_log/00000000000000000012.json#1",  # deltalake's, written and not yet linked to its name
    "_delta_log/00000000000000000010.checkpoint.parquet#2",
    "_delta_log/_last_checkpoint#1",
    f"_delta_log/_commit_{UUID}.json.tmp#1",
]


def _put_beside(table: Path, name: str) -> Path:
    current = next(file for file in table.rglob("*.parquet") if file.name in delta.list_current_names(table))
    path = table / name.format(current=current.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    if "link" in name:
        path.symlink_to(current)
    else:
        path.write_bytes(current.read_bytes())
    return path


@pytest.fixture(scope="module")
def vacuumed(one_spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table past a checkpoint of Spark and one of deltalake, without anything that it does not need."""
    state = StructType([StructField("name", StringType()), StructField("batch", IntegerType(), False)])
    path = tmp_path_factory.mktemp("a b") / "results"
    delta.create_table(one_spark, path, state, drawn_release.platform().tables, partitioned_by=["batch"])
    for number in range(11):
        delta.append_rows(local_frames.make_local_frame(one_spark, state, [(f"{number}", 1)]), path, f"batch {number}")
    deltalake.DeltaTable(str(path)).create_checkpoint()
    delta.replace_batch(local_frames.make_local_frame(one_spark, state, [("again", 1)]), path, 1)
    delta.vacuum_table_or_refuse(path, "nothing else", found="files left behind", where="here", do="Look")
    assert [*(path / "_delta_log").glob("*.checkpoint*")]
    return path


@pytest.mark.parametrize("name", OTHERS)
def test_foreign_files_are_counted_whatever_their_name(vacuumed: Path, name: str) -> None:
    beside = _put_beside(vacuumed, name)
    try:
        assert delta.list_foreign_files(vacuumed) == delta.list_files_vacuum_leaves(vacuumed) == [beside]
        with pytest.raises(DestructionIncomplete, match=r"found files left behind \(1\) in here") as refused:
            delta.vacuum_table_or_refuse(vacuumed, "nothing else", found="files left behind", where="here", do="Look")
        assert refused.value.exit_code == 16
        assert beside.name not in str(refused.value)
        assert os.path.lexists(beside), "it is nobody's that we know"
    finally:
        beside.unlink()
    assert delta.vacuum_table(vacuumed).remaining_files == 0


@pytest.mark.parametrize("name", GOES)
def test_unfinished_files_of_a_killed_run_are_removed(spark: SparkSession, vacuumed: Path, name: str) -> None:
    beside = _put_beside(vacuumed, name)
    assert delta.list_foreign_files(vacuumed) == [beside]
    assert delta.list_files_vacuum_leaves(vacuumed) == []
    assert delta.vacuum_table(vacuumed).remaining_files == 0
    assert not os.path.lexists(beside)
    assert [row.name for row in delta.read_table(spark, vacuumed).collect()] == ["again"]


def test_a_closed_folder_is_counted(vacuumed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shut = vacuumed / "batch=7"
    shut.mkdir(exist_ok=True)
    real = os.scandir

    def scandir(path: Any) -> Any:
        if str(path) == str(shut):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert delta.list_foreign_files(vacuumed) == [shut]


def test_a_folder_that_cannot_be_removed_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "staging" / "proef"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / ".nfs0001").write_bytes(b"rows")
    delta.remove_folder(tmp_path / "none", where="staging/none")
    with monkeypatch.context() as busy:
        busy.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(DestructionIncomplete, match="files left behind in staging/proef"):
            delta.remove_folder(folder, where="staging/proef")
    delta.remove_folder(folder, where="staging/proef")
    assert not folder.exists()


def test_a_purge_removes_every_row_and_file(spark: SparkSession, replaced: Path) -> None:
    assert delta.purge_table(replaced).remaining_files == 0
    assert _data(replaced) == set()
    assert delta.read_table(spark, replaced).collect() == []
