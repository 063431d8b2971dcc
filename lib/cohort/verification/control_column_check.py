"""Whose rows a stage holds and from which schools they come: its control columns compared with the results.

Checks OBJECTOR, INSTRUCTION, PUPIL_UNKNOWN, PUPIL_TWICE and SCHOOL_UNTRUE, and counts what `accounting_check` needs.
The results give every pair of a pupil and a school (`pupil_school_reader`), the stage the pairs that it claims. A
claim without its pair is a finding, and its pupil is called misplaced here. One Spark action passes once over two
columns of the stage; only counts come back to the driver.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.verification.findings import Finding, finding_if_any
from cohort.verification.pupil_school_reader import PupilSchools


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


CLAIMS_STATEMENT = """
SELECT xxhash64(pupil) AS p, xxhash64('q', pupil) AS q, xxhash64(school) AS s, xxhash64('q', school) AS t,
    if(position = 0, 1, 0) AS home
FROM (
    SELECT _pupil AS pupil, posexplode(concat(array(_school), coalesce(_others, array()))) AS (position, school)
    FROM {stage}
)
"""
SAME_PAIR = "claim.p = pair.p AND ((claim.q ^ pair.q) | (claim.s ^ pair.s) | (claim.t ^ pair.t)) = 0"
"""A pair is looked up by one whole number, which Spark does fastest; it does not take the rest for a key."""


def count_control_columns(spark: SparkSession, stage: DataFrame, results: PupilSchools) -> ControlColumnCounts:
    """Count the results and the control columns of a stage; a second Spark action only for misplaced pupils.

    Args:
        spark: the session.
        stage: the rows of the stage.
        results: the pairs of the results.
    """
    pupils = _compare_claims(spark.sql(CLAIMS_STATEMENT, stage=stage), results.frame)
    counts = _first_row(
        pupils.selectExpr(
            "count_if(home > 0) AS staged",
            "count_if(home > 1) AS repeated",
            "count_if(is_misplaced) AS misplaced",
            "count_if(NOT is_misplaced AND is_excluded) AS staged_excluded",
            "count_if(lacks_instruction) AS staged_without_instruction",
        )
    )
    misplaced = {"unknown": 0, "excluded": 0}
    if counts["misplaced"]:
        misplaced = _count_misplaced(pupils.where("is_misplaced").select("p", "q"), results.frame)
    return ControlColumnCounts(
        rows=results.rows,
        pupils=results.pupils,
        without_instruction=results.without_instruction,
        excluded=results.excluded,
        staged=counts["staged"],
        unknown=misplaced["unknown"],
        repeated=counts["repeated"],
        at_untrue_school=counts["misplaced"] - misplaced["unknown"],
        staged_excluded=counts["staged_excluded"] + misplaced["excluded"],
        staged_without_instruction=counts["staged_without_instruction"],
    )


def _compare_claims(claims: DataFrame, pairs: DataFrame) -> DataFrame:
    """Compare the claims of a stage with the pairs of the results, per pupil of the stage.

    Returns:
        `p` and `q` (the pupil), `home` (how often it is staged), `is_misplaced` (whether some claim has no pair),
        `is_excluded` and `lacks_instruction` (of some claim with a pair).
    """
    compared = claims.alias("claim").join(pairs.alias("pair").hint("shuffle_hash"), F.expr(SAME_PAIR), "left")
    return compared.groupBy("claim.p", "claim.q").agg(
        F.expr("sum(home) AS home"),
        F.expr("max(pair.p IS NULL) AS is_misplaced"),
        F.expr("coalesce(max(is_excluded), false) AS is_excluded"),
        F.expr("coalesce(max(NOT has_instruction), false) AS lacks_instruction"),
    )


def _count_misplaced(pupils: DataFrame, pairs: DataFrame) -> dict[str, int]:
    """Count, of misplaced pupils, those without any selected result, and those who may not be in the release."""
    known = pairs.groupBy("p", "q").agg(F.expr("max(is_excluded) AS is_excluded"))
    joined = pupils.join(known, ["p", "q"], "left")
    return _first_row(
        joined.selectExpr("count_if(is_excluded IS NULL) AS unknown", "count_if(is_excluded) AS excluded")
    )


def _first_row(aggregate: DataFrame) -> dict[str, int]:
    row = aggregate.first()
    if row is None:
        raise RuntimeError("an aggregate without a row")
    return row.asDict()
