"""The daily look at every published table: whose readers are let in today, and who is shown out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohort.access import table_access
from cohort.agreements import catalogue, project
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.erasure import outdated_releases
from cohort.foundation.errors import (
    EXIT_DEFECT,
    EXIT_DONE,
    KeyRefused,
    NotAnonymous,
    Refusal,
    StateRefused,
    locate_defect,
)
from cohort.keys import project_keys
from cohort.legal_basis import eligibility, list_vocabulary, objections
from cohort.live_tables import eligibility_withdrawal
from cohort.release_records import record_store
from cohort.storage import locks
from cohort.storage.zone_paths import StorageZones

KEY_LOST = "its key is lost, so that no objection can be honoured: destroy the project"
OBJECTIONS_DUE = "a list of objections changed: run objections, which takes rows out"
INSTRUCTION_LAPSED = "a school's instruction ended: run objections, which takes its rows out"
CONSENTS_DIFFER = "consents changed: make a new release, which shows the values of today's only"
PROJECT_BUSY = "another run on the project is not done; nobody was let in meanwhile"


@dataclass(frozen=True)
class ReaderCheck:
    """One look at all tables: where they are, what is declared (`folder`: the configuration), which day."""

    zones: StorageZones
    platform: Platform
    folder: Path
    keys: Path
    now: dt.datetime


def check_readers(round_: ReaderCheck, progress: Callable[[str], None]) -> dict[str, Any]:
    """Open every table whose readers may read today, close every other; one that cannot be judged is closed.

    Gives: per table whether access is granted and why not, and the gravest exit code: 70 where a defect kept
    a table from being judged, 17 where one could not be opened or closed, 14 where a verification failed, 13
    where a key is lost, 12 where lists of objections are not fit, 10 where a declaration cannot be read.
    """
    tables = sorted(path.name for path in (round_.zones.root / "projects").glob("*"))
    told = [_look(round_, name) for name in tables]
    for one in told:
        progress(f"{one['project']}: {one['access']}" + "".join(f"; {why}" for why in one["why_not"]))
    return {"projects": told, "exit_code": max((one["exit_code"] for one in told), default=EXIT_DONE)}


def _look(round_: ReaderCheck, name: str) -> dict[str, Any]:
    zones, platform, code = round_.zones, round_.platform, EXIT_DONE
    try:
        agreed = project.load_project(round_.folder, name, platform)
        why_not = _of_personal_data(round_, agreed) if agreed.is_pseudonymous else []
        code = KeyRefused.exit_code if KEY_LOST in why_not else EXIT_DONE
        why_not = _settle(round_, agreed, why_not)
        code = max(code, NotAnonymous.exit_code if table_access.VERIFICATION_FAILED in why_not else EXIT_DONE)
    except Exception as failed:  # one project's defect keeps no other table open, nor its own
        why_not, code = describe_failure(failed)
        try:
            table_access.withdraw_access(zones, platform, name, "its state could not be judged", round_.now)
        except Exception as stays_open:
            more, worse = describe_failure(stays_open)
            why_not, code = [*why_not, *more], worse
    state = table_access.access_state(zones, platform, name)
    return {"project": name, "access": state, "why_not": why_not, "exit_code": code}


def describe_failure(failed: Exception) -> tuple[list[str], int]:
    """What a refusal says, or of a defect its type and place, and the exit code."""
    if isinstance(failed, Refusal):
        return [*failed.problems], failed.exit_code
    return [f"a defect ({type(failed).__name__}) at {locate_defect(failed)}"], EXIT_DEFECT


def _of_personal_data(round_: ReaderCheck, agreed: Project) -> list[str]:
    """Reasons that a pseudonymous table's own records do not tell: its key, and all lists.

    Refuses: lists that cannot be read, no instruction or consent at all (exit codes 12 and 17).
    """
    zones, today = round_.zones, round_.now.date()
    told = [] if project_keys.key_exists(round_.keys, agreed.name) else [KEY_LOST]
    record = record_store.find_published_record(zones, agreed.name)
    if record is None:
        return told
    listed = catalogue.load_catalogue(round_.folder)
    lists = objections.load_objections(zones.objections, round_.platform.objections, today, listed.domains())
    may_name = list_vocabulary.load_list_vocabulary(zones, round_.folder, listed)
    given = eligibility.load_consents(zones, round_.platform, today, may_name).consented_pupils(agreed)
    told += [CONSENTS_DIFFER] if given.digest != record.consents_digest else []
    told += [OBJECTIONS_DUE] if outdated_releases.is_release_due(zones, lists, agreed.name) else []
    return [
        *told,
        *(
            [INSTRUCTION_LAPSED]
            if eligibility_withdrawal.find_lapsed_schools(zones, round_.folder, record, agreed, today)
            else []
        ),
    ]


def _settle(round_: ReaderCheck, agreed: Project, why_not: list[str]) -> list[str]:
    """Under the project's lock; while another run holds it a table is closed if need be, never opened."""
    zones, platform, now = round_.zones, round_.platform, round_.now
    try:
        with locks.hold_lock(zones.locks, agreed.name):
            return table_access.settle_access(zones, platform, agreed, now, *why_not)
    except StateRefused:
        reasons = [*table_access.reasons_against_access(zones, agreed, now.date()), *why_not]
        if reasons:
            table_access.withdraw_access(zones, platform, agreed.name, "; ".join(reasons), now)
        return [*reasons, PROJECT_BUSY]
