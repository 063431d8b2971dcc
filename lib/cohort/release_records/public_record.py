"""The public record of a release, made from the exact record field by field, by name.

A field that is not named here stays restricted, whoever adds it to the exact record. `release` writes the public
agreement, `publish` and the withdrawal of rows write the public record; the register of releases reads both.
"""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, JsonValue

from cohort.agreements import Platform
from cohort.release_records.public_agreement import PublicAgreement, ReleaseClass
from cohort.release_records.release_record import DataDictionary, RecodingLoss, RecordedWithdrawal, ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.sdc import bound_intruder_chances
from cohort.storage import DocumentPart, StorageZones, read_json_document, write_json_document

TEACHERS_NOTE = "a teacher's pupils lie within one school, so the school's limits hold for teachers too"


class PublicReleaseCounts(DocumentPart):
    """The counts that are shown: None when small, else rounded. Counts of consents are never among them."""

    pupils_records: int | None = None
    pupils_released: int | None = None
    pupils_suppressed: int | None = None
    pupils_objected: int | None = None
    pupils_set_aside: int | None = None
    pupils_without_instruction: int | None = None
    pupils_withdrawn: int | None = None
    rows_current: int | None = None
    rows_used: int | None = None
    rows_not_selected: int | None = None
    rows_objected: int | None = None
    rows_set_aside: int | None = None
    rows_without_instruction: int | None = None
    schools: int | None = None


class ObjectionListDates(DocumentPart):
    """The dates of the oldest and the newest list of objections; none of a release made without lists.

    A list's name or source can be that of a school, so nothing else of it is public.
    """

    oldest_list: str | None = None
    newest_list: str | None = None


class PublicRowWithdrawal(DocumentPart):
    """Rows taken out of a published table: the day, the table version, and about how many pupils."""

    at: str
    version: int
    pupils: int | None


class PublicRiskException(DocumentPart):
    """An exception under which a release goes on although it breaks a limit on risk; figures are shares."""

    code: str
    column: str | None
    figure_at_most: float
    reason: str
    date: str


class PublicReleaseRecord(DocumentPart):
    """What everybody may read of a release."""

    model_config = ConfigDict(json_schema_extra={"$id": "public-release-record-1"})

    project: str
    release: int
    state: ReleaseState
    release_class: ReleaseClass = Field(validation_alias="class", serialization_alias="class")
    version: int | None = None
    published: str | None = None
    expires: str
    agreed: PublicAgreement | None = None
    thresholds: dict[str, str]
    recoding: dict[str, JsonValue]
    data_dictionary: DataDictionary = Field(validation_alias="codebook", serialization_alias="codebook")
    loss: RecodingLoss
    counts: PublicReleaseCounts
    hidden_up_to: int
    rounded_to: int
    counts_note: str
    objections: ObjectionListDates
    teachers: str = TEACHERS_NOTE
    faced: dict[str, int] = Field(default_factory=dict)
    """By kind of intruder, 1 in how many is the chance at most to find a pupil's record."""
    second_person: bool = False
    personal_data: bool = False
    withdrawals: tuple[PublicRowWithdrawal, ...] = ()
    risk_exceptions: tuple[PublicRiskException, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the record as it is written to disk: the keys that were set, by their names on disk."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def make_public_record(platform: Platform, record: ReleaseRecord) -> PublicReleaseRecord:
    """Return the public record of a release.

    Args:
        platform: its rules on shown counts: small ones are hidden, others rounded.
        record: the exact record.
    """
    shown = platform.shown
    return PublicReleaseRecord(
        project=record.project,
        release=record.release,
        state=record.state,
        release_class=record.release_class,
        version=record.version,
        published=record.published,
        expires=record.expires,
        agreed=record.agreed,
        thresholds=record.thresholds,
        recoding=record.recoding,
        data_dictionary=record.data_dictionary,
        loss=_public_loss(record.loss),
        counts=_public_counts(platform, record),
        hidden_up_to=shown.hide_up_to,
        rounded_to=shown.round_to,
        counts_note=f"null = {shown.hide_up_to} or fewer; others rounded to {shown.round_to}",
        objections=_objection_list_dates(record),
        teachers=TEACHERS_NOTE,
        faced=_faced_by_intruders(record),
        second_person=record.second_person,
        personal_data=record.pseudonymous,
        withdrawals=tuple(_public_withdrawal(platform, one) for one in record.withdrawals),
        risk_exceptions=tuple(
            PublicRiskException(
                code=one.code, column=one.column, figure_at_most=one.figure_at_most, reason=one.reason, date=one.date
            )
            for one in record.risk_exceptions
        ),
    )


def _public_counts(platform: Platform, record: ReleaseRecord) -> PublicReleaseCounts:
    made = record.counts.made()
    exact = {name: made[name] for name in PublicReleaseCounts.model_fields if name in made}
    if record.schools is not None:
        exact["schools"] = len(record.schools)
    return PublicReleaseCounts(**{name: platform.shown.round_count(number) for name, number in exact.items()})


def _public_loss(loss: RecodingLoss) -> RecodingLoss:
    """Round to three decimals, so that no count can be computed from a loss."""
    exact = loss.model_dump(exclude_unset=True)
    return RecodingLoss(**{name: round(value, 3) for name, value in exact.items()})


def _objection_list_dates(record: ReleaseRecord) -> ObjectionListDates:
    dates = sorted(applied.date for applied in record.objections)
    return ObjectionListDates(oldest_list=dates[0], newest_list=dates[-1]) if dates else ObjectionListDates()


def _faced_by_intruders(record: ReleaseRecord) -> dict[str, int]:
    """Return, by kind of intruder, 1 in how many is the chance at most to find a pupil's record.

    The agreed limits, never what came out. Empty for a release made before school boards were counted, and for a
    pseudonymous one, in which the rows of one school can be put together.
    """
    if record.intruders is None or record.pseudonymous:
        return {}
    k, others = (int(record.thresholds[name]) for name in ("k", "k_others"))
    chances = bound_intruder_chances(k, others, others)
    return {kind: max(int(chance["left_at_least"]), 1) for kind, chance in chances.items()}


def _public_withdrawal(platform: Platform, withdrawal: RecordedWithdrawal) -> PublicRowWithdrawal:
    pupils = platform.shown.round_count(withdrawal.pupils)
    return PublicRowWithdrawal(at=withdrawal.at[:10], version=withdrawal.version, pupils=pupils)


def write_public_record(zones: StorageZones, platform: Platform, record: ReleaseRecord) -> None:
    """Write the public record of a published release, whole or not at all."""
    path = zones.public_records / record.project / f"{record.release}.json"
    write_json_document(path, make_public_record(platform, record).document(), public=True)


def mark_public_record_superseded(zones: StorageZones, record: ReleaseRecord) -> None:
    """Change the state in the public record of an earlier published release; all else stays as it was written."""
    path = zones.public_records / record.project / f"{record.release}.json"
    if path.exists():
        document = read_json_document(path)
        if document["state"] != ReleaseState.SUPERSEDED:
            write_json_document(path, {**document, "state": ReleaseState.SUPERSEDED}, public=True)
