"""Risk of re-identification, measured on a finished recoding.

compatible_pupils        Which pupils are compatible with which released class.
reidentification_risk    ReidentificationRisk: prosecutor, journalist and marketer.
motivated_intruder       IntruderSearch: candidates of pupils whom an intruder knows exactly.
intruder_chances         IntruderChance: the chance of a stranger, a parent, a school or a board.
"""

from __future__ import annotations

from cohort.sdc.risk.intruder_chances import bound_intruder_chances, measure_intruder_chances
from cohort.sdc.risk.motivated_intruder import (
    IntruderSearch,
    simulate_linked_releases,
    simulate_school,
    simulate_stranger,
)
from cohort.sdc.risk.reidentification_risk import ReidentificationRisk

__all__ = [
    "IntruderSearch",
    "ReidentificationRisk",
    "bound_intruder_chances",
    "measure_intruder_chances",
    "simulate_linked_releases",
    "simulate_school",
    "simulate_stranger",
]
