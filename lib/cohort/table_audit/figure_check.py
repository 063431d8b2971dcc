"""Whether every printed figure is what the counts per school give, under the method of its edition."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cohort.table_audit.audit_findings import AuditCase
from cohort.table_audit.audit_subject import PUPILS, AuditEdition
from cohort.table_audit.cell_meanings import Meaning, MeaningSpace
from cohort.table_audit.school_counts import SchoolCounts
from cohort.table_audit.shown_figures import ShownFigure

Array = np.ndarray
Cases = list[tuple[str, AuditCase]]
HUNDREDTHS = 100.0
LEAST_SHARE, MOST_SHARE = 5.0, 95.0
"""Shares outside these per cents are printed as less or more than them."""
NOBODY = "-"
"""What stands for a figure of no pupils."""
CLIPPED = {"<5": (0.0, LEAST_SHARE), ">95": (MOST_SHARE, 100.0)}


class MeaningCounts:
    """What single cells count, each by the first published edition that has it: what was published is frozen.

    Args:
        counts: the counts of all editions.
    """

    def __init__(self, counts: SchoolCounts) -> None:
        self._counts = counts
        self._known: dict[tuple[Meaning, str], float] = {}

    def value(self, meaning: Meaning, column: str = PUPILS) -> float | None:
        """Pupils or a sum of a cell; None where no edition has counts in this detail."""
        key = (meaning, column)
        if key not in self._known:
            divided = self._counts.space.divided(meaning)
            edition = self._counts.find_edition(meaning, column)
            parts = None if edition is None else self._counts.of_edition(edition, divided)
            if parts is None:
                return None
            values = parts.pupils if column == PUPILS else parts.sums[column]
            self._known[key] = float(values[self._counts.parts.parts(divided, meaning)].sum())
        return self._known[key]


def check_figures(
    editions: Sequence[AuditEdition], figures: Sequence[ShownFigure], counts: SchoolCounts
) -> tuple[Cases, MeaningCounts]:
    """Compare every printed figure with the counts of its edition, of those that print exact figures.

    Args:
        editions: the editions.
        figures: their figures.
        counts: their counts.

    Returns:
        A case for every figure that differs, and what single cells count.
    """
    cases: Cases = []
    own = MeaningCounts(counts)
    for figure in figures:
        if own.value(figure.base) is None:
            cases.append(("TABLE_SOURCE", AuditCase(f"{figure.place}: its pupils are not counted")))
            continue
        edition = editions[figure.edition]
        if figure.value is None or edition.document.method != "suppress":
            continue
        try:
            right = _is_right(figure, own, editions, counts.space)
        except (ValueError, ZeroDivisionError):
            right = False
        if not right:
            cases.append(("TABLE_FIGURE", AuditCase(figure.place)))
    return cases, own


def _is_right(figure: ShownFigure, own: MeaningCounts, editions: Sequence[AuditEdition], space: MeaningSpace) -> bool:
    measure, printed = figure.measure, figure.value or ""
    pupils = own.value(figure.base) or 0.0
    if printed == NOBODY:
        return pupils == 0 and measure.kind != "count"
    if measure.kind == "count":
        return printed == str(round(pupils))
    if measure.kind == "share":
        return _is_right_share(printed, own.value(figure.numerator or figure.base), pupils, measure.decimals)
    if measure.kind == "percentile":
        return any(_is_right_percentile(figure, number, edition, space) for number, edition in enumerate(editions))
    sums = [_require(own.value(figure.base, f"{score}_sum")) for score in measure.scores]
    if measure.kind == "standard_deviation":
        squares = _require(own.value(figure.base, f"{measure.scores[0]}_sum_squares"))
        exact = math.sqrt(max(squares - sums[0] ** 2 / pupils, 0.0) / (pupils - 1)) / HUNDREDTHS
    elif measure.kind == "growth":
        exact = (sums[1] - sums[0]) / pupils / HUNDREDTHS
    else:
        exact = sums[0] / pupils / HUNDREDTHS
    return _rounds_to(printed, exact, measure.decimals)


def _is_right_share(printed: str, numerator: float | None, pupils: float, decimals: int) -> bool:
    exact = 100.0 * _require(numerator) / pupils
    text = printed.replace(" ", "").rstrip("%")
    if text in CLIPPED:
        low, high = CLIPPED[text]
        return low <= exact <= high
    return LEAST_SHARE <= exact <= MOST_SHARE and _rounds_to(printed, exact, decimals)


def _is_right_percentile(figure: ShownFigure, number: int, edition: AuditEdition, space: MeaningSpace) -> bool:
    """Whether a percentile lies between the two scores around its rank, by an edition that has its pupils.

    An earlier edition does as well, because what was published is frozen.
    """
    table = edition.scores
    if table is None or figure.measure.quantile is None or not _has_pupils(figure.base, number, table, space):
        return False
    inside = np.array([score == figure.measure.scores[0] for score in table["score"].to_pylist()], dtype=bool)
    for place, name in enumerate(space.variables):
        if name in table.column_names:
            leaves = space.leaves[name]
            inside &= np.array([figure.base[place] >> leaves[str(leaf)] & 1 for leaf in table[name].to_pylist()]) > 0
    chosen = table.filter(pa.array(inside)).sort_by("value")
    if chosen.num_rows == 0:
        return False
    values, pupils = chosen["value"].to_numpy().astype(np.float64), np.cumsum(chosen[PUPILS].to_numpy())
    rank = figure.measure.quantile * (pupils[-1] - 1)
    around = [
        float(values[np.searchsorted(pupils, math.floor(rank + step), side="right")]) for step in (0.0, 1.0 - 1e-9)
    ]
    slack = 0.5 * 10.0**-figure.measure.decimals + 1e-9
    return around[0] / HUNDREDTHS - slack <= float(figure.value or "") <= around[1] / HUNDREDTHS + slack


def _has_pupils(base: Meaning, number: int, table: pa.Table, space: MeaningSpace) -> bool:
    """Whether an edition has the pupils of a cell, and its table the columns that tell them from others."""
    for place, (name, own) in enumerate(zip(space.variables, base, strict=True)):
        every = space.pupils_of(number)[place]
        if own & ~every or (own != every and name not in table.column_names):
            return False
    return True


def _rounds_to(printed: str, exact: float, decimals: int) -> bool:
    whole, _, fraction = printed.partition(".")
    return len(fraction) == decimals and bool(whole) and abs(float(printed) - exact) <= 0.5 * 10.0**-decimals + 1e-9


def _require(value: float | None) -> float:
    if value is None:
        raise ValueError("a sum that was not kept")
    return value
