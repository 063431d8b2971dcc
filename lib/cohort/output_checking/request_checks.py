"""The automatic checks of a request, run before the review and once more before the release.

What is checked are the bytes that were submitted, beside everything that was released before for the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from cohort.agreements import Environment
from cohort.approvals import name_current_user
from cohort.output_checking.request_events import OutputRequest, RequestFinding, RequestState
from cohort.output_checking.request_store import FILES, load_requests, read_request_file
from cohort.output_checking.request_store import append_event as append
from cohort.output_checking.request_submission import DECLARATION
from cohort.storage import StoragePath, StorageZones

UNCHECKED = "NOT_CHECKED"
"""No check of contents is installed: the reviewers check by hand, and say so by overruling this finding."""


@dataclass(frozen=True)
class CheckSubject:
    """What a check looks at.

    Args:
        environment: the surroundings of the run.
        request: the request.
        folder: its files, which are the submitted bytes.
        released: every request of the project that was ever released, withdrawn ones too; their files stay where
            `released_folders` says.
    """

    environment: Environment
    request: OutputRequest
    folder: StoragePath
    released: tuple[OutputRequest, ...]

    @property
    def released_folders(self) -> tuple[StoragePath, ...]:
        """The files of each of `released`, in its order."""
        zones = self.environment.zones
        return tuple(zones.output_request(one.project, one.number) / FILES for one in self.released)


class ContentCheck(Protocol):
    """A check of the contents of a request."""

    def __call__(self, subject: CheckSubject, /) -> tuple[RequestFinding, ...]:
        """Return what it found."""


def find_ever_released(zones: StorageZones, project: str) -> tuple[OutputRequest, ...]:
    """Every request of a project whose files ever left: what is withdrawn may have been read."""
    return tuple(
        request
        for request in load_requests(zones, project)
        if any(event.state is RequestState.RELEASED for event in request.events)
    )


def find_problems(
    environment: Environment, request: OutputRequest, checks: Mapping[str, ContentCheck]
) -> tuple[RequestFinding, ...]:
    """Run the checks on the submitted bytes.

    Args:
        environment: the surroundings of the run.
        request: the request.
        checks: the checks by name. Without any, each file has a finding that only both reviewers can overrule.

    Raises:
        StateRefused: a byte changed since the submission (exit code 15).
    """
    zones = environment.zones
    for file in request.files:
        read_request_file(zones, request, file.name)
    if not checks:
        return tuple(
            RequestFinding(code=UNCHECKED, severity="refuse", file=file.name, place="", parameters={})
            for file in request.files
            if file.name != DECLARATION
        )
    released = tuple(one for one in find_ever_released(zones, request.project) if one.number != request.number)
    folder = zones.output_request(request.project, request.number) / FILES
    subject = CheckSubject(environment, request, folder, released)
    found = [finding for name in sorted(checks) for finding in checks[name](subject)]
    return tuple({finding.id: finding for finding in found}.values())


def check_request(
    environment: Environment, request: OutputRequest, checks: Mapping[str, ContentCheck]
) -> OutputRequest:
    """Run the checks and write what they found; a request that nobody reviewed yet comes UNDER_REVIEW.

    One that somebody reviewed, and of which something new is found, is RETURNED: the review did not know of it.

    Raises:
        StateRefused: a request that is decided (exit code 15).
    """
    if request.state is RequestState.SUBMITTED:
        request.require_move(RequestState.UNDER_REVIEW)
    elif request.state not in (RequestState.UNDER_REVIEW, RequestState.APPROVED):
        request.require_move(RequestState.APPROVED)
    findings = find_problems(environment, request, checks)
    by, names = name_current_user(), tuple(sorted(checks))
    if not request.reviews:
        return append(environment, request, RequestState.UNDER_REVIEW, by, findings=findings, checks=names)
    known = {finding.id for finding in request.findings}
    new = [finding for finding in findings if finding.id not in known]
    if not new:
        return request
    reason = "the checks found what the reviewers did not see: " + ", ".join(sorted({f.code for f in new}))
    return append(environment, request, RequestState.RETURNED, by, findings=findings, checks=names, reason=reason)
