"""Ineligible rows of a published pseudonymous table: of barred pupils, and of schools without an instruction.

In: the table, the project's key, and who must leave. Out: the table's rows with the reason to leave marked. Called by
`row_withdrawal`. Numbers of pupils reach Spark in a local frame only, and are compared as pseudonyms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.anonymisation import hmac_sha256
from cohort.data_states import PSEUDONYM_COLUMNS, make_local_frame
from cohort.delta import read_commits, read_table
from cohort.keys import ProjectKey
from cohort.storage import StoragePath

PUPIL_PSEUDONYM, SCHOOL_PSEUDONYM_COLUMN = PSEUDONYM_COLUMNS
BARRED_COLUMN, LAPSED_COLUMN = "_barred", "_lapsed"


@dataclass(frozen=True)
class IneligiblePupils:
    """Who must leave a table.

    Args:
        numbers: pupil numbers, with every other number of each pupil: the table shows one of them.
        schools: BRINs of schools without an instruction any more.
        record_changes: fields of the release record from now on, about whom the table leaves out.
    """

    numbers: frozenset[str] = field(default=frozenset(), repr=False)
    schools: frozenset[str] = frozenset()
    record_changes: Mapping[str, Any] = field(default_factory=dict)


def leaving_reasons() -> dict[str, Column]:
    """Whether a marked row must go, by the reason under which its pupil is counted."""
    barred, lapsed = F.col(BARRED_COLUMN).isNotNull(), F.col(LAPSED_COLUMN).isNotNull()
    return {"pupils_barred": barred, "pupils_of_schools": lapsed & ~barred}


def count_leaving_reasons(marked: DataFrame) -> dict[str, int]:
    """The number of marked rows by reason."""
    counted: Any = marked.agg(*(F.count_if(reason).alias(name) for name, reason in leaving_reasons().items())).first()
    return dict(counted.asDict())


def mark_ineligible_rows(
    spark: SparkSession, table: StoragePath, key: ProjectKey, ineligible: IneligiblePupils
) -> DataFrame:
    """Read the newest rows of a table, with `_barred` and `_lapsed` set where they must go, else null.

    Args:
        spark: the session.
        table: the folder of the published table.
        key: the project's key, by which the table's pseudonyms were made.
        ineligible: who must leave.
    """
    numbers = [(number,) for number in sorted(ineligible.numbers)]
    keyed = make_local_frame(spark, "pgn string not null", numbers).join(F.broadcast(key.key_frame(spark)))
    pseudonym = F.lower(F.hex(hmac_sha256(F.concat(F.lit("pgn|"), F.col("pgn")))))
    pupils = keyed.select(pseudonym.alias(PUPIL_PSEUDONYM), F.lit(True).alias(BARRED_COLUMN)).distinct()
    digests = key.digest_texts(f"brin|{school}" for school in sorted(ineligible.schools))
    schema = f"{SCHOOL_PSEUDONYM_COLUMN} string not null, {LAPSED_COLUMN} boolean not null"
    schools = make_local_frame(spark, schema, [(digest.hex(), True) for digest in digests])
    rows = read_table(spark, table, read_commits(table)[0].version)
    marked = rows.join(F.broadcast(pupils), PUPIL_PSEUDONYM, "left")
    return marked.join(F.broadcast(schools), SCHOOL_PSEUDONYM_COLUMN, "left")
