"""The figures of a release's report, against what pandas and numpy compute from the exact and the released rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from tests.unit.drawn_legal_basis import make_eligibility
from tests.unit.drawn_records import make_release_record
from tests.unit.drawn_release import pipeline_input, platform
from tests.unit.drawn_results import Row, column, frame, project, result, row

from cohort.agreements.project import Project
from cohort.keys.project_keys import ProjectKey
from cohort.legal_basis.objections_in_force import Objections
from cohort.release import stage_pipeline
from cohort.release_report import ReleaseReport
from cohort.release_report.report_document import Estimate
from cohort.report_figures import (
    held_limits,
    measured_release,
    report_making,
    risk_figures,
    rounded_report,
    score_moments,
)
from cohort.report_figures.report_making import ReleaseFigures
from cohort.sdc.model.hierarchy import Hierarchy
from cohort.sdc.numeric.band_labels import LabelBounds
from cohort.sdc.risk.release_risk import ReleaseRisk

PUPILS, SCHOOLS = 400, tuple(f"10A{letter}" for letter in "ABCDEFGH")
TENS = tuple(f"{n} tot {n + 10}" for n in range(0, 100, 10))
TWENTIES = tuple(f"{n - n % 20} tot {n - n % 20 + 20}" for n in range(0, 100, 10))


def bands(name: str) -> Hierarchy:
    levels = ((*TENS, "onbekend"), (*TWENTIES, "onbekend"), ("*",) * 11)
    return Hierarchy(name, levels)


HIERARCHIES = {
    "rekenen": bands("rekenen"),
    "lezen": bands("lezen"),
    "geslacht": Hierarchy("geslacht", (("1", "2", "onbekend"), ("*",) * 3)),
}
MALE, FEMALE = "1", "2"


def declared(kind: str = "local", **changes: Any) -> Project:
    return project(
        [
            column("rekenen", step=10, result=result("rekenen", "latest")),
            column("lezen", step=10, result=result("lezen", "latest")),
            column("geslacht", attribute="geslacht"),
        ],
        thresholds={"k": 10, "m": 2, "max_share": Decimal("0.5"), "k_others": 5},
        recoding={"kind": kind, "objective": "mean", "suppression_limit": Decimal("0.5")},
        regressions=[{"outcome": "lezen", "on": ["rekenen", "geslacht"]}],
        **changes,
    )


def scores() -> pd.DataFrame:
    """Exact scores: reading follows mathematics, schools differ, girls read better, a tenth has no reading score."""
    rng = np.random.default_rng(7)
    school = np.arange(PUPILS) % len(SCHOOLS)
    sex = np.where(rng.random(PUPILS) < 0.5, MALE, FEMALE)
    ability = rng.normal(0, 10, PUPILS) + np.linspace(-8, 8, len(SCHOOLS))[school]
    rekenen = np.clip(np.round(50 + ability + rng.normal(0, 5, PUPILS), 2), 0, 99)
    lezen = np.clip(np.round(50 + ability + 4 * (sex == FEMALE) + rng.normal(0, 6, PUPILS), 2), 0, 99)
    lezen[rng.random(PUPILS) < 0.1] = np.nan
    return pd.DataFrame({"school": school, "geslacht": sex, "rekenen": rekenen, "lezen": lezen})


def results(exact: pd.DataFrame) -> list[Row]:
    rows = []
    columns = zip(*(exact[name].tolist() for name in ("school", "geslacht", "rekenen", "lezen")), strict=True)
    for n, (school, sex, rekenen, lezen) in enumerate(columns):
        told = {"brin": SCHOOLS[school], "levering": str(school + 1), "geslacht": sex}
        rows.append(row(n, waarde=f"{rekenen:.2f}", **told))
        if not np.isnan(lezen):
            rows.append(row(n, domein="lezen", waarde=f"{lezen:.2f}", **told))
    return rows


class Made:
    """One release, with its report and its released rows."""

    def __init__(self, spark: SparkSession, agreed: Project) -> None:
        inputs = pipeline_input(
            agreed, make_eligibility(Objections(()), SCHOOLS), HIERARCHIES, key=ProjectKey(b"k" * 32), schools=SCHOOLS
        )
        released = stage_pipeline.run_release_pipeline(frame(spark, results(scores())), inputs, lambda *_: None)
        try:
            self.rows = released.rows.toPandas()
            self.figures: ReleaseFigures = report_making.measure_release(released.measured, platform())
            self.again: ReleaseFigures = report_making.measure_release(released.measured, platform())
            self.suppressed = released.recoding.suppressed
            self.codes = measured_release.collect_release_codes(released.measured)
            self.drawn = measured_release.collect_release_codes(released.measured, 100)
        finally:
            released.unpersist()
        self.report = report_making.make_release_report(self.record(), self.figures)

    def record(self) -> Any:
        figures = {"left_at_least": 10, "chance_at_most": 0.1}
        kinds = ("stranger", "knows_1_other", "knows_2_others", "knows_3_others", "school", "board")
        counts = {"pupils_records": PUPILS, "pupils_released": len(self.rows), "pupils_suppressed": self.suppressed}
        return make_release_record(intruders=dict.fromkeys(kinds, figures), counts=counts, thresholds={"k_others": "5"})


@pytest.fixture(scope="module")
def made(one_spark: SparkSession) -> Made:
    return Made(one_spark, declared())


@pytest.fixture(scope="module")
def exact() -> pd.DataFrame:
    return scores()


def middles(rows: pd.DataFrame, name: str) -> pd.Series:
    """The middle of the scores that a label stands for: hundredths of points, so the last one is .01 under the end."""
    ends = rows[name].str.extract(r"^(\d+) tot (\d+)$").astype(float)
    return (ends[0] + ends[1] - 0.01) / 2


def only(estimates: tuple[Estimate, ...]) -> Estimate:
    (estimate,) = estimates
    assert estimate.estimator == "middles"
    return estimate


def test_means_and_deviations_are_those_of_the_exact_and_of_the_released_rows(made: Made, exact: pd.DataFrame) -> None:
    assert [score.column for score in made.report.utility.scores] == ["rekenen", "lezen"]
    for score in made.report.utility.scores:
        before, after = exact[score.column].dropna(), middles(made.rows, score.column).dropna()
        assert score.pupils == len(before)
        assert score.mean == pytest.approx(before.mean())
        assert score.standard_deviation == pytest.approx(before.std())
        assert only(score.mean_after).value == pytest.approx(after.mean())
        assert only(score.standard_deviation_after).value == pytest.approx(after.std())
        error = (after.mean() - before.mean()) / (before.std() / sqrt(len(before)))
        assert only(score.mean_after).error_in_standard_errors == pytest.approx(error)
        error = (after.std() - before.std()) / (before.std() / sqrt(2 * (len(before) - 1)))
        assert only(score.standard_deviation_after).error_in_standard_errors == pytest.approx(error)


def test_correlations_are_of_the_pupils_with_both_scores(made: Made, exact: pd.DataFrame) -> None:
    (pair,) = made.report.utility.pairs
    assert pair.correlation == pytest.approx(exact["rekenen"].corr(exact["lezen"]))
    after = middles(made.rows, "rekenen").corr(middles(made.rows, "lezen"))
    assert only(pair.after).value == pytest.approx(after)


def test_differences_between_subgroups_are_effect_sizes(made: Made, exact: pd.DataFrame) -> None:
    found = {(one.score, one.value): one for one in made.report.utility.differences}
    assert set(found) == {(score, sex) for score in ("rekenen", "lezen") for sex in (MALE, FEMALE)}
    released = made.rows.assign(**{name: middles(made.rows, name) for name in ("rekenen", "lezen")})
    for (score, sex), one in found.items():
        for rows, effect in ((exact, one.effect), (released, only(one.after).value)):
            known = rows[rows[score].notna() & rows["geslacht"].isin([MALE, FEMALE])]
            inside = known["geslacht"] == sex
            difference = known[score][inside].mean() - known[score][~inside].mean()
            assert effect == pytest.approx(difference / known[score].std())


def test_a_declared_regression_is_that_of_least_squares(made: Made, exact: pd.DataFrame) -> None:
    (regression,) = made.report.utility.regressions
    found = {one.term: one for one in regression.coefficients}
    assert set(found) - {"rekenen"} <= {f"geslacht = {MALE}", f"geslacht = {FEMALE}"}
    (dummy,) = set(found) - {"rekenen"}
    released = made.rows.assign(**{name: middles(made.rows, name) for name in ("rekenen", "lezen")})
    released = released[released["geslacht"].isin([MALE, FEMALE])]
    for rows, read in ((exact, None), (released, "after")):
        known = rows.dropna(subset=["rekenen", "lezen"])
        design = np.column_stack(
            [np.ones(len(known)), known["rekenen"], known["geslacht"] == dummy.removeprefix("geslacht = ")]
        ).astype(float)
        target = known["lezen"].to_numpy()
        solution, *_ = np.linalg.lstsq(design, target, rcond=None)
        residual = target - design @ solution
        variance = residual @ residual / (len(known) - 3)
        errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
        for place, term in ((1, "rekenen"), (2, dummy)):
            if read is None:
                assert found[term].coefficient == pytest.approx(solution[place])
                assert found[term].standard_error == pytest.approx(errors[place])
            else:
                assert only(found[term].after).value == pytest.approx(solution[place])


def test_the_intraclass_correlation_is_that_of_an_analysis_of_variance(made: Made, exact: pd.DataFrame) -> None:
    for score in made.report.utility.scores:
        known = exact.dropna(subset=[score.column])
        groups = known.groupby("school")[score.column]
        n, number = groups.count(), groups.ngroups
        between = (n * (groups.mean() - known[score.column].mean()) ** 2).sum() / (number - 1)
        within = (groups.var() * (n - 1)).sum() / (len(known) - number)
        size = (len(known) - (n**2).sum() / len(known)) / (number - 1)
        correlation = (between - within) / (between + (size - 1) * within)
        assert score.intraclass_correlation == pytest.approx(correlation)
        assert score.design_factor == pytest.approx(sqrt(1 + (size - 1) * correlation))


def test_a_distribution_has_the_shares_of_all_pupils_and_hides_small_ones(made: Made, exact: pd.DataFrame) -> None:
    score = made.report.utility.scores[0]
    assert sum(bar.after for bar in score.distribution) == pytest.approx(1)
    assert any(bar.before is None for bar in score.distribution)
    for bar in score.distribution:
        pupils = int(((exact["rekenen"] >= bar.lower) & (exact["rekenen"] < bar.upper)).sum())
        assert bar.before == (pytest.approx(pupils / PUPILS) if pupils >= 10 else None)


def test_the_same_release_has_the_same_figures(made: Made) -> None:
    again = report_making.make_release_report(made.record(), made.again)
    assert again == made.report


def test_the_risk_section_has_every_intruder_and_every_attack(made: Made) -> None:
    risk = made.report.risk
    kinds = ["stranger", "knows_1_other", "knows_2_others", "knows_3_others", "school", "board", "teacher"]
    assert [one.kind for one in risk.intruders] == kinds
    by_kind = {one.kind: one for one in risk.intruders}
    assert by_kind["teacher"].mean_chance == by_kind["school"].mean_chance
    assert by_kind["stranger"].mean_chance == pytest.approx(
        made.rows.groupby(["rekenen", "lezen", "geslacht"]).ngroups / len(made.rows)
    )
    assert risk.fewer_than_k == 0
    assert risk.inference is not None
    assert risk.inference.attributes == ("geslacht",)
    assert {one.column for one in risk.inference.attributes_only} == {"rekenen", "lezen"}
    assert {one.column for one in risk.inference.all_but_one_known} == {"rekenen", "lezen", "geslacht"}
    assert risk.attacked_pupils == PUPILS
    assert "assumed_attributes" in made.report.notes


LIMITS = ("attributes_only", "all_but_one_known", "downcoding_gain", "sure_cells", "sure_cells_right")
CODES = {
    "attributes_only": "INFERENCE_ATTRIBUTES_ONLY",
    "all_but_one_known": "INFERENCE_ALL_BUT_ONE",
    "downcoding_gain": "DOWNCODING_GAIN",
    "sure_cells": "SURE_CELLS",
    "sure_cells_right": "SURE_CELLS_RIGHT",
}


def limits(**changes: Decimal | int) -> Any:
    return platform().risk_limits.model_copy(update=changes)


@pytest.mark.parametrize("name", LIMITS)
def test_each_limit_is_broken_when_it_is_set_under_its_figure(made: Made, name: str) -> None:
    held = [one for one in made.report.risk.limits if one.code == CODES[name]]
    highest = max(one.figure for one in held if one.figure is not None)
    under = Decimal(highest) - Decimal("1e-9")
    # a figure of 0 or less cannot be undercut by a limit of a platform, which is 0 at least
    broken = held_limits.hold_limits(made.figures.attacked, limits(**{name: under}), ())
    assert [one.code for one in broken if not one.kept] == [CODES[name]]
    sentences = held_limits.describe_broken(broken)
    assert [code for code, _ in sentences] == [CODES[name]]
    assert sentences[0][1].startswith("Expected at most")
    assert held_limits.describe_broken(held_limits.hold_limits(made.figures.attacked, limits(), ())) == []


def test_few_attempts_are_held_by_the_estimate_and_many_by_the_interval(made: Made) -> None:
    rates = {one.column: one.rates for one in made.report.risk.inference.all_but_one_known}  # type: ignore[union-attr]
    few = held_limits.hold_limits(made.figures.attacked, limits(attempts_for_interval=3000), ())
    many = held_limits.hold_limits(made.figures.attacked, limits(attempts_for_interval=100), ())
    for held, end, by_estimate in ((few, "difference", True), (many, "high", False)):
        found = {one.column: one for one in held if one.code == "INFERENCE_ALL_BUT_ONE"}
        assert {name: one.figure for name, one in found.items()} == {name: getattr(r, end) for name, r in rates.items()}
        assert {one.point_estimate for one in found.values()} == {by_estimate}


def test_a_declared_exception_holds_up_to_its_figure(made: Made) -> None:
    (first,) = [one for one in made.report.risk.limits if one.column == "lezen" and "ALL_BUT" in one.code]
    assert first.figure is not None
    under = limits(all_but_one_known=Decimal(first.figure) - Decimal("1e-9"))
    signed = {"reason": "Er is geen andere selectie", "signed_by": "A. Jansen", "date": dt.date(2026, 11, 30)}
    for most, passes in ((1, True), (Decimal(first.figure) - Decimal("0.001"), False)):
        agreed = declared(
            risk_exceptions=[
                {"code": first.code, "column": name, "figure_at_most": max(most, Decimal(0)), **signed}
                for name in ("rekenen", "lezen", "geslacht")
            ]
        )
        held = held_limits.hold_limits(made.figures.attacked, under, agreed.risk_exceptions)
        (one,) = [one for one in held if one.column == "lezen" and one.code == first.code]
        assert not one.kept
        assert (one.exception is not None) == passes
        broken = held_limits.describe_broken(held)
        assert (first.code in dict(broken)) != passes


def test_what_could_not_be_measured_breaks_a_limit(made: Made) -> None:
    attacks = ReleaseRisk(made.figures.attacked.attacks.downcoding, None)
    unmeasured = risk_figures.AttackedRelease(attacks, ("geslacht",), (), PUPILS, {})
    held = held_limits.hold_limits(unmeasured, limits(attributes_only=Decimal("0.99")), ())
    assert [code for code, _ in held_limits.describe_broken(held)] == ["INFERENCE_NOT_MEASURED"]


def exact_counts(made: Made) -> set[int]:
    counts = {PUPILS, len(made.rows), made.suppressed, int(scores()["lezen"].notna().sum())}
    counts |= {int((scores()["geslacht"] == sex).sum()) for sex in (MALE, FEMALE)}
    counts |= {one.pupils for one in made.report.class_sizes if one.pupils is not None}
    return {count for count in counts if count % 5}


def numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def test_the_rounded_form_has_no_exact_count_and_no_exact_score(made: Made, exact: pd.DataFrame) -> None:
    rounded = rounded_report.round_report(made.report, platform().shown)
    assert ReleaseReport.model_validate_json(rounded.model_dump_json()) == rounded
    shown = list(numbers(rounded.model_dump(mode="json")))
    assert exact_counts(made)
    assert not exact_counts(made) & {int(number) for number in shown if number == int(number) and number > 7}
    for score, before in zip(rounded.utility.scores, made.report.utility.scores, strict=True):
        known = exact[score.column].dropna()
        step = rounded_report.round_to_error(known.std() / sqrt(len(known)), None)
        assert score.mean != before.mean
        assert abs(score.mean * len(known) - known.sum()) / step > 1  # the sum of the scores does not follow
        assert score.pupils is None or score.pupils % 5 == 0
        for bar in score.distribution:
            assert bar.before is None or (bar.before * 100) == pytest.approx(round(bar.before * 100))


@pytest.mark.parametrize(
    ("value", "error", "shown"), [(102.4567, 0.31, 102.0), (102.4567, 0.01, 102.46), (0.734, 0.04, 0.7), (17.3, 3, 20)]
)
def test_a_figure_is_no_finer_than_its_error(value: float, error: float, shown: float) -> None:
    assert rounded_report.round_to_error(value, error) == shown


def test_a_band_with_an_open_end_is_as_wide_as_a_leaf() -> None:
    assert score_moments.band_ends(LabelBounds(300, None), 20) == (300, 320)
    assert score_moments.band_ends(LabelBounds(None, 0), 20) == (-20, 0)
    assert score_moments.band_ends(LabelBounds(None, None), 20) is None


def test_means_with_the_covariance_give_the_moments_of_the_exact_scores(made: Made) -> None:
    recoding = made.figures.release.recoding
    rng = np.random.default_rng(1)
    of_class = np.repeat(np.arange(recoding.classes), recoding.pupils)
    drawn = rng.normal(50, 10, (len(of_class), 2)) + of_class[:, np.newaxis]
    counts = recoding.pupils[:, np.newaxis]
    means = np.stack([np.bincount(of_class, drawn[:, score]) for score in range(2)], axis=1) / counts
    apart = drawn - means[of_class]
    within = apart.T @ apart / (len(of_class) - recoding.classes)
    shown = score_moments.ShownMeans(means, np.broadcast_to(within, (recoding.classes, 2, 2)))
    with_covariance = score_moments.read_means(recoding, shown, [], with_covariance=True)
    without = score_moments.read_means(recoding, shown, [], with_covariance=False)
    expected = np.cov(drawn.T)
    for first in range(2):
        assert with_covariance.mean(first) == pytest.approx(drawn[:, first].mean())
        assert without.covariance(first, first) < expected[first, first]
        for second in range(2):
            assert with_covariance.covariance(first, second) == pytest.approx(expected[first, second])


def test_every_pupil_is_collected_with_its_class(made: Made) -> None:
    classes = made.codes.class_of_pupil
    assert (made.codes.pupils, made.codes.sampled) == (PUPILS, False)
    assert np.bincount(classes[classes >= 0]).tolist() == made.figures.release.recoding.pupils.tolist()
    assert int((classes < 0).sum()) == made.suppressed
    assert made.drawn.sampled
    assert 50 < made.drawn.pupils < 150
    class_of_key = dict(zip(made.codes.table["key"].to_pylist(), classes.tolist(), strict=True))
    drawn = zip(made.drawn.table["key"].to_pylist(), made.drawn.class_of_pupil.tolist(), strict=True)
    assert all(class_of_key[key] == number for key, number in drawn)


def test_equity_has_the_rounded_counts_of_every_subgroup(made: Made, exact: pd.DataFrame) -> None:
    shown = platform().shown
    found = {(one.column, one.value): one for one in made.report.equity}
    for sex in (MALE, FEMALE):
        assert found["geslacht", sex].pupils == shown.round_count(int((exact["geslacht"] == sex).sum()))
    size = found["school_size", "50 to 99"]  # each school has fifty pupils
    assert size.pupils == PUPILS
    assert size.suppressed_percent == (
        None
        if made.suppressed <= 7
        else round(100 * (shown.round_count(made.suppressed) or 0) / (shown.round_count(PUPILS) or 1))
    )
