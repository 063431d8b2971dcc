"""The platform declaration (`platform.toml`): what holds for every project, such as floors, retention and limits.

Every job loads it once. A value that protects people has no default here.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohort.agreements.approval_settings import ApprovalSettings
from cohort.agreements.container_limits import ContainerLimits
from cohort.agreements.output_limits import OutputRequestLimits
from cohort.agreements.publication_limits import PublicationLimits
from cohort.delta import TableRetention
from cohort.foundation import Declaration, ExactNumber, KeyRefused, describe_problem, read_declaration
from cohort.storage import StoragePath, lies_in

PositiveShare = Annotated[ExactNumber, Field(gt=0, le=1)]
ShareLimit = Annotated[ExactNumber, Field(ge=0, le=1)]
RetentionDays = Annotated[int, Field(ge=0)]


class PlatformFloors(Declaration):
    """Privacy limits that no project may weaken.

    Args:
        k: least number of pupils in an equivalence class.
        m: least number of schools in a class.
        max_share: largest share of a class that one school may have.
        k_others: least number of pupils in a class without its largest school.
        largest_value: largest share that one sensitive value may have among the pupils of a class whose value is
            shown; the next three limits count the same pupils.
        distinct_values: least number of different sensitive values.
        values_without_school: least number of different values without the pupils of any one school or board.
        pupils_without_school: least number of pupils without those of any one school or board.
        pupils_with_value: least number of pupils in the whole cohort with a value; with fewer the column is refused.
        k_for_closeness: least k of a project that uses t-closeness.
        columns: a higher k for projects with a certain column, by attribute or column name.
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
    """The folder of the project keys; a relative path counts from the configuration folder."""

    dir: str


class RetentionPeriods(Declaration):
    """Days after which files and rows of ingestion are removed."""

    deliveries: RetentionDays
    quarantine: RetentionDays
    feedback: RetentionDays
    results: RetentionDays
    superseded: RetentionDays


class LockSettings(Declaration):
    """Locks on stores without locks of an operating system.

    Args:
        lease_seconds: after how many seconds a run counts as gone that gives no sign of life. A run that stands still
            for longer commits nothing any more.
    """

    lease_seconds: Annotated[int, Field(ge=2)]


class SearchSettings(Declaration):
    """The largest number of pupils in one search on the driver; a larger cohort is searched in parts."""

    most_pupils_at_once: Annotated[int, Field(ge=1)]


class ContainerSettings(Declaration):
    """Limits on what one `.zip`, `.gz` or `.xlsx` may unpack to; a megabyte is 2²⁰ bytes."""

    members: Annotated[int, Field(ge=1)]
    megabytes_per_member: Annotated[int, Field(ge=1)]
    megabytes: Annotated[int, Field(ge=1)]
    ratio: Annotated[int, Field(ge=2)]

    def container_limits(self) -> ContainerLimits:
        """The limits in bytes."""
        return ContainerLimits(self.members, self.megabytes_per_member << 20, self.megabytes << 20, self.ratio)

    @model_validator(mode="after")
    def _hold(self) -> Self:
        if self.megabytes < self.megabytes_per_member:
            raise ValueError("megabytes in all is under megabytes_per_member")
        return self


RuleSeverity = Literal["warn", "refuse"]


class PlausibilityRules(Declaration):
    """Rules that a correct row may break: whether such a row is refused, or kept with a warning."""

    two_schools: RuleSeverity
    two_year_groups: RuleSeverity
    year_groups_apart: RuleSeverity
    date_outside_year: RuleSeverity

    @property
    def row_warnings(self) -> frozenset[str]:
        """The reason codes of rules on single rows that only give a warning."""
        return frozenset({"DATE_OUTSIDE_YEAR"} if self.date_outside_year == "warn" else ())

    @property
    def pupil_rules(self) -> dict[str, RuleSeverity]:
        """The severity of the rules on all rows of one pupil together, by reason code."""
        return {
            "TWO_SCHOOLS": self.two_schools,
            "TWO_YEAR_GROUPS": self.two_year_groups,
            "YEAR_GROUPS_APART": self.year_groups_apart,
        }


class IngestionSettings(Declaration):
    """Settings of ingestion.

    Args:
        max_refused_share: largest share of refused rows; a file with a larger share is rejected as a whole.
        whole_share: a file that repeats a larger share of a school's results of one year and moment replaces all of
            them.
        containers: limits on what a container may unpack to.
        rules: severity of the plausibility rules.
    """

    max_refused_share: PositiveShare
    whole_share: PositiveShare
    containers: ContainerSettings
    rules: PlausibilityRules


class ObjectionLimits(Declaration):
    """Limits on objection lists: their age, and the erasures that need no confirmation.

    Args:
        max_age_days: days after which a list is too old.
        max_erased_share: share of all pupils that a run may erase without confirmation.
        max_erased_share_of_school: the same of the pupils of one school.
        always_erased: number of pupils that a run may always erase without confirmation.
    """

    max_age_days: Annotated[int, Field(ge=1)]
    max_erased_share: PositiveShare
    max_erased_share_of_school: PositiveShare
    always_erased: Annotated[int, Field(ge=0)]

    def needs_confirmation(self, pupils: int, of_all: int, share: Decimal) -> bool:
        """Whether an erasure needs confirmation.

        Args:
            pupils: the pupils to erase.
            of_all: all pupils that the share is taken of.
            share: the share of them that needs no confirmation.
        """
        return pupils > self.always_erased and pupils > share * of_all


class PublishingSettings(Declaration):
    """Whether `release --publish` may publish without a named second person, which the record then notes."""

    without_second_person: bool


class AccessSettings(Declaration):
    """How a project's readers get access.

    Args:
        way: by a `group` of a file system, by the `policy` of a bucket, by a program (`hook`), or not at all (`owner`).
        hook: the program, as an absolute path.
        platform_principals: the principals of the platform itself, as the policy of a bucket names them: whoever else
            a policy lets in keeps a folder open.
    """

    way: Literal["group", "policy", "owner", "hook"]
    hook: str | None = None
    platform_principals: list[Annotated[str, Field(pattern=r"^[^*]+$")]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hooked(self) -> Self:
        if (self.way == "hook") != (self.hook is not None) or not (self.hook or "/").startswith("/"):
            raise ValueError(
                "Expected a hook, as an absolute path, with way = 'hook' and with no other, for example "
                "hook = '/etc/cohort/readers'; found otherwise in <where>. Add or remove the hook."
            )
        if any(name.endswith(":root") or name.isdigit() for name in self.platform_principals):
            raise ValueError(
                "Expected the platform's own roles or users, for example platform_principals = "
                "['arn:aws:iam::111122223333:role/cohort']; found a whole account in <where>, whose every user would "
                "count as the platform. Name the role."
            )
        if self.way == "policy" and not self.platform_principals:
            raise ValueError(
                "Expected the platform's own principals with way = 'policy', for example platform_principals = "
                "['arn:aws:iam::111122223333:role/cohort']; found none in <where>. Without them a policy could lock "
                "the platform out of its bucket: add them."
            )
        return self


class HeldRiskLimits(Declaration):
    """Limits on what a release adds to the success of an attack, as shares; 1 allows everything.

    Args:
        attributes_only: guesses of a column by who knows the attributes of pupils, inside less outside the release.
        all_but_one_known: guesses of a column by who knows all others, inside less outside the release.
        downcoding_gain: exact values behind generalised ones guessed right because the algorithm is known.
        sure_cells: generalised values of which only knowledge of the algorithm makes the intruder sure.
        sure_cells_right: the share of those that is right.
        attempts_for_interval: from so many attempts the upper end of the 95 % interval keeps to a limit on inference;
            with fewer, whose interval is wider than the limit itself, the estimate does.
    """

    attributes_only: ShareLimit
    all_but_one_known: ShareLimit
    downcoding_gain: ShareLimit
    sure_cells: ShareLimit
    sure_cells_right: ShareLimit
    attempts_for_interval: Annotated[int, Field(ge=1, le=3000)]


class CountRounding(Declaration):
    """Disclosure control of counts that everybody may read.

    Source of the least values: OpenSAFELY, which hides counts up to 7 and rounds to 5.
    """

    hide_up_to: Annotated[int, Field(ge=7)]
    round_to: Annotated[int, Field(ge=5)]

    def round_count(self, exact: int) -> int | None:
        """A count that may be shown: None up to `hide_up_to` (0 included), else rounded to the nearest `round_to`."""
        if exact <= self.hide_up_to:
            return None
        return (exact + self.round_to // 2) // self.round_to * self.round_to


class Platform(Declaration):
    """The declaration of the platform, a part per table of `platform.toml`."""

    floors: PlatformFloors
    keys: KeySettings
    retention_days: RetentionPeriods
    tables: TableRetention
    search: SearchSettings
    locks: LockSettings
    intake: IngestionSettings
    objections: ObjectionLimits
    publish: PublishingSettings
    access: AccessSettings
    shown: CountRounding
    risk_limits: HeldRiskLimits
    publications: PublicationLimits
    output_checking: OutputRequestLimits
    approvals: ApprovalSettings


def load_platform(folder: Path) -> Platform:
    """Load the platform declaration of a configuration folder.

    Raises:
        ConfigurationRefused: a file that is missing or is no valid declaration (exit code 10).
    """
    return read_declaration(folder / "platform.toml", Platform, where="platform.toml")


def locate_key_folder(platform: Platform, folder: Path, root: StoragePath) -> Path:
    """Locate the folder of the project keys, which is outside the storage root.

    Args:
        platform: its declaration names the folder.
        folder: the configuration folder, from which a relative `dir` counts.
        root: the storage root.

    Raises:
        KeyRefused: a folder that is, contains or lies in the storage root (exit code 13).
    """
    keys = (folder / platform.keys.dir).resolve()
    storage_root = root.resolve()
    if lies_in(keys, storage_root) or lies_in(storage_root, keys):
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
