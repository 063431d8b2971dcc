"""The control columns against the results: whose row it is, where it comes from, who may not be in it.

One pass over the results and a narrow one over the stage, in one Spark action. The results give every
(pupil, school), its rows and its keyed pseudonyms by own code; the stage gives the pairs it claims; both are
laid on one heap and counted per pair and then per pupil. Nothing but counts comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.agreements.project import Project
from cohort.agreements.selected_results import SelectedResult
from cohort.keys import project_keys
from cohort.verification.findings import Finding, VerificationSubject, finding_if_any
from cohort.verification.instruction_check import InstructedSites
from cohort.verification.objection_check import ExcludedPupils

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
POSSIBLE_SCHOOL_CODES = tuple(f"{n:02d}{a}{b}" for n in range(100) for a in LETTERS for b in LETTERS)
"""All codes a school can have: digesting them is cheaper than a pass to see which there are."""


@dataclass(frozen=True)
class ControlColumnCounts:
    """Counts of pupils: with selected rows; of these without an instruction of any of their schools, and of
    the others barred; staged, and staged wrongly; all rows.
    """

    rows: int
    pupils: int
    uninstructed: int
    barred: int
    staged: int
    unknown: int
    twice: int
    untrue: int
    objectors: int
    unasked: int


def check_control_columns(counted: ControlColumnCounts) -> list[Finding]:
    """OBJECTOR, INSTRUCTION, PUPIL_UNKNOWN, PUPIL_TWICE, SCHOOL_UNTRUE, each with its number of pupils."""
    return [
        *finding_if_any("OBJECTOR", counted.objectors),
        *finding_if_any("INSTRUCTION", counted.unasked),
        *finding_if_any("PUPIL_UNKNOWN", counted.unknown),
        *finding_if_any("PUPIL_TWICE", counted.twice),
        *finding_if_any("SCHOOL_UNTRUE", counted.untrue),
    ]


def read_release_results(spark: SparkSession, subject: VerificationSubject) -> DataFrame:
    """The rows the ledger vouches for. Batches count runs of intake, so they may stand in a plan."""
    rows = delta.read_table(spark, subject.results)
    return rows.where(F.col("batch").isin(*map(int, subject.batches)))


def is_selected(project: Project) -> Column:
    """Whether a row belongs to the population and fits a slot of the project; for `where`.

    A slot's school year is one of the population's: the declaration is refused otherwise. The first
    conditions follow from the last; they are there because Spark decodes no column of a row they turn down.
    A special-category result counts whatever its value, so that nobody is in it or not by their consent.
    """
    chosen = F.col("domein").isin(*{result.domein for result in project.results})
    chosen &= F.col("afnameperiode").isin(*{result.moment for result in project.results})
    if project.population.jaargroep is not None:
        chosen &= F.col("jaargroep").isin(*project.population.jaargroep)
    grounded = {*project.special_results}
    slots = [
        _in_slot(result) if result in grounded else fits_result_slot(result) & ~F.col("bijzonder")
        for result in project.results
    ]
    return chosen & reduce(Column.__or__, slots)


def fits_result_slot(result: SelectedResult) -> Column:
    """Whether a row is a result of one slot, with a value on its scale."""
    return _in_slot(result) & F.col(result.value).isNotNull()


def _in_slot(result: SelectedResult) -> Column:
    return (
        (F.col("domein") == result.domein)
        & (F.col("afnameperiode") == result.moment)
        & (F.col("schooljaar") == result.schooljaar)
        & (F.col("schaal") == result.schaal)
    )


def instructed_sites_frame(spark: SparkSession, asked: InstructedSites) -> DataFrame:
    """Schools with an instruction: `brin`, `rest` (sites that no line names), `odd` (sites that differ)."""
    brins = sorted(asked.sites)
    rest, odd = [asked.of(brin)[0] for brin in brins], [asked.of(brin)[1] for brin in brins]
    return driver_frame(
        spark,
        {
            "brin": pa.array(brins, pa.string()),
            "rest": pa.array(rest, pa.bool_()),
            "odd": pa.array(odd, pa.list_(pa.string())),
        },
    )


def keep_rows_with_instruction(spark: SparkSession, rows: DataFrame, asked: InstructedSites) -> DataFrame:
    """The rows of sites that instructed us."""
    there = F.col("rest") != F.array_contains("odd", F.col("vestiging"))
    return rows.join(F.broadcast(instructed_sites_frame(spark, asked)), "brin").where(there).drop("rest", "odd")


def pseudonym_sql(label: str, column: str) -> str:
    """HMAC-SHA-256 (RFC 2104) of a labelled text as SQL, beside the one row of `Key.frame`."""
    inner = f"concat({project_keys.INNER_BLOCK}, cast(concat('{label}|', {column}) AS binary))"
    return f"unhex(sha2(concat({project_keys.OUTER_BLOCK}, unhex(sha2({inner}, 256))), 256))"


def driver_frame(spark: SparkSession, columns: dict[str, pa.Array[Any]]) -> DataFrame:
    """A small frame of the driver's own: in a join its values stand in no plan and no log."""
    return spark.createDataFrame(pa.table(columns))


# One statement, so that Spark analyses it once. Pseudonyms are told apart by 128 bits, as two whole numbers:
# cheaper to group by than 32 bytes. One shuffle by pupil serves the count per pair and the count per pupil.
COUNTING_STATEMENT = f"""
WITH seen AS (
    SELECT DISTINCT pgn, brin, vestiging FROM {{selected}}
), known AS (
    SELECT /*+ BROADCAST(keyed, listed, schools, asked) */
        {pseudonym_sql("pgn", "seen.pgn")} AS pupil,
        coalesce(schools.digest, cast('not in the stage' AS binary)) AS school,
        listed.pgn IS NOT NULL AS barred,
        if(coalesce(rest <> array_contains(odd, vestiging), false), 1, 0) AS given
    FROM seen CROSS JOIN {{keyed}} AS keyed
        LEFT JOIN {{listed}} AS listed ON seen.pgn = listed.pgn
        LEFT JOIN {{schools}} AS schools ON seen.brin = schools.brin
        LEFT JOIN {{asked}} AS asked ON seen.brin = asked.brin
), claimed AS (
    SELECT _pupil AS pupil, posexplode(concat(array(_school), coalesce(_others, array()))) AS (place, school)
    FROM {{stage}}
), heap AS (
    SELECT xxhash64(pupil) AS p, xxhash64('q', pupil) AS q, xxhash64(school) AS s, xxhash64('q', school) AS t,
        1 AS known, given, barred, 0 AS home, 0 AS other
    FROM known
    UNION ALL
    SELECT xxhash64(pupil), xxhash64('q', pupil), xxhash64(school), xxhash64('q', school),
        0, 0, false, if(place = 0, 1, 0), if(place = 0, 0, 1)
    FROM claimed
), pairs AS (
    SELECT p, q, max(known) AS known, max(given) AS given, max(barred) AS barred, sum(home) AS home,
        sum(home + other) > 0 AND max(known) = 0 AS untrue,
        sum(home + other) > 0 AND max(known) = 1 AND max(given) = 0 AS unasked
    FROM (SELECT /*+ REPARTITION(p, q) */ * FROM heap) GROUP BY p, q, s, t
), pupils AS (
    SELECT max(known) = 1 AS known, max(given) = 1 AS given, max(barred) AS barred, sum(home) AS home,
        max(untrue) AS untrue, max(unasked) AS unasked
    FROM pairs GROUP BY p, q
)
SELECT count_if(known) AS pupils, count_if(known AND NOT given) AS uninstructed,
    count_if(known AND given AND barred) AS barred, count_if(home > 0) AS staged,
    count_if(home > 0 AND NOT known) AS unknown, count_if(home > 1) AS twice,
    count_if(known AND untrue) AS untrue, count_if(home > 0 AND barred) AS objectors,
    count_if(home > 0 AND unasked) AS unasked
FROM pupils
"""


def count_control_columns(
    spark: SparkSession,
    subject: VerificationSubject,
    stage: DataFrame,
    barred: ExcludedPupils,
    asked: InstructedSites,
    schools: Sequence[bytes | None],
) -> ControlColumnCounts:
    """All counts of the control columns.

    Takes: the stage's rows, who is barred, who instructed us, the distinct school pseudonyms of the stage.
    """
    rows = read_release_results(spark, subject)
    listed = excluded_pupils_frame(spark, barred, rows)
    chosen = rows.where(is_selected(subject.project)).select("pgn", "brin", "vestiging")
    found = spark.sql(
        COUNTING_STATEMENT,
        selected=chosen,
        stage=stage,
        keyed=subject.key.key_frame(spark),
        listed=listed,
        schools=_schools(spark, subject, schools),
        asked=instructed_sites_frame(spark, asked),
    ).first()
    if found is None:
        raise RuntimeError("an aggregate without a row")
    return ControlColumnCounts(rows=_rows(rows), **{name: value or 0 for name, value in found.asDict().items()})


def _rows(frame: DataFrame) -> int:
    """The rows of a table's files, as their footers count them."""
    files = (unquote(urlparse(file).path) for file in frame.inputFiles())
    return sum(pq.read_metadata(file).num_rows for file in files)


def excluded_pupils_frame(spark: SparkSession, barred: ExcludedPupils, rows: DataFrame) -> DataFrame:
    """Everybody who may not be in the release, as `pgn`, each once.

    Of a school that is held back everybody; of one that a list covers everybody whom it does not permit, seen
    there in the results or before and not kept.
    """
    frame = driver_frame(spark, {"pgn": pa.array(sorted(barred.blocked), pa.string())})
    if barred.held:
        held = driver_frame(spark, {"brin": pa.array(sorted(barred.held), pa.string())})
        frame = frame.union(rows.join(F.broadcast(held), "brin", "left_semi").select("pgn"))
    seen = rows.select("pgn", "brin")
    if barred.allowed and barred.unlisted is not None and delta.table_exists(barred.unlisted):
        seen = seen.unionByName(delta.read_table(spark, barred.unlisted))
    for schools, permitted in barred.allowed:
        covered = driver_frame(spark, {"brin": pa.array(sorted(schools), pa.string())})
        named = driver_frame(spark, {"pgn": pa.array(sorted(permitted), pa.string())})
        there = seen.join(F.broadcast(covered), "brin", "left_semi").select("pgn")
        frame = frame.union(there.join(named, "pgn", "left_anti"))
    return frame.distinct()


def _schools(spark: SparkSession, subject: VerificationSubject, schools: Sequence[bytes | None]) -> DataFrame:
    """The schools of the stage that can exist, as `brin` and `digest`."""
    digests = subject.key.digest_texts(f"brin|{brin}" for brin in POSSIBLE_SCHOOL_CODES)
    there = {*schools}
    known = [(brin, digest) for brin, digest in zip(POSSIBLE_SCHOOL_CODES, digests, strict=True) if digest in there]
    brins, pseudonyms = [brin for brin, _ in known], [digest for _, digest in known]
    return driver_frame(spark, {"brin": pa.array(brins, pa.string()), "digest": pa.array(pseudonyms, pa.binary())})
