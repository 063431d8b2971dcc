"""What a twin may be made from: the published anonymous table of a project, or its agreement.

A table that is published but is not what it should be gives no twin at all: falling back would hide what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from cohort.access import find_table_problems
from cohort.agreements import Environment, Project
from cohort.delta import TABLE_ERRORS, read_column_names
from cohort.foundation import ConfigurationRefused, StateRefused, describe_problem
from cohort.release_records import ReleaseRecord, find_published_record
from cohort.research_files import Codebook, SyntheticSource, make_codebook
from cohort.table_exports import require_published_table


@dataclass(frozen=True)
class TwinSource:
    """What a twin is made from: a released anonymous table with its codebook, or neither."""

    record: ReleaseRecord | None = None
    codebook: Codebook | None = None

    @property
    def kind(self) -> SyntheticSource:
        return "agreement" if self.codebook is None else "table"

    def name_twin(self, project: Project) -> str:
        """The name of the twin: of the release whose table it was made from, or of the project alone."""
        release = self.record.id if self.record is not None else project.name
        return f"{release}-twin"


def find_twin_source(environment: Environment, project: Project, *, from_agreement: bool = False) -> TwinSource:
    """Find what a twin may be made from: the published anonymous table, otherwise the agreement.

    Args:
        environment: the surroundings of the run.
        project: the project's declaration.
        from_agreement: whether nothing shall be taken from a table.

    Raises:
        StateRefused: the project has ended; or something is published that may not be read, by whatever reason other
            than the period of the project (exit code 15).
        ConfigurationRefused: a hierarchy is not the one that the release was made with (10).
    """
    zones = environment.zones
    if environment.today > project.ends:
        raise StateRefused(
            describe_problem(
                "a project that has not ended",
                example=f"ends = {environment.today}",
                found=f"ends = {project.ends}",
                where=f"projects/{project.name}.toml",
                do="Destroy the project: what was made for it goes with it",
            )
        )
    record = find_published_record(zones, project.name)
    if from_agreement or record is None or record.pseudonymous or project.is_pseudonymous:
        return TwinSource()
    reasons = find_table_problems(zones, project.name)
    if reasons:
        raise StateRefused(
            describe_problem(
                "a published table that is what was published",
                example="one that publish settled and verify found nothing wrong with",
                found="; ".join(reasons),
                where=f"projects/{project.name}",
                do="See with status what is due",
            )
        )
    try:
        require_published_table(zones, record)
        _require_declared_columns(project, read_column_names(zones.published_table(project.name)))
        book = make_codebook(environment, project, record, zones.published_table(project.name))
    except (*TABLE_ERRORS, pa.ArrowException):
        raise StateRefused(
            describe_problem(
                "a published table that can be read",
                example="one whose files are all there",
                found="a damaged one",
                where=f"projects/{project.name}",
                do="Run verify, which says what is wrong with it",
            )
        ) from None
    return TwinSource(record, book)


def _require_declared_columns(project: Project, released: Sequence[str]) -> None:
    """Refuse a declaration that changed since the release was made: the twin would have another schema."""
    changed = set(project.released_names) ^ set(released)
    if changed:
        raise ConfigurationRefused(
            describe_problem(
                "the columns that the published table has",
                example="those of the declaration that the release was made with",
                found=f"others ({', '.join(sorted(changed))})",
                where=f"projects/{project.name}.toml",
                do="Publish a release with the new columns first, then make the twin",
            )
        )
