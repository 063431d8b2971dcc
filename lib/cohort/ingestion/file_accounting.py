"""What becomes of a delivered file: taken in or rejected as a whole, with sums that close."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.delivery_formats.delivered_file import DeliveredFile
from cohort.erasure.excluded_pupils import OBJECTED_COLUMN
from cohort.foundation.identifiers import brin_to_number_sql, number_to_brin
from cohort.ingestion import row_validation
from cohort.ingestion.discovery import DiscoveredFiles
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.validation_rules import DATE_OUTSIDE_YEAR, MENDED, PARTIAL, UNREADABLE_LINE_CODES
from cohort.results.ledger import DELIVERY_REJECTED, DELIVERY_TAKEN, OPT_IN_LIST_OLDER, LedgerEntry
from cohort.states.schemas import DELIVERY_NUMBER

UNDECLARED_CODES = (
    "TEST_UNKNOWN",
    "BRIN_UNKNOWN",
    "YEAR_GROUP_INVALID",
    "SEX_INVALID",
    "ATTRIBUTE_INVALID",
    "LEVEL_INVALID",
)
SLICE_COLUMNS = ("schooljaar", "afnameperiode", "domein")


@dataclass
class FileCounts:
    """What was counted of one file's rows."""

    delivered: int = 0
    accepted: int = 0
    objected: int = 0
    mended: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slices: Counter[str] = field(default_factory=Counter)
    """Accepted rows per school year, moment and domain."""
    schools: set[str] = field(default_factory=set)
    """Listed schools among its rows: the first and the last in order, so one, two or none."""
    outside_year: int = 0
    """Accepted rows dated outside their school year, where that is told and not refused."""
    partial_birth_dates: int = 0
    """Accepted rows with a date of birth of which only a part is known, which is not kept."""


@dataclass(frozen=True)
class IntakeRun:
    """One run of intake: its batch, its moment, and the largest share of refused rows in a file.

    `listed` are the schools on the school list; `waiting` those of which a list says who may be used, and
    that list is older than this run.
    """

    batch: int
    now: dt.datetime
    max_refused_share: Decimal
    listed_schools: frozenset[str]
    schools_awaiting_list: frozenset[str] = frozenset()

    def read_entry(self, number: int, file: DeliveredFile, count: FileCounts, warnings: dict[str, int]) -> LedgerEntry:
        """The ledger's line of a file that could be read."""
        refused = count.delivered - count.accepted - count.objected
        school = next(iter(count.schools)) if len(count.schools) == 1 else None
        reason = self._reason(file, count, refused)
        if reason is not None:
            return self.rejected_entry(number, replace(file, school=school), reason, dict(count.codes))
        return LedgerEntry(
            file.sha256,
            file.name,
            number,
            self.batch,
            school,
            self._received,
            DELIVERY_TAKEN,
            None,
            count.delivered,
            count.accepted,
            refused,
            count.objected,
            count.mended,
            dict(count.codes),
            file.delivery_kind,
            file.supplier,
            file.container,
            dict(count.slices),
            warnings=warnings | file.warnings,
            columns=" ".join(filter(None, file.columns)),
        )

    def rejected_entry(
        self, number: int, file: DeliveredFile, reason: str, codes: dict[str, int] | None = None
    ) -> LedgerEntry:
        """The ledger's line of a file of which no row is taken; it is of its school if that is listed."""
        return LedgerEntry(
            file.sha256,
            file.name,
            number,
            self.batch,
            file.school if file.school in self.listed_schools else None,
            self._received,
            DELIVERY_REJECTED,
            reason,
            file.rows,
            0,
            file.rows,
            0,
            0,
            codes or {},
            file.delivery_kind,
            file.supplier,
            file.container,
            warnings=file.warnings,
        )

    def rowless_entry(self, number: int, file: DeliveredFile) -> LedgerEntry:
        """The ledger's line of a roster or a repeating container: no results of its own, no rows."""
        if file.school is not None and file.school not in self.listed_schools:
            return self.rejected_entry(number, file, "SCHOOL_UNKNOWN")
        return LedgerEntry(
            file.sha256,
            file.name,
            number,
            self.batch,
            file.school,
            self._received,
            DELIVERY_TAKEN,
            None,
            0,
            0,
            0,
            0,
            0,
            {},
            file.delivery_kind,
            file.supplier,
            file.container,
            warnings=file.warnings,
        )

    @property
    def _received(self) -> str:
        return self.now.isoformat(timespec="seconds")

    def _reason(self, file: DeliveredFile, count: FileCounts, refused: int) -> str | None:
        if count.delivered != file.rows:
            return "ROW_COUNT"
        if len(count.schools) > 1:
            return "SEVERAL_SCHOOLS"
        if not count.schools:
            return "SCHOOL_UNKNOWN"
        if count.schools <= self.schools_awaiting_list:
            return OPT_IN_LIST_OLDER
        return "TOO_MANY_REFUSED" if refused > self.max_refused_share * count.delivered else None


def count_rows_by_file(judged: DataFrame, told: Collection[str]) -> dict[int, FileCounts]:
    """Count the rows of every file: an action that gives a few small lines per file.

    Takes: judged rows, with `_objected`; the rules of a single row that are only told.
    """
    sure = f"not contains({CODES}, 'BRIN_') and {CODES} not in ({UNREADABLE_LINE_CODES})"
    outside = row_validation.is_outside_school_year() if DATE_OUTSIDE_YEAR in told else "false"
    asked = judged.selectExpr(
        DELIVERY_NUMBER,
        CODES,
        *(f"case when {CODES} = '' then {name} end as {name}" for name in SLICE_COLUMNS),
        f"coalesce({OBJECTED_COLUMN}, false) as objected",
        f"{MENDED} as mended",
        f"{outside} as outside",
        f"{PARTIAL} as partial",
        # a number: text in an aggregate would have every row sorted
        f"case when {sure} then {brin_to_number_sql('brin')} end as listed",
    )
    sums = [f"count_if({name}) as {name}" for name in ("objected", "mended", "outside", "partial")]
    sums += ["count(1) as rows", "min(listed) as first", "max(listed) as last"]
    lines = asked.groupBy(DELIVERY_NUMBER, CODES, *SLICE_COLUMNS).agg(*map(F.expr, sums)).toArrow().to_pylist()
    counts: dict[int, FileCounts] = {}
    for line in lines:
        _add(counts.setdefault(line[DELIVERY_NUMBER], FileCounts()), line)
    return counts


def sifted(results: DataFrame, told: Collection[str]) -> dict[int, FileCounts]:
    """Count the rows of every file that went straight into the results: without code or objection.

    Of a file in which something is mended or partial they are counted once more, line by line.
    """
    free = f"'' as {CODES}", f"boolean(null) as {OBJECTED_COLUMN}", f"false as {MENDED}", f"false as {PARTIAL}"
    return count_rows_by_file(results.selectExpr("*", *free), told)


def summarise_run(received: DiscoveredFiles, entries: list[LedgerEntry]) -> dict[str, Any]:
    """The record of a run: counts only."""
    codes: Counter[str] = Counter()
    for entry in entries:
        codes.update(entry.codes)
    sums = ("delivered", "accepted", "quarantined", "objected", "mended")
    return {
        "files": len(received.files),
        "unreadable": received.unreadable,
        "defects": received.defects,
        "new": len(entries),
        "taken": sum(entry.status == DELIVERY_TAKEN for entry in entries),
        "rejected": dict(sorted(Counter(e.reason for e in entries if e.reason).items())),
        "rows": {name: sum(getattr(entry, name) for entry in entries) for name in sums},
        "replaced": sum(sum(entry.replaced.values()) for entry in entries),
        "withdrawn": sum(sum(entry.withdrawn.values()) for entry in entries),
        "codes": dict(sorted(codes.items())),
        "unknown_codes": _unknown(entries),
        "warnings": dict(sorted(Counter(w for entry in entries for w in entry.warnings).items())),
    }


def _unknown(entries: list[LedgerEntry]) -> dict[str, dict[str, int]]:
    """Per supplier the rows with a code that nobody declared: of tests, schools, levels, attributes."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        found[entry.supplier or "?"].update({c: n for c, n in entry.codes.items() if c in UNDECLARED_CODES})
    return {supplier: dict(sorted(codes.items())) for supplier, codes in sorted(found.items()) if codes}


def _add(counted: FileCounts, line: dict[str, Any]) -> None:
    counted.delivered += line["rows"]
    ends = (line["first"], line["last"])
    counted.schools |= {number_to_brin(school) for school in ends if school is not None}
    if line[CODES]:
        counted.codes.update(dict.fromkeys(line[CODES].split(), line["rows"]))
    else:
        counted.objected += line["objected"]
        counted.accepted += line["rows"] - line["objected"]
        if line["rows"] > line["objected"]:
            counted.slices[" ".join(line[name] for name in SLICE_COLUMNS)] += line["rows"] - line["objected"]
        counted.mended += line["mended"]
        counted.outside_year += line["outside"]
        counted.partial_birth_dates += line["partial"]
