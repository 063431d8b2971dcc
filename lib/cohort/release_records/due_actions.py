"""The actions that can be due for a project, with the reasons: `status` lists them, `release --due` runs releases.

Names and texts are part of the report that programs and people read.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DueJob(StrEnum):
    """The job that is to be run."""

    RELEASE = "release"
    VERIFY = "verify"
    KEY = "key"
    DESTROY = "destroy"


class DueReason(StrEnum):
    """Why a job is due; the text is for people, the name for programs."""

    NOTHING_PUBLISHED = "nothing is published"
    OBJECTIONS_CHANGED = "a list of objections changed"
    INSTRUCTION_ENDED = "a school's instruction ended"
    CONSENTS_CHANGED = "consents changed"
    RIGHTS_LAPSED = "instructions or consents no longer hold"
    VERIFICATION_FAILED = "its verification failed, and nobody reads it"
    NO_KEY = "without one nothing can be released"
    ENDED = "the project has ended"
    DESTRUCTION_UNFINISHED = "a destruction is unfinished"


@dataclass(frozen=True)
class DueAction:
    """A job that is due for a project, with every reason for it."""

    job: DueJob
    reasons: tuple[DueReason, ...]

    def as_dict(self) -> dict[str, object]:
        reasons = ", ".join(self.reasons)
        return {"do": str(self.job), "reasons": [reason.name for reason in self.reasons], "why": reasons}
