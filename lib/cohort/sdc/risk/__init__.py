"""Risk of re-identification, measured on a finished recoding.

compatible_pupils        Which pupils are compatible with which released class.
reidentification_risk    ReidentificationRisk: prosecutor, journalist and marketer.
motivated_intruder       IntruderSearch: candidates of pupils whom an intruder knows exactly.
intruder_chances         IntruderChance: the chance of a stranger, a parent, a school or a board.
"""
