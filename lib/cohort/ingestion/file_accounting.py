"""File accounting: what was counted of each delivered file, and whether it is taken in or rejected as a whole.

In go the validated rows of a run, out come counts per file, ledger entries and the record of the run. The sums of every
entry close: delivered = accepted + quarantined + objected. Called by `batch_validation`, `batch_intake` and `pipeline`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from cohort.data_states import DELIVERY_NUMBER
from cohort.delivery_formats import DeliveredFile
from cohort.erasure import OBJECTED_COLUMN
from cohort.foundation import brin_to_number_sql, number_to_brin
from cohort.ingestion import row_validation
from cohort.ingestion.discovery import DiscoveredFiles
from cohort.ingestion.row_validation import CODES
from cohort.ingestion.validated_rows import SOUND
from cohort.ingestion.validation_rules import DATE_OUTSIDE_YEAR, MENDED, PARTIAL, UNREADABLE_LINE_CODES
from cohort.results import DELIVERY_REJECTED, DELIVERY_TAKEN, OPT_IN_LIST_OLDER, LedgerEntry

UNDECLARED_CODES = (
    "TEST_UNKNOWN",
    "BRIN_UNKNOWN",
    "YEAR_GROUP_INVALID",
    "SEX_INVALID",
    "ATTRIBUTE_INVALID",
    "LEVEL_INVALID",
)
"""Codes of rows with a test, school, level or attribute that no list declares."""
SLICE_COLUMNS = ("schooljaar", "afnameperiode", "domein")


@dataclass
class FileCounts:
    """What was counted of one file's rows.

    Args:
        codes: refused rows per reason code.
        slices: accepted rows per school year, moment and domain.
        schools: listed schools among the rows: the first and the last by number, so none, one or two.
        outside_year: accepted rows dated outside their school year, where that warns and does not refuse.
        partial_birth_dates: accepted rows of whose date of birth only a part is known, which is not kept.
        sound: accepted rows that were materialised among the sound ones (`validated_rows.SOUND`).
    """

    delivered: int = 0
    accepted: int = 0
    objected: int = 0
    mended: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    slices: Counter[str] = field(default_factory=Counter)
    schools: set[str] = field(default_factory=set)
    outside_year: int = 0
    partial_birth_dates: int = 0
    sound: int = 0

    @property
    def refused(self) -> int:
        return self.delivered - self.accepted - self.objected

    def add_group(self, group: dict[str, Any]) -> None:
        """Add the rows of one group of `count_rows_by_file`."""
        rows, objected = group["rows"], group["objected"]
        self.delivered += rows
        self.schools |= {number_to_brin(group[end]) for end in ("first", "last") if group[end] is not None}
        if group[CODES]:
            self.codes.update(dict.fromkeys(group[CODES].split(), rows))
            return
        self.objected += objected
        self.accepted += rows - objected
        if rows > objected:
            self.slices[" ".join(group[name] for name in SLICE_COLUMNS)] += rows - objected
        self.mended += group["mended"]
        self.outside_year += group["outside"]
        self.partial_birth_dates += group["partial"]
        self.sound += group["sound"]


@dataclass(frozen=True)
class FileDecisions:
    """The terms by which a run takes files in or rejects them, and the ledger entries that follow.

    Args:
        batch: the batch of this run.
        now: when the run began.
        max_refused_share: the largest share of refused rows with which a file is taken in.
        listed_schools: the schools on the school list.
        schools_awaiting_list: schools with an opt-in list that is older than this run; their files wait.
    """

    batch: int
    now: dt.datetime
    max_refused_share: Decimal
    listed_schools: frozenset[str]
    schools_awaiting_list: frozenset[str] = frozenset()

    def decide_file(self, number: int, file: DeliveredFile, count: FileCounts, warnings: dict[str, int]) -> LedgerEntry:
        """Take in or reject a file that could be read."""
        school = next(iter(count.schools)) if len(count.schools) == 1 else None
        reason = self._rejection(file, count)
        if reason is not None:
            return self.reject_file(number, replace(file, school=school), reason, dict(count.codes))
        return replace(
            self._make_entry(number, file, school, DELIVERY_TAKEN),
            delivered=count.delivered,
            accepted=count.accepted,
            quarantined=count.refused,
            objected=count.objected,
            mended=count.mended,
            codes=dict(count.codes),
            slices=dict(count.slices),
            warnings=warnings | file.warnings,
            columns=" ".join(filter(None, file.columns)),
        )

    def reject_file(
        self, number: int, file: DeliveredFile, reason: str, codes: dict[str, int] | None = None
    ) -> LedgerEntry:
        """Reject a file: no row of it is taken in. It is filed under its school if that is listed."""
        school = file.school if file.school in self.listed_schools else None
        return replace(
            self._make_entry(number, file, school, DELIVERY_REJECTED),
            reason=reason,
            delivered=file.rows,
            quarantined=file.rows,
            codes=codes or {},
        )

    def take_file_without_rows(self, number: int, file: DeliveredFile) -> LedgerEntry:
        """Take in a roster or a container that repeats other files: neither has rows of its own."""
        if file.school is not None and file.school not in self.listed_schools:
            return self.reject_file(number, file, "SCHOOL_UNKNOWN")
        return self._make_entry(number, file, file.school, DELIVERY_TAKEN)

    def _make_entry(self, number: int, file: DeliveredFile, school: str | None, status: str) -> LedgerEntry:
        """The ledger entry of a file without rows."""
        return LedgerEntry(
            sha256=file.sha256,
            name=file.name,
            levering_nr=number,
            batch=self.batch,
            brin=school,
            received=self.now.isoformat(timespec="seconds"),
            status=status,
            reason=None,
            delivered=0,
            accepted=0,
            quarantined=0,
            objected=0,
            mended=0,
            codes={},
            kind=file.delivery_kind,
            supplier=file.supplier,
            container=file.container,
            warnings=file.warnings,
        )

    def _rejection(self, file: DeliveredFile, count: FileCounts) -> str | None:
        """Why the whole file is rejected, None if it is taken in."""
        if count.delivered != file.rows:
            return "ROW_COUNT"
        if len(count.schools) > 1:
            return "SEVERAL_SCHOOLS"
        if not count.schools:
            return "SCHOOL_UNKNOWN"
        if count.schools <= self.schools_awaiting_list:
            return OPT_IN_LIST_OLDER
        return "TOO_MANY_REFUSED" if count.refused > self.max_refused_share * count.delivered else None


def count_rows_by_file(rows: DataFrame, warned_codes: Collection[str]) -> dict[int, FileCounts]:
    """Count the rows of every file: an action that collects a few groups per file.

    Args:
        rows: validated rows with `_objected` and `is_sound`.
        warned_codes: codes of rules of a single row that warn and do not refuse.
    """
    names_school = f"not contains({CODES}, 'BRIN_') and {CODES} not in ({UNREADABLE_LINE_CODES})"
    outside = row_validation.is_outside_school_year() if DATE_OUTSIDE_YEAR in warned_codes else "false"
    counted = rows.selectExpr(
        DELIVERY_NUMBER,
        CODES,
        *(f"case when {CODES} = '' then {name} end as {name}" for name in SLICE_COLUMNS),
        f"coalesce({OBJECTED_COLUMN}, false) as objected",
        f"{MENDED} as mended",
        # of accepted rows alone: a refused one has its school year as it was sent, and a cast of that may fail
        f"case when {CODES} = '' then {outside} end as outside",
        f"{PARTIAL} as partial",
        f"{SOUND} and {OBJECTED_COLUMN} is null as sound",
        # a number: with text among its aggregates Spark would sort every row
        f"case when {names_school} then {brin_to_number_sql('brin')} end as school",
    )
    sums = [f"count_if({name}) as {name}" for name in ("objected", "mended", "outside", "partial", "sound")]
    sums += ["count(1) as rows", "min(school) as first", "max(school) as last"]
    groups = counted.groupBy(DELIVERY_NUMBER, CODES, *SLICE_COLUMNS).agg(*map(F.expr, sums))
    counts: dict[int, FileCounts] = {}
    for group in groups.toArrow().to_pylist():
        counts.setdefault(group[DELIVERY_NUMBER], FileCounts()).add_group(group)
    return counts


def summarise_run(discovered: DiscoveredFiles, entries: list[LedgerEntry]) -> dict[str, Any]:
    """The part of the record of a run that follows from its files: counts only."""
    codes: Counter[str] = Counter()
    for entry in entries:
        codes.update(entry.codes)
    sums = ("delivered", "accepted", "quarantined", "objected", "mended")
    return {
        "files": len(discovered.files),
        "unreadable": discovered.unreadable,
        "defects": discovered.defects,
        "new": len(entries),
        "taken": sum(entry.is_taken for entry in entries),
        "rejected": dict(sorted(Counter(entry.reason for entry in entries if entry.reason).items())),
        "rows": {name: sum(getattr(entry, name) for entry in entries) for name in sums},
        "replaced": sum(sum(entry.replaced.values()) for entry in entries),
        "withdrawn": sum(sum(entry.withdrawn.values()) for entry in entries),
        "codes": dict(sorted(codes.items())),
        "unknown_codes": _count_undeclared_codes(entries),
        "warnings": dict(sorted(Counter(code for entry in entries for code in entry.warnings).items())),
    }


def _count_undeclared_codes(entries: list[LedgerEntry]) -> dict[str, dict[str, int]]:
    """Per supplier the refused rows with a test, school, level or attribute that no list declares."""
    by_supplier: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        undeclared = {code: rows for code, rows in entry.codes.items() if code in UNDECLARED_CODES}
        by_supplier[entry.supplier or "?"].update(undeclared)
    return {supplier: dict(sorted(codes.items())) for supplier, codes in sorted(by_supplier.items()) if codes}
