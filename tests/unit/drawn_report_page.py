"""Drawn release reports: a complete one in both forms, and a minimal one in which every optional figure is None."""

from __future__ import annotations

import json
from typing import Any

from cohort.release_report import ReleaseReport

K, M = 10, 5
ESTIMATORS = ("middles", "means", "means_and_covariance")


def rates(inside: float, outside: float, half_width: float = 0.011, attempts: int = 20_000) -> dict[str, Any]:
    difference = round(inside - outside, 6)
    ends = {"low": round(difference - half_width, 6), "high": round(difference + half_width, 6)}
    return {"inside": inside, "outside": outside, "difference": difference, "attempts": attempts, **ends}


def estimates(*drawn: tuple[float, float | None]) -> list[dict[str, Any]]:
    return [
        {"estimator": estimator, "value": value, "error_in_standard_errors": error}
        for estimator, (value, error) in zip(ESTIMATORS, drawn, strict=False)
    ]


def levels(*drawn: tuple[int, str, float]) -> list[dict[str, Any]]:
    return [{"level": level, "example": example, "share": share} for level, example, share in drawn]


def column(name: str, nl: str, en: str, loss: float, *drawn: tuple[int, str, float]) -> dict[str, Any]:
    return {"column": name, "label_nl": nl, "label_en": en, "loss": loss, "levels": levels(*drawn)}


def score_label(nl: str, en: str) -> tuple[str, str]:
    return f"rekenen (vaardigheidsscore), {nl} 2024-2025", f"mathematics (ability score), {en} of 2024-2025"


COLUMNS = [
    column("geslacht", "geslacht", "sex", 0.021, (0, "1", 0.96), (1, "*", 0.04)),
    column("jaargroep", "jaargroep", "year group", 0.047, (0, "7", 0.86), (1, "5-6", 0.13), (2, "*", 0.01)),
    column(
        "thuistaal", "thuistaal", "language at home", 0.093, (0, "nl", 0.87), (1, "in Nederland", 0.10), (2, "*", 0.03)
    ),
    column("opleiding_ouders", "opleiding van de ouders", "parents' education", 0.061, (0, "laag", 0.9), (1, "*", 0.1)),
    column(
        "rekenen_M",
        *score_label("midden", "middle"),
        0.152,
        (0, "100 tot 110", 0.41),
        (1, "100 tot 120", 0.38),
        (2, "80 tot 120", 0.15),
        (3, "*", 0.06),
    ),
    column("rekenen_E", *score_label("eind", "end"), 0.187, (0, "110 tot 120", 0.33), (1, "100 tot 120", 0.67)),
]

DISTRIBUTION = [
    (40, 60, 0.021, 0.017),
    (60, 80, 0.094, 0.081),
    (80, 100, 0.251, 0.262),
    (100, 120, 0.334, 0.347),
    (120, 140, 0.211, 0.205),
    (140, 160, 0.072, 0.071),
    (160, 180, 0.017, 0.017),
]
GROWTH = [
    (-20, -10, 0.031, 0.028),
    (-10, 0, 0.168, 0.171),
    (0, 10, 0.402, 0.41),
    (10, 20, 0.3, 0.297),
    (20, 40, 0.099, 0.094),
]


def distribution(drawn: list[tuple[float, float, float, float]]) -> list[dict[str, Any]]:
    return [{"lower": low, "upper": high, "before": before, "after": after} for low, high, before, after in drawn]


def score(name: str, mean: float, deviation: float, **changes: Any) -> dict[str, Any]:
    return {
        "column": name,
        "growth": False,
        "pupils": 58_744,
        "mean": mean,
        "standard_deviation": deviation,
        "mean_after": estimates((mean - 0.4, -3.9), (mean - 0.05, -0.5), (mean - 0.05, -0.5)),
        "standard_deviation_after": estimates(
            (deviation * 0.96, None), (deviation * 0.93, None), (deviation * 1.002, None)
        ),
        "intraclass_correlation": 0.173,
        "design_factor": 2.214,
        "distribution": distribution(DISTRIBUTION),
        **changes,
    }


def limit(code: str, column: str | None, figure: float | None, at_most: float) -> dict[str, Any]:
    kept = figure is not None and figure <= at_most
    return {"code": code, "column": column, "figure": figure, "limit": at_most, "kept": kept}


INFERENCE = {
    "attributes": ["geslacht", "jaargroep", "thuistaal"],
    "attributes_only": [
        {"column": "opleiding_ouders", "rates": rates(0.523, 0.518)},
        {"column": "rekenen_M", "rates": rates(0.184, 0.181)},
        {"column": "rekenen_E", "rates": rates(0.173, 0.176)},
    ],
    "all_but_one_known": [
        {"column": "geslacht", "rates": rates(0.6, 0.496)},
        {"column": "jaargroep", "rates": rates(0.801, 0.752)},
        {"column": "thuistaal", "rates": rates(0.872, 0.869)},
        {"column": "rekenen_M", "rates": rates(0.351, 0.322)},
    ],
    "singling_out": rates(0.112, 0.108, 0.02, 2_000),
    "linkability": rates(0.031, 0.035, 0.013, 1_000),
    "link_candidates": 100,
}
LIMITS = [
    limit("INFERENCE_ATTRIBUTES_ONLY", "opleiding_ouders", 0.016, 0.05),
    limit("INFERENCE_ATTRIBUTES_ONLY", "rekenen_M", 0.014, 0.05),
    limit("INFERENCE_ATTRIBUTES_ONLY", "rekenen_E", 0.008, 0.05),
    limit("INFERENCE_ALL_BUT_ONE", "geslacht", 0.115, 0.12),
    limit("INFERENCE_ALL_BUT_ONE", "jaargroep", 0.06, 0.12),
    limit("INFERENCE_ALL_BUT_ONE", "thuistaal", 0.014, 0.12),
    limit("INFERENCE_ALL_BUT_ONE", "rekenen_M", 0.04, 0.12),
    limit("DOWNCODING_GAIN", None, 0.0153, 0.05),
    limit("SURE_CELLS", None, 0.0021, 0.08),
    limit("SURE_CELLS_RIGHT", None, 0.522, 0.75),
]
INTRUDERS = [
    ("stranger", 10, 1 / 10, 0.071, 0.0),
    ("knows_1_other", 9, 1 / 9, 0.079, 0.182),
    ("knows_2_others", 8, 1 / 8, 0.089, 0.324),
    ("knows_3_others", 7, 1 / 7, 0.102, 0.441),
    ("school", 5, 1 / 5, 0.083, 0.214),
    ("board", 4, 1 / 4, 0.085, 0.231),
    ("teacher", 5, 1 / 5, None, None),
    ("two_releases", 10, 1 / 10, None, None),
]
EQUITY = [
    ("school_size", "under 10", 215, 9, 0.193),
    ("school_size", "10 to 24", 4_830, 4, 0.131),
    ("school_size", "200 or more", 18_455, 1, 0.087),
    ("geslacht", "1", 29_870, 2, 0.092),
    ("geslacht", "2", 29_705, 2, 0.094),
    ("geslacht", "9", None, None, None),
    ("thuistaal", "nl", 49_120, 1, 0.071),
    ("thuistaal", "fy", 640, 14, 0.268),
    ("thuistaal", "overig", 9_815, 6, 0.187),
]
UTILITY: dict[str, Any] = {
    "scores": [
        score("rekenen_M", 108.417, 22.184),
        score("rekenen_E", 115.902, 22.731, intraclass_correlation=0.181),
        score(
            "groei",
            7.485,
            9.316,
            growth=True,
            intraclass_correlation=0.092,
            design_factor=1.674,
            distribution=distribution(GROWTH),
        ),
    ],
    "pairs": [
        {
            "columns": ["rekenen_M", "rekenen_E"],
            "correlation": 0.913,
            "after": estimates((0.877, None), (0.942, None), (0.9121, None)),
        }
    ],
    "differences": [
        {
            "score": "rekenen_M",
            "column": "geslacht",
            "value": "1",
            "effect": 0.142,
            "after": estimates((0.131, 1.3), (0.139, 0.4), (0.1402, 0.2)),
        }
    ],
    "regressions": [
        {
            "outcome": "rekenen_E",
            "predictors": ["rekenen_M", "geslacht"],
            "coefficients": [
                {
                    "term": "rekenen_M",
                    "coefficient": 0.9354,
                    "standard_error": 0.0021,
                    "after": estimates((0.9101, -12.0), (0.9402, 2.3), (0.9341, -0.62)),
                },
                {
                    "term": "geslacht = 2",
                    "coefficient": -0.412,
                    "standard_error": 0.0784,
                    "after": estimates((-0.31, 1.3), (-0.402, 0.13), (-0.409, 0.04)),
                },
            ],
        }
    ],
    "advised_estimator": "means_and_covariance",
}


def draw_report(**changes: Any) -> ReleaseReport:
    """A complete report in its exact form."""
    drawn: dict[str, Any] = {
        "project": "leergroei",
        "release": 2,
        "form": "exact",
        "question": "Hoe groeit de rekenvaardigheid in groep 7 en 8, en verschilt dat naar thuistaal?",
        "made": "2026-11-30T21:15:00+00:00",
        "release_class": "anonymous",
        "nested_in": 1,
        "k": K,
        "m": M,
        "limits": {"k": "10", "m": "5", "max_share": "1/2", "k_others": "5"},
        "recoding": "local",
        "counts": {
            "records": 59_575,
            "released": 58_412,
            "suppressed": 1_163,
            "objected": 41,
            "without_instruction": 312,
            "set_aside": 18,
            "withdrawn": 23,
            "schools": 297,
        },
        "columns": COLUMNS,
        "mean_loss": 0.0935,
        "class_sizes": [
            {"smallest": low, "largest": high, "classes": classes, "pupils": pupils}
            for low, high, classes, pupils in (
                (10, 11, 2_104, 22_015),
                (12, 14, 981, 12_577),
                (15, 19, 402, 6_743),
                (20, 49, 318, 9_122),
                (50, None, 83, 7_955),
            )
        ],
        "risk": {
            "intruders": [
                {
                    "kind": kind,
                    "left_at_least": left,
                    "chance_at_most": chance,
                    "mean_chance": mean,
                    "over_one_in_k": over,
                }
                for kind, left, chance, mean, over in INTRUDERS
            ],
            "inference": INFERENCE,
            "downcoding": {
                "cells": 148_822,
                "marginal": 0.278,
                "informed": 0.291,
                "gain": 0.013,
                "gain_low": 0.0118,
                "gain_high": 0.0153,
                "ceiling": 0.403,
                "sure": 0.0312,
                "newly_sure": 0.0021,
                "newly_sure_right": 0.6123,
            },
            "sensitive": {
                "column": "spelling",
                "with_value": 41_208,
                "shown": 37_144,
                "blanked": 4_064,
                "covers": 811,
                "median_distance": 0.274,
            },
            "fewer_than_k": 0,
            "limits": LIMITS,
            "attacked_pupils": 20_000,
        },
        "utility": UTILITY,
        "equity": [
            {"column": name, "value": value, "pupils": pupils, "suppressed_percent": percent, "mean_loss": loss}
            for name, value, pupils, percent, loss in EQUITY
        ],
        "notes": ["sampled", "halves_searched_anew"],
        **changes,
    }
    return ReleaseReport.model_validate_json(json.dumps(drawn))


def draw_rounded_report(**changes: Any) -> ReleaseReport:
    """The same report in its rounded form: counts to fives, small ones hidden, some figures absent."""
    exact = draw_report().model_dump(mode="json")
    counts = {name: _round(count) for name, count in exact["counts"].items()} | {"set_aside": None}
    sizes = [one | {"classes": _round(one["classes"]), "pupils": _round(one["pupils"])} for one in exact["class_sizes"]]
    sizes[-1] |= {"classes": None, "pupils": None}
    risk = exact["risk"]
    sensitive = risk["sensitive"] | {"with_value": 41_210, "shown": 37_145, "blanked": 4_065, "covers": None}
    risk = round_shares(risk) | {"sensitive": sensitive, "attacked_pupils": 20_000}
    changed = {"form": "rounded", "counts": counts, "class_sizes": sizes, "risk": risk}
    return draw_report(**changed | changes)


def draw_minimal_report(**changes: Any) -> ReleaseReport:
    """A report in which every optional figure is None and every list is empty."""
    risk: dict[str, Any] = dict.fromkeys(("inference", "downcoding", "sensitive", "attacked_pupils"))
    nothing: dict[str, Any] = {
        "nested_in": None,
        "limits": {},
        "recoding": "global",
        "counts": dict.fromkeys(draw_report().counts.model_dump()),
        "columns": [],
        "class_sizes": [],
        "risk": {**risk, "intruders": [], "limits": [], "fewer_than_k": 0},
        "utility": {"scores": [], "pairs": [], "differences": [], "regressions": [], "advised_estimator": "middles"},
        "equity": [],
        "notes": [],
    }
    return draw_report(**nothing | changes)


def round_shares(drawn: Any) -> Any:
    """The same with every share rounded to whole per cents."""
    if isinstance(drawn, dict):
        return {name: round_shares(value) for name, value in drawn.items()}
    if isinstance(drawn, list):
        return [round_shares(value) for value in drawn]
    return round(drawn, 2) if isinstance(drawn, float) else drawn


def _round(count: int) -> int | None:
    return None if count <= 7 else (count + 2) // 5 * 5
