"""Risk of re-identification, measured on a finished recoding.

compatible_pupils        Which pupils are compatible with which released class.
reidentification_risk    ReidentificationRisk: prosecutor, journalist and marketer.
motivated_intruder       IntruderSearch: candidates of pupils whom an intruder knows exactly.
intruder_chances         IntruderChance: the chance of a stranger, a parent, a school or a board.
rate_comparison          RateComparison: how often an attack succeeds inside and outside a release, with intervals.
release_density          ReleaseDensity: a release read as a density, for guesses.
attacked_cohort          AttackedCohort: pupils, and how some of them are recoded.
inference_risk           InferenceRisk: inference, linkability and singling out against a control half.
downcoding_risk          DowncodingRisk: guesses of the exact values behind generalised ones.
downcoding_guesses       DowncodingGuesser: these guesses, class by class.
release_risk             ReleaseRisk, and the RiskLimits that it breaks.
"""

from __future__ import annotations

from cohort.sdc.risk.attacked_cohort import AttackedCohort
from cohort.sdc.risk.downcoding_risk import DowncodingRisk, downcoding_attack
from cohort.sdc.risk.inference_risk import InferenceRisk, inference_attack
from cohort.sdc.risk.intruder_chances import bound_intruder_chances, measure_intruder_chances
from cohort.sdc.risk.motivated_intruder import (
    IntruderSearch,
    simulate_linked_releases,
    simulate_school,
    simulate_stranger,
)
from cohort.sdc.risk.rate_comparison import ATTACK_SEED, Rate, RateComparison
from cohort.sdc.risk.reidentification_risk import ReidentificationRisk
from cohort.sdc.risk.release_risk import (
    DOWNCODING_GAIN,
    INFERENCE_ALL_BUT_ONE,
    INFERENCE_ATTRIBUTES_ONLY,
    INFERENCE_NOT_MEASURED,
    SURE_CELLS,
    SURE_CELLS_RIGHT,
    BrokenLimit,
    ReleaseRisk,
    RiskLimits,
    measure_release_risk,
)

__all__ = [
    "ATTACK_SEED",
    "DOWNCODING_GAIN",
    "INFERENCE_ALL_BUT_ONE",
    "INFERENCE_ATTRIBUTES_ONLY",
    "INFERENCE_NOT_MEASURED",
    "SURE_CELLS",
    "SURE_CELLS_RIGHT",
    "AttackedCohort",
    "BrokenLimit",
    "DowncodingRisk",
    "InferenceRisk",
    "IntruderSearch",
    "Rate",
    "RateComparison",
    "ReidentificationRisk",
    "ReleaseRisk",
    "RiskLimits",
    "bound_intruder_chances",
    "downcoding_attack",
    "inference_attack",
    "measure_intruder_chances",
    "measure_release_risk",
    "simulate_linked_releases",
    "simulate_school",
    "simulate_stranger",
]
