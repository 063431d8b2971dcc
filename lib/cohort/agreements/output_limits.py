"""Limits on what researchers ask to take out: the table `[output_checking]` of the platform."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from cohort.foundation import Declaration, ExactNumber


class OutputThresholds(Declaration):
    """The limits that the automatic checks hold each file to; a megabyte is 2²⁰ bytes.

    Args:
        pupils: the fewest pupils of a figure.
        degrees_of_freedom: the fewest of a regression, and of a mean or standard deviation.
        schools: the fewest schools of a cell.
        largest_school_share: the largest share of one school.
        p_percent: what is left without the two largest schools, as a part of the largest.
        group_disclosure: the largest share of one value of a sensitive column.
        smallest_share: a share is printed between this and one minus this.
        small_hidden_to: in a rounded table the largest count that is hidden.
        rows: the most rows of a file.
        megabytes_per_file: the largest file.
    """

    pupils: Annotated[int, Field(ge=10)]
    degrees_of_freedom: Annotated[int, Field(ge=10)]
    schools: Annotated[int, Field(ge=5)]
    largest_school_share: Annotated[ExactNumber, Field(gt=0, le=Decimal("0.5"))]
    p_percent: Annotated[ExactNumber, Field(ge=Decimal("0.1"), lt=1)]
    group_disclosure: Annotated[ExactNumber, Field(gt=Decimal("0.5"), le=Decimal("0.9"))]
    smallest_share: Annotated[ExactNumber, Field(ge=Decimal("0.05"), lt=Decimal("0.5"))]
    small_hidden_to: Annotated[int, Field(ge=7)]
    rows: Annotated[int, Field(ge=1, le=5000)]
    megabytes_per_file: Annotated[int, Field(ge=1, le=16)]


class OutputRequestLimits(OutputThresholds):
    """All limits on one request. The number of reviewers is two and no setting.

    Args:
        files: the largest number of files.
        megabytes: all files together.
    """

    files: Annotated[int, Field(ge=1, le=500)]
    megabytes: Annotated[int, Field(ge=1, le=1024)]
