"""Where requests stand, and reading and appending their events; the caller holds the lock of the project."""

from __future__ import annotations

import hashlib
import json

from pydantic import ValidationError

from cohort.agreements import Environment
from cohort.foundation import StateRefused, describe_problem
from cohort.output_checking.request_events import OutputRequest, RequestEvent, RequestState
from cohort.storage import StoragePath, StorageZones, store_of

FILES = "files"
EVENTS = "events"
REVIEWS = "reviews"


def list_requests(zones: StorageZones, project: str) -> list[int]:
    """The numbers of a project's requests, also of one whose submission a kill interrupted."""
    folder = zones.output_requests(project)
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal() and path.is_dir())


def load_requests(zones: StorageZones, project: str) -> list[OutputRequest]:
    """Every submitted request of a project, in the order of their numbers."""
    return [
        load_request(zones, project, number)
        for number in list_requests(zones, project)
        if _list_events(zones.output_request(project, number))
    ]


def load_request(zones: StorageZones, project: str, number: int) -> OutputRequest:
    """Read a request from its events.

    Raises:
        StateRefused: there is none, or its events are not those that were written (exit code 15).
    """
    paths = _list_events(zones.output_request(project, number))
    if not paths:
        numbers = ", ".join(map(str, list_requests(zones, project))) or "none"
        raise StateRefused(
            describe_problem(
                "a request that was submitted",
                example="one that outputs --list names",
                found=f"another; there are {numbers}",
                where=f"restricted/output_requests/{project}",
                do="Give the number of one of them",
            )
        )
    events, previous = [], ""
    for position, path in enumerate(paths, 1):
        content = path.read_bytes()
        event = _parse_event(content)
        if event is None or event.number != position or event.previous != previous:
            raise StateRefused(
                describe_problem(
                    "the events of a request as they were written",
                    example="each with the checksum of the one before",
                    found="one that was changed, or a gap before it",
                    where=f"restricted/output_requests/{project}/{number}/{EVENTS}/{path.name}",
                    do="Find out who changed it; restore the folder from a backup",
                )
            )
        events.append(event)
        previous = hashlib.sha256(content).hexdigest()
    return OutputRequest(project, number, tuple(events))


def append_event(
    environment: Environment, request: OutputRequest, state: RequestState, by: str, **details: object
) -> OutputRequest:
    """Append an event to a request; it lasts when the call returns.

    Args:
        environment: the surroundings of the run.
        request: the request, as it was read under the lock that the caller holds.
        state: its state afterwards; the same as now, or one that it may move to.
        by: who did it.
        details: the other fields of the event.

    Raises:
        StateRefused: the request may not move there (exit code 15).
    """
    folder = environment.zones.output_request(request.project, request.number)
    if not request.events or state is not request.state:
        _require_first_or_allowed(request, state)
    paths = _list_events(folder)
    previous = hashlib.sha256(paths[-1].read_bytes()).hexdigest() if paths else ""
    if len(paths) != len(request.events):
        raise ValueError("the request was not read under the lock")
    event = RequestEvent.model_validate(
        {
            "number": len(paths) + 1,
            "previous": previous,
            "state": state,
            "at": environment.now.isoformat(),
            "by": by,
            **details,
        }
    )
    text = json.dumps(event.model_dump(mode="json", exclude_none=True), ensure_ascii=False, indent=2) + "\n"
    path = folder / EVENTS / f"{event.number:06}.json"
    store_of(path).write_whole(path, text.encode("utf-8"))
    return OutputRequest(request.project, request.number, (*request.events, event))


def read_request_file(zones: StorageZones, request: OutputRequest, name: str) -> bytes:
    """Read a file of a request, which must be what was submitted.

    Raises:
        StateRefused: it is missing, or a byte of it changed (exit code 15).
    """
    path = zones.output_request(request.project, request.number) / FILES / name
    try:
        content = path.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != request.checksums[name] or path.is_symlink():
        raise StateRefused(
            describe_problem(
                "the bytes that were submitted",
                example="the file with its SHA-256",
                found="others, or none",
                where=f"{FILES}/{name} of {request.subject}",
                do="Find out who changed it; hand the folder in again as a new request",
            )
        )
    return content


def _require_first_or_allowed(request: OutputRequest, state: RequestState) -> None:
    if request.events:
        request.require_move(state)
    elif state is not RequestState.SUBMITTED:
        raise ValueError("the first event of a request is its submission")


def _list_events(folder: StoragePath) -> list[StoragePath]:
    events = folder / EVENTS
    if not events.is_dir():
        return []
    return sorted(path for path in events.iterdir() if path.name.endswith(".json") and not path.name.startswith("."))


def _parse_event(content: bytes) -> RequestEvent | None:
    try:
        return RequestEvent.model_validate(json.loads(content))
    except (ValueError, ValidationError):
        return None
