"""The report of a release: what was done, which risk is left, what the data is still good for, and for whom less.

report_document   ReleaseReport: the report as a document, in an exact and in a rounded form.
report_page            render_report_page: the page that is made from it.
"""

from __future__ import annotations

from cohort.release_report.report_document import (
    CohortCounts,
    ColumnDetail,
    ColumnRates,
    ComparedRates,
    DetailLevel,
    DistributionBar,
    DowncodingFigures,
    Estimate,
    Estimator,
    HeldLimit,
    InferenceFigures,
    IntruderRisk,
    LimitException,
    MeasuredClassSizes,
    RegressionCoefficient,
    RegressionUtility,
    ReleaseReport,
    ReportForm,
    RiskSection,
    ScorePairUtility,
    ScoreUtility,
    SensitiveFigures,
    SubgroupDifference,
    SubgroupTreatment,
    UtilitySection,
)
from cohort.release_report.report_page import render_report_page

__all__ = [
    "CohortCounts",
    "ColumnDetail",
    "ColumnRates",
    "ComparedRates",
    "DetailLevel",
    "DistributionBar",
    "DowncodingFigures",
    "Estimate",
    "Estimator",
    "HeldLimit",
    "InferenceFigures",
    "IntruderRisk",
    "LimitException",
    "MeasuredClassSizes",
    "RegressionCoefficient",
    "RegressionUtility",
    "ReleaseReport",
    "ReportForm",
    "RiskSection",
    "ScorePairUtility",
    "ScoreUtility",
    "SensitiveFigures",
    "SubgroupDifference",
    "SubgroupTreatment",
    "UtilitySection",
    "render_report_page",
]
