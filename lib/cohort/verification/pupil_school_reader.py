"""Which pupil has selected results at which school, under keyed hashes: the verifier's one pass over the results.

`control_column_check` compares these pairs with what a stage claims. They do not depend on the stage: a release reads
them while the driver searches for classes, `verify` when it comes to them. The pairs stay in Spark; only counts come to
the driver.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from cohort.storage import StoragePath, parquet_source, store_of
from cohort.verification.instruction_check import InstructedSites
from cohort.verification.objection_check import excluded_pupils_frame
from cohort.verification.permission_reader import UsagePermissions, read_usage_permissions
from cohort.verification.pseudonym_check import pseudonym_sql
from cohort.verification.result_selection import driver_frame, is_selected, read_release_results
from cohort.verification.verification_subject import ReleaseSources

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
POSSIBLE_SCHOOL_CODES = tuple(f"{n:02d}{a}{b}" for n in range(100) for a in LETTERS for b in LETTERS)
"""All codes that a school can have: hashing them is cheaper than a pass over the results to list the schools."""
JOB_GROUP = "verifier reads results"

# Pupils and schools are whole numbers until each is hashed once, and a hash is reduced to 128 bits, as two whole
# numbers: cheaper to look up than 32 bytes.
DISTINCT_STATEMENT = """
SELECT pgn, number, max(has_instruction) AS has_instruction FROM (
    SELECT /*+ BROADCAST(schools) */ try_cast(selected.pgn AS int) AS pgn, schools.number,
        if(coalesce(by_default <> array_contains(exceptions, vestiging), false), 1, 0) AS has_instruction
    FROM {selected} AS selected LEFT JOIN {schools} AS schools ON selected.brin = schools.brin
) GROUP BY pgn, number
"""

HASHED_SCHOOLS_STATEMENT = f"""
SELECT number, xxhash64(school) AS s, xxhash64('q', school) AS t FROM (
    SELECT number, {pseudonym_sql("brin", "brin")} AS school FROM {{schools}} CROSS JOIN {{keyed}}
)
"""

PAIRS_STATEMENT = f"""
SELECT /*+ REPARTITION(p) */ xxhash64(pupil) AS p, xxhash64('q', pupil) AS q, s, t, has_instruction, is_excluded FROM (
    SELECT /*+ BROADCAST(keyed, excluded, schools) */
        {pseudonym_sql("pgn", "lpad(cast(pairs.pgn AS string), 9, '0')")} AS pupil, s, t,
        has_instruction = 1 AS has_instruction, excluded.pgn IS NOT NULL AS is_excluded
    FROM {{pairs}} AS pairs CROSS JOIN {{keyed}} AS keyed
        LEFT JOIN {{excluded}} AS excluded ON pairs.pgn = excluded.pgn
        LEFT JOIN {{schools}} AS schools ON pairs.number = schools.number
)
"""


@dataclass(frozen=True, eq=False)
class PupilSchools:
    """The pairs of a pupil and a school in the selected results of a release, and their counts.

    Args:
        frame: per pupil and school once `p`, `q` (the pupil), `s`, `t` (the school), `has_instruction` (whether some
            result there is of a site that instructed us) and `is_excluded` (whether the pupil may not be in the
            release); cached, partitioned by `p`.
        permissions: what the lists said when they were read.
        rows: all rows of the results, selected or not.
        pupils: pupils with selected results.
        without_instruction: of these, pupils none of whose schools instructed us.
        excluded: of the others, pupils who may not be in the release.
    """

    frame: DataFrame
    permissions: UsagePermissions = field(repr=False)
    rows: int
    pupils: int
    without_instruction: int
    excluded: int

    def unpersist(self) -> None:
        """Release the cached frame."""
        self.frame.unpersist()


class EarlyReading:
    """The pairs of one release, read in a thread of their own from the moment that somebody asks for it."""

    def __init__(self, spark: SparkSession, sources: ReleaseSources, threads: ThreadPoolExecutor) -> None:
        self._spark, self._sources, self._threads = spark, sources, threads
        self._reading: Future[PupilSchools] | None = None

    def start(self) -> None:
        """Begin to read; the caller goes on."""
        self._reading = self._threads.submit(self._read)

    def result(self) -> PupilSchools | None:
        """Wait for the pairs; None where nobody started the reading.

        Raises:
            Refusal: what `read_usage_permissions` refuses.
        """
        return None if self._reading is None else self._reading.result()

    def discard(self) -> None:
        """Stop the reading if it runs, and release what was read."""
        if self._reading is not None and not self._reading.cancel():
            self._spark.sparkContext.cancelJobGroup(JOB_GROUP)
            if self._reading.exception() is None:
                self._reading.result().unpersist()

    def _read(self) -> PupilSchools:
        self._spark.sparkContext.setJobGroup(JOB_GROUP, JOB_GROUP, interruptOnCancel=True)
        return read_pupil_schools(self._spark, self._sources, read_usage_permissions(self._sources))


@contextmanager
def read_pupil_schools_early(spark: SparkSession, sources: ReleaseSources) -> Iterator[EarlyReading]:
    """A context in which the pairs of a release may be read beside other work; at its end nothing of them is left.

    Args:
        spark: the session.
        sources: what the release is made from.
    """
    with ThreadPoolExecutor(1) as threads:
        early = EarlyReading(spark, sources, threads)
        try:
            yield early
        finally:
            early.discard()


def read_pupil_schools(spark: SparkSession, sources: ReleaseSources, permissions: UsagePermissions) -> PupilSchools:
    """Read the pairs of one release; one Spark action, which fills the cache.

    Args:
        spark: the session.
        sources: what the release is made from.
        permissions: what the lists say.
    """
    results = read_release_results(spark, sources)
    schools, keyed = _schools_frame(spark, permissions.instructed), sources.key.key_frame(spark)
    selected = results.where(is_selected(sources.project)).select("pgn", "brin", "vestiging")
    excluded = excluded_pupils_frame(spark, permissions.excluded, results)
    pairs = spark.sql(
        PAIRS_STATEMENT,
        pairs=spark.sql(DISTINCT_STATEMENT, selected=selected, schools=schools),
        schools=spark.sql(HASHED_SCHOOLS_STATEMENT, schools=schools, keyed=keyed),
        excluded=excluded.selectExpr("try_cast(pgn AS int) AS pgn").distinct(),
        keyed=keyed,
    ).persist()
    # Not by spark.sql: a frame that a statement names is not looked for among the cached ones.
    pupils = pairs.groupBy("p", "q").agg(
        F.max("has_instruction").alias("instructed"), F.max("is_excluded").alias("excluded")
    )
    counts = pupils.agg(
        F.count(F.lit(1)).alias("pupils"),
        F.count_if(~F.col("instructed")).alias("without_instruction"),
        F.count_if(F.col("instructed") & F.col("excluded")).alias("excluded"),
    ).first()
    if counts is None:
        raise RuntimeError("an aggregate without a row")
    return PupilSchools(pairs, permissions, _count_rows(sources.results, results), **counts.asDict())


def _count_rows(table: StoragePath, frame: DataFrame) -> int:
    """Count the rows of a table's files by their footers."""
    files = map(store_of(table).path_of_url, frame.inputFiles())
    return sum(pq.read_metadata(parquet_source(file)).num_rows for file in files)


def _schools_frame(spark: SparkSession, instructed: InstructedSites) -> DataFrame:
    """Return every code that a school can have, with its number, and which of its sites instructed us.

    Returns:
        Columns `brin`, `number`, `by_default` (whether sites that no line names instructed us; null for a school
        without an instruction) and `exceptions` (the sites for which it is otherwise).
    """
    answers = [
        instructed.default_and_exceptions(code) if code in instructed.sites else (None, [])
        for code in POSSIBLE_SCHOOL_CODES
    ]
    return driver_frame(
        spark,
        {
            "brin": pa.array(POSSIBLE_SCHOOL_CODES, pa.string()),
            "number": pa.array(range(len(POSSIBLE_SCHOOL_CODES)), pa.int32()),
            "by_default": pa.array([default for default, _ in answers], pa.bool_()),
            "exceptions": pa.array([exceptions for _, exceptions in answers], pa.list_(pa.string())),
        },
    )
