"""What a release is still good for: figures before and after, with their errors in standard errors.

In: the exact scores, summed by Spark, the recoding, and the codes of the pupils, which say how many pupils of how many
schools a figure rests on. Out: the section of the report. A figure of too few pupils, or too few schools, is left out
(the publication rules of the exact form too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from cohort.agreements import DeclaredRegression
from cohort.release_report import (
    DistributionBar,
    Estimate,
    Estimator,
    RegressionCoefficient,
    RegressionUtility,
    ScorePairUtility,
    ScoreUtility,
    SubgroupDifference,
    UtilitySection,
)
from cohort.report_figures.measured_release import MeasuredRelease, ReleaseCodes
from cohort.report_figures.score_moments import (
    ExactMoments,
    Grouping,
    ScoreMoments,
    Scores,
    band_ends,
    read_means,
    read_middles,
    sum_exact_scores,
)
from cohort.report_figures.score_statistics import (
    Figure,
    fit_regression,
    school_variance,
    score_correlation,
    score_deviation,
    score_mean,
    subgroup_effect,
)
from cohort.sdc import UNKNOWN_VALUE, BoolArray, FloatArray, IntArray, parse_band_label

LEAST_PUPILS = 10
"""Figures of fewer pupils, or with fewer degrees of freedom, are left out (CBS: 10 observations, 10 degrees)."""
HIDDEN_FIGURES, UNDETERMINED_REGRESSION = "hidden_figures", "undetermined_regression"
"""Notes of a report."""


@dataclass(frozen=True, eq=False)
class _Measured:
    """What the figures are computed from.

    Args:
        release: the release.
        codes: its pupils.
        scores: the columns of scores: name, unit and width of a leaf.
        columns: their positions among the quasi-identifiers.
        groupings: the attributes that pupils are divided by, by name.
        exact: the exact scores, summed.
        released: by estimator what researchers read from the release.
    """

    release: MeasuredRelease
    codes: ReleaseCodes
    scores: Scores
    columns: tuple[int, ...]
    groupings: Mapping[str, Grouping]
    exact: ExactMoments
    released: Mapping[Estimator, ScoreMoments]

    @property
    def least(self) -> int:
        """The fewest pupils of a figure."""
        return max(LEAST_PUPILS, self.release.project.thresholds.k)

    def has_score(self, scores: Sequence[int]) -> BoolArray:
        """Which units of the histogram have these scores."""
        known = np.ones(self.codes.histogram.units, dtype=np.bool_)
        for score in scores:
            hierarchy = self.release.coding.hierarchies[self.columns[score]]
            unknown = hierarchy.leaves.index(UNKNOWN_VALUE) if UNKNOWN_VALUE in hierarchy.leaves else -1
            known &= self.codes.leaves[self.columns[score]] != unknown
        return known

    def may_show(self, units: BoolArray) -> bool:
        """Whether a figure of these pupils may be shown: enough pupils and boards, none with too large a share."""
        thresholds = self.release.project.thresholds
        boards = np.bincount(self.codes.histogram.schools[units])
        pupils = int(boards.sum())
        if pupils < self.least or int((boards > 0).sum()) < thresholds.m:
            return False
        return int(boards.max()) <= float(thresholds.max_share) * pupils

    def values_of(self, name: str) -> IntArray:
        """The value of an attribute of each unit, by number."""
        grouping = self.groupings[name]
        return grouping.of_leaves(self.codes.leaves[grouping.column].astype(np.int64))


def choose_groupings(release: MeasuredRelease) -> dict[str, Grouping]:
    """Choose, for each quasi-identifying attribute, the values that subgroups are made of."""
    groupings = {}
    for number, column in enumerate(release.project.quasi_identifiers):
        if not column.numeric:
            grouping = Grouping.choose(number, release.coding.hierarchies[number], column.lowest_level)
            if grouping is not None:
                groupings[column.name] = grouping
    return groupings


def measure_utility(
    release: MeasuredRelease, codes: ReleaseCodes, groupings: Mapping[str, Grouping]
) -> tuple[UtilitySection, list[str]]:
    """Measure what a release is still good for: one Spark action.

    Args:
        release: the release.
        codes: its pupils.
        groupings: the attributes that pupils are divided by.

    Returns:
        The section, and codes of what limits it.
    """
    project = release.project
    names = [column.name for column in project.quasi_identifiers]
    numeric = project.score_columns
    if not numeric:
        return UtilitySection(scores=(), pairs=(), differences=(), regressions=(), advised_estimator="middles"), []
    scores: Scores = tuple(
        (c.name, c.score_unit, None if c.band_width is None else float(c.band_width)) for c in numeric
    )
    columns = tuple(names.index(column.name) for column in numeric)
    divisions = _divisions(project.regressions, groupings)
    exact = sum_exact_scores(release.pupils, release.coding, [unit for _, unit, _ in scores], divisions)
    released = _read_released(release, columns, scores, list(groupings.values()))
    measured = _Measured(release, codes, scores, columns, groupings, exact, released)
    shown = [score for score in range(len(scores)) if measured.may_show(measured.has_score([score]))]
    section_scores = tuple(_score_utility(measured, score) for score in shown)
    pairs = tuple(
        _pair_utility(measured, pair)
        for pair in combinations(shown, 2)
        if measured.may_show(measured.has_score(pair)) and score_correlation(_all(measured), *pair)
    )
    differences, hidden = _subgroup_differences(measured, shown)
    regressions, undetermined = _regressions(measured, shown)
    section = UtilitySection(
        scores=section_scores,
        pairs=pairs,
        differences=differences,
        regressions=regressions,
        advised_estimator=list(released)[-1],
    )
    notes = [HIDDEN_FIGURES] if hidden or len(shown) < len(scores) else []
    return section, [*notes, *([UNDETERMINED_REGRESSION] if undetermined else [])]


def _read_released(
    release: MeasuredRelease, columns: tuple[int, ...], scores: Scores, groupings: Sequence[Grouping]
) -> dict[Estimator, ScoreMoments]:
    """What researchers read from the release, by estimator; the last one is the best."""
    released: dict[Estimator, ScoreMoments] = {"middles": read_middles(release.recoding, columns, scores, groupings)}
    shown = release.shown_means
    if shown is not None:
        released["means"] = read_means(release.recoding, shown, groupings, with_covariance=False)
        if shown.within is not None:
            released["means_and_covariance"] = read_means(release.recoding, shown, groupings, with_covariance=True)
    return released


def _divisions(
    regressions: Sequence[DeclaredRegression], groupings: Mapping[str, Grouping]
) -> list[tuple[Grouping, ...]]:
    """The divisions to sum scores by: none, each attribute, and the attributes of each regression together."""
    divisions = [(), *((grouping,) for grouping in groupings.values())]
    for regression in regressions:
        division = tuple(groupings[name] for name in regression.on if name in groupings)
        if division not in divisions:
            divisions.append(division)
    return divisions


def _all(measured: _Measured) -> ScoreMoments:
    return measured.exact.by_attributes[()]


def _estimates(exact: Figure, after: Mapping[Estimator, Figure | None]) -> tuple[Estimate, ...]:
    """The estimates that could be made, each with its error in standard errors of the exact figure."""
    estimates = []
    for estimator, figure in after.items():
        if figure is not None:
            error = (figure.value - exact.value) / exact.standard_error if exact.standard_error else None
            estimates.append(Estimate(estimator=estimator, value=figure.value, error_in_standard_errors=error))
    return tuple(estimates)


def _score_utility(measured: _Measured, score: int) -> ScoreUtility:
    column = measured.release.project.score_columns[score]
    mean, deviation = score_mean(_all(measured), score), score_deviation(_all(measured), score)
    if mean is None or deviation is None:
        raise RuntimeError("a score of enough pupils without a mean")
    variance = school_variance(measured.exact.by_school, score)
    released = measured.released.items()
    return ScoreUtility(
        column=column.name,
        growth=column.difference is not None,
        pupils=int(_all(measured).with_scores([score]).count),
        mean=mean.value,
        standard_deviation=deviation.value,
        mean_after=_estimates(mean, {name: score_mean(cells, score) for name, cells in released}),
        standard_deviation_after=_estimates(
            deviation, {name: score_deviation(cells, score) for name, cells in released}
        ),
        intraclass_correlation=None if variance is None else variance.correlation,
        design_factor=None if variance is None else variance.design_factor,
        distribution=_distribution(measured, score),
    )


def _pair_utility(measured: _Measured, pair: tuple[int, int]) -> ScorePairUtility:
    exact = score_correlation(_all(measured), *pair)
    if exact is None:
        raise RuntimeError("a correlation that was determined")
    after = {name: score_correlation(cells, *pair) for name, cells in measured.released.items()}
    columns = (measured.scores[pair[0]][0], measured.scores[pair[1]][0])
    return ScorePairUtility(columns=columns, correlation=exact.value, after=_estimates(exact, after))


def _subgroup_differences(measured: _Measured, shown: Sequence[int]) -> tuple[tuple[SubgroupDifference, ...], bool]:
    """The differences between subgroups, and whether any was left out for its pupils; others too must be enough."""
    differences, hidden = [], False
    for name, grouping in measured.groupings.items():
        values = measured.values_of(name)
        cells = measured.exact.by_attributes[(name,)]
        for score in shown:
            known = measured.has_score([score]) & (values >= 0)
            for number, label in enumerate(grouping.labels):
                inside = known & (values == number)
                exact = subgroup_effect(cells, score, name, number)
                if exact is None:
                    continue
                if not (measured.may_show(inside) and measured.may_show(known & ~inside)):
                    hidden = True
                    continue
                after = {one: subgroup_effect(read, score, name, number) for one, read in measured.released.items()}
                differences.append(
                    SubgroupDifference(
                        score=measured.scores[score][0],
                        column=name,
                        value=label,
                        effect=exact.value,
                        after=_estimates(exact, after),
                    )
                )
    return tuple(differences), hidden


def _regressions(measured: _Measured, shown: Sequence[int]) -> tuple[tuple[RegressionUtility, ...], bool]:
    """The declared regressions, and whether any could not be computed or shown."""
    regressions, undetermined = [], False
    for declared in measured.release.project.regressions:
        one = _regression(measured, declared, shown)
        undetermined |= one is None
        if one is not None:
            regressions.append(one)
    return tuple(regressions), undetermined


def _regression(measured: _Measured, declared: DeclaredRegression, shown: Sequence[int]) -> RegressionUtility | None:
    number_of = {name: number for number, (name, _, _) in enumerate(measured.scores)}
    scores = {name: number_of[name] for name in declared.on if name in number_of}
    attributes = tuple(name for name in declared.on if name not in number_of)
    outcome = number_of[declared.outcome]
    if not {outcome, *scores.values()} <= set(shown) or not set(attributes) <= set(measured.groupings):
        return None
    units = measured.has_score([outcome, *scores.values()])
    for name in attributes:
        units &= measured.values_of(name) >= 0
    dummies = _dummies(measured, attributes, units)
    if dummies is None or not measured.may_show(units):
        return None
    arguments = (outcome, scores, dummies, attributes)
    exact = fit_regression(measured.exact.by_attributes[attributes], *arguments)
    if exact is None or exact.degrees_of_freedom < LEAST_PUPILS:
        return None
    after = {name: fit_regression(cells, *arguments) for name, cells in measured.released.items()}
    coefficients = []
    for term, figure in exact.coefficients.items():
        of_term = {name: None if fit is None else fit.coefficients[term] for name, fit in after.items()}
        coefficients.append(
            RegressionCoefficient(
                term=term,
                coefficient=figure.value,
                standard_error=figure.standard_error or 0.0,
                after=_estimates(figure, of_term),
            )
        )
    return RegressionUtility(outcome=declared.outcome, predictors=tuple(declared.on), coefficients=tuple(coefficients))


def _dummies(measured: _Measured, attributes: Sequence[str], units: BoolArray) -> dict[str, tuple[str, int]] | None:
    """A dummy for each value of the attributes but the most frequent; None where one is of too few pupils to show."""
    dummies = {}
    for name in attributes:
        values = measured.values_of(name)
        labels = measured.groupings[name].labels
        counts = np.bincount(values[units], minlength=len(labels)) if units.any() else np.zeros(len(labels))
        reference = int(counts.argmax())
        for number, label in enumerate(labels):
            if number == reference or not counts[number]:
                continue
            if not measured.may_show(units & (values == number)):
                return None
            dummies[f"{name} = {label}"] = (name, number)
    return dummies


def _distribution(measured: _Measured, score: int) -> tuple[DistributionBar, ...]:
    """The shares of bands: exact, and as the released labels spread over the leaves that they stand for."""
    column, width = measured.columns[score], measured.scores[score][2]
    hierarchy = measured.release.coding.hierarchies[column]
    grouping = Grouping.choose(column, hierarchy, 0)
    if grouping is None:
        return ()
    group_of_leaf = grouping.of_leaves(np.arange(len(hierarchy.leaves)))
    bars = len(grouping.labels)
    known = measured.has_score([score])
    exact = np.bincount(group_of_leaf[measured.codes.leaves[column][known]], minlength=bars)
    after = _spread_labels(measured, column, group_of_leaf, bars)
    found = []
    for number, label in enumerate(grouping.labels):
        ends = band_ends(parse_band_label(label), width)
        if ends is None:
            continue
        share = exact[number] / exact.sum() if exact[number] >= measured.least else None
        found.append(DistributionBar(lower=ends[0], upper=ends[1], before=share, after=float(after[number])))
    return tuple(found)


def _spread_labels(measured: _Measured, column: int, group_of_leaf: IntArray, bars: int) -> FloatArray:
    """The share of released pupils per bar; a label is spread over its leaves, one that states no bound is left out."""
    recoding, hierarchy = measured.release.recoding, measured.release.coding.hierarchies[column]
    after: FloatArray = np.zeros(bars)
    labels = recoding.labels[column]
    for label in np.unique(labels).tolist():
        if band_ends(parse_band_label(label), None) is None:
            continue
        classes = labels == label
        first = int(np.flatnonzero(classes)[0])
        groups = hierarchy.groups(int(recoding.levels[first, column]))
        under = group_of_leaf[groups == groups[recoding.leaves[first, column]]]
        under = under[under >= 0]
        after += recoding.pupils[classes].sum() * np.bincount(under, minlength=bars) / max(len(under), 1)
    return after / after.sum() if after.sum() else after
