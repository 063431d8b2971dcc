"""What is to be done about a project, and why: the vocabulary of `status` and of `release --due`."""

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
    """Why an action is due; the text is for people to read, the name for programs."""

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
    """One action that is due, with every reason for it."""

    action: DueJob
    reasons: tuple[DueReason, ...]

    def as_dict(self) -> dict[str, object]:
        why = ", ".join(self.reasons)
        return {"do": str(self.action), "reasons": [reason.name for reason in self.reasons], "why": why}
