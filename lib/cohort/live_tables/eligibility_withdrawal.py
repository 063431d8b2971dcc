"""Live pseudonymous projects held to the lists of today: who may not be in a table any more leaves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from cohort.access import table_access
from cohort.agreements import catalogue, project
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import EXIT_DEFECT, EXIT_DONE, Refusal, locate_defect
from cohort.keys import project_keys
from cohort.legal_basis import instruction_register, list_vocabulary
from cohort.live_tables import row_withdrawal
from cohort.release_records import record_store
from cohort.release_records.release_record import ReleaseRecord
from cohort.storage.zone_paths import StorageZones


@dataclass(frozen=True)
class BarredPupils:
    """Who may not be in a project: numbers, every one of each pupil's chain; what the record says of them."""

    numbers: frozenset[str] = field(repr=False)
    facts: dict[str, Any]


def live_pseudonymous_releases(zones: StorageZones) -> list[ReleaseRecord]:
    """The releases that pseudonymous projects show."""
    shown = [
        record_store.find_published_record(zones, folder.name) for folder in sorted(zones.exact_records.glob("*/"))
    ]
    return [record for record in shown if record is not None and record.release_class == "pseudonymous"]


def withdraw_ineligible_rows(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    folder: Path,
    key_folder: Path,
    barred: Callable[[Project], BarredPupils],
    now: dt.datetime,
    progress: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Take out of every live pseudonymous table whose pupils are barred and whose school instructs no more.

    Takes: the configuration folder, the key folder, who is barred from a project; the caller holds the lock
    of intake, so that no release is made meanwhile.
    Gives: per project what went, or why nobody reads it now, with the exit code (a lost key: 13).
    """
    records = live_pseudonymous_releases(zones)
    for record in records:
        row_withdrawal.begin_withdrawal(zones, record.project)
    told = []
    for record in records:
        name = record.project
        try:
            agreed = project.load_project(folder, name, platform)
            key, who = project_keys.load_key(key_folder, name), barred(agreed)
            gone = find_lapsed_schools(zones, folder, record, agreed, now.date())
            still = [entry for entry in record.instructed if entry[:4] not in gone]
            done: dict[str, Any] = row_withdrawal.withdraw_rows(
                spark,
                zones,
                platform,
                agreed,
                key,
                who.numbers,
                now,
                hierarchies=folder / "hierarchies",
                boards=catalogue.load_catalogue(folder).boards_on(now.date()),
                schools=gone,
                facts={**who.facts, "instructed": still},
            )
            code = EXIT_DONE
        except Refusal as refusal:
            table_access.withdraw_access(zones, platform, name, "the lists of today could not be honoured", now)
            done, code = {"project": name, "refused": [*refusal.problems]}, refusal.exit_code
        except Exception as defect:  # an objection to another project does not wait for it
            table_access.withdraw_access(zones, platform, name, "the lists of today could not be honoured", now)
            done, code = {"project": name, "defect": type(defect).__name__, "at": locate_defect(defect)}, EXIT_DEFECT
        told.append({**done, "access": table_access.access_state(zones, platform, name), "exit_code": code})
        progress(f"{name}: {done.get('pupils_barred', 'not known how many')} pupils barred and taken out")
    return told


def find_lapsed_schools(
    zones: StorageZones, folder: Path, record: ReleaseRecord, agreed: Project, today: dt.date
) -> frozenset[str]:
    """Schools that instructed when the release was made and do not, or not for all of their sites, any more.

    A pseudonymous table tells schools apart, not their sites: then the whole school leaves it.
    Refuses: no school at all with an instruction (exit code 17): that looks like a list that was lost.
    """
    may_name = list_vocabulary.load_list_vocabulary(zones, folder, catalogue.load_catalogue(folder))
    holds = instruction_register.load_instruction_register(zones.instructions, today, may_name).instructed_schools(
        agreed
    )
    before = record.instructed
    return frozenset(entry[:4] for entry in before if holds.lapsed_since([entry]))
