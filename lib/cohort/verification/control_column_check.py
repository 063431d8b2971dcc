"""Whose rows a stage holds and from which schools they come: its control columns compared with the results.

Checks OBJECTOR, INSTRUCTION, PUPIL_UNKNOWN, PUPIL_TWICE and SCHOOL_UNTRUE, and counts what `accounting_check`
needs. One Spark action passes once over the results and once over two columns of the stage. The results give every
(pupil, school) with its keyed pseudonyms, the stage gives the pairs that it claims; both are counted per pair and
then per pupil. Only counts come back to the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.instruction_check import instructed_sites_frame
from cohort.verification.objection_check import excluded_pupils_frame
from cohort.verification.permission_reader import UsagePermissions
from cohort.verification.pseudonym_check import pseudonym_sql
from cohort.verification.result_selection import driver_frame, is_selected, read_release_results
from cohort.verification.verification_subject import VerificationSubject

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
POSSIBLE_SCHOOL_CODES = tuple(f"{n:02d}{a}{b}" for n in range(100) for a in LETTERS for b in LETTERS)
"""All codes that a school can have: hashing them is cheaper than a pass over the results to list the schools."""


@dataclass(frozen=True)
class ControlColumnCounts:
    """What the results and the control columns of a stage hold.

    Args:
        rows: all rows of the results.
        pupils: pupils with selected results.
        without_instruction: of these, pupils none of whose schools instructed us.
        excluded: of the others, pupils who may not be in the release.
        staged: pupils in the stage.
        unknown: staged pupils without a selected result.
        repeated: pupils who are staged more than once.
        at_untrue_school: pupils staged with a school from which they have no selected result.
        staged_excluded: staged pupils who may not be in the release.
        staged_without_instruction: staged pupils with results of a school that gave no instruction.
    """

    rows: int
    pupils: int
    without_instruction: int
    excluded: int
    staged: int
    unknown: int
    repeated: int
    at_untrue_school: int
    staged_excluded: int
    staged_without_instruction: int


def check_control_columns(counts: ControlColumnCounts) -> list[Finding]:
    """Check OBJECTOR, INSTRUCTION, PUPIL_UNKNOWN, PUPIL_TWICE and SCHOOL_UNTRUE, each counted in pupils."""
    return [
        *finding_if_any("OBJECTOR", counts.staged_excluded),
        *finding_if_any("INSTRUCTION", counts.staged_without_instruction),
        *finding_if_any("PUPIL_UNKNOWN", counts.unknown),
        *finding_if_any("PUPIL_TWICE", counts.repeated),
        *finding_if_any("SCHOOL_UNTRUE", counts.at_untrue_school),
    ]


# One statement, so that Spark analyses it once. A pseudonym is reduced to 128 bits, as two whole numbers: cheaper to
# group by than 32 bytes. One shuffle by pupil serves the counts per pair and per pupil.
COUNTING_STATEMENT = f"""
WITH pupil_schools AS (
    SELECT DISTINCT pgn, brin, vestiging FROM {{selected}}
), from_results AS (
    SELECT /*+ BROADCAST(keyed, excluded, schools, instructed) */
        {pseudonym_sql("pgn", "pupil_schools.pgn")} AS pupil,
        coalesce(schools.digest, cast('not in the stage' AS binary)) AS school,
        excluded.pgn IS NOT NULL AS is_excluded,
        if(coalesce(by_default <> array_contains(exceptions, vestiging), false), 1, 0) AS has_instruction
    FROM pupil_schools CROSS JOIN {{keyed}} AS keyed
        LEFT JOIN {{excluded}} AS excluded ON pupil_schools.pgn = excluded.pgn
        LEFT JOIN {{schools}} AS schools ON pupil_schools.brin = schools.brin
        LEFT JOIN {{instructed}} AS instructed ON pupil_schools.brin = instructed.brin
), from_stage AS (
    SELECT _pupil AS pupil, posexplode(concat(array(_school), coalesce(_others, array()))) AS (position, school)
    FROM {{stage}}
), both_sides AS (
    SELECT xxhash64(pupil) AS p, xxhash64('q', pupil) AS q, xxhash64(school) AS s, xxhash64('q', school) AS t,
        1 AS in_results, has_instruction, is_excluded, 0 AS home, 0 AS other
    FROM from_results
    UNION ALL
    SELECT xxhash64(pupil), xxhash64('q', pupil), xxhash64(school), xxhash64('q', school),
        0, 0, false, if(position = 0, 1, 0), if(position = 0, 0, 1)
    FROM from_stage
), pairs AS (
    SELECT p, q, max(in_results) AS in_results, max(has_instruction) AS has_instruction,
        max(is_excluded) AS is_excluded, sum(home) AS home,
        sum(home + other) > 0 AND max(in_results) = 0 AS is_untrue,
        sum(home + other) > 0 AND max(in_results) = 1 AND max(has_instruction) = 0 AS lacks_instruction
    FROM (SELECT /*+ REPARTITION(p, q) */ * FROM both_sides) GROUP BY p, q, s, t
), pupils AS (
    SELECT max(in_results) = 1 AS in_results, max(has_instruction) = 1 AS has_instruction,
        max(is_excluded) AS is_excluded, sum(home) AS home, max(is_untrue) AS is_untrue,
        max(lacks_instruction) AS lacks_instruction
    FROM pairs GROUP BY p, q
)
SELECT count_if(in_results) AS pupils,
    count_if(in_results AND NOT has_instruction) AS without_instruction,
    count_if(in_results AND has_instruction AND is_excluded) AS excluded,
    count_if(home > 0) AS staged,
    count_if(home > 0 AND NOT in_results) AS unknown,
    count_if(home > 1) AS repeated,
    count_if(in_results AND is_untrue) AS at_untrue_school,
    count_if(home > 0 AND is_excluded) AS staged_excluded,
    count_if(home > 0 AND lacks_instruction) AS staged_without_instruction
FROM pupils
"""


def count_control_columns(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    permissions: UsagePermissions,
    schools: Sequence[bytes | None],
) -> ControlColumnCounts:
    """Count the results and the control columns of a stage.

    Args:
        spark: the session.
        subject: the release.
        stage: its rows.
        permissions: what the lists say.
        schools: the distinct school pseudonyms of the stage.
    """
    results = read_release_results(spark, subject)
    counts = spark.sql(
        COUNTING_STATEMENT,
        selected=results.where(is_selected(subject.project)).select("pgn", "brin", "vestiging"),
        stage=stage,
        keyed=subject.key.key_frame(spark),
        excluded=excluded_pupils_frame(spark, permissions.excluded, results),
        schools=_staged_schools(spark, subject, schools),
        instructed=instructed_sites_frame(spark, permissions.instructed),
    ).first()
    if counts is None:
        raise RuntimeError("an aggregate without a row")
    by_name = {name: value or 0 for name, value in counts.asDict().items()}
    return ControlColumnCounts(rows=_count_rows(results), **by_name)


def _count_rows(frame: DataFrame) -> int:
    """Count the rows of a table's files by their footers."""
    files = (unquote(urlparse(file).path) for file in frame.inputFiles())
    return sum(pq.read_metadata(file).num_rows for file in files)


def _staged_schools(spark: SparkSession, subject: VerificationSubject, schools: Sequence[bytes | None]) -> DataFrame:
    """Return the schools of the stage that can exist, as `brin` and `digest`."""
    digests = subject.key.digest_texts(f"brin|{code}" for code in POSSIBLE_SCHOOL_CODES)
    staged = {*schools}
    pairs = [(code, digest) for code, digest in zip(POSSIBLE_SCHOOL_CODES, digests, strict=True) if digest in staged]
    return driver_frame(
        spark,
        {
            "brin": pa.array([code for code, _ in pairs], pa.string()),
            "digest": pa.array([digest for _, digest in pairs], pa.binary()),
        },
    )
