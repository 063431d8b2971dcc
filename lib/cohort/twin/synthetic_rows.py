"""The rows of a twin with the schema of its table: labels, their bounds, and pseudonyms that are nobody's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cohort.agreements import Project
from cohort.data_states import PSEUDONYM_COLUMNS
from cohort.research_files import CodebookCovariance
from cohort.sdc import list_band_bounds
from cohort.twin.agreement_figures import make_pseudonyms
from cohort.twin.synthetic_codes import draw_codes
from cohort.twin.synthetic_means import draw_class_means
from cohort.twin.twin_columns import IntArray, TwinColumn
from cohort.twin.twin_model import TwinModel


@dataclass(frozen=True)
class DrawnRows:
    """The rows of a twin, and the covariance matrices beside their class means."""

    table: pa.Table
    covariances: tuple[CodebookCovariance, ...]


def draw_rows(project: Project, model: TwinModel, rows: int, random: np.random.Generator) -> DrawnRows:
    """Draw the rows of a twin.

    Args:
        project: the project's declaration.
        model: what they are drawn from.
        rows: how many.
        random: the source of chance; the same one gives the same rows.

    Returns:
        The released columns in their order, then the pseudonyms; ordered by their values, as the rows of a table are.
    """
    codes = draw_codes(model, rows, random)
    by_name = {column.name: column for column in model.columns}
    columns: dict[str, Any] = {}
    for declared in project.columns:
        own = by_name[declared.name]
        columns[declared.name] = _as_labels(own, codes[own.name])
        if declared.typed:
            bounds = list_band_bounds(own.labels)
            for name, of_label in zip(declared.bound_names, bounds, strict=True):
                columns[name] = pa.array(of_label, pa.int32()).take(codes[own.name])
    means = draw_class_means(project, by_name, codes, random)
    columns |= means.columns
    pupil, school = PSEUDONYM_COLUMNS
    if project.is_pseudonymous:
        columns[pupil] = pa.array(make_pseudonyms(rows, random), pa.string())
        columns[school] = _as_labels(by_name[school], codes[school])
    names = [*project.released_names, *project.pseudonym_columns]
    table = pa.table({name: columns[name] for name in names})
    ordered = table.sort_by([(name, "ascending") for name in (*project.row_order, *project.pseudonym_columns)])
    return DrawnRows(ordered, means.covariances)


def _as_labels(column: TwinColumn, codes: IntArray) -> Any:
    return pa.array(column.labels, pa.string()).take(codes)
