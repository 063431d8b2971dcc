"""What subtracting a stage from the published release discloses. Checks DIFFERENCE, and SUMS for withdrawals.

Per class nobody may be gone, or at least k pupils, or the whole class; the same holds for pupils who are new. The
published release is known by its class snapshot, which is itself compared with the published table: as many rows
of each class, under the same labels. What a difference discloses of sensitive values is in
`sensitive_difference_check`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.data_states import PUPIL_CONTROL
from cohort.delta import list_current_names
from cohort.foundation import StateRefused, describe_problem
from cohort.storage import StoragePath, parquet_source
from cohort.verification.findings import Finding, finding_if_any, finding_naming
from cohort.verification.record_runs import IntArray, read_record_runs
from cohort.verification.result_selection import driver_frame
from cohort.verification.verification_subject import PublishedPredecessor, VerificationSubject

CLASS_NUMBER, LABEL_PREFIX, WITH_VALUE = "class_nr", "label_", "_with_value"
"""Columns of a snapshot: the number of a class, what precedes a column's name for its label, and whether a pupil
belongs to the population with a value."""
CLASS_UNIT = "_unit"
"""Twice the class number, plus one for pupils with a value, who are counted apart from those without."""


@dataclass(frozen=True)
class ReleaseSnapshot:
    """A release's class snapshot: the class of every pupil (on Spark), and the labels of every class."""

    pupils: DataFrame
    classes: pa.Table

    def class_columns(self, names: Sequence[str]) -> dict[str, Any]:
        """Return columns of the classes as arrays."""
        return {name: self.classes[name].combine_chunks() for name in names}


@dataclass(frozen=True)
class ClassDepartures:
    """Pupils per class unit of the published release.

    Args:
        before: pupils in the published release.
        remaining: of these, pupils in the stage.
        changed: of the remaining, pupils who show other labels.
    """

    before: IntArray
    remaining: IntArray
    changed: IntArray


def check_release_difference(
    spark: SparkSession, subject: VerificationSubject, stage: DataFrame, k: int, sensitive_cases: dict[str, bool]
) -> list[Finding]:
    """Check DIFFERENCE, with what is wrong in words, and SUMS where more pupils were withdrawn than are gone.

    The release's own snapshot must also be as the stage is: the next release is compared with it.

    Args:
        spark: the session.
        subject: the release.
        stage: its rows.
        k: least number of pupils whose departure or arrival a difference may show.
        sensitive_cases: what `find_sensitive_differences` found, by sentence.

    Raises:
        StateRefused: the published release has no snapshot (exit code 15).
    """
    labels = [column.name for column in subject.project.quasi_identifiers]
    findings = _check_own_snapshot(spark, subject, stage, labels)
    withdrawn = int(subject.counts.get("pupils_withdrawn", 0))
    if subject.predecessor is None:
        return findings + finding_naming("SUMS", ["pupils withdrawn from a first release"] * (withdrawn != 0))
    snapshot = read_release_snapshot(spark, subject.predecessor.snapshot)
    departures = _count_departures(spark, snapshot, stage, labels)
    lost = departures.before - departures.remaining
    is_too_few = (lost > 0) & (lost < k) & (departures.remaining > 0)
    arrivals = find_arrivals(snapshot, stage)
    cases = {
        "the class snapshot differs from the published table": not _is_as_published(
            subject.predecessor.table, snapshot.classes, labels, departures.before
        ),
        f"fewer than {k} pupils have left a class": bool(is_too_few.any()),
        "pupils show other labels than before": bool(departures.changed.any()),
        "pupils are new who may not be": _has_forbidden_arrivals(arrivals, labels, subject.predecessor, k),
        "pupils returned who had left": _has_returned_pupils(spark, arrivals, subject.predecessor),
        **sensitive_cases,
    }
    wrong = [sentence for sentence, is_so in cases.items() if is_so]
    findings += finding_if_any("DIFFERENCE", max(int(is_too_few.sum()), len(wrong)) if wrong else 0, ", ".join(wrong))
    is_too_many = withdrawn > int(lost.sum())
    return findings + finding_naming("SUMS", ["more pupils withdrawn than have left"] * is_too_many)


def read_release_snapshot(spark: SparkSession, folder: StoragePath) -> ReleaseSnapshot:
    """Read the class snapshot of a release.

    Raises:
        StateRefused: there is none (exit code 15).
    """
    if not (folder / "memory.json").is_file():
        raise StateRefused(
            describe_problem(
                "the class snapshot of a release",
                example="as release wrote it",
                found="none",
                where="restricted/released",
                do="Make a new release, or destroy the project",
            )
        )
    facts = json.loads((folder / "memory.json").read_text(encoding="utf-8"))
    return ReleaseSnapshot(
        spark.read.parquet(str(folder / facts["at"])), pq.read_table(parquet_source(folder / "classes.parquet"))
    )


def find_arrivals(snapshot: ReleaseSnapshot, stage: DataFrame) -> DataFrame:
    """Return the rows of pupils who are not in the published release."""
    return stage.join(snapshot.pupils.select(PUPIL_CONTROL), PUPIL_CONTROL, "left_anti")


def _check_own_snapshot(
    spark: SparkSession, subject: VerificationSubject, stage: DataFrame, labels: list[str]
) -> list[Finding]:
    if subject.snapshot is None:
        return []
    snapshot = read_release_snapshot(spark, subject.snapshot)
    own, staged = _count_departures(spark, snapshot, stage, labels), stage.count()
    is_same = np.array_equal(own.before, own.remaining) and not own.changed.any() and own.before.sum() == staged
    return finding_if_any("DIFFERENCE", int(not is_same), "its own class snapshot differs from the stage")


def _count_departures(
    spark: SparkSession, snapshot: ReleaseSnapshot, stage: DataFrame, labels: list[str]
) -> ClassDepartures:
    staged = stage.select(
        *_hash_columns([PUPIL_CONTROL], "staged"), *_hash_columns(labels, "now"), F.lit(1).alias("here")
    )
    # A pupil is looked up by one whole number, which Spark does fastest; it does not take the other for a key.
    is_same_pupil = F.expr("pupil_1 = staged_1 AND (pupil_2 ^ staged_2) = 0")
    label_columns = [LABEL_PREFIX + name for name in labels]
    classes = driver_frame(spark, snapshot.class_columns([CLASS_NUMBER, *label_columns]))
    classes = classes.select(CLASS_NUMBER, *_hash_columns(label_columns, "then"))
    differs = (F.col("now_1") != F.col("then_1")) | (F.col("now_2") != F.col("then_2")) | F.col("then_1").isNull()
    has_value = F.col(WITH_VALUE).cast("int") if WITH_VALUE in snapshot.pupils.columns else F.lit(0)
    counted: Any = (
        snapshot.pupils.select(
            *_hash_columns([PUPIL_CONTROL], "pupil"),
            CLASS_NUMBER,
            (F.col(CLASS_NUMBER) * 2 + has_value).alias(CLASS_UNIT),
        )
        .join(F.broadcast(classes), CLASS_NUMBER, "left")
        .join(staged.hint("shuffle_hash"), is_same_pupil, "left")
        .groupBy(CLASS_UNIT)
        .agg(
            F.count(F.lit(1)).alias("before"),
            F.count("here").alias("remaining"),
            F.count_if(F.col("here").isNotNull() & differs).alias("changed"),
        )
        .toArrow()
    )
    class_count = snapshot.classes.num_rows
    return ClassDepartures(*(_by_unit(counted, name, class_count) for name in ("before", "remaining", "changed")))


def _hash_columns(names: Sequence[str], alias: str) -> list[Column]:
    """Hash some columns to 128 bits, as two whole numbers: cheaper to shuffle than texts and pseudonyms.

    The length of a text stands before it, so that no two rows of different values are hashed as the same bytes.
    """
    parts = [part for name in names for part in (F.coalesce(F.length(name), F.lit(-1)), F.col(name))]
    return [F.xxhash64(*parts).alias(f"{alias}_1"), F.xxhash64(F.lit("q"), *parts).alias(f"{alias}_2")]


def _by_unit(counted: pa.Table, name: str, classes: int) -> IntArray:
    units = counted[CLASS_UNIT].to_numpy()
    highest = int(units.max(initial=-1)) | 1
    counts = np.zeros(max(2 * classes, highest + 1), dtype=np.int64)
    counts[units] = counted[name].to_numpy()
    return counts


def _has_forbidden_arrivals(arrivals: DataFrame, labels: list[str], predecessor: PublishedPredecessor, k: int) -> bool:
    """Whether pupils are new where none may be, or fewer than k of them share a class."""
    sizes = arrivals.groupBy(*labels).count()
    distinct = [row["count"] for row in sizes.select("count").distinct().collect()]
    return bool(distinct) and (not predecessor.allows_new_pupils or min(distinct) < k)


def _has_returned_pupils(spark: SparkSession, arrivals: DataFrame, predecessor: PublishedPredecessor) -> bool:
    """Whether pupils are back who had left an earlier release."""
    departed = predecessor.snapshot / "left"
    if not departed.exists():
        return False
    return arrivals.join(spark.read.parquet(str(departed)), PUPIL_CONTROL, "left_semi").count() > 0


def _is_as_published(table: StoragePath, classes: pa.Table, labels: list[str], pupils: IntArray) -> bool:
    """Whether the published table has, under every class's labels, exactly the rows of the snapshot."""
    pupils_of_class = pupils.reshape(-1, 2).sum(axis=1)
    if len(pupils_of_class) != classes.num_rows:
        return False
    columns = [classes[LABEL_PREFIX + name].to_pylist() for name in labels]
    expected = Counter({tuple(own): rows for *own, rows in zip(*columns, pupils_of_class.tolist(), strict=True)})
    files = sorted(table / name for name in list_current_names(table))
    runs = read_record_runs(files, labels, control=False)
    published: Counter[tuple[str | None, ...]] = Counter()
    for codes, rows in zip(runs.codes.T.tolist(), runs.rows.tolist(), strict=True):
        published[tuple(names[code] for names, code in zip(runs.labels, codes, strict=True))] += rows
    return expected == published
