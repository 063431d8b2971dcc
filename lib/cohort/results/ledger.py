"""The ledger of deliveries: one entry per delivered file, found again by the hash of its content.

`ingestion` writes it last, in one commit per batch, and every other package reads it: a batch counts when the ledger
has its entries. Rows of results whose batch has none were left by a killed run; nobody reads them, and the next run
removes them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import pyarrow as pa
from pydantic import ConfigDict
from pyspark.sql import SparkSession
from pyspark.sql.types import DataType, IntegerType, LongType, MapType, StringType, StructField, StructType

from cohort.data_states import make_arrow_table
from cohort.delivery_formats import UNREAD_TYPE_REASONS, UNREADABLE
from cohort.delta import TableRetention, append_local_rows, create_table, read_small_table
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StoragePath

DELIVERY_TAKEN, DELIVERY_REJECTED = "TAKEN", "REJECTED"
"""The two states of a delivery: its rows were taken in, or the whole file was rejected."""
OPT_IN_LIST_OLDER = "PERMISSION_OLDER"
"""Reason of a file that waits for an opt-in list of its school that is as new as the delivery."""
UNREAD_DOCUMENT_REASONS = (*UNREAD_TYPE_REASONS.values(), "SPREADSHEET_ENCRYPTED")
"""Reasons of Office documents that are not read."""
RETRIED_REASONS = ("FILE_NAME", "FILE_TOO_LARGE", "ROSTER_MISSING", OPT_IN_LIST_OLDER, UNREADABLE)
"""Reasons that lie outside the content of a file: the same content may be taken in later."""
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
    """What became of one delivered file: delivered = accepted + quarantined + objected rows.

    The names of the fields are those of the columns on disk.

    Args:
        levering_nr: the delivery number; deliveries count in the order of intake.
        brin: the school, where it is known and on the school list.
        received: when the run of intake began, in ISO format.
        reason: why a rejected file was rejected, else null.
        delivered: rows of the file.
        mended: accepted rows with a mended pupil number.
        codes: refused rows per reason code.
        kind: the kind of file (text, sheet, results, roster, repeated ...).
        container: hash of the archive that the file came in, else null.
        slices: accepted rows per school year, moment and domain (`2024-2025 M rekenen`).
        replaced: rows of earlier deliveries that this one replaces, by their delivery numbers.
        withdrawn: rows of earlier deliveries that this one withdraws, by their delivery numbers.
        warnings: what is odd about a file that was taken in, per code with a number.
        columns: the canonical columns that were read, with a blank between two; null in entries of earlier versions.
    """

    __pydantic_config__ = ConfigDict(json_schema_extra={"$id": "ledger-entry-1"})

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

    @property
    def received_at(self) -> dt.datetime:
        """When the run of intake began."""
        return dt.datetime.fromisoformat(self.received)


@dataclass(frozen=True)
class Ledger:
    """All entries of the ledger, by delivery number, and what follows from them."""

    entries: tuple[LedgerEntry, ...] = ()

    @cached_property
    def settled_hashes(self) -> frozenset[str]:
        """Contents that are never taken in again, and containers of which every member is such a content."""
        settled = {entry.sha256 for entry in self.entries if entry.reason not in RETRIED_REASONS}
        return self._with_containers(settled)

    @cached_property
    def retryable_reasons(self) -> dict[str, str]:
        """Contents that were only ever rejected for a reason outside them, each with the last one."""
        last = {entry.sha256: entry.reason for entry in self.entries if entry.reason in RETRIED_REASONS}
        return {sha: reason for sha, reason in last.items() if reason and sha not in self.settled_hashes}

    @cached_property
    def unreadable_hashes(self) -> frozenset[str]:
        """Contents, and their containers, that could not be read yet because of a defect of the platform."""
        unread = {sha for sha, reason in self.retryable_reasons.items() if reason == UNREADABLE}
        containers = {entry.container for entry in self.entries if entry.sha256 in unread and entry.container}
        return frozenset(unread | containers)

    @property
    def roster_hashes(self) -> frozenset[str]:
        """Contents that are a roster, or containers that hold one."""
        return frozenset(entry.container or entry.sha256 for entry in self.entries if entry.kind == "roster")

    @property
    def unopened_hashes(self) -> frozenset[str]:
        """Containers over the limits, encrypted or broken, and Office documents that are not read.

        What they hold is unknown.
        """
        prefixes = ("CONTAINER_", *UNREAD_DOCUMENT_REASONS)
        unopened = (entry for entry in self.entries if (entry.reason or "").startswith(prefixes))
        return frozenset(entry.container or entry.sha256 for entry in unopened)

    @property
    def examined_hashes(self) -> frozenset[str]:
        """Contents, and containers, that were read, taken in or not.

        Without those that wait for a newer opt-in list of their school and those that could not be read: both are
        still to be taken in.
        """
        to_come = (OPT_IN_LIST_OLDER, UNREADABLE)
        return self._with_containers({entry.sha256 for entry in self.entries if entry.reason not in to_come})

    def _with_containers(self, contents: set[str]) -> frozenset[str]:
        """The contents, and the containers of which every member is among them."""
        open_containers = {entry.container for entry in self.entries if entry.sha256 not in contents}
        containers = {entry.container for entry in self.entries if entry.container}
        return frozenset(contents | (containers - open_containers))

    def latest_delivery_dates(self) -> dict[str, dt.date]:
        """Per school the day on which results of it were taken in last."""
        taken = [entry for entry in self.entries if entry.is_taken and entry.brin and entry.delivered]
        days = sorted((entry.received_at.date(), str(entry.brin)) for entry in taken)
        return {school: day for day, school in days}

    @property
    def batches(self) -> tuple[int, ...]:
        return tuple(sorted({entry.batch for entry in self.entries}))

    @property
    def newest_entries(self) -> tuple[LedgerEntry, ...]:
        """The entries of the newest batch."""
        return tuple(entry for entry in self.entries if entry.batch == self.next_batch - 1)

    @property
    def last_number(self) -> int:
        return max((entry.levering_nr for entry in self.entries), default=0)

    @property
    def next_batch(self) -> int:
        return max(self.batches, default=0) + 1

    def current_row_count(self) -> int:
        """Rows that must be in the results, less those that were erased."""
        return sum(e.accepted - sum(e.replaced.values()) - sum(e.withdrawn.values()) for e in self.entries)


def read_ledger(path: StoragePath) -> Ledger:
    """Read the ledger; it is empty when nothing was ever taken in."""
    table = read_small_table(path)
    if table is None:
        return Ledger()
    for name in set(LEDGER_SCHEMA.names).difference(table.column_names):  # of a version that knew no such field
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    columns = [_column_values(table[field.name], field.dataType) for field in LEDGER_SCHEMA]
    entries = (LedgerEntry(*values) for values in zip(*columns, strict=True))
    return Ledger(tuple(sorted(entries, key=lambda entry: entry.levering_nr)))


def read_counted_batches(path: StoragePath) -> tuple[int, ...]:
    """Read which batches count: those with entries in the ledger.

    Raises:
        StateRefused: a killed run of intake has not yet removed the rows that its batch supersedes (exit code 15).
    """
    table: Any = read_small_table(path, ["batch"])
    counted = () if table is None else tuple(sorted(set(table["batch"].to_pylist())))
    if set(pending_supersessions(path)) & set(counted):
        raise StateRefused(
            describe_problem(
                "a run of ingest that came to its end",
                example="the last one",
                found="one that was killed",
                where="restricted/superseding",
                do="Run ingest again: it finishes what was begun",
            )
        )
    return counted


def pending_supersessions(path: StoragePath) -> tuple[int, ...]:
    """Batches whose supersession of earlier rows is journalled and not yet carried out.

    Args:
        path: the folder of the ledger.
    """
    folder = path.parent / "superseding"
    return tuple(sorted(int(file.name) for file in folder.glob("*") if file.name.isdigit()))


def append_to_ledger(
    spark: SparkSession, path: StoragePath, entries: list[LedgerEntry], retention: TableRetention
) -> None:
    """Add the entries of one batch in one commit: with it the batch counts."""
    create_table(spark, path, LEDGER_SCHEMA, retention)
    rows = [tuple(getattr(entry, name) for name in LEDGER_SCHEMA.names) for entry in entries]
    table = make_arrow_table(LEDGER_SCHEMA, rows)
    append_local_rows(table, path, f"batch {entries[0].batch}")


def _column_values(column: Any, data_type: DataType) -> list[Any]:
    if isinstance(data_type, MapType):
        return [pairs for chunk in column.chunks for pairs in _maps_to_dicts(chunk)]
    values: list[Any] = column.to_pylist()
    return values


def _maps_to_dicts(maps: Any) -> Iterator[dict[Any, int]]:
    """An Arrow array of maps without nulls as dictionaries; each key, of which there are few, is made once."""
    coded = maps.keys.dictionary_encode()
    names = coded.dictionary.to_pylist()
    keys = [names[place] for place in coded.indices.to_numpy()]
    counts, offsets = maps.items.to_numpy().tolist(), maps.offsets.to_numpy().tolist()
    return (
        {} if first == last else dict(zip(keys[first:last], counts[first:last], strict=True))  # most maps are empty
        for first, last in pairwise(offsets)
    )
