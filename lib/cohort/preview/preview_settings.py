"""The settings that a preview compares: each a small override of the project's declaration.

    [[settings]]
    name = "k20"
    thresholds = { k = 20 }
    recoding = { kind = "local", objective = "mean" }

    [settings.columns]
    rekenen_E = { bands = { from = 0, to = 220, step = 10, widths = [20, 40] }, weight = 2 }
    thuistaal = { left_out = true }
    lezen_E = { quantiles = { groups = 5, joins = [2] } }

What a setting does not name is as the project declares it. Each becomes a declaration of its own, which is held to
everything that a project file is held to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from cohort.agreements import Catalogue, DeclaredBands, Platform, Project, find_limits_under_floors
from cohort.foundation import (
    ConfigurationRefused,
    Declaration,
    ExactNumber,
    describe_problem,
    describe_validation_errors,
    read_declaration,
    several_problems,
)
from cohort.release import load_fitting_hierarchies
from cohort.sdc import MAX_QUANTILE_GROUPS, Hierarchy

AS_DECLARED = "as declared"
"""The name of the project's own settings, which stand first in every comparison."""
MOST_SETTINGS = 24
LEVEL_KEYS = ("weight", "lowest_level", "highest_level")


class ThresholdOverride(Declaration):
    """Thresholds that a setting changes."""

    k: Annotated[int, Field(ge=2)] | None = None
    m: Annotated[int, Field(ge=1)] | None = None
    max_share: Annotated[ExactNumber, Field(gt=0, le=1)] | None = None
    k_others: Annotated[int, Field(ge=0)] | None = None


class RecodingOverride(Declaration):
    """What a setting changes of the recoding."""

    kind: Literal["global", "local"] | None = None
    objective: Literal["geometric", "mean", "class-size", "discernibility", "entropy"] | None = None
    suppression_limit: Annotated[ExactNumber, Field(ge=0, le=1)] | None = None


class QuantileOverride(Declaration):
    """Bands of about equally many pupils, as many as `groups`, and how many neighbours each further level joins."""

    groups: Annotated[int, Field(ge=2, le=MAX_QUANTILE_GROUPS)]
    joins: list[Annotated[int, Field(ge=2)]] = Field(default_factory=list)


class ColumnOverride(Declaration):
    """What a setting changes of one column.

    With `quantiles` the preview proposes the boundaries of the bands, which are multiples of the column's step.
    """

    left_out: bool = False
    bands: DeclaredBands | None = None
    quantiles: QuantileOverride | None = None
    weight: Annotated[ExactNumber, Field(gt=0)] | None = None
    lowest_level: Annotated[int, Field(ge=0)] | None = None
    highest_level: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _coherent(self) -> ColumnOverride:
        if self.left_out and self.model_fields_set - {"left_out"}:
            raise ValueError(
                "Expected nothing else for a column that is left out, for example left_out = true alone; found more in "
                "<where>. Remove the rest."
            )
        levels = {"bands", "lowest_level", "highest_level"} & self.model_fields_set
        if self.quantiles is not None and levels:
            raise ValueError(
                "Expected no bands and no levels for a column with quantiles, which make both, for example quantiles = "
                f"{{ groups = 5 }} alone; found {' and '.join(sorted(levels))} in <where>. Remove one of the two."
            )
        return self


class SettingOverride(Declaration):
    """One setting of the file."""

    name: Annotated[str, Field(min_length=1, max_length=40)]
    thresholds: ThresholdOverride = ThresholdOverride()
    recoding: RecodingOverride = RecodingOverride()
    columns: dict[str, ColumnOverride] = Field(default_factory=dict)


class SettingsFile(Declaration):
    """The file of `--vary`."""

    settings: Annotated[list[SettingOverride], Field(min_length=1, max_length=MOST_SETTINGS)]

    @model_validator(mode="after")
    def _distinct(self) -> SettingsFile:
        times = Counter([AS_DECLARED, *(one.name for one in self.settings)])
        repeated = [name for name, number in times.items() if number > 1]
        if repeated:
            raise several_problems(
                f"Expected every setting by a name of its own, for example k20; found `{name}` several times in "
                "<where>. Rename all but one (`as declared` is the project itself)."
                for name in repeated
            )
        return self


@dataclass(frozen=True, eq=False)
class PreviewSetting:
    """One setting to compare.

    Args:
        name: its name.
        project: the project's declaration with its overrides.
        hierarchies: the hierarchy of each of its columns.
        quantiles: the columns whose bands are still to be made from the cohort (`propose_quantile_bands`).
        proposed: what the project file would say of the columns whose bands were made so.
    """

    name: str
    project: Project
    hierarchies: Mapping[str, Hierarchy]
    quantiles: Mapping[str, QuantileOverride] = field(default_factory=dict)
    proposed: Mapping[str, str] = field(default_factory=dict)

    @property
    def agreed(self) -> dict[str, str | int]:
        """Its thresholds and recoding, by name."""
        thresholds, recoding = self.project.thresholds, self.project.recoding
        return {
            "kind": recoding.kind,
            "objective": recoding.objective,
            "k": thresholds.k,
            "m": thresholds.m,
            "max_share": str(thresholds.max_share),
            "k_others": thresholds.k_others,
            "suppression_limit": str(recoding.suppression_limit),
        }


def load_preview_settings(
    path: Path | None, project: Project, platform: Platform, hierarchies: Path, catalogue: Catalogue
) -> list[PreviewSetting]:
    """Load the settings to compare: the project as it is declared, and those of the file.

    Args:
        path: the file; None to see the declaration alone.
        project: the project's declaration.
        platform: the platform declaration, with the floors.
        hierarchies: the folder of hierarchy files.
        catalogue: the catalogue of tests and schools.

    Raises:
        ConfigurationRefused: a file that cannot be read, unknown keys or columns, settings that no project file could
            have; the problems of all settings at once (exit code 10).
    """
    settings = [PreviewSetting(AS_DECLARED, project, load_fitting_hierarchies(project, hierarchies, catalogue))]
    if path is None:
        return settings
    where, problems = path.name, list[str]()
    for override in read_declaration(path, SettingsFile, where=where).settings:
        place = f"setting `{override.name}` of {where}"
        try:
            varied = _apply(override, project, place)
            problems += find_limits_under_floors(varied, platform, place)
            loaded = load_fitting_hierarchies(varied, hierarchies, catalogue)
        except ConfigurationRefused as refusal:
            problems += _name_place(refusal.problems, project.name, place)
        else:
            quantiles = {name: one.quantiles for name, one in override.columns.items() if one.quantiles is not None}
            settings.append(PreviewSetting(override.name, varied, loaded, quantiles))
    if problems:
        raise ConfigurationRefused(*problems)
    return settings


def _apply(override: SettingOverride, project: Project, place: str) -> Project:
    """Make the declaration of a setting.

    Raises:
        ConfigurationRefused: columns that the project does not have or that cannot be changed so; what `Project`
            refuses (exit code 10).
    """
    problems = list(_find_column_problems(override, project, place))
    if problems:
        raise ConfigurationRefused(*problems)
    content = project.model_dump(by_alias=True, exclude_unset=True)
    content["thresholds"] |= override.thresholds.model_dump(exclude_none=True)
    content["recoding"] |= override.recoding.model_dump(exclude_none=True)
    content["columns"] = [_change_column(column, override.columns.get(column["name"])) for column in content["columns"]]
    content["columns"] = [column for column in content["columns"] if column is not None]
    try:
        return Project.model_validate(content)
    except ValidationError as errors:
        raise ConfigurationRefused(*describe_validation_errors(errors, Project, place)) from None


def _change_column(column: dict[str, Any], override: ColumnOverride | None) -> dict[str, Any] | None:
    """The declaration of a column with its override; None where it is left out."""
    if override is None:
        return column
    if override.left_out:
        return None
    changed = {name: value for name in LEVEL_KEYS if (value := getattr(override, name)) is not None}
    if override.bands is not None:
        changed["bands"] = override.bands.model_dump(by_alias=True, exclude_unset=True)
    return {**column, **changed}


def _find_column_problems(override: SettingOverride, project: Project, place: str) -> Iterator[str]:
    by_name = {column.name: column for column in project.columns}
    for name, change in override.columns.items():
        column = by_name.get(name)
        if column is None:
            yield describe_problem(
                "columns that the project declares",
                example=project.columns[0].name,
                found=f"`{name}`",
                where=place,
                do="Correct the name: a column that is not declared is not in the cohort's records",
            )
        elif change.bands is not None and column.bands is None:
            yield describe_problem(
                "bands only for a column that declares bands",
                example="lowest_level = 1",
                found=f"some for {name}",
                where=place,
                do="Choose another level of its hierarchy file, or declare bands in the project",
            )
        elif change.quantiles is not None and not (column.numeric and column.bands is not None):
            yield describe_problem(
                "quantiles only of scores with declared bands, whose step the boundaries are multiples of",
                example="bands = { from = 0, to = 300, step = 10, widths = [] }",
                found=f"some for {name}",
                where=place,
                do="Leave them out, or declare bands in the project",
            )


def _name_place(sentences: Sequence[str], project: str, place: str) -> list[str]:
    """Say of problems with a declaration made from a setting that they are the setting's."""
    return [sentence.replace(f"projects/{project}.toml", place) for sentence in sentences]
