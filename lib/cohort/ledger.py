"""The ledger of deliveries: one row per file by its hash, written last, and it decides.

Rows of results whose batch has no line in the ledger do not count: a killed intake left them, and the next
one replaces them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    IntegerType,
    LongType,
    MapType,
    StringType,
    StructField,
    StructType,
)

from cohort import frames, tables
from cohort.platform import Tables

TAKEN, REJECTED = "TAKEN", "REJECTED"
STATE = StructType(
    [
        StructField("sha256", StringType(), False),
        StructField("name", StringType(), False),
        StructField("levering_nr", IntegerType(), False),
        StructField("batch", IntegerType(), False),
        StructField("brin", StringType()),
        StructField("received", StringType(), False),
        StructField("status", StringType(), False),
        StructField("reason", StringType()),
        StructField("delivered", LongType(), False),
        StructField("accepted", LongType(), False),
        StructField("quarantined", LongType(), False),
        StructField("objected", LongType(), False),
        StructField("mended", LongType(), False),
        StructField("codes", MapType(StringType(), LongType()), False),
    ]
)


@dataclass(frozen=True)
class Entry:
    """What became of one file: delivered = accepted + quarantined + objected."""

    sha256: str
    name: str
    levering_nr: int
    batch: int
    brin: str | None
    received: str
    status: str
    reason: str | None
    delivered: int
    accepted: int
    quarantined: int
    objected: int
    mended: int
    codes: dict[str, int]

    def __post_init__(self) -> None:
        if self.delivered != self.accepted + self.quarantined + self.objected:
            raise AssertionError(f"the sums of delivery {self.levering_nr} do not close")


@dataclass(frozen=True)
class Ledger:
    """What intake knows of earlier runs: one small line per file."""

    hashes: frozenset[str]
    batches: tuple[int, ...]
    last_number: int
    accepted: int
    misnamed: frozenset[str] = frozenset()
    """Contents that were only ever rejected for their file's name; not among the hashes."""

    @property
    def next_batch(self) -> int:
        return max(self.batches, default=0) + 1


def read(spark: SparkSession, path: Path) -> Ledger:
    """The ledger as it stands; empty when nothing was ever taken in."""
    if not tables.exists(spark, path):
        return Ledger(frozenset(), (), 0, 0)
    asked = ("sha256", "levering_nr", "batch", "accepted", "reason")
    lines: Any = tables.read(spark, path).select(*asked).toArrow()
    seen = list(zip(lines["sha256"].to_pylist(), lines["reason"].to_pylist(), strict=True))
    hashes = frozenset(sha for sha, reason in seen if reason != "FILE_NAME")
    return Ledger(
        hashes,
        tuple(sorted(set(lines["batch"].to_pylist()))),
        max(lines["levering_nr"].to_pylist(), default=0),
        sum(lines["accepted"].to_pylist()),
        frozenset(sha for sha, _ in seen) - hashes,
    )


def batches(spark: SparkSession, path: Path) -> tuple[int, ...]:
    """The batches that the ledger vouches for."""
    if not tables.exists(spark, path):
        return ()
    found: Any = tables.read(spark, path).groupBy("batch").agg(F.count(F.lit(1))).toArrow()
    return tuple(sorted(found["batch"].to_pylist()))


def append(spark: SparkSession, path: Path, entries: list[Entry], retention: Tables) -> None:
    """Add the lines of one batch in one commit: with it the batch counts."""
    tables.create(spark, path, STATE, retention)
    rows = frames.local(spark, STATE, [tuple(asdict(entry).values()) for entry in entries])
    tables.append(rows.coalesce(1), path, f"batch {entries[0].batch}")
