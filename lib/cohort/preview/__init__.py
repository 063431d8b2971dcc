"""Several settings of a project side by side, on the real cohort, before anything is released.

In: the accepted results, the project's declaration, and the settings to compare. Out: the figures of each setting.
One pass over the results makes the pupils' codes in the finest values that any setting needs; every setting is then
searched on the driver. Nothing is staged and no table is written; what is written are restricted documents.

    preview_settings    the settings to compare, each an override of the project's declaration
    finest_project      the declaration with the finest bands of all settings, and where their values lie in a setting
    cohort_codes        the codes of all pupils, made once
    quantile_bands      bands that a preview proposes, from the cohort's own values
    setting_search      the search of one setting
    preview_run         the steps of a preview, and its documents
"""

from __future__ import annotations

from cohort.preview.preview_run import PreviewResult, compare_on_cohort, write_preview_documents
from cohort.preview.preview_settings import PreviewSetting, load_preview_settings

__all__ = ["PreviewResult", "PreviewSetting", "compare_on_cohort", "load_preview_settings", "write_preview_documents"]
