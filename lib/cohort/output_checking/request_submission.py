"""Submission: the researcher's folder is copied as it is, each file known by its checksum from then on.

Nothing is read twice: the bytes that are hashed are the bytes that are kept. The first event comes last, so that a
submission that a kill interrupted never was one.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tomllib
from pathlib import Path

from pydantic import ValidationError

from cohort.agreements import Environment, Project
from cohort.approvals import name_current_user
from cohort.foundation import StateRefused, UsageRefused, describe_problem, describe_validation_errors
from cohort.output_checking.request_declaration import REQUEST_FILE_NAME, RequestDeclaration
from cohort.output_checking.request_events import OutputRequest, RequestFile, RequestState
from cohort.output_checking.request_store import EVENTS, FILES, append_event, list_requests
from cohort.storage import remove_tree, store_of

DECLARATION = REQUEST_FILE_NAME
TEMPLATE = "conf/output_requests/_template.toml"
MANIFEST = "manifest.json"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


def submit_request(environment: Environment, project: Project, folder: Path) -> OutputRequest:
    """Copy a folder as a new request; the caller holds the project's lock.

    Raises:
        UsageRefused: a folder that is no request, with every reason (exit code 2).
        StateRefused: a project that is not open (15).
    """
    require_open_project(environment, project)
    contents = read_folder(environment, folder)
    declaration = _read_own_declaration(contents[DECLARATION], project.name)
    zones = environment.zones
    number = _choose_number(environment, project.name)
    target = zones.output_request(project.name, number)
    for name, content in contents.items():
        store_of(target).write_whole(target / FILES / name, content)
    files = tuple(
        RequestFile(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    return append_event(
        environment,
        OutputRequest(project.name, number, ()),
        RequestState.SUBMITTED,
        name_current_user(),
        project=project.name,
        researcher=declaration.researcher,
        purpose=declaration.purpose,
        files=files,
    )


def _choose_number(environment: Environment, project: str) -> int:
    """The next number; not one under which an earlier project of the same name released files."""
    zones = environment.zones
    released = zones.released_outputs(project, 1).parent
    taken = [int(path.name) for path in released.iterdir() if path.name.isdecimal()] if released.is_dir() else []
    return max([*list_requests(zones, project), *taken], default=0) + 1


def require_open_project(environment: Environment, project: Project) -> None:
    """Require that the project runs today.

    Raises:
        StateRefused: it has not begun, or has ended (exit code 15).
    """
    if not project.starts <= environment.today <= project.ends:
        raise StateRefused(
            describe_problem(
                "a project that is open",
                example=f"a day from {project.starts} to {project.ends}",
                found=f"{environment.today}",
                where=f"projects/{project.name}.toml",
                do="Results leave while the agreement holds; agree on a longer period first",
            )
        )


def remove_unfinished_submissions(environment: Environment, project: str) -> None:
    """Remove what a killed submission copied: a folder without an event."""
    for number in list_requests(environment.zones, project):
        folder = environment.zones.output_request(project, number)
        if not (folder / EVENTS).is_dir() or not list((folder / EVENTS).glob("*.json")):
            remove_tree(folder)


def read_folder(environment: Environment, folder: Path) -> dict[str, bytes]:
    """Read every file of a researcher's folder, in the order of their names.

    Raises:
        UsageRefused: links, folders, names or sizes that a request cannot have (exit code 2).
    """
    if folder.is_symlink() or not folder.is_dir():
        raise UsageRefused(_problem("a folder with a request", "uitvoer/", "none", "Name the folder"))
    names = sorted(path.name for path in folder.iterdir())
    problems = [*_find_missing(names), *_find_wrong_entries(environment, folder, names)]
    if problems:
        raise UsageRefused(*problems)
    contents = {name: _read_regular_file(folder / name) for name in names}
    limit = environment.platform.output_checking.megabytes << 20
    if sum(map(len, contents.values())) > limit:
        raise UsageRefused(_problem("a request within megabytes", "several small ones", "a larger one", "Divide it"))
    return contents


def _find_missing(names: list[str]) -> list[str]:
    problems = []
    if DECLARATION not in names:
        problems.append(_problem(f"a {DECLARATION}", "the template", "none", "Write it beside the files"))
    if len(names) < 2:
        problems.append(_problem("a file to take out", "tabel.csv", "none", "Put the files into the folder"))
    return problems


def _find_wrong_entries(environment: Environment, folder: Path, names: list[str]) -> list[str]:
    """Files are told by their place in the folder: a name can hold a value of a person."""
    limits, problems = environment.platform.output_checking, []
    if len(names) > limits.files + 1:
        problems.append(
            _problem(f"at most {limits.files} files", "fewer", f"{len(names) - 1}", "Divide them over requests")
        )
    if len({name.casefold() for name in names}) < len(names):
        problems.append(_problem("names that differ in more than capitals", "a.csv, b.csv", "two alike", "Rename one"))
    for position, name in enumerate(names, 1):
        where, about = f"entry {position} of the folder, by name", (folder / name).lstat()
        if not stat.S_ISREG(about.st_mode):
            problems.append(_problem("plain files only", "tabel.csv", "a link or a folder", "Copy the files", where))
        elif not FILE_NAME.fullmatch(name) or name == MANIFEST:
            do = f"Rename it; {MANIFEST} is a name of the platform"
            problems.append(_problem("a name of letters, digits, dots, dashes", "tabel.csv", "another", do, where))
        elif about.st_size > limits.megabytes_per_file << 20:
            found = f"{about.st_size} bytes"
            problems.append(
                _problem(f"at most {limits.megabytes_per_file} MB", "a table", found, "Make it smaller", where)
            )
        elif about.st_size == 0:
            problems.append(_problem("a file with content", "a table", "an empty one", "Remove or fill it", where))
    return problems


def _read_regular_file(path: Path) -> bytes:
    """Read a file that is no link at the moment of opening."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return file.read()
    except OSError:
        pass
    raise UsageRefused(_problem("files that can be read", "tabel.csv", "one that cannot", "Make them readable"))


def read_request_declaration(content: bytes) -> RequestDeclaration:
    """Read `request.toml`.

    Raises:
        UsageRefused: it is none, with every reason (exit code 2).
    """
    try:
        return RequestDeclaration.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except ValidationError as errors:
        raise UsageRefused(*describe_validation_errors(errors, RequestDeclaration, DECLARATION)) from None
    except (ValueError, RecursionError):
        raise UsageRefused(_problem("TOML", TEMPLATE, "something else", "Correct it", DECLARATION)) from None


def _read_own_declaration(content: bytes, project: str) -> RequestDeclaration:
    declaration = read_request_declaration(content)
    if declaration.project != project:
        raise UsageRefused(
            _problem(f"project = '{project}'", "as on the command line", "another project", "Correct it", DECLARATION)
        )
    return declaration


def _problem(what: str, example: str, found: str, do: str, where: str = "the folder of --submit") -> str:
    return describe_problem(what, example=example, found=found, where=where, do=do)
