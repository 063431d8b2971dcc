"""The class means of a release and their covariance matrices: decided once the classes are there.

`stage_pipeline` calls it. The sums come from Spark (`anonymisation.class_scores`), the rules are those of `cohort.sdc`,
and what the release before showed comes from its snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from pyspark.sql import DataFrame

from cohort.agreements import DeclaredColumn, Project
from cohort.anonymisation import (
    ScoredClasses,
    ScoreRange,
    count_group_contributors,
    count_pupils_of_before,
    select_scored_pupils,
    sum_class_scores,
)
from cohort.release_records import ClassMeanCounts, ClassMeanFigures, ClassSnapshot, CovarianceMatrix
from cohort.report_figures import ShownMeans
from cohort.sdc import (
    EVERYBODY_ELSE,
    ClassMeanRule,
    CovarianceRule,
    GroupContributors,
    PooledCovariance,
    Recoding,
    find_comparable,
    pool_covariances,
)

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReleasedMeans:
    """The class means of a release.

    Args:
        means: by column, the mean of each class in hundredths of a point; masked where the class shows none.
        figures: what the record says of them, with the covariance matrices.
    """

    means: dict[str, np.ma.MaskedArray]
    figures: ClassMeanFigures


@dataclass(frozen=True, eq=False)
class MeanInput:
    """What class means are made from, beside the pupils.

    Args:
        project: the project's declaration.
        recoding: the classes.
        boards: the boards of schools, as `make_board_frame` gives them.
        accepted: the scores that intake accepts, by column.
        previous: the snapshot of the published release; None for a first release.
    """

    project: Project
    recoding: Recoding
    boards: DataFrame
    accepted: Mapping[str, ScoreRange]
    previous: ClassSnapshot | None


def make_class_means(assigned: DataFrame, inputs: MeanInput) -> ReleasedMeans:
    """Return the class means that the release shows, and the covariance matrices: three or four actions.

    Args:
        assigned: the released pupils with their class, cached.
        inputs: what class means are made from, beside the pupils.
    """
    project, recoding = inputs.project, inputs.recoding
    scored = select_scored_pupils(assigned, inputs.boards).persist()
    try:
        sums = sum_class_scores(scored, project, recoding, inputs.accepted)
        before = _ClassesBefore.find(scored, sums, inputs)
        means, counts = {}, {}
        for column in project.mean_columns:
            means[column.name], counts[column.name] = _show_means(column, sums, before, project)
        matrices, left = _pool_covariances(scored, sums, means, inputs)
    finally:
        scored.unpersist()
    figures = ClassMeanFigures(columns=counts, covariances=tuple(matrices), pupils_without_covariance=left)
    return ReleasedMeans(means, figures)


def read_shown_means(released: ReleasedMeans, project: Project, recoding: Recoding) -> ShownMeans:
    """Read the class means and covariance matrices as a researcher does: every class has the matrix of its group.

    A class whose group has no matrix of its own has that of all others (`*`), where there is one.

    Args:
        released: the class means of the release.
        project: the project's declaration.
        recoding: the classes.
    """
    scores = [column.name for column in project.score_columns]
    means = np.full((recoding.classes, len(scores)), np.nan)
    for name, own in released.means.items():
        means[:, scores.index(name)] = np.ma.filled(own.astype(np.float64) / 100, np.nan)  # from hundredths of a point
    matrices = {tuple(one.group.values()): np.array(one.rows) for one in released.figures.covariances}
    if not matrices:
        return ShownMeans(means)
    places = [scores.index(column.name) for column in project.mean_columns]
    everybody_else = matrices.get((EVERYBODY_ELSE,) * len(project.covariance_groups))
    within = np.full((recoding.classes, len(scores), len(scores)), np.nan)
    for number, group in enumerate(_list_groups(project, recoding)):
        matrix = matrices.get(group, everybody_else)
        if matrix is not None:
            within[number][np.ix_(places, places)] = matrix
    return ShownMeans(means, within)


def _list_groups(project: Project, recoding: Recoding) -> list[tuple[str, ...]]:
    """List the labels of the grouping columns of each class; the empty tuple where there is one group for all."""
    names = [column.name for column in project.quasi_identifiers]
    labels = [recoding.labels[names.index(name)].tolist() for name in project.covariance_groups]
    return list(zip(*labels, strict=True)) if labels else [()] * recoding.classes


@dataclass(frozen=True, eq=False)
class _ClassesBefore:
    """The classes with the same labels in the release before.

    Args:
        means: by column, the mean that each class showed; masked where it showed none or was not there.
        existed: which classes were there.
        is_unchanged: which of them have the very same pupils.
    """

    means: dict[str, np.ma.MaskedArray]
    existed: BoolArray
    is_unchanged: BoolArray

    @classmethod
    def find(cls, scored: DataFrame, sums: ScoredClasses, inputs: MeanInput) -> _ClassesBefore | None:
        previous, recoding = inputs.previous, inputs.recoding
        if previous is None:
            return None
        labels_before = zip(*(labels.tolist() for labels in previous.recoding.labels), strict=True)
        number_before = {labels: number for number, labels in enumerate(labels_before)}
        labels_now = zip(*(labels.tolist() for labels in recoding.labels), strict=True)
        place = np.array([number_before.get(labels, -1) for labels in labels_now], dtype=np.int64)
        existed = place >= 0
        stayed = count_pupils_of_before(scored, previous.read_pupils(scored.sparkSession), recoding.classes)
        unchanged = existed & (stayed == sums.pupils) & (previous.recoding.pupils[place] == sums.pupils)
        means = {
            name: np.ma.masked_array(own.data[place], np.ma.getmaskarray(own)[place] | ~existed)
            for name, own in previous.means.items()
        }
        return cls(means, existed, unchanged)


def _show_means(
    column: DeclaredColumn, sums: ScoredClasses, before: _ClassesBefore | None, project: Project
) -> tuple[np.ma.MaskedArray, ClassMeanCounts]:
    """Return the means of a column, masked where a class shows none, and how many classes and pupils that concerns."""
    scores, step, bands = sums.scores[column.name], project.mean_steps[column.name], column.bands
    if bands is None:
        raise TypeError("a column that shows a mean has declared bands")
    rule = ClassMeanRule(int(step * 100), column.score_unit, bands.to - bands.from_, project.thresholds.k)
    means = rule.round_means(scores)
    shown = allowed = rule.find_shown(scores)
    if before is not None:
        own = before.means[column.name]
        comparable = find_comparable(own.data, ~np.ma.getmaskarray(own), means, before.is_unchanged)
        shown = allowed & (comparable | ~before.existed)
    counts = ClassMeanCounts(
        step=str(step),
        classes_with_mean=int(np.count_nonzero(shown)),
        classes_without_mean=int(np.count_nonzero(~shown)),
        pupils_without_mean=int(sums.pupils[~shown].sum()),
        classes_changed=int(np.count_nonzero(allowed & ~shown)),
    )
    return np.ma.masked_array(means, ~shown), counts


def _pool_covariances(
    scored: DataFrame, sums: ScoredClasses, means: Mapping[str, np.ma.MaskedArray], inputs: MeanInput
) -> tuple[list[CovarianceMatrix], int]:
    """Return the matrices over the classes that show every mean, and the pupils who are in none of them."""
    project, recoding = inputs.project, inputs.recoding
    shows_all = ~np.any([np.ma.getmaskarray(own) for own in means.values()], axis=0)
    of_class = _list_groups(project, recoding)
    groups = sorted({of_class[number] for number in np.flatnonzero(shows_all)})
    if not groups:
        return [], int(sums.pupils.sum())
    number_of = {group: number for number, group in enumerate(groups)}
    group_of_class = np.array(
        [number_of[group] if shown else -1 for group, shown in zip(of_class, shows_all, strict=True)], dtype=np.int32
    )
    counted = count_group_contributors(scored, project, group_of_class)
    thresholds = project.thresholds
    pooled, left = pool_covariances(
        sums.within,
        [column.score_unit for column in project.mean_columns],
        {group: np.flatnonzero(group_of_class == number) for group, number in number_of.items()},
        {group: counted.get(number, GroupContributors({}, {})) for group, number in number_of.items()},
        CovarianceRule(m=thresholds.m, max_share=Fraction(thresholds.max_share)),
    )
    return [_as_document(one, project) for one in pooled], left + int(sums.pupils[~shows_all].sum())


def _as_document(pooled: PooledCovariance, project: Project) -> CovarianceMatrix:
    names = [column.name for column in project.mean_columns]
    return CovarianceMatrix(
        group=dict(zip(project.covariance_groups, pooled.group, strict=True)),
        degrees_of_freedom=pooled.degrees_of_freedom,
        columns=tuple(names),
        rows=tuple(tuple(row) for row in pooled.matrix.tolist()),
    )
