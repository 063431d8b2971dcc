"""The only module that speaks Delta: how tables are made, read, replaced, listed and emptied.

Every table has its properties from its first commit, so that no log ever held what they keep out:
no file statistics, no deletion vectors, no change feed, protocol (1,2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path

from delta.tables import DeltaTable
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort import frames
from cohort.errors import DestructionIncomplete, expected
from cohort.platform import Tables

PROTOCOL = (1, 2)
RELEASE = "cohort.release"


def properties(retention: Tables) -> dict[str, str]:
    """What every table declares in its first commit."""
    return {
        "delta.dataSkippingNumIndexedCols": "0",
        "delta.enableDeletionVectors": "false",
        "delta.columnMapping.mode": "none",
        "delta.checkpointPolicy": "classic",
        "delta.enableTypeWidening": "false",
        "delta.enableChangeDataFeed": "false",
        "delta.deletedFileRetentionDuration": f"interval {retention.deleted_files_hours} hours",
        "delta.logRetentionDuration": f"interval {retention.log_hours} hours",
    }


@dataclass(frozen=True)
class Commit:
    """One version of a table, and the note (`userMetadata`) its writer left: a release or batch id."""

    version: int
    note: str | None
    operation: str


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum meant to remove, and what of it is still there."""

    left_behind: int


def exists(spark: SparkSession, path: Path) -> bool:
    return (path / "_delta_log").is_dir() and DeltaTable.isDeltaTable(spark, str(path))


def create(
    spark: SparkSession,
    path: Path,
    state: StructType,
    retention: Tables,
    partitioned_by: str | None = None,
) -> None:
    """Make an empty table unless it is there.

    Takes: a partition column only of intake's own making (a batch), never of a person or school.
    """
    if exists(spark, path):
        return
    writer = frames.local(spark, state, []).write.format("delta").options(**properties(retention))
    (writer.partitionBy(partitioned_by) if partitioned_by else writer).save(str(path))


def read(spark: SparkSession, path: Path, version: int | None = None) -> DataFrame:
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(str(path))


def write_new(frame: DataFrame, path: Path, note: str, retention: Tables) -> None:
    """Write a table that does not exist yet, in one commit, in the order and the files of the frame."""
    writer = plain(frame).write.format("delta").mode("errorifexists").options(**properties(retention))
    writer.option("userMetadata", note).save(str(path))


def append(frame: DataFrame, path: Path, note: str) -> None:
    plain(frame).write.format("delta").mode("append").option("userMetadata", note).save(str(path))


def replace_batch(frame: DataFrame, path: Path, batch: int) -> None:
    """Write one batch of intake; whatever a killed run left of that batch goes in the same commit."""
    (
        plain(frame)
        .write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", f"batch = {int(batch)}")
        .option("userMetadata", f"batch {int(batch)}")
        .save(str(path))
    )


def replace(frame: DataFrame, path: Path, own: dict[str, str], note: str, retention: Tables) -> int:
    """Make the frame the table's only content, properties included, in one commit.

    Takes: the frame in the order and the files it shall have; the table's own properties; the note
    that marks the commit.
    Gives: the version committed.
    """
    writer = plain(frame).writeTo(f"delta.`{path}`").using("delta").option("userMetadata", note)
    for name, value in {**properties(retention), **own}.items():
        writer = writer.tableProperty(name, value)
    writer.createOrReplace()
    return history(frame.sparkSession, path)[0].version


def remove_matching(
    spark: SparkSession, path: Path, keys: DataFrame, on: str, where: Column | None = None
) -> None:
    """Delete every row whose key is in `keys`: a MERGE, because a DELETE would write the keys in the log.

    Takes: a further condition on the row (`t.`) and its key (`s.`), whose keys are then each there once.
    """
    same = F.col(f"t.{on}") == F.col(f"s.{on}")
    source = keys.select(F.col(on)).distinct() if where is None else keys
    merge = DeltaTable.forPath(spark, str(path)).alias("t").merge(
        source.alias("s"), same if where is None else same & where
    )  # fmt: skip
    merge.whenMatchedDelete().execute()


def remove_rows(spark: SparkSession, path: Path, rows: DataFrame) -> None:
    """Delete every row that is equal to one of `rows` in all of its columns, null to null."""
    every = [F.col(f"t.{name}").eqNullSafe(F.col(f"s.{name}")) for name in rows.columns]
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    table.merge(rows.distinct().alias("s"), reduce(and_, every)).whenMatchedDelete().execute()


def empty(
    spark: SparkSession, path: Path, keys: DataFrame, on: Sequence[str], only: str, columns: Sequence[str]
) -> None:
    """Make columns null in every row whose keys are in `keys`: a MERGE, so that no key stands in the log.

    Takes: the columns that are the keys; the boolean column that a row must have besides; those to empty.
    """
    same = reduce(and_, (F.col(f"t.{name}") == F.col(f"s.{name}") for name in on))
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    merge = table.merge(keys.select(*on).distinct().alias("s"), same)
    merge.whenMatchedUpdate(condition=f"t.{only}", set=dict.fromkeys(columns, "null")).execute()


def renumber(spark: SparkSession, path: Path, changes: DataFrame, columns: dict[str, str]) -> None:
    """Give rows another number: a MERGE, because an UPDATE would write the numbers in the log.

    Takes: changes (`_old` and other columns); the table's columns to set, each from one of theirs.
    """
    table = DeltaTable.forPath(spark, str(path)).alias("t")
    merge = table.merge(changes.alias("s"), F.col("t.pgn") == F.col("s._old"))
    merge.whenMatchedUpdate(set={name: F.col(f"s.{of}") for name, of in columns.items()}).execute()


def history(spark: SparkSession, path: Path) -> list[Commit]:
    """The commits of a table, newest first."""
    rows = DeltaTable.forPath(spark, str(path)).history().select("version", "userMetadata", "operation")
    return [Commit(r.version, r.userMetadata, r.operation) for r in rows.collect()]


def detail(spark: SparkSession, path: Path) -> tuple[tuple[int, int], dict[str, str]]:
    """A table's protocol and its properties."""
    row = DeltaTable.forPath(spark, str(path)).detail().first()
    if row is None:
        raise RuntimeError("a Delta table without a detail row")
    return (row.minReaderVersion, row.minWriterVersion), dict(row.properties)


def current_files(spark: SparkSession, path: Path) -> set[str]:
    """Names of the data files of the current version."""
    return {Path(name).name for name in read(spark, path).inputFiles()}


def vacuum(spark: SparkSession, path: Path) -> Vacuumed:
    """Remove what the current version does not need, and look afterwards what is left of it.

    Delta says COMPLETED also where a deletion failed; so the folder is listed.
    """
    DeltaTable.forPath(spark, str(path)).vacuum()
    current = current_files(spark, path)
    left = [f for f in path.rglob("*.parquet") if "_delta_log" not in f.parts and f.name not in current]
    return Vacuumed(len(left))


def vacuum_whole(spark: SparkSession, path: Path, what: str, *, found: str, where: str, do: str) -> None:
    """Remove what the current version does not need, every file of it.

    Takes: what was expected to be left, what stayed, where, and what to do then: for the refusal.
    Refuses: a file that stays (exit code 16).
    """
    if vacuum(spark, path).left_behind:
        raise DestructionIncomplete(expected(what, example="after a vacuum", found=found, where=where, do=do))


def identity(spark: SparkSession, path: Path) -> str:
    """The id that Delta gave a table: it stands in its log, its checkpoints and its clones."""
    row = DeltaTable.forPath(spark, str(path)).detail().select("id").first()
    if row is None:
        raise RuntimeError("a Delta table without a detail row")
    return str(row.id)


def purge(spark: SparkSession, path: Path) -> Vacuumed:
    """Delete every row, then every data file at once, whatever the table's retention: only to destroy it."""
    check = "spark.databricks.delta.retentionDurationCheck.enabled"
    before = spark.conf.get(check, None)
    spark.conf.set(check, "false")
    try:
        DeltaTable.forPath(spark, str(path)).delete()
        DeltaTable.forPath(spark, str(path)).vacuum(0)
    finally:
        spark.conf.unset(check) if before is None else spark.conf.set(check, before)
    return Vacuumed(sum("_delta_log" not in file.parts for file in path.rglob("*.parquet")))


def readable(spark: SparkSession, path: Path, version: int | None = None) -> bool:
    """Whether a reader gets anything from that place."""
    try:
        read(spark, path, version).limit(1).count()
    except (PySparkException, Py4JError):  # a table known to the session and gone raises the second
        return False
    return True


def checksum(frame: DataFrame) -> tuple[int, str]:
    """Rows and a 128-bit sum over the multiset of rows, whatever their order and files.

    Takes: a frame of text columns. Two rows differ in some column, or in where it is null, exactly
    when their hashed texts differ: each is preceded by its length.
    Gives: the number of rows, and the two 64-bit sums as text.
    """
    row = F.sha2(_unambiguous(frame), 256)
    halves = [F.conv(F.substring(row, start, 15), 16, 10).cast("decimal(38,0)") for start in (1, 16)]
    found = frame.agg(
        F.count(F.lit(1)).alias("n"),
        *(F.sum(h).alias(f"h{i}") for i, h in enumerate(halves)),
    ).first()
    if found is None:
        raise RuntimeError("an aggregate without a row")
    return found.n, f"{int(found.h0 or 0):x}-{int(found.h1 or 0):x}"


def plain(frame: DataFrame) -> DataFrame:
    """The frame without column metadata: what a column carries along lands in every footer."""
    return frame.select(*(F.col(f"`{f.name}`").alias(f.name, metadata={}) for f in frame.schema.fields))


def _unambiguous(frame: DataFrame) -> Column:
    parts = [
        F.coalesce(F.concat(F.length(c).cast("string"), F.lit(":"), c), F.lit("-"))
        for c in (F.col(name) for name in frame.columns)
    ]
    return F.concat(*parts)
