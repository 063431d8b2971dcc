"""Risk of re-identification, measured on a finished recoding.

reidentification_risk    ReidentificationRisk (prosecutor, journalist, marketer); the chance of each kind of intruder.
motivated_intruder       IntruderSearch: candidates of pupils whom an intruder knows exactly.
"""
