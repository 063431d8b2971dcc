"""Whether sensitive values are hidden by whole classes, together with cover classes that the key draws.

Checks BLANKED. The true values come from the rebuilt records; which population a pupil belongs to, from the
release's class snapshot. So a shown value must be the pupil's own, a class must show all of its values or none, and
hiding must not tell which classes broke a rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import OTHER_SCHOOLS_CONTROL, PUPIL_CONTROL, SCHOOL_CONTROL
from cohort.verification.board_reader import SCHOOL_BOARDS, SCHOOL_PSEUDONYM
from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.pseudonym_check import pseudonym_sql
from cohort.verification.record_runs import BoolArray, IntArray
from cohort.verification.release_difference_check import WITH_VALUE
from cohort.verification.sensitive_attribute_check import (
    SensitiveAttribute,
    find_broken_rules,
    find_classes_known_to_a_group,
)
from cohort.verification.verification_subject import VerificationSubject

COVER_RANK_LABEL = "dekking|"
"""What precedes a class's labels in the text whose keyed digest ranks it as a cover class."""
TRUE_LEAF, BOARD = "_true_value", "_board"


@dataclass(frozen=True, eq=False)
class ValueClasses:
    """The pupils of the population with a value, by class of quasi-identifying labels.

    Args:
        labels: the labels of each class.
        true_values: pupils per `[class, value]` by their true values; the last column stays empty.
        shown_pupils: pupils per class whose value is shown.
        hidden_pupils: pupils per class whose value is hidden.
        without_value: pupils per class who no longer have a value.
        board_cells: class, board, value and pupils with a true value that the board knows, in four rows.
    """

    labels: list[tuple[str, ...]]
    true_values: IntArray
    shown_pupils: IntArray
    hidden_pupils: IntArray
    without_value: IntArray
    board_cells: IntArray

    @property
    def is_blanked(self) -> BoolArray:
        """Per class whether it shows none of its values."""
        flags: BoolArray = (self.hidden_pupils + self.without_value > 0) & (self.shown_pupils == 0)
        return flags


def check_hidden_values(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    records: DataFrame,
    attribute: SensitiveAttribute,
    school_boards: DataFrame,
) -> list[Finding]:
    """Check BLANKED, with what is wrong in words.

    Args:
        spark: the session.
        subject: the release.
        stage: its rows.
        records: one rebuilt record per pupil: `pgn` and the position of the true leaf of each column.
        attribute: the sensitive column.
        school_boards: the boards of each school, from `boards_of_schools_frame`.
    """
    rows = _join_true_values(spark, subject, stage, records, attribute).persist()
    try:
        cases = _count_wrong_rows(subject, rows, attribute)
        classes = _count_classes(subject, rows, attribute, school_boards)
    finally:
        rows.unpersist()
    is_partly_shown = (classes.shown_pupils > 0) & (classes.hidden_pupils + classes.without_value > 0)
    cases["values are hidden or shown for only part of a class"] = int(is_partly_shown.sum())
    if (classes.shown_pupils > 0).any():  # where nothing is shown, nothing tells one hidden class from another
        cases["too few cover classes are hidden"] = int(_has_too_few_covers(classes, attribute))
    if subject.predecessor is None:
        cases["cover classes are not those that the key draws"] = _count_covers_not_drawn(subject, classes, attribute)
    wrong = [sentence for sentence, number in cases.items() if number]
    return finding_if_any("BLANKED", sum(cases.values()), ", ".join(wrong))


def _join_true_values(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    records: DataFrame,
    attribute: SensitiveAttribute,
) -> DataFrame:
    """Add each pupil's true leaf, and whether the release put the pupil in the population with a value."""
    keyed = records.crossJoin(F.broadcast(subject.key.key_frame(spark)))
    true_leaf = F.col(f"_leaf_{attribute.column}")
    true_values = keyed.select(F.expr(pseudonym_sql("pgn", "pgn")).alias(PUPIL_CONTROL), true_leaf.alias(TRUE_LEAF))
    rows = stage.join(true_values, PUPIL_CONTROL, "inner")
    if subject.snapshot is None:
        return rows.withColumn(WITH_VALUE, F.col(TRUE_LEAF) != attribute.unknown_position)
    populations = spark.read.parquet(str(subject.snapshot / "pupils")).select(PUPIL_CONTROL, WITH_VALUE)
    joined = rows.join(populations, PUPIL_CONTROL, "left")
    return joined.withColumn(WITH_VALUE, F.coalesce(WITH_VALUE, F.lit(False)))


def _count_wrong_rows(subject: VerificationSubject, rows: DataFrame, attribute: SensitiveAttribute) -> dict[str, int]:
    """Count rows with another value than their pupil's, or with a value of a pupil who is to show none."""
    shown_value, true_value = F.col(attribute.column), F.get(F.array(*map(F.lit, attribute.leaves)), F.col(TRUE_LEAF))
    is_shown, has_value = shown_value != UNKNOWN_LEAF, F.col(TRUE_LEAF) != attribute.unknown_position
    cases: dict[str, Column] = {
        "values are not those of their pupils": is_shown & ~shown_value.eqNullSafe(true_value),
        "values are shown of pupils who are to show none": is_shown & ~F.col(WITH_VALUE),
    }
    if subject.predecessor is None:
        cases["pupils with a value are counted in the population without"] = F.col(WITH_VALUE) != has_value
    counts = rows.agg(*(F.count_if(case) for case in cases.values())).first()
    return {} if counts is None else dict(zip(cases, counts, strict=True))


def _count_classes(
    subject: VerificationSubject, rows: DataFrame, attribute: SensitiveAttribute, school_boards: DataFrame
) -> ValueClasses:
    quasi_identifiers = [column.name for column in subject.project.quasi_identifiers]
    population = rows.where(WITH_VALUE)
    is_shown_column = (F.col(attribute.column) != UNKNOWN_LEAF).alias("_shown")
    counted: Any = population.groupBy(*quasi_identifiers, TRUE_LEAF, is_shown_column).count().toArrow()
    number: dict[tuple[str, ...], int] = {}
    labels = _class_labels(counted, quasi_identifiers)
    class_of_row = np.array([number.setdefault(own, len(number)) for own in labels], dtype=np.int64)
    pupils = counted["count"].to_numpy()
    is_shown = counted["_shown"].to_numpy(zero_copy_only=False).astype(bool)
    value = _value_positions(counted[TRUE_LEAF].to_numpy(), attribute.unknown_position)
    has_value = value >= 0
    true_values = np.zeros((len(number), len(attribute.leaves)), dtype=np.int64)
    np.add.at(true_values, (class_of_row[has_value], value[has_value]), pupils[has_value])

    def sum_by_class(chosen: BoolArray) -> IntArray:
        totals = np.zeros(len(number), dtype=np.int64)
        np.add.at(totals, class_of_row[chosen], pupils[chosen])
        return totals

    return ValueClasses(
        list(number),
        true_values,
        sum_by_class(is_shown),
        sum_by_class(~is_shown & has_value),
        sum_by_class(~is_shown & ~has_value),
        _count_board_cells(
            population.where(F.col(TRUE_LEAF) != attribute.unknown_position),
            quasi_identifiers,
            number,
            attribute.unknown_position,
            school_boards,
        ),
    )


def _count_board_cells(
    with_true_value: DataFrame,
    quasi_identifiers: list[str],
    number: dict[tuple[str, ...], int],
    unknown_position: int,
    school_boards: DataFrame,
) -> IntArray:
    """Count pupils with a true value per class, board that knows them, and value."""
    none = F.array().cast("array<binary>")
    schools = F.array_union(F.array(SCHOOL_CONTROL), F.coalesce(OTHER_SCHOOLS_CONTROL, none))
    kept = [*quasi_identifiers, TRUE_LEAF, PUPIL_CONTROL]
    at_schools = with_true_value.select(*kept, F.explode(schools).alias(SCHOOL_PSEUDONYM))
    at_boards = at_schools.join(F.broadcast(school_boards), SCHOOL_PSEUDONYM, "inner").select(
        *kept, F.explode(SCHOOL_BOARDS).alias(BOARD)
    )
    counted: Any = at_boards.distinct().groupBy(*quasi_identifiers, TRUE_LEAF, BOARD).count().toArrow()
    class_of_row = np.array([number[labels] for labels in _class_labels(counted, quasi_identifiers)], dtype=np.int64)
    board = np.unique(counted[BOARD].to_numpy(), return_inverse=True)[1].astype(np.int64)
    value = _value_positions(counted[TRUE_LEAF].to_numpy(), unknown_position)
    return np.stack([class_of_row, board, value, counted["count"].to_numpy().astype(np.int64)])


def _class_labels(counted: Any, quasi_identifiers: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(counted[name].to_pylist() for name in quasi_identifiers), strict=True))


def _value_positions(leaf: npt.NDArray[np.integer], unknown_position: int) -> IntArray:
    """Return the position of each leaf among the values; −1 for `onbekend`."""
    return np.where(leaf == unknown_position, -1, leaf - (leaf > unknown_position)).astype(np.int64)


def _has_too_few_covers(classes: ValueClasses, attribute: SensitiveAttribute) -> bool:
    """Whether the hidden classes together would disclose a value: its share is above the largest share."""
    hidden = classes.true_values[classes.is_blanked]
    most_frequent, pupils = hidden.max(axis=1, initial=0).sum(), hidden.sum()
    share = attribute.limits.largest_value
    return bool(most_frequent * share.denominator > pupils * share.numerator)


def _count_covers_not_drawn(subject: VerificationSubject, classes: ValueClasses, attribute: SensitiveAttribute) -> int:
    """Count classes that show their values although the key ranks them before one that is hidden as a cover."""
    filled = np.flatnonzero(classes.true_values.sum(axis=1) > 0)
    is_broken = find_classes_known_to_a_group(classes.board_cells, classes.true_values, attribute.limits)
    rules = find_broken_rules(classes.true_values[filled], attribute.limits, attribute.cohort)
    for flags in rules.values():
        is_broken[filled] |= flags
    is_blanked = classes.is_blanked
    ranks = subject.key.digest_texts([COVER_RANK_LABEL + "|".join(labels) for labels in classes.labels])
    cover_ranks = [ranks[number] for number in filled if is_blanked[number] and not is_broken[number]]
    if not cover_ranks:
        return int(bool((is_broken & is_blanked).any()))
    last_rank = max(cover_ranks)
    return sum(1 for number in filled if not is_blanked[number] and ranks[number] < last_rank)
