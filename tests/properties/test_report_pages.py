"""Properties of the page of a release report: every document has a page, and no text of it has a missing figure."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree, html
from tests.unit.drawn_report_page import draw_minimal_report

from cohort.release_report import ReleaseReport, render_report_page
from cohort.release_report.report_texts import INTRUDERS, LIMITS, NOTES

NAMES = st.text(max_size=70).filter(lambda name: not re.search(r"None|nan|inf|undefined|%", name))
SHARES = st.floats(0, 1)
FIGURES = st.floats(-1e6, 1e6) | st.sampled_from([0.0, float("nan"), float("inf"), -float("inf")])
COUNTS = st.integers(0, 20_000_000)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=3)


LEVELS = st.fixed_dictionaries({"level": st.integers(0, 9), "example": NAMES, "share": SHARES})
COLUMNS = st.fixed_dictionaries(
    {"column": NAMES, "label_nl": NAMES, "label_en": NAMES, "loss": SHARES, "levels": many(LEVELS)}
)
CLASS_SIZES = st.fixed_dictionaries(
    {"smallest": COUNTS, "largest": maybe(COUNTS), "classes": maybe(COUNTS), "pupils": maybe(COUNTS)}
)
INTRUDER = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(sorted(INTRUDERS)),
        "left_at_least": st.integers(0, 1_000),
        "chance_at_most": SHARES,
        "mean_chance": maybe(SHARES),
        "over_one_in_k": maybe(SHARES),
    }
)
RATES = st.fixed_dictionaries(
    {"inside": SHARES, "outside": SHARES, "difference": FIGURES, "low": FIGURES, "high": FIGURES, "attempts": COUNTS}
)
COLUMN_RATES = st.fixed_dictionaries({"column": NAMES, "rates": RATES})
INFERENCE = st.fixed_dictionaries(
    {
        "attributes": many(NAMES),
        "attributes_only": many(COLUMN_RATES),
        "all_but_one_known": many(COLUMN_RATES),
        "singling_out": RATES,
        "linkability": RATES,
        "link_candidates": COUNTS,
    }
)
DOWNCODING = st.fixed_dictionaries(
    {
        "cells": COUNTS,
        **dict.fromkeys(("marginal", "informed", "ceiling", "sure", "newly_sure"), SHARES),
        **dict.fromkeys(("gain", "gain_low", "gain_high"), FIGURES),
        "newly_sure_right": maybe(SHARES),
    }
)
SENSITIVE = st.fixed_dictionaries(
    {
        "column": NAMES,
        **dict.fromkeys(("with_value", "shown", "blanked", "covers"), maybe(COUNTS)),
        "median_distance": maybe(FIGURES),
    }
)
LIMIT = st.fixed_dictionaries(
    {
        "code": st.sampled_from(sorted(LIMITS)) | NAMES,
        "column": maybe(NAMES),
        "figure": maybe(FIGURES),
        "limit": SHARES,
        "kept": st.booleans(),
        "point_estimate": st.booleans(),
        "exception": maybe(
            st.fixed_dictionaries({"figure_at_most": SHARES, "reason": NAMES, "signed_by": maybe(NAMES), "date": NAMES})
        ),
    }
)
RISK = st.fixed_dictionaries(
    {
        "intruders": many(INTRUDER),
        "inference": maybe(INFERENCE),
        "downcoding": maybe(DOWNCODING),
        "sensitive": maybe(SENSITIVE),
        "fewer_than_k": st.integers(0, 3),
        "limits": many(LIMIT),
        "attacked_pupils": maybe(COUNTS),
    }
)
ESTIMATOR = st.sampled_from(["middles", "means", "means_and_covariance"])
ESTIMATES = many(
    st.fixed_dictionaries({"estimator": ESTIMATOR, "value": FIGURES, "error_in_standard_errors": maybe(FIGURES)})
)
BARS = st.fixed_dictionaries({"lower": FIGURES, "upper": FIGURES, "before": maybe(SHARES), "after": SHARES})
SCORES = st.fixed_dictionaries(
    {
        "column": NAMES,
        "growth": st.booleans(),
        "pupils": maybe(COUNTS),
        "mean": FIGURES,
        "standard_deviation": FIGURES,
        "mean_after": ESTIMATES,
        "standard_deviation_after": ESTIMATES,
        "intraclass_correlation": maybe(FIGURES),
        "design_factor": maybe(FIGURES),
        "distribution": many(BARS),
    }
)
UTILITY = st.fixed_dictionaries(
    {
        "scores": many(SCORES),
        "pairs": many(
            st.fixed_dictionaries({"columns": st.tuples(NAMES, NAMES), "correlation": FIGURES, "after": ESTIMATES})
        ),
        "differences": many(
            st.fixed_dictionaries(
                {"score": NAMES, "column": NAMES, "value": NAMES, "effect": FIGURES, "after": ESTIMATES}
            )
        ),
        "regressions": many(
            st.fixed_dictionaries(
                {
                    "outcome": NAMES,
                    "predictors": many(NAMES),
                    "coefficients": many(
                        st.fixed_dictionaries(
                            {"term": NAMES, "coefficient": FIGURES, "standard_error": FIGURES, "after": ESTIMATES}
                        )
                    ),
                }
            )
        ),
        "advised_estimator": ESTIMATOR,
    }
)
EQUITY = st.fixed_dictionaries(
    {
        "column": NAMES | st.just("school_size"),
        "value": NAMES | st.sampled_from(["under 10", "10 to 24", "200 or more"]),
        "pupils": maybe(COUNTS),
        "suppressed_percent": maybe(st.integers(0, 100)),
        "mean_loss": maybe(SHARES),
    }
)


@st.composite
def reports(draw: st.DrawFn) -> ReleaseReport:
    counts = draw_minimal_report().counts.model_dump()
    return ReleaseReport.model_validate(
        draw_minimal_report().model_dump()
        | {
            "project": draw(NAMES),
            "question": draw(NAMES),
            "made": draw(NAMES),
            "form": draw(st.sampled_from(["exact", "rounded"])),
            "release_class": draw(st.sampled_from(["anonymous", "pseudonymous"])),
            "nested_in": draw(maybe(st.integers(1, 99))),
            "k": draw(st.integers(0, 50)),
            "limits": draw(st.dictionaries(NAMES | st.sampled_from(["k", "m"]), NAMES, max_size=3)),
            "recoding": draw(st.sampled_from(["global", "local"])),
            "counts": {name: draw(maybe(COUNTS)) for name in counts},
            "columns": draw(many(COLUMNS)),
            "mean_loss": draw(FIGURES),
            "class_sizes": draw(many(CLASS_SIZES)),
            "risk": draw(RISK),
            "utility": draw(UTILITY),
            "equity": draw(many(EQUITY)),
            "notes": draw(many(st.sampled_from(sorted(NOTES)) | NAMES)),
        }
    )


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None)
@given(report=reports(), language=st.sampled_from(["nl", "en"]))
def test_every_document_has_a_whole_page_without_a_missing_figure(report: ReleaseReport, language: str) -> None:
    text = render_report_page(report, language)
    page: Any = html.fromstring(text.encode())
    (body,) = page.xpath("//body")
    assert not re.search(r"\b(None|nan|inf|undefined)\b|%%", body.text_content())
    assert len(page.xpath("//li[span/@class='figure']")) == 4
    assert len(page.xpath("//*[@id='summary']//tbody/tr")) == len(report.risk.limits)
    for picture in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        etree.fromstring(picture)
