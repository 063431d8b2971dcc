"""What happened to a request, as a list of events that only grows; its state is what the last of them says.

Each event holds the checksum of the one before it, so that a changed or missing event is found when they are read.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import Literal

from pydantic import ConfigDict

from cohort.foundation import StateRefused, describe_problem
from cohort.storage import DocumentPart


class RequestState(StrEnum):
    """How far a request has come.

    SUBMITTED: its files are copied. UNDER_REVIEW: the checks ran, reviewers decide. APPROVED: two reviewers approved
    every file. RETURNED: it may be handed in anew after changes. REJECTED: both reviewers rejected a file. RELEASED:
    the files left. WITHDRAWN: taken back.
    """

    SUBMITTED = "SUBMITTED"
    UNDER_REVIEW = "UNDER_REVIEW"
    APPROVED = "APPROVED"
    RETURNED = "RETURNED"
    REJECTED = "REJECTED"
    RELEASED = "RELEASED"
    WITHDRAWN = "WITHDRAWN"


REQUEST_MOVES: dict[RequestState, frozenset[RequestState]] = {
    RequestState.SUBMITTED: frozenset({RequestState.UNDER_REVIEW, RequestState.RETURNED, RequestState.WITHDRAWN}),
    RequestState.UNDER_REVIEW: frozenset(
        {RequestState.APPROVED, RequestState.RETURNED, RequestState.REJECTED, RequestState.WITHDRAWN}
    ),
    RequestState.APPROVED: frozenset({RequestState.RELEASED, RequestState.RETURNED, RequestState.WITHDRAWN}),
    RequestState.RETURNED: frozenset(),
    RequestState.REJECTED: frozenset(),
    RequestState.RELEASED: frozenset({RequestState.WITHDRAWN}),
    RequestState.WITHDRAWN: frozenset(),
}
"""Every state, with the states that a request may move to from it. The files of a request never change: who corrects
something hands in a new request.
"""


class RequestFile(DocumentPart):
    """A file of a request, identified by its content."""

    name: str
    bytes: int
    sha256: str


class RequestFinding(DocumentPart):
    """What a check found: where, and how grave. Never a value of a person."""

    code: str
    severity: Literal["refuse", "look"]
    """`refuse`: not released unless both reviewers overrule it with a reason. `look`: for the reviewers to look at."""
    file: str
    place: str
    parameters: dict[str, str]

    @property
    def id(self) -> str:
        """A short name of the finding, the same whenever the same thing is found."""
        content = json.dumps([self.code, self.severity, self.file, self.place, sorted(self.parameters.items())])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


class RequestEvent(DocumentPart):
    """One thing that happened to a request."""

    model_config = ConfigDict(json_schema_extra={"$id": "output-request-event-1"})

    number: int
    previous: str
    """SHA-256 of the event before this one as it is stored; empty of the first."""
    state: RequestState
    """The state of the request after it."""
    at: str
    by: str
    """Who did it: an operating-system user, or the reviewer's name as the approvers file has it."""
    reason: str | None = None
    project: str | None = None
    """With the first event: whose request this is, and what for; so for the next two."""
    researcher: str | None = None
    purpose: str | None = None
    files: tuple[RequestFile, ...] | None = None
    findings: tuple[RequestFinding, ...] | None = None
    """With an event of the checks: what they found."""
    checks: tuple[str, ...] | None = None
    """With an event of the checks: which ran."""
    review: str | None = None
    """With an event of a review: the SHA-256 of the reviewer's sealed decisions."""
    key_fingerprint: str | None = None
    """With an event of a review: of the key that signed it; none where the platform requires no signature."""


class OutputRequest:
    """A request, as its events tell it."""

    def __init__(self, project: str, number: int, events: tuple[RequestEvent, ...]) -> None:
        self.project, self.number, self.events = project, number, events

    @property
    def subject(self) -> str:
        """How a request is named in messages and in what reviewers sign."""
        return f"output request {self.project} {self.number}"

    @property
    def state(self) -> RequestState:
        return self.events[-1].state

    @property
    def files(self) -> tuple[RequestFile, ...]:
        return self.events[0].files or ()

    @property
    def checksums(self) -> dict[str, str]:
        return {file.name: file.sha256 for file in self.files}

    @property
    def author(self) -> str:
        """The operating-system user who submitted it."""
        return self.events[0].by

    @property
    def researcher(self) -> str:
        return self.events[0].researcher or ""

    @property
    def findings(self) -> tuple[RequestFinding, ...]:
        """What the last run of the checks found."""
        return next((event.findings for event in reversed(self.events) if event.findings is not None), ())

    @property
    def reviews(self) -> tuple[RequestEvent, ...]:
        """The events of the reviews, in their order."""
        return tuple(event for event in self.events if event.review is not None)

    def require_move(self, state: RequestState) -> None:
        """Require that the request may move to a state.

        Raises:
            StateRefused: it may not (exit code 15).
        """
        if state not in REQUEST_MOVES[self.state]:
            allowed = sorted(here for here, there in REQUEST_MOVES.items() if state in there)
            raise StateRefused(
                describe_problem(
                    f"a request that may become {state}",
                    example=f"one that is {' or '.join(allowed)}",
                    found=f"one that is {self.state}",
                    where=self.subject,
                    do="Choose another request, or hand in a new one",
                )
            )
