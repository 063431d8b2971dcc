"""What becomes of a delivered file: taken in or rejected as a whole, with sums that close."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.deliveries import DeliveredFile
from cohort.ledger import REJECTED, TAKEN, Entry
from cohort.quality import CODES, MENDED
from cohort.schema import NUMBER

OBJECTED = "_objected"


@dataclass
class Count:
    """What was counted of one file's rows."""

    delivered: int = 0
    accepted: int = 0
    objected: int = 0
    mended: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    schools: set[str] = field(default_factory=set)
    """Listed schools among its rows: the first and the last in order, so one, two or none."""


@dataclass(frozen=True)
class Run:
    """One run of intake: its batch, its moment, and the largest share of refused rows in a file."""

    batch: int
    now: dt.datetime
    max_refused_share: Decimal

    def entry(self, number: int, file: DeliveredFile, count: Count) -> Entry:
        """The ledger's line of a file that could be read."""
        refused = count.delivered - count.accepted - count.objected
        school = next(iter(count.schools)) if len(count.schools) == 1 else None
        reason = self._reason(file, count, refused)
        if reason is not None:
            return self.rejected(number, file, reason, school, dict(count.codes))
        return Entry(
            file.sha256, file.name, number, self.batch, school, self._received, TAKEN, None, count.delivered,
            count.accepted, refused, count.objected, count.mended, dict(count.codes),
        )  # fmt: skip

    def rejected(
        self, number: int, file: DeliveredFile, reason: str, school: str | None = None,
        codes: dict[str, int] | None = None,
    ) -> Entry:  # fmt: skip
        """The ledger's line of a file of which no row is taken."""
        return Entry(
            file.sha256, file.name, number, self.batch, school, self._received, REJECTED, reason, file.rows,
            0, file.rows, 0, 0, codes or {},
        )  # fmt: skip

    @property
    def _received(self) -> str:
        return self.now.isoformat(timespec="seconds")

    def _reason(self, file: DeliveredFile, count: Count, refused: int) -> str | None:
        if count.delivered != file.rows:
            return "ROW_COUNT"
        if len(count.schools) > 1:
            return "SEVERAL_SCHOOLS"
        if not count.schools:
            return "SCHOOL_UNKNOWN"
        return "TOO_MANY_REFUSED" if refused > self.max_refused_share * count.delivered else None


def count(judged: DataFrame) -> dict[int, Count]:
    """Count the rows of every file: an action that gives a few small lines per file."""
    objected = F.coalesce(OBJECTED, F.lit(False))
    listed = F.when(~F.contains(CODES, F.lit("BRIN_")), F.col("brin"))
    lines = (
        judged.groupBy(NUMBER, CODES)
        .agg(
            F.count(F.lit(1)).alias("rows"), F.count_if(objected).alias("objected"),
            F.count_if(MENDED).alias("mended"), F.min(listed).alias("first"), F.max(listed).alias("last"),
        )
        .toArrow()
        .to_pylist()
    )  # fmt: skip
    counts: dict[int, Count] = {}
    for line in lines:
        _add(counts.setdefault(line[NUMBER], Count()), line)
    return counts


def summary(files: int, entries: list[Entry]) -> dict[str, Any]:
    """The record of a run: counts only."""
    codes: Counter[str] = Counter()
    for entry in entries:
        codes.update(entry.codes)
    sums = ("delivered", "accepted", "quarantined", "objected", "mended")
    return {
        "files": files,
        "new": len(entries),
        "taken": sum(entry.status == TAKEN for entry in entries),
        "rejected": dict(sorted(Counter(e.reason for e in entries if e.reason).items())),
        "rows": {name: sum(getattr(entry, name) for entry in entries) for name in sums},
        "codes": dict(sorted(codes.items())),
    }


def _add(counted: Count, line: dict[str, Any]) -> None:
    counted.delivered += line["rows"]
    counted.schools |= {school for school in (line["first"], line["last"]) if school is not None}
    if line[CODES]:
        counted.codes.update(dict.fromkeys(line[CODES].split(), line["rows"]))
    else:
        counted.objected += line["objected"]
        counted.accepted += line["rows"] - line["objected"]
        counted.mended += line["mended"]
