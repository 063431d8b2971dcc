"""The report of a release: what was done, which risk is left, what the data is still good for, and for whom less.

In: the document. Out: its page in Dutch or English. It reads nothing else.

    report_document   ReleaseReport: the report as a document, in an exact and in a rounded form
    report_texts      the words for codes: intruders, limits, estimators, notes
    report_phrases    figures and codes in words of one language
    report_summary    whether every limit is kept, and the four figures of the summary
    report_pictures   the pictures of a report
    report_page       the page, from its templates
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
