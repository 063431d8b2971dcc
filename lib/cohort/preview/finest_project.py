"""The project with the finest bands that any setting needs, and where their values lie in each setting.

    setting   bands                              finest: from 0 to 60, step 10, above
    A         from 0 to 60, step 20, above       0 tot 10 → 0 tot 20, …, 60 en hoger → 60 en hoger
    B         from 0 to 40, step 10, above       40 tot 50 → 40 en hoger, …, 60 en hoger → 40 en hoger

So one pass over the results serves every setting: a code in the finest values is turned into a code of the setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from cohort.agreements import DeclaredBands, DeclaredColumn, Project
from cohort.preview.preview_settings import PreviewSetting
from cohort.sdc import UNKNOWN_VALUE, Hierarchy, IntArray

NO_LEAF = -1
"""A finest value that no leaf of a setting covers; a release with that setting is refused if a pupil has it."""


def make_finest_project(project: Project, settings: Sequence[PreviewSetting]) -> Project:
    """Make the declaration from which the codes of all settings follow.

    Args:
        project: the project's own declaration, with every column.
        settings: the settings to compare.
    """
    columns = []
    for column in project.columns:
        bands = [shown.bands for one in settings if (shown := _find_column(one, column.name)) and shown.bands]
        if column.bands is None or all(one == column.bands for one in bands):
            columns.append(column)
        else:
            columns.append(column.model_copy(update={"bands": _join_bands([column.bands, *bands])}))
    return project.model_copy(update={"columns": columns})


def map_leaves(finest: DeclaredColumn, tree: Hierarchy, setting: PreviewSetting) -> IntArray | None:
    """Map the finest values of a column to the leaves of a setting; None where the setting leaves the column out.

    Args:
        finest: the column of the finest declaration.
        tree: its hierarchy.
        setting: the setting.
    """
    column = _find_column(setting, finest.name)
    if column is None:
        return None
    if finest.bands is None or column.bands is None or finest.bands == column.bands:
        return np.arange(len(tree.leaves))
    unit = 4 if finest.born == "quarter" else 1
    target = setting.hierarchies[finest.name]
    leaf_of = np.full(len(tree.leaves), NO_LEAF, dtype=np.int64)
    for leaf, start in enumerate(list_band_starts(finest.bands, unit)):
        leaf_of[leaf] = _find_leaf(start, column.bands, unit)
    leaf_of[tree.leaves.index(UNKNOWN_VALUE)] = target.leaves.index(UNKNOWN_VALUE)
    return leaf_of


def _find_column(setting: PreviewSetting, name: str) -> DeclaredColumn | None:
    return next((column for column in setting.project.columns if column.name == name), None)


def _join_bands(bands: Sequence[DeclaredBands]) -> DeclaredBands:
    """The widest range in the largest step that all bands are made of; open where any of them is."""
    step = gcd(*(number for one in bands for number in (one.step, one.from_, one.to)))
    return DeclaredBands.model_validate(
        {
            "from": min(one.from_ for one in bands),
            "to": max(one.to for one in bands),
            "step": step,
            "widths": [],
            "below": any(one.below for one in bands),
            "above": any(one.above for one in bands),
        }
    )


def list_band_starts(bands: DeclaredBands, unit: int) -> list[float]:
    """The lowest value of each band, in the order of the leaves."""
    step = 1 if unit > 1 else bands.step
    inner = list(range(bands.from_ * unit, bands.to * unit, step))
    return [*([-np.inf] if bands.below else []), *inner, *([bands.to * unit] if bands.above else [])]


def _find_leaf(start: float, bands: DeclaredBands, unit: int) -> int:
    """The leaf of the band of a setting in which a finest band lies."""
    step = 1 if unit > 1 else bands.step
    inner = (bands.to - bands.from_) * unit // step
    if start < bands.from_ * unit:
        return 0 if bands.below else NO_LEAF
    if start >= bands.to * unit:
        return inner + bands.below if bands.above else NO_LEAF
    return int(start - bands.from_ * unit) // step + bands.below
