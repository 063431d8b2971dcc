"""The exact record of a release: a typed document that says what was done, with which parameters and counts.

`release` makes it, `publish`, `objections` and `destroy` bring it up to date, every other job reads it. It is
restricted: it names schools and holds exact counts. Its keys on disk are part of the document format and do not
change; a key that a later version added is absent from older records, and stays absent when they are written again.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict, Field, JsonValue

from cohort.foundation import StateRefused, describe_problem
from cohort.release_records.class_mean_figures import ClassMeanFigures
from cohort.release_records.public_agreement import PublicAgreement, ReleaseClass
from cohort.release_records.release_states import ALLOWED_MOVES, ReleaseState
from cohort.storage import DocumentPart


class AppliedList(DocumentPart):
    """A declared list that a release was made with; no line of it."""

    name: str = Field(validation_alias="list", serialization_alias="list")
    source: str
    date: str
    sha256: str | None = None
    rows: int | None = None


class AppliedObjectionList(AppliedList):
    """A list of objections that a release was made with, counted; no line of it.

    `in_force` counts pupils, `withdrawn` and `invalid` lines, `schools_held_back` the schools of which no result is
    used because a line of theirs is invalid.
    """

    polarity: str | None = None
    in_force: int | None = None
    withdrawn: int | None = None
    schools_held_back: int | None = None
    invalid: int | None = None


class ReleaseCounts(DocumentPart):
    """Every row and every pupil of a release, counted once. A count that an older version did not make is None."""

    rows_current: int | None = None
    rows_used: int | None = None
    rows_not_selected: int | None = None
    rows_objected: int | None = None
    rows_without_instruction: int | None = None
    rows_set_aside: int | None = None
    pupils_records: int | None = None
    pupils_released: int | None = None
    pupils_suppressed: int | None = None
    pupils_objected: int | None = None
    pupils_without_instruction: int | None = None
    pupils_set_aside: int | None = None
    pupils_withdrawn: int | None = None

    def made(self) -> dict[str, int]:
        """Return the counts that were made, by name."""
        return self.model_dump(exclude_unset=True)


class DataDictionaryLevel(DocumentPart):
    """One level of a column's hierarchy: the share of released pupils shown at it, and the values that occur."""

    level: int
    share: float
    values: tuple[str, ...]


class DataDictionaryColumn(DocumentPart):
    """What a released column shows: its information loss from 0 to 1, and its values by level."""

    loss: float
    levels: tuple[DataDictionaryLevel, ...]


DataDictionary = dict[str, DataDictionaryColumn | None]
"""What each released column shows, by its name."""


class RecodingLoss(DocumentPart):
    """Information loss of the recoding from 0 to 1, as the mean over the columns and as their geometric mean."""

    mean: float
    geometric: float | None = None


class SensitiveSuppressionCounts(DocumentPart):
    """Pupils with a sensitive value, of how many it is shown or blanked, and of how many blanked only as a cover."""

    with_value: int = Field(validation_alias="known", serialization_alias="known")
    value_shown: int = Field(validation_alias="shown", serialization_alias="shown")
    value_blanked: int = Field(validation_alias="blanked", serialization_alias="blanked")
    blanked_as_cover: int = Field(validation_alias="covers", serialization_alias="covers")


class LinkedReleases(DocumentPart):
    """What an intruder finds who links this release with the one before, measured on a sample of pupils.

    Records of the first versions have `k` and `fewer_than_k` instead of `self_check`.
    """

    assumption: str
    sampled: int
    smallest: int | None
    quantiles: dict[str, int]
    self_check: dict[str, int] | None = None
    k: int | None = None
    fewer_than_k: int | None = None


class ProjectDifference(DocumentPart):
    """This release subtracted from that of another live project on the same pupils, or why it was not."""

    project: str
    release: int
    not_compared: str | None = None
    columns: dict[str, int] | None = None
    cells: int | None = None
    differ_by_fewer_than_k: int | None = None


class IntruderFigures(DocumentPart):
    """What one kind of intruder faces: the candidates left at least, and the chance at most to pick the right one."""

    left_at_least: int
    chance_at_most: float | None = None


class UsedRiskException(DocumentPart):
    """An exception of the project under which a release goes on although it breaks a limit on risk."""

    code: str
    column: str | None
    figure: float | None
    """None where it could not be measured."""
    figure_at_most: float
    reason: str
    signed_by: str | None = None
    date: str


class RecordedFinding(DocumentPart):
    """A finding of the verifier for which a release was refused."""

    code: str
    sentence: str
    count: int


class RecordedWithdrawal(DocumentPart):
    """Rows taken out of a published table: when, into which table version, how many pupils for which reason."""

    at: str
    version: int
    pupils_barred: int = 0
    pupils_of_schools: int = 0
    pupils_besides: int = 0

    @property
    def pupils(self) -> int:
        """All pupils who were taken out."""
        return self.pupils_barred + self.pupils_of_schools + self.pupils_besides


class ReleaseRecord(DocumentPart):
    """The exact record of one release. Moments are texts in ISO 8601 with a time zone; durations are seconds."""

    model_config = ConfigDict(json_schema_extra={"$id": "release-record-1"})

    project: str
    release: int
    state: ReleaseState

    made: str
    made_by: str
    release_class: ReleaseClass = Field(validation_alias="class", serialization_alias="class")
    batches: tuple[int, ...]
    objections: tuple[AppliedObjectionList, ...]
    instructions: tuple[AppliedList, ...] = ()
    instructed: tuple[str, ...] = ()
    """The instructed schools, with their sites where not all of them are: `10AA`, `10AA but 02`, `10AB only 01`."""
    objections_digest: str
    instructions_digest: str = ""
    consents_digest: str = ""
    counts: ReleaseCounts
    schools: tuple[str, ...] | None = None
    """The schools of which a result is shown; None in a record made before this was noted."""
    agreed: PublicAgreement | None = None
    domains: tuple[str, ...] | None = None
    barred_digest: str | None = None
    """A hash of who may not be in the release, by its domains."""
    recoding: dict[str, JsonValue]
    """How the search for the recoding went, as the engine reports it."""
    data_dictionary: DataDictionary = Field(validation_alias="codebook", serialization_alias="codebook")
    loss: RecodingLoss
    sensitive: SensitiveSuppressionCounts | None = None
    classes: int | None = None
    class_means: ClassMeanFigures | None = None
    """None where no column shows a mean."""
    thresholds: dict[str, str]
    expires: str
    nested_in: int | None = Field(default=None, validation_alias="before", serialization_alias="before")
    """The release that was published when this one was made."""
    wave: bool = False
    """Whether pupils who never were in a release of the project were let in."""
    linked: LinkedReleases | None = None
    differences_with: tuple[ProjectDifference, ...] = ()

    checksum: tuple[int, str] | None = None
    """Number of rows and digest of the released columns; known from VERIFIED on."""
    measures: dict[str, int | float] | None = None
    intruders: dict[str, IntruderFigures] | None = None
    """By kind of intruder; None in a record made before school boards were counted."""
    risk_exceptions: tuple[UsedRiskException, ...] = ()
    checked: tuple[str, ...] | None = None
    verified: str | None = None
    seconds: float | None = None
    stages: dict[str, float] | None = None

    reason: str | None = None
    findings: tuple[RecordedFinding, ...] = ()
    refused: str | None = None

    version: int | None = None
    """The version of the published Delta table that shows this release."""
    published: str | None = None
    approved_by: str | None = None
    second_person: bool = False
    mended: bool = False
    """Whether the publication was completed by a later run, from the table's history."""
    settled: bool = False
    """Whether the earlier snapshot and the stage are gone, and the public record is written."""
    withdrawals: tuple[RecordedWithdrawal, ...] = ()
    schools_left: tuple[str, ...] = ()
    """Schools whose rows were in the release and were taken out of the published table."""

    @property
    def id(self) -> str:
        """The note that marks the commit of this release in the history of the published table."""
        return commit_note(self.project, self.release)

    @property
    def pseudonymous(self) -> bool:
        return self.release_class == "pseudonymous"

    @property
    def only_leaves_pupils_out(self) -> bool:
        """Whether the release has nobody who is not in the published one, in which it is nested."""
        return self.nested_in is not None and not self.wave

    @property
    def compared_with_published(self) -> bool:
        """Whether the record says with which release this one was compared; `nested_in` is None for none."""
        return "nested_in" in self.model_fields_set

    @property
    def verified_checksum(self) -> tuple[int, str]:
        """The checksum of a release that was verified; a record without one is a defect."""
        if self.checksum is None:
            raise ValueError("a release that was not verified has no checksum")
        return self.checksum

    def moved(self, state: ReleaseState, **changes: Any) -> Self:
        """Return the same release in another state, with the fields that changed.

        Raises:
            StateRefused: a move that `ALLOWED_MOVES` does not have, staying in the same state included (exit code
                15).
        """
        if state not in ALLOWED_MOVES[self.state]:
            raise StateRefused(
                describe_problem(
                    f"a release that may become {state}",
                    example=next((str(s) for s, targets in ALLOWED_MOVES.items() if state in targets), "none"),
                    found=f"one that is {self.state}",
                    where=f"release {self.release} of {self.project}",
                    do="See with status what may be done next",
                )
            )
        return self.noted(**changes, state=state)

    def noted(self, **changes: Any) -> Self:
        """Return the same release in the same state, with the fields that changed."""
        return self.model_validate({**{name: getattr(self, name) for name in self.model_fields_set}, **changes})

    def document(self) -> dict[str, Any]:
        """Return the record as it is written to disk: the keys that were set, by their names on disk."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def commit_note(project: str, release: int) -> str:
    """Return the note that marks the commit of a release in the history of the published table."""
    return f"{project}-{release}"
