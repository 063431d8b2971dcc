"""Figures of one setting, so that several settings of one cohort can be compared.

setting_measures    The figures of a finished search, against the finest values of the comparison.
"""

from __future__ import annotations

from cohort.sdc.comparison.setting_measures import ComparedColumn, SettingOutcome, measure_setting

__all__ = ["ComparedColumn", "SettingOutcome", "measure_setting"]
