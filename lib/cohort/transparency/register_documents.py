"""The documents that the register reads and writes: open records and certificates in, the register of processing out.

`record_reading` reads the first kind. It takes from a record only the fields that are declared here: what has no
field cannot come on the site.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from cohort.release_records import ReleaseState

RELEASED_STATES = (ReleaseState.PUBLISHED, ReleaseState.SUPERSEDED, ReleaseState.DESTROYED)
"""The states of a release that is published, or was."""


def _without_time(moment: object) -> object:
    return dt.date.fromisoformat(moment[:10]) if isinstance(moment, str) else moment


def _released(state: str) -> str:
    if state not in RELEASED_STATES:
        raise ValueError("a state that the open records do not have")
    return state


RecordedDay = Annotated[dt.date, BeforeValidator(_without_time)]
"""The day of a moment as the records write it, with or without its time."""
PartOfOne = Annotated[float, Field(ge=0, le=1)]
ReleaseClassCode = Annotated[str, Field(pattern="^(anonymous|pseudonymous)$")]


class OpenRecordPart(BaseModel):
    """A part of an open record; fields that are not declared are not read."""

    model_config = ConfigDict(frozen=True)


class RegisterMoment(OpenRecordPart):
    """A test moment of a school year."""

    schooljaar: str
    moment: str


class RegisterSource(OpenRecordPart):
    """What a column is made from: an attribute of the pupil, a result, or the difference of two results."""

    attribute: str | None = None
    born: str | None = None
    domein: str | None = None
    value: str | None = None
    at: list[RegisterMoment] = []


class RegisterColumn(OpenRecordPart):
    """A column that was agreed, and why it is needed."""

    name: str
    role: str
    source: RegisterSource
    why: str
    legal_ground: str | None = None
    typed: bool = False
    mean_step: str | None = None


class RegisterPopulation(OpenRecordPart):
    """The school years and year groups of a project; no year groups means all of them."""

    schooljaar: list[str]
    jaargroep: list[str] | None = None


class RegisterAgreement(OpenRecordPart):
    """What was agreed with the project, as its declaration stood when the release was made."""

    question: str
    controller: str
    research_group: str
    legal_basis: str
    release_class: ReleaseClassCode
    starts: RecordedDay
    ends: RecordedDay
    population: RegisterPopulation
    columns: list[RegisterColumn]


class ReleasedLevel(OpenRecordPart):
    """A level of generalisation, the share of the pupils at it, and the values that occur."""

    level: int
    share: PartOfOne
    values: list[str]


class ReleasedColumn(OpenRecordPart):
    """How a release shows one column: its information loss and its levels."""

    loss: PartOfOne
    levels: list[ReleasedLevel]


class RegisterWithdrawal(OpenRecordPart):
    """Rows taken out of a published table: the day, and the rounded number of pupils, None when it is hidden."""

    at: RecordedDay
    pupils: int | None


class RegisterRiskException(OpenRecordPart):
    """A limit on risk that a release breaks by a declared exception, up to a figure from 0 to 1."""

    code: str
    column: str | None = None
    figure_at_most: PartOfOne
    reason: str
    date: RecordedDay

    @property
    def limit(self) -> str:
        """The limit, with the column that it holds for."""
        return self.code if self.column is None else f"{self.code} ({self.column})"

    @property
    def percent(self) -> str:
        """The figure in per cents."""
        return f"{100 * self.figure_at_most:.4g}"


class RegisterRelease(OpenRecordPart):
    """The open record of a release.

    `faced` gives per kind of intruder the number n of a chance of 1 in n; it is empty in a record that was made
    before school boards were counted.
    """

    release: int
    state: Annotated[str, AfterValidator(_released)]
    kind: Annotated[ReleaseClassCode, Field(alias="class")]
    published: RecordedDay | None = None
    thresholds: dict[str, str]
    codebook: dict[str, ReleasedColumn | None]
    counts: dict[str, int | None]
    hidden_up_to: int = 7
    rounded_to: int = 5
    agreed: RegisterAgreement | None = None
    withdrawals: list[RegisterWithdrawal] = []
    risk_exceptions: list[RegisterRiskException] = []
    faced: dict[str, int] = {}


class CertificateListing(OpenRecordPart):
    """The files of the project before and after."""

    files_before: int
    gone_after: int


class CertificateMarks(OpenRecordPart):
    """How many marks of the data a search found."""

    marks: int


class CertificateSearch(OpenRecordPart):
    """What the search for survivors compared."""

    listing: CertificateListing
    found_before: CertificateMarks
    found_after: CertificateMarks


class CertificateRemoval(OpenRecordPart):
    """What was removed."""

    versions: int
    key: bool


class RegisterCertificate(OpenRecordPart):
    """The certificate of destruction of a project."""

    destroyed_at: RecordedDay
    removed: CertificateRemoval
    looked_for: CertificateSearch


@dataclass(frozen=True)
class RegisterEntry:
    """One project of the register: its agreement, its releases by number, its certificate of destruction."""

    name: str
    agreement: RegisterAgreement | None
    releases: tuple[RegisterRelease, ...]
    certificate: RegisterCertificate | None

    @property
    def latest(self) -> RegisterRelease | None:
        """The last published release, or without one the last release."""
        published = tuple(release for release in self.releases if release.state == ReleaseState.PUBLISHED)
        return (published or self.releases)[-1] if self.releases else None

    @property
    def state(self) -> str:
        """`destroyed`, `published`, `ending` (released, but no release is readable any more) or `prepared`."""
        if self.certificate is not None:
            return "destroyed"
        if any(release.state == ReleaseState.PUBLISHED for release in self.releases):
            return "published"
        return "ending" if self.releases else "prepared"

    @property
    def release_class(self) -> str | None:
        """Anonymous or pseudonymous: of the latest release, or as agreed."""
        if self.latest is not None:
            return self.latest.kind
        return self.agreement.release_class if self.agreement is not None else None
