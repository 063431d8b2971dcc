"""Publication of a verified release: one atomic commit into the project's table, then the earlier snapshot goes.

The commit that carries the release's note decides whether it is published; the record follows it. After a run that
was killed between the two, `repair_publication` brings the record up to the table's history.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.access import close_table, settle_access
from cohort.agreements import Environment, Platform, Project
from cohort.delta import (
    RELEASE_PROPERTY,
    checksum_rows,
    read_commits,
    read_table,
    remove_folder,
    replace_table,
    table_exists,
    vacuum_table_or_refuse,
)
from cohort.foundation import NotAnonymous, ProgressWriter, describe_problem
from cohort.release_records import (
    ReleaseRecord,
    ReleaseState,
    keep_only_snapshots,
    load_release_records,
    mark_public_record_superseded,
    remove_snapshot,
    require_compared_with_published,
    save_release_record,
    withdrawal_journal_path,
    write_public_record,
)
from cohort.report_figures import remove_open_reports, renew_open_report
from cohort.research_files import make_codebook, remove_research_files, remove_twin, renew_codebook
from cohort.storage import StoragePath, StorageZones

ROWS_PER_PUBLISHED_FILE = 250_000


def publish_release(
    spark: SparkSession,
    environment: Environment,
    project: Project,
    record: ReleaseRecord,
    approved_by: str | None,
    progress: ProgressWriter,
) -> ReleaseRecord:
    """Copy a verified stage, without its control columns, into the project's table, and give its readers access.

    Nobody can read the table from before the commit until its rows were compared with those verified.

    Args:
        spark: the session.
        environment: the surroundings of the run.
        project: the project's declaration.
        record: the exact record of a release that `check_publishable` let pass; the caller holds the project's lock.
        approved_by: who approved the publication; None where nobody did.
        progress: receives lines of progress.
    Returns:
        The exact record of the release, PUBLISHED.
    Raises:
        NotAnonymous: the stage or the committed table does not have the verified checksum; such a table is removed
            (exit code 14).
        StateRefused: the release was not compared with the published one; the earlier snapshot stays (15).
        ConfigurationRefused: a hierarchy is not the one that the release was made with; nothing is published (10).
        RightsRefused: readers could not be given access (17).
    """
    zones, platform = environment.zones, environment.platform

    # 1. The stage is what was verified, was compared with what is published now, and can be described.
    require_compared_with_published(zones, project, record)
    stage = read_table(spark, zones.staged_release(record.project, record.release)).select(
        *project.released_names, *project.pseudonym_columns
    )
    if checksum_rows(stage) != record.verified_checksum:
        raise _not_as_verified("the stage")
    make_codebook(environment, project, record, zones.staged_release(record.project, record.release))

    # 2. One commit, while nobody has access; then the table is compared too.
    table = zones.published_table(project.name)
    close_table(zones, platform, project.name, "a release is being published", environment.now)
    if remove_twin(zones, project.name):
        progress("the twin of what was published before was removed: make it anew with twin")
    rows, _ = record.verified_checksum
    version = replace_published_rows(stage, rows, table, project, record.id, platform)
    progress(f"committed: {rows} rows, version {version}")
    _require_verified_table(spark, zones, record)

    # 3. The record follows the commit.
    published = record.moved(
        ReleaseState.PUBLISHED,
        version=version,
        published=str(environment.now),
        approved_by=approved_by,
        second_person=approved_by is not None,
    )
    save_release_record(zones, published)

    # 4. What was published before goes; the codebook is written; readers get access.
    _settle_publication(environment, project, published)
    progress("settled: earlier snapshot vacuumed, stage removed")
    withheld = settle_access(zones, platform, project, environment.now)
    progress(f"access: withdrawn, as {'; '.join(withheld)}" if withheld else f"access: {project.readers}")
    return published


def replace_published_rows(
    released: DataFrame, rows: int, table: StoragePath, project: Project, release_id: str, platform: Platform
) -> int:
    """Make rows the only content of a project's table, in one commit that carries the release's note.

    Args:
        released: the rows, without control columns.
        rows: how many they are.
        table: the folder of the project's table.
        project: the project's declaration.
        release_id: the note of the release, which is also kept as a property of the table.
        platform: the platform's settings of tables.
    Returns:
        The version committed.
    """
    ordered = order_by_released_values(released, rows, project.row_order, project.pseudonym_columns)
    return replace_table(ordered, table, list_release_properties(project, release_id), release_id, platform.tables)


def list_release_properties(project: Project, release_id: str) -> dict[str, str]:
    """List the properties by which a published table says what it is, and where what belongs to it stands.

    Places are relative to the storage root; at that of the twin there is one if it was made.
    """
    return {
        RELEASE_PROPERTY: release_id,
        "cohort.class": project.release_class,
        "cohort.k": str(project.thresholds.k),
        "cohort.m": str(project.thresholds.m),
        "cohort.expires": str(project.ends),
        "cohort.codebook": f"files/{project.name}/{release_id}.codebook.json",
        "cohort.report": f"reports/{project.name}",
        "cohort.twin": f"twins/{project.name}/table",
        **({"cohort.personal_data": "true"} if project.is_pseudonymous else {}),
    }


def order_by_released_values(released: DataFrame, rows: int, by: list[str], then: tuple[str, ...] = ()) -> DataFrame:
    """Put rows in an order, and split them into files, by their released values alone.

    So neither order nor file tells anything of a pupil.

    Args:
        released: the rows.
        rows: how many they are.
        by: every released column; the first orders first.
        then: pseudonym columns, which order rows with equal values.
    """
    files = max(1, -(-rows // ROWS_PER_PUBLISHED_FILE))
    return released.repartition(files, *map(F.col, by)).sortWithinPartitions(*by, *then)


def repair_publication(spark: SparkSession, environment: Environment, project: Project) -> None:
    """Bring the records up to the table's history, after a run that was killed between commit and record.

    The newest commit that carries a release's note is the published release. What publication does after the record
    is completed too.

    Raises:
        NotAnonymous: the committed rows are not those verified; the table is removed (exit code 14).
    """
    zones = environment.zones
    table = zones.published_table(project.name)
    record_by_note = {record.id: record for record in load_release_records(zones, project.name)}
    if not table_exists(table):
        return
    commit = next((c for c in read_commits(table) if c.note in record_by_note), None)
    if commit is None:
        return
    record = record_by_note[str(commit.note)]
    if record.state is ReleaseState.VERIFIED:
        _require_verified_table(spark, zones, record)
        record = record.moved(ReleaseState.PUBLISHED, version=commit.version, mended=True)
        save_release_record(zones, record)
    if record.state is ReleaseState.PUBLISHED and not record.settled:
        _settle_publication(environment, project, record)


def _require_verified_table(spark: SparkSession, zones: StorageZones, record: ReleaseRecord) -> None:
    """Remove a table whose rows are not those that were verified, and refuse its release.

    With a retention of zero Delta can restore no earlier version; the next release makes the table anew.
    """
    table = zones.published_table(record.project)
    if checksum_rows(read_table(spark, table)) != record.verified_checksum:
        remove_folder(table, where=f"projects/{record.project}")
        remove_research_files(zones, record.project)
        remove_open_reports(zones, record.project)
        remove_twin(zones, record.project)
        reason = "what was committed was not what was verified, and was removed"
        save_release_record(zones, record.moved(ReleaseState.REFUSED, reason=reason))
        remove_snapshot(zones, record)
        raise _not_as_verified("the table")


def _settle_publication(environment: Environment, project: Project, record: ReleaseRecord) -> None:
    """Supersede earlier releases, remove all that is theirs, and write the codebook and the public record."""
    zones = environment.zones
    for earlier in load_release_records(zones, record.project):
        if earlier.state is ReleaseState.PUBLISHED and earlier.release != record.release:
            earlier = earlier.moved(ReleaseState.SUPERSEDED)
            save_release_record(zones, earlier)
        if earlier.state is ReleaseState.SUPERSEDED:
            mark_public_record_superseded(zones, earlier)
    vacuum_table_or_refuse(
        zones.published_table(record.project),
        "only the published snapshot",
        found="files of an earlier one",
        where=f"projects/{record.project}",
        do="Look at its permissions, then run publish again",
    )
    remove_folder(zones.staging(record.project), where=f"staging/{record.project}")
    keep_only_snapshots(zones, record.project, [record.release])
    # A journal of rows being withdrawn concerned the snapshot that has just gone.
    withdrawal_journal_path(zones, record.project).unlink(missing_ok=True)
    renew_codebook(zones, make_codebook(environment, project, record, zones.published_table(project.name)))
    renew_open_report(zones, environment.platform.shown, record)
    write_public_record(zones, environment.platform, record)
    save_release_record(zones, record.noted(settled=True))


def _not_as_verified(subject: str) -> NotAnonymous:
    return NotAnonymous(
        describe_problem(
            f"{subject} with the rows that were verified",
            example="an equal checksum",
            found="another checksum",
            where="publish",
            do="Nothing was published; make a new release",
        )
    )
