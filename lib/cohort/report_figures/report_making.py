"""The report of a release put together: figures that are measured while its frames are cached, and its record.

`measure_release` runs before the release is verified, `make_release_report` after it, with the verifier's counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cohort.agreements import Platform
from cohort.release_records import ReleaseRecord
from cohort.release_report import (
    CohortCounts,
    ColumnDetail,
    DetailLevel,
    HeldLimit,
    MeasuredClassSizes,
    ReleaseReport,
    RiskSection,
    SensitiveFigures,
    SubgroupTreatment,
    UtilitySection,
)
from cohort.report_figures.equity_figures import measure_equity
from cohort.report_figures.held_limits import describe_broken, hold_limits
from cohort.report_figures.measured_release import MeasuredRelease, collect_release_codes
from cohort.report_figures.risk_figures import (
    AttackedRelease,
    attack_release,
    describe_downcoding,
    describe_inference,
    describe_intruders,
    describe_sensitive,
)
from cohort.report_figures.utility_figures import choose_groupings, measure_utility
from cohort.sdc import IntArray

LIMITS_PASSED = "limits_passed"
"""The note of a nested release that breaks a limit: an objection does not wait for it."""
SIZE_STEPS = (1, 2, 4, 10)
"""Class sizes are grouped from k up to twice, four times and ten times k, and more."""


@dataclass(frozen=True, eq=False)
class ReleaseFigures:
    """What was measured of a release; no frame is needed any more.

    Args:
        release: the release; its frames may be gone.
        attacked: the attacks.
        limits: the limits beside the figures.
        utility: what the release is still good for.
        equity: who was treated how.
        sensitive: the sensitive column, if there is one.
        notes: codes of what limits the figures.
    """

    release: MeasuredRelease
    attacked: AttackedRelease
    limits: tuple[HeldLimit, ...]
    utility: UtilitySection
    equity: tuple[SubgroupTreatment, ...]
    sensitive: SensitiveFigures | None
    notes: tuple[str, ...]


def measure_release(release: MeasuredRelease, platform: Platform) -> ReleaseFigures:
    """Measure a release whose frames are cached: three Spark actions, and the attacks on the driver.

    Args:
        release: the release.
        platform: its limits, and its rules on shown counts.
    """
    codes = collect_release_codes(release)
    groupings = choose_groupings(release)
    utility, utility_notes = measure_utility(release, codes, groupings)
    equity = measure_equity(codes, groupings, platform.shown)
    attacked = attack_release(release, codes)
    sensitive, column = None, release.project.sensitive_column
    if column is not None and release.values_by_class is not None and release.blanking is not None:
        sensitive = describe_sensitive(column.name, release.values_by_class, release.blanking)
    return ReleaseFigures(
        release=release,
        attacked=attacked,
        limits=hold_limits(attacked, platform.risk_limits, release.project.risk_exceptions),
        utility=utility,
        equity=equity,
        sensitive=sensitive,
        notes=(*attacked.notes, *utility_notes),
    )


def make_release_report(record: ReleaseRecord, figures: ReleaseFigures) -> ReleaseReport:
    """Put the exact report of a release together.

    Args:
        record: its exact record, with the verifier's counts.
        figures: what was measured of it.
    """
    project, recoding = figures.release.project, figures.release.recoding
    k, special = project.thresholds.k, bool(project.special_results)
    return ReleaseReport(
        project=record.project,
        release=record.release,
        form="exact",
        question=project.question,
        made=record.made,
        release_class=record.release_class,
        nested_in=record.nested_in,
        k=k,
        m=project.thresholds.m,
        limits=record.thresholds,
        recoding=project.recoding.kind,
        counts=_cohort_counts(record),
        columns=tuple(_describe_columns(figures.release)),
        mean_loss=recoding.loss.mean,
        class_sizes=tuple(_group_sizes(recoding.pupils, k)),
        risk=RiskSection(
            intruders=describe_intruders(
                figures.attacked, record.intruders or {}, k, figures.release.linked, nested=figures.release.nested
            ),
            inference=describe_inference(figures.attacked.attacks.inference),
            downcoding=describe_downcoding(figures.attacked.attacks),
            sensitive=_without_consents(figures.sensitive) if special else figures.sensitive,
            fewer_than_k=int((recoding.pupils < k).sum()),
            limits=figures.limits,
            attacked_pupils=figures.attacked.pupils,
        ),
        utility=figures.utility,
        equity=figures.equity,
        notes=(*figures.notes, *_note_passed_limits(record, figures)),
    )


def _note_passed_limits(record: ReleaseRecord, figures: ReleaseFigures) -> tuple[str, ...]:
    """Note where a broken limit does not refuse: in a release that only leaves pupils out of the published one."""
    return (LIMITS_PASSED,) if describe_broken(figures.limits) and record.only_leaves_pupils_out else ()


def _without_consents(sensitive: SensitiveFigures | None) -> SensitiveFigures | None:
    """Of special-category results every count is one of consents, and is shown nowhere."""
    hidden: Mapping[str, Any] = dict.fromkeys(("with_value", "shown", "blanked", "covers"))
    return None if sensitive is None else sensitive.model_copy(update=hidden)


def _cohort_counts(record: ReleaseRecord) -> CohortCounts:
    counts = record.counts
    return CohortCounts(
        records=counts.pupils_records,
        released=counts.pupils_released,
        suppressed=counts.pupils_suppressed,
        objected=counts.pupils_objected,
        without_instruction=counts.pupils_without_instruction,
        set_aside=counts.pupils_set_aside,
        withdrawn=counts.pupils_withdrawn,
        schools=None if record.schools is None else len(record.schools),
    )


def _describe_columns(release: MeasuredRelease) -> Iterator[ColumnDetail]:
    recoding = release.recoding
    for number, column in enumerate(release.project.quasi_identifiers):
        levels = recoding.levels[:, number].astype(np.int64)
        pupils = np.bincount(levels, recoding.pupils, minlength=release.coding.heights[number])
        labels = recoding.labels[number]
        yield ColumnDetail(
            column=column.name,
            label_nl=column.label.nl if column.label is not None else column.name,
            label_en=column.label.en if column.label is not None else column.name,
            loss=recoding.column_losses[number],
            levels=tuple(
                DetailLevel(level=level, example=str(labels[levels == level][0]), share=float(at / pupils.sum()))
                for level, at in enumerate(pupils)
                if at
            ),
        )


def _group_sizes(pupils: IntArray, k: int) -> Iterator[MeasuredClassSizes]:
    starts = [step * k for step in SIZE_STEPS]
    for number, smallest in enumerate(starts):
        largest = starts[number + 1] - 1 if number + 1 < len(starts) else None
        within = (pupils >= smallest) & ((pupils <= largest) if largest is not None else True)
        yield MeasuredClassSizes(
            smallest=smallest, largest=largest, classes=int(within.sum()), pupils=int(pupils[within].sum())
        )
