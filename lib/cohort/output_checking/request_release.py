"""Release of an approved request, byte for byte what was reviewed; and taking one back.

The event comes before the files: a run that finds a request RELEASED without its manifest copies what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from pydantic import ConfigDict

from cohort.agreements import Environment, Project
from cohort.approvals import name_current_user
from cohort.foundation import NotAnonymous, StateRefused, describe_problem
from cohort.output_checking.request_checks import ContentCheck, check_request
from cohort.output_checking.request_events import OutputRequest, RequestFile, RequestState
from cohort.output_checking.request_store import append_event, load_requests, read_request_file
from cohort.output_checking.request_submission import MANIFEST, remove_unfinished_submissions, require_open_project
from cohort.output_checking.reviews import combine_reviews, list_output_files, load_reviews, settle_review
from cohort.storage import (
    DocumentPart,
    anything_exists,
    read_model_document,
    remove_tree,
    store_of,
    write_json_document,
)


class OutputManifest(DocumentPart):
    """What stands beside released files: which they are, and of which request. It names nobody."""

    model_config = ConfigDict(json_schema_extra={"$id": "output-manifest-1"})

    project: str
    request: int
    released_at: str
    files: tuple[RequestFile, ...]


def release_request(
    environment: Environment, project: Project, request: OutputRequest, checks: Mapping[str, ContentCheck]
) -> OutputRequest:
    """Release the files of a request; the caller holds the project's lock.

    Raises:
        StateRefused: it is not approved by two people, or a byte changed since (exit code 15).
        NotAnonymous: beside what was released since, the checks find something new; the request is RETURNED (14).
    """
    require_open_project(environment, project)
    request.require_move(RequestState.RELEASED)
    reviews = load_reviews(environment.zones, request)
    if combine_reviews(request, tuple(reviews.values())) is not RequestState.APPROVED:
        raise StateRefused(_problem("two approvals of every file", "both reviews", "others", request))
    request = check_request(environment, request, checks)
    if request.state is not RequestState.APPROVED:
        found = request.events[-1].reason or "a finding"
        raise NotAnonymous(_problem("a request that is safe beside what was released", "as reviewed", found, request))
    request = append_event(environment, request, RequestState.RELEASED, name_current_user())
    return settle_release(environment, request)


def withdraw_request(environment: Environment, request: OutputRequest, reason: str) -> OutputRequest:
    """Take a request back, and its released files away; what left stays known to every later check.

    Raises:
        StateRefused: a request that is at its end (exit code 15).
    """
    request = append_event(environment, request, RequestState.WITHDRAWN, name_current_user(), reason=reason)
    return settle_release(environment, request)


def return_request(environment: Environment, request: OutputRequest, reason: str) -> OutputRequest:
    """Return a request to the researcher before anything was released.

    Raises:
        StateRefused: a request that is at its end, or was released (exit code 15).
    """
    return append_event(environment, request, RequestState.RETURNED, name_current_user(), reason=reason)


def settle_requests(environment: Environment, project: str, withdrawn: int | None = None) -> None:
    """Complete what a kill interrupted in the requests of a project; the caller holds its lock.

    Args:
        environment: the surroundings of the run.
        project: the project.
        withdrawn: the request that the caller is about to withdraw, which nothing that is wrong with it may prevent.

    Raises:
        StateRefused: a file or a review changed of a request that has to be completed (exit code 15).
    """
    remove_unfinished_submissions(environment, project)
    for request in load_requests(environment.zones, project):
        if request.number != withdrawn:
            settle_release(environment, settle_review(environment, request))


def settle_release(environment: Environment, request: OutputRequest) -> OutputRequest:
    """Bring the released files to where everybody reads them, or away from there, as the events say."""
    folder = environment.zones.released_outputs(request.project, request.number)
    if request.state is RequestState.WITHDRAWN:
        remove_tree(folder)
    elif request.state is RequestState.RELEASED and not anything_exists(folder / MANIFEST):
        remove_tree(folder)
        for file in list_output_files(request):
            content = read_request_file(environment.zones, request, file.name)
            store_of(folder).write_whole(folder / file.name, content, public=True)
        manifest = OutputManifest(
            project=request.project,
            request=request.number,
            released_at=request.events[-1].at,
            files=list_output_files(request),
        )
        _require_same_files(environment, request)
        write_json_document(folder / MANIFEST, manifest.model_dump(mode="json"), public=True)
    return request


def audit_released(environment: Environment, request: OutputRequest) -> None:
    """Require that the released files are still those that were reviewed, with nothing beside them.

    Raises:
        StateRefused: they are not (exit code 15).
    """
    _require_same_files(environment, request)
    folder = environment.zones.released_outputs(request.project, request.number)
    try:
        manifest = read_model_document(folder / MANIFEST, OutputManifest)
    except (OSError, ValueError):
        manifest = None
    if manifest is None or manifest.files != list_output_files(request):
        raise StateRefused(_problem("the manifest as it was written", MANIFEST, "another", request))


def _require_same_files(environment: Environment, request: OutputRequest) -> None:
    folder = environment.zones.released_outputs(request.project, request.number)
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.name != MANIFEST
    }
    if found != {file.name: file.sha256 for file in list_output_files(request)}:
        raise StateRefused(_problem("the released files as they were reviewed", "the same bytes", "others", request))


def _problem(what: str, example: str, found: str, request: OutputRequest) -> str:
    do = "Withdraw the request, and hand the folder in anew"
    return describe_problem(what, example=example, found=found, where=request.subject, do=do)
