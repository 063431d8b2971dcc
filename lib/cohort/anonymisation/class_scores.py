"""The exact scores of the classes, summed: what class means and their covariance matrix are made from.

In: the released pupils with their class and exact scores, the boards of schools. Out: arrays by class, for
`cohort.sdc`; no score of a pupil leaves Spark. Two passes over the pupils give the sums, a third one the pupils of the
groups by board. All columns are those of the project that show a mean, in their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from cohort.agreements import DeclaredColumn, Project
from cohort.anonymisation.pupil_boards import BOARD, BOARDS, add_boards
from cohort.anonymisation.sensitive_columns import CLASS_NUMBER
from cohort.data_states import EXACT_SCORES, OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL, make_frame_from_arrow
from cohort.sdc import ClassScores, GroupContributors, Recoding, WithinClassSums, column_pairs, list_band_bounds

ScoreRange = tuple[float, float]
"""The lowest and the highest score in points that intake accepts; infinite where none is known."""
_GROUP = "_group"
_ALL_SCORES = "_all_scores"
"""Whether a pupil has a score in every column with a mean."""


@dataclass(frozen=True, eq=False)
class ScoredClasses:
    """The sums of all classes.

    Args:
        pupils: the pupils of each class, with or without a score.
        scores: the sums of each column with a mean, by its name.
        within: the sums over the pupils who have every score.
    """

    pupils: npt.NDArray[np.int64]
    scores: dict[str, ClassScores]
    within: WithinClassSums


@dataclass(frozen=True, eq=False)
class ClassLimits:
    """The scores that the label of each class allows, in the unit of the column.

    Args:
        lowest: the lowest one, by class.
        highest: the highest one.
        has_bounds: whether there are both.
    """

    lowest: npt.NDArray[np.int64]
    highest: npt.NDArray[np.int64]
    has_bounds: npt.NDArray[np.bool_]


def select_scored_pupils(assigned: DataFrame, boards: DataFrame) -> DataFrame:
    """Select what the sums need of the released pupils, with their boards.

    Args:
        assigned: the released pupils with their class, as `assign_classes` gives them.
        boards: the boards of schools, as `make_board_frame` gives them.
    """
    own = assigned.select(CLASS_NUMBER, PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, EXACT_SCORES)
    return add_boards(own, boards)


def find_class_limits(column: DeclaredColumn, labels: Sequence[str], accepted: ScoreRange) -> ClassLimits:
    """Find the lowest and the highest score that each label allows.

    A score lies in its band, and between the lowest and the highest score of its tests, which everybody can read. A
    label that is generalised away allows every declared band.

    Args:
        column: the column.
        labels: the label of each class.
        accepted: the scores that intake accepts.
    """
    bands, unit = column.bands, column.score_unit
    if bands is None:
        raise TypeError("a column that shows a mean has declared bands")
    least = -np.inf if bands.below else bands.from_
    most = np.inf if bands.above else bands.to
    low = np.array([least if bound is None else bound for bound in list_band_bounds(labels)[0]], dtype=np.float64)
    high = np.array([most if bound is None else bound for bound in list_band_bounds(labels)[1]], dtype=np.float64)
    lowest = np.maximum(low * unit, ceil(accepted[0] * unit) if np.isfinite(accepted[0]) else -np.inf)
    highest = np.minimum(high * unit - 1, floor(accepted[1] * unit) if np.isfinite(accepted[1]) else np.inf)
    has_bounds = np.isfinite(lowest) & np.isfinite(highest) & (lowest <= highest)
    return ClassLimits(
        np.where(has_bounds, lowest, 0).astype(np.int64), np.where(has_bounds, highest, 0).astype(np.int64), has_bounds
    )


def sum_class_scores(
    scored: DataFrame, project: Project, recoding: Recoding, accepted: Mapping[str, ScoreRange]
) -> ScoredClasses:
    """Sum the exact scores of every class: two actions.

    Args:
        scored: the released pupils with their boards, as `select_scored_pupils` gives them.
        project: the project's declaration.
        recoding: the classes.
        accepted: the scores that intake accepts, by column; none is known of a column that is not there.
    """
    columns = project.mean_columns
    names = [column.name for column in project.quasi_identifiers]
    limits = {
        column.name: find_class_limits(
            column, recoding.labels[names.index(column.name)].tolist(), accepted.get(column.name, (-np.inf, np.inf))
        )
        for column in columns
    }
    scores = [_score_of(column, project) for column in columns]
    sums = _by_class(_sum_scores(scored, scores), recoding.classes)
    known = _by_class(_sum_known_to_boards(scored, scores, list(limits.values())), recoding.classes)
    by_column = {
        column.name: _class_scores(place, sums, known, limits[column.name]) for place, column in enumerate(columns)
    }
    pairs = column_pairs(len(columns))
    within = WithinClassSums(
        sums["all"],
        np.stack([sums[f"all_sum{place}"] for place in range(len(columns))], axis=1),
        np.stack([sums[f"product{place}"] for place in range(len(pairs))], axis=1),
    )
    return ScoredClasses(sums["pupils"], by_column, within)


def count_pupils_of_before(scored: DataFrame, pupils_before: DataFrame, classes: int) -> npt.NDArray[np.int64]:
    """Count the pupils of each class who were in the release before: an action.

    Whoever stays keeps the labels of the class, so these are pupils of the class with the same labels.

    Args:
        scored: the released pupils with their class.
        pupils_before: the pupils of the release before, by their pseudonyms.
        classes: how many classes there are.
    """
    stayed = scored.join(pupils_before.select(PUPIL_CONTROL), PUPIL_CONTROL, "left_semi")
    return _by_class(stayed.groupBy(CLASS_NUMBER).agg(F.count(F.lit(1)).alias("pupils")), classes)["pupils"]


def count_group_contributors(
    scored: DataFrame, project: Project, group_of_class: npt.NDArray[np.int32]
) -> dict[int, GroupContributors]:
    """Count the pupils with every score of each group, by board: an action.

    Args:
        scored: the released pupils with their boards.
        project: the project's declaration.
        group_of_class: the number of the group of each class; −1 for a class of none.
    """
    kept = np.flatnonzero(group_of_class >= 0)
    numbers = pa.table({CLASS_NUMBER: pa.array(kept.astype(np.int32)), _GROUP: pa.array(group_of_class[kept])})
    of_class = F.broadcast(make_frame_from_arrow(scored.sparkSession, numbers))
    scores = [_score_of(column, project) for column in project.mean_columns]
    complete = scored.where(_has_all(scores)).join(of_class, CLASS_NUMBER, "inner")
    at_boards = complete.select(_GROUP, BOARD, F.explode(BOARDS).alias("_at"))
    is_home = (F.col("_at") == F.col(BOARD)).cast("int")
    counted = at_boards.groupBy(_GROUP, "_at").agg(F.count(F.lit(1)).alias("known"), F.sum(is_home).alias("home"))
    contributors: dict[int, GroupContributors] = {}
    for group, board, known, home in counted.collect():
        own = contributors.setdefault(group, GroupContributors({}, {}))
        contributors[group] = own + GroupContributors({bytes(board): home}, {bytes(board): known})
    return contributors


def _score_of(column: DeclaredColumn, project: Project) -> Column:
    return F.get(F.col(EXACT_SCORES), project.score_columns.index(column)).cast("bigint")


def _has_all(scores: Sequence[Column]) -> Column:
    has_all = F.lit(True)
    for score in scores:
        has_all &= score.isNotNull()
    return has_all


def _sum_scores(scored: DataFrame, scores: Sequence[Column]) -> DataFrame:
    """Sum scores and their products by class."""
    has_all = _has_all(scores)
    aggregates = [F.count(F.lit(1)).alias("pupils"), F.count_if(has_all).alias("all")]
    for place, score in enumerate(scores):
        aggregates += [
            F.count(score).alias(f"with_score{place}"),
            F.sum(score).alias(f"sum{place}"),
            F.min(score).alias(f"least{place}"),
            F.max(score).alias(f"most{place}"),
            F.sum(F.when(has_all, score)).alias(f"all_sum{place}"),
        ]
    for place, (first, second) in enumerate(column_pairs(len(scores))):
        aggregates.append(F.sum(F.when(has_all, scores[first] * scores[second])).alias(f"product{place}"))
    return scored.groupBy(CLASS_NUMBER).agg(*aggregates)


def _sum_known_to_boards(scored: DataFrame, scores: Sequence[Column], limits: Sequence[ClassLimits]) -> DataFrame:
    """Sum, by class, how far the pupils of one board are above the lowest and below the highest score; the most.

    Every school of a pupil belongs to a board, or is its own, so that no school knows more than its boards.
    """
    table: dict[str, Any] = {CLASS_NUMBER: pa.array(np.arange(len(limits[0].lowest)), pa.int32())}
    for place, own in enumerate(limits):
        table |= {f"lowest{place}": pa.array(own.lowest), f"highest{place}": pa.array(own.highest)}
    class_limits = F.broadcast(make_frame_from_arrow(scored.sparkSession, pa.table(table)))
    at_boards = scored.select(CLASS_NUMBER, EXACT_SCORES, F.explode(BOARDS).alias("_at"))
    joined = at_boards.join(class_limits, CLASS_NUMBER, "inner")
    known = []
    for place, score in enumerate(scores):
        known += [
            F.sum(score - F.col(f"lowest{place}")).alias(f"above{place}"),
            F.sum(F.col(f"highest{place}") - score).alias(f"below{place}"),
        ]
    by_board = joined.groupBy(CLASS_NUMBER, "_at").agg(*known)
    names = [f"{side}{place}" for place in range(len(scores)) for side in ("above", "below")]
    return by_board.groupBy(CLASS_NUMBER).agg(*(F.max(name).alias(name) for name in names))


def _by_class(frame: DataFrame, classes: int) -> dict[str, npt.NDArray[np.int64]]:
    """Run the aggregation, and return its columns as arrays by class; 0 where there is no number."""
    rows: Any = frame.toArrow()
    place = rows[CLASS_NUMBER].to_numpy()
    arrays = {}
    for name in rows.column_names:
        if name != CLASS_NUMBER:
            arrays[name] = np.zeros(classes, dtype=np.int64)
            arrays[name][place] = rows[name].fill_null(0).to_numpy()
    return arrays


def _class_scores(
    place: int,
    sums: Mapping[str, npt.NDArray[np.int64]],
    known: Mapping[str, npt.NDArray[np.int64]],
    limits: ClassLimits,
) -> ClassScores:
    return ClassScores(
        pupils=sums[f"with_score{place}"],
        sums=sums[f"sum{place}"],
        lowest=limits.lowest,
        highest=limits.highest,
        has_bounds=limits.has_bounds,
        all_within=(sums[f"least{place}"] >= limits.lowest) & (sums[f"most{place}"] <= limits.highest),
        known_above=known[f"above{place}"],
        known_below=known[f"below{place}"],
    )
