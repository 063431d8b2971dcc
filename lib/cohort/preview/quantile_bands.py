"""Bands that a preview proposes: about equally many pupils in each, with boundaries that may be published.

In: a setting that asks for quantiles, and the codes of the cohort. Out: the setting with bands, and the lines that a
project file would have. A release never makes bands from the cohort: what it shows is what was agreed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cohort.agreements import DeclaredBands, DeclaredColumn, make_band_hierarchy
from cohort.preview.cohort_codes import CohortCodes
from cohort.preview.finest_project import list_band_starts
from cohort.preview.preview_settings import PreviewSetting, QuantileOverride
from cohort.sdc import SCHOOL_COLUMN, UNKNOWN_VALUE, NumericBands, QuantileBands

FEWEST_PUPILS = 10
"""The fewest pupils near a boundary, and in a band, whatever k is."""


def propose_quantile_bands(setting: PreviewSetting, codes: CohortCodes) -> PreviewSetting:
    """Make the bands of the columns for which a setting asks for quantiles.

    A boundary is a multiple of the column's step, with at least k pupils (and `FEWEST_PUPILS`) of m school boards
    within one step of it and on either side.

    Args:
        setting: the setting.
        codes: the codes of the cohort in the finest values.

    Raises:
        NotAnonymous: a column of which no boundary is safe (exit code 14).
        ConfigurationRefused: levels that the bands cannot have (10).
    """
    columns, hierarchies, proposed = list(setting.project.columns), dict(setting.hierarchies), dict[str, str]()
    for place, column in enumerate(columns):
        if asked := setting.quantiles.get(column.name):
            bands = _find_bands(column, asked, setting, codes)
            columns[place] = column.model_copy(update={"bands": bands, "lowest_level": 1})
            hierarchies[column.name] = make_band_hierarchy(column, bands)
            proposed[column.name] = _write_declaration(bands)
    project = setting.project.model_copy(update={"columns": columns})
    return replace(setting, project=project, hierarchies=hierarchies, proposed=proposed)


def _find_bands(
    column: DeclaredColumn, asked: QuantileOverride, setting: PreviewSetting, codes: CohortCodes
) -> DeclaredBands:
    """The column's own finest bands, with the boundaries of the quantiles as the edges of its levels."""
    number = next(n for n, finest in enumerate(codes.columns) if finest.name == column.name)
    finest, declared = codes.columns[number].bands, column.bands
    if finest is None or declared is None:
        raise TypeError("quantiles of a column without declared bands")
    leaves, tree = codes.leaves[number], codes.hierarchies[column.name]
    starts = list_band_starts(finest, 1)
    values = np.array([finest.from_ - 1 if start == -np.inf else start for start in starts], dtype=np.int64)
    has_value = leaves != tree.leaves.index(UNKNOWN_VALUE)
    thresholds = setting.project.thresholds
    quantiles = QuantileBands(
        groups=asked.groups,
        step=declared.step,
        min_pupils=max(thresholds.k, FEWEST_PUPILS),
        min_schools=thresholds.m,
        joins=tuple(asked.joins),
    )
    pupil_values = values[np.where(has_value, leaves, 0)]
    boards = codes.contributors[SCHOOL_COLUMN].to_numpy()
    made = quantiles.compute_bands(column.name, pupil_values, boards, has_value=has_value)
    return DeclaredBands.model_validate(
        {
            **declared.model_dump(by_alias=True, exclude={"widths", "edges"}),
            "edges": [[made.edges[border - 1] for border in borders] for borders in _inner_borders(made)],
        }
    )


def _inner_borders(made: NumericBands) -> list[list[int]]:
    """Per level the positions of the borders between its values, of bands that are open at both ends."""
    levels = [list(range(1, made.count))]
    for join in made.joins:
        levels.append([border for n, border in enumerate(levels[-1], start=1) if n % join == 0])
    return levels


def _write_declaration(bands: DeclaredBands) -> str:
    """The lines of a project file that declare the bands, without counts of the cohort."""
    ends = "".join(f", {name} = true" for name in ("below", "above") if getattr(bands, name))
    return (
        f"bands = {{ from = {bands.from_}, to = {bands.to}, step = {bands.step}, edges = {bands.edges}{ends} }}\n"
        "lowest_level = 1"
    )
