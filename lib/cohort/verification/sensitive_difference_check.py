"""What subtracting a stage from the published release discloses of sensitive values, for the finding DIFFERENCE.

`verify_stage` calls it before `check_release_difference`, which reports its cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import PUPIL_CONTROL
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.record_runs import IntArray
from cohort.verification.release_difference_check import (
    CLASS_NUMBER,
    WITH_VALUE,
    ReleaseSnapshot,
    find_arrivals,
    read_release_snapshot,
)
from cohort.verification.result_selection import driver_frame
from cohort.verification.sensitive_attribute_check import SensitiveAttribute, find_broken_rules
from cohort.verification.verification_subject import VerificationSubject

SENSITIVE_LEAF, BLANKED = "_value", "blanked"
"""Columns of a snapshot: the leaf of a pupil's sensitive value, and whether a class shows none of its values."""


def find_sensitive_differences(
    spark: SparkSession, subject: VerificationSubject, stage: DataFrame, attribute: SensitiveAttribute
) -> dict[str, bool]:
    """Find what the difference to the published release discloses of sensitive values.

    Args:
        spark: the session.
        subject: the release.
        stage: its rows.
        attribute: its sensitive column.

    Returns:
        Whether each case occurs, by the sentence that describes it; nothing without a published release.

    Raises:
        StateRefused: the published release has no snapshot (exit code 15).
    """
    if subject.predecessor is None:
        return {}
    snapshot = read_release_snapshot(spark, subject.predecessor.snapshot)
    labels = [column.name for column in subject.project.quasi_identifiers]
    cases = {
        "the sensitive values of new pupils are disclosed": _arrivals_disclose_values(
            find_arrivals(snapshot, stage), labels, attribute
        ),
        **_find_changed_values(spark, snapshot, stage, attribute),
    }
    if subject.snapshot is not None:
        own = read_release_snapshot(spark, subject.snapshot)
        cases["pupils belong to another population than before"] = _has_moved_between_populations(snapshot, own)
    return cases


def _find_changed_values(
    spark: SparkSession, snapshot: ReleaseSnapshot, stage: DataFrame, attribute: SensitiveAttribute
) -> dict[str, bool]:
    """Find values that were not shown before, and classes that disclose the values of pupils who are gone."""
    classes = driver_frame(spark, snapshot.class_columns([CLASS_NUMBER, BLANKED]))
    shows_value = F.col(attribute.column) != UNKNOWN_LEAF
    staged = stage.select(PUPIL_CONTROL, F.lit(True).alias("_staged"), shows_value.alias("_shown"))
    rows = snapshot.pupils.join(F.broadcast(classes), CLASS_NUMBER, "left").join(staged, PUPIL_CONTROL, "left")
    is_shown, is_gone = F.coalesce("_shown", F.lit(False)), F.col("_staged").isNull()
    had_value = F.col(WITH_VALUE)
    counted: Any = (
        rows.groupBy(CLASS_NUMBER, SENSITIVE_LEAF)
        .agg(
            F.count_if(is_shown & (F.col(BLANKED) | ~had_value)).alias("new"),
            F.count_if(is_shown).alias("shown"),
            F.count_if(is_gone & had_value).alias("gone"),
        )
        .toArrow()
    )
    departed = _tabulate_departed_values(counted, attribute)
    broken = find_broken_rules(departed, attribute.limits, attribute.cohort).values() if len(departed) else ()
    return {
        "sensitive values are shown that were hidden before": any(counted["new"].to_pylist()),
        "the sensitive values of departed pupils are disclosed": any(flags.any() for flags in broken),
    }


def _tabulate_departed_values(counted: Any, attribute: SensitiveAttribute) -> IntArray:
    """Return the pupils who are gone per `[class, value]`, of classes that still show values."""
    class_number, leaf, gone = (counted[name].to_numpy() for name in (CLASS_NUMBER, SENSITIVE_LEAF, "gone"))
    unknown = attribute.unknown_position
    table = np.zeros((int(class_number.max(initial=-1)) + 1, len(attribute.leaves)), dtype=np.int64)
    has_value, still_shows = leaf != unknown, np.zeros(len(table), dtype=np.bool_)
    value = leaf[has_value] - (leaf[has_value] > unknown)
    table[class_number[has_value], value] = gone[has_value]
    still_shows[class_number[counted["shown"].to_numpy() > 0]] = True
    departed: IntArray = table[still_shows & (table.sum(axis=1) > 0)]
    return departed


def _has_moved_between_populations(before: ReleaseSnapshot, after: ReleaseSnapshot) -> bool:
    """Whether a pupil belongs to another population than in the release before: with a value, or without."""
    now = after.pupils.select(PUPIL_CONTROL, F.col(WITH_VALUE).alias("_now"))
    both = before.pupils.select(PUPIL_CONTROL, WITH_VALUE).join(now, PUPIL_CONTROL, "inner")
    return both.where(F.col(WITH_VALUE) != F.col("_now")).count() > 0


def _arrivals_disclose_values(arrivals: DataFrame, labels: Sequence[str], attribute: SensitiveAttribute) -> bool:
    """Whether the values of the new pupils of a class, which subtraction shows, break a rule of the column."""
    with_value = arrivals.where(F.col(attribute.column) != UNKNOWN_LEAF)
    rows: Any = with_value.groupBy(*labels, attribute.column).count().toArrow()
    if not rows.num_rows:
        return False
    keys = zip(*(rows[name].to_pylist() for name in labels), strict=True)
    number: dict[tuple[Any, ...], int] = {}
    class_of_row = [number.setdefault(key, len(number)) for key in keys]
    position = {value: at for at, value in enumerate(attribute.values)}
    values = [position.get(value, len(position)) for value in rows[attribute.column].to_pylist()]
    table = np.zeros((len(number), len(position) + 1), dtype=np.int64)
    np.add.at(table, (np.array(class_of_row), np.array(values)), rows["count"].to_numpy())
    return any(flags.any() for flags in find_broken_rules(table, attribute.limits, attribute.cohort).values())
