"""The settings of a project besides its columns: population, recoding and privacy limits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cohort.agreements.selected_results import SchoolYear
from cohort.foundation import CODE_LISTS, Declaration, ExactNumber


class ClassThresholds(Declaration):
    """The privacy limits of every equivalence class; the meaning of each is that of `PlatformFloors`."""

    k: Annotated[int, Field(ge=2)]
    m: Annotated[int, Field(ge=1)]
    max_share: Annotated[ExactNumber, Field(gt=0, le=1)]
    k_others: Annotated[int, Field(ge=0)]


class ProjectRecoding(Declaration):
    """How the records are recoded.

    `global` recoding generalises each column to one level; `local` recoding gives each class its own levels. Both
    minimise the objective.
    """

    kind: Literal["global", "local"]
    objective: Literal["geometric", "mean", "class-size", "discernibility", "entropy"]
    suppression_limit: Annotated[ExactNumber, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _searchable(self) -> ProjectRecoding:
        if self.kind == "local" and self.objective not in ("geometric", "mean"):
            raise ValueError(
                "Expected objective = 'geometric' or 'mean' for a local recoding, for example in the "
                f"template; found '{self.objective}' in <where>. Change the objective, or the kind to "
                "'global'."
            )
        return self


class ProjectPopulation(Declaration):
    """The school years and year groups of the results that are used; without `jaargroep` all year groups."""

    schooljaar: Annotated[list[SchoolYear], Field(min_length=1)]
    jaargroep: Annotated[list[str], Field(min_length=1)] | None = None

    @field_validator("jaargroep")
    @classmethod
    def _as_results_have_them(cls, groups: list[str] | None) -> list[str] | None:
        code_list = CODE_LISTS["jaargroep"]
        unlisted = [place for place, group in enumerate(groups or (), start=1) if group not in code_list.codes]
        if unlisted:
            instead = [f"`{code}`" for group in groups or () if (code := code_list.alternative_spellings.get(group))]
            raise ValueError(
                "Expected year groups as results have them, for example `7`; found another text in place "
                f"{', '.join(map(str, unlisted))} of population.jaargroep in <where>. "
                f"Write {', '.join(instead) if instead else 'a code of the list in docs/schools.md'}."
            )
        return groups
