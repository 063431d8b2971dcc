"""Who may read a published table: its project's readers while the project runs, and nobody else.

A table's folder is closed before its first byte is written. Closing is always safe and asks nobody; opening
is the last step, and is done by `settle` alone, which looks for every reason not to.
"""

from __future__ import annotations

import datetime as dt
import grp
import os
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation import json_documents, private_files
from cohort.foundation.errors import RightsRefused, describe_problem
from cohort.release_records import record_store, release_states
from cohort.storage.zone_paths import StorageZones

ACCESS_GRANTED, ACCESS_WITHDRAWN = "granted", "withdrawn"
CLOSED_FOLDER_MODE, CLOSED_FILE_MODE = 0o700, 0o600
READABLE_FOLDER_MODE, READABLE_FILE_MODE = 0o750, 0o640
HOOK_SECONDS = 120
VERIFICATION_FAILED = "its verification failed: run verify, and access after a clean one"


def close_private_zones(zones: StorageZones) -> None:
    """Close the zones that are the platform's alone, before a job opens anything in them.

    Of `feedback` everything inside as well: it is passed on file by file, and what is passed on keeps its
    rights. Gives: `restricted`, `staging` and `feedback` made closed where they were not there yet.
    Refuses: a zone that others can enter and that this user cannot close (exit code 17).
    """
    feedback = zones.school_feedback("")
    problems = private_files.close_private_tree(feedback)
    for zone in (zones.restricted, zones.root / "staging", feedback):
        if not os.path.lexists(zone):
            private_files.make_private_folder(zone)
    for zone in zones.private_zones:
        try:
            if stat.S_IMODE(zone.stat().st_mode) & private_files.GROUP_AND_OTHERS_BITS:
                zone.chmod(CLOSED_FOLDER_MODE)
        except FileNotFoundError:
            continue
        except OSError as failed:
            problems.append((f"{zone.name}/", f"one that is open and refuses ({failed.strerror})"))
    if problems:
        raise RightsRefused(
            *(
                describe_problem(
                    "what only the platform's user enters and reads",
                    example="chmod 700",
                    found=found,
                    where=where,
                    do="Give it to the platform's user, then run again",
                )
                for where, found in dict(problems).items()
            )
        )


def require_access_possible(platform: Platform, project: Project) -> None:
    """Whether the project's readers could be let in, asked before anything is published.

    Refuses: a group that is not known here or that this user may not give, a hook that cannot be run
    (exit code 17).
    """
    if platform.access.way == "group":
        gid = _group(project.readers)
        if os.geteuid() != 0 and gid not in {os.getegid(), *os.getgroups()}:
            raise _refused(
                "a readers' group that the platform's user belongs to",
                f"readers = '{project.readers}'",
                "another",
                f"readers of projects/{project.name}.toml",
                "Add the platform's user to the group, or let a hook do it",
            )
    hook = platform.access.hook
    if hook is not None and not (Path(hook).is_file() and os.access(hook, os.X_OK)):
        raise _refused(
            "a program that can be run",
            "hook = '/etc/cohort/readers', mode 0755",
            "none",
            "[access] hook of platform.toml",
            "Put it there, or choose another way",
        )


def close_table(zones: StorageZones, platform: Platform, project: str, why: str, now: dt.datetime) -> None:
    """Close the place of a table, which is made closed where there is none: the first step of publishing.

    Refuses: what `withdraw` refuses.
    """
    table = zones.published_table(project)
    table.parent.mkdir(parents=True, exist_ok=True)
    if not table.exists():
        table.mkdir(mode=CLOSED_FOLDER_MODE)
    withdraw_access(zones, platform, project, why, now)


def withdraw_access(zones: StorageZones, platform: Platform, project: str, why: str, now: dt.datetime) -> None:
    """Let nobody but the platform's user read a project's table; nothing where there is no table.

    Refuses: a table that is a link, one that stays open, a hook that fails (exit code 17). The folder is
    closed before the hook is asked.
    """
    table = zones.published_table(project)
    noted = _noted(zones, project)
    if not os.path.lexists(table):
        return
    if table.is_symlink():
        raise _stays_open(project, "a link to elsewhere")
    try:
        table.chmod(CLOSED_FOLDER_MODE)  # of what lies inside nothing can be reached any more, but by who stands in it
        _give(table, None, CLOSED_FOLDER_MODE, CLOSED_FILE_MODE)
    except OSError as failed:
        raise _stays_open(project, f"one that refuses ({failed.strerror})") from None
    if stat.S_IMODE(table.stat().st_mode) & 0o077:
        raise _stays_open(project, "one that others can enter")
    if platform.access.hook is not None and noted.get("group") and noted.get("state") == ACCESS_GRANTED:
        _call(platform.access.hook, "withdraw", project, table, str(noted["group"]))
    _note(zones, project, ACCESS_WITHDRAWN, noted.get("group"), why, now)


def close_unverified_tables(zones: StorageZones, platform: Platform, now: dt.datetime) -> None:
    """Close every table whose verification failed and that is open still, since that run was killed.

    One that refuses is told by the daily job, not here: the job at hand may be the one that destroys it.
    """
    for note in zones.exact_records.glob(f"*/{release_states.failed_verification_path(zones, '').name}"):
        project = note.parent.name
        if access_state(zones, platform, project) == ACCESS_GRANTED:
            with suppress(RightsRefused):
                withdraw_access(zones, platform, project, VERIFICATION_FAILED, now)


def settle_access(
    zones: StorageZones, platform: Platform, project: Project, now: dt.datetime, *why_not: str
) -> list[str]:
    """Let the readers of a published table in, or, for any reason not to, nobody.

    Takes: reasons that others know of (a lost key); the caller holds the project's lock.
    Gives: every reason why nobody may read; none when the readers can.
    Refuses: what `require_possible` and `withdraw` refuse, and readers who could not be let in: then
    access is withdrawn (exit code 17).
    """
    reasons = [*reasons_against_access(zones, project, now.date()), *why_not]
    if platform.access.way == "owner":
        reasons.append("the platform gives access to nobody ([access] way = 'owner')")
    if reasons:
        withdraw_access(zones, platform, project.name, "; ".join(reasons), now)
        return reasons
    try:
        require_access_possible(platform, project)
        _grant(zones, platform, project, now)
    except (OSError, RightsRefused) as failed:
        withdraw_access(zones, platform, project.name, "the readers could not be let in", now)
        if isinstance(failed, RightsRefused):
            raise
        raise _refused(
            "a table that can be given to its readers",
            "one that the platform's user owns",
            f"one that refuses ({failed.strerror})",
            f"projects/{project.name}",
            "Correct its owner, then run access; until then nobody reads it",
        ) from None
    return []


def reasons_against_access(zones: StorageZones, project: Project, today: dt.date) -> list[str]:
    """Every reason why nobody may read a project's table today, as far as its own records tell."""
    name, told = project.name, list[str]()
    if (state := release_states.project_state(zones, name)) is not release_states.ProjectState.OPEN:
        told.append(f"the project is {state}")
    if not project.starts <= today <= project.ends:
        told.append(f"today is not between {project.starts} and {project.ends}")
    live = record_store.find_published_record(zones, name)
    if live is None or not live.settled:
        told.append("nothing is published, or its publishing was not finished")
    elif release_states.withdrawal_journal_path(zones, name).exists():
        told.append("rows are being withdrawn: run objections, or publish a new release")
    if release_states.failed_verification_path(zones, name).exists():
        told.append(VERIFICATION_FAILED)
    return told


def access_state(zones: StorageZones, platform: Platform, project: str) -> str:
    """Whether others than the platform's user can read the table, as its folder or the last hook has it."""
    table = zones.published_table(project)
    if platform.access.way == "hook":
        return str(_noted(zones, project).get("state", ACCESS_WITHDRAWN))
    open_ = table.is_dir() and stat.S_IMODE(table.stat().st_mode) & 0o077
    return ACCESS_GRANTED if open_ else ACCESS_WITHDRAWN


def _grant(zones: StorageZones, platform: Platform, project: Project, now: dt.datetime) -> None:
    table, hook = zones.published_table(project.name), platform.access.hook
    noted = _noted(zones, project.name)
    former = noted.get("group")
    if hook is not None and noted.get("state") == ACCESS_GRANTED and former not in (None, project.readers):
        _call(hook, "withdraw", project.name, table, str(former))
    _note(zones, project.name, ACCESS_GRANTED, project.readers, "", now)  # before: whoever comes next must know
    if hook is not None:
        _call(hook, "grant", project.name, table, project.readers)
        return
    gid = _group(project.readers)
    _give(table, gid, READABLE_FOLDER_MODE, READABLE_FILE_MODE)
    os.chown(table, -1, gid)
    table.chmod(READABLE_FOLDER_MODE)  # last: all that lies inside is as it should be


def _give(table: Path, gid: int | None, folders: int, files: int) -> None:
    """Set the rights, and the group when one is given, of all that lies in a folder but of links."""
    for at, inner, names in os.walk(table):
        for name, mode in (*((n, folders) for n in inner), *((n, files) for n in names)):
            path = Path(at) / name
            if path.is_symlink():
                continue
            if gid is not None:
                os.chown(path, -1, gid)
            path.chmod(mode)


def _call(hook: str, verb: str, project: str, table: Path, group: str) -> None:
    try:
        done = subprocess.run(
            [hook, verb, project, str(table), group],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=HOOK_SECONDS,
            check=False,
        )
        found = None if done.returncode == 0 else f"exit code {done.returncode}"
    except OSError as failed:
        found = f"one that cannot be run ({failed.strerror})"
    except subprocess.TimeoutExpired:
        found = f"no end after {HOOK_SECONDS} seconds"
    if found is not None:
        raise _refused(
            f"a hook that does {verb} {project}",
            "exit code 0",
            found,
            "[access] hook of platform.toml",
            "Correct the hook, then run access: the folder itself is closed meanwhile",
        )


def _group(name: str) -> int:
    with suppress(KeyError):
        return grp.getgrnam(name).gr_gid
    raise _refused(
        "a group that this machine knows",
        f"groupadd {name}",
        "none of that name",
        f"readers = '{name}'",
        "Make the group, or correct readers in the project file",
    )


def _noted(zones: StorageZones, project: str) -> dict[str, object]:
    file = _file(zones, project)
    return json_documents.read_json_document(file) if file.exists() else {}


def _note(zones: StorageZones, project: str, state: str, group: object, why: str, now: dt.datetime) -> None:
    """What was last done, for the one who asks why and for the hook that must undo it."""
    noted = _noted(zones, project)
    fresh = {"state": state, "group": group, "why": why}
    if any(noted.get(name) != value for name, value in fresh.items()):
        json_documents.write_json_document(_file(zones, project), {**fresh, "at": str(now)})


def _file(zones: StorageZones, project: str) -> Path:
    return zones.exact_records / project / "access.json"


def _stays_open(project: str, found: str) -> RightsRefused:
    return _refused(
        "a table that can be closed",
        "a folder of the platform's user",
        found,
        f"projects/{project}",
        "Close it by hand (chmod 700), and correct its owner",
    )


def _refused(what: str, example: str, found: str, where: str, do: str) -> RightsRefused:
    return RightsRefused(describe_problem(what, example=example, found=found, where=where, do=do))
