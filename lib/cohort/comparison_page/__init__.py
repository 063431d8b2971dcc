"""The page that compares settings of one cohort: its figures, pictures and texts.

In: the figures of each setting. Out: one HTML page in Dutch and English that needs nothing else, and a line of JSON per
setting. The figures are exact: both are restricted documents. It knows neither Spark nor the engine, so that the job
`preview` and the analyst's command make the same page.

    setting_figures    the figures of one setting
    page_texts         every text of the page in both languages
    picture_layout     where the bars of the pictures stand
    page               the page, from its template
"""

from __future__ import annotations

from cohort.comparison_page.page import PageHead, render_comparison_page
from cohort.comparison_page.setting_figures import (
    ClassSizeGroup,
    ColumnFigures,
    IntruderFigure,
    LevelShare,
    SettingFigures,
    format_json_lines,
)

__all__ = [
    "ClassSizeGroup",
    "ColumnFigures",
    "IntruderFigure",
    "LevelShare",
    "PageHead",
    "SettingFigures",
    "format_json_lines",
    "render_comparison_page",
]
