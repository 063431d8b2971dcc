"""What subtracting this release from the published one shows: per class nobody, k pupils, or it whole.

What is remembered of the published release is read from its files, and is itself held against the published
table: so many rows of each class as there are, under the same labels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.project import Project
from cohort.foundation.errors import StateRefused, describe_problem
from cohort.states.schemas import PUPIL_CONTROL
from cohort.verification import record_runs, sensitive_attribute_check
from cohort.verification.control_column_check import driver_frame
from cohort.verification.findings import Finding, VerificationSubject, finding_if_any, finding_naming
from cohort.verification.hierarchy_reader import UNKNOWN_LEAF
from cohort.verification.record_runs import IntArray

CLASS_NUMBER, LABEL_PREFIX, SENSITIVE_LEAF, WITH_VALUE, BLANKED = (
    "class_nr",
    "label_",
    "_value",
    "_with_value",
    "blanked",
)
"""Columns of a memory: a class's number, before the name of a released column its label, a sensitive leaf,
whether a pupil is of the population with a value; of a class whether it shows none of its values."""
CLASS_UNIT = "_unit"
"""Twice the class, plus one for pupils with a value: these are counted apart from those without."""


@dataclass(frozen=True)
class UnitCounts:
    """Per unit of the release before: how many pupils it had and has, and how many show something else."""

    were: IntArray
    stay: IntArray
    changed: IntArray


def check_release_difference(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    k: int,
    leaves: Sequence[str],
    held_to: sensitive_attribute_check.SensitiveAttributeLimits | None,
    cohort: IntArray | None,
) -> list[Finding]:
    """DIFFERENCE, with what is wrong in words; SUMS where more were withdrawn than are gone.

    It is also wrong when this release is remembered otherwise than it is staged.

    Takes: the stage's rows; k; the sensitive column's leaves, limits and, where a distance was agreed, the
    values of all pupils.
    Refuses: a published release of which nothing is remembered (exit code 15).
    """
    names = [column.name for column in subject.project.quasi_identifiers]
    own = _own(spark, subject, stage, names)
    if subject.before is None:
        return own + finding_naming("SUMS", ["pupils withdrawn from a first release"] * _some(subject))
    memory, classes = _remembered(spark, subject.before.memory)
    gone = _gone(spark, memory, classes, stage, names)
    lost = gone.were - gone.stay
    few = (lost > 0) & (lost < k) & (gone.stay > 0)
    new = stage.join(memory.select(PUPIL_CONTROL), PUPIL_CONTROL, "left_anti")
    left = subject.before.memory / "left"
    back = left.exists() and new.join(spark.read.parquet(str(left)), PUPIL_CONTROL, "left_semi").count()
    values = [leaf for leaf in leaves if leaf != UNKNOWN_LEAF]
    given = held_to is not None and _new_values(new, subject.project, names, values, held_to, cohort)
    new = new.groupBy(*names).count()
    sizes = Counter(row["count"] for row in new.groupBy("count").agg(F.count(F.lit(1)).alias("n")).collect())
    strangers = sizes and (not subject.before.newcomers or min(sizes) < k)
    wrong = {
        "what is remembered is not what was published": not _as_published(
            subject.before.table, classes, names, gone.were
        ),
        f"fewer than {k} pupils are gone from a class": bool(few.any()),
        "pupils show other values than before": bool(gone.changed.any()),
        "pupils are new in it": bool(strangers),
        "the sensitive values of who is new": given,
        "pupils are back in it who were gone": bool(back),
        **(_of_values(spark, subject, memory, classes, stage, leaves, held_to, cohort) if held_to else {}),
    }
    cases = [what for what, is_so in wrong.items() if is_so]
    found = finding_if_any("DIFFERENCE", max(int(few.sum()), len(cases)) if cases else 0, ", ".join(cases))
    too_many = int(subject.counts.get("pupils_withdrawn", 0)) > int(lost.sum())
    return own + found + finding_naming("SUMS", ["more pupils withdrawn than are gone"] * too_many)


def _own(spark: SparkSession, subject: VerificationSubject, stage: DataFrame, names: list[str]) -> list[Finding]:
    """Whether this release is itself remembered as it is staged: the next one will be held against that."""
    if subject.memory is None:
        return []
    memory, classes = _remembered(spark, subject.memory)
    kept, staged = _gone(spark, memory, classes, stage, names), stage.count()
    same = np.array_equal(kept.were, kept.stay) and not kept.changed.any() and kept.were.sum() == staged
    return finding_if_any("DIFFERENCE", int(not same), "what is remembered of it is not what is staged")


def _some(subject: VerificationSubject) -> int:
    return int(subject.counts.get("pupils_withdrawn", 0) != 0)


def _remembered(spark: SparkSession, memory: Path) -> tuple[DataFrame, pa.Table]:
    if not (memory / "memory.json").is_file():
        raise StateRefused(
            describe_problem(
                "the memory of a release",
                example="as release wrote it",
                found="none",
                where="restricted/released",
                do="Make a new release, or destroy the project",
            )
        )
    facts = json.loads((memory / "memory.json").read_text(encoding="utf-8"))
    return spark.read.parquet(str(memory / facts["at"])), pq.read_table(memory / "classes.parquet")


def _gone(spark: SparkSession, memory: DataFrame, classes: pa.Table, stage: DataFrame, names: list[str]) -> UnitCounts:
    shown = stage.select(PUPIL_CONTROL, *(F.col(name).alias(f"now_{name}") for name in names), F.lit(1).alias("is"))
    labels: dict[str, Any] = {name: classes[name].combine_chunks() for name in [CLASS_NUMBER, *_labels(names)]}
    differs: Column = reduce(
        Column.__or__, (~F.col(f"now_{name}").eqNullSafe(F.col(LABEL_PREFIX + name)) for name in names)
    )
    flag = F.col(WITH_VALUE).cast("int") if WITH_VALUE in memory.columns else F.lit(0)
    counted = (
        memory.join(F.broadcast(driver_frame(spark, labels)), CLASS_NUMBER, "left")
        .join(shown, PUPIL_CONTROL, "left")
        .groupBy((F.col(CLASS_NUMBER) * 2 + flag).alias(CLASS_UNIT))
        .agg(
            F.count(F.lit(1)).alias("were"),
            F.count("is").alias("stay"),
            F.count_if(F.col("is").isNotNull() & differs).alias("changed"),
        )
    )
    rows: Any = counted.toArrow()
    return UnitCounts(*(_by_unit(rows, name, classes.num_rows) for name in ("were", "stay", "changed")))


def _by_unit(rows: pa.Table, name: str, classes: int) -> IntArray:
    numbers = rows[CLASS_UNIT].to_numpy()
    highest = int(numbers.max(initial=-1)) | 1
    counts = np.zeros(max(2 * classes, highest + 1), dtype=np.int64)
    counts[numbers] = rows[name].to_numpy()
    return counts


def _labels(names: Sequence[str]) -> list[str]:
    return [LABEL_PREFIX + name for name in names]


def _as_published(table: Path, classes: pa.Table, names: list[str], were: IntArray) -> bool:
    """Whether the published table has, under every class's labels, just the rows that are remembered."""
    of_class = were.reshape(-1, 2).sum(axis=1)
    if len(of_class) != classes.num_rows:
        return False
    columns = [classes[name].to_pylist() for name in _labels(names)]
    remembered = Counter({tuple(labels): rows for *labels, rows in zip(*columns, of_class.tolist(), strict=True)})
    files = sorted(table / name for name in delta.list_current_names(table))
    runs = record_runs.read_record_runs(files, names, control=False)
    published: Counter[tuple[str | None, ...]] = Counter()
    for codes, rows in zip(runs.codes.T.tolist(), runs.rows.tolist(), strict=True):
        published[tuple(labels[code] for labels, code in zip(runs.labels, codes, strict=True))] += rows
    return remembered == published


def _of_values(
    spark: SparkSession,
    subject: VerificationSubject,
    memory: DataFrame,
    classes: pa.Table,
    stage: DataFrame,
    leaves: Sequence[str],
    held_to: sensitive_attribute_check.SensitiveAttributeLimits,
    cohort: IntArray | None,
) -> dict[str, bool]:
    """What subtracting tells of sensitive values: who is gone from a class that still shows its own, values
    that the release before did not show, pupils who were put in the other population.
    """
    own = subject.project.sensitive_column
    if own is None:
        return {}
    hidden: dict[str, Any] = {name: classes[name].combine_chunks() for name in (CLASS_NUMBER, BLANKED)}
    now = stage.select(PUPIL_CONTROL, F.lit(True).alias("_there"), (F.col(own.name) != UNKNOWN_LEAF).alias("_shown"))
    rows = memory.join(F.broadcast(driver_frame(spark, hidden)), CLASS_NUMBER, "left").join(now, PUPIL_CONTROL, "left")
    shown, gone = F.coalesce("_shown", F.lit(False)), F.col("_there").isNull()
    flag, unknown = F.col(WITH_VALUE), list(leaves).index(UNKNOWN_LEAF)
    counted: Any = (
        rows.groupBy(CLASS_NUMBER, SENSITIVE_LEAF)
        .agg(
            F.count_if(shown & (F.col(BLANKED) | ~flag)).alias("new"),
            F.count_if(shown).alias("shown"),
            F.count_if(gone & flag).alias("gone"),
        )
        .toArrow()
    )
    of, leaf, of_gone = (counted[name].to_numpy() for name in (CLASS_NUMBER, SENSITIVE_LEAF, "gone"))
    table = np.zeros((int(of.max(initial=-1)) + 1, len(leaves)), dtype=np.int64)
    known, still = leaf != unknown, np.zeros(len(table), dtype=np.bool_)
    table[of[known], leaf[known] - (leaf[known] > unknown)] = of_gone[known]
    still[of[counted["shown"].to_numpy() > 0]] = True
    table = table[still & (table.sum(axis=1) > 0)]
    broken = sensitive_attribute_check.find_broken_rules(table, held_to, cohort).values() if len(table) else ()
    told = {
        "values are shown that were not": any(counted["new"].to_pylist()),
        "the sensitive values of who is gone": any(flags.any() for flags in broken),
    }
    return told | _other_population(spark, subject, memory)


def _other_population(spark: SparkSession, subject: VerificationSubject, memory: DataFrame) -> dict[str, bool]:
    """Whether a pupil is remembered in another population than in the release before."""
    if subject.memory is None:
        return {}
    now, _ = _remembered(spark, subject.memory)
    both = memory.select(PUPIL_CONTROL, WITH_VALUE).join(
        now.select(PUPIL_CONTROL, F.col(WITH_VALUE).alias("_now")), PUPIL_CONTROL, "inner"
    )
    moved = both.where(F.col(WITH_VALUE) != F.col("_now")).count()
    return {"pupils are counted among others than before": moved > 0}


def _new_values(
    new: DataFrame,
    project: Project,
    names: list[str],
    leaves: Sequence[str],
    held_to: sensitive_attribute_check.SensitiveAttributeLimits,
    cohort: IntArray | None,
) -> bool:
    """Whether the values of those new in a class break a rule of the column: they show by subtraction."""
    own = project.sensitive_column
    if own is None:
        return False
    rows: Any = new.where(F.col(own.name) != UNKNOWN_LEAF).groupBy(*names, own.name).count().toArrow()
    if not rows.num_rows:
        return False
    keys = zip(*(rows[name].to_pylist() for name in names), strict=True)
    number: dict[tuple[Any, ...], int] = {}
    of_class = [number.setdefault(key, len(number)) for key in keys]
    place = {leaf: at for at, leaf in enumerate(leaves)}
    values = [place.get(value, len(leaves)) for value in rows[own.name].to_pylist()]
    table = np.zeros((len(number), len(leaves) + 1), dtype=np.int64)
    np.add.at(table, (np.array(of_class), np.array(values)), rows["count"].to_numpy())
    return any(flags.any() for flags in sensitive_attribute_check.find_broken_rules(table, held_to, cohort).values())
