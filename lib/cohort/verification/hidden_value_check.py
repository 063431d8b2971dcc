"""Whether sensitive values are hidden by whole classes, with covers that the key has drawn.

The true values come from the results, by the same code that makes every record again; which population a
pupil was put in, from what is remembered of the release. So it is seen that a shown value is the pupil's own,
that a class shows all of its values or none, and that blanking does not tell which classes broke a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.states.schemas import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification import sensitive_attribute_check
from cohort.verification.board_reader import SCHOOL_BOARDS, SCHOOL_PSEUDONYM
from cohort.verification.control_column_check import pseudonym_sql
from cohort.verification.findings import Finding, VerificationSubject, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.record_runs import IntArray

WITH_VALUE = "_with_value"
COVER_LABEL = "dekking|"
"""What a class's labels are hashed under, to draw the classes that are blanked as covers."""
TRUE_LEAF, BOARD = "_true_value", "_group"

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ValueClasses:
    """The pupils of the population with a value, by class of quasi-identifying labels.

    Takes: the labels; pupils per `[class, value]` by their true values; of how many a value is shown, and of
    how many it is not; of how many it is hidden because they have none any more; rows per class, group and
    value.
    """

    labels: list[tuple[str, ...]]
    true: IntArray
    shown: IntArray
    hidden: IntArray
    lost: IntArray
    cells: IntArray

    @property
    def blanked(self) -> BoolArray:
        flags: BoolArray = (self.hidden + self.lost > 0) & (self.shown == 0)
        return flags


def check_hidden_values(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    records: DataFrame,
    leaves: Sequence[str],
    held_to: sensitive_attribute_check.SensitiveAttributeLimits | None,
    cohort: IntArray | None,
    known_by: DataFrame,
) -> list[Finding]:
    """BLANKED, with what is wrong in words.

    Takes: the stage's rows; a record per pupil (`pgn`, and the number of the true leaf of the sensitive
    column); the leaves of that column in the order of its file; its limits and, where a distance was agreed,
    all pupils per value; the boards of each school, as `boards.frame` gives them.
    """
    own = subject.project.sensitive_column
    if own is None or held_to is None:
        return []
    rows = _rows(spark, subject, stage, records, own.name, leaves).persist()
    try:
        wrong = _wrong_rows(subject, rows, own.name, leaves)
        classes = _classes(subject, rows, own.name, leaves, known_by)
    finally:
        rows.unpersist()
    partly = (classes.shown > 0) & (classes.hidden + classes.lost > 0)
    cases = {**wrong, "values are hidden or shown of a part of a class": int(partly.sum())}
    blanked = classes.blanked
    top, pupils = classes.true[blanked].max(axis=1, initial=0).sum(), classes.true[blanked].sum()
    share = held_to.largest_value
    if (classes.shown > 0).any():  # where nothing is shown, nothing tells one hidden class from another
        cases["too few covers are blanked"] = int(top * share.denominator > pupils * share.numerator)
    if subject.before is None:
        cases["covers are not those that the key draws"] = _not_as_drawn(subject, classes, held_to, cohort)
    told = [what for what, number in cases.items() if number]
    return finding_if_any("BLANKED", sum(cases.values()), ", ".join(told))


def _rows(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    records: DataFrame,
    name: str,
    leaves: Sequence[str],
) -> DataFrame:
    """The stage with each pupil's true leaf, and whether the pupil was put among those with a value."""
    keyed = records.crossJoin(F.broadcast(subject.key.key_frame(spark)))
    true = keyed.select(
        F.expr(pseudonym_sql("pgn", "pgn")).alias(PUPIL_CONTROL), F.col(f"_leaf_{name}").alias(TRUE_LEAF)
    )
    rows = stage.join(true, PUPIL_CONTROL, "inner")
    known = F.col(TRUE_LEAF) != list(leaves).index(UNKNOWN_LEAF)
    if subject.memory is None:
        return rows.withColumn(WITH_VALUE, known)
    remembered = spark.read.parquet(str(subject.memory / "pupils")).select(PUPIL_CONTROL, WITH_VALUE)
    return rows.join(remembered, PUPIL_CONTROL, "left").withColumn(WITH_VALUE, F.coalesce(WITH_VALUE, F.lit(False)))


def _wrong_rows(subject: VerificationSubject, rows: DataFrame, name: str, leaves: Sequence[str]) -> dict[str, int]:
    """Rows that show another value than their pupil's, or one of a pupil who is to show none."""
    shown, true = F.col(name), F.get(F.array(*map(F.lit, leaves)), F.col(TRUE_LEAF))
    known = F.col(TRUE_LEAF) != list(leaves).index(UNKNOWN_LEAF)
    cases: dict[str, Column] = {
        "values are not those of their pupils": (shown != UNKNOWN_LEAF) & ~shown.eqNullSafe(true),
        "values are shown of pupils without": (shown != UNKNOWN_LEAF) & ~F.col(WITH_VALUE),
    }
    if subject.before is None:
        cases["pupils with a value are counted among those without"] = F.col(WITH_VALUE) != known
    counts = rows.agg(*(F.count_if(case) for case in cases.values())).first()
    return {} if counts is None else dict(zip(cases, counts, strict=True))


def _classes(
    subject: VerificationSubject, rows: DataFrame, name: str, leaves: Sequence[str], known_by: DataFrame
) -> ValueClasses:
    quasi = [column.name for column in subject.project.quasi_identifiers]
    unknown = list(leaves).index(UNKNOWN_LEAF)
    population = rows.where(WITH_VALUE)
    counted: Any = (
        population.groupBy(*quasi, TRUE_LEAF, (F.col(name) != UNKNOWN_LEAF).alias("_shown")).count().toArrow()
    )
    number: dict[tuple[str, ...], int] = {}
    of = np.array([number.setdefault(labels, len(number)) for labels in _labels(counted, quasi)], dtype=np.int64)
    leaf, pupils = counted[TRUE_LEAF].to_numpy(), counted["count"].to_numpy()
    is_shown = counted["_shown"].to_numpy(zero_copy_only=False).astype(bool)
    value = _values(leaf, unknown)
    true = np.zeros((len(number), len(leaves)), dtype=np.int64)  # a column more than values: none of them
    known = value >= 0
    np.add.at(true, (of[known], value[known]), pupils[known])

    def sums(chosen: BoolArray) -> IntArray:
        total = np.zeros(len(number), dtype=np.int64)
        np.add.at(total, of[chosen], pupils[chosen])
        return total

    return ValueClasses(
        list(number),
        true,
        sums(is_shown),
        sums(~is_shown & known),
        sums(~is_shown & ~known),
        _cells(population, quasi, number, unknown, known_by),
    )


def _cells(
    population: DataFrame, quasi: list[str], number: dict[tuple[str, ...], int], unknown: int, known_by: DataFrame
) -> IntArray:
    """Pupils with a value per class, board that knows them, and true value."""
    none = F.array().cast("array<binary>")
    schools = F.array_union(F.array(SCHOOL_CONTROL), F.coalesce(OTHER_SCHOOLS_CONTROL, none))
    at_school = population.where(F.col(TRUE_LEAF) != unknown).select(
        *quasi, TRUE_LEAF, PUPIL_CONTROL, F.explode(schools).alias(SCHOOL_PSEUDONYM)
    )
    at_board = at_school.join(F.broadcast(known_by), SCHOOL_PSEUDONYM, "inner").select(
        *quasi, TRUE_LEAF, PUPIL_CONTROL, F.explode(SCHOOL_BOARDS).alias(BOARD)
    )
    counted: Any = at_board.distinct().groupBy(*quasi, TRUE_LEAF, BOARD).count().toArrow()
    of = np.array([number[labels] for labels in _labels(counted, quasi)], dtype=np.int64)
    group = np.unique(counted[BOARD].to_numpy(), return_inverse=True)[1].astype(np.int64)
    value = _values(counted[TRUE_LEAF].to_numpy(), unknown)
    return np.stack([of, group, value, counted["count"].to_numpy().astype(np.int64)])


def _labels(counted: Any, quasi: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(counted[name].to_pylist() for name in quasi), strict=True))


def _values(leaf: npt.NDArray[np.integer], unknown: int) -> IntArray:
    """The place of each leaf among the values; −1 for `onbekend`."""
    return np.where(leaf == unknown, -1, leaf - (leaf > unknown)).astype(np.int64)


def _not_as_drawn(
    subject: VerificationSubject,
    classes: ValueClasses,
    held_to: sensitive_attribute_check.SensitiveAttributeLimits,
    cohort: IntArray | None,
) -> int:
    """Classes that show their values although the key draws them before one that is blanked as a cover."""
    there = np.flatnonzero(classes.true.sum(axis=1) > 0)
    fails = sensitive_attribute_check.find_classes_known_to_a_group(classes.cells, classes.true, held_to)
    for flags in sensitive_attribute_check.find_broken_rules(classes.true[there], held_to, cohort).values():
        fails[there] |= flags
    texts = [COVER_LABEL + "|".join(labels) for labels in classes.labels]
    drawn = subject.key.digest_texts(texts)
    covers = [drawn[at] for at in there if classes.blanked[at] and not fails[at]]
    if not covers:
        return int(bool((fails & classes.blanked).any()))
    last = max(covers)
    return sum(1 for at in there if not classes.blanked[at] and drawn[at] < last)
