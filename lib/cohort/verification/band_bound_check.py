"""Whether the bounds of bands say what the label beside them says, and nothing else. Checks BOUNDS.

The bounds that a label must have follow from the declared bands, not from its text: the engine reads them from the
text. As long as they are the label's, they cannot make a class smaller than its labels make it.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import numpy as np

from cohort.agreements import DeclaredColumn, Project
from cohort.verification.findings import Finding, finding_naming
from cohort.verification.hierarchy_reader import band_label, declared_band_spans
from cohort.verification.record_runs import RecordRuns

BoundTexts = tuple[str | None, str | None]
"""The digits of the lower and of the upper bound, None for null."""


def check_band_bounds(runs: RecordRuns, project: Project) -> list[Finding]:
    """Check BOUNDS, counted in columns: every row shows the bounds of its label, and null where it has none."""
    return finding_naming(
        "BOUNDS", [column.name for column in project.columns if column.typed and not _are_bounds_right(runs, column)]
    )


def bounds_by_label(column: DeclaredColumn) -> Mapping[str, BoundTexts]:
    """Return the bounds of every band of a typed column, by its label."""
    return {
        band_label(span, column.born): (_digits(span[0]), _digits(span[1]))
        for level in declared_band_spans(column)
        for span in level
    }


def _are_bounds_right(runs: RecordRuns, column: DeclaredColumn) -> bool:
    required = bounds_by_label(column)
    places = [runs.columns.index(name) for name in (column.name, *column.bound_names)]
    for codes in np.unique(runs.codes[places], axis=1).T.tolist():
        label, *bounds = (runs.labels[place][code] for place, code in zip(places, codes, strict=True))
        if tuple(bounds) != required.get(label or "", (None, None)):
            return False
    return True


def _digits(bound: float) -> str | None:
    return None if bound in (-inf, inf) else str(int(bound))
