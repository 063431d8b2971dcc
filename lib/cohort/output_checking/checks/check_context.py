"""What the checks compare a request with: limits, the published table and what was released before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from cohort.agreements import OutputThresholds


@dataclass(frozen=True)
class ReleasedCell:
    """A cell that was released before: which pupils it counts.

    Args:
        selection: per column of the published table the labels whose pupils it counts; a column left out takes all.
        rounded_to: the base to which its count was rounded.
        known_only: the column of which only pupils with a value are counted.
        printed: the count as it was released; None where it is counted again instead.
    """

    selection: Mapping[str, frozenset[str]]
    rounded_to: int = 1
    known_only: str | None = None
    printed: int | None = None


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
