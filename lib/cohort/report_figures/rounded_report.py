"""The rounded form of a report, which is open to everybody, made from the exact form field by field.

Counts are rounded or hidden as published counts are. A share is rounded so coarsely that no count follows from it. A
figure of exact scores is rounded to a power of ten that is not smaller than its own standard error, and its error to
whole standard errors, since who has the table computes what comes after: what one pupil changes is far less.
"""

from __future__ import annotations

from math import floor, isfinite, log10, sqrt

from cohort.agreements import CountRounding
from cohort.release_report import (
    CohortCounts,
    ColumnRates,
    ComparedRates,
    DistributionBar,
    DowncodingFigures,
    Estimate,
    HeldLimit,
    InferenceFigures,
    IntruderRisk,
    MeasuredClassSizes,
    RegressionUtility,
    ReleaseReport,
    RiskSection,
    ScorePairUtility,
    ScoreUtility,
    SensitiveFigures,
    SubgroupDifference,
    UtilitySection,
)
from cohort.sdc import bound_intruder_chances

_SHARE_DIGITS = 2


def round_report(exact: ReleaseReport, shown: CountRounding) -> ReleaseReport:
    """Round a report, so that everybody may read it.

    Args:
        exact: the exact report.
        shown: the platform's rules on shown counts.
    """
    return ReleaseReport(
        project=exact.project,
        release=exact.release,
        form="rounded",
        question=exact.question,
        made=exact.made,
        release_class=exact.release_class,
        nested_in=exact.nested_in,
        k=exact.k,
        m=exact.m,
        limits=exact.limits,
        recoding=exact.recoding,
        counts=CohortCounts(**{name: _count(number, shown) for name, number in exact.counts}),
        columns=tuple(
            column.model_copy(
                update={
                    "loss": round(column.loss, _SHARE_DIGITS),
                    "levels": tuple(
                        level.model_copy(update={"share": round_shown_share(level.share, exact.counts.released, shown)})
                        for level in column.levels
                    ),
                }
            )
            for column in exact.columns
        ),
        mean_loss=round(exact.mean_loss, _SHARE_DIGITS),
        class_sizes=tuple(_round_sizes(one, shown) for one in exact.class_sizes),
        risk=_round_risk(exact, shown),
        utility=_round_utility(exact.utility, shown),
        equity=exact.equity,
        notes=exact.notes,
    )


def round_to_error(value: float, error: float | None) -> float:
    """Round to the power of ten that is the first one not under the standard error; without an error, to two digits."""
    if not isfinite(value) or not value:
        return value
    if error is None or error <= 0:
        error = abs(value) / 100
    digits = -_ceiling_power(error)
    return round(value, digits) + 0.0


def _ceiling_power(error: float) -> int:
    power = floor(log10(error))
    return power if 10**power >= error else power + 1


def _count(number: int | None, shown: CountRounding) -> int | None:
    return None if number is None else shown.round_count(number)


def round_shown_share(share: float, of: int | None = None, shown: CountRounding | None = None) -> float:
    """Round a share to two digits, and so coarsely that it says a count no finer than counts are rounded."""
    step = 0.01
    if of and shown is not None:
        step = max(step, shown.round_to / of)
    return round(round(share / step) * step, _SHARE_DIGITS) + 0.0


def _round_sizes(sizes: MeasuredClassSizes, shown: CountRounding) -> MeasuredClassSizes:
    rounded = {"classes": _count(sizes.classes, shown), "pupils": _count(sizes.pupils, shown)}
    return sizes.model_copy(update=rounded)


def _round_risk(exact: ReleaseReport, shown: CountRounding) -> RiskSection:
    risk = exact.risk
    return RiskSection(
        intruders=_agreed_intruders(exact, shown),
        inference=None if risk.inference is None else _round_inference(risk.inference, shown),
        downcoding=None if risk.downcoding is None else _round_downcoding(risk.downcoding, shown),
        sensitive=None if risk.sensitive is None else _round_sensitive(risk.sensitive, shown),
        fewer_than_k=risk.fewer_than_k,
        limits=tuple(_round_limit(limit, risk.attacked_pupils, shown) for limit in risk.limits),
        attacked_pupils=_count(risk.attacked_pupils, shown),
    )


def _agreed_intruders(exact: ReleaseReport, shown: CountRounding) -> tuple[IntruderRisk, ...]:
    """What each intruder faces by the agreed limits: the smallest counts that came out are of single classes."""
    others = int(exact.limits.get("k_others", "0"))
    bounds = bound_intruder_chances(exact.k, others, others)
    bounds |= {"teacher": bounds["school"], "two_releases": bounds["stranger"]}
    rounded = []
    for intruder in exact.risk.intruders:
        bound, over = bounds[intruder.kind], intruder.over_one_in_k
        rounded.append(
            IntruderRisk(
                kind=intruder.kind,
                left_at_least=bound["left_at_least"],
                chance_at_most=bound["chance_at_most"],
                mean_chance=None if intruder.mean_chance is None else round_shown_share(intruder.mean_chance),
                over_one_in_k=None if over is None else round_shown_share(over, exact.counts.released, shown),
            )
        )
    return tuple(rounded)


def _round_inference(inference: InferenceFigures, shown: CountRounding) -> InferenceFigures:
    def columns(rates: tuple[ColumnRates, ...]) -> tuple[ColumnRates, ...]:
        return tuple(ColumnRates(column=one.column, rates=_round_rates(one.rates, shown)) for one in rates)

    return InferenceFigures(
        attributes=inference.attributes,
        attributes_only=columns(inference.attributes_only),
        all_but_one_known=columns(inference.all_but_one_known),
        singling_out=_round_rates(inference.singling_out, shown),
        linkability=_round_rates(inference.linkability, shown),
        link_candidates=inference.link_candidates,
    )


def _round_rates(rates: ComparedRates, shown: CountRounding) -> ComparedRates:
    figures = ("inside", "outside", "difference", "low", "high")
    rounded = {name: round_shown_share(getattr(rates, name), rates.attempts, shown) for name in figures}
    return ComparedRates(**rounded, attempts=shown.round_count(rates.attempts) or 0)


def _round_downcoding(found: DowncodingFigures, shown: CountRounding) -> DowncodingFigures:
    shares = ("marginal", "informed", "gain", "gain_low", "gain_high", "ceiling", "sure", "newly_sure")
    rounded = {name: round_shown_share(getattr(found, name), found.cells, shown) for name in shares}
    sure = round(found.newly_sure * found.cells)
    few = shown.round_count(sure) is None
    right = None if few or found.newly_sure_right is None else round_shown_share(found.newly_sure_right, sure, shown)
    return DowncodingFigures(**rounded, cells=shown.round_count(found.cells) or 0, newly_sure_right=right)


def _round_sensitive(sensitive: SensitiveFigures, shown: CountRounding) -> SensitiveFigures:
    counts = ("with_value", "shown", "blanked", "covers")
    distance = sensitive.median_distance
    return SensitiveFigures(
        column=sensitive.column,
        **{name: _count(getattr(sensitive, name), shown) for name in counts},
        median_distance=None if distance is None else round_shown_share(distance),
    )


def _round_limit(limit: HeldLimit, pupils: int | None, shown: CountRounding) -> HeldLimit:
    exception = limit.exception
    return limit.model_copy(
        update={
            "figure": None if limit.figure is None else round_shown_share(limit.figure, pupils, shown),
            "exception": None if exception is None else exception.model_copy(update={"signed_by": None}),
        }
    )


def _round_utility(utility: UtilitySection, shown: CountRounding) -> UtilitySection:
    errors = {score.column: 1 / sqrt(max(score.pupils or 1, 1)) for score in utility.scores}
    return UtilitySection(
        scores=tuple(_round_score(score, shown) for score in utility.scores),
        pairs=tuple(_round_pair(pair, errors) for pair in utility.pairs),
        differences=tuple(_round_difference(one, errors) for one in utility.differences),
        regressions=tuple(map(_round_regression, utility.regressions)),
        advised_estimator=utility.advised_estimator,
    )


def _round_score(score: ScoreUtility, shown: CountRounding) -> ScoreUtility:
    pupils = max(score.pupils or 2, 2)
    error = score.standard_deviation / sqrt(pupils)
    spread = score.standard_deviation / sqrt(2 * (pupils - 1))
    correlation, factor = score.intraclass_correlation, score.design_factor
    return ScoreUtility(
        column=score.column,
        growth=score.growth,
        pupils=_count(score.pupils, shown),
        mean=round_to_error(score.mean, error),
        standard_deviation=round_to_error(score.standard_deviation, spread),
        mean_after=_round_estimates(score.mean_after, error),
        standard_deviation_after=_round_estimates(score.standard_deviation_after, spread),
        intraclass_correlation=None if correlation is None else round_shown_share(correlation),
        design_factor=None if factor is None else round(factor, 1),
        distribution=tuple(_round_bar(bar, score.pupils, shown) for bar in score.distribution),
    )


def _round_bar(bar: DistributionBar, pupils: int | None, shown: CountRounding) -> DistributionBar:
    before = None if bar.before is None else round_shown_share(bar.before, pupils, shown)
    return bar.model_copy(update={"before": before, "after": round_shown_share(bar.after, pupils, shown)})


def _round_pair(pair: ScorePairUtility, errors: dict[str, float]) -> ScorePairUtility:
    """Round a correlation to 1/√n, n being the pupils with the score that fewer have."""
    error = max(errors[name] for name in pair.columns)
    return ScorePairUtility(
        columns=pair.columns,
        correlation=round_to_error(pair.correlation, error),
        after=_round_estimates(pair.after, error),
    )


def _round_difference(difference: SubgroupDifference, errors: dict[str, float]) -> SubgroupDifference:
    error = errors[difference.score]
    rounded = {"effect": round_to_error(difference.effect, error), "after": _round_estimates(difference.after, error)}
    return difference.model_copy(update=rounded)


def _round_regression(regression: RegressionUtility) -> RegressionUtility:
    coefficients = tuple(
        one.model_copy(
            update={
                "coefficient": round_to_error(one.coefficient, one.standard_error),
                "standard_error": round_to_error(one.standard_error, None),
                "after": _round_estimates(one.after, one.standard_error),
            }
        )
        for one in regression.coefficients
    )
    return regression.model_copy(update={"coefficients": coefficients})


def _round_estimates(estimates: tuple[Estimate, ...], error: float) -> tuple[Estimate, ...]:
    return tuple(
        Estimate(
            estimator=one.estimator,
            value=round_to_error(one.value, error),
            error_in_standard_errors=None
            if one.error_in_standard_errors is None
            else round(one.error_in_standard_errors) + 0.0,
        )
        for one in estimates
    )
