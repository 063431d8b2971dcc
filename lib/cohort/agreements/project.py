"""What was agreed with one research project (`conf/projects/<project>.toml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cohort.agreements.declared_columns import DeclaredColumn, ResultSlot, SchoolYear, SelectedResult
from cohort.agreements.platform import Platform
from cohort.agreements.research_purpose import ResearchPurpose
from cohort.foundation import declarations
from cohort.foundation.code_lists import CODE_LISTS
from cohort.foundation.declarations import Declaration, ExactNumber, several_problems
from cohort.foundation.errors import ConfigurationRefused, UsageRefused, describe_problem
from cohort.states import schemas

PROJECT_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")
RESERVED_PROJECT_NAMES = frozenset({"intake", "erasures"})
"""Names that locks and records use for intake's own work."""

MAX_SCHOOL_YEAR_SPAN = 21
"""What a day in a pupil's packed record can tell apart."""


class ClassThresholds(Declaration):
    k: Annotated[int, Field(ge=2)]
    m: Annotated[int, Field(ge=1)]
    max_share: Annotated[ExactNumber, Field(gt=0, le=1)]
    k_others: Annotated[int, Field(ge=0)]


class RecodingSettings(Declaration):
    """`global`: one level per column, the best for the objective. `local`: each class its own levels."""

    kind: Literal["global", "local"]
    objective: Literal["geometric", "mean", "class-size", "discernibility", "entropy"]
    suppression_limit: Annotated[ExactNumber, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _searchable(self) -> RecodingSettings:
        if self.kind == "local" and self.objective not in ("geometric", "mean"):
            raise ValueError(
                "Expected objective = 'geometric' or 'mean' for a local recoding, for example in the "
                f"template; found '{self.objective}' in <where>. Change the objective, or the kind to "
                "'global'."
            )
        return self


class ProjectPopulation(Declaration):
    """Which results are looked at; `jaargroep` left out means all year groups."""

    schooljaar: Annotated[list[SchoolYear], Field(min_length=1)]
    jaargroep: Annotated[list[str], Field(min_length=1)] | None = None

    @field_validator("jaargroep")
    @classmethod
    def _as_results_have_them(cls, groups: list[str] | None) -> list[str] | None:
        listed = CODE_LISTS["jaargroep"]
        odd = [place for place, group in enumerate(groups or (), start=1) if group not in listed.codes]
        if odd:
            instead = [f"`{code}`" for group in groups or () if (code := listed.alternative_spellings.get(group))]
            raise ValueError(
                "Expected year groups as results have them, for example `7`; found another text in place "
                f"{', '.join(map(str, odd))} of population.jaargroep in <where>. "
                f"Write {', '.join(instead) if instead else 'a code of the list in docs/schools.md'}."
            )
        return groups


class Project(ResearchPurpose):
    """One agreement: what for (`Purpose`), which results, shown how, to whom."""

    name: str
    release_class: Literal["anonymous", "pseudonymous"]
    readers: Annotated[str, Field(min_length=1)]
    population: ProjectPopulation
    two_schools: Literal["keep", "set-aside"]
    thresholds: ClassThresholds
    recoding: RecodingSettings
    columns: Annotated[list[DeclaredColumn], Field(min_length=1)]

    @model_validator(mode="after")
    def _coherent(self) -> Project:
        told = [*self._wrong_dates(), *self._wrong_columns()]
        if told:
            raise several_problems(told)
        return self

    def _wrong_columns(self) -> Iterator[str]:
        years = sorted(int(year[:4]) for year in self.population.schooljaar)
        if years[-1] - years[0] > MAX_SCHOOL_YEAR_SPAN:
            yield (
                f"Expected school years at most {MAX_SCHOOL_YEAR_SPAN} apart, for example 2023-2024 and 2024-2025; "
                "found years further apart in <where>. Ask for fewer years."
            )
        names = [column.name.lower() for column in self.columns]
        if len(set(names)) != len(names):
            yield (
                "Expected every column once, for example rekenen_M and rekenen_E; found a name twice "
                "in <where>. Rename one."
            )
        shown: dict[ResultSlot, SelectedResult] = {}
        for result in self.results:
            if shown.setdefault(result.slot, result) != result:
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
        if not shown:
            yield (
                "Expected a column with a result, for example of rekenen; found attributes only in "
                "<where>. A release of test results shows at least one."
            )

    @property
    def results(self) -> tuple[SelectedResult, ...]:
        """Every result shown, once, in the order of the columns."""
        return tuple(dict.fromkeys(r for column in self.columns for r in column.results))

    @property
    def domains(self) -> frozenset[str]:
        """The domains that are shown."""
        return frozenset(result.domein for result in self.results)

    @property
    def special_results(self) -> tuple[SelectedResult, ...]:
        """The results shown that need the pupil's consent: those of columns with a legal ground."""
        return tuple(r for column in self.columns if column.legal_ground is not None for r in column.results)

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def is_pseudonymous(self) -> bool:
        """Whether a row carries the keyed pseudonyms of its pupil and school: then it is personal data."""
        return self.release_class == "pseudonymous"

    @property
    def pseudonym_columns(self) -> tuple[str, ...]:
        """The columns of pseudonyms that are released beside those agreed; an anonymous release has none."""
        return schemas.PSEUDONYM_COLUMNS if self.is_pseudonymous else ()

    @property
    def quasi_identifiers(self) -> list[DeclaredColumn]:
        """The columns that make a class, and count in k."""
        return [column for column in self.columns if column.role == "quasi-identifying"]

    @property
    def sensitive_column(self) -> DeclaredColumn | None:
        """The column whose values are held to a constraint of their own in every class."""
        return next((column for column in self.columns if column.role == "sensitive"), None)

    @property
    def row_order(self) -> list[str]:
        """The columns that rows are ordered by: what makes their class, then the sensitive value."""
        return [c.name for c in sorted(self.columns, key=lambda column: column.role == "sensitive")]

    @property
    def class_limits(self) -> dict[str, str]:
        """Everything that a class is held to, as a record tells it."""
        own = self.sensitive_column.constraint if self.sensitive_column is not None else None
        asked = [*self.thresholds, *(own or ())]
        return {name: str(limit) for name, limit in asked if limit is not None}


def check_project_name(name: str) -> None:
    """Refuse a project name that cannot be a folder, a file and a table (exit code 2)."""
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
    """A project's declaration, held to the platform's floors.

    Takes: the configuration folder, the project's name, the platform.
    Refuses: what `config.read` refuses, a name that differs from the file's, thresholds under the
    floors (exit code 10); an impossible name (exit code 2).
    """
    check_project_name(name)
    where = f"projects/{name}.toml"
    project = declarations.read_declaration(folder / where, Project, where=where)
    problems = [*_under_floors(project, platform, where)]
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


def _under_floors(project: Project, platform: Platform, where: str) -> list[str]:
    floors, asked = platform.floors, project.thresholds
    shown = {column.attribute or column.name for column in project.columns} | set(project.column_names)
    k = max([floors.k, *(floor for name, floor in floors.columns.items() if name in shown)])
    held = [
        ("k", asked.k, k, asked.k >= k, "at least"),
        ("m", asked.m, floors.m, asked.m >= floors.m, "at least"),
        ("max_share", asked.max_share, floors.max_share, asked.max_share <= floors.max_share, "at most"),
        ("k_others", asked.k_others, floors.k_others, asked.k_others >= floors.k_others, "at least"),
    ]
    own = project.sensitive_column
    if own is not None and own.constraint is not None:
        share, most = own.constraint.largest_value, floors.largest_value
        held.append(("largest_value", share, most, share <= most, "at most"))
        values, few = own.constraint.distinct, floors.distinct_values
        held.append(("distinct", values, few, values is None or values >= few, "at least"))
        if own.constraint.compares_with_cohort:
            far = floors.k_for_closeness
            held.append(("k with t-closeness", asked.k, far, asked.k >= far, "at least"))
    told = [
        describe_problem(
            f"{key} {way} {floor}, the platform's floor",
            example=f"{key} = {floor}",
            found=f"{key} = {value}",
            where=where,
            do="Keep to the floor of platform.toml",
        )
        for key, value, floor, holds, way in held
        if not holds
    ]
    if own is not None and floors.columns.keys() & {own.name, own.attribute}:
        told.append(
            describe_problem(
                "a quasi-identifying column where the platform has a floor for it",
                example="regio",
                found=f"the sensitive column {own.name}",
                where=where,
                do="Make it quasi-identifying, so that it counts in k",
            )
        )
    return told
