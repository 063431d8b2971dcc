"""Class means of a twin and their covariance matrices, made from its own labels alone.

Rows with the same labels have the same mean, as in the table, within the bounds of the label. Nothing is taken from the
means of the table: what they are near follows from the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from cohort.agreements import DeclaredColumn, Project
from cohort.data_states import MEAN_TYPE
from cohort.research_files import CodebookCovariance
from cohort.sdc import list_band_bounds
from cohort.twin.twin_columns import FloatArray, IntArray, TwinColumn

SPREAD_OF_MEANS = 1 / 6
"""How far from the middle of its label a mean may lie, in widths of the label."""
CORRELATION_WITHIN = 0.3
"""The correlation of two scores within classes; made up."""


@dataclass(frozen=True)
class DrawnMeans:
    """The class means of a twin.

    Args:
        columns: by the name of a released column, its means; null where the label has no two bounds.
        covariances: the matrices beside them; none where no label has two bounds.
    """

    columns: Mapping[str, Any]
    covariances: tuple[CodebookCovariance, ...]


def draw_class_means(
    project: Project, columns: Mapping[str, TwinColumn], codes: Mapping[str, IntArray], random: np.random.Generator
) -> DrawnMeans:
    """Draw the class means of rows whose labels are drawn.

    Args:
        project: the project's declaration.
        columns: the columns of the twin, by name.
        codes: the code of each row's label, by column.
        random: the source of chance.
    """
    names = [column.name for column in project.quasi_identifiers]
    _, class_of = np.unique(np.stack([codes[name] for name in names], axis=1), axis=0, return_inverse=True)
    class_of = class_of.reshape(-1)
    classes = int(class_of.max(initial=-1)) + 1
    means, widths = dict[str, Any](), dict[str, FloatArray]()
    for declared in project.mean_columns:
        own = columns[declared.name]
        lower, upper = (_as_floats(bounds)[codes[own.name]] for bounds in list_band_bounds(own.labels))
        drawn = random.uniform(-SPREAD_OF_MEANS, SPREAD_OF_MEANS, classes)[class_of]
        (name,) = declared.mean_names
        means[name] = _round(declared, project, (lower + upper) / 2 + drawn * (upper - lower))
        widths[declared.name] = upper - lower
    return DrawnMeans(means, _make_covariances(project, widths, len(class_of) - classes))


def _make_covariances(
    project: Project, widths: Mapping[str, FloatArray], degrees_of_freedom: int
) -> tuple[CodebookCovariance, ...]:
    """Make the one matrix of all classes: the variance within a band is that of scores spread evenly in it."""
    known = ~np.any([np.isnan(own) for own in widths.values()], axis=0) if widths else np.zeros(0, dtype=bool)
    if not known.any():
        return ()
    deviations = np.sqrt([np.mean(own[known] ** 2) / 12 for own in widths.values()])
    correlations = np.full((len(widths), len(widths)), CORRELATION_WITHIN)
    np.fill_diagonal(correlations, 1.0)
    matrix = np.outer(deviations, deviations) * correlations
    return (
        CodebookCovariance(
            group=dict.fromkeys(project.covariance_groups, "*"),
            degrees_of_freedom=max(degrees_of_freedom, 1),
            columns=tuple(widths),
            rows=tuple(tuple(float(f"{entry:.3g}") for entry in row) for row in matrix.tolist()),
        ),
    )


def _round(declared: DeclaredColumn, project: Project, values: FloatArray) -> Any:
    """Round means to the step of the column; null for what is not a number."""
    step = float(project.mean_steps[declared.name])
    distinct, place = np.unique(np.round(values / step) * step, return_inverse=True)
    numbers = [None if np.isnan(number) else Decimal(f"{number:.{MEAN_TYPE.scale}f}") for number in distinct]
    return pa.array(numbers, pa.decimal128(MEAN_TYPE.precision, MEAN_TYPE.scale)).take(place.reshape(-1))


def _as_floats(bounds: list[int | None]) -> FloatArray:
    """Bounds as numbers; not a number where there is none."""
    return np.array([np.nan if bound is None else bound for bound in bounds], dtype=np.float64)
