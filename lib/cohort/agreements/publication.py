"""The declaration of one publication (`conf/publications/<name>.toml`): which public tables are made, and from what.

It is checked against itself when it is read, and against the limits of the platform by `load_publication`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cohort.agreements.label_texts import LabelText
from cohort.agreements.platform import Platform
from cohort.agreements.publication_limits import CellLimits
from cohort.agreements.publication_tables import DeclaredMeasure, DeclaredScore, DeclaredTable, DeclaredVariable
from cohort.agreements.research_purpose import NonBlankText, ReasonText
from cohort.agreements.selected_results import SchoolYear
from cohort.foundation import (
    CODE_LISTS,
    ConfigurationRefused,
    Declaration,
    ExactNumber,
    UsageRefused,
    describe_problem,
    read_declaration,
    several_problems,
)

PUBLICATION_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


class PublicationPopulation(Declaration):
    """Which pupils are counted: of which school years and year groups, and with which scores.

    Args:
        schooljaar: the school years.
        jaargroep: the year groups; left out, all.
        scores: the names of scores, each with all of its moments, that every counted pupil has.
    """

    schooljaar: Annotated[list[SchoolYear], Field(min_length=1)]
    jaargroep: Annotated[list[str], Field(min_length=1)] | None = None
    scores: list[str] = Field(default_factory=list)

    @field_validator("jaargroep")
    @classmethod
    def _as_results_have_them(cls, groups: list[str] | None) -> list[str] | None:
        if groups is not None and not set(groups) <= set(CODE_LISTS["jaargroep"].codes):
            raise ValueError(
                "Expected year groups as results have them, for example `7`; found another text in "
                "population.jaargroep in <where>. Write a code of the list in docs/schools.md."
            )
        return groups


class NoiseSettings(Declaration):
    """With method "noise": whose contribution is protected, how much is spent, and which error is still of use.

    Args:
        unit: whose contribution the noise hides: one pupil's in a school year, or one school's.
        epsilon: what all tables of the publication spend together.
        school_pupils: of unit school: at most so many pupils of each school count, in all cells of a table together.
        largest_error: a table is refused whose counts are off by more pupils in 5 of 100 cells.
        largest_mean_error: and whose means are off by more points.
        smallest_mean: a mean of fewer pupils is not given.
    """

    unit: Literal["pupil", "school"]
    epsilon: Annotated[ExactNumber, Field(gt=0, le=10, decimal_places=6)]
    school_pupils: Annotated[int, Field(ge=1)] | None = None
    largest_error: Annotated[ExactNumber, Field(gt=0)]
    largest_mean_error: Annotated[ExactNumber, Field(gt=0)]
    smallest_mean: Annotated[int, Field(ge=2)]

    @model_validator(mode="after")
    def _coherent(self) -> NoiseSettings:
        if (self.unit == "school") != (self.school_pupils is not None):
            raise ValueError(
                "Expected school_pupils with unit = 'school' and without otherwise, for example school_pupils = 30; "
                "found otherwise in <where>. Add or remove it."
            )
        return self


class Publication(Declaration):
    """The agreement on one publication."""

    name: str
    title: LabelText
    purpose: ReasonText
    requested_by: NonBlankText
    rows: Literal["selection", "release"]
    project: str | None = None
    method: Literal["suppress", "round", "noise"]
    population: PublicationPopulation
    limits: CellLimits
    variables: Annotated[list[DeclaredVariable], Field(min_length=1)]
    scores: list[DeclaredScore] = Field(default_factory=list)
    tables: Annotated[list[DeclaredTable], Field(min_length=1)]
    noise: NoiseSettings | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Publication:
        problems = [*self._find_name_problems(), *self._find_source_problems(), *self._find_table_problems()]
        if problems:
            raise several_problems(problems)
        return self

    def _find_name_problems(self) -> Iterator[str]:
        kinds: dict[str, Sequence[str]] = {
            "variable": [variable.name for variable in self.variables] + [score.name for score in self.scores],
            "table": [table.name for table in self.tables],
        }
        for kind, names in kinds.items():
            if len(set(names)) != len(names):
                yield (
                    f"Expected every {kind} or score under a name of its own, for example regio; found a name twice in "
                    "<where>. Rename one."
                )

    def _find_source_problems(self) -> Iterator[str]:
        if (self.rows == "release") != (self.project is not None):
            yield (
                "Expected a project with rows = 'release' and without otherwise, for example project = 'leergroei'; "
                "found otherwise in <where>. Add or remove it."
            )
        wrong = [one.name for one in self.variables if (one.column is not None) != (self.rows == "release")]
        if wrong:
            yield (
                "Expected variables with a column with rows = 'release', and with an attribute otherwise, for example "
                f"attribute = 'geslacht'; found otherwise for {', '.join(wrong)} in <where>. Correct them."
            )
        if self.rows == "release" and self.method != "suppress":
            yield (
                "Expected method = 'suppress' with rows = 'release', for example without [noise]; found another in "
                "<where>. Every row of a release stands in a class: nothing is rounded."
            )
        if self.rows == "release" and (self.scores or self.method == "noise"):
            yield (
                "Expected counts and shares alone of the rows of a release, for example kind = 'count'; found scores "
                "or noise in <where>. A release has bands, not scores: remove them."
            )
        if (self.method == "noise") != (self.noise is not None):
            yield (
                "Expected [noise] with method = 'noise' and without otherwise, for example unit = 'pupil' and epsilon "
                "= 1; found otherwise in <where>. Add or remove it."
            )
        kinds = {measure.kind for table in self.tables for measure in table.measures}
        allowed = {"noise": {"count", "mean"}, "round": {"count"}}.get(self.method, kinds)
        if not kinds <= allowed:
            yield (
                f"Expected measures that can be published with method = '{self.method}', for example kind = 'count'; "
                f"found {', '.join(sorted(kinds - allowed))} in <where>. Use {' and '.join(sorted(allowed))}."
            )
        if self.method == "round" and len(self.tables) > 1:
            yield (
                "Expected one table with method = 'round', for example by = ['regio', 'jaargroep']; found "
                f"{len(self.tables)} in <where>. Totals are sums of rounded parts, so that two tables would print two "
                "totals for the same pupils: make a publication of each."
            )
        if self.method == "noise" and any(variable.attribute == "schoolgrootte" for variable in self.variables):
            yield (
                "Expected variables that one pupil changes for itself alone with method = 'noise', for example regio; "
                "found schoolgrootte in <where>. One pupil can move a whole school to another class: leave it out."
            )
        unknown = sorted(set(self.population.scores) - {score.name for score in self.scores})
        if unknown:
            yield (
                "Expected declared scores in population.scores, for example a name of [[scores]]; found "
                f"{', '.join(unknown)} in <where>. Declare them under [[scores]]."
            )

    def _find_table_problems(self) -> Iterator[str]:
        variables = {variable.name: variable for variable in self.variables}
        scores = {score.name: score for score in self.scores}
        for table in self.tables:
            place = f"table {table.name} in <where>"
            unknown = sorted({*table.by, *table.hierarchies} - set(variables))
            if unknown or len(set(table.by)) != len(table.by):
                yield (
                    f"Expected declared variables, each once, for example {self.variables[0].name}; found "
                    f"{', '.join(unknown) or 'one twice'} in {place}. Correct it."
                )
                continue
            for name in table.by:
                yield from _find_hierarchy_problems(variables[name], table, place)
            if any(measure.variable in table.by for measure in table.measures):
                yield (
                    "Expected a share of a variable that the table does not show, for example of a table by "
                    f"{table.by[0]} that of another one; found one of its own in {place}. Take it out of `by`."
                )
            for measure in table.measures:
                yield from self._find_measure_problems(measure, variables, scores, place)

    def _find_measure_problems(
        self,
        measure: DeclaredMeasure,
        variables: dict[str, DeclaredVariable],
        scores: dict[str, DeclaredScore],
        place: str,
    ) -> Iterator[str]:
        if measure.variable is not None and measure.variable not in variables:
            yield (
                f"Expected a declared variable of a share, for example {self.variables[0].name}; found another in "
                f"{place}. Correct it."
            )
        if measure.score is None:
            return
        score = scores.get(measure.score)
        if score is None or (measure.moment is not None and measure.moment not in score.moments):
            yield (
                "Expected a declared score and one of its moments, for example score = 'rekenen', moment = 'E'; found "
                f"another in {place}. Correct it."
            )
        elif measure.kind == "growth" and len(score.moments) != 2:
            yield (
                "Expected growth of a score with two moments, for example moments = ['M', 'E']; found "
                f"{len(score.moments)} of {score.name} in {place}. Correct the score."
            )

    @property
    def domains(self) -> frozenset[str]:
        """The domains of the scores."""
        return frozenset(score.domein for score in self.scores)


def _find_hierarchy_problems(variable: DeclaredVariable, table: DeclaredTable, place: str) -> Iterator[str]:
    chosen = table.hierarchies.get(variable.name)
    if len(variable.hierarchies) > 1 and chosen is None:
        yield (
            f"Expected the hierarchy of {variable.name}, which has several, for example hierarchies = "
            f"{{ {variable.name} = '{variable.hierarchies[0]}' }}; found none in {place}. Name one."
        )
    if chosen is not None and chosen not in variable.hierarchies:
        yield (
            f"Expected a hierarchy that {variable.name} declares, for example "
            f"{variable.hierarchies[0] if variable.hierarchies else 'none'}; found another in {place}. Correct it."
        )


def check_publication_name(name: str) -> None:
    """Check that a name can be that of a publication.

    Raises:
        UsageRefused: another name (exit code 2).
    """
    if not PUBLICATION_NAME.fullmatch(name):
        raise UsageRefused(
            describe_problem(
                "the name of a publication of small letters, digits and _",
                example="leerlingen",
                found="another",
                where="--publication",
                do="Give the name of a file in conf/publications",
            )
        )


def load_publication(folder: Path, name: str, platform: Platform) -> Publication:
    """Load the declaration of a publication and check it against the limits of the platform.

    Args:
        folder: the configuration folder.
        name: the name of the publication.
        platform: the platform declaration.

    Raises:
        ConfigurationRefused: a file that is missing or is no valid declaration, that declares another name, or weaker
            limits than the platform's (exit code 10).
        UsageRefused: an impossible name (2).
    """
    check_publication_name(name)
    where = f"publications/{name}.toml"
    publication = read_declaration(folder / where, Publication, where=where)
    problems = list(_find_weaker_limits(publication, platform, where))
    if publication.name != name:
        problems.append(
            describe_problem(
                f"name = '{name}'",
                example=f"name = '{name}'",
                found="another name",
                where=where,
                do="A publication has the name of its file",
            )
        )
    if problems:
        raise ConfigurationRefused(*problems)
    return publication


def _find_weaker_limits(publication: Publication, platform: Platform, where: str) -> Iterator[str]:
    for name, own in publication.limits:
        floor: Decimal | int = getattr(platform.publications, name)
        at_most = name in ("max_share", "largest_value_share")
        if own > floor if at_most else own < floor:
            yield describe_problem(
                f"{name} {'at most' if at_most else 'at least'} {floor}, the platform's limit",
                example=f"{name} = {floor}",
                found=f"{name} = {own}",
                where=where,
                do="Keep to [publications] of platform.toml",
            )
