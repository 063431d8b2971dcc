"""Withdrawal of rows from a published pseudonymous table: late objectors, and schools without an instruction.

In: the published table of a project and the pupils and schools that must leave it. Out: the table without them and
without classes that fell under their limits, verified; a report of counts. Called by `eligibility_withdrawal`.
Nobody may read the table from before the first row goes until the rest is verified and the earlier files are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from cohort.access import ACCESS_GRANTED, access_state, settle_access, withdraw_access
from cohort.agreements import Environment, Project, SchoolBoards
from cohort.anonymisation import make_board_frame
from cohort.delta import read_commits, vacuum_table_or_refuse
from cohort.foundation import NotAnonymous
from cohort.keys import ProjectKey
from cohort.published_tables import residual_classes
from cohort.published_tables.ineligible_rows import (
    IneligiblePupils,
    count_leaving_reasons,
    leaving_reasons,
    mark_ineligible_rows,
)
from cohort.published_tables.withdrawal_journal import (
    WithdrawalJournal,
    WithdrawalStep,
    begin_withdrawal,
    end_withdrawal,
    write_withdrawal_journal,
)
from cohort.release import record_without_schools, replace_published_rows
from cohort.release_records import (
    RecordedWithdrawal,
    ReleaseRecord,
    find_published_record,
    save_release_record,
    write_public_record,
)
from cohort.report_figures import remove_open_reports
from cohort.research_files import make_codebook, remove_research_files, renew_codebook
from cohort.storage import DocumentPart, StoragePath, hold_lock
from cohort.verification import PublishedTable, check_excluded_pupils, verify_published_table

ROWS_BEING_WITHDRAWN = "rows are being withdrawn"
COUNTED_REASONS = ("pupils_barred", "pupils_of_schools", "pupils_besides")


class RowWithdrawalReport(DocumentPart):
    """What happened to one project: pupils removed by reason, or why it was refused; and who has access now."""

    project: str
    version: int | None = None
    access: str | None = None
    pupils_barred: int | None = None
    pupils_of_schools: int | None = None
    pupils_besides: int | None = None
    refused: tuple[str, ...] = ()
    defect: str | None = None
    at: str | None = None
    exit_code: int = 0

    def document(self) -> dict[str, Any]:
        """The report as a JSON object of what is known."""
        return self.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True)
class RowWithdrawal:
    """One withdrawal: the run, the project with its key and published release, and who must leave."""

    spark: SparkSession
    environment: Environment
    project: Project
    key: ProjectKey
    record: ReleaseRecord
    ineligible: IneligiblePupils
    boards: Mapping[str, SchoolBoards]

    @property
    def table(self) -> StoragePath:
        return self.environment.zones.published_table(self.project.name)

    def current_version(self) -> int:
        """The newest version of the table that shows this release."""
        commits = read_commits(self.table)
        return next(commit.version for commit in commits if commit.note == self.record.id)

    def close_table(self) -> None:
        environment = self.environment
        withdraw_access(
            environment.zones, environment.platform, self.project.name, ROWS_BEING_WITHDRAWN, environment.now
        )

    def settle_access(self) -> None:
        environment = self.environment
        settle_access(environment.zones, environment.platform, self.project, environment.now)

    def write_journal(self, plan: WithdrawalStep | None, taken: Iterable[WithdrawalStep]) -> None:
        journal = WithdrawalJournal(release=self.record.release, plan=plan, taken=tuple(taken))
        write_withdrawal_journal(self.environment.zones, self.project.name, journal)

    def report(self, version: int | None, steps: Iterable[WithdrawalStep]) -> RowWithdrawalReport:
        environment, name = self.environment, self.project.name
        access = access_state(environment.zones, environment.platform, name)
        return RowWithdrawalReport(project=name, version=version, access=access, **_sum_reasons(steps))


def withdraw_rows(
    spark: SparkSession,
    environment: Environment,
    project: Project,
    key: ProjectKey,
    ineligible: IneligiblePupils,
    boards: Mapping[str, SchoolBoards],
) -> RowWithdrawalReport:
    """Remove the rows of pupils and schools from a project's published table, under the project's lock.

    Args:
        spark: the session.
        environment: the surroundings of the run.
        project: the project's declaration; a project that shows no pseudonymous release is left as it is.
        key: the project's key.
        ineligible: who must leave the table.
        boards: today's boards of schools, by BRIN.

    Returns:
        The pupils removed because they are barred, because their school gives no instruction any more, and
        because their class would have fallen under its limits; the version; the access.

    Raises:
        StateRefused: another run on the project (exit code 15).
        NotAnonymous: the rest does not pass the verifier (14).
        DestructionIncomplete: files of the earlier version that cannot be removed (16).
        RightsRefused: readers who cannot be given access again (17). Nobody has access after any refusal.
    """
    zones = environment.zones
    with hold_lock(zones.locks, project.name):
        record = find_published_record(zones, project.name)
        if record is None or not record.pseudonymous:
            return RowWithdrawalReport(project=project.name, **_sum_reasons([]))
        withdrawal = RowWithdrawal(spark, environment, project, key, record, ineligible, boards)
        try:
            return _withdraw(withdrawal)
        except BaseException:
            withdrawal.close_table()
            raise


def _withdraw(withdrawal: RowWithdrawal) -> RowWithdrawalReport:
    # 1. What a killed run did, and what is to be done.
    zones, name = withdrawal.environment.zones, withdrawal.project.name
    steps = _completed_steps(withdrawal, begin_withdrawal(zones, name))
    rows = mark_ineligible_rows(withdrawal.spark, withdrawal.table, withdrawal.key, withdrawal.ineligible)
    counts = count_leaving_reasons(rows)

    # 2. Remove rows, and complete every step that was committed.
    if any(counts.values()) or steps:
        withdrawal.close_table()
        if any(counts.values()):
            steps = [*steps, _remove_rows(withdrawal, steps, rows, counts)]
        return _complete(withdrawal, steps)

    # 3. Nobody has to leave: only the record changes.
    if withdrawal.ineligible.record_changes:
        changed = withdrawal.record.noted(**withdrawal.ineligible.record_changes)
        save_release_record(zones, changed)
    end_withdrawal(zones, name)
    access = access_state(zones, withdrawal.environment.platform, name)
    if access != ACCESS_GRANTED:  # another run may have seen the journal and withdrawn access
        withdrawal.settle_access()
    return withdrawal.report(withdrawal.record.version, [])


def _completed_steps(withdrawal: RowWithdrawal, journal: WithdrawalJournal) -> list[WithdrawalStep]:
    """The steps that were committed; the planned one is among them if the table has a newer version than before."""
    if journal.release != withdrawal.record.release:
        return []
    steps, planned = [*journal.taken], journal.plan
    if planned is not None and withdrawal.current_version() > planned.version:
        steps.append(planned)
    return steps


def _remove_rows(
    withdrawal: RowWithdrawal, earlier: list[WithdrawalStep], rows: DataFrame, counts: dict[str, int]
) -> WithdrawalStep:
    """Commit the rows that stay, in the order of a release: a MERGE would leave files in another order."""
    project, platform = withdrawal.project, withdrawal.environment.platform
    barred, lapsed = leaving_reasons().values()
    boards = make_board_frame(withdrawal.spark, withdrawal.key, withdrawal.boards)
    residual = residual_classes.keep_residual_rows(rows, barred | lapsed, project, platform.floors, boards)
    residual = residual.select(*project.released_names, *project.pseudonym_columns)
    all_rows, residual_rows = rows.count(), residual.count()
    step = WithdrawalStep(
        version=withdrawal.current_version(),
        left=residual_rows,
        pupils_besides=all_rows - residual_rows - sum(counts.values()),
        **counts,
    )
    withdrawal.write_journal(step, earlier)
    replace_published_rows(residual, residual_rows, withdrawal.table, project, withdrawal.record.id, platform)
    withdrawal.write_journal(None, [*earlier, step])
    return step


def _complete(withdrawal: RowWithdrawal, steps: list[WithdrawalStep]) -> RowWithdrawalReport:
    """Remove earlier files, verify the rest, update the records, and give readers access again.

    Files that were exported with the rows taken out go first, and are not made again: `export` does that.
    """
    environment, name = withdrawal.environment, withdrawal.project.name
    remove_research_files(environment.zones, name)
    remove_open_reports(environment.zones, name)
    vacuum_table_or_refuse(
        withdrawal.table,
        "only what is left",
        found="files of the rows taken out",
        where=f"projects/{name}",
        do="Look at its permissions, then run objections again; until then nobody reads",
    )
    checksum = _verify_rest(withdrawal, steps[-1].left)
    version = withdrawal.current_version()
    recorded = RecordedWithdrawal(at=str(environment.now), version=version, **_sum_reasons(steps))
    earlier = [one for one in withdrawal.record.withdrawals if one.version != version]
    record = withdrawal.record.noted(
        **withdrawal.ineligible.record_changes, version=version, checksum=checksum, withdrawals=[*earlier, recorded]
    )
    record = record_without_schools(record, withdrawal.ineligible.schools)
    renew_codebook(environment.zones, make_codebook(environment, withdrawal.project, record, withdrawal.table))
    write_public_record(environment.zones, environment.platform, record)
    save_release_record(environment.zones, record)
    end_withdrawal(environment.zones, name)
    withdrawal.settle_access()
    return withdrawal.report(version, steps)


def _verify_rest(withdrawal: RowWithdrawal, rows: int) -> tuple[int, str]:
    """The checksum of the rows that stay, after the verifier has found nothing wrong with them."""
    environment, ineligible = withdrawal.environment, withdrawal.ineligible
    result = verify_published_table(
        withdrawal.spark,
        PublishedTable(
            project=withdrawal.project,
            platform=environment.platform,
            table=withdrawal.table,
            release_id=withdrawal.record.id,
            released_rows=rows,
            hierarchies=environment.hierarchies,
            key=withdrawal.key,
            today=environment.today,
        ),
    )
    remaining = check_excluded_pupils(
        withdrawal.spark, withdrawal.table, withdrawal.key, ineligible.numbers, ineligible.schools
    )
    if result.findings or remaining:
        raise NotAnonymous(
            *(f"{finding.code}: {finding.sentence}" for finding in (*result.findings, *remaining)),
            f"Nobody reads the table of {withdrawal.project.name} any more. Make a new release, or destroy it.",
        )
    return result.checksum


def _sum_reasons(steps: Iterable[WithdrawalStep]) -> dict[str, int]:
    steps = list(steps)
    return {name: sum(getattr(step, name) for step in steps) for name in COUNTED_REASONS}
