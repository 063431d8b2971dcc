"""The figures of the report of a release: risk, usefulness, equity, and the limits that the risk is held to.

In: the frames of a release that was just made, its recoding and its record. Out: the report as a document, its rounded
form, and the limits that are broken. The release writes and refuses; nothing here does.

    measured_release     the codes of the pupils, with the class of each
    risk_figures         the chances of intruders, and the attacks
    held_limits          limits, figures and exceptions
    score_moments        sums and products of scores, before and after
    score_statistics     what researchers compute from them
    utility_figures      the section on usefulness, with its publication rules
    equity_figures       who is suppressed or generalised more than others
    report_making        the report put together
    rounded_report       its open form
    report_store         where both forms stand
"""

from __future__ import annotations

from cohort.report_figures.held_limits import RISK_DEFINITIONS, describe_broken
from cohort.report_figures.measured_release import MeasuredRelease
from cohort.report_figures.report_making import ReleaseFigures, make_release_report, measure_release
from cohort.report_figures.report_store import (
    find_exact_report,
    remove_open_reports,
    renew_open_report,
    write_exact_report,
)
from cohort.report_figures.score_moments import ShownMeans

__all__ = [
    "RISK_DEFINITIONS",
    "MeasuredRelease",
    "ReleaseFigures",
    "ShownMeans",
    "describe_broken",
    "find_exact_report",
    "make_release_report",
    "measure_release",
    "remove_open_reports",
    "renew_open_report",
    "write_exact_report",
]
