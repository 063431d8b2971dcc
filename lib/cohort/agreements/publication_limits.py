"""The platform's limits on published tables, and the limits of one publication, which may only be stricter."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from cohort.foundation import Declaration, ExactNumber


class CellLimits(Declaration):
    """When a cell of a public table must be hidden.

    Args:
        pupils: a count of fewer pupils, and of more than none, is hidden.
        schools: a cell with pupils of fewer schools is hidden.
        max_share: the largest share of a cell's pupils that one school, or one board, may have.
        p_percent: p of the p % rule: what the other schools have beside the two largest must be at least p % of the
            largest (ESSnet handbook on statistical disclosure control, 4.2).
        largest_value_share: the largest share of one value in a distribution of a sensitive variable.
        degrees_of_freedom: a mean or a standard deviation needs so many pupils and one more.
    """

    pupils: Annotated[int, Field(ge=3)]
    schools: Annotated[int, Field(ge=2)]
    max_share: Annotated[ExactNumber, Field(gt=0, le=Decimal("0.5"))]
    p_percent: Annotated[ExactNumber, Field(gt=0, le=100)]
    largest_value_share: Annotated[ExactNumber, Field(gt=0, lt=1)]
    degrees_of_freedom: Annotated[int, Field(ge=1)]


class PublicationLimits(CellLimits):
    """The floors of every publication, a table of `platform.toml`.

    Args:
        max_primary_share: a publication with a larger share of cells that a rule hides is refused.
        hide_up_to: with method "round", counts up to this number are hidden.
        round_to: with method "round", other counts are rounded to a multiple of this number.
        search_seconds: the time budget of one search for the cells to hide.
        first_pattern_seconds: without a safe pattern after so many seconds the publication is refused.
        search_megabytes: the memory budget of one search.
        epsilon_per_pupil_year: with method "noise": what all tables together may spend of the privacy of one pupil
            in one school year.
    """

    max_primary_share: Annotated[ExactNumber, Field(gt=0, le=Decimal("0.5"))]
    hide_up_to: Annotated[int, Field(ge=3)]
    round_to: Annotated[int, Field(ge=3)]
    search_seconds: Annotated[int, Field(ge=1)]
    first_pattern_seconds: Annotated[int, Field(ge=1)]
    search_megabytes: Annotated[int, Field(ge=100)]
    epsilon_per_pupil_year: Annotated[ExactNumber, Field(gt=0, le=10)]
