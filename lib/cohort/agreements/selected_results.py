"""Which results a column is made from: a result of one domain, school year and moment, or the difference of two."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, model_validator

from cohort.foundation import Declaration

NUMERIC_SCORES = ("vaardigheidsscore", "ruwe_score")
MOMENT_ORDER = ("B", "M", "E")
"""The test moments of a school year in order: begin, middle, end."""


def _consecutive_years(year: str) -> str:
    if not re.fullmatch(r"20\d\d-20\d\d", year) or int(year[5:]) != int(year[:4]) + 1:
        raise ValueError(
            "Expected a school year of two years in a row, for example 2024-2025; found another text in "
            "<where>. Correct the year."
        )
    return year


SchoolYear = Annotated[str, AfterValidator(_consecutive_years)]
MomentCode = Literal["B", "M", "E"]
ScoreKind = Literal["vaardigheidsscore", "ruwe_score", "niveau_AE", "niveau_IV"]
ResultChoice = Literal["latest", "first", "highest"]


class ResultSlot(Declaration):
    """One place in a pupil record: the result of one domain, school year and moment."""

    domein: str
    schooljaar: SchoolYear
    moment: MomentCode


class SelectedResult(ResultSlot):
    """The result that a column takes from a slot: on which scale, which score, and which one of several."""

    schaal: str
    value: ScoreKind
    several: ResultChoice

    @property
    def unit(self) -> int:
        """By what a score is multiplied to be a whole number: 100 for scores with two decimals, else 1."""
        return 100 if self.value == "vaardigheidsscore" else 1

    @property
    def slot(self) -> ResultSlot:
        return ResultSlot(domein=self.domein, schooljaar=self.schooljaar, moment=self.moment)


class SchoolYearMoment(Declaration):
    """A test moment of a school year."""

    schooljaar: SchoolYear
    moment: MomentCode

    @property
    def order_key(self) -> tuple[str, int]:
        """The key by which moments are in the order of time."""
        return self.schooljaar, MOMENT_ORDER.index(self.moment)


class ResultDifference(Declaration):
    """The difference of two results of one domain and scale: the later one minus the earlier one."""

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
