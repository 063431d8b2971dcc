"""The first pass over new files: every row without a fault goes straight into the results.

Nobody reads a batch before the ledger has its lines. Of a file with anything else (a row refused or not kept,
a number mended, a date of birth in part, a result twice) only that is learnt here; `scrutiny` looks at its
lines.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from cohort import delta
from cohort.erasure import excluded_pupils
from cohort.ingestion import file_accounting, row_validation, text_scan
from cohort.ingestion.discovery import NumberedFile
from cohort.ingestion.file_accounting import FileCounts
from cohort.ingestion.run_context import IngestionContext
from cohort.ingestion.validation_rules import MENDED, PARTIAL
from cohort.legal_basis import consent_suppression
from cohort.results import results_store
from cohort.states import materialised_frames
from cohort.states.schemas import DELIVERY_NUMBER

Watch = Callable[[DataFrame], DataFrame]


@dataclass(frozen=True)
class Sifted:
    """Per delivery what of it stands in the results; the deliveries that must be looked at line by line.

    `rows` are those in the results.
    """

    counts: dict[int, FileCounts]
    suspects: frozenset[int]
    rows: DataFrame


def ruled(
    intake: IngestionContext, delivered: DataFrame, typed: Watch = materialised_frames.break_codegen
) -> DataFrame:
    """Delivered rows held against every rule of a single row, and against objections and consents.

    Takes: what is to be done with the rows in between, as `quality.judge` does.
    Gives: rows as `quality.judge` does, with `_objected`, without special-category values that nobody may
    keep.
    """
    judged = row_validation.validate_rows(
        delivered.sparkSession,
        delivered,
        intake.catalogue,
        intake.now.date(),
        intake.changes.newest_numbers,
        intake.platform.intake.rules.row_warnings,
        typed,
    )
    return consent_suppression.suppress_values_at_intake(
        excluded_pupils.mark_rows_of_listed_pupils(judged, intake.objections), intake.consents
    )


def sift(spark: SparkSession, intake: IngestionContext, readable: list[NumberedFile], batch: int) -> Sifted:
    """Read the new files, write their good rows as the batch, and count what was written.

    Takes: the files that can be read, and the number of the batch: nothing stands under it yet.
    """
    lines = sum(file.rows for _, file in readable)
    parts = results_store.data_file_count(spark, lines)
    seen = Observation()

    def watched(typed: DataFrame) -> DataFrame:
        mended = F.expr(f"collect_set(case when {MENDED} or {PARTIAL} then {DELIVERY_NUMBER} end) as mended")
        return typed.coalesce(parts).observe(seen, mended, F.expr("count(1) as rows"))

    kept = ruled(intake, text_scan.scan_text_files(spark, readable, intake.formats), watched)
    good = row_validation.select_accepted(kept.where(f"{excluded_pupils.OBJECTED_COLUMN} is null"), batch)
    delta.append_rows(good, intake.zones.results, f"batch {batch}")
    rows = results_store.read_current_results(spark, intake.zones, (batch,))
    with ThreadPoolExecutor(1) as beside:  # neither waits for what the other plans
        repeating = beside.submit(_repeating, rows)
        counts = file_accounting.sifted(rows, intake.platform.intake.rules.row_warnings)
    short = {number for number, file in readable if counts.get(number, FileCounts()).delivered != file.rows}
    if seen.get["rows"] != lines:  # Spark sees other rows than we do: no file is clean until it is looked at
        short = {number for number, _ in readable}
    return Sifted(counts, frozenset(seen.get["mended"]) | short | repeating.result(), rows)


def holding(rows: DataFrame, pupils: DataFrame) -> frozenset[int]:
    """The deliveries with rows of some pupils (`pgn`). An action."""
    return _deliveries(rows.join(pupils.select("pgn").distinct(), "pgn", "left_semi"))


def _repeating(rows: DataFrame) -> frozenset[int]:
    """The deliveries that may give a result twice: two rows with one hash. An action."""
    key = row_validation.result_hash("bron_result_key", "schooljaar", DELIVERY_NUMBER)
    times = F.expr("count(1) as n"), F.expr(f"max({DELIVERY_NUMBER}) as {DELIVERY_NUMBER}")
    return _deliveries(rows.selectExpr(DELIVERY_NUMBER, f"{key} as key").groupBy("key").agg(*times).where("n > 1"))


def _deliveries(rows: DataFrame) -> frozenset[int]:
    found: Any = rows.select(DELIVERY_NUMBER).distinct().toArrow()
    return frozenset(found[DELIVERY_NUMBER].to_pylist())
