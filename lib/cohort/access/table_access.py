"""Access to a published table: its project's readers while the project runs, and nobody else.

In: the project's declaration and records. Out: the table's folder opened to the readers or closed, and a note of it;
the folder of the files beside the table (codebook, exported files) always goes with it.
Called by publication, withdrawal, destruction and the daily reader check. A table's folder is closed before its
first byte is written. Closing is always safe; only `settle_access` opens, after it found no reason against access.
"""

from __future__ import annotations

import datetime as dt
import os
from contextlib import suppress
from pathlib import Path

from pydantic import ConfigDict

from cohort.access.access_hook import access_refusal, run_access_hook
from cohort.agreements import Platform, Project
from cohort.foundation import RightsRefused
from cohort.release_records import (
    ProjectState,
    failed_verification_path,
    find_published_record,
    project_state,
    withdrawal_journal_path,
)
from cohort.storage import (
    LINK_PROBLEM,
    DocumentPart,
    StoragePath,
    StorageZones,
    anything_exists,
    make_private_folder,
    read_model_document,
    store_of,
    write_json_document,
)

ACCESS_GRANTED, ACCESS_WITHDRAWN = "granted", "withdrawn"
VERIFICATION_FAILED = "its verification failed: run verify, and access after a clean one"


class AccessNote(DocumentPart):
    """What was last done to the access to a table: for whoever asks why, and for the hook that must undo it."""

    model_config = ConfigDict(json_schema_extra={"$id": "access-1"})

    state: str
    group: str | None = None
    why: str = ""
    at: str = ""


def require_access_possible(zones: StorageZones, platform: Platform, project: Project) -> None:
    """Check that the project's readers can be given access, before anything is published.

    Raises:
        RightsRefused: a group that the store does not know or that this user may not give, a store that can open
            nothing to a group, or a hook that cannot be run (exit code 17).
    """
    way, store = platform.access.way, store_of(zones.root)
    if way in ("group", "policy") and way != store.access_way:
        raise access_refusal(
            "a way of access that the store of the root has",
            f"way = '{store.access_way}'",
            f"'{way}' on {store.kind}",
            "[access] way of platform.toml",
            "Choose that one, or let a hook do it",
        )
    if way == store.access_way and (problem := store.check_readers(project.readers)):
        raise access_refusal(
            "readers whom the platform's user can give access",
            f"readers = '{project.readers}'",
            problem,
            f"readers of projects/{project.name}.toml",
            "Make the group or role, give the platform's user the right to let it in, or let a hook do it",
        )
    hook = platform.access.hook
    if hook is not None and not (Path(hook).is_file() and os.access(hook, os.X_OK)):
        raise access_refusal(
            "a program that can be run",
            "hook = '/etc/cohort/readers', mode 0755",
            "none",
            "[access] hook of platform.toml",
            "Put it there, or choose another way",
        )


def close_table(zones: StorageZones, platform: Platform, project: str, why: str, now: dt.datetime) -> None:
    """Close a table's folder, which is made closed where it is missing: the first step of a publication.

    Raises:
        RightsRefused: what `withdraw_access` refuses (exit code 17).
    """
    table = zones.published_table(project)
    table.parent.mkdir(parents=True, exist_ok=True)
    if not table.exists():
        make_private_folder(table)
    withdraw_access(zones, platform, project, why, now)


def withdraw_access(zones: StorageZones, platform: Platform, project: str, why: str, now: dt.datetime) -> None:
    """Let nobody but the platform's user read a project's table and files; missing ones are no problem.

    Raises:
        RightsRefused: a folder that is a link or stays open, or a hook that fails (exit code 17). Every folder is
            closed before the hook runs.
    """
    folders, store, hook = _existing_folders(zones, project), store_of(zones.root), platform.access.hook
    if not folders and store.access_way == "group":
        return
    problems = _close_folders(zones, project)
    if problems and not (hook is not None and store.access_way == "policy"):  # there the hook takes its statements out
        raise problems[0]
    if not folders:
        return
    note = _read_note(zones, project)  # after the folders are closed: a damaged note must not keep them open
    if hook is not None and note.group and note.state == ACCESS_GRANTED:
        for folder in folders:
            run_access_hook(hook, "withdraw", project, folder, note.group)
    if problems and (problems := _close_folders(zones, project)):
        raise problems[0]
    _write_note(zones, project, AccessNote(state=ACCESS_WITHDRAWN, group=note.group, why=why, at=str(now)))


def _reader_folders(zones: StorageZones, project: str) -> tuple[StoragePath, StoragePath]:
    """The folders that the readers of a project may read: its table, and the files beside it."""
    return zones.published_table(project), zones.research_files(project)


def _existing_folders(zones: StorageZones, project: str) -> list[StoragePath]:
    return [folder for folder in _reader_folders(zones, project) if anything_exists(folder)]


def _close_folders(zones: StorageZones, project: str) -> list[RightsRefused]:
    """Close both folders with everything in them; a policy opens what is not there yet. Returns why one stays open."""
    problems = (_close_folder(zones, folder) for folder in _reader_folders(zones, project))
    return [problem for problem in problems if problem is not None]


def _close_folder(zones: StorageZones, folder: StoragePath) -> RightsRefused | None:
    """Close a folder with everything in it; return the refusal where it stays open, or the store refuses."""
    place, store = folder.relative_to(zones.root).as_posix(), store_of(folder)
    if folder.is_symlink():
        return _stays_open(place, "a link to elsewhere")
    try:
        refusing = [problem for _, problem in store.close_private_tree(folder) if problem != LINK_PROBLEM]
        if not refusing and anything_exists(folder) and store.is_open_to_others(folder):
            refusing = ["one that others can enter"]
    except OSError as failure:
        refusing = [f"one whose store refuses ({failure.strerror})"]
    return _stays_open(place, refusing[0]) if refusing else None


def close_unverified_tables(zones: StorageZones, platform: Platform, now: dt.datetime) -> None:
    """Close every table whose verification failed and that is still open because that run was killed.

    A table that cannot be closed is reported by the daily reader check, not here: the present job may be the one
    that destroys it.
    """
    for note in zones.exact_records.glob(f"*/{failed_verification_path(zones, '').name}"):
        project = note.parent.name
        if access_state(zones, platform, project) == ACCESS_GRANTED:
            with suppress(RightsRefused):
                withdraw_access(zones, platform, project, VERIFICATION_FAILED, now)


def settle_access(
    zones: StorageZones, platform: Platform, project: Project, now: dt.datetime, *reasons_against: str
) -> list[str]:
    """Give the readers of a published table access, or, for any reason against it, nobody.

    Args:
        zones: the zones of the storage root; the caller holds the project's lock.
        platform: the platform's declaration, which says how access is given.
        project: the project's declaration.
        now: the present moment.
        reasons_against: reasons that the project's own records do not tell, as a lost key.

    Returns:
        Every reason against access; none when the readers have it.

    Raises:
        RightsRefused: what `require_access_possible` and `withdraw_access` refuse, and readers who cannot be
            given access; nobody has access then (exit code 17).
    """
    reasons = [*reasons_against_access(zones, project, now.date()), *reasons_against]
    if platform.access.way == "owner":
        reasons.append("the platform gives access to nobody ([access] way = 'owner')")
    if reasons:
        withdraw_access(zones, platform, project.name, "; ".join(reasons), now)
        return reasons
    try:
        require_access_possible(zones, platform, project)
        _grant_access(zones, platform, project, now)
    except (OSError, RightsRefused) as failure:
        withdraw_access(zones, platform, project.name, "the readers could not be let in", now)
        if isinstance(failure, RightsRefused):
            raise
        raise access_refusal(
            "a table that can be given to its readers",
            "one that the platform's user owns",
            f"one that refuses ({failure.strerror})",
            f"projects/{project.name}",
            "Correct its owner, then run access; until then nobody reads it",
        ) from None
    return []


def reasons_against_access(zones: StorageZones, project: Project, today: dt.date) -> list[str]:
    """Every reason why nobody may read a project's table today, as far as its own records tell."""
    name, reasons = project.name, list[str]()
    if (state := project_state(zones, name)) is not ProjectState.OPEN:
        reasons.append(f"the project is {state}")
    if not project.covers(today):
        reasons.append(f"today is not between {project.starts} and {project.ends}")
    return [*reasons, *find_table_problems(zones, name)]


def find_table_problems(zones: StorageZones, project: str) -> list[str]:
    """Every reason why the table of a project is not what it should be, whatever the day."""
    reasons = list[str]()
    record = find_published_record(zones, project)
    if record is None or not record.settled:
        reasons.append("nothing is published, or its publishing was not finished")
    elif withdrawal_journal_path(zones, project).exists():
        reasons.append("rows are being withdrawn: run objections, or publish a new release")
    if failed_verification_path(zones, project).exists():
        reasons.append(VERIFICATION_FAILED)
    return reasons


def access_state(zones: StorageZones, platform: Platform, project: str) -> str:
    """Whether others than the platform's user can read a table or its files: `granted` or `withdrawn`.

    With a hook the note of the last call decides, otherwise the modes of the folders. A damaged note counts as granted,
    so that whoever asks closes the table.
    """
    if platform.access.way == "hook":
        try:
            return _read_note(zones, project).state
        except RightsRefused:
            return ACCESS_GRANTED
    folders = _existing_folders(zones, project)
    try:
        is_open = any(folder.is_dir() and store_of(folder).is_open_to_others(folder) for folder in folders)
    except OSError:  # who asks closes it, and says why it cannot
        is_open = True
    return ACCESS_GRANTED if is_open else ACCESS_WITHDRAWN


def _grant_access(zones: StorageZones, platform: Platform, project: Project, now: dt.datetime) -> None:
    """Open a table and its files to its readers; the note comes first, so that the next run undoes a killed one."""
    folders, hook, note = _existing_folders(zones, project.name), platform.access.hook, _read_note(zones, project.name)
    if hook is not None and note.state == ACCESS_GRANTED and note.group not in (None, project.readers):
        for folder in folders:
            run_access_hook(hook, "withdraw", project.name, folder, str(note.group))
    _write_note(zones, project.name, AccessNote(state=ACCESS_GRANTED, group=project.readers, at=str(now)))
    for folder in folders:
        if hook is not None:
            run_access_hook(hook, "grant", project.name, folder, project.readers)
        else:
            store_of(folder).open_to_readers(folder, project.readers)


def _read_note(zones: StorageZones, project: str) -> AccessNote:
    """The note of the last change of access; that of no access where there is none.

    Raises:
        RightsRefused: the note is damaged (exit code 17).
    """
    path = _note_path(zones, project)
    if not path.exists():
        return AccessNote(state=ACCESS_WITHDRAWN)
    try:
        return read_model_document(path, AccessNote)
    except ValueError:
        raise access_refusal(
            "a note of the last change of access",
            "as the job access writes it",
            "a damaged one",
            f"restricted/records/{project}/access.json",
            "Remove it, then run access: the table is closed meanwhile",
        ) from None


def _write_note(zones: StorageZones, project: str, note: AccessNote) -> None:
    """Write the note, unless the one that is there differs in its moment only."""
    path = _note_path(zones, project)
    if not path.exists() or _read_note(zones, project).model_copy(update={"at": note.at}) != note:
        write_json_document(path, note.model_dump(mode="json"))


def _note_path(zones: StorageZones, project: str) -> StoragePath:
    return zones.exact_records / project / "access.json"


def _stays_open(place: str, found: str) -> RightsRefused:
    return access_refusal(
        "a table that can be closed" if place.startswith("projects/") else "files of a table that can be closed",
        "a folder of the platform's user",
        found,
        place,
        "Close it by hand (chmod 700, or no statement of the bucket's policy), and correct its owner",
    )
