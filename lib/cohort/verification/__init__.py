"""The independent verifier of a staged or published release; it shares no code with what makes releases.

In: a table, the project's declaration, the results and the lists. Out: findings by code
(`findings.FINDING_DEFINITIONS`). One module per check (`*_check`), its own readers of every input (`*_reader`), and
the verbs `verify_stage`, `verify_published_table` and `verify_rights`.
"""

from __future__ import annotations

from cohort.verification.findings import Finding, VerificationResult
from cohort.verification.published_table_verification import (
    check_excluded_pupils,
    verify_published_table,
    verify_rights,
)
from cohort.verification.pupil_school_reader import EarlyReading, read_pupil_schools_early
from cohort.verification.stage_verification import verify_stage
from cohort.verification.verification_subject import (
    PublishedPredecessor,
    PublishedTable,
    RecordedCovariance,
    ReleaseSources,
    VerificationSubject,
)

__all__ = [
    "EarlyReading",
    "Finding",
    "PublishedPredecessor",
    "PublishedTable",
    "RecordedCovariance",
    "ReleaseSources",
    "VerificationResult",
    "VerificationSubject",
    "check_excluded_pupils",
    "read_pupil_schools_early",
    "verify_published_table",
    "verify_rights",
    "verify_stage",
]
