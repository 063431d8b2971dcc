"""The ledger of deliveries: one row per file by its hash, written last, and it decides.

Rows of results whose batch has no line in the ledger do not count: a killed intake left them, and the next
one replaces them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, IntegerType, LongType, MapType, StringType, StructField, StructType

from cohort import delta
from cohort.delivery_formats import file_types
from cohort.delivery_formats.file_reason_codes import UNREADABLE
from cohort.delta import TableRetention
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.states import local_frames

DELIVERY_TAKEN, DELIVERY_REJECTED = "TAKEN", "REJECTED"
OPT_IN_LIST_OLDER = "PERMISSION_OLDER"
UNREAD_DOCUMENT_REASONS = (*file_types.UNREAD_TYPE_REASONS.values(), "SPREADSHEET_ENCRYPTED")
RETRIED_REASONS = ("FILE_NAME", "FILE_TOO_LARGE", "ROSTER_MISSING", OPT_IN_LIST_OLDER, UNREADABLE)
"""Reasons that lie outside the content: the same content may come again."""
LEDGER_SCHEMA = StructType(
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
        StructField("kind", StringType(), False),
        StructField("supplier", StringType(), False),
        StructField("container", StringType()),
        StructField("slices", MapType(StringType(), LongType()), False),
        StructField("replaced", MapType(IntegerType(), LongType()), False),
        StructField("withdrawn", MapType(IntegerType(), LongType()), False),
        StructField("warnings", MapType(StringType(), LongType()), False),
        StructField("columns", StringType()),
    ]
)


@dataclass(frozen=True)
class LedgerEntry:
    """What became of one file: delivered = accepted + quarantined + objected.

    `slices` has the accepted rows per school year, moment and domain (`2024-2025 M rekenen`); `replaced` and
    `withdrawn` the rows of earlier deliveries, by their numbers, that this one took away; `columns` the
    canonical columns that were read on, with a blank between them (none in lines of earlier versions).
    """

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
    kind: str = "text"
    supplier: str = ""
    container: str | None = None
    slices: dict[str, int] = field(default_factory=dict)
    replaced: dict[int, int] = field(default_factory=dict)
    withdrawn: dict[int, int] = field(default_factory=dict)
    warnings: dict[str, int] = field(default_factory=dict)
    columns: str | None = None

    def __post_init__(self) -> None:
        if self.delivered != self.accepted + self.quarantined + self.objected:
            raise AssertionError(f"the sums of delivery {self.levering_nr} do not close")

    @property
    def is_taken(self) -> bool:
        return self.status == DELIVERY_TAKEN


@dataclass(frozen=True)
class Ledger:
    """What intake knows of earlier runs: one small line per file."""

    entries: tuple[LedgerEntry, ...] = ()

    @cached_property
    def settled_hashes(self) -> frozenset[str]:
        """Contents that were looked at for good, and containers of which every member was."""
        settled = {line.sha256 for line in self.entries if line.reason not in RETRIED_REASONS}
        waiting = {line.container for line in self.entries if line.sha256 not in settled}
        packed = {line.container for line in self.entries if line.container} - waiting
        return frozenset(settled | packed)

    @cached_property
    def retryable_reasons(self) -> dict[str, str]:
        """Contents that were only ever rejected for a reason outside them, each with the last one."""
        last = {line.sha256: line.reason for line in self.entries if line.reason in RETRIED_REASONS}
        return {sha: reason for sha, reason in last.items() if reason and sha not in self.settled_hashes}

    @cached_property
    def unreadable_hashes(self) -> frozenset[str]:
        """Contents, and their containers, that nobody could look at yet by a fault of ours."""
        waiting = {sha for sha, reason in self.retryable_reasons.items() if reason == UNREADABLE}
        packed = {line.container for line in self.entries if line.sha256 in waiting}
        return frozenset(waiting.union(sha for sha in packed if sha))

    @property
    def roster_hashes(self) -> frozenset[str]:
        """Contents that are a roster or hold one."""
        return frozenset(line.container or line.sha256 for line in self.entries if line.kind == "roster")

    @property
    def unopened_hashes(self) -> frozenset[str]:
        """Containers over the limits, encrypted or broken, and Office documents that are not read.

        Nobody knows what they hold.
        """
        shut = (x for x in self.entries if (x.reason or "").startswith(("CONTAINER_", *UNREAD_DOCUMENT_REASONS)))
        return frozenset(x.container or x.sha256 for x in shut)

    @property
    def examined_hashes(self) -> frozenset[str]:
        """All that was looked at for good, taken in or not: fingerprints of files and of their containers.

        What only waits for a newer list of its school is not, nor what we could not read: both are still to
        be taken in.
        """
        settled = {line.sha256 for line in self.entries if line.reason not in (OPT_IN_LIST_OLDER, UNREADABLE)}
        waiting = [line for line in self.entries if line.sha256 not in settled]
        packed = {line.container for line in self.entries} - {line.container for line in waiting}
        return frozenset(settled.union(sha for sha in packed if sha))

    def latest_delivery_dates(self) -> dict[str, dt.date]:
        """The day on which a school's results were taken in last, by school."""
        taken = [line for line in self.entries if line.is_taken and line.brin and line.delivered]
        days = ((str(line.brin), dt.datetime.fromisoformat(line.received).date()) for line in taken)
        return {school: day for day, school in sorted((day, school) for school, day in days)}

    @property
    def batches(self) -> tuple[int, ...]:
        return tuple(sorted({line.batch for line in self.entries}))

    @property
    def last_number(self) -> int:
        return max((line.levering_nr for line in self.entries), default=0)

    @property
    def next_batch(self) -> int:
        return max(self.batches, default=0) + 1

    def current_row_count(self) -> int:
        """Rows that must be in the results, but for those that objections took away."""
        return sum(e.accepted - sum(e.replaced.values()) - sum(e.withdrawn.values()) for e in self.entries)


def read_ledger(path: Path) -> Ledger:
    """The ledger as it stands; empty when nothing was ever taken in."""
    found = delta.read_small_table(path)
    if found is None:
        return Ledger()
    for name in set(LEDGER_SCHEMA.names).difference(found.column_names):  # of a version that knew no such field
        found = found.append_column(name, pa.nulls(found.num_rows, pa.string()))
    values = [_in_python(found[field.name], field.dataType) for field in LEDGER_SCHEMA]
    lines = (LedgerEntry(*line) for line in zip(*values, strict=True))
    return Ledger(tuple(sorted(lines, key=lambda line: line.levering_nr)))


def _in_python(column: Any, kind: DataType) -> list[Any]:
    if not isinstance(kind, MapType):
        told: list[Any] = column.to_pylist()
        return told
    return [pairs for chunk in column.chunks for pairs in _dictionaries(chunk)]


def _dictionaries(maps: Any) -> Iterator[dict[Any, int]]:
    """Maps without a null, from the two columns that they stand in: six times as fast as one by one."""
    pairs = list(zip(maps.keys.to_pylist(), maps.items.to_pylist(), strict=True))
    return (dict(pairs[first:last]) for first, last in pairwise(maps.offsets.to_pylist()))


def read_counted_batches(path: Path) -> tuple[int, ...]:
    """The batches that the ledger vouches for.

    Refuses: while a killed run of intake has not yet taken away what its batch replaces (exit code 15).
    """
    found: Any = delta.read_small_table(path)
    known = () if found is None else tuple(sorted(set(found["batch"].to_pylist())))
    if set(pending_supersessions(path)) & set(known):
        raise StateRefused(
            describe_problem(
                "a run of ingest that came to its end",
                example="the last one",
                found="one that was killed",
                where="restricted/superseding",
                do="Run ingest again: it finishes what was begun",
            )
        )
    return known


def pending_supersessions(path: Path) -> tuple[int, ...]:
    """Batches whose removal of earlier rows has been written down and not yet carried out."""
    folder = path.parent / "superseding"
    return tuple(sorted(int(one.name) for one in folder.glob("*") if one.name.isdigit()))


def append_to_ledger(spark: SparkSession, path: Path, entries: list[LedgerEntry], retention: TableRetention) -> None:
    """Add the lines of one batch in one commit: with it the batch counts."""
    delta.create_table(spark, path, LEDGER_SCHEMA, retention)
    rows = local_frames.make_arrow_table(LEDGER_SCHEMA, [_values(entry) for entry in entries])
    delta.append_local_rows(rows, path, f"batch {entries[0].batch}")


def _values(entry: LedgerEntry) -> tuple[Any, ...]:
    return tuple(getattr(entry, name) for name in LEDGER_SCHEMA.names)
