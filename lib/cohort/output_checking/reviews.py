"""Reviews: two people decide on every file, neither knowing what the other decided.

A review is the reviewer's decisions as a TOML document, signed. It is kept sealed; its event tells only who decided
when, and its checksum. When both have decided, the state of the request follows from the two.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from cohort.agreements import Environment
from cohort.approvals import (
    ApprovalDocument,
    make_approval_document,
    name_current_user,
    require_approval,
    write_approval_document,
)
from cohort.foundation import Declaration, StateRefused, UsageRefused, describe_problem, describe_validation_errors
from cohort.output_checking.request_events import OutputRequest, RequestEvent, RequestFile, RequestState
from cohort.output_checking.request_store import REVIEWS, append_event, read_request_file
from cohort.output_checking.request_submission import DECLARATION
from cohort.storage import StoragePath, StorageZones, store_of

ACTION = "review-outputs"
REVIEWERS = 2
"""How many people review a request; no setting."""
DECISION_FORM = "decisions.toml"
LARGEST_DECISIONS_BYTES = 1 << 20
Reason = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Sentence = Annotated[str, Field(min_length=10, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class FileDecision(Declaration):
    """What a reviewer decides about one file; with a reason unless it is approved."""

    name: str
    sha256: str
    decision: Literal["approve", "return", "reject"]
    reason: Reason


class OverruledFinding(Declaration):
    """A finding that the reviewer overrules, and why."""

    finding: str
    reason: Sentence


class ReviewDecisions(Declaration):
    """The decisions of one reviewer on one request."""

    project: str
    request: int
    findings: str
    """The checksum of the findings that the reviewer saw."""
    file: list[FileDecision]
    overrule: list[OverruledFinding] = Field(default_factory=list)


@dataclass(frozen=True)
class SubmittedReview:
    """Decisions as a reviewer hands them in.

    Args:
        content: the bytes of the document.
        decisions: what it says.
        place: the document of the reviewer; what is to be signed is written beside it.
        signature: the reviewer's signature; None where it stands beside.
    """

    content: bytes
    decisions: ReviewDecisions
    place: Path
    signature: Path | None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def approval_path(self) -> Path:
        """The document that the reviewer signs."""
        return self.place.with_name(f"{self.place.name}.approval.json")

    @property
    def signature_path(self) -> Path:
        return self.signature or self.approval_path.with_name(f"{self.approval_path.name}.sig")


def digest_findings(request: OutputRequest) -> str:
    """The checksum of what the checks found, which a decision names."""
    content = json.dumps(sorted(finding.id for finding in request.findings))
    return hashlib.sha256(content.encode()).hexdigest()


def list_output_files(request: OutputRequest) -> tuple[RequestFile, ...]:
    """The files that are decided about and leave: all but the declaration."""
    return tuple(file for file in request.files if file.name != DECLARATION)


def write_decision_form(zones: StorageZones, request: OutputRequest) -> StoragePath:
    """Write the form that a reviewer copies and fills in. Returns where it stands."""
    path = zones.output_request(request.project, request.number) / DECISION_FORM
    store_of(path).write_whole(path, make_decision_form(request).encode("utf-8"))
    return path


def make_decision_form(request: OutputRequest) -> str:
    """The form that a reviewer copies and fills in; no file is approved in it."""
    lines = [
        f"project = {json.dumps(request.project)}",
        f"request = {request.number}",
        f'findings = "{digest_findings(request)}"',
    ]
    for file in list_output_files(request):
        lines += ["", "[[file]]", f"name = {json.dumps(file.name)}", f'sha256 = "{file.sha256}"']
        lines += ['decision = ""   # approve, return or reject', 'reason = ""     # unless you approve']
    for finding in request.findings:
        told = ", ".join(f"{key} {value}" for key, value in sorted(finding.parameters.items()))
        about = json.dumps(f"{finding.severity}: {finding.code} in {finding.file} {finding.place} {told}".strip())
        lines += ["", f"# {about}"]
        if finding.severity == "refuse":
            lines += ["# [[overrule]]", f'# finding = "{finding.id}"', '# reason = ""']
    return "\n".join(lines) + "\n"


def read_decisions(path: Path, signature: Path | None) -> SubmittedReview:
    """Read the document of a reviewer.

    Raises:
        UsageRefused: it cannot be read or is none (exit code 2).
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST_DECISIONS_BYTES else b""
        parsed = tomllib.loads(content.decode("utf-8-sig"))
        return SubmittedReview(content, ReviewDecisions.model_validate(parsed), path, signature)
    except ValidationError as errors:
        where = "the file of --decisions"
        raise UsageRefused(*describe_validation_errors(errors, ReviewDecisions, where)) from None
    except (OSError, ValueError):
        raise UsageRefused(_problem("the decisions of a reviewer as TOML", "the form of the page", "none")) from None


def write_review_approval(request: OutputRequest, review: SubmittedReview) -> Path:
    """Write the document that the reviewer signs; returns where it stands."""
    require_complete_decisions(request, review.decisions)
    write_approval_document(review.approval_path, _make_document(request, review))
    return review.approval_path


def decide_request(environment: Environment, request: OutputRequest, review: SubmittedReview) -> OutputRequest:
    """Take the decisions of a reviewer; after those of the second the request is decided.

    Raises:
        StateRefused: the request is not under review, the reviewer is its author or decided already, the document is
            not signed or not of these files and findings (exit code 15).
        UsageRefused: decisions that are not one per file, or without a reason (2).
    """
    if request.state is not RequestState.UNDER_REVIEW:
        request.require_move(RequestState.REJECTED)
    require_complete_decisions(request, review.decisions)
    for file in request.files:
        read_request_file(environment.zones, request, file.name)
    reviewer, fingerprint = _identify_reviewer(environment, request, review)
    if reviewer in {event.by for event in request.reviews}:
        raise StateRefused(
            _problem("one review of each reviewer", "that of a second person", "a second one", "A review is final")
        )
    path = environment.zones.output_request(request.project, request.number) / REVIEWS / f"{reviewer}.toml"
    store_of(path).write_whole(path, review.content)
    request = append_event(
        environment, request, RequestState.UNDER_REVIEW, reviewer, review=review.sha256, key_fingerprint=fingerprint
    )
    return settle_review(environment, request)


def settle_review(environment: Environment, request: OutputRequest) -> OutputRequest:
    """Decide a request that two people reviewed, also after a kill; any other stays as it is."""
    if request.state is not RequestState.UNDER_REVIEW or len(request.reviews) < REVIEWERS:
        return request
    reviews = load_reviews(environment.zones, request)
    state = combine_reviews(request, tuple(reviews.values()))
    return append_event(environment, request, state, name_current_user(), reason=_tell_reasons(reviews))


def combine_reviews(request: OutputRequest, reviews: tuple[ReviewDecisions, ...]) -> RequestState:
    """The state that follows from the decisions of two reviewers.

    APPROVED when both approve every file, REJECTED when both reject one and the same file, otherwise RETURNED: who
    wants it out hands it in anew, and no third person outvotes one who saw a danger.
    """
    by_file = [{decision.name: decision.decision for decision in review.file} for review in reviews]
    votes = [[decisions[file.name] for decisions in by_file] for file in list_output_files(request)]
    if any(all(vote == "reject" for vote in of_file) for of_file in votes):
        return RequestState.REJECTED
    if len(reviews) >= REVIEWERS and all(vote == "approve" for of_file in votes for vote in of_file):
        return RequestState.APPROVED
    return RequestState.RETURNED


def load_reviews(zones: StorageZones, request: OutputRequest) -> dict[str, ReviewDecisions]:
    """Read the sealed decisions, by reviewer; only for what both of them ended.

    Raises:
        StateRefused: fewer than two decided, or a review is not what was signed (exit code 15).
    """
    if len(request.reviews) < REVIEWERS:
        raise StateRefused(_problem("two reviews", "of two people", f"{len(request.reviews)}", "Let another decide"))
    return {event.by: _load_review(zones, request, event) for event in request.reviews}


def _load_review(zones: StorageZones, request: OutputRequest, event: RequestEvent) -> ReviewDecisions:
    path = zones.output_request(request.project, request.number) / REVIEWS / f"{event.by}.toml"
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != event.review:
            raise ValueError("other bytes")
        decisions = ReviewDecisions.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except (OSError, ValueError):
        where, do = f"{REVIEWS} of {request.subject}", "Find out who changed it; hand the request in anew"
        raise StateRefused(_problem("a review as it was signed", "the same bytes", "others", do, where)) from None
    require_complete_decisions(request, decisions)
    return decisions


def require_complete_decisions(request: OutputRequest, decisions: ReviewDecisions) -> None:
    """Require one decision per file, of these bytes and findings, each approval beside what was found.

    Raises:
        StateRefused: decisions on another request, other bytes or other findings (exit code 15).
        UsageRefused: decisions that are not complete (2).
    """
    if (decisions.project, decisions.request) != (request.project, request.number):
        raise StateRefused(_problem("decisions on this request", request.subject, "those on another"))
    if decisions.findings != digest_findings(request):
        do = "Look at the page as it is now, and decide again"
        raise StateRefused(_problem("decisions that know these findings", "findings = '…'", "others", do))
    decided = {decision.name: decision.sha256 for decision in decisions.file}
    expected = {file.name: file.sha256 for file in list_output_files(request)}
    if len(decided) != len(decisions.file) or set(decided) != set(expected):
        raise UsageRefused(_problem("one decision on each file", "[[file]] for each", "more, fewer or other files"))
    if decided != expected:
        raise StateRefused(_problem("the checksums of the files", "as on the page", "another", "Review these bytes"))
    problems = [*_find_missing_reasons(decisions), *_find_open_findings(request, decisions)]
    if problems:
        raise UsageRefused(*problems)


def _find_missing_reasons(decisions: ReviewDecisions) -> list[str]:
    return [
        _problem(
            "a reason of at least ten characters", "reason = 'cell 3 is small'", "none", where=f"[[file]] {number}"
        )
        for number, decision in enumerate(decisions.file, 1)
        if decision.decision != "approve" and len(decision.reason.strip()) < 10
    ]


def _find_open_findings(request: OutputRequest, decisions: ReviewDecisions) -> list[str]:
    """Say which findings stand against an approval; one about no single file stands against each."""
    approved = {decision.name for decision in decisions.file if decision.decision == "approve"}
    overruled = [one.finding for one in decisions.overrule]
    known = {finding.id for finding in request.findings if finding.severity == "refuse"}
    problems = [
        _problem("an overruled finding that there is", "one of the page", "another or twice", where="[[overrule]]")
        for finding in sorted(set(overruled))
        if finding not in known or overruled.count(finding) > 1
    ]
    outputs = {file.name for file in list_output_files(request)}
    for finding in request.findings:
        against = finding.file in approved or (finding.file not in outputs and approved)
        if finding.severity == "refuse" and against and finding.id not in overruled:
            do = "Return or reject the file, or overrule the finding with a reason"
            found = f"an approval beside {finding.code}"
            problems.append(_problem("no open finding", f"[[overrule]] finding = '{finding.id}'", found, do))
    return problems


def _identify_reviewer(
    environment: Environment, request: OutputRequest, review: SubmittedReview
) -> tuple[str, str | None]:
    """Name the reviewer, and the fingerprint of the key that signed; the author and the researcher are refused."""
    settings = environment.platform.approvals
    if settings.required:
        expected = _make_document(request, review)
        path, signature = review.approval_path, review.signature_path
        approval = require_approval(environment, path, signature, ACTION, request.author)
        if approval.document != expected:
            raise StateRefused(_problem("a signature of these decisions", "of the document", "of others"))
        reviewer, user, fingerprint = (
            str(approval.principal),
            settings.users[str(approval.principal)],
            approval.fingerprint,
        )
    else:
        reviewer = user = name_current_user()
        fingerprint = None
    own = {name.casefold() for name in (request.author, request.researcher)}
    if {reviewer.casefold(), user.casefold()} & own:
        raise StateRefused(_problem("a review by somebody else", "a colleague", "that of the author", "Ask another"))
    return reviewer, fingerprint


def _make_document(request: OutputRequest, review: SubmittedReview) -> ApprovalDocument:
    lines = [f"{decision.name}: {decision.decision}" for decision in review.decisions.file]
    lines += [f"overruled: {overruled.finding}" for overruled in review.decisions.overrule]
    submitted = dt.datetime.fromisoformat(request.events[0].at)
    checksums = {**request.checksums, "(decisions)": review.sha256}
    return make_approval_document(ACTION, request.subject, checksums, lines, request.author, submitted)


def _tell_reasons(reviews: dict[str, ReviewDecisions]) -> str:
    told = [
        f"{reviewer}: {decision.name}: {decision.decision}" + (f": {decision.reason}" if decision.reason else "")
        for reviewer, review in reviews.items()
        for decision in review.file
    ]
    told += [
        f"{who}: overruled {one.finding}: {one.reason}" for who, review in reviews.items() for one in review.overrule
    ]
    return "; ".join(told)


def _problem(
    what: str, example: str, found: str, do: str = "Correct it", where: str = "the file of --decisions"
) -> str:
    return describe_problem(what, example=example, found=found, where=where, do=do)
