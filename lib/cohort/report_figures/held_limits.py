"""The limits of `platform.toml` held against the figures of a release, and the exceptions that the project declares.

In: what the attacks found. Out: every limit beside its figure, and a sentence for each one that is broken without a
declared exception. Nothing here lets a limit pass in silence: what could not be measured breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cohort.agreements import HeldRiskLimits, RiskException
from cohort.foundation import describe_problem
from cohort.release_report import HeldLimit, LimitException
from cohort.report_figures.risk_figures import AttackedRelease
from cohort.sdc import (
    DOWNCODING_GAIN,
    INFERENCE_ALL_BUT_ONE,
    INFERENCE_ATTRIBUTES_ONLY,
    INFERENCE_NOT_MEASURED,
    SURE_CELLS,
    SURE_CELLS_RIGHT,
    DowncodingRisk,
    InferenceRisk,
    RateComparison,
)

_LESS_INFERENCE = "Raise k or the finest level of the column (`lowest_level`), leave the column out, or recode globally"
_LESS_DOWNCODING = "Raise k or the finest level of the columns (`lowest_level`), or recode globally"
_OR_EXCEPTION = "; or declare a signed exception ([[risk_exceptions]])"

RISK_DEFINITIONS = {
    INFERENCE_NOT_MEASURED: "A half of the cohort has no recoding, so that inference cannot be measured",
    INFERENCE_ATTRIBUTES_ONLY: "Who knows the attributes of pupils guesses a column too often because of the release",
    INFERENCE_ALL_BUT_ONE: "Who knows all other columns of pupils guesses a column too often because of the release",
    DOWNCODING_GAIN: "Who knows the algorithm guesses too many of the exact values behind generalised ones",
    SURE_CELLS: "Who knows the algorithm is sure of too many of the exact values behind generalised ones",
    SURE_CELLS_RIGHT: "Too many of the exact values that only the algorithm makes sure are guessed right",
}
"""What each code says; a release that breaks a limit is refused with its code."""


def hold_limits(
    attacked: AttackedRelease, limits: HeldRiskLimits, exceptions: Sequence[RiskException]
) -> tuple[HeldLimit, ...]:
    """Hold every limit against its figure.

    A limit on inference holds for the upper end of the 95 % interval from `attempts_for_interval` attempts on, and for
    the estimate of fewer. The limit on the gain holds for the upper end; the one on right guesses of newly sure cells
    for the lower end, since those cells are few.

    Args:
        attacked: what the attacks found.
        limits: the limits of the platform.
        exceptions: the exceptions of the project.
    """
    held = [*_hold_inference(attacked, limits), *_hold_downcoding(attacked.attacks.downcoding, limits)]
    declared: dict[tuple[str, str | None], RiskException] = {(one.code, one.column): one for one in exceptions}
    return tuple(_except(limit, declared.get((limit.code, limit.column))) for limit in held)


def describe_broken(limits: Sequence[HeldLimit]) -> list[tuple[str, str]]:
    """Return code and sentence of every limit that is broken without an exception."""
    return [(one.code, _describe(one)) for one in limits if not one.kept and one.exception is None]


def _hold_inference(attacked: AttackedRelease, limits: HeldRiskLimits) -> Iterator[HeldLimit]:
    if not attacked.has_inference:
        return
    inference = attacked.attacks.inference
    only, all_but_one = float(limits.attributes_only), float(limits.all_but_one_known)
    if inference is None:
        allows_all = only == all_but_one == 1
        yield HeldLimit(code=INFERENCE_NOT_MEASURED, column=None, figure=None, limit=only, kept=allows_all)
        return
    yield from _hold_columns(inference, only, all_but_one, limits.attempts_for_interval)


def _hold_columns(inference: InferenceRisk, only: float, all_but_one: float, attempts: int) -> Iterator[HeldLimit]:
    for name, rates in inference.attributes_only.items():
        yield _hold_rates(INFERENCE_ATTRIBUTES_ONLY, name, rates, only, attempts)
    for name, rates in inference.all_but_one_known.items():
        yield _hold_rates(INFERENCE_ALL_BUT_ONE, name, rates, all_but_one, attempts)


def _hold_rates(code: str, column: str, rates: RateComparison, limit: float, attempts: int) -> HeldLimit:
    few = min(rates.inside.attempts, rates.outside.attempts) < attempts
    figure = rates.difference if few else rates.interval[1]
    return HeldLimit(code=code, column=column, figure=figure, limit=limit, kept=figure <= limit, point_estimate=few)


def _hold_downcoding(found: DowncodingRisk, limits: HeldRiskLimits) -> Iterator[HeldLimit]:
    right = found.newly_sure_right
    figures = (
        (DOWNCODING_GAIN, found.gain_interval[1], limits.downcoding_gain),
        (SURE_CELLS, found.newly_sure, limits.sure_cells),
        (SURE_CELLS_RIGHT, 0.0 if right is None else right.interval[0], limits.sure_cells_right),
    )
    for code, figure, limit in figures:
        yield HeldLimit(code=code, column=None, figure=figure, limit=float(limit), kept=figure <= float(limit))


def _except(limit: HeldLimit, declared: RiskException | None) -> HeldLimit:
    """Add the declared exception to a broken limit, where the figure is within it."""
    if limit.kept or declared is None:
        return limit
    most = float(declared.figure_at_most)
    if limit.figure is not None and limit.figure > most:
        return limit
    exception = LimitException(
        figure_at_most=most, reason=declared.reason, signed_by=declared.signed_by, date=str(declared.date)
    )
    return limit.model_copy(update={"exception": exception})


def _describe(limit: HeldLimit) -> str:
    where = "the release" if limit.column is None else f"column {limit.column}"
    if limit.figure is None:
        return describe_problem(
            "halves of the cohort that can be recoded by themselves, so that inference can be measured",
            example="a cohort of some thousand pupils",
            found="a half without a recoding",
            where=where,
            do=f"Select more pupils, allow more suppression, or ask less of a class{_OR_EXCEPTION}",
        )
    definition = RISK_DEFINITIONS[limit.code]
    do = _LESS_INFERENCE if limit.column is not None else _LESS_DOWNCODING
    return describe_problem(
        f"at most {100 * limit.limit:.2f} per cent ({definition[0].lower()}{definition[1:]})",
        example="1.00",
        found=f"{100 * limit.figure:.2f}",
        where=where,
        do=do + _OR_EXCEPTION,
    )
