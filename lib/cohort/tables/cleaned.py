"""How the files go that a table no longer needs, or all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

from cohort.errors import DestructionIncomplete, expected
from cohort.tables.looked_at import current_files

FEW_FILES = {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "1"}
"""For lists of file names: a vacuum's thirty jobs have as many tasks as a shuffle has partitions.

With 200 of them, as a cluster may have, four files took 40 s.
"""
WHATEVER_ITS_AGE = {"spark.databricks.delta.retentionDurationCheck.enabled": "false"}


@dataclass(frozen=True)
class Vacuumed:
    """What a vacuum meant to remove, and what of it is still there."""

    left_behind: int


def vacuum(spark: SparkSession, path: Path) -> Vacuumed:
    """Remove what the current version does not need, and look afterwards what is left of it.

    Delta says COMPLETED also where a deletion failed; so the folder is listed.
    """
    with _settings(spark, FEW_FILES):
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


def purge(spark: SparkSession, path: Path) -> Vacuumed:
    """Delete every row, then every data file at once, whatever the table's retention: only to destroy it."""
    with _settings(spark, FEW_FILES | WHATEVER_ITS_AGE):
        DeltaTable.forPath(spark, str(path)).delete()
        DeltaTable.forPath(spark, str(path)).vacuum(0)
    return Vacuumed(sum("_delta_log" not in file.parts for file in path.rglob("*.parquet")))


@contextmanager
def _settings(spark: SparkSession, wanted: Mapping[str, str]) -> Iterator[None]:
    """Spark's settings for a while; afterwards they are what they were."""
    before = {name: spark.conf.get(name, None) for name in wanted}
    for name, value in wanted.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            spark.conf.unset(name) if old is None else spark.conf.set(name, old)
