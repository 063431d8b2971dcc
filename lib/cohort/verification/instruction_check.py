"""Which schools instructed us for a project, by the verifier's own reading of the instruction lists.

For the finding INSTRUCTION: `control_column_check` counts pupils of other schools in a stage, `verify_rights` in
a published table, `record_rebuild_check` leaves their results out. Shares no code with `legal_basis`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import Project
from cohort.storage import StoragePath
from cohort.verification import list_file_reader, rights_list_reader
from cohort.verification.result_selection import driver_frame

INSTRUCTION_COLUMNS = (
    "brin",
    "vestiging",
    "soort",
    "project",
    "kolommen",
    "gegeven_door",
    "gegeven_op",
    "tot",
    "ingetrokken_op",
)
INSTRUCTION_DATES = ("gegeven_op", "tot", "ingetrokken_op")
ANY_OTHER_SITE = "*"


@dataclass(frozen=True)
class InstructedSites:
    """The sites of each school that instructed us.

    Args:
        sites: by school, for each site that a line names and for `*` (every other site), whether it instructed us.
    """

    sites: Mapping[str, Mapping[str, bool]]

    @property
    def schools(self) -> list[str]:
        """The schools of which some site instructed us, in order."""
        return sorted(school for school, sites in self.sites.items() if any(sites.values()))

    def default_and_exceptions(self, school: str) -> tuple[bool, list[str]]:
        """Return whether sites that no line names instructed us, and the named sites for which it is otherwise."""
        default = self.sites[school][ANY_OTHER_SITE]
        return default, sorted(site for site, instructed in self.sites[school].items() if instructed != default)


@dataclass(frozen=True)
class _InstructionLine:
    sites: frozenset[str]
    columns: frozenset[str]
    instructed_on: dt.date
    last_day: dt.date
    withdrawn_on: dt.date


def read_instructed_sites(folder: StoragePath, project: Project, today: dt.date) -> InstructedSites:
    """Read the instructions that are in force today for one project.

    An anonymous project needs the instruction that a school gives once for all projects; a pseudonymous one needs
    an instruction for this project and for every released column.

    Args:
        folder: the instructions zone.
        project: the project's declaration.
        today: the day of the verification.

    Raises:
        RightsRefused: the lists are refused by `read_rights_lists` (exit code 17).
    """
    lines = rights_list_reader.read_rights_lists(folder, INSTRUCTION_COLUMNS, None, today)
    dates = rights_list_reader.parse_line_dates(lines, INSTRUCTION_DATES)
    is_anonymous = project.release_class == "anonymous"
    kind, name = ("anonimiseren", "") if is_anonymous else ("pseudonimiseren", project.name)
    needed_columns = set() if is_anonymous else set(project.column_names)
    lines_by_school: dict[str, list[_InstructionLine]] = defaultdict(list)
    for (_, line), date in zip(lines, dates, strict=True):
        instructed_on = date["gegeven_op"]
        is_for_project = (line["soort"], line["project"]) == (kind, name)
        if is_for_project and instructed_on is not None and instructed_on <= today:
            school, site = list_file_reader.parse_school_and_site(line["brin"]) or (line["brin"], "")
            sites = frozenset({line["vestiging"].removeprefix("'"), site} - {""})
            columns = frozenset(line["kolommen"].replace(",", " ").split())
            last_day, withdrawn_on = date["tot"] or dt.date.max, date["ingetrokken_op"] or dt.date.max
            lines_by_school[school].append(_InstructionLine(sites, columns, instructed_on, last_day, withdrawn_on))
    return InstructedSites(
        {school: _judge_sites(own, needed_columns, today) for school, own in lines_by_school.items()}
    )


def instructed_sites_frame(spark: SparkSession, instructed: InstructedSites) -> DataFrame:
    """Return the schools with an instruction.

    Returns:
        Columns `brin`, `by_default` (whether sites that no line names instructed us) and `exceptions` (the sites for
        which it is otherwise).
    """
    schools = sorted(instructed.sites)
    answers = [instructed.default_and_exceptions(school) for school in schools]
    return driver_frame(
        spark,
        {
            "brin": pa.array(schools, pa.string()),
            "by_default": pa.array([default for default, _ in answers], pa.bool_()),
            "exceptions": pa.array([exceptions for _, exceptions in answers], pa.list_(pa.string())),
        },
    )


def keep_rows_with_instruction(spark: SparkSession, rows: DataFrame, instructed: InstructedSites) -> DataFrame:
    """Keep the rows of sites that instructed us."""
    has_instruction = F.col("by_default") != F.array_contains("exceptions", F.col("vestiging"))
    schools = F.broadcast(instructed_sites_frame(spark, instructed))
    return rows.join(schools, "brin", "inner").where(has_instruction).drop("by_default", "exceptions")


def _judge_sites(lines: list[_InstructionLine], needed_columns: set[str], today: dt.date) -> dict[str, bool]:
    sites = {ANY_OTHER_SITE}.union(*(line.sites for line in lines))
    return {
        site: _is_in_force([line for line in lines if not line.sites or site in line.sites], needed_columns, today)
        for site in sites
    }


def _is_in_force(lines: list[_InstructionLine], needed_columns: set[str], today: dt.date) -> bool:
    """Whether the lines of one site instruct us today: nothing counts from before its newest withdrawal."""
    withdrawn = [line for line in lines if line.withdrawn_on <= today]
    newest_withdrawal = max((line.withdrawn_on for line in withdrawn), default=dt.date.min)
    withdrawn_starts = {line.instructed_on for line in withdrawn}
    counting = [
        line
        for line in lines
        if line.withdrawn_on > today <= line.last_day
        and line.instructed_on >= newest_withdrawal
        and line.instructed_on not in withdrawn_starts
    ]
    columns = set().union(*(line.columns for line in counting)) if counting else set()
    return bool(counting) and needed_columns <= columns
