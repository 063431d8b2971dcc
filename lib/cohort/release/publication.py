"""VERIFIED → PUBLISHED: one atomic commit into the project's table, then the earlier snapshot goes.

The commit that carries the release's id is the truth; records follow it, and whoever finds the two apart
mends the record (`mend`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.access import table_access
from cohort.agreements.platform import Platform
from cohort.agreements.project import Project
from cohort.foundation.errors import NotAnonymous, StateRefused, describe_problem
from cohort.legal_basis import eligibility
from cohort.legal_basis.eligibility import ListVocabulary
from cohort.release_records import class_snapshot, public_record, record_store, release_states
from cohort.release_records.release_record import ReleaseRecord
from cohort.release_records.release_states import ReleaseState
from cohort.storage.zone_paths import StorageZones

ROWS_PER_PUBLISHED_FILE = 250_000


def check_publishable(
    zones: StorageZones,
    platform: Platform,
    project: Project,
    record: ReleaseRecord,
    now: dt.datetime,
    approved_by: str | None,
    may_name: ListVocabulary,
) -> None:
    """Whether this release may be published now; a line of a list may name only what there is.

    Refuses: a project not open or past its end, a release that is not VERIFIED, a change of lists since,
    an approval by nobody or by whoever made the release (exit code 15); the lists themselves (12, 17);
    readers who could not be let in (17).
    """
    release_states.require_open_project(zones, project.name)
    record.moved(ReleaseState.PUBLISHED)
    if now.date() > project.ends:
        raise StateRefused(
            describe_problem(
                "a project in its time",
                example=f"until {project.ends}",
                found=str(now.date()),
                where=f"projects/{project.name}.toml",
                do="Destroy the project",
            )
        )
    if approved_by is None and not platform.publish.without_second_person:
        raise _approval("nobody")
    if approved_by is not None and (not approved_by.strip() or approved_by.strip() == record.made_by):
        raise _approval("whoever made the release")
    table_access.require_access_possible(platform, project)
    lists = eligibility.load_eligibility(zones, platform, project, now.date(), may_name).digests()
    changed = [name.partition("_")[0] for name, digest in lists.items() if getattr(record, name) != digest]
    if changed:
        reason = f"a list of {' and '.join(changed)} changed after the verification"
        class_snapshot.refuse_release(zones, record, reason=reason)
        raise StateRefused(
            describe_problem(
                f"the lists of {' and '.join(changed)} that the release was verified with",
                example="unchanged files",
                found="a changed list",
                where=", ".join(f"{x}/" for x in changed),
                do=f"The release is refused; make a new one with release --project {project.name}",
            )
        )


def publish_release(
    spark: SparkSession,
    zones: StorageZones,
    platform: Platform,
    project: Project,
    record: ReleaseRecord,
    now: dt.datetime,
    approved_by: str | None,
    progress: Callable[[str], None],
) -> ReleaseRecord:
    """Copy a verified stage, without its control columns, into the project's table, and let its readers in.

    Takes: a release for which `check` raised nothing; the caller holds the project's lock.
    Gives: its record, PUBLISHED.
    Refuses: a stage whose checksum is not the verified one (exit code 14), a release that was not held
    against the published one (15): the earlier snapshot stays. A table whose checksum is not the verified one
    is removed (14). Nobody can read from before the commit until it was compared; what `access` refuses (17).
    """
    class_snapshot.require_compared_with_published(zones, project, record)
    stage = delta.read_table(spark, zones.staged_release(record.project, record.release)).select(
        *project.column_names, *project.pseudonym_columns
    )
    rows, _ = record.verified_checksum
    if delta.checksum_rows(stage) != record.verified_checksum:
        raise _altered("the stage")
    table = zones.published_table(project.name)
    table_access.close_table(zones, platform, project.name, "a release is being published", now)
    version = replace_published_rows(stage, rows, table, project, record.id, platform)
    progress(f"committed: {rows} rows, version {version}")
    _compare(spark, zones, record)
    published = record.moved(
        ReleaseState.PUBLISHED,
        version=version,
        published=str(now),
        approved_by=approved_by,
        second_person=approved_by is not None,
    )
    record_store.save_release_record(zones, published)
    _settle(zones, platform, published)
    progress("settled: earlier snapshot vacuumed, stage removed")
    why_not = table_access.settle_access(zones, platform, project, now)
    progress(f"access: withdrawn, as {'; '.join(why_not)}" if why_not else f"access: {project.readers}")
    return published


def replace_published_rows(
    released: DataFrame, rows: int, table: Path, project: Project, release_id: str, platform: Platform
) -> int:
    """Make rows the only content of a project's table, in one commit that carries the release's id.

    Gives: the version committed.
    """
    own = {
        delta.RELEASE_PROPERTY: release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(project.thresholds.k),
        "cohort.m": str(project.thresholds.m),
        "cohort.expires": str(project.ends),
        **({"cohort.personal_data": "true"} if project.is_pseudonymous else {}),
    }
    ordered = order_by_released_values(released, rows, project.row_order, project.pseudonym_columns)
    return delta.replace_table(ordered, table, own, release_id, platform.tables)


def order_by_released_values(released: DataFrame, rows: int, by: list[str], then: tuple[str, ...] = ()) -> DataFrame:
    """Rows in an order, and split into files, that depend on their released values alone.

    Takes: the rows and their number, and every column agreed, the first to order by first; pseudonyms, which
    order equal records.
    """
    files = max(1, -(-rows // ROWS_PER_PUBLISHED_FILE))
    return released.repartition(files, *map(F.col, by)).sortWithinPartitions(*by, *then)


def repair_publication(spark: SparkSession, zones: StorageZones, platform: Platform, project: str) -> None:
    """Bring the records up to the table's history, after a run that was killed between the two.

    The newest commit that carries a release's id is the published release; an unfinished settling is done.
    """
    table = zones.published_table(project)
    known = {record.id: record for record in record_store.load_release_records(zones, project)}
    if not delta.table_exists(table):
        return
    commit = next((c for c in delta.read_commits(table) if c.note in known), None)
    if commit is None:
        return
    record = known[str(commit.note)]
    if record.state is ReleaseState.VERIFIED:
        _compare(spark, zones, record)
        record = record.moved(ReleaseState.PUBLISHED, version=commit.version, mended=True)
        record_store.save_release_record(zones, record)
    if record.state is ReleaseState.PUBLISHED and not record.settled:
        _settle(zones, platform, record)


def _compare(spark: SparkSession, zones: StorageZones, record: ReleaseRecord) -> None:
    """Remove a table, and refuse its release, whose rows are not those that were verified.

    With a retention of nothing Delta restores no earlier version; the next release makes the table anew.
    """
    table = zones.published_table(record.project)
    if delta.checksum_rows(delta.read_table(spark, table)) != record.verified_checksum:
        delta.remove_folder(table, where=f"projects/{record.project}")
        reason = "what was committed was not what was verified, and was removed"
        record_store.save_release_record(zones, record.moved(ReleaseState.REFUSED, reason=reason))
        class_snapshot.remove_snapshot(zones, record)
        raise _altered("the table")


def _settle(zones: StorageZones, platform: Platform, record: ReleaseRecord) -> None:
    for earlier in record_store.load_release_records(zones, record.project):
        if earlier.state is ReleaseState.PUBLISHED and earlier.release != record.release:
            earlier = earlier.moved(ReleaseState.SUPERSEDED)
            record_store.save_release_record(zones, earlier)
        if earlier.state is ReleaseState.SUPERSEDED:
            public_record.mark_public_record_superseded(zones, earlier)
    delta.vacuum_table_or_refuse(
        zones.published_table(record.project),
        "only the published snapshot",
        found="files of an earlier one",
        where=f"projects/{record.project}",
        do="Look at its permissions, then run publish again",
    )
    delta.remove_folder(zones.staging(record.project), where=f"staging/{record.project}")
    class_snapshot.keep_only_snapshots(zones, record.project, [record.release])
    release_states.withdrawal_journal_path(zones, record.project).unlink(
        missing_ok=True
    )  # it was of the snapshot before
    public_record.write_public_record(zones, platform, record)
    record_store.save_release_record(zones, record.noted(settled=True))


def _approval(found: str) -> StateRefused:
    return StateRefused(
        describe_problem(
            "the approval of a second person",
            example="--approved-by 'A. Jansen'",
            found=found,
            where="--approved-by",
            do="Name who approved, other than whoever made the release",
        )
    )


def _altered(what: str) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"{what} with the rows that were verified",
            example="an equal checksum",
            found="another checksum",
            where="publish",
            do="Nothing was published; make a new release",
        )
    )
