"""The report of a release as a page for people, in Dutch or in English: self-contained, without scripts.

It is made from the document alone. Its style sheet is in it, its pictures are SVG in it, and it refers to no address.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING

from jinja2 import Environment
from markupsafe import Markup

from cohort.pages import NOT_IN_XML, load_language, make_page_environment
from cohort.release_report.report_document import Estimate, Estimator, ReleaseReport
from cohort.release_report.report_phrases import ReportPhrases, find_estimate
from cohort.release_report.report_summary import find_strongest, judge_limits, list_key_figures
from cohort.release_report.report_texts import ADVICE

if TYPE_CHECKING:
    from cohort.release_report.report_pictures import ReportPicture

ESTIMATOR_ORDER: tuple[Estimator, ...] = ("middles", "means", "means_and_covariance")
STYLE_SHEETS = ("pages.css", "report.css")


def render_report_page(report: ReleaseReport, language: str) -> str:
    """Render the page of a report.

    Args:
        report: the report, in its exact or in its rounded form.
        language: `nl` or `en`.

    Returns:
        The page as HTML.
    """
    phrases = ReportPhrases(load_language(language), report)
    estimators = _list_estimators(report)
    template = _environment(language).get_template("report.html.j2")
    page = template.render(
        report=report,
        phrases=phrases,
        verdict=judge_limits(phrases),
        key_figures=list_key_figures(phrases),
        strongest=find_strongest(report),
        pictures=_draw_pictures(phrases),
        estimators=estimators,
        estimator_names=[phrases.estimator(one) for one in estimators],
        find_estimate=find_estimate,
        advice=ADVICE,
        markup=Markup,
    )
    return NOT_IN_XML.sub("", page)


def _draw_pictures(phrases: ReportPhrases) -> dict[str, ReportPicture]:
    """Draw the pictures; only here is matplotlib loaded, which takes a second.

    Where its folder of settings cannot be written it works in a scratch folder; what it says of that is no progress of
    a job.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from cohort.release_report.report_pictures import draw_pictures

    return draw_pictures(phrases)


def _list_estimators(report: ReleaseReport) -> tuple[Estimator, ...]:
    """The estimators by which a figure of the report was estimated, in their order."""
    utility = report.utility
    groups: list[tuple[Estimate, ...]] = [
        *(estimates for one in utility.scores for estimates in (one.mean_after, one.standard_deviation_after)),
        *(one.after for one in utility.pairs),
        *(one.after for one in utility.differences),
        *(one.after for regression in utility.regressions for one in regression.coefficients),
    ]
    used = {estimate.estimator for estimates in groups for estimate in estimates}
    return tuple(estimator for estimator in ESTIMATOR_ORDER if estimator in used)


@functools.cache
def _environment(language_code: str) -> Environment:
    return make_page_environment("cohort.release_report", language_code, STYLE_SHEETS)
