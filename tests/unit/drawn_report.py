"""A report of a release drawn by hand, in its exact form."""

from __future__ import annotations

from typing import Any

from cohort.release_report import ReleaseReport

RATES: dict[str, Any] = {"inside": 0.6, "outside": 0.5, "difference": 0.1, "low": 0.05, "high": 0.15, "attempts": 1234}


def draw_report(**changes: Any) -> ReleaseReport:
    """A valid exact report of 1,237 pupils, of whom 1,226 are released."""
    estimate = {"estimator": "middles", "value": 101.2345678, "error_in_standard_errors": 0.734}
    facts: dict[str, Any] = {
        "project": "proef",
        "release": 1,
        "form": "exact",
        "question": "Hoe groeit rekenen?",
        "made": "2026-11-30 12:00:00+00:00",
        "release_class": "anonymous",
        "nested_in": None,
        "k": 10,
        "m": 5,
        "limits": {"k": "10", "m": "5", "k_others": "5", "max_share": "0.5"},
        "recoding": "local",
        "counts": {
            "records": 1237,
            "released": 1226,
            "suppressed": 11,
            "objected": 3,
            "without_instruction": 0,
            "set_aside": 4,
            "withdrawn": 0,
            "schools": 12,
        },
        "columns": [
            {
                "column": "geslacht",
                "label_nl": "geslacht",
                "label_en": "sex",
                "loss": 0.12345,
                "levels": [{"level": 0, "example": "1", "share": 1221 / 1226}],
            }
        ],
        "mean_loss": 0.0543219,
        "class_sizes": [{"smallest": 10, "largest": 19, "classes": 61, "pupils": 733}],
        "risk": {
            "intruders": [
                {"kind": "stranger", "left_at_least": 13, "chance_at_most": 1 / 13, "mean_chance": 0.0512345},
                {"kind": "board", "left_at_least": 6, "chance_at_most": 1 / 6},
            ],
            "inference": {
                "attributes": ["geslacht"],
                "attributes_only": [{"column": "rekenen", "rates": RATES}],
                "all_but_one_known": [{"column": "geslacht", "rates": RATES}],
                "singling_out": RATES,
                "linkability": RATES,
                "link_candidates": 100,
            },
            "downcoding": {
                "cells": 733,
                "marginal": 0.3123,
                "informed": 0.3345,
                "gain": 0.0222,
                "gain_low": 0.0111,
                "gain_high": 0.0333,
                "ceiling": 0.4123,
                "sure": 0.0123,
                "newly_sure": 4 / 733,
                "newly_sure_right": 0.75,
            },
            "sensitive": None,
            "fewer_than_k": 0,
            "limits": [
                {
                    "code": "DOWNCODING_GAIN",
                    "column": None,
                    "figure": 0.0733,
                    "limit": 0.05,
                    "kept": False,
                    "exception": {
                        "figure_at_most": 0.1,
                        "reason": "Openbare gegevens",
                        "signed_by": "A. Jansen",
                        "date": "2026-11-30",
                    },
                }
            ],
            "attacked_pupils": 1233,
        },
        "utility": {
            "scores": [
                {
                    "column": "rekenen",
                    "growth": False,
                    "pupils": 1231,
                    "mean": 101.7654321,
                    "standard_deviation": 20.1234567,
                    "mean_after": [estimate],
                    "standard_deviation_after": [estimate],
                    "intraclass_correlation": 0.1534567,
                    "design_factor": 2.0456789,
                    "distribution": [{"lower": 0, "upper": 100, "before": 517 / 1231, "after": 0.43}],
                }
            ],
            "pairs": [],
            "differences": [
                {"score": "rekenen", "column": "geslacht", "value": "1", "effect": 0.1234567, "after": [estimate]}
            ],
            "regressions": [],
            "advised_estimator": "middles",
        },
        "equity": [],
    }
    return ReleaseReport.model_validate(facts | changes)
