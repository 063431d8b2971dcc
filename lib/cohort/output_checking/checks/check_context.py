"""What the checks compare a request with: limits, the published table and what was released before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated

import pyarrow as pa
from pydantic import Field

from cohort.foundation import Declaration, ExactNumber


class OutputThresholds(Declaration):
    """The limits of `[output_checking]`.

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
        megabytes: the largest file.
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
    megabytes: Annotated[int, Field(ge=1, le=16)]


@dataclass(frozen=True)
class ReleasedCell:
    """A cell that was released before: which pupils it counts.

    Args:
        selection: per column of the published table the labels whose pupils it counts; a column left out takes all.
        rounded_to: the base to which its count was rounded.
        known_only: the column of which only pupils with a value are counted.
    """

    selection: Mapping[str, frozenset[str]]
    rounded_to: int = 1
    known_only: str | None = None


@dataclass(frozen=True)
class CheckContext:
    """What a request is checked against.

    Args:
        thresholds: the limits.
        published_table: the rows of the project's published table, one per pupil.
        sensitive_columns: its columns whose value must not become known of a group.
        released_cells: the cells of everything released before for the project.
        identifier_patterns: regular expressions of further numbers of pupils and schools.
    """

    thresholds: OutputThresholds
    published_table: pa.Table
    sensitive_columns: frozenset[str] = frozenset()
    released_cells: tuple[ReleasedCell, ...] = ()
    identifier_patterns: tuple[str, ...] = field(default=())
