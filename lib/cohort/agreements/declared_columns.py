"""What a project file says of its released columns: where a value comes from, and how it is generalised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from cohort.agreements.declared_bands import DeclaredBands
from cohort.agreements.research_purpose import ReasonText
from cohort.foundation.declarations import Declaration, ExactNumber, several_problems
from cohort.states import schemas

COLUMN_NAME = re.compile(r"[a-z][A-Za-z0-9_]{0,39}")
NUMERIC_SCORES = ("vaardigheidsscore", "ruwe_score")
NUMERIC_ATTRIBUTES = ("ses", "postcode4")
"""Attributes that are whole numbers."""
MOMENT_ORDER = ("B", "M", "E")
"""The moments of a school year, in order."""


def _two_years_in_a_row(year: str) -> str:
    if not re.fullmatch(r"20\d\d-20\d\d", year) or int(year[5:]) != int(year[:4]) + 1:
        raise ValueError(
            "Expected a school year of two years in a row, for example 2024-2025; found another text in "
            "<where>. Correct the year."
        )
    return year


SchoolYear = Annotated[str, AfterValidator(_two_years_in_a_row)]
MomentCode = Literal["B", "M", "E"]
ScoreKind = Literal["vaardigheidsscore", "ruwe_score", "niveau_AE", "niveau_IV"]
ResultChoice = Literal["latest", "first", "highest"]


class ResultSlot(Declaration):
    """One place in a pupil's record: the result of one domain, school year and moment."""

    domein: str
    schooljaar: SchoolYear
    moment: MomentCode


class SelectedResult(ResultSlot):
    """A result to show, and which one when there are several of that moment."""

    schaal: str
    value: ScoreKind
    several: ResultChoice

    @property
    def slot(self) -> ResultSlot:
        return ResultSlot(domein=self.domein, schooljaar=self.schooljaar, moment=self.moment)


class SchoolYearMoment(Declaration):
    schooljaar: SchoolYear
    moment: MomentCode

    @property
    def order_key(self) -> tuple[str, int]:
        """Where it stands in time."""
        return self.schooljaar, MOMENT_ORDER.index(self.moment)


class ResultDifference(Declaration):
    """The later result minus the earlier one of the same domain, on one scale."""

    domein: str
    schaal: str
    value: Literal["vaardigheidsscore", "ruwe_score"]
    several: ResultChoice
    earlier: SchoolYearMoment
    later: SchoolYearMoment

    @model_validator(mode="after")
    def _forward(self) -> ResultDifference:
        if self.earlier.order_key >= self.later.order_key:
            raise ValueError(
                "Expected earlier before later, for example M and then E of one school year; found them "
                f"otherwise for {self.domein} in <where>. Exchange them."
            )
        return self

    @property
    def results(self) -> tuple[SelectedResult, SelectedResult]:
        """The earlier and the later result."""
        return self._at(self.earlier), self._at(self.later)

    def _at(self, when: SchoolYearMoment) -> SelectedResult:
        return SelectedResult(
            domein=self.domein,
            schooljaar=when.schooljaar,
            moment=when.moment,
            schaal=self.schaal,
            value=self.value,
            several=self.several,
        )


class SensitiveLimits(Declaration):
    """What a class may give away of a sensitive column, counted among its pupils whose value is shown; of a
    limit that is left out the platform's floor holds.

    `largest_value`: no value has a larger share of a class. `distinct`: so many different values.
    `entropy`: as varied as so many equally frequent ones. `equal_closeness`, `ordered_closeness`: no further
    from the values of all pupils who have one, values equally far apart or in the order of their file.
    """

    largest_value: Annotated[ExactNumber, Field(gt=0, lt=1, decimal_places=6)]
    distinct: Annotated[int, Field(ge=2)] | None = None
    entropy: Annotated[ExactNumber, Field(gt=1, le=1_000_000, decimal_places=6)] | None = None
    equal_closeness: Annotated[ExactNumber, Field(ge=0, lt=1, decimal_places=6)] | None = None
    ordered_closeness: Annotated[ExactNumber, Field(ge=0, lt=1, decimal_places=6)] | None = None

    @property
    def compares_with_cohort(self) -> bool:
        """Whether it holds a class against all pupils who have a value: t-closeness."""
        return self.equal_closeness is not None or self.ordered_closeness is not None

    @property
    def requires_diversity(self) -> bool:
        """Whether it asks for l-diversity or t-closeness beside the largest share of one value."""
        return any(limit is not None for name, limit in self if name != "largest_value")


class DeclaredColumn(Declaration):
    """One released column: a result, a difference or an attribute, its hierarchy, and why it is needed.

    A quasi-identifying column is generalised by its hierarchy; a sensitive one shows the leaf itself, under a
    constraint of its own.

    A numeric value falls in the band `[n·step, (n+1)·step)`, which is the leaf of the hierarchy: with
    step 1 its label is `n`, else `lower tot upper` (Dutch: up to, not including). Bands are declared here
    (`bands`), or `hierarchy` names a file that lists them.

    `legal_ground` says what allows the use of special-category results: such a column is sensitive, and shows
    the values of pupils with consent only.
    """

    name: str
    why: ReasonText
    role: Literal["quasi-identifying", "sensitive"]
    hierarchy: Annotated[str, Field(pattern=r"^[a-z][A-Za-z0-9_]*$")] | None = None
    bands: DeclaredBands | None = None
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

    @field_validator("name")
    @classmethod
    def _speakable(cls, name: str) -> str:
        if not COLUMN_NAME.fullmatch(name):
            raise ValueError(
                "Expected a column name of letters, digits and _, for example rekenen_M7; found "
                "another in <where>. Rename the column."
            )
        if name.lower() in schemas.IDENTIFYING_COLUMNS:
            raise ValueError(_identifying(name))
        return name

    @field_validator("attribute")
    @classmethod
    def _of_the_pupil(cls, attribute: str | None) -> str | None:
        if attribute is not None and attribute.lower() in schemas.IDENTIFYING_COLUMNS:
            raise ValueError(_identifying(attribute))
        if attribute is not None and attribute not in schemas.PUPIL_ATTRIBUTES:
            raise ValueError(
                f"Expected an attribute of the pupil, for example {', '.join(schemas.PUPIL_ATTRIBUTES[:3])}; "
                "found another in <where>. Remove the column or choose another attribute."
            )
        return attribute

    @field_validator("role", mode="before")
    @classmethod
    def _supported(cls, role: object) -> object:
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
        told = [*self._wrong_source(), *self._wrong_for_its_role()]
        if told:
            raise several_problems(told)
        return self

    def _wrong_source(self) -> Iterator[str]:
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
        yield from self._wrong_bands()

    def _wrong_bands(self) -> Iterator[str]:
        if (self.hierarchy is None) == (self.bands is None):
            yield (
                "Expected a hierarchy or bands, for example bands = { from = 0, to = 300, step = 20, "
                f"widths = [40] }}; found {'neither' if self.bands is None else 'both'} for column "
                f"{self.name} in <where>. Give just one of them."
            )
        if self.bands is not None:
            values = self.numeric or self.attribute in NUMERIC_ATTRIBUTES
            yield from self.bands.find_column_problems(self.name, scores=self.numeric, numbers=values, born=self.born)

    def _wrong_for_its_role(self) -> Iterator[str]:
        sensitive = self.role == "sensitive"
        if sensitive != (self.constraint is not None):
            yield (
                "Expected a constraint with every sensitive column and with no other, for example "
                f"constraint = {{ largest_value = 0.9 }}; found otherwise for column {self.name} in <where>. "
                "Add or remove the constraint."
            )
        of_levels = {"weight", "lowest_level", "highest_level"} & self.model_fields_set
        if sensitive and of_levels:
            yield (
                "Expected no level and no weight for a sensitive column, for example a constraint alone; "
                f"found {' and '.join(sorted(of_levels))} for column {self.name} in <where>. Remove what "
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
        """Whether leaves are bands of numbers."""
        return self.difference is not None or (self.result is not None and self.result.value in NUMERIC_SCORES)

    @property
    def band_width(self) -> int | None:
        """How many points a leaf of a numeric column holds."""
        return self.bands.step if self.numeric and self.bands is not None else self.step

    @property
    def results(self) -> tuple[SelectedResult, ...]:
        """The results the column is made from: none, one, or the earlier and the later one."""
        if self.difference is not None:
            return self.difference.results
        return (self.result,) if self.result is not None else ()


def _identifying(found: str) -> str:
    return (
        "Expected only columns that identify nobody, for example geslacht or a banded score; "
        f"found {found} in <where>. Remove the column: it never leaves the restricted zone."
    )
