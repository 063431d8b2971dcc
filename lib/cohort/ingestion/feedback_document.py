"""What a school is told of one delivery, as a typed document: codes, counts, line numbers; never a value of a row.

In go the ledger entry of a delivery and the details of its file, out comes the document that `feedback` writes as
JSON beside a text to read. Its keys on disk are part of the format and do not change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from cohort.delivery_formats import (
    COLUMN_WARNINGS,
    FILE_REASONS,
    FILE_WARNINGS,
    PUPIL_WARNINGS,
    ROW_REASONS,
    UNREADABLE,
    WARNING_REASONS,
    ReasonText,
    UnrecognisedHeader,
)
from cohort.results import OPT_IN_LIST_OLDER, LedgerEntry

MOST_SHOWN_LINES = 200
"""How many line numbers of a reason code a school is shown."""
WAITING_STATUS, WAITING_REASONS = "WAITING", ("ROSTER_MISSING", OPT_IN_LIST_OLDER, UNREADABLE)
"""A file that is taken in as it is, once something else comes or the next run can read it."""
COLUMN_GONE = "COLUMN_GONE"


@dataclass(frozen=True)
class FeedbackDetails:
    """What the ledger does not say of a delivered file, and its school is told.

    Args:
        lines: per reason code the numbers of the lines (of a UWLR message: of the `resultaat` elements).
        unrecognised: how the header differs from the closest declared format.
        joined: how many results were joined to a roster, by what.
        unread_columns: columns of the file that are not read.
        missing_columns: columns of the delivery before that the file lacks.
    """

    lines: Mapping[str, list[int]] = field(default_factory=dict)
    unrecognised: UnrecognisedHeader | None = None
    joined: dict[str, int] | None = None
    unread_columns: Sequence[str] = ()
    missing_columns: Sequence[str] = ()

    def shown_lines(self, code: str) -> list[int]:
        """The line numbers of a reason code, as many as are shown."""
        return self.lines.get(code, [])[:MOST_SHOWN_LINES]


class FeedbackPart(BaseModel):
    """Base of the feedback document and of its parts: unchangeable, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FeedbackReason(FeedbackPart):
    """What is the matter and what to do, in English and in Dutch."""

    meaning: str
    what_to_do: str
    betekenis: str
    wat_te_doen: str


class FeedbackCode(FeedbackReason):
    """A reason code with the refused rows that have it."""

    rows: int
    lines: tuple[int, ...]


class FeedbackWarning(FeedbackReason):
    """A warning, with its number and what it counts (`of`); `columns` only of `COLUMN_GONE`."""

    number: int
    of: str
    columns: tuple[str, ...] | None = None


class FeedbackRejection(FeedbackReason):
    """Why the whole file was rejected; `lines` only where the reason has a place in it."""

    lines: tuple[int, ...] | None = None


class FeedbackHeader(FeedbackPart):
    """The declared format that the header is closest to, and where it differs."""

    closest_format: str
    missing: tuple[str, ...]
    unknown_columns: tuple[str, ...]


class FeedbackDocument(FeedbackPart):
    """The feedback on one delivery (`<delivery number>.json` in the school's folder)."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"$id": "delivery-feedback-1"})

    delivery: int
    sha256: str
    received: str
    status: str
    reason: str | None
    delivered: int
    accepted: int
    refused: int
    objected: int
    mended: dict[str, int]
    replaced: int
    withdrawn: int
    codes: dict[str, FeedbackCode]
    warnings: dict[str, FeedbackWarning]
    rejected: FeedbackRejection | None = None
    header: FeedbackHeader | None = None
    joined: dict[str, int] | None = None
    columns_not_read: tuple[str, ...] | None = None

    def to_json(self) -> str:
        """The document as it stands on disk: keys without a value are absent, but for `reason`."""
        return self.model_dump_json(exclude_unset=True, indent=2) + "\n"


def make_feedback_document(
    entry: LedgerEntry, details: FeedbackDetails, max_refused_share: Decimal
) -> FeedbackDocument:
    """State one delivery for its school.

    Args:
        max_refused_share: the largest share of refused rows with which a file is taken in.
    """
    optional: dict[str, object] = {}
    if entry.reason is not None:
        optional["rejected"] = _rejection(entry.reason, details, max_refused_share)
    if details.unrecognised is not None:
        optional["header"] = FeedbackHeader(
            closest_format=details.unrecognised.closest_format,
            missing=tuple(details.unrecognised.missing),
            unknown_columns=tuple(details.unrecognised.unknown),
        )
    if details.joined is not None:
        optional["joined"] = details.joined
    if details.unread_columns:
        optional["columns_not_read"] = tuple(details.unread_columns)
    return FeedbackDocument(
        delivery=entry.levering_nr,
        sha256=entry.sha256,
        received=entry.received,
        status=WAITING_STATUS if entry.reason in WAITING_REASONS else entry.status,
        reason=entry.reason,
        delivered=entry.delivered,
        accepted=entry.accepted,
        refused=entry.quarantined,
        objected=entry.objected,
        mended={"PGN_PADDED": entry.mended} if entry.mended else {},
        replaced=sum(entry.replaced.values()),
        withdrawn=sum(entry.withdrawn.values()),
        codes={
            code: FeedbackCode(rows=rows, lines=tuple(details.shown_lines(code)), **_both_languages(ROW_REASONS[code]))
            for code, rows in sorted(entry.codes.items())
        },
        warnings={code: _warning(code, number, details) for code, number in sorted(entry.warnings.items())},
        **optional,
    )


def unit_of_warning(code: str) -> str:
    """What the number of a warning counts."""
    units = ((COLUMN_WARNINGS, "columns"), (FILE_WARNINGS, "files"), (PUPIL_WARNINGS, "pupils"))
    return next((unit for codes, unit in units if code in codes), "rows")


def rejection_text(code: str, max_refused_share: Decimal) -> ReasonText:
    """Why a file was not taken in, with the largest share of refused rows filled in."""
    limit = f"{max_refused_share * 100:f}".rstrip("0").rstrip(".") + " %"
    return ReasonText(*(text.format(limit=limit) for text in FILE_REASONS[code]))


def _rejection(code: str, details: FeedbackDetails, max_refused_share: Decimal) -> FeedbackRejection:
    texts = _both_languages(rejection_text(code, max_refused_share))
    if code not in details.lines:
        return FeedbackRejection(**texts)
    return FeedbackRejection(**texts, lines=tuple(details.shown_lines(code)))


def _warning(code: str, number: int, details: FeedbackDetails) -> FeedbackWarning:
    texts = _both_languages(WARNING_REASONS[code])
    if code != COLUMN_GONE or not details.missing_columns:
        return FeedbackWarning(number=number, of=unit_of_warning(code), **texts)
    return FeedbackWarning(number=number, of=unit_of_warning(code), columns=tuple(details.missing_columns), **texts)


def _both_languages(reason: ReasonText) -> dict[str, str]:
    return {"meaning": reason.en, "what_to_do": reason.do_en, "betekenis": reason.nl, "wat_te_doen": reason.do_nl}
