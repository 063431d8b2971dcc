"""The summary of a report: whether every limit is kept, and the four figures that a reader wants first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from cohort.release_report.report_document import Estimate, HeldLimit, IntruderRisk, ReleaseReport
from cohort.release_report.report_phrases import ReportPhrases, is_measured

VerdictState = Literal["kept", "excepted", "broken", "not_measured"]
LIMITS_PASSED = "limits_passed"
"""The note of a release that is not refused for a broken limit, because it only leaves pupils out."""


@dataclass(frozen=True)
class Verdict:
    """Whether the release keeps its limits.

    Args:
        state: the verdict in one word.
        heading: the verdict.
        sentences: what is wrong, each with its exception where there is one.
        consequence: what follows.
    """

    state: VerdictState
    heading: str
    sentences: tuple[str, ...]
    consequence: str


@dataclass(frozen=True)
class KeyFigure:
    """One of the figures of the summary: its name, the figure, and what it means."""

    name: str
    figure: str
    meaning: str


def judge_limits(phrases: ReportPhrases) -> Verdict:
    """Say whether every limit is kept, which are broken, and what follows."""
    risk, text = phrases.report.risk, phrases.language
    broken = [limit for limit in risk.limits if not limit.kept]
    sentences = [_describe_broken(phrases, limit) for limit in broken]
    if risk.fewer_than_k:
        sentences.insert(0, _describe_defect(phrases))
    if sentences:
        excepted = not risk.fewer_than_k and all(limit.exception is not None for limit in broken)
        state: VerdictState = "excepted" if excepted else "broken"
        consequence = _tell_consequence(phrases, excepted=excepted)
        return Verdict(state, _count_broken(phrases, len(broken)), tuple(sentences), consequence)
    if not risk.limits:
        consequence = text.gettext("This page cannot say whether the release may go out.")
        return Verdict("not_measured", text.gettext("No limit on attacks was measured"), (), consequence)
    consequence = text.gettext(
        "As far as attacks are measured, the release may go out. The verifier and the second person decide the rest."
    )
    return Verdict("kept", _count_kept(phrases, len(risk.limits)), (), consequence)


def _tell_consequence(phrases: ReportPhrases, *, excepted: bool) -> str:
    if excepted:
        return phrases.language.gettext(
            "Every broken limit has a signed exception, so the release is not refused for it. Judge the reasons."
        )
    if phrases.report.risk.fewer_than_k:
        return phrases.language.gettext("This release must not go out.")
    if LIMITS_PASSED in phrases.report.notes:
        return phrases.note(LIMITS_PASSED)
    return phrases.language.gettext(
        "A broken limit refuses the release, unless the project file has a signed exception for it."
    )


def _describe_broken(phrases: ReportPhrases, limit: HeldLimit) -> str:
    told = _describe_figure(phrases, limit)
    return told if limit.exception is None else f"{told} {phrases.exception(limit.exception)}"


def _describe_figure(phrases: ReportPhrases, limit: HeldLimit) -> str:
    text, name = phrases.language, phrases.limit_of_column(limit)
    if not is_measured(limit.figure):
        return text.gettext("%(limit)s: not measured, which breaks the limit.", limit=name)
    figure, at_most = phrases.held(limit)
    return text.gettext(
        "%(limit)s: %(figure)s, where at most %(at_most)s is allowed.", limit=name, figure=figure, at_most=at_most
    )


def _describe_defect(phrases: ReportPhrases) -> str:
    return phrases.language.ngettext(
        "The self-check failed: %(number)s class has fewer than k pupils. That is a defect; do not publish.",
        "The self-check failed: %(number)s classes have fewer than k pupils. That is a defect; do not publish.",
        phrases.report.risk.fewer_than_k,
    )


def _count_broken(phrases: ReportPhrases, broken: int) -> str:
    if not broken:
        return phrases.language.gettext("A self-check failed")
    return phrases.language.ngettext(
        "%(number)s of %(all)s limits is broken",
        "%(number)s of %(all)s limits are broken",
        broken,
        all=phrases.language.format_number(len(phrases.report.risk.limits)),
    )


def _count_kept(phrases: ReportPhrases, kept: int) -> str:
    return phrases.language.ngettext(
        "The only limit on attacks is kept", "All %(number)s limits on attacks are kept", kept
    )


def list_key_figures(phrases: ReportPhrases) -> tuple[KeyFigure, ...]:
    """The four figures of the summary: who is left out, what detail is lost, who is the strongest, what is wrong."""
    return (
        _tell_suppression(phrases),
        _tell_loss(phrases),
        _tell_strongest_intruder(phrases),
        _tell_largest_error(phrases),
    )


def _tell_suppression(phrases: ReportPhrases) -> KeyFigure:
    text, counts = phrases.language, phrases.report.counts
    meaning = text.gettext(
        "pupils in the release; left out because too few look alike: %(number)s",
        number=phrases.count(counts.suppressed),
    )
    if counts.suppressed is not None and counts.records:
        decimals = 1 if phrases.report.form == "exact" else 0
        share = phrases.percent(counts.suppressed / counts.records, decimals)
        meaning = text.gettext("%(meaning)s (%(share)s of the selection)", meaning=meaning, share=share)
    return KeyFigure(text.gettext("In the release"), phrases.count(counts.released), meaning)


def _tell_loss(phrases: ReportPhrases) -> KeyFigure:
    text = phrases.language
    columns = [one for one in phrases.report.columns if math.isfinite(one.loss)]
    meaning = text.gettext("of the detail is lost, on average over the columns (0 %% is exact, 100 %% is nothing left)")
    if columns:
        most = max(columns, key=lambda column: column.loss)
        worst = text.gettext("most in %(column)s: %(share)s", column=most.column, share=phrases.percent(most.loss))
        meaning = f"{meaning}; {worst}"
    return KeyFigure(text.gettext("What it costs"), phrases.percent(phrases.report.mean_loss), meaning)


def find_strongest(report: ReleaseReport) -> tuple[IntruderRisk, ...]:
    """The intruders with the highest chance; none where no chance was measured."""
    highest = max((one.chance_at_most for one in report.risk.intruders), default=0.0)
    return tuple(one for one in report.risk.intruders if one.chance_at_most == highest)


def _tell_strongest_intruder(phrases: ReportPhrases) -> KeyFigure:
    text, strongest = phrases.language, find_strongest(phrases.report)
    name = text.gettext("Strongest intruder")
    if not strongest:
        return KeyFigure(
            name, text.gettext("not measured"), text.gettext("chances of intruders are not in this report")
        )
    if len(strongest) == 1:
        meaning = text.gettext(
            "is the highest chance to pick the right row of a pupil: %(intruder)s, who knows %(knowledge)s",
            intruder=phrases.intruder(strongest[0].kind).lower(),
            knowledge=phrases.knowledge(strongest[0].kind),
        )
    else:
        meaning = text.gettext(
            "is the highest chance to pick the right row of a pupil, for each of: %(intruders)s",
            intruders="; ".join(phrases.intruder(one.kind).lower() for one in strongest),
        )
    return KeyFigure(name, phrases.chance(strongest[0]), meaning)


def _tell_largest_error(phrases: ReportPhrases) -> KeyFigure:
    text, advised = phrases.language, phrases.report.utility.advised_estimator
    name = text.gettext("Largest error with the advised estimator")
    errors = [(abs(error), what) for what, error in _list_errors(phrases.report, advised)]
    if not errors:
        return KeyFigure(name, text.gettext("not measured"), text.gettext("no mean or coefficient has an error here"))
    largest, what = max(errors)
    figure = text.gettext("%(number)s standard errors", number=phrases.standard_errors(largest).removeprefix("+"))
    if phrases.report.form == "rounded" and largest == 0:
        figure = text.gettext("under half a standard error")
    meaning = text.gettext(
        "of a mean or a coefficient on the exact scores (%(what)s), with %(estimator)s",
        what=what,
        estimator=phrases.estimator(advised),
    )
    return KeyFigure(name, figure, meaning)


def _list_errors(report: ReleaseReport, estimator: str) -> Iterator[tuple[str, float]]:
    """The errors of means and of coefficients by one estimator, in standard errors, each with what it is of."""
    estimated: list[tuple[str, tuple[Estimate, ...]]] = [
        *((score.column, score.mean_after) for score in report.utility.scores),
        *((one.term, one.after) for regression in report.utility.regressions for one in regression.coefficients),
    ]
    for what, estimates in estimated:
        for one in estimates:
            error = one.error_in_standard_errors
            if one.estimator == estimator and error is not None and math.isfinite(error):
                yield what, error
