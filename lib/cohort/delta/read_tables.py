"""What a table tells: its rows, its commits, its files, its properties.

What stands in a log is asked of deltalake: Spark starts jobs to find it out, seconds in a new process.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import deltalake
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from cohort.states import local_frames

TABLE_ERRORS = (PySparkException, Py4JJavaError, DeltaError, OSError)
"""What is raised at a table that is damaged or, when Delta knew the table, gone. A lost JVM is neither."""


@dataclass(frozen=True)
class TableCommit:
    """One version of a table, and the note (`userMetadata`) its writer left: a release or batch id."""

    version: int
    note: str | None
    operation: str


def table_exists(path: Path) -> bool:
    """Whether a table stands there: a log with a commit in it."""
    return deltalake.DeltaTable.is_deltatable(str(path))


def read_table(spark: SparkSession, path: Path, version: int | None = None) -> DataFrame:
    reader = spark.read.format("delta")
    return (reader if version is None else reader.option("versionAsOf", version)).load(str(path))


def read_small_table(path: Path) -> pa.Table | None:
    """The rows of a small table of our own, read by the driver itself; None where there is no table.

    Not by Spark: to plan a scan and to work out a snapshot takes it a second, however little there is.
    """
    if not table_exists(path):
        return None
    found: pa.Table = deltalake.DeltaTable(str(path)).to_pyarrow_table()
    return found


def read_batches(spark: SparkSession, path: Path, state: StructType, batches: Iterable[int]) -> DataFrame:
    """The rows of some batches of intake as they stand now, whatever is written afterwards.

    Takes: the schema of the table. The driver looks into the log which files they are: Delta starts a job for
    every scan to find that out, and works out each new version by another.
    """
    asked = sorted(set(batches))
    files = _files(path, asked) if asked else []
    if not files:
        return local_frames.make_local_frame(spark, state, [])
    frame = spark.read.schema(state).option("basePath", str(path)).parquet(*files)
    return frame if frame.columns == state.names else frame.select(*state.names)


def list_batch_files(path: Path, batches: Iterable[int]) -> list[str]:
    """The data files of some batches of intake as they stand now."""
    asked = sorted(set(batches))
    return _files(path, asked) if asked and table_exists(path) else []


def _files(path: Path, batches: list[int]) -> list[str]:
    found = deltalake.DeltaTable(str(path)).file_uris(file_pruning_predicate=[("batch", "in", batches)])
    return [unquote(name) for name in found]


def count_batch_rows(path: Path, batches: Iterable[int]) -> int:
    """How many rows the files of some batches hold: their footers say it, so no row is read, nor by Spark."""
    files: ds.Dataset = deltalake.DeltaTable(str(path)).to_pyarrow_dataset()
    return files.count_rows(filter=ds.field("batch").isin(sorted(batches)))


def read_commits(path: Path) -> list[TableCommit]:
    """The commits of a table, newest first."""
    told = deltalake.DeltaTable(str(path)).history()
    return [TableCommit(one["version"], one.get("userMetadata"), one.get("operation", "")) for one in told]


def read_protocol_and_properties(path: Path) -> tuple[tuple[int, int], dict[str, str]]:
    """A table's protocol and its properties."""
    table = deltalake.DeltaTable(str(path))
    protocol = table.protocol()
    return (protocol.min_reader_version, protocol.min_writer_version), dict(table.metadata().configuration)


def list_current_names(path: Path) -> set[str]:
    """Names of the data files of the current version."""
    return {file.name for file in list_current_paths(path)}


def list_current_paths(path: Path) -> set[Path]:
    """The data files of the current version, from the table's folder on."""
    top = path.resolve()
    files = deltalake.DeltaTable(str(path)).file_uris()
    return {Path(unquote(name)).relative_to(top) for name in files}


def read_table_id(path: Path) -> str:
    """The id that Delta gave a table: it stands in its log, its checkpoints and its clones."""
    return str(deltalake.DeltaTable(str(path)).metadata().id)


def can_read_table(spark: SparkSession, path: Path, version: int | None = None) -> bool:
    """Whether a reader gets anything from that place."""
    try:
        read_table(spark, path, version).limit(1).count()
    except (PySparkException, Py4JError):  # a table known to the session and gone raises the second
        return False
    return True


def checksum_rows(frame: DataFrame) -> tuple[int, str]:
    """Rows and a 128-bit sum over the multiset of rows, whatever their order and files.

    Takes: a frame of text columns. Two rows differ in some column, or in where it is null, exactly
    when their hashed texts differ: each is preceded by its length.
    Gives: the number of rows, and the two 64-bit sums as text.
    """
    row = F.sha2(_unambiguous(frame), 256)
    halves = [F.conv(F.substring(row, start, 15), 16, 10).cast("decimal(38,0)") for start in (1, 16)]
    found = frame.agg(F.count(F.lit(1)).alias("n"), *(F.sum(h).alias(f"h{i}") for i, h in enumerate(halves))).first()
    if found is None:
        raise RuntimeError("an aggregate without a row")
    return found.n, f"{int(found.h0 or 0):x}-{int(found.h1 or 0):x}"


def _unambiguous(frame: DataFrame) -> Column:
    parts = [
        F.coalesce(F.concat(F.length(c).cast("string"), F.lit(":"), c), F.lit("-"))
        for c in (F.col(name) for name in frame.columns)
    ]
    return F.concat(*parts)
