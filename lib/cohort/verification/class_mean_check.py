"""Whether class means and covariance matrices are those of the exact scores, and give nobody away. Checks MEANS.

`check_shown_means` needs only the released rows: one mean per class, rounded as agreed, inside its label.
`check_class_means` rebuilds the scores from the results, takes from every class what each school board knows, and
compares means, matrices and the published release. Shares no code with what makes the means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.agreements import DeclaredColumn, Project
from cohort.data_states import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.delta import read_table
from cohort.verification.board_reader import SCHOOL_BOARDS, SCHOOL_PSEUDONYM
from cohort.verification.class_size_check import EffectiveClassLimits
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import band_label, declared_band_spans
from cohort.verification.pseudonym_check import pseudonym_sql
from cohort.verification.record_runs import RecordRuns
from cohort.verification.release_difference_check import read_release_snapshot
from cohort.verification.result_selection import driver_frame
from cohort.verification.score_range_reader import ScoreRange, read_score_range
from cohort.verification.verification_subject import RecordedCovariance, VerificationSubject

CLASS, BOARD = "_class", "_board"
LEAST_FREEDOM = 200
Labels = tuple[str | None, ...]
Cases = Counter[str]
"""Numbers of cases, by what is wrong in words."""


@dataclass(frozen=True)
class ShownMeans:
    """The classes as the release shows them.

    Args:
        labels: the quasi-identifying labels of each class.
        means: by column, the mean in hundredths of each class, None where it shows none.
    """

    labels: list[Labels]
    means: dict[str, list[int | None]]

    @property
    def numbers(self) -> dict[Labels, int]:
        return {labels: number for number, labels in enumerate(self.labels)}


@dataclass(frozen=True)
class _Span:
    """The scores that a label allows, in the unit of the column; None where an end is open."""

    low: int | None
    high: int | None


def check_shown_means(runs: RecordRuns, project: Project) -> list[Finding]:
    """Check MEANS as far as the released rows go; nothing of a project without means."""
    return _as_findings(_find_wrong_forms(runs, project)[1]) if project.mean_columns else []


def check_class_means(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: tuple[DataFrame, RecordRuns],
    records: DataFrame,
    school_boards: DataFrame,
    limits: EffectiveClassLimits,
) -> list[Finding]:
    """Check MEANS in full.

    Args:
        spark: the session.
        subject: the release, with the matrices of its record.
        stage: its rows, and their runs.
        records: one rebuilt record per pupil, with the chosen result of each slot.
        school_boards: the boards of each school, from `boards_of_schools_frame`.
        limits: what each class must satisfy.
    """
    rows, runs = stage
    shown, cases = _find_wrong_forms(runs, subject.project)
    scored = _join_scores(spark, subject, rows, records, shown).persist()
    try:
        cases += _compare_with_scores(spark, subject, scored, shown, school_boards, limits)
        cases += _compare_covariances(subject, scored, shown, school_boards, limits)
    finally:
        scored.unpersist()
    if subject.predecessor is not None:
        cases += _compare_with_predecessor(spark, subject, rows, shown)
    return _as_findings(cases)


def _as_findings(cases: Cases) -> list[Finding]:
    wrong = [sentence for sentence, number in cases.items() if number]
    return finding_if_any("MEANS", cases.total(), ", ".join(wrong))


def _find_wrong_forms(runs: RecordRuns, project: Project) -> tuple[ShownMeans, Cases]:
    """Read the means of every class, and count those of another form than agreed."""
    cases: Cases = Counter()
    names = [column.name for column in project.quasi_identifiers]
    places = [runs.columns.index(name) for name in (*names, *project.mean_names)]
    by_labels: dict[Labels, tuple[str | None, ...]] = {}
    for codes in np.unique(runs.codes[places], axis=1).T.tolist():
        cells = tuple(runs.labels[place][code] for place, code in zip(places, codes, strict=True))
        labels, means = cells[: len(names)], cells[len(names) :]
        cases["a class shows several means"] += by_labels.setdefault(labels, means) != means
    shown = ShownMeans(list(by_labels), {})
    for place, column in enumerate(project.mean_columns):
        texts = [means[place] for means in by_labels.values()]
        own = [None if text is None else int(Decimal(text) * 100) for text in texts]
        step = int(project.mean_steps[column.name] * 100)
        label_place = names.index(column.name)
        spans = spans_by_label(column, (-inf, inf))
        for labels, mean in zip(shown.labels, own, strict=True):
            span = spans.get(labels[label_place] or "")
            cases["means are no multiples of their step"] += mean is not None and mean % step != 0
            cases["means lie outside their label"] += mean is not None and not _lies_near(mean, span, column, step)
        shown.means[column.name] = own
    return shown, cases


def _lies_near(mean: int, span: _Span | None, column: DeclaredColumn, step: int) -> bool:
    """Whether a mean is that of scores within a label, but for its rounding."""
    if span is None:
        return False
    factor = 100 // column.score_unit
    low = -inf if span.low is None else span.low * factor - step
    high = inf if span.high is None else span.high * factor + step
    return low <= mean <= high


def spans_by_label(column: DeclaredColumn, accepted: ScoreRange) -> dict[str, _Span]:
    """Return the scores that every label of a column with declared bands allows.

    The outer band of declared edges is written with an open end, though no score lies outside the bands.
    """
    bands, unit = column.bands, column.score_unit
    if bands is None:
        raise TypeError("a column that shows a mean has declared bands")
    whole = (-inf if bands.below else bands.from_, inf if bands.above else bands.to)
    spans = {band_label(span, None): span for level in declared_band_spans(column) for span in level}
    return {
        label: _Span(*_clip(max(low, whole[0]), min(high, whole[1]), unit, accepted))
        for label, (low, high) in {**spans, "*": whole}.items()
    }


def _clip(low: float, high: float, unit: int, accepted: ScoreRange) -> tuple[int | None, int | None]:
    least, most = max(low * unit, accepted[0] * unit), min(high * unit - 1, accepted[1] * unit)
    return (None if least == -inf else int(-(-least // 1))), (None if most == inf else int(most // 1))


def _join_scores(
    spark: SparkSession, subject: VerificationSubject, rows: DataFrame, records: DataFrame, shown: ShownMeans
) -> DataFrame:
    """Return each pupil's class number, schools, and score in the unit of each column with a mean."""
    project = subject.project
    value_of = {result: F.col(f"slot{place}.value") for place, result in enumerate(project.results)}
    scores = []
    for place, column in enumerate(project.mean_columns):
        values = [value_of[result] for result in column.results]
        hundredths = values[1] - values[0] if column.difference is not None else values[0]
        scores.append((hundredths / F.lit(100 // column.score_unit)).cast("long").alias(f"x{place}"))
    keyed = records.crossJoin(F.broadcast(subject.key.key_frame(spark)))
    exact = keyed.select(F.expr(pseudonym_sql("pgn", "pgn")).alias(PUPIL_CONTROL), *scores)
    names = [column.name for column in project.quasi_identifiers]
    labels: dict[str, Any] = {
        name: pa.array([own[place] for own in shown.labels], pa.string()) for place, name in enumerate(names)
    }
    numbers = driver_frame(spark, {**labels, CLASS: pa.array(range(len(shown.labels)), pa.int32())})
    numbered = rows.join(F.broadcast(numbers), names, "inner")
    return numbered.join(exact, PUPIL_CONTROL, "inner").select(
        CLASS, PUPIL_CONTROL, SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL, *(f"x{p}" for p in range(len(scores)))
    )


def _explode_boards(scored: DataFrame, school_boards: DataFrame) -> DataFrame:
    """Repeat each pupil for every board that knows it."""
    none = F.array().cast("array<binary>")
    schools = F.array_union(F.array(SCHOOL_CONTROL), F.coalesce(OTHER_SCHOOLS_CONTROL, none))
    kept = [name for name in scored.columns if name not in (SCHOOL_CONTROL, OTHER_SCHOOLS_CONTROL)]
    at_schools = scored.select(*kept, SCHOOL_CONTROL, F.explode(schools).alias(SCHOOL_PSEUDONYM))
    at_boards = at_schools.join(F.broadcast(school_boards), SCHOOL_PSEUDONYM, "inner")
    return at_boards.select(*kept, SCHOOL_CONTROL, F.explode(SCHOOL_BOARDS).alias(BOARD)).distinct()


def _compare_with_scores(
    spark: SparkSession,
    subject: VerificationSubject,
    scored: DataFrame,
    shown: ShownMeans,
    school_boards: DataFrame,
    limits: EffectiveClassLimits,
) -> Cases:
    """Compare every mean with its class's exact scores, and count those that a board could take apart."""
    cases: Cases = Counter()
    at_boards = _explode_boards(scored, school_boards).persist()
    try:
        for place, column in enumerate(subject.project.mean_columns):
            accepted = read_score_range(subject.test_list, column)
            exact = _sum_by_class(scored, f"x{place}", len(shown.labels))
            bounds = _bound_classes(column, subject.project, shown, exact, accepted)
            for name, number in _count_untrue(column, shown, exact, bounds, limits).items():
                cases[name] += number
            cases["a school board could take means apart"] += _count_taken_apart(
                spark, at_boards, f"x{place}", bounds, _required(column)
            )
    finally:
        at_boards.unpersist()
    return cases


@dataclass(frozen=True)
class _ExactSums:
    """By class: pupils with a score, the sum of their scores, the lowest and the highest."""

    pupils: list[int]
    sums: list[int]
    least: list[int]
    most: list[int]


def _sum_by_class(scored: DataFrame, score: str, classes: int) -> _ExactSums:
    columns = [[0] * classes for _ in range(4)]
    aggregated = scored.groupBy(CLASS).agg(F.count(score), F.sum(score), F.min(score), F.max(score))
    for number, *values in aggregated.collect():
        for column, value in zip(columns, values, strict=True):
            column[number] = value or 0
    return _ExactSums(*columns)


ClassBounds = dict[int, tuple[int, int, int, int, int]]
"""Of a class that shows a mean: pupils with a score, lowest and highest sum by the mean, lowest and highest score."""


def _bound_classes(
    column: DeclaredColumn, project: Project, shown: ShownMeans, exact: _ExactSums, accepted: ScoreRange
) -> ClassBounds:
    """Return what a reader derives from each mean; classes without bounds of their label are left out."""
    spans = spans_by_label(column, accepted)
    place = [one.name for one in project.quasi_identifiers].index(column.name)
    step, factor = project.mean_steps[column.name] * 100, Fraction(column.score_unit, 200)
    bounds: ClassBounds = {}
    for number, mean in enumerate(shown.means[column.name]):
        span = spans.get(shown.labels[number][place] or "")
        if mean is None or span is None or span.low is None or span.high is None:
            continue
        pupils = exact.pupils[number]
        low, high = (pupils * (2 * mean + side * int(step)) * factor for side in (-1, 1))
        bounds[number] = (pupils, -int(-low // 1), int(high // 1), span.low, span.high)
    return bounds


def _count_untrue(
    column: DeclaredColumn, shown: ShownMeans, exact: _ExactSums, bounds: ClassBounds, limits: EffectiveClassLimits
) -> Cases:
    cases: Cases = Counter()
    for number, mean in enumerate(shown.means[column.name]):
        if mean is None:
            continue
        if number not in bounds:
            cases["means are shown of labels without bounds"] += 1
            continue
        pupils, low_sum, high_sum, low, high = bounds[number]
        cases["means are not those of their pupils"] += not low_sum <= exact.sums[number] <= high_sum
        cases["means are shown of too few scores"] += pupils < limits.k
        cases["scores lie outside the bounds of their label"] += exact.least[number] < low or exact.most[number] > high
    return cases


def _required(column: DeclaredColumn) -> int:
    """A tenth of the scale, in the unit of the column, rounded up."""
    if column.bands is None:
        raise TypeError("a column that shows a mean has declared bands")
    return -(-(column.bands.to - column.bands.from_) * column.score_unit // 10)


def _count_taken_apart(
    spark: SparkSession, at_boards: DataFrame, score: str, bounds: ClassBounds, required: int
) -> int:
    """Count classes in which a board, less its own pupils' scores, leaves too few scores possible for another pupil."""
    if not bounds:
        return 0
    names = (CLASS, "n", "low_sum", "high_sum", "low", "high")
    columns = zip(*((number, *own) for number, own in bounds.items()), strict=True)
    frame = driver_frame(
        spark,
        {
            name: pa.array(values, pa.int32() if name == CLASS else pa.int64())
            for name, values in zip(names, columns, strict=True)
        },
    )
    known = at_boards.groupBy(CLASS, BOARD).agg(F.count(score).alias("q_known"), F.sum(score).alias("known"))
    joined = known.where("q_known > 0").join(F.broadcast(frame), CLASS, "inner").where("q_known < n")
    least = "greatest(low, low_sum - known - (n - q_known - 1) * high)"
    most = "least(high, high_sum - known - (n - q_known - 1) * low)"
    apart = joined.where(F.expr(f"{most} - {least} + 1 < least(high - low + 1, {required})"))
    return apart.select(CLASS).distinct().count()


def _compare_with_predecessor(
    spark: SparkSession, subject: VerificationSubject, rows: DataFrame, shown: ShownMeans
) -> Cases:
    """Count means beside which the published release shows another mean, none, or one of other pupils."""
    cases: Cases = Counter()
    predecessor, project = subject.predecessor, subject.project
    if predecessor is None:
        return cases
    names, means = [column.name for column in project.quasi_identifiers], project.mean_names
    published = read_table(spark, predecessor.table)
    before: dict[Labels, tuple[int, tuple[Decimal | None, ...]]] = {
        tuple(row[: len(names)]): (row[-1], tuple(row[len(names) : -1]))
        for row in published.groupBy(*names, *means).count().collect()
    }
    pupils_before = read_release_snapshot(spark, predecessor.snapshot).pupils.select(PUPIL_CONTROL)
    is_known = F.count("_before").alias("stayed")
    marked = rows.join(pupils_before.withColumn("_before", F.lit(1)), PUPIL_CONTROL, "left")
    counts = marked.groupBy(*names).agg(F.count(F.lit(1)), is_known).collect()
    now = {tuple(row[: len(names)]): (row[-2], row[-1]) for row in counts}
    for number, labels in enumerate(shown.labels):
        if labels not in before:
            continue
        rows_before, means_before = before[labels]
        same_pupils = now[labels] == (rows_before, rows_before)
        for place, column in enumerate(project.mean_columns):
            mean = shown.means[column.name][number]
            earlier = means_before[place]
            same_mean = earlier is not None and mean == int(earlier * 100)
            cases["means can be compared with the published release"] += mean is not None and not (
                same_pupils and same_mean
            )
    return cases


def _compare_covariances(
    subject: VerificationSubject,
    scored: DataFrame,
    shown: ShownMeans,
    school_boards: DataFrame,
    limits: EffectiveClassLimits,
) -> Cases:
    """Compare the matrices of the record with those of the exact scores, and hold their groups to the limits."""
    cases: Cases = Counter()
    columns = subject.project.mean_columns
    groups = list(_match_groups(subject.project, shown, subject.covariances))
    cases["a covariance matrix of no group"] += len(subject.covariances) - len(groups)
    names = tuple(column.name for column in columns)
    scores = [f"x{place}" for place in range(len(columns))]
    complete = scored.where(" and ".join(f"{name} is not null" for name in scores))
    for recorded, classes in groups:
        of_group = driver_frame(scored.sparkSession, {CLASS: pa.array(classes, pa.int32())})
        own = complete.join(F.broadcast(of_group), CLASS, "inner")
        matrix, pupils, freedom = _pool(own, scores, [column.score_unit for column in columns])
        cases["covariance matrices of too few pupils"] += freedom < LEAST_FREEDOM or (
            freedom != recorded.degrees_of_freedom
        )
        cases["covariance matrices of too few boards"] += not _has_enough_boards(own, school_boards, pupils, limits)
        cases["covariances are not those of the scores"] += recorded.columns != names or not _is_rounded(
            np.array(recorded.rows), matrix, max(freedom, 1)
        )
    return cases


def _match_groups(
    project: Project, shown: ShownMeans, covariances: Sequence[RecordedCovariance]
) -> Iterator[tuple[RecordedCovariance, list[int]]]:
    """Yield each matrix with the classes of its group that show every mean; no second one, and none of no class."""
    by, names = project.covariance_groups, [column.name for column in project.quasi_identifiers]
    shows_all = [
        number
        for number in range(len(shown.labels))
        if all(means[number] is not None for means in shown.means.values())
    ]
    of_class = {number: tuple(shown.labels[number][names.index(name)] for name in by) for number in shows_all}
    rest = ("*",) * len(by)
    own_groups = [tuple(one.group.get(name) for name in by) for one in covariances if set(one.group) == set(by)]
    for recorded in covariances:
        group = tuple(recorded.group.get(name) for name in by)
        if set(recorded.group) != set(by) or own_groups.count(group) != 1:
            continue
        if by and group == rest:
            classes = [number for number, own in of_class.items() if own not in own_groups or "*" in own]
        else:
            classes = [number for number, own in of_class.items() if own == group and "*" not in own]
        if classes:
            yield recorded, classes


def _pool(own: DataFrame, scores: Sequence[str], units: Sequence[int]) -> tuple[Any, int, int]:
    """Return the covariance matrix about the means of the classes, the pupils, and the degrees of freedom."""
    means = own.groupBy(CLASS).agg(*(F.avg(name).alias(f"m_{name}") for name in scores))
    deviations = own.join(F.broadcast(means), CLASS, "inner")
    pairs = [(a, b) for a in range(len(scores)) for b in range(a, len(scores))]

    def product(a: int, b: int) -> Column:
        first, second = (F.col(scores[place]) - F.col(f"m_{scores[place]}") for place in (a, b))
        return F.sum(first * second)

    totals = deviations.agg(F.count(F.lit(1)), F.countDistinct(CLASS), *(product(a, b) for a, b in pairs)).first()
    if totals is None:
        raise RuntimeError("an aggregate without a row")
    pupils, classes, *sums = totals
    matrix = np.zeros((len(scores), len(scores)))
    for (a, b), total in zip(pairs, sums, strict=True):
        matrix[a, b] = matrix[b, a] = (total or 0.0) / max(pupils - classes, 1) / units[a] / units[b]
    return matrix, pupils, pupils - classes


def _has_enough_boards(own: DataFrame, school_boards: DataFrame, pupils: int, limits: EffectiveClassLimits) -> bool:
    """Whether the pupils are of m boards, of which none knows more than the largest share."""
    known = [row[1] for row in _explode_boards(own, school_boards).groupBy(BOARD).count().collect()]
    share = limits.max_share
    schools = own.select(SCHOOL_CONTROL).distinct().count()
    return (
        min(len(known), schools) >= limits.m and max(known, default=0) * share.denominator <= pupils * share.numerator
    )


def _is_rounded(recorded: Any, exact: Any, freedom: int) -> bool:
    """Whether a matrix is the exact one, each entry to the first digit of its standard error, and a covariance matrix.

    Where rounding alone gives no positive semi-definite matrix, covariances may be smaller.
    """
    if recorded.shape != exact.shape or not np.array_equal(recorded, recorded.T):
        return False
    scale = max(float(np.abs(recorded).max(initial=0)), 1e-300)
    if np.linalg.eigvalsh(recorded).min(initial=0) < -1e-9 * scale:
        return False
    variances = np.diag(exact)
    errors = np.sqrt((np.outer(variances, variances) + exact**2) / freedom)
    steps = np.where(errors > 0, 10.0 ** np.floor(np.log10(np.maximum(errors, 1e-300))), 0.0)
    near = np.abs(recorded - exact) <= steps * 0.5000001 + 1e-9 * scale
    rounded = np.where(steps > 0, np.round(exact / np.where(steps > 0, steps, 1)) * steps, exact)
    if np.linalg.eigvalsh(rounded).min(initial=0) < -1e-9 * scale:
        near |= ~np.eye(len(exact), dtype=bool) & (np.abs(recorded) <= np.abs(rounded) * 1.0000001)
    return bool(near.all())
