"""Results that researchers want to take out: requests, automatic checks, two reviews, release.

In: a folder of a researcher of a project. Out: the same files for everybody, after two people approved every one of
them; or reasons. What happened to a request is a list of events that only grows. No Spark.

    request_events       states of a request and the moves between them; its events
    request_store        where requests stand; reading and appending events
    request_submission   the researcher's folder copied
    request_checks       running the automatic checks, before the review and before the release
    request_declaration  request.toml: every file of a request and what it holds
    checks               what is checked in files and figures
    content_checks       those checks with the published table and everything released before
    recounted_figures    declared figures counted again
    reviews              the sealed decisions of two reviewers
    file_previews        what is shown of a file
    review_phrases       the words of the page
    review_page          the page of a request for its reviewers
    request_release      the files released, taken back; what a kill interrupted completed
"""

from __future__ import annotations

from cohort.output_checking.content_checks import check_contents
from cohort.output_checking.request_checks import (
    CheckSubject,
    ContentCheck,
    check_request,
    find_ever_released,
    find_problems,
)
from cohort.output_checking.request_events import (
    REQUEST_MOVES,
    OutputRequest,
    RequestEvent,
    RequestFile,
    RequestFinding,
    RequestState,
)
from cohort.output_checking.request_release import (
    OutputManifest,
    audit_released,
    release_request,
    return_request,
    settle_requests,
    withdraw_request,
)
from cohort.output_checking.request_store import list_requests, load_request, load_requests
from cohort.output_checking.request_submission import submit_request
from cohort.output_checking.review_page import REVIEW_PAGES, refresh_review_pages
from cohort.output_checking.reviews import (
    ReviewDecisions,
    SubmittedReview,
    decide_request,
    digest_findings,
    list_output_files,
    read_decisions,
    write_decision_form,
    write_review_approval,
)

__all__ = [
    "REQUEST_MOVES",
    "REVIEW_PAGES",
    "CheckSubject",
    "ContentCheck",
    "OutputManifest",
    "OutputRequest",
    "RequestEvent",
    "RequestFile",
    "RequestFinding",
    "RequestState",
    "ReviewDecisions",
    "SubmittedReview",
    "audit_released",
    "check_contents",
    "check_request",
    "decide_request",
    "digest_findings",
    "find_ever_released",
    "find_problems",
    "list_output_files",
    "list_requests",
    "load_request",
    "load_requests",
    "read_decisions",
    "refresh_review_pages",
    "release_request",
    "return_request",
    "settle_requests",
    "submit_request",
    "withdraw_request",
    "write_decision_form",
    "write_review_approval",
]
