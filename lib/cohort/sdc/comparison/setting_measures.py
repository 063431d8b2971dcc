"""The figures of a finished search of one setting: losses, class sizes, chances of intruders, utility.

In go the histogram that was searched, the recoding, and for each column of the comparison its finest values. Settings
may show a column in other bands, so their own losses cannot be compared; against the finest values they can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from cohort.comparison_page import ClassSizeGroup, ColumnFigures, IntruderFigure, LevelShare, SettingFigures
from cohort.sdc.model import Hierarchy, Histogram, IntArray, Recoding
from cohort.sdc.privacy_models import count_schools_by_class
from cohort.sdc.risk import measure_intruder_chances
from cohort.sdc.utility import UtilityMetrics

SIZE_STEPS = (1, 2, 4, 10)
"""Class sizes are grouped from k up to twice, four times and ten times k, and more."""


@dataclass(frozen=True, eq=False)
class ComparedColumn:
    """One column of a comparison, as a setting shows it.

    Args:
        name: the name of the column.
        leaf_of: for each of the finest values of the comparison the leaf of the setting's hierarchy that it lies in,
            -1 where the setting has none; None where the setting leaves the column out.
    """

    name: str
    leaf_of: IntArray | None


@dataclass(frozen=True, eq=False)
class SettingOutcome:
    """A setting with the outcome of its search.

    Args:
        name: the name of the setting.
        agreed: its thresholds and recoding, by name; `k` is one of them.
        histogram: the histogram whose units the recoding is of.
        recoding: the recoding.
        columns: every column of the comparison; those not left out are the columns of the recoding, by name.
        contributors: what the schools of the histogram are: `school` or `board`.
        sensitive: counts of the sensitive column, if there is one.
        notes: codes of what limits the figures.
    """

    name: str
    agreed: Mapping[str, str | int]
    histogram: Histogram
    recoding: Recoding
    columns: Sequence[ComparedColumn]
    contributors: str = "board"
    sensitive: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()
    seconds: float = field(default=0.0, kw_only=True)


def measure_setting(outcome: SettingOutcome) -> SettingFigures:
    """Measure a finished search."""
    recoding, histogram = outcome.recoding, outcome.histogram
    k = int(outcome.agreed["k"])
    metrics = UtilityMetrics.from_recoding(histogram, recoding)
    columns = tuple(_column_figures(outcome, metrics))
    return SettingFigures(
        setting=outcome.name,
        agreed=outcome.agreed,
        seconds=outcome.seconds,
        notes=outcome.notes,
        records=histogram.pupils,
        released=recoding.released_pupils,
        suppressed=recoding.suppressed,
        release_loss={"mean": recoding.loss.mean, "geometric": recoding.loss.geometric},
        mean_compared_loss=float(np.mean([column.compared_loss for column in columns])),
        columns=columns,
        classes=recoding.classes,
        smallest_class=metrics.smallest_class,
        median_class=_median_class(recoding.pupils),
        class_sizes=tuple(_group_sizes(recoding.pupils, k)),
        intruders=_intruders(outcome, k),
        metrics=metrics.as_dict(),
        sensitive=outcome.sensitive,
        proven=bool(recoding.search_facts.get("proven", False)),
    )


def _column_figures(outcome: SettingOutcome, metrics: UtilityMetrics) -> list[ColumnFigures]:
    figures = []
    number_of = {hierarchy.name: n for n, hierarchy in enumerate(outcome.recoding.coding.hierarchies)}
    for column in outcome.columns:
        if column.leaf_of is None:
            figures.append(ColumnFigures(column.name, left_out=True, loss=None, compared_loss=1.0))
            continue
        number = number_of[column.name]
        hierarchy = outcome.recoding.coding.hierarchies[number]
        levels = tuple(
            LevelShare(level, hierarchy.labels[level][0], share) for level, share in enumerate(metrics.cells[number])
        )
        loss = outcome.recoding.column_losses[number]
        compared = _compared_loss(outcome.recoding, number, hierarchy, column.leaf_of)
        figures.append(ColumnFigures(column.name, left_out=False, loss=loss, compared_loss=compared, levels=levels))
    return figures


def _compared_loss(recoding: Recoding, column: int, hierarchy: Hierarchy, leaf_of: IntArray) -> float:
    """The loss of a column against the finest values: Σ (size − 1) / (N · (D − 1)), size and D counted in them."""
    finest_per_leaf = np.bincount(leaf_of[leaf_of >= 0], minlength=len(hierarchy.leaves))
    most = max(len(leaf_of) - 1, 1)
    sizes = np.stack(
        [
            np.bincount(hierarchy.groups(level), finest_per_leaf)[hierarchy.groups(level)]
            for level in range(hierarchy.height)
        ]
    )
    lost = (sizes[recoding.levels[:, column], recoding.leaves[:, column]] - 1) / most
    pupils = recoding.released_pupils + recoding.suppressed
    return (float(recoding.pupils @ lost) + recoding.suppressed) / pupils if pupils else 0.0


def _intruders(outcome: SettingOutcome, k: int) -> dict[str, IntruderFigure]:
    recoding, histogram = outcome.recoding, outcome.histogram
    largest: dict[str, IntArray] = {}
    if histogram.has_schools:
        class_of = recoding.class_of.astype(np.int64)
        numbered = np.where(class_of < 0, recoding.classes, class_of)
        largest[outcome.contributors] = count_schools_by_class(histogram, numbered, recoding.classes)[1]
    chances = measure_intruder_chances(recoding.pupils, k, school=largest.get("school"), board=largest.get("board"))
    return {kind: IntruderFigure(**chance) for kind, chance in chances.items()}


def _median_class(pupils: IntArray) -> int:
    """The size of the class in which the middle released pupil is."""
    if not len(pupils):
        return 0
    sizes = np.sort(pupils)
    return int(sizes[np.searchsorted(np.cumsum(sizes), sizes.sum() / 2)])


def _group_sizes(pupils: IntArray, k: int) -> list[ClassSizeGroup]:
    starts = [step * k for step in SIZE_STEPS]
    groups = []
    for number, smallest in enumerate(starts):
        largest = starts[number + 1] - 1 if number + 1 < len(starts) else None
        within = (pupils >= smallest) & ((pupils <= largest) if largest is not None else True)
        groups.append(ClassSizeGroup(smallest, largest, int(within.sum()), int(pupils[within].sum())))
    return groups
