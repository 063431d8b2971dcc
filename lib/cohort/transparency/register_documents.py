"""What the open records hold that the register may tell, as types."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

PUBLISHED, SUPERSEDED, DESTROYED = "PUBLISHED", "SUPERSEDED", "DESTROYED"
SHOWN = (PUBLISHED, SUPERSEDED, DESTROYED)
"""The states that a release in the open records can be in: all have been published."""


def _day(moment: object) -> object:
    return dt.date.fromisoformat(moment[:10]) if isinstance(moment, str) else moment


Day = Annotated[dt.date, BeforeValidator(_day)]
"""The day of a moment as the records write it, with or without its time."""
Share = Annotated[float, Field(ge=0, le=1)]
Kind = Annotated[str, Field(pattern="^(anonymous|pseudonymous)$")]


class Told(BaseModel):
    """A part of a record; what is not asked for is not read."""

    model_config = ConfigDict(frozen=True)


class Moment(Told):
    schooljaar: str
    moment: str


class Source(Told):
    """What a column shows: an attribute of the pupil, a result, or the difference of two."""

    attribute: str | None = None
    born: str | None = None
    domein: str | None = None
    value: str | None = None
    at: list[Moment] = []


class Column(Told):
    name: str
    role: str
    source: Source
    why: str
    legal_ground: str | None = None


class Population(Told):
    schooljaar: list[str]
    jaargroep: list[str] | None = None


class Agreement(Told):
    """What was agreed with the project, as its declaration said it when the release was made."""

    question: str
    controller: str
    research_group: str
    legal_basis: str
    release_class: Kind
    starts: Day
    ends: Day
    population: Population
    columns: list[Column]


class Level(Told):
    level: int
    share: Share
    values: list[str]


class Shown(Told):
    """How a release shows one column."""

    loss: Share
    levels: list[Level]


def _known(state: str) -> str:
    if state not in SHOWN:
        raise ValueError("a state that the open records do not have")
    return state


class Withdrawal(Told):
    """Rows taken out of a published table: when, and about how many pupils, none told when few."""

    at: Day
    pupils: int | None


class Release(Told):
    release: int
    state: Annotated[str, AfterValidator(_known)]
    kind: Annotated[Kind, Field(alias="class")]
    published: Day | None = None
    thresholds: dict[str, str]
    codebook: dict[str, Shown | None]
    counts: dict[str, int | None]
    hidden_up_to: int = 7
    rounded_to: int = 5
    agreed: Agreement | None = None
    withdrawals: list[Withdrawal] = []
    faced: dict[str, int] = {}
    """By kind of intruder 1 in how many: none of a release made before boards were looked at."""


class Listing(Told):
    files_before: int
    gone_after: int


class Found(Told):
    marks: int


class LookedFor(Told):
    listing: Listing
    found_before: Found
    found_after: Found


class Removed(Told):
    versions: int
    key: bool


class Certificate(Told):
    destroyed_at: Day
    removed: Removed
    looked_for: LookedFor


@dataclass(frozen=True)
class Entry:
    """One project of the register: what was agreed, its releases in order, its end."""

    name: str
    agreement: Agreement | None
    releases: tuple[Release, ...]
    certificate: Certificate | None

    @property
    def latest(self) -> Release | None:
        """The release that can be read, or else the last one that could."""
        live = tuple(release for release in self.releases if release.state == PUBLISHED)
        return (live or self.releases)[-1] if self.releases else None

    @property
    def state(self) -> str:
        """`destroyed`, `published`, `ending` (released, none of it to be read any more) or `prepared`."""
        if self.certificate is not None:
            return "destroyed"
        if any(release.state == PUBLISHED for release in self.releases):
            return "published"
        return "ending" if self.releases else "prepared"

    @property
    def kind(self) -> str | None:
        if self.latest is not None:
            return self.latest.kind
        return self.agreement.release_class if self.agreement is not None else None
