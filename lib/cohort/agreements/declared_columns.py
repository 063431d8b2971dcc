"""The columns that a project file declares: what each is made from, and how it is generalised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.label_texts import LabelText
from cohort.agreements.research_purpose import ReasonText
from cohort.agreements.selected_results import NUMERIC_SCORES, ResultDifference, SelectedResult
from cohort.data_states import IDENTIFYING_COLUMNS, PUPIL_ATTRIBUTES
from cohort.foundation import Declaration, ExactNumber, several_problems

COLUMN_NAME = re.compile(r"[a-z][A-Za-z0-9_]{0,39}")
NUMERIC_ATTRIBUTES = ("ses", "postcode4")
"""The attributes whose values are whole numbers."""
BOUND_SUFFIXES = ("_van", "_tot")
"""What follows a column's name in the names of the columns with its lower and its upper bound."""
MEAN_SUFFIX = "_gemiddelde"
"""What follows a column's name in the name of the column with the mean of its class."""


class SensitiveLimits(Declaration):
    """Limits on the values of a sensitive column in each class, counted over the pupils whose value is shown.

    The platform's floor is the limit where one is left out.

    Args:
        largest_value: largest share of one value.
        distinct: least number of different values (distinct l-diversity).
        entropy: least entropy, as that of so many equally frequent values (entropy l-diversity).
        equal_closeness: largest distance from the values of all pupils with a value, with equal distances between
            values (t-closeness).
        ordered_closeness: the same, with values in the order of their hierarchy file.
    """

    largest_value: Annotated[ExactNumber, Field(gt=0, lt=1, decimal_places=6)]
    distinct: Annotated[int, Field(ge=2)] | None = None
    entropy: Annotated[ExactNumber, Field(gt=1, le=1_000_000, decimal_places=6)] | None = None
    equal_closeness: Annotated[ExactNumber, Field(ge=0, lt=1, decimal_places=6)] | None = None
    ordered_closeness: Annotated[ExactNumber, Field(ge=0, lt=1, decimal_places=6)] | None = None

    @property
    def compares_with_cohort(self) -> bool:
        """Whether a limit compares a class with all pupils who have a value: t-closeness."""
        return self.equal_closeness is not None or self.ordered_closeness is not None

    @property
    def requires_diversity(self) -> bool:
        """Whether there is a limit of l-diversity or t-closeness besides the largest share of one value."""
        return any(limit is not None for name, limit in self if name != "largest_value")


class DeclaredColumn(Declaration):
    """One released column: a result, a difference or an attribute, with its hierarchy and the reason for it.

    A quasi-identifying column is generalised by its hierarchy. A sensitive column shows the leaf itself, and satisfies
    `constraint` in every class.

    A numeric value falls in the band `[n·step, (n+1)·step)`, which is a leaf of the hierarchy. With step 1 its label
    is `n`, otherwise `lower tot upper` (Dutch for: up to, not including). Bands are declared here (`bands`), or
    `hierarchy` names a file that lists them.

    `label` and `value_labels` are what the codebook and exported files call the column and its values, where the names
    that the platform has are not what the project means.

    With `typed` the bounds of the label are released too, as two columns of whole numbers (`bound_names`).

    With `show = "mean"` the mean of the exact scores of the equivalence class is released too (`mean_names`), rounded
    to `mean_step` points; `class_means` has the rules of the step.

    `legal_ground` is what allows the use of special-category results. Such a column is sensitive, and shows the values
    of pupils with consent alone.
    """

    name: str
    why: ReasonText
    role: Literal["quasi-identifying", "sensitive"]
    hierarchy: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_]*$")] | None = None
    bands: DeclaredBands | None = None
    typed: bool = False
    show: Literal["mean"] | None = None
    mean_step: Annotated[ExactNumber, Field(gt=0, decimal_places=2)] | None = None
    result: SelectedResult | None = None
    difference: ResultDifference | None = None
    attribute: str | None = None
    born: Literal["cohort", "quarter", "year"] | None = None
    step: Annotated[int, Field(ge=1)] | None = None
    weight: Annotated[ExactNumber, Field(gt=0)] | None = None
    lowest_level: Annotated[int, Field(ge=0)] = 0
    highest_level: Annotated[int, Field(ge=0)] | None = None
    constraint: SensitiveLimits | None = None
    legal_ground: ReasonText | None = None
    label: LabelText | None = None
    value_labels: Annotated[dict[str, LabelText], Field(default_factory=dict)]

    @field_validator("name")
    @classmethod
    def _valid_name(cls, name: str) -> str:
        if not COLUMN_NAME.fullmatch(name):
            raise ValueError(
                "Expected a column name of letters, digits and _, for example rekenen_M7; found "
                "another in <where>. Rename the column."
            )
        if name.lower() in IDENTIFYING_COLUMNS:
            raise ValueError(_identifying(name))
        return name

    @field_validator("attribute")
    @classmethod
    def _pupil_attribute(cls, attribute: str | None) -> str | None:
        if attribute is not None and attribute.lower() in IDENTIFYING_COLUMNS:
            raise ValueError(_identifying(attribute))
        if attribute is not None and attribute not in PUPIL_ATTRIBUTES:
            raise ValueError(
                f"Expected an attribute of the pupil, for example {', '.join(PUPIL_ATTRIBUTES[:3])}; "
                "found another in <where>. Remove the column or choose another attribute."
            )
        return attribute

    @field_validator("role", mode="before")
    @classmethod
    def _supported_role(cls, role: object) -> object:
        if role == "identifying":
            raise ValueError(_identifying("this role"))
        if role == "insensitive":
            raise ValueError(
                "Expected role = 'quasi-identifying' or 'sensitive', for example in the template; found role "
                "'insensitive', which is not supported yet, in <where>. Give the column a hierarchy."
            )
        return role

    @model_validator(mode="after")
    def _coherent(self) -> DeclaredColumn:
        problems = [*self._find_source_problems(), *self._find_role_problems()]
        if problems:
            raise several_problems(problems)
        return self

    def _find_source_problems(self) -> Iterator[str]:
        sources = [s for s in (self.result, self.difference, self.attribute) if s is not None]
        if len(sources) != 1:
            yield (
                f"Expected one source, for example attribute = 'geslacht'; found {len(sources)} for "
                f"column {self.name} in <where>. Give just one of result, difference, attribute."
            )
        if (self.attribute == "geboortedatum") != (self.born is not None):
            yield (
                "Expected born = 'cohort', 'quarter' or 'year', for example born = 'cohort', with the "
                f"attribute geboortedatum and with no other; found otherwise for column {self.name} "
                "in <where>. Never a date."
            )
        if (self.numeric and self.bands is None) != (self.step is not None):
            yield (
                f"Expected a step with every numeric value and with no other, for example step = 20; "
                f"found otherwise for column {self.name} in <where>. Add or remove the step; declared bands "
                "have it among them."
            )
        yield from self._find_band_problems()

    def _find_band_problems(self) -> Iterator[str]:
        if (self.hierarchy is None) == (self.bands is None):
            yield (
                "Expected a hierarchy or bands, for example bands = { from = 0, to = 300, step = 20, "
                f"widths = [40] }}; found {'neither' if self.bands is None else 'both'} for column "
                f"{self.name} in <where>. Give just one of them."
            )
        if self.bands is not None:
            values = self.numeric or self.attribute in NUMERIC_ATTRIBUTES
            yield from self.bands.find_column_problems(self.name, scores=self.numeric, numbers=values, born=self.born)
        if self.typed and (self.bands is None or self.born == "quarter"):
            yield (
                "Expected typed = true with declared bands of numbers or years alone, for example bands = { from = 0, "
                f"to = 300, step = 20, widths = [40] }}; found otherwise for column {self.name} in <where>. Remove "
                "typed: no other label has bounds that are whole numbers."
            )

        yield from self._find_mean_problems()

    def _find_mean_problems(self) -> Iterator[str]:
        if self.show == "mean" and not (self.numeric and self.bands is not None and self.role == "quasi-identifying"):
            yield (
                "Expected show = 'mean' with a quasi-identifying score or difference with declared bands alone, for "
                "example bands = { from = 0, to = 300, step = 20, widths = [40] }; found otherwise for column "
                f"{self.name} in <where>. Remove show, or declare the bands."
            )
        if self.mean_step is not None and self.show != "mean":
            yield (
                "Expected a mean_step with show = 'mean' alone, for example show = 'mean' and mean_step = 5; found it "
                f"without for column {self.name} in <where>. Remove mean_step, or show the mean."
            )

    def _find_role_problems(self) -> Iterator[str]:
        sensitive = self.role == "sensitive"
        if sensitive != (self.constraint is not None):
            yield (
                "Expected a constraint with every sensitive column and with no other, for example "
                f"constraint = {{ largest_value = 0.9 }}; found otherwise for column {self.name} in <where>. "
                "Add or remove the constraint."
            )
        level_settings = {"weight", "lowest_level", "highest_level"} & self.model_fields_set
        if sensitive and level_settings:
            yield (
                "Expected no level and no weight for a sensitive column, for example a constraint alone; "
                f"found {' and '.join(sorted(level_settings))} for column {self.name} in <where>. Remove what "
                "says how it is generalised: it is not."
            )
        if self.legal_ground is not None and not (
            self.results and self.constraint and self.constraint.requires_diversity
        ):
            yield (
                "Expected a legal ground only for results in a sensitive column with l-diversity or "
                "t-closeness, for example constraint = { largest_value = 0.9, distinct = 3 }; found "
                f"otherwise for column {self.name} in <where>. Make it so: "
                "special-category values are never shown with less."
            )

    @property
    def numeric(self) -> bool:
        """Whether the leaves of the hierarchy are bands of scores."""
        return self.difference is not None or (self.result is not None and self.result.value in NUMERIC_SCORES)

    @property
    def score_unit(self) -> int:
        """By what a score of a numeric column is multiplied to be a whole number."""
        return self.results[0].unit

    @property
    def band_width(self) -> int | None:
        """The width in points of a leaf of a numeric column."""
        return self.bands.step if self.numeric and self.bands is not None else self.step

    @property
    def bound_names(self) -> tuple[str, ...]:
        """The names of the columns with the lower and the upper bound; none where the column is not typed."""
        return tuple(f"{self.name}{suffix}" for suffix in BOUND_SUFFIXES) if self.typed else ()

    @property
    def mean_names(self) -> tuple[str, ...]:
        """The name of the column with the mean of the class; none where the column shows no mean."""
        return (f"{self.name}{MEAN_SUFFIX}",) if self.show == "mean" else ()

    @property
    def results(self) -> tuple[SelectedResult, ...]:
        """The results that the column is made from: none, one, or the earlier and the later one."""
        if self.difference is not None:
            return self.difference.results
        return (self.result,) if self.result is not None else ()


def _identifying(column: str) -> str:
    return (
        "Expected only columns that identify nobody, for example geslacht or a banded score; "
        f"found {column} in <where>. Remove the column: it never leaves the restricted zone."
    )
