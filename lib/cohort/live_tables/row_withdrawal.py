"""Rows taken out of a published pseudonymous table: late objectors, schools that instruct no more.

Nobody reads from before the first row goes until what is left was verified and the superseded snapshot is
gone. A journal in the restricted zone says how far it came: while it stands nobody is let in, and a run that
was killed is taken up by the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.access import table_access
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.agreements.school_boards import SchoolBoards
from cohort.anonymisation import pseudonymisation, pupil_boards
from cohort.foundation import json_documents
from cohort.foundation.errors import NotAnonymous
from cohort.keys.project_keys import ProjectKey
from cohort.live_tables import residual_classes
from cohort.release import contributors, publication
from cohort.release_records import public_record, record_store, release_states
from cohort.release_records.release_record import RecordedWithdrawal, ReleaseRecord
from cohort.states import local_frames
from cohort.states.schemas import PSEUDONYM_COLUMNS
from cohort.storage import locks
from cohort.storage.zone_paths import StorageZones
from cohort.verification import published_table_verification

PUPIL_PSEUDONYM, SCHOOL_PSEUDONYM_COLUMN = PSEUDONYM_COLUMNS
BARRED_COLUMN, LAPSED_COLUMN = "_barred", "_lapsed"
ROWS_BEING_WITHDRAWN = "rows are being withdrawn"
Facts = dict[str, Any]


@dataclass(frozen=True)
class RowWithdrawal:
    """One withdrawal: from what, of whom."""

    spark: SparkSession
    zones: StorageZones
    platform: Platform
    project: Project
    key: ProjectKey
    record: ReleaseRecord
    barred: frozenset[str] = field(repr=False)
    schools: frozenset[str]
    now: dt.datetime
    hierarchies: Path
    boards: Mapping[str, SchoolBoards]

    @property
    def table(self) -> Path:
        return self.zones.published_table(self.project.name)

    def version(self) -> int:
        """The newest version that shows this release."""
        history = delta.read_commits(self.table)
        return next(commit.version for commit in history if commit.note == self.record.id)

    def close(self) -> None:
        table_access.withdraw_access(self.zones, self.platform, self.project.name, ROWS_BEING_WITHDRAWN, self.now)


def begin_withdrawal(zones: StorageZones, project: str) -> Facts:
    """The journal, written before anything is looked at: from here on nobody is let in who was not in."""
    file = release_states.withdrawal_journal_path(zones, project)
    if not file.exists():
        json_documents.write_json_document(file, {"release": None, "plan": None, "taken": []})
    return json_documents.read_json_document(file)


def withdraw_rows(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    project: Project,
    key: ProjectKey,
    barred: frozenset[str],
    now: dt.datetime,
    *,
    hierarchies: Path,
    boards: Mapping[str, SchoolBoards],
    schools: frozenset[str] = frozenset(),
    facts: Mapping[str, Any] | None = None,
) -> Facts:
    """Take the rows of these pupils and schools out of a project's published table.

    Takes: numbers of pupils (every number of each one's chain: the table shows one of them), codes of
    schools, today's boards by BRIN, and what the record shall say from now on of whom it leaves out. It holds
    the project's lock.
    Gives: how many pupils went because they are barred, because their school gives no instruction any more,
    and besides, because their class would have fallen under its limits; the version; access.
    Refuses: another run on the project (exit code 15); what is left and does not pass the verifier (14);
    files of the superseded snapshot that stay (16); readers who cannot be let in again (17). Nobody reads
    then.
    """
    with locks.hold_lock(zones.locks, project.name):
        record = record_store.find_published_record(zones, project.name)
        if record is None or record.release_class != "pseudonymous":
            return {"project": project.name, **_sums([])}
        task = RowWithdrawal(spark, zones, platform, project, key, record, barred, schools, now, hierarchies, boards)
        try:
            return _apply(task, dict(facts or {}))
        except BaseException:
            task.close()
            raise


def _apply(task: RowWithdrawal, facts: Facts) -> Facts:
    taken = _taken(task, begin_withdrawal(task.zones, task.project.name))
    rows = _marked(task)
    sums = rows.agg(*(F.count_if(reason).alias(name) for name, reason in _reasons().items())).first()
    if sums is None:
        raise RuntimeError("an aggregate without a row")
    if any(sums) or taken:
        task.close()
        if any(sums):
            taken = _take(task, taken, rows, sums.asDict())
        return _finish(task, taken, facts)
    if facts:
        record_store.save_release_record(task.zones, task.record.noted(**facts))
    release_states.withdrawal_journal_path(task.zones, task.project.name).unlink()
    if (
        table_access.access_state(task.zones, task.platform, task.project.name) != table_access.ACCESS_GRANTED
    ):  # by who saw the journal
        table_access.settle_access(task.zones, task.platform, task.project, task.now)
    return _told(task, task.record, [])


def _taken(task: RowWithdrawal, journal: Facts) -> list[Facts]:
    """What was taken out already; a plan whose commit is there was carried out, any other was not."""
    if journal["release"] != task.record.release:
        return []
    plan, taken = journal["plan"], list(journal["taken"])
    if plan is not None and task.version() > plan["version"]:
        taken.append(plan)
    return taken


def _reasons() -> dict[str, Any]:
    barred, lapsed = F.col(BARRED_COLUMN).isNotNull(), F.col(LAPSED_COLUMN).isNotNull()
    return {"pupils_barred": barred, "pupils_of_schools": lapsed & ~barred}


def _marked(task: RowWithdrawal) -> DataFrame:
    """The table's rows, with `_barred` and `_lapsed` where they must go, else null."""
    spark = task.spark
    numbers = local_frames.make_local_frame(spark, "pgn string not null", [(number,) for number in sorted(task.barred)])
    keyed = numbers.join(F.broadcast(task.key.key_frame(spark)))
    text = F.concat(F.lit("pgn|"), F.col("pgn"))
    pseudonym = F.lower(F.hex(pseudonymisation.hmac_sha256(text)))
    pupils = keyed.select(pseudonym.alias(PUPIL_PSEUDONYM), F.lit(True).alias(BARRED_COLUMN)).distinct()
    digests = task.key.digest_texts(f"brin|{school}" for school in sorted(task.schools))
    state = f"{SCHOOL_PSEUDONYM_COLUMN} string not null, {LAPSED_COLUMN} boolean not null"
    schools = local_frames.make_local_frame(spark, state, [(digest.hex(), True) for digest in digests])
    rows = delta.read_table(spark, task.table, delta.read_commits(task.table)[0].version)
    return rows.join(F.broadcast(pupils), PUPIL_PSEUDONYM, "left").join(
        F.broadcast(schools), SCHOOL_PSEUDONYM_COLUMN, "left"
    )


def _take(task: RowWithdrawal, taken: list[Facts], rows: DataFrame, sums: Facts) -> list[Facts]:
    """One commit with what stays, in the order of a release: a MERGE would leave files in another one."""
    barred, lapsed = _reasons().values()
    columns = [*task.project.column_names, *task.project.pseudonym_columns]
    boards = pupil_boards.make_board_frame(task.spark, task.key, task.boards)
    floors = task.platform.floors
    staying = residual_classes.keep_residual_rows(rows, barred | lapsed, task.project, floors, boards).select(*columns)
    every, left = rows.count(), staying.count()
    plan = {"version": task.version(), **sums, "left": left, "pupils_besides": every - left - sum(sums.values())}
    _write(task, {"plan": plan, "taken": taken})
    publication.replace_published_rows(staying, left, task.table, task.project, task.record.id, task.platform)
    taken = [*taken, plan]
    _write(task, {"plan": None, "taken": taken})
    return taken


def _write(task: RowWithdrawal, journal: Facts) -> None:
    file = release_states.withdrawal_journal_path(task.zones, task.project.name)
    json_documents.write_json_document(file, {"release": task.record.release, **journal})


def _finish(task: RowWithdrawal, taken: list[Facts], facts: Facts) -> Facts:
    """The old snapshot goes, the new one is verified, the record follows, readers return."""
    delta.vacuum_table_or_refuse(
        task.table,
        "only what is left",
        found="files of the rows taken out",
        where=f"projects/{task.project.name}",
        do="Look at its permissions, then run objections again; until then nobody reads",
    )
    checksum = _verify(task, taken[-1]["left"])
    earlier = task.record.withdrawals
    withdrawn = RecordedWithdrawal(at=str(task.now), version=task.version(), **_sums(taken))
    record = task.record.noted(
        **facts,
        version=task.version(),
        checksum=checksum,
        withdrawals=[*(one for one in earlier if one.version != withdrawn.version), withdrawn],
    )
    record = contributors.record_without_schools(record, task.schools)
    public_record.write_public_record(task.zones, task.platform, record)
    record_store.save_release_record(task.zones, record)
    release_states.withdrawal_journal_path(task.zones, task.project.name).unlink()
    table_access.settle_access(task.zones, task.platform, task.project, task.now)
    return _told(task, record, taken)


def _verify(task: RowWithdrawal, left: int) -> list[int | str]:
    """The checksum of what is left, when the verifier finds nothing in it."""
    found = published_table_verification.verify_published_table(
        task.spark,
        task.project,
        task.platform,
        task.table,
        task.record.id,
        left,
        task.hierarchies,
        (task.key, task.now.date()),
    )
    barred = published_table_verification.check_excluded_pupils(
        task.spark, task.table, task.key, task.barred, task.schools
    )
    if found.found or barred:
        raise NotAnonymous(
            *(f"{f.code}: {f.sentence}" for f in (*found.found, *barred)),
            f"Nobody reads the table of {task.project.name} any more. Make a new release, or destroy it.",
        )
    return [*found.checksum]


def _told(task: RowWithdrawal, record: ReleaseRecord, taken: list[Facts]) -> Facts:
    name = task.project.name
    state = table_access.access_state(task.zones, task.platform, name)
    return {"project": name, "version": record.version, "access": state, **_sums(taken)}


def _sums(taken: list[Facts]) -> dict[str, int]:
    names = ("pupils_barred", "pupils_of_schools", "pupils_besides")
    return {name: sum(one[name] for one in taken) for name in names}
