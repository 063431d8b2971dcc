"""What holds for every project on this platform: floors, retention, keys, limits (`platform.toml`)."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohort.agreements.container_limits import ContainerLimits
from cohort.delta.table_properties import TableRetention
from cohort.foundation import declarations
from cohort.foundation.declarations import Declaration
from cohort.foundation.errors import KeyRefused, describe_problem

PositiveShare = Annotated[declarations.ExactNumber, Field(gt=0, le=1)]
RetentionDays = Annotated[int, Field(ge=0)]


class PlatformFloors(Declaration):
    """What no project goes under (the two shares: over). `columns` raises k for a record with that column.

    Of a sensitive column, counted among the pupils of a class whose value is shown: no value has a larger
    share than `largest_value`; there are `distinct_values` of them, and without any one school or board still
    `values_without_school` of `pupils_without_school` pupils. Fewer than `pupils_with_value` in the whole
    cohort: the column is refused. t-closeness is for projects whose k is `k_for_closeness` or more.
    """

    k: Annotated[int, Field(ge=3)]
    m: Annotated[int, Field(ge=2)]
    max_share: Annotated[Decimal, Field(gt=0, le=Decimal("0.5"))]
    k_others: Annotated[int, Field(ge=3)]
    largest_value: Annotated[Decimal, Field(gt=0, le=Decimal("0.9"))]
    distinct_values: Annotated[int, Field(ge=2)]
    values_without_school: Annotated[int, Field(ge=1)]
    pupils_without_school: Annotated[int, Field(ge=1)]
    pupils_with_value: Annotated[int, Field(ge=1)]
    k_for_closeness: Annotated[int, Field(ge=2)]
    columns: dict[str, Annotated[int, Field(ge=3)]]


class KeySettings(Declaration):
    dir: str


class RetentionPeriods(Declaration):
    """Days after which intake's own places are emptied."""

    deliveries: RetentionDays
    quarantine: RetentionDays
    feedback: RetentionDays
    results: RetentionDays
    superseded: RetentionDays


class SearchSettings(Declaration):
    """How many pupils one search may have; a larger cohort is searched in parts."""

    most_pupils_at_once: Annotated[int, Field(ge=1)]


class ContainerSettings(Declaration):
    """How much may come out of one `.zip`, `.gz` or `.xlsx`."""

    members: Annotated[int, Field(ge=1)]
    megabytes_per_member: Annotated[int, Field(ge=1)]
    megabytes: Annotated[int, Field(ge=1)]
    ratio: Annotated[int, Field(ge=2)]

    def container_limits(self) -> ContainerLimits:
        return ContainerLimits(self.members, self.megabytes_per_member << 20, self.megabytes << 20, self.ratio)

    @model_validator(mode="after")
    def _hold(self) -> Self:
        if self.megabytes < self.megabytes_per_member:
            raise ValueError("megabytes in all is under megabytes_per_member")
        return self


RuleSeverity = Literal["warn", "refuse"]


class PlausibilityRules(Declaration):
    """What may be right and may be wrong: told as a warning, or refused."""

    two_schools: RuleSeverity
    two_year_groups: RuleSeverity
    year_groups_apart: RuleSeverity
    date_outside_year: RuleSeverity

    @property
    def row_warnings(self) -> frozenset[str]:
        """Rules of a single row that are only told."""
        return frozenset({"DATE_OUTSIDE_YEAR"} if self.date_outside_year == "warn" else ())

    @property
    def pupil_rules(self) -> dict[str, RuleSeverity]:
        """The rules about one pupil's rows taken together, by their reason codes."""
        return {
            "TWO_SCHOOLS": self.two_schools,
            "TWO_YEAR_GROUPS": self.two_year_groups,
            "YEAR_GROUPS_APART": self.year_groups_apart,
        }


class IngestionSettings(Declaration):
    """A file with a larger share of refused rows is rejected as a whole; one that repeats more than
    `whole_share` of a school's results of a year and moment replaces them all.
    """

    max_refused_share: PositiveShare
    whole_share: PositiveShare
    containers: ContainerSettings
    rules: PlausibilityRules


class ObjectionLimits(Declaration):
    """The oldest that any list may be, and what it may erase unconfirmed: a share of all pupils, and of one
    school's; up to `always_erased` pupils whatever their share.
    """

    max_age_days: Annotated[int, Field(ge=1)]
    max_erased_share: PositiveShare
    max_erased_share_of_school: PositiveShare
    always_erased: Annotated[int, Field(ge=0)]

    def needs_confirmation(self, pupils: int, of_all: int, share: Decimal) -> bool:
        """Whether that many of all of them need a confirmation."""
        return pupils > self.always_erased and pupils > share * of_all


class PublishingSettings(Declaration):
    """Whether `release --publish` may publish without a named second person; the record says it did."""

    without_second_person: bool


class AccessSettings(Declaration):
    """What lets a project's readers in: a POSIX `group`, nothing (`owner`), or a program (`hook`)."""

    way: Literal["group", "owner", "hook"]
    hook: str | None = None

    @model_validator(mode="after")
    def _hooked(self) -> Self:
        if (self.way == "hook") != (self.hook is not None) or not (self.hook or "/").startswith("/"):
            raise ValueError(
                "Expected a hook, as an absolute path, with way = 'hook' and with no other, for example "
                "hook = '/etc/cohort/readers'; found otherwise in <where>. Add or remove the hook."
            )
        return self


class CountRounding(Declaration):
    """Counts shown to everybody: hidden up to, and rounded to (OpenSAFELY: 7 and 5)."""

    hide_up_to: Annotated[int, Field(ge=7)]
    round_to: Annotated[int, Field(ge=5)]

    def round_count(self, exact: int) -> int | None:
        """A count fit to show: None when it is small (0 included), else rounded to the nearest step."""
        if exact <= self.hide_up_to:
            return None
        return (exact + self.round_to // 2) // self.round_to * self.round_to


class Platform(Declaration):
    floors: PlatformFloors
    keys: KeySettings
    retention_days: RetentionPeriods
    tables: TableRetention
    search: SearchSettings
    intake: IngestionSettings
    objections: ObjectionLimits
    publish: PublishingSettings
    access: AccessSettings
    shown: CountRounding


def load_platform(folder: Path) -> Platform:
    """The platform's declaration from a configuration folder.

    Refuses: what `config.read` refuses (exit code 10).
    """
    return declarations.read_declaration(folder / "platform.toml", Platform, where="platform.toml")


def locate_key_folder(platform: Platform, folder: Path, root: Path) -> Path:
    """Where the keys are: outside the storage root.

    Takes: the platform, its configuration folder (a relative `dir` counts from there), the root.
    Refuses: a folder that is, contains or lies in the root (exit code 13).
    """
    keys = (folder / platform.keys.dir).resolve()
    place = root.resolve()
    if keys == place or place in keys.parents or keys in place.parents:
        raise KeyRefused(
            describe_problem(
                "a key folder apart from the storage root",
                example="/etc/cohort/keys",
                found="one that shares a path with the root",
                where="[keys] dir of platform.toml",
                do="Name a folder that is neither under nor above the root",
            )
        )
    return keys
