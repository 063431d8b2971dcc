"""The declaration of one research project (`conf/projects/<project>.toml`).

It says which results are used, how they are generalised and released, and under which privacy limits. It is checked
against itself when it is read, and against the floors of the platform by `load_project`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cohort.agreements.class_means import CovarianceGroups, effective_mean_step, find_mean_problems
from cohort.agreements.declared_columns import DeclaredColumn
from cohort.agreements.platform import Platform, PlatformFloors
from cohort.agreements.project_settings import ClassThresholds, ProjectPopulation, ProjectRecoding
from cohort.agreements.report_settings import (
    DeclaredRegression,
    RiskAssumptions,
    RiskException,
    find_assumption_problems,
)
from cohort.agreements.research_purpose import ResearchPurpose
from cohort.agreements.selected_results import ResultSlot, SelectedResult
from cohort.data_states import PSEUDONYM_COLUMNS
from cohort.foundation import ConfigurationRefused, UsageRefused, describe_problem, read_declaration, several_problems

PROJECT_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
RESERVED_PROJECT_NAMES = frozenset({"intake", "erasures"})
"""Names that locks and records use for ingestion itself."""

MAX_SCHOOL_YEAR_SPAN = 21
"""So many school years fit in the 13 bits that a packed pupil record has for a day."""


class Project(ResearchPurpose):
    """The agreement on one project: purpose, results, columns, recoding, privacy limits and readers."""

    name: str
    release_class: Literal["anonymous", "pseudonymous"]
    readers: Annotated[str, Field(min_length=1)]
    population: ProjectPopulation
    two_schools: Literal["keep", "set-aside"]
    thresholds: ClassThresholds
    recoding: ProjectRecoding
    columns: Annotated[list[DeclaredColumn], Field(min_length=1)]
    covariance: CovarianceGroups | None = None
    risk: RiskAssumptions = Field(default_factory=RiskAssumptions)
    risk_exceptions: list[RiskException] = Field(default_factory=list)
    regressions: list[DeclaredRegression] = Field(default_factory=list)

    @model_validator(mode="after")
    def _coherent(self) -> Project:
        problems = [*self._find_date_problems(), *self._find_column_problems(), *self._find_result_problems()]
        problems += find_mean_problems(self.columns, self.covariance, self.thresholds.k)
        if not problems:
            problems = find_assumption_problems(self.columns, self.risk, self.risk_exceptions, self.regressions)
        if problems:
            raise several_problems(problems)
        return self

    def _find_column_problems(self) -> Iterator[str]:
        years = sorted(int(year[:4]) for year in self.population.schooljaar)
        if years[-1] - years[0] > MAX_SCHOOL_YEAR_SPAN:
            yield (
                f"Expected school years at most {MAX_SCHOOL_YEAR_SPAN} apart, for example 2023-2024 and 2024-2025; "
                "found years further apart in <where>. Ask for fewer years."
            )
        names = [name.lower() for name in self.released_names]
        if len(set(names)) != len(names):
            yield (
                "Expected every column once, for example rekenen_M and rekenen_E; found a name twice "
                "in <where>. Rename one; a typed column also has the name with _van and with _tot, one that shows "
                "a mean the name with _gemiddelde."
            )
        if sum(column.role == "sensitive" for column in self.columns) > 1:
            yield (
                "Expected at most one sensitive column, for example niveau_spelling; found several in "
                "<where>. Make all but one quasi-identifying."
            )
        if not self.quasi_identifiers:
            yield (
                "Expected a quasi-identifying column, for example geslacht; found sensitive ones only in "
                "<where>. Add one: it makes the classes that a sensitive value is held to."
            )

    def _find_result_problems(self) -> Iterator[str]:
        result_by_slot: dict[ResultSlot, SelectedResult] = {}
        for result in self.results:
            if result_by_slot.setdefault(result.slot, result) != result:
                yield (
                    f"Expected one value and one rule per domain and moment, for example several = "
                    f"'latest'; found two for {result.domein} {result.schooljaar} {result.moment} in "
                    "<where>. Make them equal: two values of one result are no more than one."
                )
            if len({c.hierarchy for c in self.columns if result in c.results and not c.numeric}) > 1:
                yield (
                    f"Expected one hierarchy per level shown, for example one column of it; found two for "
                    f"{result.domein} {result.schooljaar} {result.moment} in <where>. Show it once."
                )
            if result.schooljaar not in self.population.schooljaar:
                yield (
                    "Expected results from the population's school years, for example "
                    f"{self.population.schooljaar[0]}; found {result.schooljaar} in <where>. Add the "
                    "year to population.schooljaar or correct the column."
                )
        if not result_by_slot:
            yield (
                "Expected a column with a result, for example of rekenen; found attributes only in "
                "<where>. A release of test results shows at least one."
            )

    @property
    def results(self) -> tuple[SelectedResult, ...]:
        """Every result that a column is made from, once, in the order of the columns."""
        return tuple(dict.fromkeys(r for column in self.columns for r in column.results))

    @property
    def domains(self) -> frozenset[str]:
        """The domains of the results."""
        return frozenset(result.domein for result in self.results)

    @property
    def special_results(self) -> tuple[SelectedResult, ...]:
        """The special-category results, which need the consent of the pupil: those of columns with a legal ground."""
        return tuple(r for column in self.columns if column.legal_ground is not None for r in column.results)

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def bound_names(self) -> list[str]:
        """The columns with the bounds of typed columns: whole numbers, every other column being text."""
        return [name for column in self.columns for name in column.bound_names]

    @property
    def mean_names(self) -> list[str]:
        """The columns with class means: decimal numbers, null where a class shows none."""
        return [name for column in self.columns for name in column.mean_names]

    @property
    def mean_columns(self) -> list[DeclaredColumn]:
        """The columns that show the mean of their class."""
        return [column for column in self.columns if column.show == "mean"]

    @property
    def mean_steps(self) -> dict[str, Decimal]:
        """The step in points that the class means of each such column are rounded to, by the column's name."""
        return {column.name: effective_mean_step(column, self.thresholds.k) for column in self.mean_columns}

    @property
    def covariance_groups(self) -> tuple[str, ...]:
        """The columns whose labels make the groups with a covariance matrix of their own; none for one matrix."""
        return () if self.covariance is None else tuple(self.covariance.by)

    @property
    def released_names(self) -> list[str]:
        """The released columns in their order, without pseudonyms: each column, then its bounds and its class mean."""
        return [name for column in self.columns for name in (column.name, *column.bound_names, *column.mean_names)]

    @property
    def is_pseudonymous(self) -> bool:
        """Whether a released row carries the keyed pseudonyms of its pupil and school, and so is personal data."""
        return self.release_class == "pseudonymous"

    @property
    def pseudonym_columns(self) -> tuple[str, ...]:
        """The pseudonym columns that are released beside the declared ones; none in an anonymous release."""
        return PSEUDONYM_COLUMNS if self.is_pseudonymous else ()

    @property
    def quasi_identifiers(self) -> list[DeclaredColumn]:
        """The columns whose values make an equivalence class."""
        return [column for column in self.columns if column.role == "quasi-identifying"]

    @property
    def score_columns(self) -> list[DeclaredColumn]:
        """The quasi-identifying columns of scores and of differences of scores."""
        return [column for column in self.quasi_identifiers if column.numeric]

    @property
    def sensitive_column(self) -> DeclaredColumn | None:
        """The column whose values satisfy a constraint of their own in every class, if there is one."""
        return next((column for column in self.columns if column.role == "sensitive"), None)

    @property
    def known_attributes(self) -> tuple[str, ...]:
        """The columns that an intruder may know: those declared, else all quasi-identifying attributes."""
        if self.risk.known_attributes is not None:
            return tuple(self.risk.known_attributes)
        return tuple(column.name for column in self.quasi_identifiers if column.attribute is not None)

    @property
    def row_order(self) -> list[str]:
        """The columns by which released rows are sorted: the quasi-identifiers, then the sensitive column."""
        return [c.name for c in sorted(self.columns, key=lambda column: column.role == "sensitive")]

    @property
    def class_limits(self) -> dict[str, str]:
        """Every limit that a class satisfies, by name, as a release record has it."""
        constraint = self.sensitive_column.constraint if self.sensitive_column is not None else None
        limits = [*self.thresholds, *(constraint or ())]
        return {name: str(limit) for name, limit in limits if limit is not None}


def check_project_name(name: str) -> None:
    """Check that a project name can be that of a folder, a file and a table.

    Raises:
        UsageRefused: another name, or one of `RESERVED_PROJECT_NAMES` (exit code 2).
    """
    if not PROJECT_NAME.fullmatch(name) or name in RESERVED_PROJECT_NAMES:
        raise UsageRefused(
            describe_problem(
                "a project name of small letters, digits and _",
                example="leergroei",
                found="another",
                where="--project",
                do="Give the name of a file in conf/projects",
            )
        )


def load_project(folder: Path, name: str, platform: Platform) -> Project:
    """Load the declaration of a project and check it against the floors of the platform.

    Args:
        folder: the configuration folder.
        name: the name of the project.
        platform: the platform declaration.

    Raises:
        ConfigurationRefused: a file that is missing or is no valid declaration, that declares another name, or limits
            weaker than the floors (exit code 10).
        UsageRefused: an impossible name (exit code 2).
    """
    check_project_name(name)
    where = f"projects/{name}.toml"
    project = read_declaration(folder / where, Project, where=where)
    problems = find_limits_under_floors(project, platform, where)
    if project.name != name:
        problems.append(
            describe_problem(
                f"name = '{name}'",
                example=f"name = '{name}'",
                found="another name",
                where=where,
                do="A project has the name of its file",
            )
        )
    if problems:
        raise ConfigurationRefused(*problems)
    return project


def find_limits_under_floors(project: Project, platform: Platform, where: str) -> list[str]:
    """Find the limits of a project that are weaker than the platform's floors; a sentence for each.

    Args:
        project: the declaration of the project.
        platform: the platform declaration.
        where: the name of the declaration in messages.
    """
    problems = [
        describe_problem(
            f"{limit.key} {limit.bound} {limit.floor}, the platform's floor",
            example=f"{limit.key} = {limit.floor}",
            found=f"{limit.key} = {limit.value}",
            where=where,
            do="Keep to the floor of platform.toml",
        )
        for limit in _limits_with_floors(project, platform.floors)
        if not limit.satisfied
    ]
    sensitive = project.sensitive_column
    if sensitive is not None and platform.floors.columns.keys() & {sensitive.name, sensitive.attribute}:
        problems.append(
            describe_problem(
                "a quasi-identifying column where the platform has a floor for it",
                example="regio",
                found=f"the sensitive column {sensitive.name}",
                where=where,
                do="Make it quasi-identifying, so that it counts in k",
            )
        )
    return problems


@dataclass(frozen=True)
class _LimitWithFloor:
    """A limit of a project beside the platform's floor; a limit of None keeps to the floor."""

    key: str
    value: Decimal | int | None
    floor: Decimal | int
    bound: Literal["at least", "at most"] = "at least"

    @property
    def satisfied(self) -> bool:
        if self.value is None:
            return True
        return self.value >= self.floor if self.bound == "at least" else self.value <= self.floor


def _limits_with_floors(project: Project, floors: PlatformFloors) -> list[_LimitWithFloor]:
    thresholds = project.thresholds
    names = {column.attribute or column.name for column in project.columns} | set(project.column_names)
    k_floor = max([floors.k, *(floor for name, floor in floors.columns.items() if name in names)])
    limits = [
        _LimitWithFloor("k", thresholds.k, k_floor),
        _LimitWithFloor("m", thresholds.m, floors.m),
        _LimitWithFloor("max_share", thresholds.max_share, floors.max_share, "at most"),
        _LimitWithFloor("k_others", thresholds.k_others, floors.k_others),
    ]
    sensitive = project.sensitive_column
    if sensitive is not None and sensitive.constraint is not None:
        constraint = sensitive.constraint
        limits.append(_LimitWithFloor("largest_value", constraint.largest_value, floors.largest_value, "at most"))
        limits.append(_LimitWithFloor("distinct", constraint.distinct, floors.distinct_values))
        if constraint.compares_with_cohort:
            limits.append(_LimitWithFloor("k with t-closeness", thresholds.k, floors.k_for_closeness))
    return limits
