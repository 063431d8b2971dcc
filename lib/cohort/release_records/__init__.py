"""The documents of a release: exact record and its states, public record and agreement, restricted class snapshot.

Jobs that make, publish, change or destroy a release write them here; every other package reads them. No Spark but for
the snapshot's pupils.
"""

from __future__ import annotations

from cohort.release_records.class_mean_figures import ClassMeanCounts, ClassMeanFigures, CovarianceMatrix
from cohort.release_records.due_actions import DueAction, DueJob, DueReason
from cohort.release_records.equivalence_class_snapshot import (
    FORMER_PUPILS_FOLDER,
    PUPILS_FOLDER,
    ClassSnapshot,
    SnapshotContents,
    SnapshotDocument,
    comparability_digest,
    keep_only_snapshots,
    load_snapshot,
    remove_snapshot,
    require_snapshot,
    snapshot_folder,
    write_snapshot,
)
from cohort.release_records.public_agreement import (
    AgreedSource,
    ReleaseClass,
    make_public_agreement,
    write_public_agreement,
)
from cohort.release_records.public_record import make_public_record, mark_public_record_superseded, write_public_record
from cohort.release_records.record_store import (
    UnreadableRecord,
    find_published_record,
    find_release_record,
    load_release_records,
    read_release_states,
    save_release_record,
)
from cohort.release_records.release_record import (
    AppliedList,
    AppliedObjectionList,
    DataDictionary,
    DataDictionaryColumn,
    DataDictionaryLevel,
    IntruderFigures,
    LinkedReleases,
    ProjectDifference,
    RecodingLoss,
    RecordedFinding,
    RecordedWithdrawal,
    ReleaseCounts,
    ReleaseRecord,
    SensitiveSuppressionCounts,
    UsedRiskException,
    commit_note,
)
from cohort.release_records.release_refusal import refuse_release, require_compared_with_published
from cohort.release_records.release_states import (
    ProjectState,
    ReleaseState,
    certificate_path,
    destruction_journal_path,
    failed_verification_path,
    project_state,
    require_open_project,
    withdrawal_journal_path,
)

__all__ = [
    "FORMER_PUPILS_FOLDER",
    "PUPILS_FOLDER",
    "AgreedSource",
    "AppliedList",
    "AppliedObjectionList",
    "ClassMeanCounts",
    "ClassMeanFigures",
    "ClassSnapshot",
    "CovarianceMatrix",
    "DataDictionary",
    "DataDictionaryColumn",
    "DataDictionaryLevel",
    "DueAction",
    "DueJob",
    "DueReason",
    "IntruderFigures",
    "LinkedReleases",
    "ProjectDifference",
    "ProjectState",
    "RecodingLoss",
    "RecordedFinding",
    "RecordedWithdrawal",
    "ReleaseClass",
    "ReleaseCounts",
    "ReleaseRecord",
    "ReleaseState",
    "SensitiveSuppressionCounts",
    "SnapshotContents",
    "SnapshotDocument",
    "UnreadableRecord",
    "UsedRiskException",
    "certificate_path",
    "commit_note",
    "comparability_digest",
    "destruction_journal_path",
    "failed_verification_path",
    "find_published_record",
    "find_release_record",
    "keep_only_snapshots",
    "load_release_records",
    "load_snapshot",
    "make_public_agreement",
    "make_public_record",
    "mark_public_record_superseded",
    "project_state",
    "read_release_states",
    "refuse_release",
    "remove_snapshot",
    "require_compared_with_published",
    "require_open_project",
    "require_snapshot",
    "save_release_record",
    "snapshot_folder",
    "withdrawal_journal_path",
    "write_public_agreement",
    "write_public_record",
    "write_snapshot",
]
